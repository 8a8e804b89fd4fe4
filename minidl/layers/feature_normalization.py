"""Features to mean 0 and variance 1, by statistics of the whole data that are taken once, before training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Unpack

import numpy as np

from minidl import access
from minidl import backend as backends
from minidl.backend import array_namespace
from minidl.backend.base import host_array
from minidl.checks import check_flag
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, StateError, described
from minidl.layers._axes import check_axes, known_sizes, sample_axes
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.layers.overwrite import overwrite

_LEAST = 1e-7  # what a constant feature is divided by, as in Keras
_AT_ONCE = 1 << 18  # numbers that are looked at together in double precision


class Normalization(Layer):
    """y = (x - mean) / max(sqrt(variance), 1e-7), with the statistics of the data that ``adapt`` has seen.

    So the model itself takes raw data, and keeps with its weights how that is scaled. Before ``adapt`` the mean is 0 and the
    variance 1. Nothing is trained.

    Args:
        axis: the axis of the features, or several, counted with the batch axis: each has statistics of its own. None: one mean
            and one variance for all numbers.
        mean, variance: the statistics where they are known: numbers, or arrays of the sizes along ``axis``; then there is
            nothing to adapt. Both or none.
        invert: the way back, y = x max(sqrt(variance), 1e-7) + mean.

    State: mean and variance, of the sizes along ``axis``.

    >>> import numpy as np
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]]))
    >>> layer(np.array([[4.0, 7.0]])).round(3)
    array([[1.225, 0.   ]], dtype=float32)
    """

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        none = axis is None or (isinstance(axis, (tuple, list)) and not axis)
        self.axis = None if none else check_axes("Normalization", axis)
        self.invert = check_flag("Normalization", "invert", invert)
        if (mean is None) != (variance is None):
            received = f"mean={mean!r} and variance={variance!r}"
            raise ArgumentError("Normalization", received, "both, or none of them", "layer.adapt(x) finds both")
        self.mean, self.variance = (_numbers(name, given) for name, given in (("mean", mean), ("variance", variance)))
        if self.mean is not None:
            shape, number = np.shape(self.mean), len(self.axis) if isinstance(self.axis, tuple) else int(not none)
            if shape != np.shape(self.variance) or len(shape) > number:
                received = f"a mean of shape {shape} and a variance of shape {np.shape(self.variance)}"
                raise ArgumentError(
                    "Normalization", received, f"equal shapes with at most {number} axes, those of axis={axis!r}"
                )
            if np.min(self.variance) < 0:
                raise ArgumentError("Normalization", f"variance={variance!r}", "numbers >= 0")

    def build(self, input_shape: Shape) -> None:
        """Make the state."""
        sizes = self._sizes(input_shape)
        self.seen_mean = self.new_state("mean", sizes)
        self.seen_variance = self.new_state("variance", sizes, "ones")
        if self.mean is not None:
            for state, numbers in ((self.seen_mean, self.mean), (self.seen_variance, self.variance)):
                state.value[...] = backends.current().asarray(np.array(np.broadcast_to(numbers, sizes), self.dtype))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        sizes = self._sizes(input_shape)
        if self.mean is not None and any(n not in (1, m) for n, m in zip(np.shape(self.mean)[::-1], sizes[::-1])):
            received, expected = (
                f"samples of shape {tuple(input_shape)}",
                f"a mean of shape {np.shape(self.mean)} to fit {sizes}",
            )
            raise ShapeError(self.label, received, expected)
        if self.input_shape is not None and sizes != self._sizes(self.input_shape):
            received, expected = f"samples of shape {tuple(input_shape)}", f"sizes {self._sizes(self.input_shape)}"
            raise ShapeError(self.label, received, f"{expected} along axis {self.axis}, as it was built for")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the deviation."""
        xp = array_namespace(x)
        mean, variance = context.value(self.seen_mean), context.value(self.seen_variance)
        shape = [1] * x.ndim
        for axis in self._axes(x.ndim - 1):
            shape[axis + 1] = x.shape[axis + 1]
        mean, deviation = mean.reshape(shape), xp.maximum(xp.sqrt(variance.reshape(shape)), _LEAST)
        return (x * deviation + mean if self.invert else (x - mean) / deviation), (deviation if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy / deviation, or dy times it with ``invert``."""
        if not need_dx:
            return None
        return dy * saved if self.invert else dy / saved

    def adapt(self, data: Any) -> None:
        """Take mean and variance of ``data``, all of it, in place of what was there. Builds the layer.

        Args:
            data: an array (batch, ...), or an iterable of batches, such as a ``Dataset``; of a tuple, such as (x, y), the first
                counts. It is gone through once, and never held as a whole. How it is cut into batches does not matter.

        Sums are in double precision. Raises DataError for no data and for NaN or infinity, ShapeError for batches of other
        sizes, StateError where the statistics were given.
        """
        if self.mean is not None:
            fix = "Normalization() without mean and variance"
            raise StateError(f"{self.label}: adapt", "a layer with a given mean", "one that finds it", fix)
        sums = _Sums()
        for batch in _batches(data, f"{self.label}: adapt"):
            if batch.ndim == 0:
                raise ShapeError(f"{self.label}: adapt", "a single number", "batches, whose first axis are samples")
            self.ensure_built(tuple(batch.shape[1:]))
            kept = {axis + 1 for axis in self._axes(batch.ndim - 1)}
            rows = max(_AT_ONCE // max(batch[:1].size, 1), 1)
            for start in range(0, len(batch), rows):
                part = host_array(batch[start : start + rows], "float64")
                if not np.isfinite(part).all():
                    received = f"numbers that are not finite, in samples {start} to {start + len(part) - 1} of a batch"
                    raise DataError(f"{self.label}: adapt", received, "finite numbers", "np.nan_to_num(x), or leave them out")
                sums.add(part, tuple(axis for axis in range(part.ndim) if axis not in kept))
        if not sums.count:
            raise DataError(f"{self.label}: adapt", "no numbers", "at least one sample")
        states = (self.seen_mean, self.seen_variance)
        found = (sums.mean, sums.squares / sums.count)
        arrays = [backends.backend_of(p.value).asarray(np.array(a, p.dtype)) for p, a in zip(states, found)]
        with access.writing("adapt", self):
            overwrite(states, arrays)

    def _axes(self, rank: int) -> tuple[int, ...]:
        return () if self.axis is None else sample_axes(self.label, self.axis, rank)

    def _sizes(self, input_shape: Shape) -> tuple[int, ...]:
        return known_sizes(self.label, input_shape, self._axes(len(input_shape)))


class _Sums:
    """Mean and sum of squared distances from it, of everything that was added (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, np.zeros(()), np.zeros(())

    def add(self, x: np.ndarray, axes: tuple[int, ...]) -> None:
        """Add the numbers of x along ``axes``."""
        count = int(np.prod([x.shape[axis] for axis in axes]))
        if not x.size:
            return
        mean = x.mean(axis=axes, keepdims=True)
        squares = np.square(x - mean).sum(axis=axes)
        away, total = mean.reshape(squares.shape) - self.mean, self.count + count
        self.mean = self.mean + away * (count / total)
        self.squares = self.squares + squares + np.square(away) * (self.count * (count / total))
        self.count = total


def _numbers(name: str, given: Any) -> Any:
    """A number, or nested lists of numbers; None as it is."""
    if given is None:
        return None
    array = host_array(given, "float64", f"Normalization: {name}")
    if not np.isfinite(array).all():
        raise ArgumentError("Normalization", f"{name}={given!r}", "finite numbers")
    return array.tolist()


def _batches(data: Any, where: str) -> Iterator[np.ndarray]:
    """The batches of an array or an iterable, as host arrays."""
    if hasattr(data, "shape"):
        yield _on_host(data, where)
        return
    if getattr(data, "has_single_samples", False):  # a Dataset before any ``batch``
        data = data.batch(1024)
    if isinstance(data, (str, dict)) or not hasattr(data, "__iter__"):
        raise ArgumentTypeError(where, described(data), "an array, or an iterable of batches such as a Dataset")
    for item in data:
        first = item[0] if isinstance(item, tuple) and item else item
        if not hasattr(first, "shape"):
            fix = "np.array(data), if these are the numbers themselves"
            raise ArgumentTypeError(where, f"{described(first)} as a batch", "arrays (batch, ...)", fix)
        yield _on_host(first, where)


def _on_host(x: Any, where: str) -> Any:
    """x as an array of the host, in its own element type."""
    backend = backends.current()
    return host_array(backend.to_numpy(x) if isinstance(x, backend.array_type) else x, None, where)
