"""What every device offers, and which device an array lives on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from minidl.errors import ArgumentTypeError

Array = Any
"""An array of the active backend: ``numpy.ndarray`` on the CPU, ``cupy.ndarray`` on the GPU."""


class Backend(Protocol):
    """A place where arrays live. Everything above asks it for arrays and never asks which one it is."""

    name: str  # "numpy" or "cupy"
    xp: Any  # the array library: numpy or cupy
    array_type: Any
    precisions: tuple[str, ...]  # what ``compile(precision=...)`` may ask for
    kernels: str  # the package in which kernels of the ops are looked for
    task_size: int  # numbers of an ``ArrayTable`` that one task of a kernel takes
    immediate: bool  # whether Python may look at what stands in an array without waiting, and steps are never recorded

    @property
    def device(self) -> str:
        """One line for people: which device and which library."""

    def asarray(self, x: Any, dtype: Any = None, where: str = "x") -> Array:
        """``x`` as an array of this device; see ``host_array`` for what is refused."""

    def to_numpy(self, x: Array) -> np.ndarray:
        """``x`` as a NumPy array (a copy where it lives on another device)."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Uninitialised memory lent by the pool; it goes back when its last view dies."""

    def random_words(self, key: tuple[int, int], counter: tuple[int, int, int], count: int) -> Array:
        """``count`` uniform 32-bit words of the one random generator (see ``backend.random``)."""

    def contiguous(self, x: Array) -> Array:
        """``x`` in C order, itself where it already is."""

    def address(self, x: Array) -> int:
        """Where the first number of ``x`` stands in the device's memory."""

    def synchronize(self) -> None:
        """Wait until the device has finished what was asked of it."""

    def keep(self, arrays: Sequence[np.ndarray]) -> list[Array] | None:
        """A data set's arrays on the device, to take all batches from; None where it does not fit or is there already."""

    def sender(self) -> Callable[[np.ndarray], Array]:
        """A function that carries one batch after another to the device."""

    def recorder(self) -> Any:
        """What records steps and replays them (``graphs.py``, ``tape.py``), a new one for each model; None: nothing does."""

    def release(self) -> None:
        """Give memory that is not in use back to the operating system or the device."""


def host_array(x: Any, dtype: Any = None, where: str = "x") -> np.ndarray:
    """Anything array-like as a NumPy array of ``dtype`` (None: its own, in native byte order); the caller's is never changed.

    Booleans, integers, floats of any width, byte order, layout and stride are accepted.
    Raises ArgumentTypeError for complex, text, object, date and ragged input, and for masked arrays (whose mask would be lost).

    >>> host_array([[1, 2], [3, 4]], "float32")
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    expected = "real numbers in a rectangular array"
    masked = sys.modules.get("numpy.ma")  # 10 ms to load, and without it there are none
    if masked is not None and isinstance(x, masked.MaskedArray):
        raise ArgumentTypeError(where, "a masked array", expected, "fill the gaps: x.filled(value)")
    if not isinstance(x, np.ndarray) and getattr(x, "requires_grad", False) is True:
        fix = "x.detach(), or x.detach().cpu() on a GPU"
        raise ArgumentTypeError(where, f"a {type(x).__name__} that requires grad", "an array without a gradient", fix)
    if not isinstance(x, np.ndarray) and hasattr(x, "__cuda_array_interface__"):
        fix = "x.get() (CuPy), x.cpu() (PyTorch), or minidl.set_backend('cupy')"
        raise ArgumentTypeError(where, "an array on the GPU", "an array of the active backend (numpy)", fix)
    try:
        array = np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ArgumentTypeError(where, f"a {type(x).__name__} NumPy cannot stack ({error})", expected, _unstacked(x)) from None
    if array.dtype.kind not in "biuf":
        raise ArgumentTypeError(where, f"{type(x).__name__} of dtype {array.dtype}", expected, _numbers_fix(array))
    target = np.dtype(dtype) if dtype is not None else array.dtype.newbyteorder("=")
    if array.dtype == target and array.dtype.isnative:
        return array
    with np.errstate(all="ignore"):  # what a type cannot hold becomes infinite or zero, whatever the program set with np.seterr
        return array.astype(target)


def _unstacked(x: Any) -> str:
    """The next thing to try where NumPy makes no array of ``x``."""
    if hasattr(x, "detach"):
        return "x.detach().float().cpu()"
    if isinstance(x, (list, tuple)) and any(getattr(item, "requires_grad", False) is True for item in x):
        return "[item.detach() for item in x]"
    return "pad or cut the rows to one length"


def _numbers_fix(array: np.ndarray) -> str:
    """The next thing to try for an array of anything but real numbers."""
    if array.dtype.kind == "c":
        return "x.real, x.imag or abs(x)"
    if array.dtype.kind in "UST" or (array.dtype.kind == "O" and array.size and isinstance(array.flat[0], str)):
        labels = "classes, y = np.unique(y, return_inverse=True), if these are labels"
        return f"{labels}; x.astype('float32'), if these are numbers written as text"
    return "x.astype('float32'), if these are numbers"
