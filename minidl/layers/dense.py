"""The fully connected layer."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.checks import check_flag, check_integer
from minidl.errors import ShapeError
from minidl.layers._activated import Activated
from minidl.layers.base import LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.linear import bias_grad, dense, dense_grad_W, dense_grad_x


class Dense(Activated):
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
    Source: decks 000 to 003.

    >>> layer = Dense(10)
    >>> layer.build((784,)); layer.count_params()
    7850
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.units = check_integer("Dense", "units", units)
        self.set_activation(activation, activity_regularizer)
        self.use_bias = check_flag("Dense", "use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "Dense: kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "Dense: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, "Dense: kernel_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, "Dense: bias_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, "Dense: kernel_constraint")
        self.bias_constraint = constraints.get(bias_constraint, "Dense: bias_constraint")

    def build(self, input_shape: Shape) -> None:
        """Make W (in, units) and b (units,)."""
        self.W = self.new_parameter("W", (input_shape[-1], self.units), self.kernel_initializer, **self.terms("kernel"))
        self.b = self.new_parameter("b", (self.units,), self.bias_initializer, **self.terms("bias")) if self.use_bias else None

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
        z = dense(x, self.W.value, self.b.value if self.b is not None else None, f.in_sums)
        y, of_f = f.behind_sums(z, context)
        return y, ((x, of_f) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dz W^T, with dz = dy f'(z)."""
        x, of_f = saved
        dz = self.behind.gradient(dy, of_f)
        self.W.accumulate(dense_grad_W, x, dz)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dense_grad_x(dz, self.W.value) if need_dx else None
