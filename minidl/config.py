"""The only global state, dtype, epsilon, data format, device, kernels, threads: getters, setters, context managers.

``set_dtype("float64")`` holds for the whole process; ``with use_dtype("float64"):`` for the block and the thread it runs in.

>>> dtype()
'float32'
>>> with use_dtype("float64"):
...     dtype()
'float64'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minidl.errors import ArgumentError, ArgumentTypeError, closest
from minidl.profile import KERAS_3, PROFILES, Profile

_last_set = object()  # another object after each ``set``
_block: ContextVar[Any] = ContextVar("block", default=None)  # another object since each beginning and end of a ``use``


def state() -> tuple[object, object]:
    """What stands for all settings, as this thread sees them here: equal as long as none is another. It is quick."""
    return _last_set, _block.get()


class _Setting:
    """One process-wide value with a thread-local override."""

    def __init__(self, name: str, default: Any, check: Callable[[Any], Any]) -> None:
        self.name, self.value, self.check = name, check(default), check
        self.override: ContextVar[Any] = ContextVar(name, default=None)

    def get(self) -> Any:
        override = self.override.get()
        return self.value if override is None else override

    def set(self, value: Any) -> None:
        global _last_set
        self.value = self.check(value)
        _last_set = object()

    @contextmanager
    def use(self, value: Any) -> Iterator[None]:
        token = self.override.set(self.check(value))
        _block.set(object())
        try:
            yield
        finally:
            self.override.reset(token)
            _block.set(object())  # not the one from before: blocks of generators may end in any order


def _one_of(name: str, *choices: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        value = getattr(value, "__name__", None) or getattr(value, "name", None) or value  # np.float32, np.dtype("f4")
        if value not in choices:
            meant = closest(value, choices)
            raise ArgumentError(f"minidl.config.{name}", repr(value), " or ".join(map(repr, choices)), meant=meant)
        return value

    return check


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ArgumentError("minidl.config.epsilon", repr(value), "a number between 0 and 1")
    return float(value)


def _checked_profile(value: Any) -> Profile:
    """A Profile, or the one of this name."""
    if isinstance(value, Profile):
        return value
    if value not in PROFILES:
        known = " or ".join(map(repr, PROFILES))
        raise ArgumentError("minidl.config.profile", repr(value), f"{known}, or a Profile", meant=closest(value, PROFILES))
    return PROFILES[value]


def _team_at_start() -> int:
    """NUMBA_NUM_THREADS where it is set, else the cores that may be used: how Numba decides it too."""
    given = os.environ.get("NUMBA_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _number_of_threads(value: Any) -> int:
    expected, fix = f"an integer from 1 to {_team}, the threads there are", "more: NUMBA_NUM_THREADS before Python starts"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentTypeError("minidl.set_threads", f"{value!r} of type {type(value).__name__}", expected)
    if not 1 <= int(value) <= _team:
        raise ArgumentError("minidl.set_threads", repr(value), expected, fix)
    return int(value)


def _threads_at_start() -> int:
    """What the variable MINIDL_THREADS says, or all there are."""
    given = os.environ.get("MINIDL_THREADS", "")
    if not given:
        return _team
    if not given.isdecimal() or not 1 <= int(given) <= _team:
        fix = "unset MINIDL_THREADS"
        raise ArgumentError("MINIDL_THREADS", repr(given), f"an integer from 1 to {_team}, the threads there are", fix)
    return int(given)


_team = _team_at_start()
_dtype = _Setting("dtype", "float32", _one_of("dtype", "float32", "float64"))
_epsilon = _Setting("epsilon", 1e-7, _positive)
_data_format = _Setting("data_format", "channels_last", _one_of("data_format", "channels_last", "channels_first"))
_backend = _Setting("backend", "numpy", _one_of("backend", "numpy", "cupy"))
_precision = _Setting("precision", "float32", _one_of("precision", "float32", "tf32", "bf16"))
_graphs = _Setting("graphs", os.environ.get("MINIDL_GRAPHS", "auto"), _one_of("graphs", "auto", "off", "on"))
_kernels = _Setting("kernels", os.environ.get("MINIDL_KERNELS", "auto"), _one_of("kernels", "auto", "reference"))
_profile = _Setting("profile", KERAS_3, _checked_profile)
_convolution = _Setting("convolution", os.environ.get("MINIDL_CONVOLUTION", "fast"), _one_of("convolution", "fast", "direct"))
_tuning = _Setting("tuning", os.environ.get("MINIDL_TUNING", "measured"), _one_of("tuning", "measured", "fixed"))
_threads = _Setting("threads", _threads_at_start(), _number_of_threads)


def dtype() -> str:
    """The element type of new parameters, and of arrays after input validation: ``"float32"`` or ``"float64"``."""
    return _dtype.get()


def set_dtype(value: Any) -> None:
    """Set the element type of layers built from now on. Raises ArgumentError for anything but float32 and float64."""
    _dtype.set(value)


def use_dtype(value: Any) -> Any:
    """Context manager: the element type inside the block."""
    return _dtype.use(value)


def epsilon() -> float:
    """The small number that keeps logarithms and divisions finite, 1e-7 as in Keras."""
    return _epsilon.get()


def set_epsilon(value: float) -> None:
    """Set epsilon. Raises ArgumentError unless 0 < value < 1."""
    _epsilon.set(value)


def use_epsilon(value: float) -> Any:
    """Context manager: epsilon inside the block."""
    return _epsilon.use(value)


def data_format() -> str:
    """Order of image axes for layers that do not say: ``"channels_last"`` (n, h, w, c) or ``"channels_first"``."""
    return _data_format.get()


def set_data_format(value: str) -> None:
    """Set the order of image axes for layers constructed from now on."""
    _data_format.set(value)


def use_data_format(value: str) -> Any:
    """Context manager: the order of image axes inside the block."""
    return _data_format.use(value)


def backend() -> str:
    """Name of the array library in use: ``"numpy"`` or ``"cupy"``. Set it with ``minidl.set_backend``."""
    return _backend.get()


def set_backend_name(value: str) -> None:
    """Record the backend's name; ``minidl.set_backend`` is the public way, which checks that the device is there."""
    _backend.set(value)


def use_backend_name(value: str) -> Any:
    """Context manager: the backend's name inside the block; ``minidl.use_backend`` is the public way."""
    return _backend.use(value)


def precision() -> str:
    """How the factors of matrix products are rounded on a GPU: ``"float32"`` not at all; ``"tf32"`` or ``"bf16"``: for its
    tensor cores. ``compile(precision=...)`` sets it for a model's training."""
    return _precision.get()


def use_precision(value: Any) -> Any:
    """Context manager: the precision of matrix products inside the block."""
    return _precision.use(value)


def graphs() -> str:
    """``"auto"``, the default: training steps are recorded and replayed; ``"off"``: they run op by op.

    Recorded are those that can be, with the same results: see ``backend/tape.py`` and, for the GPU, ``backend/graphs.py``. On a
    GPU ``"on"`` also records steps with layers, losses or optimizers of your own.
    """
    return _graphs.get()


def set_graphs(value: str) -> None:
    """Switch recorded steps on or off before ``compile`` (the variable MINIDL_GRAPHS sets it at start)."""
    _graphs.set(value)


def use_graphs(value: str) -> Any:
    """Context manager: recorded steps on or off for models that make their first step inside the block."""
    return _graphs.use(value)


def kernels() -> str:
    """``"auto"``: an op runs its kernel where there is one; ``"reference"``: always the readable reference."""
    return _kernels.get()


def set_kernels(value: str) -> None:
    """Choose between kernels and references (the variable MINIDL_KERNELS sets it at start)."""
    _kernels.set(value)


def use_kernels(value: str) -> Any:
    """Context manager: ``use_kernels("reference")`` runs the references, to compare with or to read along."""
    return _kernels.use(value)


def profile() -> Profile:
    """The defaults that constructors read: today's Keras's, unless another profile was set."""
    return _profile.get()


def set_profile(value: Any) -> None:
    """Set the profile, ``"keras-3"``, ``"keras-2.1"`` or a ``Profile``, for objects made from now on."""
    _profile.set(value)


def use_profile(value: Any) -> Any:
    """Context manager: the profile inside the block."""
    return _profile.use(value)


def convolution() -> str:
    """``"fast"``: Winograd's algorithm where it is quicker, whose rounding errors are some times those of a sum;
    ``"direct"``: every convolution on the CPU is summed as it is defined. docs/derivations/fast_convolution.md has the bounds.
    """
    return _convolution.get()


def set_convolution(value: str) -> None:
    """Choose how convolutions are computed (the variable MINIDL_CONVOLUTION sets it at start)."""
    _convolution.set(value)


def use_convolution(value: str) -> Any:
    """Context manager: how convolutions are computed inside the block."""
    return _convolution.use(value)


def tuning() -> str:
    """How kernels choose sizes of their work: ``"measured"`` on this machine, or ``"fixed"``, from a table. Same results."""
    return _tuning.get()


def set_tuning(value: str) -> None:
    """Choose how kernels choose (the variable MINIDL_TUNING sets it at start)."""
    _tuning.set(value)


def use_tuning(value: str) -> Any:
    """Context manager: how kernels choose inside the block."""
    return _tuning.use(value)


def threads() -> int:
    """How many threads kernels and BLAS may use. Set it with ``minidl.set_threads``."""
    return _threads.get()


def set_number_of_threads(value: int) -> None:
    """Record the number; ``minidl.set_threads`` is the public way, which tells kernels and BLAS."""
    _threads.set(value)


def team() -> int:
    """The most threads there can be."""
    return _team


def settle_team(number: int) -> None:
    """The team of ``number`` threads has started, and will not grow."""
    global _team, _last_set
    _threads.value = number if _threads.value == _team else min(_threads.value, number)
    _team, _last_set = number, object()
