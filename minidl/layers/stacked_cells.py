"""Several cells, one on top of the other, as one cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Unpack

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import INFERENCE, Context


class StackedRNNCells(Layer):
    """(x_t, *states of all cells) -> (y_t, *new states): the output of each cell is the input of the next.

    Args:
        cells: a list of cells: layers with a ``state_size``.

    The states stand one behind the other, those of the first cell first.

    >>> from minidl.layers import RNN, GRUCell, LSTMCell
    >>> stack = StackedRNNCells([LSTMCell(4), GRUCell(2)])
    >>> stack.state_size
    (4, 4, 2)
    >>> layer = RNN(stack, return_state=True)
    >>> layer.build((7, 3)); layer.output_shape((7, 3))
    ((2,), (4,), (4,), (2,))
    """

    takes_many = True

    def __init__(self, cells: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(cells, (list, tuple)):
            raise ArgumentTypeError("StackedRNNCells", described(cells), "a list of cells", "StackedRNNCells([LSTMCell(8)])")
        if not cells or len({id(cell) for cell in cells}) < len(cells):
            raise ArgumentError("StackedRNNCells", f"{len(cells)} cells", "one cell or more, each another object")
        self.cells = [checked_cell(cell, "StackedRNNCells") for cell in cells]

    @property
    def state_size(self) -> tuple[Any, ...]:
        """The sizes of all states."""
        return tuple(size for cell in self.cells for size in sizes_of(cell))

    def build(self, input_shape: Any) -> None:
        """Build each cell for the output of the one below."""
        x, *states = input_shape
        for cell, own in self._shared_out(states):
            cell.ensure_built((x, *own))
            x = cell.output_shape((x, *own))[0]

    def output_shape(self, input_shape: Any) -> Any:
        """That of the last cell's output, and those of all states."""
        x, *states = input_shape
        expected = shapes_of(self)
        if tuple(states) != expected:
            raise ShapeError(self.label, f"inputs of shapes {tuple(input_shape)}", f"x, and states of shapes {expected}")
        for cell, own in self._shared_out(states):
            x = cell.output_shape((x, *own))[0]
        return (x, *states)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """(y, *states); keeps what each cell does."""
        y, *states = x
        new: list[Any] = []
        saved = []
        for cell, own in self._shared_out(states):
            (y, *after), of_cell = cell.apply((y, *own), context)
            new += after
            saved.append(of_cell)
        return (y, *new), (saved if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """(dx, *dstates)."""
        d, *dstates = dy
        found: list[Any] = []
        for (cell, own), of_cell in zip(reversed(list(self._shared_out(dstates))), reversed(saved)):
            d, *before = cell.gradient((d, *own), of_cell, need_dx=True)
            found = [*before, *found]
        return (d, *found)

    def _shared_out(self, states: Any) -> Iterator[tuple[Layer, list[Any]]]:
        """Each cell with its part of the states."""
        first = 0
        for cell in self.cells:
            count = len(sizes_of(cell))
            yield cell, list(states[first : first + count])
            first += count


def checked_cell(cell: Any, where: str) -> Layer:
    """The cell. Raises ArgumentTypeError for what is none."""
    expected = "a cell: a layer with a state_size, which takes (x_t, *states) and gives (y_t, *states)"
    if not isinstance(cell, Layer):
        raise ArgumentTypeError(where, described(cell), expected, "LSTMCell(32)")
    if not hasattr(cell, "state_size"):
        raise ArgumentTypeError(where, f"{cell.label}, which has no state_size", expected, "self.state_size = units")
    if not cell.takes_many:
        raise ArgumentTypeError(where, f"{cell.label}, which takes one array", expected, "takes_many = True in its class")
    return cell


def sizes_of(cell: Any) -> tuple[Any, ...]:
    """A cell's sizes of states as a tuple."""
    return tuple(cell.state_size) if isinstance(cell.state_size, (tuple, list)) else (cell.state_size,)


def shapes_of(cell: Any) -> tuple[tuple[int, ...], ...]:
    """The shapes of a cell's states, for one sample."""
    return tuple(tuple(size) if isinstance(size, (tuple, list)) else (size,) for size in sizes_of(cell))
