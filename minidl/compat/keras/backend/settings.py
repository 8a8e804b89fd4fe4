"""``keras.backend``: what holds for the whole program: epsilon, the element type, the order of image axes, names, the mode."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.names import forget
from minidl.errors import ArgumentError

_ORDERS = {"channels_last": "tf", "channels_first": "th"}
_uids: Counter[str] = Counter()
_phase: int | None = None


def backend() -> str:
    """``"tensorflow"``, whose rules of shapes and padding hold here; scripts ask for it to choose between two writings."""
    return "tensorflow"


def on_gpu() -> bool:
    """Whether minidl computes on a GPU."""
    return config.backend() != "numpy"


def epsilon() -> float:
    """What keeps logarithms finite, 1e-7."""
    return config.epsilon()


def set_epsilon(e: float) -> None:
    """Set it. Raises ArgumentError unless 0 < e < 1."""
    config.set_epsilon(float(e))


def floatx() -> str:
    """The element type of weights, ``"float32"`` or ``"float64"``."""
    return config.dtype()


def set_floatx(floatx: str) -> None:
    """Set the element type of weights made from now on. Raises ArgumentError for float16, in which minidl does not train."""
    config.set_dtype(str(floatx))


def cast_to_floatx(x: Any) -> np.ndarray:
    """x as an array of that type.

    >>> cast_to_floatx([1, 2]).dtype
    dtype('float32')
    """
    return np.asarray(x, dtype=config.dtype())


def image_data_format() -> str:
    """``"channels_last"`` or ``"channels_first"``."""
    return config.data_format()


def set_image_data_format(data_format: str) -> None:
    """Set the order of image axes of layers made from now on."""
    config.set_data_format(str(data_format))


def image_dim_ordering() -> str:
    """As Keras 1 calls it: ``"tf"`` or ``"th"``."""
    return _ORDERS[config.data_format()]


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set it. Raises ArgumentError for anything but ``"tf"`` and ``"th"``."""
    found = {old: today for today, old in _ORDERS.items()}.get(dim_ordering)
    if found is None:
        raise ArgumentError("K.set_image_dim_ordering", repr(dim_ordering), "'tf' or 'th'")
    config.set_data_format(found)


def get_uid(prefix: str = "") -> int:
    """1, 2, 3 ... for each prefix."""
    _uids[prefix] += 1
    return _uids[prefix]


def reset_uids() -> None:
    """Count from 1 again, names of layers too."""
    _uids.clear()
    forget()


def clear_session() -> None:
    """Forget names and the mode that was set; models are forgotten with their last reference, as no graph keeps them."""
    global _phase
    _phase = None
    reset_uids()


def manual_variable_initialization(value: bool) -> None:
    """Weights have their values as soon as they are made: there is nothing to switch off."""
    if value:
        fix = "leave the call out: weights have values as soon as they are made"
        raise ArgumentError("K.manual_variable_initialization", "True", "False", fix)


def learning_phase() -> int:
    """The mode that ``set_learning_phase`` set, 1 in training and 0 else; 0 where nothing was set.

    In ``K.function([..., K.learning_phase()], ...)`` it stands for the mode that the function is called with.
    """
    return 0 if _phase is None else _phase


def set_learning_phase(value: Any) -> None:
    """Set the mode of what is computed by ``K.function`` without one; see ``fixed_phase`` for training and prediction."""
    global _phase
    if value not in (0, 1):
        raise ArgumentError("K.set_learning_phase", repr(value), "0 or 1")
    _phase = int(value)


def fixed_phase() -> int | None:
    """The mode that a script has set; None where it has not."""
    return _phase


def check_phase(what: str, training: bool) -> None:
    """Raise ArgumentError for a training or prediction in the mode of the other, which a script has asked for.

    ``set_learning_phase(0)`` before ``predict`` and ``set_learning_phase(1)`` before ``fit`` ask for what happens anyway.
    """
    if _phase is not None and bool(_phase) != training:
        received = f"K.set_learning_phase({_phase})"
        fix = f"K.clear_session(), or K.set_learning_phase({int(training)}), before {what}"
        raise ArgumentError(what, received, f"the mode of {what}, which is {int(training)}", fix)


__all__ = [name for name, found in globals().items() if getattr(found, "__module__", "") == __name__ and name[0] != "_"]
