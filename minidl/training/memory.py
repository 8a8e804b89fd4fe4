"""Out of memory, said in words: which layer, which batch, how many bytes; and the memory is free for a smaller batch."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from minidl import backend as backends
from minidl.errors import OutOfMemoryError
from minidl.layers.base import Layer

Result = TypeVar("Result")


def explain_out_of_memory(compute: Callable[..., Result], samples: int, *args: Any) -> Result:
    """``compute(*args)``; a MemoryError in it becomes an OutOfMemoryError.

    The error is raised anew, outside of the frames that failed: they hold the arrays that filled the memory.
    """
    try:
        return compute(*args)
    except MemoryError as error:
        where, received = _innermost_layer(error.__traceback__), " ".join(str(error).split()).rstrip(".")
    backends.current().release()
    smaller = f"batch_size={max(samples // 2, 1)}, a smaller model, or float32 in place of float64"
    raise OutOfMemoryError(where, f"a batch of {samples} samples, and memory ran out ({received})", fix=smaller)


def _innermost_layer(trace: TracebackType | None) -> str:
    """The label of the last layer (not a container of others) on the way to the error; else where in training it was."""
    name = "the training step"
    while trace is not None:
        owner: Any = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, Layer):
            name = owner.label
        trace = trace.tb_next
    return name
