"""The fully connected layer."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_integer
from minidl.errors import ShapeError
from minidl.layers._affine import AffineLayer, AffineOptions
from minidl.layers.base import Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.linear import dense, dense_grad_W, dense_grad_x, dense_grads
from minidl.parameters import accumulate_all


class Dense(AffineLayer):
    """y = f(x W + b) on the last axis: (batch, ..., in) -> (batch, ..., units).

    dz = dy f'(z),  dx = dz W^T,  dW = x^T dz,  db = sum dz; see ``minidl/ops/linear.py``.

    Args:
        units: number of outputs, the columns of W (in, units).
        activation: f; None is the identity.
        use_bias: whether there is a b (units,).
        kernel_initializer, bias_initializer: names or objects of ``minidl.initializers``.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties on W, b and y that are added to the loss: names
            or objects of ``minidl.regularizers``.
        kernel_constraint, bias_constraint: what holds for W and b after every step: names or objects of
            ``minidl.constraints``.

    Raises ArgumentError and ArgumentTypeError for arguments out of range, ShapeError at ``build``.
    Source: Lecture 2018, Practical 2020, Ghent 1, Ghent 6.

    >>> layer = Dense(10)
    >>> layer.build((784,)); layer.count_params()
    7850
    """

    replays = True
    outputs_last = True

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, **options: Unpack[AffineOptions]) -> None:
        super().__init__(activation, use_bias, **options)
        self.units = check_integer("Dense", "units", units)

    def build(self, input_shape: Shape) -> None:
        """Make W (in, units) and b (units,)."""
        self.make_kernel((input_shape[-1], self.units), self.units)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(..., in) -> (..., units)."""
        if not input_shape:
            raise ShapeError(self.label, "samples without axes", "at least one axis", "x[:, None]")
        if self.input_shape is not None and input_shape[-1] != self.input_shape[-1]:
            raise ShapeError(
                self.label,
                f"samples of shape {tuple(input_shape)}",
                f"{self.input_shape[-1]} numbers along the last axis, as it was built for",
                "a Flatten layer before this one, if these are images" if len(input_shape) > 1 else "",
            )
        return (*input_shape[:-1], self.units)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = f(x W + b); keeps x and what f needs."""
        f = self.behind
        z = dense(x, self.W.value, self.bias, f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return y, ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dz W^T, with dz = dy f'(z)."""
        x, of_f = saved
        dz = self.behind.gradient(dy, of_f)
        if self.b is None:
            self.W.accumulate(dense_grad_W, x, dz)
        else:
            accumulate_all((self.W, self.b), dense_grads, x, dz)
        return dense_grad_x(dz, self.W.value) if need_dx else None
