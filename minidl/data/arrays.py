"""A data set held in arrays: validated once, handed out in batches, never changed and never copied as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_whole
from minidl.data.batches import Batch as Batch
from minidl.data.batches import Batches, as_it_is, largest_number, take
from minidl.data.convert import check_rows, to_host
from minidl.data.on_disk import OnDisk, is_on_disk
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError, closest, warn

_CHUNK = 1 << 22  # numbers looked at together when data is checked for NaN


class ArrayData:
    """Samples x, targets y and weights, of one length.

    Args:
        x: an array (n, ...), or a list, tuple or dictionary by name of arrays for a model with several inputs.
        y: targets (n, ...), or None; for a model with several outputs a list, tuple or dictionary by name.
        sample_weight: numbers (n, ...), or None; for several outputs also a list, tuple or dictionary, in which None means
            weights of 1. One array of weights is that of every output.
        input_shape: shape of one sample the model takes (a tuple of them for several inputs); None fits any length.
        dtype: of floating-point batches and of weights.
        input_dtypes: what each input becomes, where that is not ``dtype``: integers, for example.
        input_names: of several inputs, for dictionaries and errors.
        output_names: of several outputs; () for a model with one.
        untrained: the outputs that a dictionary of targets may leave out, which are None then.
        where: how errors begin, for example ``"fit"``.
        nan: ``"warn"`` or ``"raise"`` where x holds NaN, infinity or numbers that ``dtype`` cannot hold; ``"ignore"`` does
            not look. A warning of a large x comes before the first batch with such a number, as only then it is read.
        taken_by: gives the name of the layer that x goes to, for errors.

    Attributes:
        x: a tuple of arrays on the host; what reads its rows from a file stays there, see ``OnDisk``.
        y, weight: an array or None, or a tuple of them for several outputs.
        warned: whether a warning was given of numbers that are not finite.

    Raises ArgumentTypeError, ShapeError and DataError; the arrays are not changed.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        input_shape: Any,
        dtype: Any,
        input_dtypes: Sequence[Any] | None = None,
        input_names: Sequence[str] = (),
        output_names: Sequence[str] = (),
        untrained: Sequence[str] = (),
        where: str,
        nan: str = "warn",
        taken_by: Callable[[], str] = lambda: "the model",
    ) -> None:
        if nan not in ("warn", "raise", "ignore"):
            meant = closest(nan, ("warn", "raise", "ignore"))
            raise ArgumentError(where, f"nan={nan!r}", "'warn', 'raise' or 'ignore'", meant=meant)
        self.dtype, self.several, self.outputs = np.dtype(dtype), _several(input_shape), tuple(output_names)
        self._kept: dict[str, list[Array] | None] = {}  # the columns on a device
        self.warned, self._where = False, where
        self._unseen: list[tuple[int, str]] = []  # which of x are looked at while batches are taken, and their names
        shapes = tuple(input_shape) if self.several else (input_shape,)
        given_x, names = [x], ["x"]
        if self.several or isinstance(x, Mapping):
            given_x, names = _by_name(x, where, "x", len(shapes), input_names, "input", self.several)
        given_y, y_names = self._of_outputs(y, where, "y", optional=untrained)
        given_weight, weight_names = self._of_outputs(
            sample_weight, where, "sample_weight", optional=output_names, one_for_all=True
        )
        self._weight_names = weight_names
        check_rows(where, (*names, *y_names, *weight_names), (*given_x, *given_y, *given_weight))
        self.x = tuple(_input(item, f"{where}: {name}") for item, name in zip(given_x, names))
        for array, shape, name in zip(self.x, shapes, names):
            _check_shape(array, shape, f"{where}: {name}", taken_by)
        self.y = self._columns(given_y, y_names, where)
        self.weight = self._columns(given_weight, weight_names, where)
        self._check_lengths(where, names, y_names, weight_names)
        dtypes = (self.dtype,) * len(shapes) if input_dtypes is None else tuple(np.dtype(d) for d in input_dtypes)
        self.input_dtypes = dtypes
        for index, (array, wanted, name) in enumerate(zip(self.x, dtypes, names)):
            if wanted.kind in "iu":
                check_whole(f"{where}: {name}", array, wanted)
            else:
                self._look_at(index, name, nan)

    @classmethod
    def of_valid(cls, x: np.ndarray, y: np.ndarray | None = None, where: str = "x", nan: str = "ignore") -> ArrayData:
        """One input whose form needs no look: an array of numbers in the type and the shape that the model takes.

        y has as many entries. Whether all numbers of x are finite is looked at where ``nan`` says so.
        """
        data = cls.__new__(cls)
        data.dtype, data.several, data.outputs = x.dtype, False, ()
        data.x, data.y, data.weight, data.input_dtypes = (x,), y, None, (x.dtype,)
        data._kept, data._weight_names, data._unseen = {}, [], []
        data.warned, data._where = False, where
        data._look_at(0, "x", nan)
        return data

    def _look_at(self, index: int, name: str, nan: str) -> None:
        """Warn or raise where an x is not finite; of a large one the warning is left to the batches: to read it takes time."""
        array = self.x[index]
        if nan == "warn" and array.size > _CHUNK and array.dtype.kind == "f" and backends.current().immediate:
            self._unseen.append((index, name))
        elif nan != "ignore":
            self.warned |= _check_finite(name, array, self.input_dtypes[index], self._where, nan)

    @property
    def unseen(self) -> set[int]:
        """Which of x nobody has looked at."""
        return {index for index, _ in self._unseen}

    def were_taken(self) -> None:
        """All batches were, so that all rows have been looked at."""
        self._unseen = []

    def look_at_rest(self) -> None:
        """Warn where an x is not finite that nobody has looked at."""
        unseen, self._unseen = self._unseen, []
        for index, name in unseen:
            self.warned |= _check_finite(name, self.x[index], self.input_dtypes[index], self._where, "warn")

    @property
    def is_plain(self) -> bool:
        """Whether batches of all samples are these arrays themselves: one input, one output, no weights, nothing to cast."""
        if self.several or self.outputs or self.weight is not None or self.y is None:
            return False
        return (
            type(self.x[0]) is np.ndarray and self.x[0].dtype == self.input_dtypes[0] == self.dtype and self.dtype.kind == "f"
        )

    def check_targets(self, where: str, nan: str, targets: Any = True) -> None:
        """Warn or raise where targets (unless a loss did it: ``targets=False``) or weights are not finite.

        ``targets`` is one truth value, or one for each output. Targets whose weight is 0 may be anything. Raises DataError
        for negative weights.
        """
        ys, weights = _listed(self.y), _listed(self.weight)
        for at, (y, name) in enumerate(zip(ys, self.target_names)):
            if (targets if isinstance(targets, bool) else targets[at]) and y is not None and nan != "ignore":
                weight = weights[at] if len(weights) == len(ys) else None
                self.warned |= _check_finite(name, y, self.dtype, where, nan, weight)
        for weight, name in zip(_listed(self.weight), self._weight_names):
            if weight is None or not weight.size:
                continue
            if weight.min() < 0:
                at_index = tuple(int(i) for i in np.argwhere(weight < 0)[0])
                received = f"weight {weight[at_index]} at index {at_index if len(at_index) > 1 else at_index[0]}"
                raise DataError(f"{where}: {name}", received, "numbers >= 0", "0, for samples that should not count")
            if nan != "ignore":
                self.warned |= _check_finite(name, weight, self.dtype, where, nan)

    @property
    def target_names(self) -> list[str]:
        """How errors call the targets: ``["y"]``, or ``["y['digit']", ...]`` for several outputs."""
        return [f"y[{output!r}]" for output in self.outputs] or ["y"]

    @property
    def sample_shape(self) -> Any:
        """Shape of one sample, a tuple of shapes for several inputs."""
        return tuple(x.shape[1:] for x in self.x) if self.several else self.x[0].shape[1:]

    def __len__(self) -> int:
        return len(self.x[0])

    def steps(self, batch_size: int | None) -> int:
        """The number of batches in one pass over the data."""
        return -(-len(self) // batch_size) if batch_size else 1

    def select(self, part: slice) -> ArrayData:
        """A part of the samples, as views."""
        self.look_at_rest()  # which names samples by their place among all
        chosen = object.__new__(ArrayData)
        vars(chosen).update(vars(self))
        chosen.x = tuple(a.part(part) if isinstance(a, OnDisk) else a[part] for a in self.x)
        chosen.y, chosen.weight = _parts(self.y, part), _parts(self.weight, part)
        chosen._kept = {}
        return chosen

    def batches(self, batch_size: int, order: np.ndarray | None = None) -> Batches:
        """Batches of ``batch_size`` (the last may be smaller), in the given order of samples or as they stand.

        A data set that fits is kept on the device and batches are taken from it there; else they are sent one by one.
        """
        backend = backends.current()
        columns, dtypes, pack = self._layout()
        if backend.name not in self._kept:
            self._kept[backend.name] = backend.keep(columns)
        kept = self._kept[backend.name]
        if kept is not None:
            columns, order = kept, None if order is None else backend.asarray(order)
        send = [as_it_is if kept is not None else backend.sender() for _ in columns]
        return Batches(self, len(self), batch_size, order, columns, dtypes, send, pack)

    def whole(self, senders: list[Callable[[np.ndarray], Array]]) -> Batch:
        """All samples as one batch, carried by ``senders``, of which the list gets as many as are needed."""
        x, y = self.x[0], self.y
        if self._unseen:
            self.look_at_rest()
        if backends.current().immediate and not self.several and not self.outputs and self.weight is None:
            plain = x.dtype is self.input_dtypes[0] and type(x) is np.ndarray and x.flags.c_contiguous
            if plain and (y is None or (type(y) is np.ndarray and y.flags.c_contiguous)):
                return Batch(x, y, None, len(x))  # most batches: nothing is cut, cast or sent
        columns, dtypes, pack = self._layout()
        senders += [backends.current().sender() for _ in columns[len(senders) :]]
        rows = [send(take(a, slice(None), dtype)) for send, a, dtype in zip(senders, columns, dtypes)]
        return pack(rows, len(self))

    def _layout(self) -> tuple[list[Array], list[Any], Callable[[list[Array], int], Batch]]:
        """The arrays that batches are taken from, each once, their dtypes in a batch, and what makes a batch of rows."""
        columns: list[Array] = [*self.x]
        dtypes: list[Any] = [*self.input_dtypes]  # of the batches; targets keep theirs
        n, several = len(self.x), self.several
        if not self.outputs:
            if self.y is not None:
                columns.append(self.y)
                dtypes.append(self.y.dtype)
            if self.weight is not None:
                columns.append(self.weight)
                dtypes.append(self.dtype)
            has_y, has_weight = self.y is not None, self.weight is not None

            def pack(rows: list[Array], size: int) -> Batch:
                x = tuple(rows[:n]) if several else rows[0]
                return Batch(x, rows[n] if has_y else None, rows[-1] if has_weight else None, size)

            return columns, dtypes, pack

        def placed(arrays: Any, dtype: Any) -> list[int | None] | None:
            """Where each array of the outputs stands among the columns."""
            if arrays is None:
                return None
            places: list[int | None] = []
            for array in arrays:
                known = [i for i in range(n, len(columns)) if columns[i] is array and dtype in (None, dtypes[i])]
                if array is not None and not known:
                    columns.append(array)
                    dtypes.append(array.dtype if dtype is None else dtype)
                    known = [len(columns) - 1]
                places.append(None if array is None else known[0])
            return places

        y_at, weight_at = placed(self.y, None), placed(self.weight, self.dtype)

        def pack_several(rows: list[Array], size: int) -> Batch:
            y, weight = (
                None if places is None else tuple(None if i is None else rows[i] for i in places)
                for places in (y_at, weight_at)
            )
            return Batch(tuple(rows[:n]) if several else rows[0], y, weight, size)

        return columns, dtypes, pack_several

    def _of_outputs(
        self, given: Any, where: str, name: str, optional: Sequence[str], one_for_all: bool = False
    ) -> tuple[list[Any], list[str]]:
        """Targets or weights in the order of the outputs, with the names that errors use; nothing for None."""
        if given is None:
            return [], []
        if not self.outputs:
            if isinstance(given, Mapping):
                expected = f"one array, as the model has one output; not {list(given)}"
                raise ArgumentTypeError(f"{where}: {name}", "a dictionary", expected)
            return [given], [name]
        if one_for_all and not isinstance(given, (list, tuple, Mapping)):
            return [given], [name]
        return _by_name(given, where, name, len(self.outputs), self.outputs, "output", True, optional)

    def _columns(self, given: list[Any], names: list[str], where: str) -> Any:
        """The arrays of targets or weights: one, or a tuple for several outputs."""
        if not given:
            return None
        if not self.outputs:
            only = to_host(given[0], f"{where}: {names[0]}")
            if only.ndim == 0:
                raise ShapeError(f"{where}: {names[0]}", "a single number", "one entry per sample")
            return only
        arrays = [None if item is None else to_host(item, f"{where}: {name}") for item, name in zip(given, names)]
        for array, name in zip(arrays, names):
            if array is not None and array.ndim == 0:
                raise ShapeError(f"{where}: {name}", "a single number", "one entry per sample")
        return tuple(arrays * len(self.outputs)) if len(names) < len(self.outputs) else tuple(arrays)

    def _check_lengths(self, where: str, of_x: list[str], of_y: list[str], of_weight: list[str]) -> None:
        count, arrays = len(self), (*self.x, *_listed(self.y), *_listed(self.weight))
        if all(array is None or len(array) == count for array in arrays):
            return
        every = [*zip(of_x, self.x), *zip(of_y, _listed(self.y)), *zip(of_weight, _listed(self.weight))]
        received = " and ".join(f"{len(array)} samples in {name}" for name, array in every if array is not None)
        raise DataError(where, received, "equal numbers of samples")


def _by_name(
    given: Any,
    where: str,
    letter: str,
    count: int,
    names: Sequence[str],
    kind: str,
    several: bool,
    optional: Sequence[str] = (),
) -> tuple[list[Any], list[str]]:
    """The arrays of all inputs or outputs in the model's order, with the names that errors use.

    A dictionary may leave out those in ``optional``, which are None then.
    """
    where = f"{where}: {letter}"
    called = [f"{letter}[{name!r}]" for name in names] if len(names) == count else [f"{letter}[{i}]" for i in range(count)]
    if isinstance(given, Mapping):
        if len(names) != count:
            raise ArgumentTypeError(where, "a dictionary", f"a list of {count} arrays" if several else "an array")
        for key in given:
            if key not in names:
                meant = closest(key, names)
                expected = f"the names of the {kind}s, {', '.join(map(repr, names))}"
                raise ArgumentError(where, f"an entry {key!r}", expected, meant=meant)
        missing = [name for name in names if name not in given and name not in optional]
        if missing:
            raise ArgumentError(where, f"no entry {missing[0]!r}", f"one for each {kind}: {', '.join(map(repr, names))}")
        return [given.get(name) for name in names], called if several else [letter]
    if not several:
        return [given], [letter]
    if not isinstance(given, (tuple, list)):
        named = f", or a dictionary with {', '.join(map(repr, names))}" if names else ""
        raise ArgumentTypeError(where, f"one {type(given).__name__}", f"a list of {count} arrays{named}")
    if len(given) != count:
        raise ArgumentError(where, f"{len(given)} arrays", f"{count}, one for each {kind}")
    return list(given), called


def _input(x: Any, where: str) -> Any:
    """An array on the host, or one that stays on disk and is read batch by batch."""
    if is_on_disk(x) and len(x.shape) and np.dtype(x.dtype).kind in "biuf":
        return OnDisk(x)
    return to_host(x, where)


def _listed(arrays: Any) -> tuple[Any, ...]:
    """The arrays of all outputs, of a model with one too."""
    return arrays if isinstance(arrays, tuple) else (arrays,)


def _parts(arrays: Any, part: slice) -> Any:
    """A part of the rows of each array, one object for one object."""
    if not isinstance(arrays, tuple):
        return None if arrays is None else arrays[part]
    cut = {id(array): array[part] for array in arrays if array is not None}
    return tuple(None if array is None else cut[id(array)] for array in arrays)


def _check_shape(array: np.ndarray, shape: Any, where: str, taken_by: Callable[[], str]) -> None:
    received, shape = array.shape[1:], tuple(shape)
    if received == shape and array.ndim:
        return
    fits = len(received) == len(shape) and all(e is None or e == r for e, r in zip(shape, received))
    if array.ndim == 0 or not fits:
        expected = f"(samples, {', '.join(map(str, shape))}), the shape {taken_by()} was built for"
        fix = _shape_fix(array.shape, shape)
        raise ShapeError(where, f"an array of shape {array.shape}", expected, fix)


def _several(input_shape: Any) -> bool:
    return bool(input_shape) and isinstance(input_shape[0], tuple)


def _shape_fix(received: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """The next thing to try, for the mistakes people make most."""
    sample = tuple(received[1:])
    if None in expected:
        meant = expected[0] is None and sample == tuple(expected[1:])
        return f"leave the batch axis out of the input shape: {sample}" if meant else ""
    if tuple(received) == tuple(expected):
        without = f"; if its first axis is the batch: leave that out of the input shape: {sample}" if sample else ""
        return f"x[None, ...], if this is a single sample{without}"
    if (1, *sample) == tuple(expected) and len(expected) > 2:
        return "x[:, None], which adds the channel axis"
    if sample == tuple(expected[1:]) and sample:
        return f"leave the batch axis out of the input shape: {sample}, not {tuple(expected)}"
    if (*received, 1) == tuple(expected):
        return "x[None, ..., None], if this is a single image without a channel axis"
    if (*sample, 1) == tuple(expected):
        return "x[..., None], which adds the channel axis" if sample else "x[:, None], which makes a column of it"
    if int(np.prod(sample)) == int(np.prod(expected)):
        return f"x.reshape(-1, {', '.join(map(str, expected))})" if len(expected) != len(sample) else "check the channel order"
    return ""


def _check_finite(
    name: str, array: np.ndarray, dtype: np.dtype, where: str, nan: str, weight: np.ndarray | None = None
) -> bool:
    """Warn or raise, naming the first number that is not finite, or not in ``dtype``, which the batches will have.

    Numbers whose ``weight`` is 0 do not matter. Returns whether there was a warning.
    """
    if array.dtype.kind != "f" or not array.size:
        return False
    rows, limit = max(_CHUNK // max(array[:1].size, 1), 1), largest_number(dtype)
    for start in range(0, len(array), rows):
        chunk = array[start : start + rows]
        with np.errstate(all="ignore"):
            flat = chunk.reshape(-1)
            if float(flat.dot(flat)) <= limit:  # one cheap pass: a sum of squares has no term larger than itself
                continue
            bad = ~np.isfinite(chunk.astype(dtype, copy=False))
        if weight is not None:
            counts = weight[start : start + rows] != 0
            bad &= counts.reshape(counts.shape + (1,) * (bad.ndim - counts.ndim))
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            value, sample, index = chunk[at], start + at[0], (start + at[0], *at[1:])
            what = f"numbers too large for {dtype}" if np.isfinite(value) else "NaN or infinity"
            place = f"{value} at index {index if len(index) > 1 else index[0]}"
            if nan == "raise":
                raise DataError(f"{where}: {name}", f"{what} in sample {sample}: {place}", f"finite numbers of {dtype}")
            message = f"{where}: {name} holds {what}, first in sample {sample}: {place}; the loss will become NaN or infinite."
            warn(f"{message} Remove or replace such samples, or scale them.", DataWarning)
            return True
    return False
