"""The simplest recurrent network; the mathematics stands in ``minidl/ops/recurrent.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.layers.all_times import AllTimes
from minidl.layers.base import LayerOptions
from minidl.layers.cell import Cell, Kind, through, through_grad
from minidl.layers.context import Context
from minidl.layers.recurrent import RecurrentOptions
from minidl.ops.linear import bias_grad, dense_grad_W
from minidl.ops.recurrent import simple_rnn, simple_rnn_grad, states_before


class _Simple(Kind, abstract=True):
    """h = a(x W + h_before U + b)."""

    gates, states = 1, 1

    def _step(self, x: Any, context: Context) -> tuple[Any, Any]:
        x_t, h = x
        masks = self._input_masks(x_t, context), self._state_masks(h, context)
        z = through(x_t, self.W.value, masks[0]) + through(h, self.W_recurrent.value, masks[1])
        y, of_a = self._curves()[0].f(z if self.b is None else z + self.bias)
        return (y, y), ((x_t, h, masks, of_a) if context.keep else None)

    def _step_gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        x_t, h, masks, of_a = saved
        dz = self._curves()[0].gradient(dy[0] + dy[1], of_a)
        dx, dW = through_grad(dz, x_t, self.W.value, masks[0])
        dh, dU = through_grad(dz, h, self.W_recurrent.value, masks[1])
        self.W.add_grad(dW)
        self.W_recurrent.add_grad(dU)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dx, dh


class SimpleRNNCell(_Simple, Cell):
    """One step of a ``SimpleRNN``: (x_t, h) -> (y, h) with y = h = a(x_t W + h U + b).

    Args:
        units, activation ... seed: as for ``SimpleRNN``.

    >>> from minidl.layers import RNN
    >>> layer = RNN(SimpleRNNCell(4))
    >>> layer.build((7, 3)); layer.count_params()
    32
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        arguments = locals()
        super().__init__(**options)
        self._take(arguments)


class SimpleRNN(_Simple, AllTimes):
    """h_t = a(x_t W + h_{t-1} U + b): (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        units: length of the state and the output.
        activation: a, a name or an ``Activation``.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of W (in, units), W_recurrent (units, units) and
            b (units,).
        kernel_regularizer ... bias_constraint: penalties on the weights and on y, and what holds for the weights.
        dropout, recurrent_dropout: fraction of the inputs, and of the states, that is dropped in training; a sample's mask is
            the same at all times.
        seed: of the dropout; None takes the layer's own stream of ``minidl.set_seed``.
        return_sequences, return_state, go_backwards, stateful, unroll: see ``LSTM``.

    Source: Elman 1990; Ghent 6.

    >>> layer = SimpleRNN(4, return_sequences=True)
    >>> layer.build((7, 3)); layer.output_shape((7, 3)), layer.count_params()
    ((7, 4), 32)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        arguments = locals()
        super().__init__(
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **options,
        )
        self._take(arguments)

    def _op(self, x: Any, states: tuple[Any, ...], mask: Any) -> tuple[Any, tuple[Any, ...], Any]:
        name, _ = self.names_in_kernels()
        h = simple_rnn(x, self.W.value, self.W_recurrent.value, self.bias, states[0], name, mask)
        return h, (h[:, -1],), h

    def _op_gradient(
        self, dh: Any, dstates: Any, x: Any, states: tuple[Any, ...], mask: Any, kept: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        name, _ = self.names_in_kernels()
        dz, dh0 = simple_rnn_grad(dh, self.W_recurrent.value, kept, name, mask)
        self.W.accumulate(dense_grad_W, x, dz)
        self.W_recurrent.accumulate(dense_grad_W, states_before(states[0], kept), dz)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dz, (dh0,)
