"""The calls to cuBLAS, made to a library of our own that reads the arguments as cuBLAS does, and computes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.geometry import Window
from minidl.kernels.cuda import _cublas, _product, convolution
from minidl.kernels.cuda._product import product, products
from tests.cases.ops import cases_of
from tests.cases.sample import mostly, only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import cupy, stand_in
from tests.gpu.test_kernels import check_case, declines_on_purpose

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")


def rounded_to_bf16(x: np.ndarray) -> np.ndarray:
    """To the nearest number of eight significant bits, ties to even."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


class FakeCublas:
    """As libcublas: column-major matrices behind pointers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.compute: set[int] = set()
        self.status = 0

    def cublasCreate_v2(self, handle: Any) -> int:
        self.calls.append("create")
        handle._obj.value = 4711
        return self.status

    def cublasSetStream_v2(self, handle: Any, stream: Any) -> int:
        self.calls.append(f"stream {stream.value or 0}")
        return handle.value != 4711

    def cublasSetWorkspace_v2(self, handle: Any, start: Any, size: Any) -> int:
        self.calls.append(f"workspace {size.value}")
        return not start.value

    def cublasGemmEx(
        self, handle: Any, op_a: int, op_b: int, m: int, n: int, k: int, alpha: Any,
        a: Any, type_a: int, lda: int, b: Any, type_b: int, ldb: int, beta: Any,
        c: Any, type_c: int, ldc: int, compute: int, algorithm: int,
    ) -> int:  # fmt: skip
        """C (m, n) = alpha op(A) (m, k) op(B) (k, n) + beta C; A is (m, k), or (k, m) where it is transposed."""
        assert type_a == type_b == type_c
        assert algorithm == -1
        self.calls.append("gemm")
        self.compute.add(compute)
        dtype = (np.float32, np.float64)[type_c]

        def matrix(pointer: Any, rows: int, columns: int, leading: int) -> np.ndarray:
            assert leading >= max(rows, 1), "cuBLAS refuses a leading dimension smaller than a column"
            memory = (ctypes.c_char * (((columns - 1) * leading + rows) * np.dtype(dtype).itemsize)).from_address(pointer.value)
            flat = np.frombuffer(memory, dtype)
            return np.lib.stride_tricks.as_strided(flat, (rows, columns), (flat.itemsize, leading * flat.itemsize))

        A = matrix(a, *((k, m) if op_a else (m, k)), lda)
        B = matrix(b, *((n, k) if op_b else (k, n)), ldb)
        C = matrix(c, m, n, ldc)
        A, B = (A.T if op_a else A), (B.T if op_b else B)
        if compute == 75:
            A, B = rounded_to_bf16(A), rounded_to_bf16(B)
        scale = beta._obj.value
        C[...] = alpha._obj.value * (A @ B) + (scale * C if scale else 0)
        return self.status

    def cublasGemmStridedBatchedEx(
        self, handle: Any, op_a: int, op_b: int, m: int, n: int, k: int, alpha: Any,
        a: Any, type_a: int, lda: int, next_a: Any, b: Any, type_b: int, ldb: int, next_b: Any, beta: Any,
        c: Any, type_c: int, ldc: int, next_c: Any, count: int, compute: int, algorithm: int,
    ) -> int:  # fmt: skip
        """The same for each of ``count`` matrices, ``next_a`` and so on numbers apart."""
        self.calls.append("gemms")
        assert all(isinstance(step, ctypes.c_longlong) for step in (next_a, next_b, next_c))
        size = (4, 8)[type_c]
        for i in range(count):
            A, B, C = (
                ctypes.c_void_p(start.value + i * step.value * size) for start, step in ((a, next_a), (b, next_b), (c, next_c))
            )
            rest = beta, C, type_c, ldc, compute, algorithm
            FakeCublas.cublasGemmEx(self, handle, op_a, op_b, m, n, k, alpha, A, type_a, lda, B, type_b, ldb, *rest)
        return self.status


class RecordableCublas(FakeCublas):
    """While a stream is recorded nothing is computed."""

    def cublasGemmEx(self, *arguments: Any) -> int:
        return self._now_or_recorded(super().cublasGemmEx, arguments)

    def cublasGemmStridedBatchedEx(self, *arguments: Any) -> int:
        return self._now_or_recorded(super().cublasGemmStridedBatchedEx, arguments)

    def _now_or_recorded(self, compute: Any, arguments: tuple[Any, ...]) -> int:
        if on_cpu.recording is None:
            return compute(*arguments)
        on_cpu.recording.append(lambda: compute(*arguments))
        return self.status


@pytest.fixture
def cublas(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCublas]:
    fake = FakeCublas()
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": fake if name == "cublas" else None)
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"):
        yield fake


PRODUCTS = [
    "linear.dense",
    "linear.dense_grad_x",
    "linear.dense_grad_W",
    "recurrent.simple_rnn",
    "recurrent.simple_rnn_grad",
    "recurrent.lstm",
    "recurrent.lstm_grad",
    "recurrent.gru",
    "recurrent.gru_grad",
]


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("op", only(PRODUCTS, always=["linear.dense"]))
def test_products_by_cublas_equal_the_reference(op: str, cublas: FakeCublas) -> None:
    for dtype in (np.float32, np.float64):
        for seed, case in enumerate(cases_of(op)):
            assert check_case(case, seed, dtype) or declines_on_purpose(case)
    assert cublas.calls.count("gemm") > 20
    assert cublas.compute == {68, 70}
    assert on_cpu.launches.count("product") <= 8  # sums of nothing: dW of a batch without samples
    if op == "linear.dense":
        assert "finish" in on_cpu.launches


STACKS = [f"attention.{name}" for name in ("dot_scores", "dot_scores_grad", "weighted_mean", "weighted_mean_grad")]


@needs_compiler
@pytest.mark.parametrize("op", only(STACKS, always=["attention.dot_scores_grad"]))
def test_products_of_stacks_are_one_call(op: str, cublas: FakeCublas) -> None:
    cases = cases_of(op)
    for dtype in (np.float32, np.float64):
        for seed, case in enumerate(cases):
            assert check_case(case, seed, dtype)
    filled = [case for case in cases if "(0, 2)" not in case.name]
    assert cublas.calls.count("gemms") == len(filled) * 2 * 2 * (2 if op.endswith("grad") else 1)  # types, and once more
    assert not on_cpu.launches


def test_more_matrices_than_a_grid_has_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_product, "_MOST_LAYERS", 2)
    a, b = (np.random.default_rng(0).normal(size=shape) for shape in ((5, 3, 4), (5, 4, 2)))
    with stand_in(), backend.use_backend("cupy"):
        np.testing.assert_allclose(products(cupy.asarray(a), cupy.asarray(b)).get(), a @ b, rtol=1e-12)
    assert on_cpu.launches == 3 * ["products"]


@pytest.fixture(autouse=True)
def fresh_launches() -> None:
    on_cpu.launches.clear()


def test_the_workspace_is_given_again_with_each_stream(cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = cupy.asarray(np.ones((2, 2), np.float32)), cupy.empty((2, 2), "float32")
    product(x, x, y)
    product(x, x, y)
    other = cupy.cuda.Stream(non_blocking=True)
    monkeypatch.setattr(cupy.cuda, "get_current_stream", lambda: other)
    product(x, x, y)
    own = [f"stream {cupy.cuda.Stream(name='compute').ptr}", f"workspace {32 << 20}"]
    assert cublas.calls == ["create", *own, "gemm", "gemm", f"stream {other.ptr}", own[1], "gemm"]
    assert y.get().tolist() == [[2, 2], [2, 2]]


@needs_compiler
def test_matrices_with_gaps_and_sums_of_nothing_are_left_to_our_kernel(cublas: FakeCublas) -> None:
    whole = np.random.default_rng(0).normal(size=(6, 8)).astype("float32")
    x, y = cupy.asarray(whole), cupy.empty((6, 6), "float32")
    gaps = x[:, ::2]
    product(gaps, gaps.T, y)
    assert "gemm" not in cublas.calls
    np.testing.assert_allclose(y.get(), whole[:, ::2] @ whole[:, ::2].T, rtol=1e-5)
    product(cupy.empty((6, 0), "float32"), cupy.empty((0, 6), "float32"), y)
    assert not y.get().any()


def test_precision_chooses_how_it_is_computed(cublas: FakeCublas) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(5, 5)).astype("float32") for _ in range(2))
    y, results = cupy.empty((5, 5), "float32"), {}
    for precision in ("float32", "tf32", "bf16"):
        with config.use_precision(precision):
            product(cupy.asarray(a), cupy.asarray(b), y)
        results[precision] = y.get()
    assert cublas.compute == {68, 77, 75}
    cublas.compute.clear()
    with config.use_precision("tf32"):
        products(cupy.asarray(a[None]), cupy.asarray(b[None]))
    assert cublas.compute == {77}
    difference = np.abs(results["bf16"] - results["float32"]).max()
    assert 1e-4 < difference < 0.1


CONVOLUTIONS = ["convolution.convolve", "convolution.convolve_grad_x", "convolution.convolve_grad_W"]


@needs_compiler
@pytest.mark.parametrize("sizes", mostly([("tiny",), ("small", "medium")], always=[("tiny",)]), ids=["tiny", "larger"])
@pytest.mark.parametrize("op", only(CONVOLUTIONS, always=["convolution.convolve_grad_x"]))
def test_a_convolution_of_many_channels_is_patches_and_a_product(
    op: str, sizes: tuple[str, ...], cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "_MANY_CHANNELS", 1)
    on_cpu.launches.clear()
    with np.errstate(all="ignore"):  # of the infinite ones
        for seed, case in enumerate(cases_of(op, *sizes)):
            assert check_case(case, seed, np.float32)
    assert "gemm" in cublas.calls
    assert {"unfold", "fold"} & set(on_cpu.launches)
    assert op.rpartition(".")[2].removesuffix("_relu") in on_cpu.launches  # groups


@needs_compiler
def test_a_convolution_of_one_tap_is_a_product(cublas: FakeCublas) -> None:
    rng = np.random.default_rng(0)
    x, W, dy = (rng.normal(size=shape).astype("float32") for shape in ((2, 3, 4, 5), (1, 1, 5, 6), (2, 3, 4, 6)))
    X, V, DY, window = *map(cupy.asarray, (x, W, dy)), Window((1, 1))
    on_cpu.launches.clear()
    np.testing.assert_allclose(convolution.convolve(X, V, None, window).get(), x @ W[0, 0], rtol=1e-5)
    np.testing.assert_allclose(convolution.convolve_grad_x(DY, V, (3, 4), window).get(), dy @ W[0, 0].T, rtol=1e-5)
    expected = x.reshape(-1, 5).T @ dy.reshape(-1, 6)
    np.testing.assert_allclose(convolution.convolve_grad_W(X, DY, window).get()[0, 0], expected, rtol=1e-5, atol=1e-6)
    assert cublas.calls.count("gemm") == 3
    assert not on_cpu.launches
    convolution.convolve(X, V, None, Window((1, 1), (2, 1)))  # strides leave positions out
    assert cublas.calls.count("gemm") == 3


def test_an_error_of_the_library_is_not_swallowed(cublas: FakeCublas) -> None:
    x = cupy.asarray(np.ones((2, 2), np.float32))
    product(x, x, cupy.empty((2, 2), "float32"))
    cublas.status = 13
    with pytest.raises(RuntimeError, match="cublasGemmEx failed with status 13"):
        product(x, x, cupy.empty((2, 2), "float32"))
    with pytest.raises(RuntimeError, match="cublasGemmStridedBatchedEx failed with status 13"):
        products(x[None], x[None])


def test_without_the_library_our_kernel_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": None)
    with stand_in(), backend.use_backend("cupy"):
        assert _cublas.library_of(cupy.empty(1)) is None
