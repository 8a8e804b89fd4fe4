"""The product of two inputs, sample by sample."""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

from minidl.backend import array_namespace, backend_of
from minidl.checks import check_flag
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers._axes import AtTheEnd, check_axes, sample_axes
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.layers.unit_normalization import EPSILON
from minidl.ops.unit_normalization import unit_normalize, unit_normalize_grad


class Dot(Layer):
    """y[n, i, j] = sum_k a[n, i, k] b[n, j, k]: of two inputs (batch, i ..., k) and (batch, j ..., k) to (batch, i ..., j ...).

    The summed axis may be any but the batch axis; those that remain keep their order, first those of a. Where none remains,
    y is (batch, 1). Backwards da[n, i, k] = sum_j dy[n, i, j] b[n, j, k], and db alike.

    Args:
        axes: the axis that is summed over, counted with the batch axis: one for both inputs, or a pair.
        normalize: the vectors along that axis are brought to length 1 first: y is the cosine of their angle.

    The result has no mask. Raises ShapeError for anything but two inputs, and for two sizes along the summed axis.

    >>> import numpy as np
    >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])])
    array([[11.]], dtype=float32)
    >>> Dot(axes=(2, 1)).output_shape(((5, 3), (3, 7)))
    (5, 7)
    """

    takes_many = True

    def __init__(self, axes: Any, normalize: bool = False, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        checked = None
        if isinstance(axes, (tuple, list)):
            if len(axes) != 2:
                raise ArgumentError("Dot", f"axes={axes!r}", "an integer or two of them")
            if any(isinstance(axis, (tuple, list)) for axis in axes):
                raise ArgumentTypeError("Dot", f"axes={axes!r}", "an integer or two of them")
            checked = tuple(check_axes("Dot", axis, "axes") for axis in axes)
        self.axes = checked or check_axes("Dot", axes, "axes")
        self.normalize = check_flag("Dot", "normalize", normalize)

    def output_shape(self, input_shape: Any) -> Any:
        """The axes that remain, or one of length 1."""
        if not input_shape or not isinstance(input_shape[0], tuple) or len(input_shape) != 2:
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", "two inputs")
        pairs = list(zip(input_shape, self._summed(*map(len, input_shape))))
        sizes = [shape[axis] for shape, axis in pairs]
        if None not in sizes and sizes[0] != sizes[1]:
            received = f"inputs of shapes {input_shape}, with {sizes[0]} and {sizes[1]} numbers along axes={self.axes}"
            raise ShapeError(self.label, received, "equally many")
        rest = tuple(size for shape, summed in pairs for axis, size in enumerate(shape) if axis != summed)
        return rest or (1,)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps both inputs as matrices, and what brought them to length 1."""
        turned = [AtTheEnd(part.shape, (axis,)) for part, axis in zip(x, self._summed(*(part.ndim - 1 for part in x)))]
        rows: Any = [t.there(part) for t, part in zip(turned, x)]
        lengths = None
        if self.normalize:
            rows, lengths = zip(*(unit_normalize(part, EPSILON) for part in rows))
        matrices = [part.reshape(part.shape[0], prod(part.shape[1:-1]), part.shape[-1]) for part in rows]
        a, b = matrices  # (batch, i, k) and (batch, j, k)
        y = _times(a, b.transpose(0, 2, 1)).reshape(len(a), *self.output_shape(tuple(part.shape[1:] for part in x)))
        return y, ((turned, a, b, lengths) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """da = dy b and db = dy^T a, sample by sample."""
        if not need_dx:
            return None
        turned, a, b, lengths = saved
        dy = dy.reshape(len(a), a.shape[1], b.shape[1])
        rows: Any = (_times(dy, b), _times(dy.transpose(0, 2, 1), a))
        if lengths is not None:
            units = zip(rows, (a, b), lengths)
            rows = tuple(unit_normalize_grad(d, unit, r.reshape(*unit.shape[:2], 1), EPSILON) for d, unit, r in units)
        return tuple(t.back(d.reshape(t.flat)) for t, d in zip(turned, rows))

    def output_mask(self, x: Any, mask: Any) -> Any:
        """None: time steps cannot be told apart any more."""
        return None

    def _summed(self, first: int, second: int) -> tuple[int, int]:
        """The summed axis of each input, counted without the batch axis, for samples with so many axes."""
        axes = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        a, b = (sample_axes(self.label, axis, rank, "axes")[0] for axis, rank in zip(axes, (first, second)))
        return a, b


def _times(a: Any, b: Any) -> Any:
    """The product of the matrices of each sample, in C order: the layout would show in the last bits."""
    return array_namespace(a).matmul(*(backend_of(matrix).contiguous(matrix) for matrix in (a, b)))
