"""A data set held in arrays: checked at the door, handed out in batches, never changed and never copied as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.base import door
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, ShapeError, closest, warn
from minidl.ops.gather import gather

_CHUNK = 1 << 22  # numbers looked at together when data is checked for NaN


class Batch(NamedTuple):
    """Some samples on the device."""

    x: Any  # an array, or a tuple of arrays for a model with several inputs
    y: Array | None
    weight: Array | None
    size: int


class ArrayData:
    """Samples x, targets y and weights, of one length.

    Args:
        x: an array (n, ...), or a tuple or list of arrays for a model with several inputs.
        y: targets (n, ...), or None.
        sample_weight: numbers (n, ...), or None.
        input_shape: shape of one sample the model takes (a tuple of them for several inputs).
        dtype: of the batches.
        where: how errors begin, for example ``"fit"``.
        nan: ``"warn"`` or ``"raise"`` where x holds NaN, infinity or numbers that ``dtype`` cannot hold; ``"ignore"`` does
            not look.
        taken_by: gives the name of the layer that x goes to, for errors.

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
        where: str,
        nan: str = "warn",
        taken_by: Callable[[], str] = lambda: "the model",
    ) -> None:
        if nan not in ("warn", "raise", "ignore"):
            meant = closest(nan, ("warn", "raise", "ignore"))
            raise ArgumentError(where, f"nan={nan!r}", "'warn', 'raise' or 'ignore'", meant=meant)
        self.dtype, self.several = np.dtype(dtype), _several(input_shape)
        self.x = self._inputs(x, input_shape, where, taken_by)
        self.y = None if y is None else _host(y, f"{where}: y")
        self.weight = None if sample_weight is None else _host(sample_weight, f"{where}: sample_weight")
        self._kept: dict[str, list[Array] | None] = {}  # the columns on a device
        lengths = {f"x[{i}]" if self.several else "x": len(array) for i, array in enumerate(self.x)}
        for name, array in (("y", self.y), ("sample_weight", self.weight)):
            if array is not None:
                if array.ndim == 0:
                    raise ShapeError(f"{where}: {name}", "a single number", "one entry per sample")
                lengths[name] = len(array)
        if len(set(lengths.values())) > 1:
            received = " and ".join(f"{length} samples in {name}" for name, length in lengths.items())
            raise DataError(where, received, "equal numbers of samples")
        if nan != "ignore":
            for array in self.x:
                _check_finite("x", array, self.dtype, where, nan)

    def check_targets(self, where: str, nan: str, targets: bool = True) -> None:
        """Warn or raise where targets (unless a loss did it: ``targets=False``) or weights are not finite.

        Raises DataError for negative weights.
        """
        if targets and self.y is not None and nan != "ignore":
            _check_finite("y", self.y, self.dtype, where, nan)
        if self.weight is not None and self.weight.size:
            if self.weight.min() < 0:
                at = tuple(int(i) for i in np.argwhere(self.weight < 0)[0])
                received = f"weight {self.weight[at]} at index {at if len(at) > 1 else at[0]}"
                raise DataError(f"{where}: sample_weight", received, "numbers >= 0", "0, for samples that should not count")
            if nan != "ignore":
                _check_finite("sample_weight", self.weight, self.dtype, where, nan)

    def __len__(self) -> int:
        return len(self.x[0])

    def select(self, part: slice) -> ArrayData:
        """A part of the samples, as views."""
        chosen = object.__new__(ArrayData)
        chosen.dtype, chosen.several = self.dtype, self.several
        chosen.x = tuple(a[part] for a in self.x)
        chosen.y = None if self.y is None else self.y[part]
        chosen.weight = None if self.weight is None else self.weight[part]
        chosen._kept = {}
        return chosen

    def batches(self, batch_size: int, order: np.ndarray | None = None) -> Iterator[Batch]:
        """Batches of ``batch_size`` (the last may be smaller), in the given order of samples or as they stand.

        A data set that fits is kept on the device and batches are taken from it there; else they are sent one by one.
        """
        backend = backends.current()
        columns: list[Array] = [*self.x]
        dtypes = [self.dtype] * len(self.x)  # of the batches; targets keep theirs
        if self.y is not None:
            columns.append(self.y)
            dtypes.append(self.y.dtype)
        if self.weight is not None:
            columns.append(self.weight)
            dtypes.append(self.dtype)
        if backend.name not in self._kept:
            self._kept[backend.name] = backend.keep(columns)
        kept = self._kept[backend.name]
        if kept is not None:
            columns, order = kept, None if order is None else backend.asarray(order)
        send = [_as_it_is if kept is not None else backend.sender() for _ in columns]
        for start in range(0, len(self), batch_size):
            stop = min(start + batch_size, len(self))
            which = slice(start, stop) if order is None else order[start:stop]
            rows = [carry(_take(a, which, dtype)) for carry, a, dtype in zip(send, columns, dtypes, strict=True)]
            x = tuple(rows[: len(self.x)]) if self.several else rows[0]
            y = None if self.y is None else rows[len(self.x)]
            yield Batch(x, y, None if self.weight is None else rows[-1], stop - start)

    def _inputs(self, x: Any, input_shape: Any, where: str, taken_by: Callable[[], str]) -> tuple[np.ndarray, ...]:
        shapes = input_shape if self.several else (input_shape,)
        if self.several and not isinstance(x, (tuple, list)):
            raise ArgumentTypeError(f"{where}: x", f"one {type(x).__name__}", f"a list of {len(shapes)} arrays")
        items = list(x) if self.several else [x]
        if len(items) != len(shapes):
            raise ArgumentError(f"{where}: x", f"{len(items)} arrays", f"{len(shapes)}, one for each input")
        arrays = tuple(_host(item, f"{where}: x") for item in items)
        for array, shape in zip(arrays, shapes):
            if tuple(array.shape[1:]) != tuple(shape) or array.ndim == 0:
                expected = f"(samples, {', '.join(map(str, shape))}), the shape {taken_by()} was built for"
                raise ShapeError(f"{where}: x", f"an array of shape {array.shape}", expected, _shape_fix(array.shape, shape))
        return arrays


def _take(array: Array, which: Any, dtype: Any) -> Array:
    """Rows in C order, by slice (a view where dtype and order are right already) or by index."""
    if isinstance(which, slice) or not array.flags.c_contiguous:  # which the op would copy whole, for each batch
        rows = array[which]
        return rows if rows.dtype == dtype and rows.flags.c_contiguous else _cast(rows, dtype)
    return gather(array, which, dtype)


@np.errstate(all="ignore")  # what is too large was reported when the data was checked
def _cast(rows: Array, dtype: Any) -> Array:
    return rows.astype(dtype, order="C", copy=False)


def _as_it_is(rows: Array) -> Array:
    return rows


def _several(input_shape: Any) -> bool:
    return bool(input_shape) and isinstance(input_shape[0], tuple)


def _host(x: Any, where: str) -> np.ndarray:
    """A view or native-order copy on the host; arrays of the active device are brought there."""
    backend = backends.current()
    if isinstance(x, backend.array_type) and not isinstance(x, np.ndarray):
        x = backend.to_numpy(x)
    if callable(getattr(x, "__next__", None)):
        raise ArgumentTypeError(where, f"a {type(x).__name__}", "an array of all samples", "np.stack(list(...))")
    return door(x, None, where)


def _shape_fix(received: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """The next thing to try, for the mistakes people make most."""
    sample = tuple(received[1:])
    if tuple(received) == tuple(expected):
        without = f"; if its first axis is the batch: leave that out of the input shape: {sample}" if sample else ""
        return f"x[None, ...], if this is a single sample{without}"
    if sample == tuple(expected[1:]) and sample:
        return f"leave the batch axis out of the input shape: {sample}, not {tuple(expected)}"
    if (*received, 1) == tuple(expected):
        return "x[None, ..., None], if this is a single image without a channel axis"
    if (*sample, 1) == tuple(expected):
        return "x[..., None], which adds the channel axis"
    if (1, *sample) == tuple(expected):
        return "x[:, None], which adds the channel axis"
    if int(np.prod(sample)) == int(np.prod(expected)):
        return f"x.reshape(-1, {', '.join(map(str, expected))})" if len(expected) != len(sample) else "check the channel order"
    return ""


def _check_finite(name: str, array: np.ndarray, dtype: np.dtype, where: str, nan: str) -> None:
    """Warn or raise, naming the first number that is not finite, or not in ``dtype``, which the batches will have."""
    if array.dtype.kind != "f" or not array.size:
        return
    rows, limit = max(_CHUNK // max(array[:1].size, 1), 1), float(np.finfo(dtype).max)
    for start in range(0, len(array), rows):
        chunk = array[start : start + rows]
        with np.errstate(all="ignore"):
            flat = chunk.reshape(-1)
            if float(flat.dot(flat)) <= limit:  # one cheap pass: a sum of squares has no term larger than itself
                continue
            bad = ~np.isfinite(chunk.astype(dtype, copy=False))
        if bad.any():
            at = tuple(int(i) for i in np.argwhere(bad)[0])
            value, sample, index = chunk[at], start + at[0], (start + at[0], *at[1:])
            what = f"numbers too large for {dtype}" if np.isfinite(value) else "NaN or infinity"
            place = f"{value} at index {index if len(index) > 1 else index[0]}"
            if nan == "raise":
                raise DataError(f"{where}: {name}", f"{what} in sample {sample}: {place}", f"finite numbers of {dtype}")
            message = f"{where}: {name} holds {what}, first in sample {sample}: {place}; the loss will become NaN or infinite."
            warn(f"{message} Remove or replace such samples, or scale them.", DataWarning)
            return
