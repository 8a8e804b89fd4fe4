"""On a real card, ``python -m pytest --device=gpu``: the tables and fits of this folder once more, with PyTorch as judge."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend, config
from minidl.backend import gpu, graphs
from minidl.backend.staging import SLOTS, Stager
from minidl.errors import OutOfMemoryError
from minidl.geometry import Window
from minidl.kernels.cuda import convolution as convolution_kernels
from minidl.layers import Dense, Input
from minidl.models import Sequential, load_model
from minidl.ops import convolution, cross_entropy, embedding, linear, normalization, pooling
from tests.cases.layers import LAYERS, LOSSES, Case, LossCase
from tests.cases.ops import cases_of
from tests.gpu.test_features import CHANGES, FEATURES, NOT_RECORDED, weights_after
from tests.gpu.test_features import run as run_feature
from tests.gpu.test_kernels import DECLINED, OPS, check_case, declines_on_purpose
from tests.gpu.test_layers import assert_equal_to_rounding, everything, loss_and_gradient
from tests.gpu.test_precision import check_neighbours, check_tiles
from tests.gpu.test_training import IMAGES, LABELS, MODELS, make, run, targets

if os.environ.get("MINIDL_TEST_DEVICE") != "gpu":  # all of it at once: there are more than a thousand of them
    pytest.skip("needs a GPU: python -m pytest --device=gpu", allow_module_level=True)

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def card() -> Iterator[None]:
    if gpu.missing():
        pytest.skip(f"no GPU here: {gpu.missing()[0]}")  # type: ignore[index]
    with backend.use_backend("cupy"), config.use_kernels("auto"):
        yield


@pytest.mark.parametrize("op", OPS)
def test_kernel_equals_reference(op: str) -> None:
    with np.errstate(all="ignore"):
        for dtype in (np.float32, np.float64):
            for seed, case in enumerate(cases_of(op)):
                assert check_case(case, seed, dtype, card=True) or declines_on_purpose(case), str(case)
    assert DECLINED


@pytest.mark.parametrize("kernels", ["reference", "auto"])
@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_layer(case: Case, kernels: str) -> None:
    for dtype in ("float64", "float32"):
        with backend.use_backend("numpy"), config.use_kernels("reference"):
            expected = everything(case, dtype)
        with config.use_kernels(kernels):
            assert_equal_to_rounding(everything(case, dtype), expected, dtype)


@pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
def test_loss(case: LossCase) -> None:
    with backend.use_backend("numpy"):
        expected = loss_and_gradient(case)
    assert_equal_to_rounding(loss_and_gradient(case), expected, "float32")


@pytest.mark.parametrize("mode", ["off", "on"])
@pytest.mark.parametrize("name", MODELS)
def test_fit(name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's losses and weights, op by op and as a recorded graph."""
    monkeypatch.setattr(graphs, "reasons", [])
    with backend.use_backend("numpy"), config.use_kernels("reference"):
        expected = run(name)
    with config.use_graphs(mode):
        assert_equal_to_rounding(run(name), expected, "float32")
    assert not graphs.reasons


@pytest.mark.parametrize("mode", ["off", "on"])
@pytest.mark.parametrize("name", FEATURES)
def test_feature(name: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, masks, several outputs, penalties, clipping and recomputation; what is said where a step cannot be recorded."""
    monkeypatch.setattr(graphs, "reasons", [])
    with backend.use_backend("numpy"), config.use_kernels("reference"):
        expected = run_feature(name)
    with config.use_graphs(mode):
        assert_equal_to_rounding(run_feature(name), expected, "float32")
    assert bool(graphs.reasons) == (mode == "on" and name in NOT_RECORDED), graphs.reasons


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_reaches_steps_that_were_recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "reasons", [])
    with config.use_graphs("off"):
        expected = weights_after(CHANGES[name])
    with config.use_graphs("on"):
        assert_equal_to_rounding(weights_after(CHANGES[name]), expected, "float32")
    assert not graphs.reasons


def test_the_same_batch_gives_the_same_bits() -> None:
    """Also where thousands of places read one row of an embedding: nothing is added in the order in which threads come."""
    rng = np.random.default_rng(2)
    ids = backend.current().asarray(rng.integers(0, 3, (512, 100)))
    dy = backend.current().asarray(rng.normal(size=(512, 100, 65)), "float32")
    found = {embedding.embed_grad_W(ids, dy, 5000).get().tobytes() for _ in range(5)}
    assert len(found) == 1


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
@pytest.mark.parametrize("channels, filters", [(8, 12), (10, 6), (64, 64), (36, 136), (7, 5), (256, 256)])
def test_convolutions_of_many_channels(channels: int, filters: int, precision: str) -> None:
    check_neighbours(channels, filters, precision)


@pytest.mark.parametrize(
    "rows, filters", [(256, 20), (256, 64), (128, 56), (128, 128), (64, 128), (64, 20), (32, 20), (32, 64)]
)
def test_tiles_of_all_sizes(rows: int, filters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution_kernels, "_MULTIPROCESSORS", 1)
    monkeypatch.setattr(convolution_kernels, "ROWS", {"float32": (rows,)})
    check_tiles(6, filters, "float32")


@pytest.mark.parametrize("precision, tolerance", [("float32", 1e-5), ("tf32", 2e-3), ("bf16", 2e-2)])
@pytest.mark.parametrize("shape", [(128, 784, 10), (7, 3, 5), (64, 100, 500)])
def test_dense_layers_with_bias_relu_and_db(shape: tuple[int, int, int], precision: str, tolerance: float) -> None:
    """Alone, and with gradients that begin at addresses which are no whole 16 bytes."""
    m, k, n = shape
    rng = np.random.default_rng(m)
    x, W, b, dy = (rng.normal(size=s).astype("float32") for s in ((m, k), (k, n), (n,), (m, n)))
    whole = backend.current().asarray(np.zeros(k * n + n + 3, np.float32))[3:]
    out = whole[: k * n].reshape(k, n), whole[k * n :]
    with config.use_precision(precision):
        X, V, B, DY = map(backend.current().asarray, (x, W, b, dy))
        found = [linear.dense(X, V, B, "relu"), *linear.dense_grads(X, DY, out=out)]
    expected = [np.maximum(x.astype(float) @ W + b, 0), x.T.astype(float) @ dy, dy.sum(axis=0, dtype=float)]
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f.get(), e, rtol=tolerance, atol=tolerance * np.abs(e).max())
    assert found[1] is out[0]
    assert found[2] is out[1]
    beside = backend.current().asarray(np.append(np.float32(0), b))[1:]  # a bias that begins four bytes later, alone
    with config.use_precision(precision):
        np.testing.assert_allclose(linear.dense(X, V, beside, "relu").get(), found[0].get(), rtol=tolerance, atol=tolerance)
        X[0, 0] = np.nan
        assert np.isnan(linear.dense(X, V, B, "relu").get()[0]).all()


@pytest.mark.parametrize("device", ["cupy", "numpy"])
@pytest.mark.parametrize("name", MODELS)
def test_a_file_that_was_saved_on_one_device_is_trained_on_both(name: str, device: str, tmp_path: Path) -> None:
    with backend.use_backend(device):
        model = make(name)
        model.fit(IMAGES, targets(name, LABELS), batch_size=20, epochs=1, verbose=0)
        model.save(tmp_path / "model")
        predicted = model.predict(IMAGES)

    def trained(device: str) -> list[np.ndarray]:
        with backend.use_backend(device):
            minidl.set_seed(5)  # of the masks
            model = load_model(tmp_path / "model")
            before = model.predict(IMAGES)
            losses = [model.train_on_batch(IMAGES[:20], targets(name, LABELS[:20]))[0] for _ in range(4)]
            return [before, np.array(losses), *model.get_weights()]

    on_card, on_cpu = trained("cupy"), trained("numpy")
    assert_equal_to_rounding(on_card, on_cpu, "float32")
    assert_equal_to_rounding([predicted], on_cpu[:1], "float32")


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("name", MODELS)
def test_tensor_cores_train_alike(name: str, precision: str) -> None:
    losses = {}
    for chosen in ("float32", precision):
        model = make(name)
        model.compile(optimizer=MODELS[name][1], loss=MODELS[name][2], precision=chosen)
        losses[chosen] = model.fit(IMAGES, targets(name, LABELS), batch_size=20, epochs=3, verbose=0).history["loss"]
    np.testing.assert_allclose(losses[precision], losses["float32"], rtol=0.03)


def test_a_batch_keeps_its_numbers_while_the_card_is_busy() -> None:
    """What travels next must not take the pinned memory from which labels are still to be read."""
    cupy = backend.current().xp
    busy = cupy.ones((4096, 4096), "float32")
    for number in range(5):
        for _ in range(20):
            busy = busy @ busy
        sent = Stager(cupy).send(np.full(7, number, np.uint8))
        others = [backend.current().asarray(np.full(1, 1e-4, np.float32)) for _ in range(8)]
        assert sent.get().tolist() == 7 * [number]
        del others


def test_batches_that_travel_arrive_whole() -> None:
    """Megabytes, so that a copy takes its time, and a kernel on each batch while the next one travels."""
    cupy = backend.current().xp
    send, sums = Stager(cupy).send, []
    for number in range(5 * SLOTS):
        batch = send(np.full((1 << 20,), number, np.float32))
        for _ in range(20):
            batch = batch * 1
        sums.append(batch.min() + batch.max())
    assert [float(s.get()) for s in sums] == [2 * number for number in range(5 * SLOTS)]


def test_a_full_memory_is_explained_and_a_smaller_batch_works() -> None:
    cupy = backend.current().xp
    model = Sequential([Input((1000,)), Dense(1000, name="wide"), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((200_000, 1000), np.float32), np.ones((200_000, 1), np.float32)
    model.train_on_batch(x[:10], y[:10])
    before, pool = model.get_weights(), cupy.get_default_memory_pool()
    pool.set_limit(size=pool.used_bytes() + (1 << 30))
    try:
        with pytest.raises(OutOfMemoryError, match="200000 samples"):
            model.train_on_batch(x, y)
        for a, b in zip(model.get_weights(), before):
            np.testing.assert_array_equal(a, b)
        assert np.isfinite(model.train_on_batch(x[:1000], y[:1000]))
    finally:
        pool.set_limit(size=0)


# -- PyTorch as judge, on arrays of its own library -----------------------------------------------------------------------


def drawn(*shape: int) -> tuple[Any, Any]:
    """The same numbers as an array of ours and as a tensor of PyTorch's on the card."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    host = np.random.default_rng(len(shape)).normal(size=shape)
    return backend.current().asarray(host), torch.tensor(host, device="cuda", requires_grad=True)


def judged(ours: Any, theirs: Any) -> None:
    theirs = theirs.detach().cpu().numpy()
    np.testing.assert_allclose(ours.get(), theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("strides, dilation", [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 2))])
def test_convolution_by_pytorch(strides: tuple, dilation: tuple, groups: int) -> None:
    (x, x_), (W, W_), (b, b_) = drawn(5, 17, 19, 6), drawn(3, 3, 6 // groups, 8), drawn(8)
    window = Window((3, 3), strides, "valid", dilation)
    functional = pytest.importorskip("torch", reason="PyTorch is not installed").nn.functional
    y_ = functional.conv2d(x_.permute(0, 3, 1, 2), W_.permute(3, 2, 0, 1), b_, strides, 0, dilation, groups)
    y = convolution.convolve(x, W, b, window, groups)
    judged(y, y_.permute(0, 2, 3, 1))
    y_.sin().sum().backward()
    dy = backend.current().xp.cos(y)
    judged(convolution.convolve_grad_x(dy, W, (17, 19), window, groups), x_.grad)
    judged(convolution.convolve_grad_W(x, dy, window, groups), W_.grad)


def test_pooling_by_pytorch() -> None:
    functional = pytest.importorskip("torch", reason="PyTorch is not installed").nn.functional
    x, x_ = drawn(3, 13, 11, 5)
    window = Window((3, 3), (2, 2))
    y, winners = pooling.max_pool(x, window)
    y_ = functional.max_pool2d(x_.permute(0, 3, 1, 2), 3, 2)
    judged(y, y_.permute(0, 2, 3, 1))
    y_.sin().sum().backward()
    judged(pooling.max_pool_grad(backend.current().xp.cos(y), winners, (13, 11), window), x_.grad)


def test_cross_entropy_by_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    z, z_ = drawn(33, 10)
    labels = np.arange(33) % 10
    ours = backend.current().asarray(labels)
    loss, p = cross_entropy.sparse_softmax_cross_entropy(z, ours)
    loss_ = torch.nn.functional.cross_entropy(z_, torch.tensor(labels, device="cuda"), reduction="none")
    judged(loss, loss_)
    loss_.mean().backward()
    judged(cross_entropy.sparse_softmax_cross_entropy_grad(p, ours, 1 / 33), z_.grad)


def test_normalization_by_pytorch() -> None:
    functional = pytest.importorskip("torch", reason="PyTorch is not installed").nn.functional
    (x, x_), (gamma, gamma_), (beta, beta_) = drawn(7, 5, 5, 6), drawn(6), drawn(6)
    mean, variance = normalization.moments(x)
    y = normalization.normalize(x, mean, variance, gamma, beta, 1e-3)
    y_ = functional.batch_norm(x_.permute(0, 3, 1, 2), None, None, gamma_, beta_, True, 0.1, 1e-3).permute(0, 2, 3, 1)
    judged(y, y_)
    y_.sin().sum().backward()
    dy = backend.current().xp.cos(y)
    dx, dgamma, dbeta = normalization.normalize_grad(dy, x, mean, variance, gamma, 1e-3, True)
    for ours, theirs in ((dx, x_), (dgamma, gamma_), (dbeta, beta_)):
        judged(ours, theirs.grad)
