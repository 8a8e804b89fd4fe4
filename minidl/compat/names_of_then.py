"""Names that NumPy and Python themselves had in the days of Keras 2, and have dropped since: ``np.int``, ``time.clock``.

They are there while an old script runs, for its own files alone: libraries ask for some of them to see which NumPy they have.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import warn

NUMPY: dict[str, tuple[str, Any]] = {
    **{name: (name, kind) for name, kind in (("int", int), ("float", float), ("complex", complex), ("bool", bool))},
    **{name: (name, kind) for name, kind in (("object", object), ("str", str))},
    "long": ("int", int),
    "unicode": ("str", str),
    "float_": ("np.float64", np.float64),
    "complex_": ("np.complex128", np.complex128),
    "unicode_": ("np.str_", np.str_),
    "string_": ("np.bytes_", np.bytes_),
    **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), ("np.inf", np.inf)),
    "NINF": ("-np.inf", -np.inf),
    "NaN": ("np.nan", np.nan),
    "product": ("np.prod", np.prod),
    "cumproduct": ("np.cumprod", np.cumprod),
    "alltrue": ("np.all", np.all),
    "sometrue": ("np.any", np.any),
    "round_": ("np.round", np.round),
    "row_stack": ("np.vstack", np.vstack),
    "asscalar": ("a.item()", lambda a: a.item()),
}
"""How each is written today, and what it is."""

_before: list[Callable[[str], Any] | None] = []


def offer() -> None:
    """From here on old scripts find them."""
    _before.append(vars(np).get("__getattr__"))
    np.__getattr__ = _found  # type: ignore[method-assign]
    if not hasattr(time, "clock"):
        time.clock = _clock  # type: ignore[attr-defined]


def withdraw() -> None:
    """Everything is as it was before the last ``offer``."""
    before = _before.pop()
    if before is not None:
        np.__getattr__ = before  # type: ignore[method-assign]
    else:
        del np.__getattr__
    if not _before and getattr(time, "clock", None) is _clock:
        del time.clock  # type: ignore[attr-defined]


def _found(name: str) -> Any:
    """``np.name`` for names that NumPy does not have by itself."""
    if name in NUMPY and "site-packages" not in sys._getframe(1).f_code.co_filename:
        today, thing = NUMPY[name]
        warn(f"np.{name} is written {today} with NumPy of today", OldSpellingWarning)
        return thing
    ask = next((before for before in reversed(_before) if before not in (None, _found)), None)
    if ask is None:
        raise AttributeError(f"module 'numpy' has no attribute {name!r}", name=name, obj=np)
    return ask(name)


def _clock() -> float:
    """``time.clock()``, which Python had up to 3.7."""
    warn("time.clock() is written time.perf_counter() with Python of today", OldSpellingWarning)
    return time.perf_counter()
