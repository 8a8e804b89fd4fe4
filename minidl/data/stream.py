"""Batches that come one after the other: a Dataset, a generator, a Sequence, another library's data loader.

Each batch passes the same input validation as arrays do, before its step; a batch that does not fit raises an error that
names its number, and the model is then as after its last whole step.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.data.arrays import ArrayData, Batch
from minidl.data.dataset import Dataset
from minidl.data.split import class_weights
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError

Check = Callable[[Any, Any, Any, str, str], ArrayData]
"""The model's input validation of one batch: ``check(x, y, sample_weight, where, nan)``."""

_ARRAYS = ("__array__", "__array_interface__", "__cuda_array_interface__", "__dlpack__", "iloc", "toarray")


def is_stream(x: Any) -> bool:
    """Whether ``x`` gives batches, and is not itself an array or a list of arrays."""
    if type(x) is np.ndarray:
        return False
    if isinstance(x, Dataset):
        return True
    if isinstance(x, (list, tuple, Mapping, str, bytes, range, backends.current().array_type)):
        return False
    if any(hasattr(x, name) for name in _ARRAYS) or isinstance(x, type) or _is_buffer(x):
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and (hasattr(x, "__len__") or hasattr(x, "num_batches")))


def described_stream(x: Any) -> str:
    """What errors call a stream.

    >>> described_stream(iter(())), described_stream(Dataset([]))
    ('a tuple_iterator', 'a Dataset')
    """
    return "a Dataset" if isinstance(x, Dataset) else f"a {type(x).__name__}"


def refuse_beside_stream(where: str, x: Any, **given: Any) -> None:
    """Raise for what has no meaning beside a stream of batches: all that is given and neither None nor 0.

    ``where`` is the verb, the names are its arguments: ``refuse_beside_stream("fit", x, y=y, batch_size=batch_size)``.
    """
    for name, value in given.items():
        if value is None or (name == "validation_split" and value == 0):
            continue
        if name == "y":
            expected = "an array of all samples beside y, or a stream of batches (x, y) without y"
            raise ArgumentTypeError(f"{where}: x", f"{described_stream(x)} and y", expected)
        expected, fix = _INSTEAD[name]
        raise ArgumentError(f"{where}: {name}", f"{name} beside {described_stream(x)} of batches", expected, fix)


_INSTEAD = {
    "sample_weight": ("weights that come with each batch, as (x, y, sample_weight)", ""),
    "batch_size": ("batches as they come, or arrays", "Dataset.batch(size), or leave batch_size out"),
    "validation_split": ("validation_data, as a stream has no last part before its end", "validation_data=another stream"),
    "validation_batch_size": ("batches as they come, or arrays", "Dataset.batch(size), or leave validation_batch_size out"),
}


class StreamData:
    """Batches from ``source``, for the loops of ``fit``, ``evaluate`` and ``predict``.

    Args:
        source: what ``is_stream`` accepts. An iterator or generator goes on where it stands and ends for good; everything
            else begins anew with each pass. What has ``__getitem__`` and ``__len__``, as Keras's Sequence, is read by
            index, and its ``on_epoch_begin`` and ``on_epoch_end`` are called.
        check: the model's input validation for one batch.
        where: how errors begin, for example ``"fit"``.
        nan: ``"warn"``, ``"raise"`` or ``"ignore"``; after one warning the rest of the stream is not looked at.
        class_weight: weights by class, multiplied with those of the batch.
        classes: how many classes there are, for ``class_weight``.

    Attributes:
        once: whether it can be gone through only once.
        shuffles: the number of batches whose order may be shuffled: those of a Sequence; 0 for all other streams.
    """

    def __init__(
        self,
        source: Any,
        check: Check,
        *,
        where: str,
        nan: str = "warn",
        class_weight: Mapping[int, float] | None = None,
        classes: int | None = None,
    ) -> None:
        if isinstance(source, Dataset) and source.has_single_samples:
            raise ArgumentTypeError(f"{where}: x", "a Dataset of single samples", "a Dataset of batches", "x.batch(32)")
        self.source, self.check, self.where, self.nan = source, check, where, nan
        self.class_weight, self.classes = class_weight, classes
        self.once = callable(getattr(source, "__next__", None))
        self.indexed = not isinstance(source, Dataset) and not self.once and _is_sequence(source)
        self.shuffles = self._length() or 0 if self.indexed else 0
        self._first: tuple[int, Any, Generator[Any, None, None]] | None = None  # pass, first batch, others
        self._passes = 0
        self._senders: list[Callable[[np.ndarray], Array]] = []

    @property
    def name(self) -> str:
        """What errors call the stream."""
        return described_stream(self.source)

    def empty(self) -> DataError:
        """The error for a stream that has no batch, or none any more."""
        fix = "Dataset.from_generator(function), which begins again, if it was used before" if self.once else ""
        return DataError(self.where, f"{self.name} without batches", "at least one batch", fix)

    def steps(self, batch_size: int | None = None) -> int | None:
        """The number of batches in one pass; None where it is not known before the end."""
        return None if self.once else self._length()

    def first(self, number: int = 0) -> ArrayData:
        """The first batch of pass ``number``, checked, which builds a model that was not built; the pass still begins with it.

        Numbers that are not finite are left to the pass, unless ``nan="raise"``. Raises DataError for a stream without
        batches, and what ``check`` raises.
        """
        nothing = object()
        if self.indexed:
            item = self.source[0] if self._length() != 0 else nothing
        elif self._first is not None and (self.once or self._first[0] == number):
            item = self._first[1]
        else:
            self.close()
            items = self._items(number, None)
            item = next(items, nothing)
            self._first = number, item, items
        try:
            if item is nothing:
                raise self.empty()
            return self._checked(item, f"{self.where}: batch 1", "raise" if self.nan == "raise" else "ignore")
        except BaseException:
            self.close()
            raise

    def pieces(self, number: int = 0, order: np.ndarray | None = None) -> Generator[ArrayData, None, None]:
        """The batches of pass ``number``, each checked, on the host; those of a Sequence in the given order."""
        self._passes += 1
        of_pass = f"pass {self._passes}, " if self._passes > 1 else ""
        with closing(self._begun(number) or self._items(number, order)) as items:
            for index, item in enumerate(items):
                piece = self._checked(item, f"{self.where}: {of_pass}batch {index + 1}", self.nan)
                if self.class_weight is not None:
                    piece.weight = class_weights(piece.y, self.class_weight, piece.weight, self.classes)
                yield piece

    def send(self, piece: ArrayData) -> Batch:
        """A checked batch on the device."""
        return piece.whole(self._senders)

    def close(self) -> None:
        """End what ``first`` began, where no pass followed."""
        if self._first is not None:
            self._first[2].close()
            self._first = None

    def _begun(self, number: int) -> Generator[Any, None, None] | None:
        """The pass that ``first`` has begun, where it is this one."""
        if self._first is None or not (self.once or self._first[0] == number):
            self.close()
            return None
        _, item, items = self._first
        self._first = None
        return _after(item, items)

    def _length(self) -> int | None:
        if isinstance(self.source, Dataset):
            return self.source.length
        if self.indexed and hasattr(self.source, "num_batches"):
            return self.source.num_batches
        try:
            return len(self.source)
        except TypeError:  # no length, or an IterableDataset's loader that cannot tell
            return None

    def _items(self, number: int, order: np.ndarray | None) -> Generator[Any, None, None]:
        """What the source gives in pass ``number``."""
        source = self.source
        if self.once:  # left open: its owner may go on with it
            yield from _left_open(source)
        elif isinstance(source, Dataset):
            yield from source.iteration(number)
        elif self.indexed:
            getattr(source, "on_epoch_begin", _nothing)()
            length, index = self._length(), 0
            while length is None or index < length:
                yield source[index if order is None else int(order[index])]
                index += 1
            getattr(source, "on_epoch_end", _nothing)()
        else:
            yield from iter(source)

    def _checked(self, item: Any, where: str, nan: str) -> ArrayData:
        x, y, weight = _parts_of(item, where)
        try:
            piece = self.check(x, y, weight, where, nan)
        except ShapeError as error:
            raise _of_samples(error) from None
        piece.look_at_rest()
        if piece.warned:
            self.nan = "ignore"
        return piece


def _parts_of(item: Any, where: str) -> tuple[Any, Any, Any]:
    """x, y and weights of a batch; None for what it has not."""
    if not isinstance(item, (tuple, list)):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise ArgumentTypeError(where, f"{len(item)} parts", "x, (x, y) or (x, y, sample_weight)")
    x, y, weight = (*item, None, None)[:3]
    return x, y, weight


def _of_samples(error: ShapeError) -> ShapeError:
    """``error``, with the fix where a stream gives single samples instead of batches."""
    if "if this is a single sample" not in error.fix:
        return error
    return ShapeError(error.where, error.received, error.expected, "batches instead of single samples: Dataset(...).batch(32)")


def _after(first: Any, items: Generator[Any, None, None]) -> Generator[Any, None, None]:
    with closing(items):
        yield first
        yield from items


def _left_open(items: Iterator[Any]) -> Iterator[Any]:
    """The items, by hand: ``yield from`` would close the iterator together with the loop."""
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        yield item


def _is_sequence(source: Any) -> bool:
    """Whether batches are read by index: a Keras Sequence, or a class of the user's that looks like one."""
    if not hasattr(source, "__getitem__") or not (hasattr(source, "__len__") or hasattr(source, "num_batches")):
        return False
    return hasattr(source, "on_epoch_end") or not hasattr(source, "__iter__")


def _is_buffer(x: Any) -> bool:
    try:
        memoryview(x)
    except TypeError:
        return False
    return True


def _nothing() -> None:
    """What a Sequence without a method for the moment does."""
