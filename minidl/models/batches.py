"""Batches of a model whose ``Input`` says how many samples are in each: ``Input(shape, batch_size=16)``.

Arrays are looked at before their first batch moves: all batches must have that size, the last one too. What comes batch by
batch, a stream or an array for one step, is looked at as it comes, before its step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.data import ArrayData, StreamData
from minidl.errors import ArgumentError, ShapeError

_ANY = "Input(shape) without batch_size takes batches of any size"


def check_batch(where: str, size: int | None, count: int, fix: str = _ANY) -> None:
    """Raise ShapeError for a batch of ``count`` samples where a model's inputs declare another ``size``; None is any."""
    if size is not None and count != size:
        expected = f"batches of {size}, as the model's Input says"
        raise ShapeError(where, f"a batch of {count} samples", expected, fix)


def check_given(where: str, network: Any, x: Any) -> None:
    """``check_batch`` of what a model was called with, before it moves; x may have other faults, which are found later."""
    several = network.takes_many and isinstance(x, (tuple, list)) and len(x) == len(network.input_shape)
    first, shape = (x[0], network.input_shape[0]) if several else (x, network.input_shape)
    if hasattr(first, "__len__") and len(getattr(first, "shape", (0, *shape))) == 1 + len(shape):
        check_batch(where, network.declared_batch_size, len(first))


def size_of_batches(
    where: str,
    network: Any,
    data: ArrayData | StreamData | int,
    batch_size: int | None,
    batches: int | None = None,
    split: Any = 0,
) -> int | None:
    """The batch size for ``data``, or for so many samples: what the model's inputs declare, else ``batch_size``.

    Raises ArgumentError for another ``batch_size``, ShapeError for a last batch that is smaller, unless the first ``batches``
    of them, which are all that is asked for, are whole. ``split`` is the part of the data that was held back, for the fix.
    """
    size = network.declared_batch_size
    if size is None or isinstance(data, StreamData):  # each batch of a stream is looked at as it comes
        return batch_size
    count = data if isinstance(data, int) else len(data)
    if batch_size not in (None, size) and not count == size < batch_size:
        expected = f"{size}, as the model's Input says"
        raise ArgumentError(where, f"batch_size={batch_size}", expected, f"batch_size={size}, or leave it out")
    rest = count % size
    if rest and (batches is None or batches * size > count):
        received = f"{count} samples, of which the last batch would have {rest}"
        fix = f"a batch_size in Input that divides {count}, or the first {count - rest} samples: x[:{count - rest}]"
        if count < size:
            received, fix = f"{count} samples, fewer than a batch", _ANY
        if split:
            fix = f"validation_data, or a validation_split that leaves whole batches of {size} on both sides"
        raise ShapeError(where, received, f"whole batches of {size}, as the model's Input says", fix)
    return size


def each_of_size(network: Any, check: Callable[..., ArrayData]) -> Callable[..., ArrayData]:
    """``check`` of a stream's batch, and of its size where the inputs of ``network`` declare one."""

    def of_size(x: Any, y: Any, weight: Any, where: str, nan: str) -> ArrayData:
        piece = check(x, y, weight, where, nan)
        size = network.declared_batch_size
        check_batch(where, size, len(piece), f"Dataset.batch({size}, drop_remainder=True) leaves a smaller last batch out")
        return piece

    return of_size
