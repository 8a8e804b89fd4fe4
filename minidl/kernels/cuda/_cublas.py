"""cuBLAS by ctypes: the matrix product on tensor cores, on the current stream, with a workspace of our own.

CuPy's own calls to cuBLAS raise while a CUDA graph is being recorded, as cuBLAS might ask for memory then; with a workspace
given beforehand it does not. cuBLAS counts in columns: a matrix (M, N) in C order is the transposed (N, M) in its eyes, so
that y = A B is asked for as y^T = B^T A^T.
"""

from __future__ import annotations

import ctypes
from typing import Any

from minidl import config
from minidl.backend.dispatch import backend_of
from minidl.errors import BackendError
from minidl.kernels.cuda._cublas_lt import BIAS, SUM_OF_A, FinishedProducts, Matrix

WORKSPACE = 32 << 20  # bytes: what NVIDIA recommends for Hopper
ALIGNED = 16  # bytes, of which a vector's address has to be a multiple
AS_IT_IS, TRANSPOSED = 0, 1  # cublasOperation_t
_TYPES = {"float32": 0, "float64": 1}  # cudaDataType: CUDA_R_32F, CUDA_R_64F
_COMPUTE = {  # cublasComputeType_t
    ("float64", "float32"): 70,  # CUBLAS_COMPUTE_64F; a model in double precision stays so
    ("float64", "tf32"): 70,
    ("float64", "bf16"): 70,
    ("float32", "float32"): 68,  # CUBLAS_COMPUTE_32F
    ("float32", "tf32"): 77,  # CUBLAS_COMPUTE_32F_FAST_TF32
    ("float32", "bf16"): 75,  # CUBLAS_COMPUTE_32F_FAST_16BF: factors rounded to bfloat16, sums in float32
}
_DEFAULT_ALGORITHM = -1
_libraries: dict[Any, Library | None] = {}  # by array library and device


class Library:
    """One handle of cuBLAS on one device.

    Args:
        dll: the loaded library.
        xp: the array library.
    """

    def __init__(self, dll: Any, xp: Any) -> None:
        self._dll, self._xp = dll, xp
        self._handle = ctypes.c_void_p()
        _check(dll.cublasCreate_v2(ctypes.byref(self._handle)), "cublasCreate")
        self._workspace = xp.empty(WORKSPACE, "uint8")
        self._stream: int | None = None
        lt = load("cublasLt")
        self._finished = None if lt is None else FinishedProducts(lt, self._workspace)

    def takes(self, A: Any, B: Any, y: Any) -> bool:
        """Whether cuBLAS can read the matrices where they lie: one of their axes without gaps, and something to sum."""
        return (
            bool(A.shape[-1])
            and all(_layout(matrix) is not None for matrix in (A, B))
            and _layout(y, only_rows=True) is not None
        )

    def product(self, A: Any, B: Any, y: Any, adding: bool) -> None:
        """y = A B, or y += A B; of matrices, or of stacks of them."""
        self._follow_stream()
        (M, K), N, dtype = A.shape[-2:], B.shape[-1], y.dtype.name
        a, b, c = _layout(A), _layout(B), _layout(y, only_rows=True)
        assert a is not None
        assert b is not None
        assert c is not None
        number = ctypes.c_double if dtype == "float64" else ctypes.c_float
        one, before = number(1.0), number(1.0 if adding else 0.0)
        name, count = ("cublasGemmEx", ()) if y.ndim == 2 else ("cublasGemmStridedBatchedEx", (len(y),))
        status = getattr(self._dll, name)(
            self._handle, b[0], a[0], N, M, K, ctypes.byref(one), *_place(B, b[1]), *_place(A, a[1]), ctypes.byref(before),
            *_place(y, c[1]), *count, _COMPUTE[dtype, config.precision()], _DEFAULT_ALGORITHM,
        )  # fmt: skip
        _check(status, name)

    def finished_product(self, A: Any, B: Any, y: Any, bias: Any = None, sums: Any = None) -> bool:
        """y = A B in one kernel with a bias, or with B's sums over its rows; False where there is none.

        The ReLU is left out: nobody promises that cuBLASLt's lets NaN through, as ours does.
        """
        vector = bias if sums is None else sums
        if self._finished is None or vector.data.ptr % ALIGNED:  # what an algorithm wants of a vector cannot be asked
            return False
        a, b, c = (Matrix(matrix, _layout(matrix)) for matrix in (A, B, y))
        epilogue = BIAS if sums is None else SUM_OF_A
        compute, stream = _COMPUTE[y.dtype.name, config.precision()], self._xp.cuda.get_current_stream().ptr
        return self._finished.product(a, b, c, epilogue, vector, y.dtype.name, compute, stream)

    def _follow_stream(self) -> None:
        """Calls go to the current stream. Setting a stream takes the workspace away, so it is given again."""
        stream = self._xp.cuda.get_current_stream().ptr
        if stream != self._stream:
            _check(self._dll.cublasSetStream_v2(self._handle, ctypes.c_void_p(stream)), "cublasSetStream")
            workspace = ctypes.c_void_p(self._workspace.data.ptr), ctypes.c_size_t(WORKSPACE)
            _check(self._dll.cublasSetWorkspace_v2(self._handle, *workspace), "cublasSetWorkspace")
            self._stream = stream


def library_of(x: Any) -> Library | None:
    """The library for arrays like ``x``, on their device; None where cuBLAS is not installed.

    Raises BackendError where it is missing and tensor cores were asked for, which only it can use.
    """
    xp = backend_of(x).xp
    key = (xp, xp.cuda.Device().id)
    if key not in _libraries:
        dll = load()
        _libraries[key] = None if dll is None else Library(dll, xp)
    if _libraries[key] is None and config.precision() != "float32":
        received = f"precision={config.precision()!r} without cuBLAS"
        raise BackendError("compile", received, "cuBLAS beside CuPy", "pip install 'minidl[cuda13]'")
    return _libraries[key]


def load(name: str = "cublas") -> Any:
    """The shared library, found where CuPy finds it; None where it is not."""
    try:
        from cuda import pathfinder  # comes with CuPy
    except ImportError:
        return None
    try:
        path = pathfinder.load_nvidia_dynamic_lib(name).abs_path
        return ctypes.CDLL(path) if path else None
    except Exception:  # its error has no public name, and without the library our own product takes over
        return None


def _layout(matrix: Any, only_rows: bool = False) -> tuple[int, int] | None:
    """(operation, leading dimension) of a matrix in cuBLAS's eyes; None where both its axes have gaps.

    >>> import numpy as np
    >>> x = np.zeros((3, 4), "float32")
    >>> _layout(x), _layout(x.T), _layout(x[:, :2]), _layout(x[:, ::2])
    ((0, 4), (1, 4), (0, 4), None)
    """
    (rows, columns), size = matrix.shape[-2:], matrix.itemsize
    down, across = (stride // size for stride in matrix.strides[-2:])
    if (across == 1 or columns == 1) and (rows == 1 or down >= max(columns, 1)):
        return AS_IT_IS, max(columns, down if rows > 1 else columns, 1)
    if not only_rows and (down == 1 or rows == 1) and (columns == 1 or across >= max(rows, 1)):
        return TRANSPOSED, max(rows, across if columns > 1 else rows, 1)
    return None


def _place(matrix: Any, leading: int) -> tuple[Any, ...]:
    """Address, type and leading dimension; of a stack also how far apart its matrices are."""
    next_one = [ctypes.c_longlong(stride // matrix.itemsize) for stride in matrix.strides[:-2]]
    return ctypes.c_void_p(matrix.data.ptr), _TYPES[matrix.dtype.name], leading, *next_one


def _check(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"{what} failed with status {status}")
