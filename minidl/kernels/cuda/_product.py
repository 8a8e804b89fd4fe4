"""The matrix product every dense layer and every recurrent step comes down to: cuBLAS where it is, else our own kernel.

CuPy's ``matmul`` would call cuBLAS too, but refuses to while a CUDA graph is being recorded; both ways here may be recorded.
"""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda import _cublas
from minidl.kernels.cuda._module import Module, blocks

_module = Module("linear.cu")
COLUMNS, ROWS = {"float32": 64, "float64": 16}, {"float32": 128, "float64": 64}  # of a tile of results, see tile.cuh
_MOST_LAYERS = 65535  # of a grid, along its third axis


def product(A: Any, B: Any, y: Any, bias: Any = None, adding: bool = False, relu: bool = False) -> None:
    """y = A B + bias, y += A B + bias where ``adding``, max(y, 0) where ``relu``.

    A and B have any strides; the columns of y lie side by side, and with a bias or ``relu`` its rows as well.
    """
    (M, K), N = A.shape, B.shape[1]
    if not M or not N:
        return
    library = _cublas.library_of(y)
    if library is not None and library.takes(A, B, y):
        if bias is not None and not adding and library.finished_product(A, B, y, bias):
            bias = None
        else:
            library.product(A, B, y, adding)
        if bias is not None or relu:
            _module("finish", y, blocks(y.size), y, bias, relu, y.size, N)
        return
    size = y.itemsize
    steps = [stride // size for matrix in (A, B) for stride in matrix.strides]
    grid = (-(-M // ROWS[y.dtype.name]), -(-N // COLUMNS[y.dtype.name]))
    _module("product", y, grid, A, B, bias, y, M, N, K, *steps, y.strides[0] // size, adding, relu)


def product_and_sums(A: Any, B: Any, y: Any, sums: Any) -> bool:
    """y = A B and sums = B summed over its rows, in one kernel; False, and nothing is done, where there is none."""
    library = _cublas.library_of(y)
    return library is not None and bool(y.size) and library.takes(A, B, y) and library.finished_product(A, B, y, sums=sums)


def products(A: Any, B: Any) -> Any:
    """A B for stacks of matrices: (count, M, K), (count, K, N) -> (count, M, N); all axes of A and B may have any strides."""
    (count, M, K), N = A.shape, B.shape[2]
    y = backend_of(A).empty((count, M, N), A.dtype)
    if not y.size:
        return y
    library = _cublas.library_of(y)
    if library is not None and library.takes(A, B, y):
        library.product(A, B, y, adding=False)
        return y
    (A_next, *A_steps), (B_next, *B_steps) = ([stride // y.itemsize for stride in matrix.strides] for matrix in (A, B))
    for first in range(0, count, _MOST_LAYERS):
        a, b, c = (matrix[first : first + _MOST_LAYERS] for matrix in (A, B, y))
        grid = (-(-M // ROWS[y.dtype.name]), -(-N // COLUMNS[y.dtype.name]), len(c))
        _module("products", y, grid, a, b, c, M, N, K, *A_steps, *B_steps, A_next, B_next)
    return y
