"""Gated recurrent units; the mathematics stands in ``minidl/ops/recurrent.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.tape import again
from minidl.layers.all_times import AllTimes
from minidl.layers.base import LayerOptions
from minidl.layers.cell import Cell, Kind, through, through_grad
from minidl.layers.context import Context
from minidl.layers.recurrent import RecurrentOptions
from minidl.ops.linear import bias_grad, dense_grad_W
from minidl.ops.recurrent import gru, gru_grad, gru_step, gru_step_grad, side_by_side, states_before


class _GRU(Kind, abstract=True):
    """Three gates in Keras's order: update, reset, candidate."""

    gates, states = 3, 1
    reset_after: bool

    def _rows_of_b(self) -> tuple[int, ...]:
        return (2,) if self.reset_after else ()

    def _biases(self) -> tuple[Any, Any]:
        """That of x W, and that of the state's products; None where there is none."""
        if self.b is None:
            return None, None
        return (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, None)

    def _add_bias_grads(self, of_x: Any, of_h: Any) -> None:
        if self.b is not None and not self.reset_after:
            self.b.accumulate(bias_grad, of_x)
        elif self.b is not None:
            self.b.accumulate(_both_bias_grads, of_x, of_h)

    def _step(self, x: Any, context: Context) -> tuple[Any, Any]:
        x_t, h = x
        width, U, (b_x, b_h) = 2 * self.units, self.W_recurrent.value, self._biases()
        masks = self._input_masks(x_t, context), self._state_masks(h, context)
        from_x = through(x_t, self.W.value, masks[0])
        from_x = from_x if b_x is None else from_x + b_x
        first = None if masks[1] is None else masks[1][:2]
        from_h = through(h, U, masks[1]) if self.reset_after else through(h, U[:, :width], first)
        from_h = from_h if b_h is None else from_h + b_h
        last = None if masks[1] is None else masks[1][2:]

        def inner(r: Any) -> Any:
            return r * from_h[:, width:] if self.reset_after else through(r * h, U[:, width:], last)

        y, gates, of_curves = gru_step(from_x, from_h[:, :width], h, inner, *self._curves())
        return (y, y), ((x_t, h, masks, gates, from_h, of_curves) if context.keep else None)

    def _step_gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        x_t, h, masks, gates, from_h, of_curves = saved
        width, U = 2 * self.units, self.W_recurrent.value
        concatenate = backends.array_namespace(h).concatenate
        r = gates[:, self.units : width]
        last = None if masks[1] is None else masks[1][2:]
        of_inner: list[Any] = []  # without reset_after: the gradients of r h and of U_g

        def dr_of(dg: Any) -> Any:
            if self.reset_after:
                return dg * from_h[:, width:]
            of_inner.extend(through_grad(dg, r * h, U[:, width:], last))
            return of_inner[0] * h

        of_x, dh = gru_step_grad(dy[0] + dy[1], h, gates, of_curves, dr_of, *self._curves())
        if self.reset_after:
            of_h = concatenate((of_x[:, :width], of_x[:, width:] * r), axis=1)
            through_h, dU = through_grad(of_h, h, U, masks[1])
        else:
            of_h, first = of_x, None if masks[1] is None else masks[1][:2]
            through_h, dU = through_grad(of_x[:, :width], h, U[:, :width], first)
            through_h, dU = through_h + r * of_inner[0], concatenate((dU, of_inner[1]), axis=1)
        dx, dW = through_grad(of_x, x_t, self.W.value, masks[0])
        self.W.add_grad(dW)
        self.W_recurrent.add_grad(dU)
        self._add_bias_grads(of_x, of_h)
        return dx, dh + through_h


class GRUCell(_GRU, Cell):
    """One step of a ``GRU``: (x_t, h) -> (y, h), where y is the new h.

    Args:
        units, activation ... seed: as for ``GRU``.

    >>> cell = GRUCell(4)
    >>> cell.build((3,)); cell.count_params()
    108
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
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        arguments = locals()
        super().__init__(**options)
        self._take(arguments)


class GRU(_GRU, AllTimes):
    """Gated recurrent units: (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        units: length of the state and the output.
        activation, recurrent_activation: of the candidate, and of the gates: names, or an ``Activation``; None is the identity
            for the candidate, and for the gates that of the profile, sigmoid in today's Keras.
        use_bias, kernel_initializer, recurrent_initializer, bias_initializer: of W (in, 3 units), W_recurrent
            (units, 3 units) and b, (2, 3 units) with ``reset_after``, else (3 units,); the gates in Keras's order update,
            reset, candidate.
        kernel_regularizer ... bias_constraint: penalties on the weights and on y, and what holds for the weights.
        dropout, recurrent_dropout: fraction of the inputs, and of the states, that is dropped in training. A sample's mask is
            the same at all times; where states are dropped, each gate has masks of its own, as in Keras.
        seed: of the dropout; None takes the layer's own stream of ``minidl.set_seed``.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see ``LSTM``.
        reset_after: the reset gate multiplies the candidate's product with the state, as PyTorch has it; False: the state
            before the product, as the paper does.

    Source: Cho et al. 2014; Ghent 6.

    >>> layer = GRU(4, return_sequences=True)
    >>> layer.build((7, 3)); layer.output_shape((7, 3)), layer.count_params()
    ((7, 4), 108)
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
        reset_after: bool = True,
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
        options = (*self.names_in_kernels(), self.reset_after, mask)
        h, gates, p = gru(x, self.W.value, self.W_recurrent.value, self.bias, states[0], *options)
        return h, (h[:, -1],), (h, gates, p)

    def _op_gradient(
        self, dh: Any, dstates: Any, x: Any, states: tuple[Any, ...], mask: Any, kept: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        options = (*self.names_in_kernels(), self.reset_after, mask)
        h, gates, p = kept
        of_x, of_h, dh0 = gru_grad(dh, self.W_recurrent.value, states[0], h, gates, p, *options)
        h_before, width = states_before(states[0], h), 2 * self.units
        self.W.accumulate(dense_grad_W, x, of_x)
        if self.reset_after:
            self.W_recurrent.accumulate(dense_grad_W, h_before, of_h)
        else:
            of_gates = dense_grad_W(h_before, of_h[..., :width]), dense_grad_W(p, of_h[..., width:])
            self.W_recurrent.add_grad(again(side_by_side, *of_gates))
        self._add_bias_grads(of_x, of_h)
        return of_x, (dh0,)


def _both_bias_grads(of_x: Any, of_h: Any, out: Any = None) -> Any:
    """(2, 3 units): of the biases of x, and of those of h."""
    db = backends.array_namespace(of_x).empty((2, of_x.shape[-1]), of_x.dtype) if out is None else out
    bias_grad(of_x, out=db[0])
    bias_grad(of_h, out=db[1])
    return db
