"""A stream of samples or batches, described step by step and made while it is used.

    data = Dataset.from_arrays(x, y).shuffle(10_000, seed=7).map(augment).batch(32).prefetch(2)
    model.fit(data, epochs=5)

Each step gives a new Dataset that knows the one before it; nothing is computed until somebody iterates. A Dataset can be
iterated any number of times, each time from the beginning. Iteration number e shuffles by the random numbers at the address
(seed, e), so that the same seed gives the same orders in every run, however often and from wherever it is iterated.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from minidl.backend.random import SHUFFLE, Stream, check_seed, new_stream
from minidl.checks import check_flag, check_integer
from minidl.data.convert import check_rows, to_host
from minidl.data.prefetch import mapped_in_order, prefetched
from minidl.errors import ArgumentTypeError, DataError, ShapeError, described

_ENDLESS = 1 << 32  # passes of an endless repetition within one iteration
_REPETITION = 40  # bits of an image's number below those that count its repetitions within one iteration


class Dataset:
    """Items in an order, made one after the other.

    Args:
        source: something that can be iterated any number of times, such as a list of samples or another library's data loader.

    Items for ``fit`` are batches: x, (x, y) or (x, y, sample_weight). A tuple or a dictionary groups arrays; anything else
    is one array.

    >>> data = Dataset(range(5)).map(lambda i: 10 * i).batch(2)
    >>> list(data), len(data)
    ([array([ 0, 10]), array([20, 30]), array([40])], 3)

    Raises ArgumentTypeError for an iterator or a generator, which can be gone through only once.
    """

    def __init__(self, source: Iterable[Any]) -> None:
        if callable(getattr(source, "__next__", None)):
            received = f"a {type(source).__name__}, which can be gone through only once"
            raise ArgumentTypeError(
                "Dataset", received, "an iterable, or a function", "Dataset.from_generator(function), without calling it"
            )
        if isinstance(source, tuple) and len(source) > 1 and all(getattr(item, "shape", ()) for item in source):
            received, fix = f"a tuple of {len(source)} arrays", "Dataset.from_arrays(x, y), whose items are samples"
            raise ArgumentTypeError("Dataset", received, "an iterable of items", fix)
        if not (hasattr(source, "__iter__") or hasattr(source, "__getitem__")):
            fix = "Dataset.from_generator(function)" if callable(source) else ""
            raise ArgumentTypeError("Dataset", described(source), "an iterable", fix)
        self._source: Any = source
        self._iterations = 0

    @staticmethod
    def from_arrays(x: Any, y: Any = None, sample_weight: Any = None) -> Dataset:
        """The samples of arrays: items x_i, (x_i, y_i) or (x_i, y_i, weight_i).

        Each of the three is an array (anything ``fit`` takes), or a tuple, list or dictionary of arrays.
        Raises DataError for different lengths, ArgumentTypeError for what is no array.

        >>> list(Dataset.from_arrays(np.arange(4), np.arange(4) % 2).batch(3))[1]
        (array([3]), array([1]))
        """
        if sample_weight is not None and y is None:
            raise ArgumentTypeError("Dataset.from_arrays", "sample_weight without y", "x, y and sample_weight")
        names, given = ("x", "y", "sample_weight"), (x, y, sample_weight)
        check_rows("Dataset.from_arrays", names, given)
        columns = tuple(
            _structure(item, f"Dataset.from_arrays: {name}") for name, item in zip(names, given) if item is not None
        )
        return _Arrays(columns[0] if y is None else columns)

    @staticmethod
    def from_generator(function: Callable[[], Iterable[Any]]) -> Dataset:
        """The items of ``function()``, which is called at the beginning of each iteration and gives a new iterator.

        >>> def squares():
        ...     for i in range(3):
        ...         yield i * i
        >>> list(Dataset.from_generator(squares).repeat(2))
        [0, 1, 4, 0, 1, 4]
        """
        if not callable(function):
            is_iterator = callable(getattr(function, "__next__", None))
            fix = "the generator function itself, without calling it" if is_iterator else ""
            raise ArgumentTypeError("Dataset.from_generator", described(function), "a function", fix)
        return _Function(function)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def map(self, function: Callable[..., Any], workers: int = 0) -> Dataset:
        """``function(item)`` for each item; a tuple's parts are passed one by one: ``function(x, y)``.

        With ``workers``, so many threads call it for several items at once; the results keep their order. That pays where it
        is NumPy or a kernel that works, or a file is waited for. The function must not change what its calls share.
        """
        if not callable(function):
            raise ArgumentTypeError("Dataset.map", described(function), "a function")
        return _Map(self, function, check_integer("Dataset.map", "workers", workers, low=0))

    def augment(self, augmentation: Any, seed: int | None = None, workers: int = 0) -> Dataset:
        """The images x of each item x or (x, y, ...) changed by an ``ImageAugmentation``, before or after ``batch``.

        What happens to an image depends on the seed, on the number of the iteration and on the image's row in the arrays;
        where items are not rows of arrays any more, on its position in the iteration. ``seed=None`` takes that of the
        augmentation. ``workers`` threads work in advance, as in ``map``.
        """
        if not callable(augmentation) or not hasattr(augmentation, "standardize"):
            raise ArgumentTypeError("Dataset.augment", described(augmentation), "an ImageAugmentation")
        seed = None if seed is None else check_seed(seed, "Dataset.augment")
        return _Augmented(self, augmentation, seed, check_integer("Dataset.augment", "workers", workers, low=0))

    def shuffle(self, buffer_size: int, seed: int | None = None) -> Dataset:
        """The items in random order, another one in each iteration.

        ``buffer_size`` items are held, and the next one is drawn from them: as many as there are items give a uniformly
        random order. ``seed=None`` continues the random numbers of ``minidl.set_seed``.
        """
        buffer_size = check_integer("Dataset.shuffle", "buffer_size", buffer_size)
        stream = new_stream() if seed is None else Stream(check_seed(seed, "Dataset.shuffle"), 0)
        return _Shuffle(self, buffer_size, stream)

    def batch(self, size: int, drop_remainder: bool = False) -> Dataset:
        """``size`` items stacked along a new first axis; a smaller last batch is left out with ``drop_remainder``."""
        size = check_integer("Dataset.batch", "size", size)
        return _Batched(self, size, check_flag("Dataset.batch", "drop_remainder", drop_remainder))

    def prefetch(self, count: int) -> Dataset:
        """Up to ``count`` items made in advance by a thread, which ends when the iteration ends, however it ends."""
        return _Prefetch(self, check_integer("Dataset.prefetch", "count", count))

    def repeat(self, count: int | None = None) -> Dataset:
        """The items ``count`` times, or without end; each time shuffled anew where the steps before shuffle."""
        return _Repeat(self, None if count is None else check_integer("Dataset.repeat", "count", count))

    def take(self, count: int) -> Dataset:
        """The first ``count`` items."""
        return _Take(self, check_integer("Dataset.take", "count", count, low=0))

    # -- iteration -----------------------------------------------------------------------------------------------------

    def iteration(self, number: int) -> Iterator[Any]:
        """The items of iteration ``number``: the same ones in the same order whenever it is asked for."""
        return iter(self._source)

    def __iter__(self) -> Iterator[Any]:
        number, self._iterations = self._iterations, self._iterations + 1
        return self.iteration(number)

    def __len__(self) -> int:
        if not hasattr(self._source, "__len__"):
            raise ArgumentTypeError("len(dataset)", "a Dataset whose number of items is not known", "one of known length")
        return len(self._source)

    def __bool__(self) -> bool:
        return True  # there being a Dataset, whatever its length

    def __repr__(self) -> str:
        length = self.length
        return f"<Dataset of {'an unknown number of' if length is None else length} items>"

    @property
    def length(self) -> int | None:
        """The number of items in an iteration; None where it is not known or there is no end."""
        try:
            return len(self)
        except TypeError:
            return None

    @property
    def has_single_samples(self) -> bool:
        """Whether items are surely samples: those of arrays before any ``batch``."""
        return self._rows is not None

    # -- for reordering without touching the items ---------------------------------------------------------------------

    _rows: Any = None  # the structure of arrays whose rows are the items, where they are
    _endless = False

    def _indices(self, number: int) -> Iterator[int]:
        """Which rows of the arrays the items of an iteration are."""
        raise NotImplementedError

    def _numbers(self, number: int) -> Iterator[Any] | None:
        """The row of each item, or the rows (n,) of each batch, of an iteration; None where items are no such rows."""
        return self._indices(number) if self._rows is not None else None


class _Step(Dataset):
    """A Dataset made from another one. Steps that only reorder pass indices on where items are rows of arrays."""

    reorders = False

    def __init__(self, before: Dataset) -> None:
        self._before, self._iterations = before, 0
        self._rows = before._rows if self.reorders else None
        self._endless = before._endless

    def __len__(self) -> int:
        return len(self._before)

    def iteration(self, number: int) -> Iterator[Any]:
        if self._rows is not None:
            return (_each(self._rows, partial(_row, i)) for i in self._indices(number))
        return self._items(self._before.iteration, number)

    def _indices(self, number: int) -> Iterator[int]:
        return self._items(self._before._indices, number)

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        """What becomes of the items, or of the indices, of ``before(number)``."""
        raise NotImplementedError


class _Arrays(Dataset):
    def __init__(self, rows: Any) -> None:
        self._rows, self._iterations = rows, 0
        lengths = {len(array) for array in _leaves(rows)}
        if len(lengths) > 1:
            raise DataError("Dataset.from_arrays", f"arrays of lengths {sorted(lengths)}", "equal numbers of samples")
        self._length = lengths.pop()

    def __len__(self) -> int:
        return self._length

    def iteration(self, number: int) -> Iterator[Any]:
        return (_each(self._rows, partial(_row, i)) for i in range(self._length))

    def _indices(self, number: int) -> Iterator[int]:
        return iter(range(self._length))


class _Function(Dataset):
    def __init__(self, function: Callable[[], Iterable[Any]]) -> None:
        self._function, self._iterations = function, 0
        self._source = None  # without a length

    def iteration(self, number: int) -> Iterator[Any]:
        items = self._function()
        if not hasattr(items, "__iter__") and not hasattr(items, "__getitem__"):
            received = f"a function that returns {described(items)}"
            raise ArgumentTypeError("Dataset.from_generator", received, "a function that returns an iterator, or yields")
        return iter(items)


class _Map(_Step):
    def __init__(self, before: Dataset, function: Callable[..., Any], workers: int = 0) -> None:
        super().__init__(before)
        self._function, self._workers = function, workers

    def _numbers(self, number: int) -> Iterator[Any] | None:
        return self._before._numbers(number)

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        with closing(_generator(before(number))) as items:
            yield from mapped_in_order(self._of_item, items, self._workers)

    def _of_item(self, item: Any) -> Any:
        return self._function(*item) if isinstance(item, tuple) else self._function(item)


class _Augmented(_Map):
    def __init__(self, before: Dataset, augmentation: Any, seed: int | None, workers: int) -> None:
        super().__init__(before, augmentation, workers)
        self._seed = seed

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        with closing(_generator(before(number))) as items:
            yield from mapped_in_order(self._of_item, self._addressed(items, number), self._workers)

    def _addressed(self, items: Iterator[Any], number: int) -> Iterator[Any]:
        """Each item with what decides about its images: the epoch, and the numbers of the images."""
        rows, position, seen = self._before._numbers(number), 0, Counter[int]()
        for item in items:
            images = item[0] if isinstance(item, tuple) else item
            if isinstance(images, (tuple, Mapping)):
                raise ArgumentTypeError("Dataset.augment", f"a {type(images).__name__} of arrays for x", "one array of images")
            single = np.ndim(images) == 3
            count = 1 if single else len(images)
            if rows is None:
                yield item, single, number, np.arange(position, position + count)
            else:
                indices = np.atleast_1d(next(rows)).tolist()
                repeated = []
                for index in indices:  # a row that comes again is changed anew
                    repeated.append(seen[index])
                    seen[index] += 1
                yield item, single, number, np.array(indices) + (np.array(repeated) << _REPETITION)
            position += count

    def _of_item(self, item: Any) -> Any:
        given, single, number, indices = item
        images = given[0] if isinstance(given, tuple) else given
        found = self._function(images[None] if single else images, seed=self._seed, epoch=number, indices=indices)
        found = found[0] if single else found
        return (found, *given[1:]) if isinstance(given, tuple) else found


class _Shuffle(_Step):
    reorders = True

    def __init__(self, before: Dataset, buffer_size: int, stream: Stream) -> None:
        super().__init__(before)
        self._buffer_size, self._stream = buffer_size, stream

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        draws = self._stream.generator(SHUFFLE, step=number)
        with closing(_generator(before(number))) as items:
            held = list(islice(items, self._buffer_size))
            for item in items:
                at = int(draws.integers(len(held)))
                yield held[at]
                held[at] = item
            for at in draws.permutation(len(held)):
                yield held[at]


class _Batched(_Step):
    def __init__(self, before: Dataset, size: int, drop_remainder: bool) -> None:
        super().__init__(before)
        self._size, self._drop_remainder = size, drop_remainder

    def __len__(self) -> int:
        return len(self._before) // self._size if self._drop_remainder else -(-len(self._before) // self._size)

    def _numbers(self, number: int) -> Iterator[Any] | None:
        return None if self._before._rows is None else self._grouped(self._before._indices(number))

    def _grouped(self, rows: Iterator[int]) -> Iterator[Any]:
        while batch := list(islice(rows, self._size)):
            yield np.array(batch)

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        rows = self._before._rows
        with closing(_generator(self._before._indices(number) if rows is not None else before(number))) as items:
            while batch := list(islice(items, self._size)):
                if len(batch) < self._size and self._drop_remainder:
                    return
                if rows is not None:  # all rows of a batch in one go
                    indices = np.array(batch)
                    yield _each(rows, partial(_row, indices))
                else:
                    yield _stacked(batch)


class _Prefetch(_Step):
    def __init__(self, before: Dataset, count: int) -> None:
        super().__init__(before)
        self._count = count

    def _numbers(self, number: int) -> Iterator[Any] | None:
        return self._before._numbers(number)

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        return prefetched(lambda: before(number), self._count)


class _Repeat(_Step):
    reorders = True

    def __init__(self, before: Dataset, count: int | None) -> None:
        super().__init__(before)
        self._count, self._endless = count, count is None or before._endless

    def __len__(self) -> int:
        if self._count is None:
            raise ArgumentTypeError("len(dataset)", "a Dataset without end", "one that ends", "take(count) behind repeat()")
        return self._count * len(self._before)

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        done, together = 0, self._count or _ENDLESS
        while self._count is None or done < self._count:
            any_item = False
            with closing(_generator(before(number * together + done))) as items:
                for item in items:
                    any_item = True
                    yield item
            if not any_item:  # an endless repetition of nothing would never come to an end
                return
            done += 1


class _Take(_Step):
    reorders = True

    def __init__(self, before: Dataset, count: int) -> None:
        super().__init__(before)
        self._count, self._endless = count, False

    def __len__(self) -> int:
        return self._count if self._before._endless else min(self._count, len(self._before))

    def _items(self, before: Callable[[int], Iterator[Any]], number: int) -> Iterator[Any]:
        with closing(_generator(before(number))) as items:
            yield from islice(items, self._count)


# -- items -------------------------------------------------------------------------------------------------------------


def _generator(items: Iterator[Any]) -> Any:
    """``items`` with a ``close`` that reaches whatever makes them: a thread must end with the loop over its items."""
    return items if hasattr(items, "close") else _Closable(items)


class _Closable:
    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)

    def close(self) -> None:
        """Nothing to end."""


def _structure(given: Any, where: str) -> Any:
    """Arrays in the tuples and dictionaries that they were given in."""
    if isinstance(given, Mapping):
        return {name: _structure(item, f"{where}[{name!r}]") for name, item in given.items()}
    if isinstance(given, tuple) or (isinstance(given, list) and any(isinstance(item, np.ndarray) for item in given)):
        return tuple(_structure(item, f"{where}[{i}]") for i, item in enumerate(given))
    array = to_host(given, where)
    if array.ndim == 0:
        raise ShapeError(where, "a single number", "one entry per sample")
    rows = array.view()
    rows.flags.writeable = False  # items are views, and a function in ``map`` must not change the caller's arrays
    return rows


def _each(structure: Any, function: Callable[[Any], Any]) -> Any:
    """``function`` of every array in a structure of tuples and dictionaries."""
    if isinstance(structure, tuple):
        return tuple(_each(item, function) for item in structure)
    if isinstance(structure, dict):
        return {name: _each(item, function) for name, item in structure.items()}
    return function(structure)


def _row(which: Any, array: np.ndarray) -> Any:
    """One row of an array, or the rows of a batch."""
    return array[which]


def _leaves(structure: Any) -> list[Any]:
    found: deque[Any] = deque()
    _each(structure, found.append)
    return list(found)


def _stacked(items: list[Any]) -> Any:
    """Items of one structure as a structure of arrays with a batch axis."""
    first = items[0]
    if isinstance(first, tuple):
        if not all(isinstance(item, tuple) and len(item) == len(first) for item in items):
            raise DataError("Dataset.batch", "items of different structure", "tuples of one length")
        return tuple(_stacked([item[i] for item in items]) for i in range(len(first)))
    if isinstance(first, Mapping):
        if not all(isinstance(item, Mapping) and item.keys() == first.keys() for item in items):
            raise DataError("Dataset.batch", "items of different structure", f"dictionaries with {', '.join(map(repr, first))}")
        return {name: _stacked([item[name] for item in items]) for name in first}
    arrays = [to_host(item, "Dataset.batch: an item") for item in items]
    for at, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            received = f"item {at} of a batch of shape {array.shape}, and item 0 of shape {arrays[0].shape}"
            raise ShapeError("Dataset.batch", received, "items of one shape", "map(function) that pads or cuts, before batch")
    return np.stack(arrays)
