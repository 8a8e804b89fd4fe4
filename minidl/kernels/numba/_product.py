"""The matrix product c = a b (+ bias) of flat arrays with any strides: panels of b are packed, tiles run over them.

    c[i, j] = sum_k a[i a_row + k a_k] b[k b_k + j b_column]

A task is a panel of columns times a block of rows. It packs ``DEPTH`` rows of its panel at a time, so that panel and tile
stay in the first caches, and sums into scratch of its own; results go out once, with the bias.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.numba._blocking import tile_shape
from minidl.kernels.numba._jit import compiled, threads
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._tile import tile

DEPTH = 192  # rows of b packed together: 192 x 64 floats are 48 KiB
BLOCK = 384  # rows of c a task works on


@compiled
def _product_task(size, m0, m1, n, depth, a, a_row, a_k, b, b_k, b_column, j0, c, c_row, bias):  # type: ignore[no-untyped-def]
    """Rows m0 to m1 of the panel of columns that starts at j0."""
    rows, width = len(size[0]), len(size[1]) * len(size[2])
    m = m1 - m0
    tiles = (m + rows - 1) // rows
    columns = min(width, n - j0)
    sums = np.empty(tiles * rows * width, c.dtype)
    packed = np.empty(min(depth, DEPTH) * width, c.dtype)
    if m < rows:  # too few rows for a tile: give it zeros to read
        padded = np.zeros(rows * depth, c.dtype)
        for r in range(m):
            for k in range(depth):
                padded[r * depth + k] = a[(m0 + r) * a_row + k * a_k]
    else:
        padded = np.empty(1, c.dtype)
    for k0 in range(0, depth, DEPTH):
        block = min(DEPTH, depth - k0)
        if b_column == 1:
            for k in range(block):
                first = (k0 + k) * b_k + j0
                for j in range(columns):
                    packed[k * width + j] = b[first + j]
                for j in range(columns, width):
                    packed[k * width + j] = 0
        else:
            for j in range(columns):
                first = (j0 + j) * b_column + k0 * b_k
                for k in range(block):
                    packed[k * width + j] = b[first + k * b_k]
            for k in range(block):
                for j in range(columns, width):
                    packed[k * width + j] = 0
        for t in range(tiles):
            if m < rows:
                tile(size, 1, block, padded, k0, depth, 0, 1, packed, 0, 0, width, sums, 0, width, k0)
            else:
                start = (m0 + min(t * rows, m - rows)) * a_row + k0 * a_k  # the last tile overlaps the one before it
                tile(
                    size, 1, block, a, start, a_row, 0, a_k,
                    packed, 0, 0, width, sums, t * rows * width, width, k0,
                )  # fmt: skip
    for t in range(tiles):
        first_row = min(t * rows, max(m - rows, 0))
        for r in range(min(rows, m)):
            at, out = (t * rows + r) * width, (m0 + first_row + r) * c_row + j0
            if len(bias):
                for j in range(columns):
                    sums[at + j] += bias[j0 + j]
            for j in range(columns):
                c[out + j] = sums[at + j]


@compiled
def _product_share(first, last, size, m, n, depth, a, a_row, a_k, b, b_k, b_column, c, c_row, bias, block):  # type: ignore[no-untyped-def]
    """Tasks first to last."""
    width = len(size[1]) * len(size[2])
    panels = (n + width - 1) // width
    for index in range(first, last):
        m0 = (index // panels) * block
        j0 = (index % panels) * width
        _product_task(size, m0, min(m0 + block, m), n, depth, a, a_row, a_k, b, b_k, b_column, j0, c, c_row, bias)


@compiled
def _product_on_threads(size, tasks, m, n, depth, a, a_row, a_k, b, b_k, b_column, c, c_row, bias, block):  # type: ignore[no-untyped-def]
    in_parallel(_product_share, tasks, (size, m, n, depth, a, a_row, a_k, b, b_k, b_column, c, c_row, bias, block))


_EMPTY = {np.dtype(name): np.empty(0, name) for name in ("float32", "float64")}
SMALL = 200_000  # multiply-adds below which one thread is quicker than waking another


def product(
    m: int,
    n: int,
    depth: int,
    a: Any,
    a_row: int,
    a_k: int,
    b: Any,
    b_k: int,
    b_column: int,
    c: Any,
    bias: Any = None,
) -> None:
    """c (m, n) = a (m, depth) b (depth, n), then + bias (n,); all arrays flat, c in C order."""
    if m == 0 or n == 0:
        return
    size = tile_shape(min(m, BLOCK), n, c.itemsize)
    assert size is not None
    rows, panels = len(size[0]), -(-n // (len(size[1]) * len(size[2])))
    work = threads()
    blocks = max(-(-m // BLOCK), -(-work // panels) if panels % work else 1)
    block = -(-m // blocks)
    block = -(-block // rows) * rows
    blocks = -(-m // block)
    arguments = (m, n, depth, a, a_row, a_k, b, b_k, b_column, c, n, _EMPTY[c.dtype] if bias is None else bias, block)
    if work == 1 or m * n * depth < SMALL:
        _product_share(0, panels * blocks, size, *arguments)
    else:
        _product_on_threads(size, panels * blocks, *arguments)
