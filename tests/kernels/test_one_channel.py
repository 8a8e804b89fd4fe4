"""Convolution of images of one channel, of which vectors have all filters at several positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.backend.threads import use_threads
from minidl.geometry import Window

pytest.importorskip("numba")
from minidl.kernels.numba import _one_channel
from minidl.kernels.numba._jit import FLOATS
from minidl.kernels.numba._tile import natural_lanes

RNG = np.random.default_rng(0)
# rows and columns of images, and the window
CASES = [
    ((7, 9), Window((3, 3), (1, 1), "same")),
    ((8, 8), Window((5, 5), (2, 1), "valid")),
    ((5, 40), Window((2, 4), (1, 1), ((1, 0), (3, 2)))),
    ((9, 30), Window((3, 1), (1, 1), "same", (2, 1))),
    ((1, 101), Window((1, 7), (1, 1), "same")),
    ((7, 7), Window((7, 7), (1, 1), "valid")),
    ((12, 3), Window((11, 2), (1, 1), "same")),
]


def by_definition(x: Any, W: Any, window: Window, out: tuple[int, ...]) -> Any:
    """What each output position sees, (n, oh, ow, kh, kw), in double precision."""
    (top, bottom), (left, right) = window.pads(x.shape[1:3])
    padded = np.pad(x[..., 0].astype("float64"), ((0, 0), (top, bottom), (left, right)))
    seen = np.zeros((len(x), *out, *window.size))
    for i, j, k, l in np.ndindex(*out, *window.size):  # noqa: E741
        seen[:, i, j, k, l] = padded[:, i * window.strides[0] + k * window.dilation[0], j + l]
    return seen


def within(a: np.ndarray, around: float) -> np.ndarray:
    """A copy of an array in memory of its own, with ``around`` on both sides of it."""
    memory = np.full(a.size + 128, around, a.dtype)
    memory[64:-64] = a.reshape(-1)
    return memory[64:-64].reshape(a.shape)


def filters_of(dtype: Any) -> list[int]:
    """From one to as many as there are lanes."""
    lanes = natural_lanes(np.dtype(dtype).itemsize)
    return sorted({1, 2, 3, lanes // 2, lanes // 2 + 1, lanes - 1, lanes} & set(range(1, lanes + 1)))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("number", range(len(CASES)))
def test_both_directions(number: int, dtype: Any) -> None:
    (h, w), window = CASES[number]
    tolerance = 2e-5 if dtype == np.float32 else 1e-13
    for f in filters_of(dtype):
        assert _one_channel.takes(window, 1, f, dtype.itemsize)
        x = within(RNG.normal(size=(3, h, w, 1)).astype(dtype), np.nan)
        W = within(RNG.normal(size=(*window.size, 1, f)).astype(dtype), np.nan)
        out = window.output_shape((h, w))
        seen = by_definition(x, W, window, out)
        dy = within(RNG.normal(size=(3, *out, f)).astype(dtype), np.nan)
        for bias in (RNG.normal(size=f).astype(dtype), np.empty(0, dtype)):
            exact = np.einsum("nijkl,klf->nijf", seen, W[:, :, 0].astype("float64")) + (bias if len(bias) else 0)
            for relu in (False, True):
                y = within(np.full((3, *out, f), 77, dtype), 77)
                _one_channel.correlate(x, W, bias, window, y, relu, 2 if out[0] > 1 else 1)
                np.testing.assert_allclose(y, np.maximum(exact, 0) if relu else exact, rtol=tolerance, atol=10 * tolerance)
                memory: Any = y.base if y.base.ndim == 1 else y.base.base
                assert (memory[:64] == 77).all()
                assert (memory[-64:] == 77).all()
        dW = np.full_like(W, np.nan)
        _one_channel.grad_W(x, dy, window, dW, 2)
        exact = np.einsum("nijkl,nijf->klf", seen, dy.astype("float64"))
        np.testing.assert_allclose(dW[:, :, 0], exact, rtol=tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("f", [1, 3, 6])
def test_what_is_not_finite_stays_where_it_is(f: int) -> None:
    """An infinite pixel reaches the results that see it, and the taps under which it is seen; NaN is not below zero."""
    window = Window((3, 3), (1, 1), "valid")
    if not _one_channel.takes(window, 1, f, 4):
        pytest.skip("no vectors of so many filters")
    x, W = np.ones((1, 6, 9, 1), "f4"), np.ones((3, 3, 1, f), "f4")
    x[0, 5, 0] = np.inf
    y, dW = np.empty((1, 4, 7, f), "f4"), np.empty_like(W)
    _one_channel.correlate(x, W, np.empty(0, "f4"), window, y, False, 1)
    assert np.argwhere(np.isinf(y[0, :, :, 0])).tolist() == [[3, 0]]
    _one_channel.grad_W(x, np.ones_like(y), window, dW, 1)
    assert np.argwhere(~np.isfinite(dW[:, :, 0, 0])).tolist() == [[2, 0]]
    x[0, 5, 0] = np.nan
    _one_channel.correlate(x, W, np.empty(0, "f4"), window, y, True, 1)
    assert np.argwhere(np.isnan(y[0, :, :, 0])).tolist() == [[3, 0]]


def test_bits_do_not_depend_on_threads() -> None:
    window = Window((5, 5), (1, 1), "same")
    x, W = RNG.normal(size=(9, 28, 28, 1)).astype("f4"), RNG.normal(size=(5, 5, 1, 3)).astype("f4")
    dy = RNG.normal(size=(9, 28, 28, 3)).astype("f4")
    found = []
    for count in (1, 2):
        with use_threads(count):
            y, dW = np.empty_like(dy), np.empty_like(W)
            _one_channel.correlate(x, W, W[0, 0, 0], window, y, True, count)
            _one_channel.grad_W(x, dy, window, dW, 9)
            found.append((y.tobytes(), dW.tobytes()))
    assert len(set(found)) == 1


def test_others_are_left() -> None:
    window = Window((3, 3), (1, 1), "same")
    assert not _one_channel.takes(window, 2, 3, 4)
    assert not _one_channel.takes(window, 1, natural_lanes(4) + 1, 4)
    assert not _one_channel.takes(Window((3, 3), (1, 2), "same"), 1, 3, 4)
    assert not _one_channel.takes(Window((1, 99), (1, 1), "same"), 1, 3, 4)
