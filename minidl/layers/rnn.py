"""Any cell as a recurrent layer."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.errors import ShapeError
from minidl.layers.base import LayerOptions
from minidl.layers.context import Context
from minidl.layers.recurrent import Recurrent, over_time, over_time_gradient
from minidl.layers.stacked_cells import StackedRNNCells, checked_cell, shapes_of


class RNN(Recurrent):
    """The cell at all times: (batch, time, in) -> (batch, units), or (batch, time, units) with ``return_sequences``.

    Args:
        cell: ``SimpleRNNCell``, ``LSTMCell``, ``GRUCell``, one of your own, or a list of them, which are stacked. A cell is a
            layer with ``takes_many = True`` and a ``state_size`` (numbers in its state, or a tuple of them), whose ``apply``
            takes (x_t, *states) and gives (y_t, *states).
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see ``LSTM``.

    ``LSTM(8)`` computes what ``RNN(LSTMCell(8))`` does, with all times in one call.

    >>> from minidl.layers import GRUCell, LSTMCell
    >>> layer = RNN([LSTMCell(8), GRUCell(4)], return_sequences=True)
    >>> layer.build((7, 3)); layer.output_shape((7, 3)), layer.count_params()
    ((7, 4), 552)
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask=zero_output_for_mask, **options
        )
        self.cell = checked_cell(StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell, "RNN")

    def build(self, input_shape: Any) -> None:
        """Build the cell for one step."""
        self.cell.ensure_built((tuple(input_shape[1:]), *self._state_shapes))
        self._make_carried()

    @property
    def _state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return shapes_of(self.cell)

    def _step_shape(self, x_shape: tuple[Any, ...]) -> tuple[int, ...]:
        found = self.cell.output_shape((tuple(x_shape[1:]), *self._state_shapes))
        if not isinstance(found, tuple) or not found or tuple(found[1:]) != self._state_shapes:
            expected = f"the shape of y, and those of the states: {self._state_shapes}"
            raise ShapeError(self.label, f"an output_shape {found} of {self.cell.label}", expected)
        return tuple(found[0])

    def _all_times(self, x: Any, states: tuple[Any, ...], mask: Any, context: Context) -> tuple[Any, tuple[Any, ...], Any]:
        return over_time(self.cell.apply, x, states, mask, context, self._step_shape(x.shape[1:]))

    def _all_times_gradient(self, dy: Any, dstates: Any, saved: Any, need_dx: bool) -> tuple[Any, tuple[Any, ...]]:
        return over_time_gradient(self.cell.gradient, dy, dstates, saved, self._state_shapes)
