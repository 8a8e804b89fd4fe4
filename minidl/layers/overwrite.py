"""New values for many parameters at once: all of them or none, whatever is raised meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from minidl import backend as backends
from minidl import interrupts
from minidl.backend import Array
from minidl.parameters import Parameter

_TRIES = 3  # at writing back: a signal or another thread can raise there once more


def overwrite(parameters: Sequence[Parameter], arrays: list[Array]) -> None:
    """Write each array into its parameter's own array.

    The arrays have the parameters' shapes, element types and device, and share no memory with them; the list is emptied.
    Ctrl-C waits for the end; after any other exception half-way the old values are written back, so that no mixture is
    ever left.
    """
    targets = [p.value for p in parameters]
    old = [copy_of(target) for target in targets]
    with interrupts.held():
        try:
            _write(targets, arrays)
        except BaseException:
            _write_back(targets, old)
            raise
        finally:
            old.clear()  # here, where Ctrl-C waits: Python ignores one that arrives while the pool takes memory back
            arrays.clear()


def copy_of(array: Array) -> Array:
    """A copy in memory that the pool lends: the system is not asked for fresh memory each time."""
    copy = backends.backend_of(array).empty(array.shape, array.dtype)
    copy[...] = array
    return copy


def _write(targets: Sequence[Array], arrays: Sequence[Array]) -> None:
    for target, array in zip(targets, arrays, strict=True):
        target[...] = array


def _write_back(targets: Sequence[Array], old: Sequence[Array]) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            return _write(targets, old)
        except BaseException:
            if attempt == _TRIES:
                raise
    return None
