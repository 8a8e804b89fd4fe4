"""What all recurrent layers share: states that come and go, masks, the direction, what is given back, and the loop over time.

A layer of this kind defines ``_all_times`` and ``_all_times_gradient``: from x and the states before the first step to the
outputs of all times and the last states, and back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

from minidl import backend as backends
from minidl.backend.tape import again, write
from minidl.checks import check_flag
from minidl.errors import ArgumentTypeError, ShapeError, StateError
from minidl.layers.activity import penalty, penalty_grad
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context
from minidl.layers.state import Carried


class RecurrentOptions(LayerOptions, total=False):
    """The arguments that these layers take by keyword, for ``**options: Unpack[RecurrentOptions]``."""

    zero_output_for_mask: bool


class TakesStates(Layer, abstract=True):
    """A layer whose input is an array (batch, time, ...), or a tuple of it and the states before the first step."""

    takes_states = True
    _axes = 3  # of x, with batch and time

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the states of one sample."""
        raise NotImplementedError

    def ensure_built(self, input_shape: Any) -> None:
        """Build the layer for x of this shape, or check; behind it may stand the shapes of states."""
        several = bool(input_shape) and isinstance(input_shape[0], (tuple, list))
        super().ensure_built(input_shape[0] if several else input_shape)
        if several:
            self.output_shape(tuple(tuple(shape) for shape in input_shape))

    def has_states(self, x: Any) -> bool:
        """Whether x is a list of sequences and states."""
        return isinstance(x, (tuple, list)) and len(x) > 0 and getattr(x[0], "ndim", 0) == self._axes

    def with_states(self, x: Any, initial_state: Any) -> Any:
        """x and the initial states as one input."""
        together = super().with_states(x, initial_state)
        if len(together) - 1 != len(self._state_shapes):
            expected = f"{len(self._state_shapes)}: {' and '.join(map(str, self._state_shapes))} for each sample"
            raise ArgumentTypeError(self.label, f"{len(together) - 1} initial states", expected)
        return together


class Recurrent(TakesStates, abstract=True):
    """Base of recurrent layers: (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        return_sequences: the outputs of all times, not the last only.
        return_state: also the last states: the result is a tuple (y, *states).
        go_backwards: begin at the last step; outputs come in the order in which they are made.
        stateful: begin each batch with the last states of the one before, sample by sample, until ``reset_states()``.
        unroll: accepted for Keras's sake; there is nothing to unroll, and it changes nothing.
        zero_output_for_mask: with ``return_sequences``, 0 where the mask leaves a step out, and not the output before.

    A call may give the states before the first step: ``layer(x, initial_state=[h, c])``, for arrays and for symbols; as a list,
    ``layer.forward([x, h, c])`` takes them too. A step that the mask leaves out changes no state, and its output is that of the
    step before, zeros at first.
    """

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = self._class_name
        self.return_sequences = check_flag(where, "return_sequences", return_sequences)
        self.return_state = check_flag(where, "return_state", return_state)
        self.go_backwards = check_flag(where, "go_backwards", go_backwards)
        self.stateful = check_flag(where, "stateful", stateful)
        self.unroll = check_flag(where, "unroll", unroll)
        self.zero_output_for_mask = check_flag(where, "zero_output_for_mask", zero_output_for_mask)
        self._carried: list[Carried] = []

    # -- defined by a layer --------------------------------------------------------------------------------------------

    def _step_shape(self, x_shape: tuple[Any, ...]) -> tuple[int, ...]:
        """Shape of one step's output, for samples of ``x_shape`` (time first); raises ShapeError for others."""
        raise NotImplementedError

    def _states_behind(self, x_shape: tuple[Any, ...]) -> tuple[tuple[int, ...], ...]:
        """Shapes of the states of a sample of ``x_shape``, which may decide them."""
        return self._state_shapes

    def _all_times(self, x: Any, states: tuple[Any, ...], mask: Any, context: Context) -> tuple[Any, tuple[Any, ...], Any]:
        """The outputs of all times, the last states, and what the gradient needs."""
        raise NotImplementedError

    def _all_times_gradient(self, dy: Any, dstates: Any, saved: Any, need_dx: bool) -> tuple[Any, tuple[Any, ...]]:
        """dx, and the gradients of the first states; ``dstates`` are those of the last ones, None where nobody has them."""
        raise NotImplementedError

    # -- shapes --------------------------------------------------------------------------------------------------------

    def output_shape(self, input_shape: Any) -> Any:
        """(time, in) -> (units,) or (time, units); with ``return_state`` a tuple of it and the shapes of the states."""
        x, *states = input_shape if input_shape and isinstance(input_shape[0], tuple) else (input_shape,)
        if len(x) != self._axes - 1:
            fix = f"leave the batch axis out of the input shape: {tuple(x[1:])}" if len(x) == self._axes else ""
            raise ShapeError(self.label, f"samples of shape {tuple(x)}", self._expected_axes(), fix)
        if self.input_shape is not None and x[1:] != self.input_shape[1:]:
            expected = f"{self.input_shape[-1]} features" if len(x) == 2 else f"steps of shape {self.input_shape[1:]}"
            raise ShapeError(self.label, f"samples of shape {tuple(x)}", f"{expected}, as it was built for")
        step, expected_states = self._step_shape(x), self._states_behind(x)
        if states and tuple(states) != expected_states:
            received = f"initial states of shapes {tuple(states)}"
            raise ShapeError(self.label, received, f"{expected_states}, without the batch axis")
        y = (x[0], *step) if self.return_sequences else step
        return (y, *expected_states) if self.return_state else y

    def _expected_axes(self) -> str:
        return "two axes (time, features)"

    def output_mask(self, x: Any, mask: Any) -> Any:
        """That of x, as the outputs stand, with ``return_sequences``; else none."""
        mask = mask[0] if isinstance(mask, tuple) else mask
        if mask is not None:
            mask = self._in_order(mask) if self.return_sequences else None
        return (mask, *(None for _ in self._state_shapes)) if self.return_state else mask

    # -- the pass ------------------------------------------------------------------------------------------------------

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y, or (y, *states)."""
        context = context.own()
        x, *given = x if isinstance(x, tuple) else (x,)
        mask = self._in_order(self._mask_of(x, context))
        states = tuple(given) or self._begin(x, context)
        outputs, last, of_times = self._all_times(self._in_order(x), states, mask, context)
        if self.stateful:
            for carried, state in zip(self._carried, last):
                context.update(carried, state)
        y = outputs if self.return_sequences else self._last(outputs)
        if mask is not None and self.return_sequences and self.zero_output_for_mask:
            y = _where(mask, y, 0)
        else:
            mask = None
        if self.activity_regularizer is not None:
            context.penalize(penalty(self, y))
        penalized = y if self.activity_regularizer is not None and context.penalties else None
        saved = (of_times, outputs, bool(given), mask, penalized) if context.keep else None
        return ((y, *last) if self.return_state else y), saved

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx, or (dx, *dstates) where the states were given; a state that was carried over has none."""
        of_times, outputs, given, mask, penalized = saved
        dy, dstates = (dy[0], dy[1:]) if self.return_state else (dy, None)
        if penalized is not None:
            dy = dy + penalty_grad(self, penalized)
        if mask is not None:
            dy = _where(mask, dy, 0)
        if not self.return_sequences:
            last, dy = dy, backends.array_namespace(dy).zeros_like(outputs)
            if dy.shape[1]:
                again(write, dy[:, -1], last)
        dx, dstates = self._all_times_gradient(dy, dstates, of_times, need_dx)
        dx = None if dx is None else self._in_order(dx)
        return (dx, *dstates) if given and need_dx else dx

    def _last(self, outputs: Any) -> Any:
        """The last output, zeros where there is no step."""
        xp, shape = backends.array_namespace(outputs), (len(outputs), *outputs.shape[2:])
        if not outputs.shape[1]:
            return xp.zeros(shape, outputs.dtype)
        last = xp.empty(shape, outputs.dtype)
        again(write, last, outputs[:, -1])
        return last

    def _in_order(self, a: Any) -> Any:
        """An array (n, time, ...) in the order in which the layer goes through time; and back."""
        if a is None or not self.go_backwards:
            return a
        return again(_turned_round, a)

    def _mask_of(self, x: Any, context: Context) -> Any:
        mask = context.mask[0] if isinstance(context.mask, tuple) else context.mask
        if mask is None:
            return None
        mask = backends.current().asarray(mask, None, f"{self.label}: mask")
        if mask.shape != x.shape[:2]:
            raise ShapeError(self.label, f"a mask of shape {mask.shape}", f"{x.shape[:2]}: one for each step")
        return mask.astype(bool, copy=False)

    # -- states --------------------------------------------------------------------------------------------------------

    def _begin(self, x: Any, context: Context) -> tuple[Any, ...]:
        """The states before the first step, where the call gave none: what was carried over, or zeros."""
        if self.stateful and self._carried:
            values = tuple(context.value(state) for state in self._carried)
            if all(value is not None for value in values):
                if len(values[0]) != len(x):
                    received = f"a batch of {len(x)} samples behind one of {len(values[0])}, with stateful=True"
                    expected = "batches of one size, each sample going on where the one before stopped"
                    raise StateError(self.label, received, expected, "reset_states() where other sequences begin")
                return tuple(value.copy() for value in values)  # what is carried is overwritten before the way back
        xp = backends.array_namespace(x)
        return tuple(xp.zeros((len(x), *shape), x.dtype) for shape in self._state_shapes)

    def _make_carried(self) -> None:
        if self.stateful:
            self._carried = [Carried(f"state {number}") for number in range(len(self._state_shapes))]

    def carried(self) -> list[Carried]:
        """The states that go on from batch to batch."""
        return [*self._carried, *super().carried()]


# -- the loop over time ------------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """What the loop saved: of each step, and the mask."""

    of_steps: list[Any]
    x_shape: tuple[int, ...]
    mask: Any


def over_time(
    step: Callable[[Any, Context], tuple[Any, Any]],
    x: Any,
    states: tuple[Any, ...],
    mask: Any,
    context: Context,
    output_shape: tuple[int, ...],
) -> tuple[Any, tuple[Any, ...], Steps | None]:
    """The outputs (n, time, *output_shape) and the last states of any cell, whose ``apply`` is ``step``; and what to keep."""
    xp = backends.array_namespace(x)
    outputs = xp.empty((*x.shape[:2], *output_shape), x.dtype)
    y, of_steps = xp.zeros((len(x), *output_shape), x.dtype), []
    with context.loop():
        for t in range(x.shape[1]):
            (y_t, *new), saved = step((x[:, t], *states), context)
            if mask is not None:
                y_t = _where(mask[:, t], y_t, y)
                new = [_where(mask[:, t], a, b) for a, b in zip(new, states)]
            y = outputs[:, t] = y_t
            states = tuple(new)
            if context.keep:
                of_steps.append(saved)
    return outputs, states, (Steps(of_steps, x.shape, mask) if context.keep else None)


def over_time_gradient(
    step_gradient: Callable[..., Any], dy: Any, dstates: Any, saved: Steps, state_shapes: tuple[tuple[int, ...], ...]
) -> tuple[Any, tuple[Any, ...]]:
    """dx and the gradients of the first states; ``step_gradient`` is the cell's ``gradient``."""
    xp, mask = backends.array_namespace(dy), saved.mask
    dx, later = xp.empty(saved.x_shape, dy.dtype), xp.zeros((len(dy), *dy.shape[2:]), dy.dtype)
    if dstates is None:
        dstates = tuple(xp.zeros((len(dy), *shape), dy.dtype) for shape in state_shapes)
    for t in reversed(range(dy.shape[1])):
        dy_t = dy[:, t]
        if mask is None:
            dx_t, *dstates = step_gradient((dy_t, *dstates), saved.of_steps.pop(), need_dx=True)
            dx[:, t] = 0 if dx_t is None else dx_t
            continue
        counts, dy_t = mask[:, t], dy_t + later  # an output that is repeated is owed what its repetitions are
        arriving = [_where(counts, d, 0) for d in (dy_t, *dstates)]
        dx_t, *before = step_gradient(tuple(arriving), saved.of_steps.pop(), need_dx=True)
        dx[:, t] = 0 if dx_t is None else _where(counts, dx_t, 0)
        dstates = [_where(counts, new, old) for new, old in zip(before, dstates)]
        later = _where(counts, xp.zeros_like(dy_t), dy_t)
    return dx, tuple(dstates)


def _turned_round(a: Any) -> Any:
    """The last time first."""
    xp = backends.array_namespace(a)
    return xp.ascontiguousarray(xp.flip(a, 1))


def _where(counts: Any, a: Any, b: Any) -> Any:
    """a where ``counts`` (over the first axes), else b."""
    return backends.array_namespace(a).where(counts.reshape(*counts.shape, *(1,) * (a.ndim - counts.ndim)), a, b)
