"""``model.summary()`` as Keras 2.1 printed it: 65 columns for layers in a row, 98 with "Connected to" for graphs.

A field ends at .45, .85 and 1.0 of the line (.33, .55, .67 and 1.0 with connections) and is cut there, which is why long names
read ``max_pooling2d_1 (MaxPooling2``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.compat.keras.engine.places import Place, Row, rows_of

_IN_A_ROW = ("Layer (type)", "Output Shape", "Param #")
_OF_A_GRAPH = (*_IN_A_ROW, "Connected to")


def print_summary(
    model: Any, line_length: int | None = None, positions: Sequence[float] | None = None, print_fn: Callable[[str], Any] = print
) -> None:
    """Print the table, a call of ``print_fn`` for each line.

    Args:
        model: a built model.
        line_length: columns; None: 65, or 98 for a graph.
        positions: where the fields end, in columns or as parts of the line.
        print_fn: what prints a line.
    """
    rows, in_a_row = rows_of(model)
    columns = line_length or (65 if in_a_row else 98)
    ends: Sequence[Any] = positions or ((0.45, 0.85, 1.0) if in_a_row else (0.33, 0.55, 0.67, 1.0))
    if ends[-1] <= 1:
        ends = [int(columns * end) for end in ends]
    print_fn("_" * columns)
    print_fn(row_text(_IN_A_ROW if in_a_row else _OF_A_GRAPH, ends))
    print_fn("=" * columns)
    for index, row in enumerate(rows):
        for fields in _fields(row, in_a_row):
            print_fn(row_text(fields, ends))
        print_fn(("=" if index == len(rows) - 1 else "_") * columns)
    trainable, frozen = model._count_trainable()
    print_fn(f"Total params: {trainable + frozen:,}")
    print_fn(f"Trainable params: {trainable:,}")
    print_fn(f"Non-trainable params: {frozen:,}")
    print_fn("_" * columns)


def row_text(fields: Sequence[Any], ends: Sequence[int]) -> str:
    """One line, each field cut at its end; a field that reaches its end leaves one column free before the next.

    >>> row_text(("max_pooling2d_1 (MaxPooling2D)", "(None, 2)", 0), (29, 55, 65))
    'max_pooling2d_1 (MaxPooling2 (None, 2)                 0         '
    """
    line = ""
    for index, (field, end) in enumerate(zip(fields, ends)):
        if index:
            line = line[:-1] + " "
        line = (line + str(field))[:end].ljust(end)
    return line


def _fields(row: Row, in_a_row: bool) -> list[tuple[Any, ...]]:
    """The cells of a layer's lines: one, and a line more for each further connection."""
    thing = row.thing
    kind = "InputLayer" if isinstance(thing, Place) else getattr(thing, "network", thing)._class_name
    if hasattr(thing, "network"):
        kind = type(thing).__name__
    first = (f"{thing.name} ({kind})", row.shape, row.params)
    if in_a_row:
        return [first]
    connections = row.connections or [""]
    return [(*first, connections[0]), *(("", "", "", more) for more in connections[1:])]
