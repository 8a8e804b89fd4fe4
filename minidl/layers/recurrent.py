"""Recurrent layers; the mathematics stands in ``minidl/ops/recurrent.py``."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from minidl import backend as backends
from minidl import config, constraints, initializers, regularizers
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError, closest, described
from minidl.layers.activity import penalty, penalty_grad
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.linear import bias_grad, dense_grad_W, dense_grad_x
from minidl.ops.recurrent import lstm, lstm_grad

_GATE_ACTIVATIONS = ("tanh", "sigmoid", "hard_sigmoid", "relu", "softplus", "linear")


class LSTM(Layer):
    """Long short-term memory: (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        units: length of the cell state and the output.
        activation, recurrent_activation: of the cell, and of the gates; None is the profile's gate, sigmoid in today's
            Keras.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of W (in, 4 units), W_recurrent
            (units, 4 units) and b (4 units,); the four gates in Keras's order input, forget, cell, output.
        unit_forget_bias: start the forget gate's bias at 1, so that the cell remembers at first.
        return_sequences: the outputs of all times, not the last only.

    Source: Hochreiter and Schmidhuber 1997; Jozefowicz et al. 2015 (forget bias); Ghent 6.

    >>> layer = LSTM(128, return_sequences=True)
    >>> layer.build((50, 65)); layer.output_shape((50, 65)), layer.count_params()
    ((50, 128), 99328)
    """

    def __init__(
        self,
        units: int,
        activation: str = "tanh",
        recurrent_activation: str | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        return_sequences: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.units = check_integer("LSTM", "units", units)
        recurrent_activation = config.profile().recurrent_activation if recurrent_activation is None else recurrent_activation
        for argument, value in (("activation", activation), ("recurrent_activation", recurrent_activation)):
            expected = f"one of {', '.join(_GATE_ACTIVATIONS)}"
            if not isinstance(value, str):
                raise ArgumentTypeError("LSTM", f"{described(value)} as {argument}", expected, f"{argument}='tanh'")
            if value not in _GATE_ACTIVATIONS:
                raise ArgumentError("LSTM", f"{argument}={value!r}", expected, meant=closest(value, _GATE_ACTIVATIONS))
        if "hard_sigmoid" in (activation, recurrent_activation) and config.profile().hard_sigmoid_slope != 1 / 6:
            received = f"hard_sigmoid of slope {config.profile().hard_sigmoid_slope} (profile {config.profile().name!r})"
            raise ArgumentError("LSTM", received, "that of slope 1/6", "recurrent_activation='sigmoid'")
        self.activation, self.recurrent_activation = activation, recurrent_activation
        self.use_bias = check_flag("LSTM", "use_bias", use_bias)
        self.unit_forget_bias = check_flag("LSTM", "unit_forget_bias", unit_forget_bias)
        self.return_sequences = check_flag("LSTM", "return_sequences", return_sequences)
        self.kernel_initializer = initializers.get(kernel_initializer, "LSTM: kernel_initializer")
        self.recurrent_initializer = initializers.get(recurrent_initializer, "LSTM: recurrent_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "LSTM: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, "LSTM: kernel_regularizer")
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer, "LSTM: recurrent_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, "LSTM: bias_regularizer")
        self.activity_regularizer = regularizers.get(activity_regularizer, "LSTM: activity_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, "LSTM: kernel_constraint")
        self.recurrent_constraint = constraints.get(recurrent_constraint, "LSTM: recurrent_constraint")
        self.bias_constraint = constraints.get(bias_constraint, "LSTM: bias_constraint")

    def _shown_arguments(self) -> dict[str, Any]:
        """The profile's gate is what None means."""
        shown = super()._shown_arguments()
        usual = self.recurrent_activation == config.profile().recurrent_activation
        return shown | ({"recurrent_activation": None} if usual else {})

    def build(self, input_shape: Shape) -> None:
        """Make W, W_recurrent and b."""
        gates = 4 * self.units
        self.W = self.new_parameter("W", (input_shape[-1], gates), self.kernel_initializer, **self.terms("kernel"))
        shape = (self.units, gates)
        self.W_recurrent = self.new_parameter("W_recurrent", shape, self.recurrent_initializer, **self.terms("recurrent"))
        self.b = self.new_parameter("b", (gates,), self.bias_initializer, **self.terms("bias")) if self.use_bias else None
        if self.b is not None and self.unit_forget_bias:
            self.b.value[self.units : 2 * self.units] = 1

    def output_shape(self, input_shape: Shape) -> Shape:
        """(time, in) -> (units,) or (time, units)."""
        if len(input_shape) != 2:
            fix = f"leave the batch axis out of the input shape: {tuple(input_shape[1:])}" if len(input_shape) == 3 else ""
            raise ShapeError(self.label, f"samples of shape {tuple(input_shape)}", "two axes (time, features)", fix)
        if self.input_shape is not None and input_shape[-1] != self.input_shape[-1]:
            received = f"samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, f"{self.input_shape[-1]} features, as it was built for")
        return (input_shape[0], self.units) if self.return_sequences else (self.units,)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y = h of all times or the last; keeps x, h, c and the gates."""
        if context.mask is not None:
            fix = "sequences of one length, or mask_zero=False"
            raise StateError(self.label, "a sequence with a mask", "one without: padded steps would count", fix)
        zeros = backends.array_namespace(x).zeros((x.shape[0], self.units), x.dtype)
        b = self.b.value if self.b is not None else None
        h, c, gates = lstm(x, self.W.value, self.W_recurrent.value, b, zeros, zeros, self.activation, self.recurrent_activation)
        y = h if self.return_sequences else h[:, -1]
        if self.activity_regularizer is not None:
            context.penalize(penalty(self, y))
        penalized = self.activity_regularizer is not None and context.penalties
        return y, ((x, h, c, gates, zeros, penalized) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dz W^T; see the op."""
        x, h, c, gates, zeros, penalized = saved
        xp = backends.array_namespace(dy)
        if penalized and self.activity_regularizer is not None:
            dy = dy + penalty_grad(self, h if self.return_sequences else h[:, -1])
        dh = dy
        if not self.return_sequences:
            dh = xp.zeros_like(h)
            dh[:, -1] = dy
        dz = lstm_grad(dh, self.W_recurrent.value, zeros, c, gates, self.activation, self.recurrent_activation)
        h_before = xp.concatenate((zeros[:, np.newaxis], h[:, :-1]), axis=1)
        self.W.accumulate(dense_grad_W, x, dz)
        self.W_recurrent.accumulate(dense_grad_W, h_before, dz)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dense_grad_x(dz, self.W.value) if need_dx else None
