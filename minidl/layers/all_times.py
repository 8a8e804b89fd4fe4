"""Recurrent layers of minidl's own kinds: all times in one call of an op where that can do it, else the loop of steps."""

from __future__ import annotations

from typing import Any

from minidl import backend as backends
from minidl.backend.tape import again, refuse
from minidl.layers.cell import Kind
from minidl.layers.context import Context
from minidl.layers.recurrent import Recurrent, Steps, over_time, over_time_gradient
from minidl.ops.linear import dense_grad_x


class AllTimes(Kind, Recurrent, abstract=True):
    """Base of SimpleRNN, LSTM and GRU. The op takes everything but a dropout of states and rarer activations."""

    replays = True

    def build(self, input_shape: Any) -> None:
        """Make W, W_recurrent and b."""
        self._make_weights(input_shape[-1])
        self._make_carried()

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.units,),) * self.states

    def _step_shape(self, x_shape: tuple[Any, ...]) -> tuple[int, ...]:
        return (self.units,)

    def _all_times(self, x: Any, states: tuple[Any, ...], mask: Any, context: Context) -> tuple[Any, tuple[Any, ...], Any]:
        drops_states = context.training and self.recurrent_dropout
        if drops_states or not x.shape[1] or None in self.names_in_kernels():
            refuse(f"{self.label} goes from step to step")
            return over_time(self._step, x, states, mask, context, (self.units,))
        if mask is not None:
            refuse(f"{self.label} has a mask")
        drop = self._input_masks(x[:, 0], context)
        if drop is not None:
            refuse(f"{self.label} drops a part of its input")
            x = x * drop[0][:, None]
        outputs, last, kept = self._op(x, states, mask)
        seen = None
        if mask is not None:  # before the first step that counts the output is 0, whatever the state is
            xp = backends.array_namespace(x)
            seen = (xp.cumsum(mask, axis=1) > 0)[:, :, None]
            outputs = xp.where(seen, outputs, 0)
        return outputs, last, ((x, states, mask, drop, seen, kept) if context.keep else None)

    def _all_times_gradient(self, dy: Any, dstates: Any, saved: Any, need_dx: bool) -> tuple[Any, tuple[Any, ...]]:
        if isinstance(saved, Steps):
            return over_time_gradient(self._step_gradient, dy, dstates, saved, self._state_shapes)
        x, states, mask, drop, seen, kept = saved
        if seen is not None:
            dy = backends.array_namespace(dy).where(seen, dy, 0)
        if dstates is not None:  # the last output is the state too
            dy = again(_with_state, dy, dstates[0])
        dz, dstates = self._op_gradient(dy, dstates, x, states, mask, kept)
        if not need_dx:
            return None, dstates
        dx = dense_grad_x(dz, self.W.value)
        return (dx if drop is None else dx * drop[0][:, None]), dstates

    def _op(self, x: Any, states: tuple[Any, ...], mask: Any) -> tuple[Any, tuple[Any, ...], Any]:
        """h of all times, the last states, and what ``_op_gradient`` needs."""
        raise NotImplementedError

    def _op_gradient(
        self, dh: Any, dstates: Any, x: Any, states: tuple[Any, ...], mask: Any, kept: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """dz, of x W, and the gradients of the first states; adds to those of the weights."""
        raise NotImplementedError


def _with_state(dy: Any, dh: Any) -> Any:
    """dy of all times, and at the last one dh besides."""
    dy = dy.copy()
    dy[:, -1] += dh
    return dy
