"""The matrix product every dense layer and every recurrent step comes down to: cuBLAS where it is, else our own kernel.

CuPy's ``matmul`` would call cuBLAS too, but refuses to while a CUDA graph is being recorded; both ways here may be recorded.
"""

from __future__ import annotations

from typing import Any

from minidl.kernels.cuda import _cublas
from minidl.kernels.cuda._module import Module, blocks

_module = Module("linear.cu")
TILE = 64


def product(A: Any, B: Any, y: Any, bias: Any = None, adding: bool = False) -> None:
    """y = A B + bias, or y += A B + bias where ``adding``; matrices with any strides, y with its columns side by side."""
    (M, K), N = A.shape, B.shape[1]
    if not M or not N:
        return
    library = _cublas.library_of(y)
    if library is not None and library.takes(A, B, y):
        library.product(A, B, y, adding)
        if bias is not None:
            rows = y if y.flags.c_contiguous else None
            assert rows is not None, "a bias is only added to whole arrays"
            _module("add_bias", y, blocks(y.size), y, bias, y.size, N)
        return
    size = y.itemsize
    steps = [stride // size for matrix in (A, B) for stride in matrix.strides]
    _module("product", y, (-(-M // TILE), -(-N // TILE)), A, B, bias, y, M, N, K, *steps, y.strides[0] // size, adding)
