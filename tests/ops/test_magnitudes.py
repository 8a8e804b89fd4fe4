"""Winograd's convolution beside numbers that are far larger than others: every result keeps to the bound that is stated.

    y, dx   |error| <= 2^-15 max(1, c / 16) (largest |x| in the result's window) (sum of |W| over its taps inside the image)
    dW      |error| <= 2^-15 sum over positions i of (largest |x| at i + k) (largest |dy| at i)

Where one tap of a filter is up to 16 times another, all its taps count, those outside the image too,
and the error may be 8 times as large.
``minidl/kernels/numba/_magnitude.py`` says how it is kept.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from minidl import config
from minidl.backend.dispatch import CPU, find_kernel
from minidl.geometry import Window
from minidl.ops.convolution import convolve, convolve_grad_W, convolve_grad_x

pytestmark = pytest.mark.skipif(find_kernel(CPU.kernels, "convolution", "convolve") is None, reason="no kernels here")
BOUND = 2.0**-15
CHANNELS, FILTERS, SIZE = 12, 13, 13
both_windows = pytest.mark.parametrize("taps, padding", [(3, "same"), (5, "same"), (3, "valid"), (5, "valid")])
far_larger = pytest.mark.parametrize("number", [300.0, 1e4, 1e6, 1e20])


@pytest.fixture(autouse=True)
def small_batches_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.kernels.numba._winograd.POSITIONS", 1)


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of a direct kernel sums."""
    images: list[int] = []
    direct = importlib.import_module("minidl.kernels.numba._direct")

    def count(kernel: Any) -> Any:
        def counted(first: Any, *args: Any) -> Any:
            images.append(len(first))
            return kernel(first, *args)

        return counted

    for name in ("correlate", "grad_x", "grad_W"):
        monkeypatch.setattr(direct, name, count(getattr(direct, name)))
    return images


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def double(*arrays: np.ndarray) -> list[np.ndarray]:
    return [a.astype(np.float64) for a in arrays]


def check(x: np.ndarray, W: np.ndarray, window: Window, all_taps: bool = False) -> None:
    """Every y for this x, and every dx for this x as dy; ``all_taps``: also those outside the image count."""
    ones, weights, pad = np.ones((1, *x.shape[1:3], CHANNELS)), np.abs(W.astype(np.float64)), window.pads(x.shape[1:3])[0][0]
    y, exact = convolve(x, W, None, window), convolve.reference(*double(x, W), None, window)
    whole = weights.sum(axis=(0, 1, 2))
    hold(y, exact, x, 8 * whole if all_taps else convolve.reference(ones, weights, None, window), pad, window)
    W, weights = (np.ascontiguousarray(of.transpose(0, 1, 3, 2)) for of in (W, weights))
    pad = window.size[0] - 1 - pad
    spatial = (x.shape[1] - window.size[0] + 1 + 2 * pad,) * 2
    dx, exact = convolve_grad_x(x, W, spatial, window), convolve_grad_x.reference(*double(x, W), spatial, window)
    hold(dx, exact, x, 8 * whole if all_taps else convolve_grad_x.reference(ones, weights, spatial, window), pad, window)


def hold(found: np.ndarray, exact: np.ndarray, x: np.ndarray, sums: np.ndarray, pad: int, window: Window) -> None:
    """The bound for sums over windows of x with so many zeros around it."""
    pixels = np.pad(np.abs(x.astype(np.float64)).max(axis=3), ((0, 0), (pad, pad), (pad, pad)))
    largest = sliding_window_view(pixels, window.size, axis=(1, 2)).max(axis=(3, 4))[..., None]
    error = np.abs(found - exact)
    assert (error <= BOUND * largest * sums).all(), (error / np.maximum(BOUND * largest * sums, 1e-300)).max()


@both_windows
@far_larger
def test_a_large_pixel_at_every_place_of_a_tile(taps: int, padding: str, number: float) -> None:
    """In each image at another place; the last of them in two places, in two channels."""
    places = [(i, j) for i in (0, 1, 2, 3, 4, 7, 12) for j in (0, 2, 5, 6, 12)]
    x = numbers(0, len(places), SIZE, SIZE, CHANNELS)
    for image, (i, j) in enumerate(places):
        x[image, i, j, image % CHANNELS] = number
    x[-1, 3, 3, 0] = -number
    check(x, numbers(1, taps, taps, CHANNELS, FILTERS), Window((taps, taps), padding=padding))


@both_windows
def test_as_large_as_can_be_without_being_noticed(taps: int, padding: str) -> None:
    """All channels of a pixel, beside numbers that are as small as can be but for their signs; and a large weight besides."""
    x = np.sign(numbers(0, 9, SIZE, SIZE, CHANNELS))
    for image in range(9):
        x[image, image, 12 - image] *= 62
    W = numbers(1, taps, taps, CHANNELS, FILTERS)
    check(x, W, Window((taps, taps), padding=padding))
    check(x, np.abs(W), Window((taps, taps), padding=padding))
    W[0, 0, 0] = 15 * np.abs(W).sum(axis=2).min(axis=(0, 1))
    check(x, W, Window((taps, taps), padding=padding), all_taps=True)


@both_windows
@far_larger
def test_a_large_weight_at_every_tap(taps: int, padding: str, number: float) -> None:
    for tap in (0, 1, taps * taps // 2, taps * taps - 1):
        W = numbers(1, taps, taps, CHANNELS, FILTERS)
        W.reshape(taps * taps, CHANNELS, FILTERS)[tap, 3, 5] = number
        check(numbers(0, 2, SIZE, SIZE, CHANNELS), W, Window((taps, taps), padding=padding), all_taps=number == 300)


@both_windows
@far_larger
@pytest.mark.parametrize("place", [(0, 0), (0, 6), (4, 5), (8, 8), (-1, -1)])
def test_dW_beside_large_numbers(taps: int, padding: str, number: float, place: tuple[int, int]) -> None:
    window = Window((taps, taps), padding=padding)
    for of_x in (True, False):
        x = numbers(0, 3, SIZE, SIZE, CHANNELS)
        dy = numbers(1, 3, *window.output_shape((SIZE, SIZE)), FILTERS)
        (x if of_x else dy)[1, place[0], place[1], 4] = number
        error = np.abs(convolve_grad_W(x, dy, window) - convolve_grad_W.reference(*double(x, dy), window))
        sums = convolve_grad_W.reference(*(np.abs(a).max(axis=3, keepdims=True) for a in double(x, dy)), window)
        assert (error <= BOUND * sums).all(), (error / (BOUND * sums)).max()


@both_windows
def test_a_result_whose_window_is_zero_is_zero(taps: int, padding: str, directly: list[int]) -> None:
    """Beside pixels that are not, and without leaving Winograd's kernel: black borders are ordinary."""
    x = numbers(0, 4, SIZE, SIZE, CHANNELS)
    x[:, :7] = x[1:, :, 6:] = 0
    x[0] = 0
    check(x, numbers(1, taps, taps, CHANNELS, FILTERS), Window((taps, taps), padding=padding))
    assert not directly


@both_windows
@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e18])
def test_numbers_of_any_size(taps: int, padding: str, size: float) -> None:
    """Also where float32 has fewer digits, in x, in W, and in one image only."""
    window = Window((taps, taps), padding=padding)
    x, W = numbers(0, 3, SIZE, SIZE, CHANNELS), numbers(1, taps, taps, CHANNELS, FILTERS)
    some = x.copy()
    some[1] *= np.float32(size)
    for scaled_x, scaled_W in (
        (some, W),
        (x * np.float32(size), W / np.float32(max(size, 1e-30))),
        (x / np.float32(max(size, 1e-30)), W * np.float32(size)),
    ):
        check(scaled_x, scaled_W, window)


def test_ordinary_numbers_and_the_images_beside_large_ones_stay_quick(directly: list[int]) -> None:
    window = Window((3, 3), padding="same")
    x, W = np.maximum(numbers(0, 8, 16, 16, 16), 0), numbers(1, 3, 3, 16, 16)
    dy = np.where(np.random.default_rng(3).random(x.shape) < 0.25, numbers(2, *x.shape), 0).astype(np.float32)
    for of_dy in (1.0, np.logspace(-6, 0, 8, dtype=np.float32).reshape(8, 1, 1, 1)):  # samples that are learned, and others
        convolve(x, W, None, window)
        convolve_grad_x(dy * of_dy, W, (16, 16), window)
        convolve_grad_W(x, dy * of_dy, window)
    assert not directly
    x[2, 4, 4, 4] = dy[5, 4, 4, 4] = 1e6
    convolve(x, W, None, window)
    convolve_grad_x(dy, W, (16, 16), window)
    assert directly == [1, 1]
    W[0, 0] *= 1e4
    convolve(x, W, None, window)
    assert directly == [1, 1, 8]


def test_everything_is_summed_directly_where_the_setting_says_so(directly: list[int]) -> None:
    x, W, window = numbers(0, 8, 16, 16, 16), numbers(1, 3, 3, 16, 16), Window((3, 3), padding="same")
    convolve(x, W, None, window)
    assert not directly
    with config.use_convolution("direct"):
        y, dx, dW = convolve(x, W, None, window), convolve_grad_x(x, W, (16, 16), window), convolve_grad_W(x, x, window)
    assert directly == [8, 8, 8]
    for found, exact in (
        (y, convolve.reference(*double(x, W), None, window)),
        (dx, convolve_grad_x.reference(*double(x, W), (16, 16), window)),
        (dW, convolve_grad_W.reference(*double(x, x), window)),
    ):
        assert np.abs(found - exact).max() < 4e-6 * exact.std()


@pytest.mark.parametrize("taps, c", [(3, 16), (3, 70), (3, 256), (5, 48)])
def test_numbers_of_one_sign_in_many_channels(taps: int, c: int) -> None:
    """Their roundings have one sign too and add up: the bound grows with the channels, as the error of a direct sum does."""
    x = np.full((1, 20, 20, c), 0.53375745, np.float32)
    x[:, 1::5, 1::5] *= 60
    W, window = np.full((taps, taps, c, 12), 0.6939358, np.float32), Window((taps, taps))
    for y, exact, numbers_of_window, weights in (
        (convolve(x, W, None, window), convolve.reference(*double(x, W), None, window), c, W),
        (
            convolve_grad_x(x, W.transpose(0, 1, 3, 2), (19 + taps, 19 + taps), window),
            convolve_grad_x.reference(*double(x, W.transpose(0, 1, 3, 2)), (19 + taps, 19 + taps), window),
            c,
            W,
        ),
    ):
        wide = np.pad(x, ((0, 0), *[(taps - 1, taps - 1)] * 2, (0, 0))) if y.shape[1] > x.shape[1] else x
        largest = sliding_window_view(np.abs(wide), (taps, taps), axis=(1, 2)).max(axis=(3, 4, 5))[..., None]
        bound = BOUND * max(1, numbers_of_window / 16) * largest * np.abs(weights.astype(np.float64)).sum(axis=(0, 1, 2))
        assert (np.abs(y - exact) <= bound).all()
