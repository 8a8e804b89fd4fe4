"""``compile(precision=...)``: products on tensor cores where there are some, master weights in float32, and no silent no-op."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from minidl import backend, config
from minidl.errors import ArgumentError, BackendError
from minidl.kernels.cuda import _cublas
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import stand_in
from tests.gpu.test_cublas import FakeCublas
from tests.gpu.test_training import IMAGES, LABELS, MODELS, make, targets

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")


@pytest.fixture
def cublas(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCublas]:
    fake = FakeCublas()
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda: fake)
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"):
        yield fake


def losses(name: str, precision: str) -> tuple[np.ndarray, list[np.ndarray]]:
    model = make(name)
    model.compile(optimizer=MODELS[name][1], loss=MODELS[name][2], precision=precision)
    history = model.fit(IMAGES, targets(name, LABELS), batch_size=20, epochs=3, verbose=0)
    return np.array(history.history["loss"]), model.get_weights()


@needs_compiler
@pytest.mark.parametrize("name", MODELS)
def test_bf16_trains_as_float32_does_to_its_own_rounding(name: str, cublas: FakeCublas) -> None:
    exact, _ = losses(name, "float32")
    assert cublas.compute == {68}
    cublas.compute.clear()
    rounded, weights = losses(name, "bf16")
    assert cublas.compute == {75}
    assert all(w.dtype == np.float32 for w in weights)
    assert (rounded != exact).any()
    np.testing.assert_allclose(rounded, exact, rtol=0.03)
    assert rounded[-1] < rounded[0]
    assert config.precision() == "float32"  # outside of the step


@needs_compiler
def test_small_updates_are_not_lost(cublas: FakeCublas) -> None:
    """In bfloat16 weights 1 + 1e-4 would be 1: the master weights are not rounded."""
    model = make("softmax")
    model.compile(optimizer=MODELS["softmax"][1], loss="categorical_crossentropy", precision="bf16")
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    model.train_on_batch(IMAGES, targets("softmax", LABELS))
    changed = model.get_weights()[0] - 1
    assert np.abs(changed).max() < 2**-8
    assert np.abs(changed).max() > 0


def test_without_cublas_tensor_cores_are_refused(cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cublas, "load", lambda: None)
    model = make("softmax")
    model.compile("sgd", "categorical_crossentropy", precision="tf32")
    with pytest.raises(BackendError, match="'tf32' without cuBLAS"):
        model.train_on_batch(IMAGES[:5], targets("softmax", LABELS[:5]))


def test_it_is_refused_where_it_would_mean_nothing() -> None:
    model = make("softmax")
    with pytest.raises(BackendError, match="precision='bf16' on the CPU"):
        model.compile("sgd", "mse", precision="bf16")
    with pytest.raises(ArgumentError, match="'half'"):
        model.compile("sgd", "mse", precision="half")
    with pytest.raises(ArgumentError):
        config.use_precision("half").__enter__()
    assert model.loss is not None
    assert type(model.loss).__name__ == "CategoricalCrossentropy"  # a refused compile changes nothing
