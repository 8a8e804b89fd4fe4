"""What must hold for every input, tried on 60 to 200: transposes, linearity, sums, and the windows' arithmetic by counting."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from minidl import config
from minidl.errors import ShapeError
from minidl.geometry import Window
from minidl.metrics import confusion_matrix
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x, fold, unfold
from minidl.ops.gather import gather
from minidl.ops.pooling import average_pool, average_pool_grad, max_pool, max_pool_grad
from minidl.ops.softmax import softmax
from tests.ops import naive

many = settings(deadline=None, derandomize=True, database=None)  # of the profile: tests/conftest.py


@st.composite
def windows(draw: st.DrawFn, ranks: tuple[int, int] = (1, 3), dilate: bool = True) -> tuple[tuple[int, ...], Window]:
    """A spatial shape and a window that fits into it."""
    rank = draw(st.integers(*ranks))

    def per_axis(largest: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(1, largest)) for _ in range(rank))

    largest = {1: 12, 2: 6, 3: 4}[rank]
    spatial, size, strides = per_axis(largest), per_axis(4 if rank < 3 else 2), per_axis(3)
    dilation = per_axis(2) if dilate else (1,) * rank
    padding = draw(st.sampled_from(["valid", "same", "causal"]))
    window = Window(size, strides, padding, dilation)
    assume(padding != "valid" or all(e <= n for e, n in zip(window.spans, spatial)))
    return spatial, window


seeds = st.integers(0, 2**32 - 1)


def inner(a: np.ndarray, b: np.ndarray) -> float:
    """<a, b>, rounded once."""
    return math.fsum((a * b).ravel())


@many
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5), st.integers(1, 4), st.sampled_from(["valid", "same"]))
def test_window_arithmetic_by_counting(n: int, k: int, s: int, d: int, padding: str) -> None:
    window = Window((k,), (s,), padding, (d,))
    span = (k - 1) * d + 1
    if padding == "valid":
        starts = [start for start in range(0, n, s) if start + span <= n]
        if not starts:
            with pytest.raises(ShapeError):
                window.output_shape((n,))
            return
        assert window.pads((n,)) == ((0, 0),)
        assert window.output_shape((n,)) == (len(starts),)
        return
    (outputs,), ((before, behind),) = window.output_shape((n,)), window.pads((n,))
    assert outputs == len(range(0, n, s))
    assert behind - before in (0, 1)
    reach = [start + span for start in range(0, outputs * s, s)][-1]
    fits = [p for p in range(span + 1) if reach <= n + p]  # the least padding in which all windows fit
    assert before + behind == fits[0]


@many
@given(windows())
def test_tap_slices_stay_inside_and_visit_what_counting_visits(drawn: tuple) -> None:
    spatial, window = drawn
    out, pads = window.output_shape(spatial), window.pads(spatial)
    padded = tuple(before + n + behind for n, (before, behind) in zip(spatial, pads))
    visited = set()
    for tap, slices in enumerate(window.tap_slices(out)):
        assert all(s.start >= 0 and s.stop <= n for s, n in zip(slices, padded))
        positions = [range(s.start, s.stop, s.step) for s in slices]
        assert tuple(map(len, positions)) == out
        for output in np.ndindex(*out):
            at = tuple(p[o] - before for p, o, (before, _) in zip(positions, output, pads))
            if all(0 <= a < n for a, n in zip(at, spatial)):
                visited.add((output, tap, at))
    assert visited == set(naive.meetings(spatial, window))


@many
@given(windows(), st.integers(0, 2), st.integers(1, 3), seeds)
def test_unfold_and_fold_are_transposes(drawn: tuple, n: int, c: int, seed: int) -> None:
    """<U x, p> = <x, U^T p>."""
    spatial, window = drawn
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, *spatial, c))
    patches = unfold(x, window)
    p = rng.standard_normal(patches.shape)
    assert inner(patches, p) == pytest.approx(inner(x, fold(p, spatial, window)), rel=1e-12, abs=1e-12)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple:
    """x, W, window, groups, and a dy of the result's shape."""
    spatial, window = draw(windows())
    groups, per_group, filters = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    n, rng = draw(st.integers(0, 2)), np.random.default_rng(draw(seeds))
    x = rng.standard_normal((n, *spatial, groups * per_group))
    W = rng.standard_normal((*window.size, per_group, groups * filters))
    dy = rng.standard_normal((n, *window.output_shape(spatial), groups * filters))
    return x, W, dy, window, groups


@pytest.fixture(scope="module", autouse=True)
def references() -> Iterator[None]:
    """Properties are of the mathematics; kernels are held to the references elsewhere, and compile for every new shape."""
    with config.use_kernels("reference"):
        yield


@many
@given(convolutions())
def test_gradients_are_the_transposes_of_convolution(drawn: tuple) -> None:
    """<x * W, dy> = <x, dx> = <W, dW>: convolution is linear in x and in W."""
    x, W, dy, window, groups = drawn
    product = inner(convolve(x, W, None, window, groups), dy)
    dx = convolve_grad_x(dy, W, x.shape[1:-1], window, groups)
    dW = convolve_grad_W(x, dy, window, groups)
    assert (dx.shape, dW.shape) == (x.shape, W.shape)
    assert inner(x, dx) == pytest.approx(product, rel=1e-11, abs=1e-11)
    assert inner(W, dW) == pytest.approx(product, rel=1e-11, abs=1e-11)


@many
@given(convolutions(), st.floats(-3, 3), seeds)
def test_convolution_is_linear(drawn: tuple, a: float, seed: int) -> None:
    x, W, _, window, groups = drawn
    rng = np.random.default_rng(seed)
    other_x, other_W = rng.standard_normal(x.shape), rng.standard_normal(W.shape)

    def y(x: np.ndarray, W: np.ndarray) -> np.ndarray:
        return convolve(x, W, None, window, groups)

    np.testing.assert_allclose(y(x + a * other_x, W), y(x, W) + a * y(other_x, W), rtol=0, atol=1e-11)
    np.testing.assert_allclose(y(x, W + a * other_W), y(x, W) + a * y(x, other_W), rtol=0, atol=1e-11)


@many
@given(windows(dilate=False), st.integers(0, 2), st.integers(1, 2), seeds, st.booleans())
def test_pooling_equals_counting(drawn: tuple, n: int, c: int, seed: int, ties: bool) -> None:
    spatial, window = drawn
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (n, *spatial, c)).astype(float) if ties else rng.standard_normal((n, *spatial, c))
    for found, expected in zip(max_pool(x, window), naive.max_pool(x, window)):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(average_pool(x, window), naive.average_pool(x, window)[0], rtol=1e-12, atol=1e-14)


@many
@given(windows(dilate=False), st.integers(0, 2), st.integers(1, 2), seeds)
def test_pooling_gradients_lose_nothing(drawn: tuple, n: int, c: int, seed: int) -> None:
    """Max: dx sums to what dy sums to, and <y, dy> = <x, dx>. Average: it is the transpose of a linear map."""
    spatial, window = drawn
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, *spatial, c))
    y, winners = max_pool(x, window)
    dy = rng.standard_normal(y.shape)
    dx = max_pool_grad(dy, winners, spatial, window)
    assert math.fsum(dx.ravel()) == pytest.approx(math.fsum(dy.ravel()), rel=1e-11, abs=1e-11)
    assert inner(x, dx) == pytest.approx(inner(y, dy), rel=1e-11, abs=1e-11)
    mean = average_pool(x, window)
    assert inner(mean, dy) == pytest.approx(inner(x, average_pool_grad(dy, spatial, window)), rel=1e-11, abs=1e-11)


rows = st.lists(st.lists(st.floats(-(2.0**127), 2.0**127, width=32), min_size=3, max_size=3), min_size=1, max_size=5)


@many
@given(rows)
@example([[1e38, -1e38, 0]])
def test_softmax_rows_sum_to_one(logits: list) -> None:
    for dtype in (np.float32, np.float64):
        z = np.array(logits, dtype)
        p = softmax(z)
        assert (p >= 0).all()
        np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-6)
        largest = np.take_along_axis(p, z.argmax(axis=-1)[:, None], axis=-1)
        assert (p <= largest).all()


@many
@given(st.lists(st.integers(-500, 500), min_size=2, max_size=7), st.integers(-(2**40), 2**40))
def test_softmax_does_not_see_a_shift(logits: list[int], shift: int) -> None:
    """Whole numbers, so that the shifted logits are exact and the result has the same bits."""
    z = np.array([logits], np.float64)
    np.testing.assert_array_equal(softmax(z + shift), softmax(z))


@pytest.mark.more
@many
@given(st.integers(1, 20), st.integers(1, 4), st.lists(st.integers(0, 10**6), max_size=20), st.sampled_from("BbhHf"))
def test_gather_takes_rows(n: int, width: int, picks: list[int], kind: str) -> None:
    x = (np.arange(n * width).reshape(n, width) % 100).astype(kind)
    indices = np.array([pick % n for pick in picks], np.int64)
    y = gather(x, indices, np.float32)
    assert y.dtype == np.float32
    assert y.tolist() == [[float(v) for v in x[i]] for i in indices]


labels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


@pytest.mark.more
@many
@given(labels)
def test_confusion_matrix_sums(pairs: list[tuple[int, int]]) -> None:
    true, predicted = (np.array(column) for column in zip(*pairs))
    matrix = confusion_matrix(true, predicted, num_classes=5)
    assert matrix.shape == (5, 5)
    assert matrix.sum() == len(pairs)
    assert matrix.sum(axis=1).tolist() == [int((true == k).sum()) for k in range(5)]
    assert matrix.sum(axis=0).tolist() == [int((predicted == k).sum()) for k in range(5)]
    assert np.trace(matrix) == (true == predicted).sum()
    np.testing.assert_array_equal(confusion_matrix(predicted, true, num_classes=5), matrix.T)
    one_hot = np.eye(5)
    np.testing.assert_array_equal(confusion_matrix(one_hot[true], one_hot[predicted]), matrix)
