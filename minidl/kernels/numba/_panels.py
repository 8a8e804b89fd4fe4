"""A matrix b (depth, columns) as panels, which tiles run over: (panels, depth, width), zeros behind the last column.

A tile reads ``width`` numbers of each row of b. Where rows are far apart these would fall into few sets of the first cache;
packed, they lie behind each other. A product packs some rows at a time, while they are needed; recurrent networks, which need
all of U in every step, and predictors, whose weights stay as they are, have the whole matrix packed before.
"""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._column_tiles import column_copier, copy_columns
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._matrix import Matrix
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._transpose import transpose, transposer

FEW_NUMBERS = 1 << 14  # of a packed matrix, which one thread packs more quickly than it wakes another


def whole_panels(b: tuple[Any, int, int, int, int], width: int) -> Any:
    """The whole Matrix b as panels, flat; b is what ``in_rows`` and ``in_columns`` give."""
    numbers, depth, columns, _, _ = b
    panels = CPU.pool.empty((-(-columns // width) * depth * width,), numbers.dtype)
    _pack(packer(width, numbers.itemsize), b, panels)
    return panels


def packer(width: int, itemsize: int) -> tuple[Any, Any, Any]:
    """The pieces of machine code that ``pack_b`` is made of, for panels of this width."""
    return transposer(itemsize), finisher(False, False, itemsize), column_copier(width, itemsize)


@inner
def pack_b(code, b, k0, j0, depth, columns, packed):  # type: ignore[no-untyped-def]
    """b[k0 : k0 + depth, j0 : j0 + columns] as panels (panels, depth, width), zeros behind the last column."""
    turn, copy, panels = code
    numbers, edge, width = b.numbers, turn[0], panels[0]
    start, together = k0 * b.row_step + j0 * b.column_step, 0
    if b.column_step == 1:  # whole panels together: a row of b is read in one go
        together = columns // width
        copy_columns(panels, together, depth, numbers, start, b.row_step, packed, 0)
    for j in range(together * width, columns, width):
        panel, used = j * depth, min(width, columns - j)  # (depth, width) in packed, and how much of the width b fills
        if b.column_step == 1:
            finish(
                copy, sums=numbers, s_start=start + j, s_row_step=b.row_step, y=packed, y_start=panel, y_row_step=width,
                rows=depth, columns=used, bias=numbers, b_start=0,
            )  # fmt: skip
        else:
            whole_j, whole_k = used - used % edge, (depth - depth % edge) if b.row_step == 1 else 0
            for q in range(0, whole_j, edge):
                column = start + (j + q) * b.column_step
                for k in range(0, whole_k, edge):  # blocks (edge, edge)
                    transpose(turn, numbers, column + k, b.column_step, packed, panel + k * width + q, width)
            for k in range(depth):
                for q in range(whole_j if k < whole_k else 0, used):
                    packed[panel + k * width + q] = numbers[start + k * b.row_step + (j + q) * b.column_step]
        for k in range(depth if used < width else 0):
            for q in range(used, width):
                packed[panel + k * width + q] = 0


@inner
def _pack_share(first, last, code, b, packed):  # type: ignore[no-untyped-def]
    width = code[2][0]
    for p in range(first, last):
        j, panel = p * width, b.rows * width
        pack_b(code, b, 0, j, b.rows, min(width, b.columns - j), packed[p * panel : (p + 1) * panel])


@compiled
def _pack(code, b, packed):  # type: ignore[no-untyped-def]
    arguments, tasks = (code, Matrix(*b), packed), (b[2] + code[2][0] - 1) // code[2][0]
    if len(packed) < FEW_NUMBERS:
        _pack_share(0, tasks, *arguments)
    else:
        in_parallel(_pack_share, tasks, arguments)
