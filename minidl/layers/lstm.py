"""Long short-term memory; the mathematics stands in ``minidl/ops/recurrent.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.layers.all_times import AllTimes
from minidl.layers.base import LayerOptions
from minidl.layers.cell import Cell, Kind, through, through_grad
from minidl.layers.context import Context
from minidl.layers.recurrent import RecurrentOptions
from minidl.ops.linear import bias_grad, dense_grad_W
from minidl.ops.recurrent import lstm, lstm_grad, lstm_step, lstm_step_grad, states_before


class LSTMKind(Kind, abstract=True):
    """Four gates in Keras's order, and a cell beside the output."""

    gates, states = 4, 2
    unit_forget_bias: bool

    def _make_weights(self, features: int) -> None:
        super()._make_weights(features)
        if self.b is not None and self.unit_forget_bias:
            self.b.value[self.units : 2 * self.units] = 1

    def _step(self, x: Any, context: Context) -> tuple[Any, Any]:
        x_t, h, c = x
        masks = self._input_masks(x_t, context), self._state_masks(h, context)
        z = through(x_t, self.W.value, masks[0]) + through(h, self.W_recurrent.value, masks[1])
        y, c_new, gates, of_curves = lstm_step(z if self.b is None else z + self.bias, c, *self._curves())
        return (y, y, c_new), ((x_t, h, c, masks, gates, of_curves) if context.keep else None)

    def _step_gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        x_t, h, c, masks, gates, of_curves = saved
        dz, dc = lstm_step_grad(dy[0] + dy[1], dy[2], c, gates, of_curves, *self._curves())
        dx, dW = through_grad(dz, x_t, self.W.value, masks[0])
        dh, dU = through_grad(dz, h, self.W_recurrent.value, masks[1])
        self.W.add_grad(dW)
        self.W_recurrent.add_grad(dU)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dx, dh, dc


class LSTMCell(LSTMKind, Cell):
    """One step of an ``LSTM``: (x_t, h, c) -> (y, h, c), where y is the new h.

    Args:
        units, activation ... seed: as for ``LSTM``.

    >>> import numpy as np
    >>> from minidl.layers import LSTM
    >>> cell = LSTMCell(4)
    >>> [a.shape for a in cell((np.zeros((2, 3)), np.zeros((2, 4)), np.zeros((2, 4))))]
    [(2, 4), (2, 4), (2, 4)]
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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


class LSTM(LSTMKind, AllTimes):
    """Long short-term memory: (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        units: length of the cell state and the output.
        activation, recurrent_activation: of the cell, and of the gates: names, or an ``Activation``; None is the identity for
            the cell, and for the gates that of the profile, sigmoid in today's Keras.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of W (in, 4 units), W_recurrent
            (units, 4 units) and b (4 units,); the four gates in Keras's order input, forget, cell, output.
        unit_forget_bias: start the forget gate's bias at 1, so that the cell remembers at first.
        kernel_regularizer ... bias_constraint: penalties on the weights and on y, and what holds for the weights.
        dropout, recurrent_dropout: fraction of the inputs, and of the states, that is dropped in training. A sample's mask is
            the same at all times; where states are dropped, each gate has masks of its own, as in Keras.
        seed: of the dropout; None takes the layer's own stream of ``minidl.set_seed``.
        return_sequences: the outputs of all times, not the last only.
        return_state: also the last states: the result is a tuple (y, h, c).
        go_backwards: begin at the last step; outputs come in the order in which they are made.
        stateful: begin each batch with the last states of the one before, sample by sample, until ``reset_states()``.
        unroll: accepted for Keras's sake; it changes nothing.
        zero_output_for_mask: with ``return_sequences``, 0 where the mask leaves a step out, and not the output before.

    ``layer(x, initial_state=[h, c])`` begins with these states, arrays or symbols. A step that the mask leaves out changes no
    state, and its output is that of the step before.

    Source: Hochreiter and Schmidhuber 1997; Jozefowicz et al. 2015 (forget bias); Gal and Ghahramani 2016 (dropout); Ghent 6.

    >>> layer = LSTM(128, return_sequences=True)
    >>> layer.build((50, 65)); layer.output_shape((50, 65)), layer.count_params()
    ((50, 128), 99328)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = None,
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
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
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
        names = self.names_in_kernels()
        h0, c0 = states
        h, c, gates = lstm(x, self.W.value, self.W_recurrent.value, self.bias, h0, c0, *names, mask)
        return h, (h[:, -1], c[:, -1]), (h, c, gates)

    def _op_gradient(
        self, dh: Any, dstates: Any, x: Any, states: tuple[Any, ...], mask: Any, kept: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        h, c, gates = kept
        names = self.names_in_kernels()
        dc = None if dstates is None else dstates[1]
        dz, dh0, dc0 = lstm_grad(dh, self.W_recurrent.value, states[1], c, gates, *names, dc, mask)
        self.W.accumulate(dense_grad_W, x, dz)
        self.W_recurrent.accumulate(dense_grad_W, states_before(states[0], h), dz)
        if self.b is not None:
            self.b.accumulate(bias_grad, dz)
        return dz, (dh0, dc0)
