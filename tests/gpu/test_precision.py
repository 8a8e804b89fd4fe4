"""``compile(precision=...)``: products on tensor cores where there are some, master weights in float32, and no silent no-op."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.errors import ArgumentError, BackendError
from minidl.geometry import Window
from minidl.kernels.cuda import _cublas, convolution
from minidl.ops import convolution as ops
from tests.cases.ops import cases_of
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import stand_in
from tests.gpu.test_cublas import FakeCublas
from tests.gpu.test_kernels import planted, run, to_device
from tests.gpu.test_training import IMAGES, LABELS, MODELS, make, targets
from tests.ops.naive import assert_close

needs_compiler = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")


@pytest.fixture
def cublas(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCublas]:
    fake = FakeCublas()
    monkeypatch.setattr(_cublas, "_libraries", {})
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": fake if name == "cublas" else None)
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"), config.use_graphs("off"):
        yield fake


def losses(name: str, precision: str) -> tuple[np.ndarray, list[np.ndarray]]:
    model = make(name)
    model.compile(optimizer=MODELS[name][1], loss=MODELS[name][2], precision=precision)
    history = model.fit(IMAGES, targets(name, LABELS), batch_size=20, epochs=3, verbose=0)
    return np.array(history.history["loss"]), model.get_weights()


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("name", only(MODELS, always=["softmax"]))
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


@pytest.mark.more
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
    monkeypatch.setattr(_cublas, "load", lambda name="cublas": None)
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


def rounded(x: np.ndarray, bits: int) -> np.ndarray:
    """The nearest numbers of so many significant bits, of two the larger one."""
    fraction, exponent = np.frexp(np.abs(x.astype(np.float64)))
    return np.copysign(np.ldexp(np.floor(np.ldexp(fraction, bits) + 0.5), exponent - bits), x).astype(x.dtype)


def test_rounding_keeps_so_many_bits() -> None:
    x = np.array([1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8, -3.0, np.inf], np.float32)
    np.testing.assert_array_equal(rounded(x, 8), [1 + 2**-7, 1 + 2**-7, 1 + 2**-6, -3, np.inf])


BITS = {"tf32": 11, "bf16": 8}
CONVOLUTIONS = ["convolution.convolve", "convolution.convolve_grad_x", "convolution.convolve_grad_W"]


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("precision", only(BITS, always=["tf32"]))
@pytest.mark.parametrize("op", only(CONVOLUTIONS, always=["convolution.convolve_grad_W"]))
def test_tensor_cores_convolve_rounded_factors(op: str, precision: str, cublas: FakeCublas) -> None:
    check_rounded_factors(op, BITS[precision], precision)


def check_rounded_factors(op: str, bits: int, precision: str) -> None:
    """The reference's results for factors of so many bits, to float32's rounding: of our own kernels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "library_of", lambda like: None)
        _check_rounded_factors(op, bits, precision)


def _check_rounded_factors(op: str, bits: int, precision: str) -> None:
    seen = 0
    with np.errstate(all="ignore"):  # of the infinite ones
        for seed, case in enumerate(cases_of(op, "tiny", "small")):
            host, keywords = case.make(np.random.default_rng(seed), np.float32)
            factors = tuple(rounded(a, bits) for a in host[:2])
            expected = case.function.reference(*factors, *host[2:], **keywords)
            with config.use_precision(precision):
                (found,) = run(case, to_device(host), to_device(keywords)) or (None,)
            assert found is not None, str(case)
            assert_close(found.get(), expected, case.compare, str(case))
            with config.use_precision("float32"):
                (full,) = run(case, to_device(host), to_device(case.make(np.random.default_rng(seed), np.float32)[1])) or (
                    None,
                )
            seen += bool((full.get() != found.get()).any())
    assert seen > 3  # factors were rounded


@needs_compiler
def test_older_cards_convolve_in_full(cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_has_tensor_cores", lambda like: False)
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(1, 4, 4, 2)).astype("float32"), rng.normal(size=(3, 3, 2, 2)).astype("float32")
    arguments = (*map(backend.current().asarray, (x, W)), None, Window((3, 3)))
    with config.use_precision("tf32"):
        found = ops.convolve(*arguments).get()
    np.testing.assert_array_equal(found, ops.convolve(*arguments).get())


@pytest.mark.more
@pytest.mark.one_in(2)
@needs_compiler
@pytest.mark.parametrize("precision", ["float32", "tf32"])
@pytest.mark.parametrize("filters", only([33, 65, 130], always=[130]))
def test_wide_tiles(filters: int, precision: str, cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU is used that has nothing else to do: tiles of 64 and of 128 columns, the last of which is not full."""
    monkeypatch.setattr(convolution, "_MULTIPROCESSORS", 1)
    check_tiles(5, filters, precision)


@pytest.mark.more
@needs_compiler
@pytest.mark.parametrize("filters", only([3, 20, 50, 64, 120], always=[20]))
@pytest.mark.parametrize("rows", only([256, 128, 64, 32], always=[32]))
def test_tiles_of_all_heights(rows: int, filters: int, cublas: FakeCublas, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that one group of threads adds up, and those that two, four or eight share."""
    if rows == 256 and filters > 64:
        pytest.skip("no tile is that large")
    monkeypatch.setattr(convolution, "_MULTIPROCESSORS", 1)
    monkeypatch.setattr(convolution, "ROWS", {"float32": (rows,)})
    check_tiles(6, filters, "float32")


def check_tiles(channels: int, filters: int, precision: str) -> None:
    rng, window = np.random.default_rng(filters), Window((3, 2), padding="same")
    shapes = (2, 9, 8, channels), (3, 2, channels, filters), (2, 9, 8, filters)
    x, W, dy = (rounded(rng.normal(size=s).astype("float32"), 11) for s in shapes)  # so that tensor cores change nothing
    bias = rng.normal(size=filters).astype("float32")
    with config.use_precision(precision):
        X, V, DY, b = map(backend.current().asarray, (x, W, dy, bias))
        found = [ops.convolve(X, V, b, window), ops.convolve_grad_W(X, DY, window)]
        turned = backend.current().asarray(np.ascontiguousarray(W.swapaxes(2, 3)))
        found.append(ops.convolve_grad_x(X, turned, (9, 8), window))
    with backend.use_backend("numpy"), config.use_kernels("reference"):
        expected = [ops.convolve(x, W, bias, window), ops.convolve_grad_W(x, dy, window)]
        expected.append(ops.convolve_grad_x(x, np.ascontiguousarray(W.swapaxes(2, 3)), (9, 8), window))
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.get(), e, rtol=1e-5, atol=1e-5 * np.abs(e).max())


@needs_compiler
def test_what_is_not_there_is_not_multiplied(cublas: FakeCublas) -> None:
    """Infinity times the zeros behind the last number would be NaN: of rows and of columns, for sums of no whole steps."""
    check_infinities()


NOT_THERE = {  # op, what stands there, what is planted
    "a column": ("convolution.convolve", "k < entries, D", "true, D", 2),
    "a row": ("convolution.convolve_grad_W", "m < positions &", "true &"),
}


@pytest.mark.one_in(2)
@needs_compiler
@pytest.mark.parametrize("fault", NOT_THERE)
def test_a_fault_in_what_is_not_there_is_noticed(fault: str, cublas: FakeCublas) -> None:
    with planted(*NOT_THERE[fault]), pytest.raises(AssertionError):
        check_infinities()


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_tiles_find_room_in_shared_memory(precision: str, cublas: FakeCublas) -> None:
    """However many rows, columns and taps there are: bytes as test_nvrtc.py finds them used, up to the same limit."""
    x = backend.current().asarray(np.zeros(1, np.float32))
    for words, rows, columns in itertools.product((1, 2, 3, 8), (0, 30, 300, 10**6), (0, 1, 20, 32, 50, 64, 100, 128, 500)):
        with config.use_precision(precision):
            (down, across), _, macros = convolution._tiles(rows, columns, 2000, 1, x, words)
        high, wide = macros["ROWS"], macros["COLUMNS"]
        assert down * high >= rows
        assert across * wide >= columns
        group = (4 if wide <= 32 else 8 if wide <= 64 else 16) * (high // (8 if high > 32 else 4))
        depth = 16 if "FACTORS" in macros else {1: 8, 8: 32}.get(256 // group, 16)
        tiles = 2 * depth * (high + 4 + wide + 4)
        if "FACTORS" in macros:
            tiles = 2 * (high * (depth + 8) + depth * (wide + 8))
        else:
            assert 256 % group == 0
        found = (1 + words) * high + (2 + words) * 2 * 128  # rows, and columns two steps ahead with the place in W
        assert 4 * (max(tiles, high * wide if group < 256 and "FACTORS" not in macros else 0) + found) <= 48 * 1024


def check_infinities() -> None:
    window = Window((3, 3))
    x, W, dy = (np.full(shape, v, np.float32) for shape, v in (((4, 9, 9, 3), np.inf), ((3, 3, 3, 5), 1), ((2, 7, 7, 5), 1)))
    X, V, DY = map(backend.current().asarray, (x, W, dy))
    X = X[:2]  # there is memory behind it
    assert (ops.convolve(X, V, None, window).get() == np.inf).all()
    assert (ops.convolve_grad_W(X, DY, window).get() == np.inf).all()
    assert (ops.convolve_grad_x(backend.current().asarray(np.full_like(dy, np.inf)), V, (9, 9), window).get() == np.inf).all()


@pytest.mark.more
@needs_compiler
def test_windows_of_many_taps(cublas: FakeCublas) -> None:
    """More taps than fit into one word; beyond eight words the reference takes over."""
    rng = np.random.default_rng(0)
    for size, windows in ((31, [{}]), (100, [{"padding": "same", "strides": 3}]), (300, [{}])):
        x, W = rng.normal(size=(2, size + 9, 2)).astype("float32"), rng.normal(size=(size, 2, 3)).astype("float32")
        for window in (Window((size,), **options) for options in windows):
            dy = rng.normal(size=(2, *window.output_shape((size + 9,)), 3)).astype("float32")
            X, V, DY = map(backend.current().asarray, (x, W, dy))
            found = [ops.convolve(X, V, None, window), ops.convolve_grad_W(X, DY, window)]
            found.append(ops.convolve_grad_x(DY, V, (size + 9,), window))
            with backend.use_backend("numpy"), config.use_kernels("reference"):
                expected = [ops.convolve(x, W, None, window), ops.convolve_grad_W(x, dy, window)]
                expected.append(ops.convolve_grad_x(dy, W, (size + 9,), window))
            for a, e in zip(found, expected, strict=True):
                np.testing.assert_allclose(a.get(), e, rtol=1e-4, atol=1e-5 * np.abs(e).max())


def check_neighbours(channels: int, filters: int, precision: str) -> None:
    """Sums of more than a step, of two or four neighbours that are read at once, by all three kernels."""
    rng, window = np.random.default_rng(channels), Window((3, 3), padding="same")
    shapes = (2, 7, 5, channels), (3, 3, channels, filters), (2, 7, 5, filters)
    x, W, dy = (rounded(rng.normal(size=shape).astype("float32"), 8) for shape in shapes)

    def results(*arrays: Any) -> list[Any]:
        x, W, dy = arrays
        return [
            ops.convolve(x, W, None, window),
            ops.convolve_grad_x(dy, W, (7, 5), window),
            ops.convolve_grad_W(x, dy, window),
        ]

    with config.use_precision(precision):
        found = [a.get() for a in results(*map(backend.current().asarray, (x, W, dy)))]
    with backend.use_backend("numpy"), config.use_kernels("reference"):
        expected = results(x, W, dy)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5 * np.abs(e).max())


@pytest.mark.more
@pytest.mark.one_in(3)
@needs_compiler
@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
@pytest.mark.parametrize("channels", only([(8, 12), (10, 6), (36, 68), (7, 5)], always=[(8, 12)]))
def test_neighbours_that_are_read_at_once(channels: tuple[int, int], precision: str, cublas: FakeCublas) -> None:
    check_neighbours(*channels, precision)


@pytest.mark.more
@needs_compiler
def test_neighbours_in_the_wrong_place_are_noticed(cublas: FakeCublas) -> None:
    with planted("convolution.convolve", "depth + (down ? i : 0)", "depth + (down ? i % 2 : 0)"), pytest.raises(AssertionError):
        check_neighbours(8, 12, "tf32")


FAULTS = {  # what stands there, what is planted
    "columns of a result": ("2 * side + r % 2", "2 * side"),
    "rows of a result": ("16 * j + at + r / 2 * 8", "16 * j + at + r % 2 * 8"),
    "steps of the sum in another order than the other factor's": ("a += index(mine, row() + at", "a += index(0, row() + at"),
    "not rounded": ("+ (1u << (dropped - 1))", ""),
    "rounded too far": ("24 - FACTORS", "25 - FACTORS"),
}


@needs_compiler
@pytest.mark.parametrize("fault", only(FAULTS, always=["columns of a result"]))
def test_a_fault_on_tensor_cores_is_noticed(fault: str, cublas: FakeCublas) -> None:
    old, new = FAULTS[fault]
    with planted("convolution.convolve", old, new), pytest.raises(AssertionError):
        check_rounded_factors("convolution.convolve", 8, "bf16")


@pytest.mark.more
@pytest.mark.one_in(2)
@needs_compiler
@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_long_sums(precision: str, cublas: FakeCublas) -> None:
    check_long_sums(precision)


OF_SHARES = {
    "the part of another block": ("share * each, last < sum", "0, last < sum"),
    "a share left out": ("share < shares; share++) sum", "share < shares - 1; share++) sum"),
    "columns of steps that are over": ("(done + AHEAD) % (2 * AHEAD) + thread", "done % (2 * AHEAD) + thread"),
}


@needs_compiler
@pytest.mark.parametrize("fault", only(OF_SHARES, always=["a share left out"]))
def test_a_fault_in_long_sums_is_noticed(fault: str, cublas: FakeCublas) -> None:
    with planted("convolution.convolve", *OF_SHARES[fault]), pytest.raises(AssertionError):
        check_long_sums("float32")


def check_long_sums(precision: str) -> None:
    """Of many steps, so that columns are found anew several times, in shares and in one."""
    rng, window = np.random.default_rng(3), Window((5, 5), padding="same")
    for c, n in ((36, 1), (9, 1)):
        x, W = (rounded(rng.normal(size=s).astype("float32"), 8) for s in ((n, 6, 6, c), (5, 5, c, 3)))
        with config.use_precision(precision):
            found = ops.convolve(*map(backend.current().asarray, (x, W)), None, window).get()
        with backend.use_backend("numpy"), config.use_kernels("reference"):
            expected = ops.convolve(x, W, None, window)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
