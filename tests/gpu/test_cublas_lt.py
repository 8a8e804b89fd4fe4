"""The calls to cuBLASLt, made to a library of our own that reads the arguments as cuBLASLt does, and computes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend, config
from minidl.kernels.cuda import _cublas, _cublas_lt
from minidl.kernels.cuda._product import product
from minidl.layers import Dense
from minidl.ops.linear import dense, dense_grads
from minidl.optimizers import SGD
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import cupy, stand_in
from tests.gpu.test_cublas import RecordableCublas

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
TYPES = (np.float32, np.float64)


class FakeCublasLt:
    """As libcublasLt: column-major matrices behind pointers, descriptions behind handles."""

    def __init__(self) -> None:
        self.things: dict[int, dict[Any, Any]] = {}
        self.epilogues: list[int] = []
        self.compute: set[int] = set()
        self.asked = 0
        self.refused: set[int] = set()  # epilogues without an algorithm
        self.status = 0

    def _new(self, handle: Any, **what: Any) -> int:
        handle._obj.value = 1000 + len(self.things) + self.asked
        while handle._obj.value in self.things:
            handle._obj.value += 1
        self.things[handle._obj.value] = what
        return 0

    def cublasLtCreate(self, handle: Any) -> int:
        handle._obj.value = 4712
        return 0

    def cublasLtMatmulDescCreate(self, handle: Any, compute: int, scale: int) -> int:
        return self._new(handle, compute=compute, scale=scale)

    def cublasLtMatmulDescSetAttribute(self, handle: Any, attribute: int, value: Any, size: Any) -> int:
        kinds = {3: ctypes.c_int32, 4: ctypes.c_int32, 7: ctypes.c_uint32, 8: ctypes.c_void_p}
        assert type(value._obj) is kinds[attribute]
        assert size.value == ctypes.sizeof(value._obj)
        self.things[handle.value][attribute] = value._obj.value
        return 0

    def cublasLtMatrixLayoutCreate(self, handle: Any, type_: int, rows: Any, columns: Any, leading: Any) -> int:
        assert (type(rows), type(columns), type(leading)) == (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int64)
        return self._new(handle, type=type_, rows=rows.value, columns=columns.value, leading=leading.value)

    def cublasLtMatmulPreferenceCreate(self, handle: Any) -> int:
        return self._new(handle)

    def cublasLtMatmulPreferenceSetAttribute(self, handle: Any, attribute: int, value: Any, size: Any) -> int:
        assert type(value._obj) is (ctypes.c_uint64 if attribute == 1 else ctypes.c_uint32)
        assert size.value == ctypes.sizeof(value._obj)
        self.things[handle.value][attribute] = value._obj.value
        return 0

    def _destroy(self, handle: Any) -> int:
        del self.things[handle.value]
        return 0

    cublasLtMatmulPreferenceDestroy = cublasLtMatrixLayoutDestroy = cublasLtMatmulDescDestroy = _destroy

    def cublasLtMatmulAlgoGetHeuristic(self, handle: Any, description: Any, *rest: Any) -> int:
        *layouts, preference, wanted, result, count = rest
        assert (handle.value, len(layouts), wanted) == (4712, 4, 1)
        self.asked += 1
        wishes, epilogue = self.things[preference.value], self.things[description.value][7]
        assert wishes[1] == 32 << 20
        if epilogue in self.refused:
            return 15  # CUBLAS_STATUS_NOT_SUPPORTED
        algorithm = result._obj.algorithm
        algorithm[0], algorithm[1], algorithm[2], algorithm[3] = (wishes[k] for k in (5, 6, 7, 8))
        count._obj.value = 1
        return 0

    def cublasLtMatmul(
        self, handle: Any, description: Any, alpha: Any, a: Any, of_a: Any, b: Any, of_b: Any, beta: Any, c: Any, of_c: Any,
        d: Any, of_d: Any, algorithm: Any, workspace: Any, size: Any, stream: Any,
    ) -> int:  # fmt: skip
        """D = op(A) op(B), and what the epilogue says."""
        assert (handle.value, alpha._obj.value, beta._obj.value, size.value) == (4712, 1, 0, 32 << 20)
        assert workspace.value
        assert (stream.value or 0) == cupy.cuda.get_current_stream().ptr
        assert (c.value, of_c.value) == (d.value, of_d.value)
        of = dict(self.things[description.value])  # as it is now: a graph keeps that
        for pointer, alignment in zip((a, b, c, d), algorithm._obj):
            assert pointer.value % alignment == 0, "an algorithm for other addresses"

        def matrix(pointer: Any, layout: Any) -> np.ndarray:
            its = self.things[layout.value]
            dtype = np.dtype((np.float32, np.float64)[its["type"]])
            assert its["type"] == of["scale"]
            assert its["leading"] >= its["rows"]
            length = (its["columns"] - 1) * its["leading"] + its["rows"]
            flat = np.frombuffer((ctypes.c_char * (length * dtype.itemsize)).from_address(pointer.value), dtype)
            steps = dtype.itemsize, its["leading"] * dtype.itemsize
            return np.lib.stride_tricks.as_strided(flat, (its["rows"], its["columns"]), steps)

        A, B, D = matrix(a, of_a), matrix(b, of_b), matrix(d, of_d)
        A, B = (A.T if of[3] else A), (B.T if of[4] else B)
        vector = np.frombuffer((ctypes.c_char * (len(D) * D.itemsize)).from_address(of[8]), D.dtype) if of.get(8) else None

        def compute() -> None:
            result, epilogue = A @ B, of[7]
            if epilogue & 4:
                result = result + vector[:, None]
            if epilogue & 256:
                vector[:] = A.sum(axis=1)
            D[...] = result

        compute() if on_cpu.recording is None else on_cpu.recording.append(compute)
        self.epilogues.append(of[7])
        self.compute.add(of["compute"])
        return self.status


@pytest.fixture
def lt(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCublasLt]:
    fake, plain = FakeCublasLt(), RecordableCublas()
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": {"cublas": plain, "cublasLt": fake}[name])
    on_cpu.launches.clear()
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"):
        yield fake


def arrays(*shapes: tuple[int, ...], dtype: Any = np.float32, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(7, 3, 5), (1, 4, 1), (6, 1, 8)])
@pytest.mark.parametrize("with_bias, activation, epilogue", [(True, "linear", [4]), (True, "relu", [4]), (False, "relu", [])])
@needs_compiler
def test_the_bias_is_part_of_the_product(
    with_bias: bool, activation: str, epilogue: list[int], shape: tuple[int, int, int], dtype: Any, lt: FakeCublasLt
) -> None:
    m, k, n = shape
    x, W, b = arrays((m, k), (k, n), (n,), dtype=dtype)
    found = dense(cupy.asarray(x), cupy.asarray(W), cupy.asarray(b) if with_bias else None, activation).get()
    expected = dense.reference(x, W, b if with_bias else None, activation)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert lt.epilogues == epilogue
    assert on_cpu.launches == ([] if activation == "linear" else ["finish"])  # NaN passes our ReLU


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("shape", [(7, 3, 5), (1, 4, 1), (2, 3, 4, 6)])
def test_db_is_part_of_the_product_that_gives_dW(shape: tuple[int, ...], given: bool, dtype: Any, lt: FakeCublasLt) -> None:
    *rows, inputs, units = shape
    x, dy = arrays((*rows, inputs), (*rows, units), dtype=dtype)
    out = (cupy.empty((inputs, units), dtype), cupy.empty((units,), dtype)) if given else (None, None)
    dW, db = dense_grads(cupy.asarray(x), cupy.asarray(dy), out=out)
    if given:
        assert (dW, db) == out or (dW is out[0] and db is out[1])
    for found, expected in zip((dW, db), dense_grads.reference(x, dy)):
        np.testing.assert_allclose(found.get(), expected, rtol=1e-5, atol=1e-6)
    assert lt.epilogues == [256]
    assert not on_cpu.launches


@needs_compiler
def test_what_it_cannot_do_is_done_in_two_kernels(lt: FakeCublasLt) -> None:
    lt.refused = {4, 256}
    x, W, b, dy = arrays((7, 3), (3, 5), (5,), (7, 5))
    y = dense(cupy.asarray(x), cupy.asarray(W), cupy.asarray(b), "relu").get()
    np.testing.assert_allclose(y, np.maximum(x @ W + b, 0), rtol=1e-5, atol=1e-6)
    dW, db = dense_grads(cupy.asarray(x), cupy.asarray(dy))
    np.testing.assert_allclose(dW.get(), x.T @ dy, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(db.get(), dy.sum(axis=0), rtol=1e-5, atol=1e-6)
    assert on_cpu.launches == ["finish", "bias_grad"]
    assert (lt.epilogues, lt.asked) == ([], 2)
    arguments = cupy.asarray(x), cupy.asarray(W), cupy.empty((7, 5), "float32"), cupy.asarray(b)
    product(*arguments)
    asked = lt.asked
    product(*arguments)
    assert lt.asked == asked  # what it cannot do is known


def test_a_plan_is_made_once_for_each_shape_and_alignment(lt: FakeCublasLt) -> None:
    x, W, b = (cupy.asarray(a) for a in arrays((7, 4), (4, 8), (8,)))
    for _ in range(3):
        dense(x, W, b)
    assert lt.asked == 1
    other = cupy.asarray(arrays((1 + 4 * 8,))[0])[1:].reshape(4, 8)  # begins four bytes later
    np.testing.assert_allclose(dense(x, other, b).get(), x.get() @ other.get() + b.get(), rtol=1e-5, atol=1e-6)
    assert lt.asked == 2
    dense(x[:5], W, b)
    assert lt.asked == 3


def test_another_bias_of_the_same_shape_is_the_one_that_is_added(lt: FakeCublasLt) -> None:
    x, W, b, c = (cupy.asarray(a) for a in arrays((7, 4), (4, 8), (8,), (8,)))
    first, second = dense(x, W, b).get(), dense(x, W, c).get()
    np.testing.assert_allclose(second - first, np.broadcast_to(c.get() - b.get(), (7, 8)), rtol=1e-5, atol=1e-6)


def test_plans_are_given_up_when_there_are_many(lt: FakeCublasLt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cublas_lt, "_MOST_PLANS", 3)
    W, b = (cupy.asarray(a) for a in arrays((4, 8), (8,)))
    for rows in range(1, 9):
        dense(cupy.asarray(arrays((rows, 4))[0]), W, b)
    assert len(lt.things) <= 3 * 4  # a description and three layouts each


def test_precision_chooses_how_it_is_computed(lt: FakeCublasLt) -> None:
    x, W, b = (cupy.asarray(a) for a in arrays((7, 4), (4, 8), (8,)))
    for precision in ("float32", "tf32", "bf16"):
        with config.use_precision(precision):
            dense(x, W, b)
    assert lt.compute == {68, 77, 75}


def test_a_failure_is_reported(lt: FakeCublasLt) -> None:
    lt.status = 13
    x, W, b = (cupy.asarray(a) for a in arrays((7, 4), (4, 8), (8,)))
    with pytest.raises(RuntimeError, match="cublasLtMatmul failed with status 13"):
        dense(x, W, b)


@needs_compiler
def test_a_model_of_dense_layers_trains_with_it_as_without(lt: FakeCublasLt) -> None:
    """Gradients of a frozen bias, and of a layer that is called twice, too."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 6)).astype("float32"), rng.integers(0, 3, 32)

    def trained() -> list[np.ndarray]:
        minidl.set_seed(3)
        model = minidl.Sequential([Dense(8, "relu"), Dense(8, "relu"), Dense(3, "softmax")])
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        model.build((6,))
        model.layers[1].b.trainable = False
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return model.get_weights()

    with_lt = trained()
    assert {4, 256} <= set(lt.epilogues)
    with backend.use_backend("numpy"), config.use_kernels("reference"):
        expected = trained()
    for a, b in zip(with_lt, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_vectors_at_odd_addresses_are_left_to_two_kernels(lt: FakeCublasLt) -> None:
    x, W, dy, whole = (cupy.asarray(a) for a in arrays((7, 4), (4, 8), (7, 8), (9,)))
    b = whole[1:]
    np.testing.assert_allclose(dense(x, W, b).get(), x.get() @ W.get() + b.get(), rtol=1e-5, atol=1e-6)
    _, db = dense_grads(x, dy, out=(cupy.empty((4, 8), "float32"), b))
    np.testing.assert_allclose(db.get(), dy.get().sum(axis=0), rtol=1e-5, atol=1e-6)
    assert not lt.epilogues


@needs_compiler
def test_nan_passes_the_relu(lt: FakeCublasLt) -> None:
    x, W, b = (cupy.asarray(a) for a in (np.full((2, 3), np.nan, np.float32), *arrays((3, 4), (4,))))
    assert np.isnan(dense(x, W, b, "relu").get()).all()
