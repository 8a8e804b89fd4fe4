"""cuBLASLt by ctypes: products that add a bias, or sum the right factor's columns, before y is written.

What follows a product costs a kernel of its own otherwise, which reads and writes all of y again. cuBLASLt calls that an
epilogue. It counts in columns as cuBLAS does (``_cublas.py``), so its D is y^T and its A is B^T: a bias for the rows of D is
one for the columns of y, and the sum of A over the depth is the sum of the right factor over its rows, which is db where
dW = x^T dy is computed.

Source: NVIDIA, cuBLAS documentation, "Using the cuBLASLt API".
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

_MATMUL_DESC = {"transpose A": 3, "transpose B": 4, "epilogue": 7, "bias": 8}  # cublasLtMatmulDescAttributes_t
_PREFERENCE = {"workspace": 1, "alignment A": 5, "alignment B": 6, "alignment C": 7, "alignment D": 8}
BIAS, SUM_OF_A = 4, 256  # cublasLtEpilogue_t; SUM_OF_A is BGRADA
_SCALE = {"float32": 0, "float64": 1}  # cudaDataType: CUDA_R_32F, CUDA_R_64F
_MOST_PLANS = 256  # of different shapes; then all are made anew


class _Heuristic(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t: an algorithm, and what it needs."""

    _fields_ = (
        ("algorithm", ctypes.c_uint64 * 8),
        ("workspace", ctypes.c_size_t),
        ("state", ctypes.c_int),
        ("waves", ctypes.c_float),
        ("reserved", ctypes.c_int * 4),
    )


class Matrix:
    """How cuBLASLt sees a matrix: rows and columns as they lie in memory, how far apart columns are, and whether to turn it."""

    def __init__(self, matrix: Any, layout: tuple[int, int] | None) -> None:
        assert layout is not None
        turned, self.leading = layout
        rows, columns = matrix.shape  # in C order the columns lie side by side
        self.turned, self.rows, self.columns = turned, *((rows, columns) if turned else (columns, rows))
        self.start = matrix.data.ptr
        self.key = turned, self.rows, self.columns, self.leading, alignment(self.start)


class FinishedProducts:
    """One handle of cuBLASLt on one device.

    Args:
        dll: the loaded library.
        workspace: an array of bytes that calls on the current stream may use.
    """

    def __init__(self, dll: Any, workspace: Any) -> None:
        self._dll, self._workspace = dll, workspace
        self._handle = ctypes.c_void_p()
        self._plans: dict[Any, _Plan | None] = {}
        self._lock = threading.Lock()  # a plan is told the bias's address before each call
        _check(dll.cublasLtCreate(ctypes.byref(self._handle)), "cublasLtCreate")

    def product(
        self, A: Matrix, B: Matrix, y: Matrix, epilogue: int, vector: Any, dtype: str, compute: int, stream: int
    ) -> bool:  # fmt: skip
        """y = A B with what ``epilogue`` says; False, and nothing is done, where cuBLASLt has no algorithm for that.

        ``vector`` is the bias that is added, or the array for the sums.
        """
        with self._lock:
            key = dtype, compute, epilogue, A.key, B.key, y.key
            if key not in self._plans:
                if len(self._plans) >= _MOST_PLANS:
                    self._forget()
                self._plans[key] = _Plan.found(self, key, A, B, y)
            plan = self._plans[key]
            if plan is None:
                return False
            if vector is not None:
                plan.set(_MATMUL_DESC["bias"], ctypes.c_void_p(vector.data.ptr))
            number = ctypes.c_double if dtype == "float64" else ctypes.c_float
            one, nothing = number(1), number(0)
            pointers = [ctypes.c_void_p(matrix.start) for matrix in (B, A, y)]
            status = self._dll.cublasLtMatmul(
                self._handle, plan.description, ctypes.byref(one), pointers[0], plan.layouts[0], pointers[1],
                plan.layouts[1], ctypes.byref(nothing), pointers[2], plan.layouts[2], pointers[2], plan.layouts[2],
                ctypes.byref(plan.heuristic.algorithm), ctypes.c_void_p(self._workspace.data.ptr),
                ctypes.c_size_t(self._workspace.nbytes), ctypes.c_void_p(stream),
            )  # fmt: skip
            _check(status, "cublasLtMatmul")
            return True

    def _forget(self) -> None:
        for plan in self._plans.values():
            if plan is not None:
                plan.destroy()
        self._plans.clear()


class _Plan:
    """What cuBLASLt wants to know of a product besides addresses, and the algorithm it chose."""

    def __init__(self, owner: FinishedProducts, dtype: str, compute: int, epilogue: int, matrices: tuple[Matrix, ...]) -> None:
        self._dll = dll = owner._dll
        A, B, y = matrices
        self.description, self.heuristic = ctypes.c_void_p(), _Heuristic()
        _check(dll.cublasLtMatmulDescCreate(ctypes.byref(self.description), compute, _SCALE[dtype]), "cublasLtMatmulDescCreate")
        self.set(_MATMUL_DESC["transpose A"], ctypes.c_int32(B.turned))
        self.set(_MATMUL_DESC["transpose B"], ctypes.c_int32(A.turned))
        self.set(_MATMUL_DESC["epilogue"], ctypes.c_uint32(epilogue))
        self.layouts = [ctypes.c_void_p() for _ in range(3)]
        for layout, matrix in zip(self.layouts, (B, A, y), strict=True):
            size = ctypes.c_uint64(matrix.rows), ctypes.c_uint64(matrix.columns), ctypes.c_int64(matrix.leading)
            _check(dll.cublasLtMatrixLayoutCreate(ctypes.byref(layout), _SCALE[dtype], *size), "cublasLtMatrixLayoutCreate")

    @staticmethod
    def found(owner: FinishedProducts, key: Any, A: Matrix, B: Matrix, y: Matrix) -> _Plan | None:
        """A plan with the algorithm that cuBLASLt thinks best; None where it has none."""
        dll, (dtype, compute, epilogue, *_) = owner._dll, key
        plan, preference, count = _Plan(owner, dtype, compute, epilogue, (A, B, y)), ctypes.c_void_p(), ctypes.c_int()
        _check(dll.cublasLtMatmulPreferenceCreate(ctypes.byref(preference)), "cublasLtMatmulPreferenceCreate")
        try:
            of = dict(zip("ABCD", (B, A, y, y), strict=True))
            wishes = {"workspace": ctypes.c_uint64(owner._workspace.nbytes)} | {
                f"alignment {name}": ctypes.c_uint32(alignment(matrix.start)) for name, matrix in of.items()
            }
            for name, value in wishes.items():
                size = ctypes.c_size_t(ctypes.sizeof(value))
                status = dll.cublasLtMatmulPreferenceSetAttribute(preference, _PREFERENCE[name], ctypes.byref(value), size)
                _check(status, "cublasLtMatmulPreferenceSetAttribute")
            status = dll.cublasLtMatmulAlgoGetHeuristic(
                owner._handle, plan.description, *plan.layouts, plan.layouts[2], preference, 1, ctypes.byref(plan.heuristic),
                ctypes.byref(count),
            )  # fmt: skip
        finally:
            dll.cublasLtMatmulPreferenceDestroy(preference)
        if status or not count.value or plan.heuristic.state:
            plan.destroy()
            return None
        return plan

    def set(self, attribute: int, value: Any) -> None:
        size = ctypes.c_size_t(ctypes.sizeof(value))
        status = self._dll.cublasLtMatmulDescSetAttribute(self.description, attribute, ctypes.byref(value), size)
        _check(status, "cublasLtMatmulDescSetAttribute")

    def destroy(self) -> None:
        for layout in self.layouts:
            self._dll.cublasLtMatrixLayoutDestroy(layout)
        self._dll.cublasLtMatmulDescDestroy(self.description)


def alignment(address: int) -> int:
    """The largest power of two that divides an address, up to 256 bytes: what cuBLASLt supposes if it is not told.

    >>> alignment(4096), alignment(24)
    (256, 8)
    """
    return min(address & -address, 256) or 256


def _check(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"{what} failed with status {status}")
