"""Sums over rows of which few are added in single precision: few digits are lost, and none where that is too narrow."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend.dispatch import CPU, find_kernel
from minidl.ops.normalization import moments, normalize_grad

pytestmark = pytest.mark.skipif(find_kernel(CPU.kernels, "normalization", "moments") is None, reason="no kernels here")


@pytest.mark.parametrize("channels", [3, 16, 19])
def test_a_variance_far_from_zero_keeps_its_digits(channels: int) -> None:
    x = (10_000 + np.random.default_rng(channels).standard_normal((700, channels))).astype(np.float32)
    mean, variance = moments(x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(variance, exact.var(axis=0), rtol=3e-7)


@pytest.mark.parametrize("channels", [3, 16, 19])
def test_moments_where_the_first_row_is_far_away(channels: int) -> None:
    """The first row, from which a block's numbers are counted, may be off by as much as the block's variance says."""
    x = np.random.default_rng(channels).standard_normal((700, channels)).astype(np.float32)
    x[0] = 1e4
    mean, variance = moments(x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, exact.var(axis=0), rtol=2e-5)


@pytest.mark.parametrize("channels", [3, 16, 19])
def test_moments_of_numbers_near_the_largest(channels: int) -> None:
    """Whose squares, and the differences of which, are too large for single precision; their mean and variance are not."""
    x = np.zeros((300, channels), np.float32)
    x[1::2] = 1.5e19
    x[:, 1] = 1.5e38
    x[0, 1] = -3e38
    x[:, 2] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        mean, variance = moments(x)
        exact = x.astype(np.float64)
        np.testing.assert_allclose(mean, exact.mean(axis=0).astype(np.float32), rtol=1e-6)
        np.testing.assert_allclose(variance, exact.var(axis=0).astype(np.float32), rtol=1e-6)
    assert np.isfinite(variance[0])


@pytest.mark.parametrize("channels", [3, 16, 19])
def test_sums_of_gradients_near_the_largest(channels: int) -> None:
    """Products, and sums of eight, that are too large for single precision; dgamma and dbeta are not."""
    rng = np.random.default_rng(channels)
    x = (1e18 * rng.standard_normal((300, channels))).astype(np.float32)
    dy = (1e25 * rng.standard_normal((300, channels))).astype(np.float32)
    dy[:, 1] = np.where(np.arange(300) % 16 < 8, 1e38, -1e38)
    dy[296:, 1] = 0
    dy[288:296, 1] = 0
    x[:, 1] /= 1e18
    mean, variance = moments(x)
    with np.errstate(over="ignore", invalid="ignore"):
        _, dgamma, dbeta = normalize_grad(dy, x, mean, variance, None, 1e-3, False)
        d, h = dy.astype(np.float64), (x - mean.astype(np.float64)) / np.sqrt(variance.astype(np.float64) + 1e-3)
        np.testing.assert_allclose(dbeta, d.sum(axis=0), rtol=1e-5, atol=1e19)
        np.testing.assert_allclose(dgamma, (d * h).sum(axis=0).astype(np.float32), rtol=1e-4)
