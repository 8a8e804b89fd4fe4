"""Long sums are cut up, so that their rounding does not grow with their length: errors in halves of a unit in the last place.

Of positive numbers, whose running sum is large from early on. Summed one after another, 6400 of them are wrong by 14 to 20,
and 256 by 7.
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend.dispatch import CPU, find_kernel
from minidl.ops.linear import bias_grad, dense, dense_grad_W

pytestmark = pytest.mark.skipif(find_kernel(CPU.kernels, "linear", "dense") is None, reason="no kernels here")


def positive(*shape: int) -> np.ndarray:
    return np.abs(np.random.default_rng(len(shape) + shape[0]).standard_normal(shape)).astype(np.float32)


def error(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.sqrt(np.square(found / exact - 1).mean())) * 2**24


@pytest.mark.parametrize("units", [1, 3, 10, 100])
@pytest.mark.parametrize("rows", [128, 256, 1000, 6400, 10001])
def test_the_gradient_of_a_bias(rows: int, units: int) -> None:
    """The result's own rounding is up to 1, whatever was done before; sums of eight numbers, of which many are added up, are
    off by less than another 1. The order within the eight is the compiler's, so it differs between processors."""
    dy = positive(rows, units)
    assert error(bias_grad(dy), dy.sum(axis=0, dtype=np.float64)) < 2


@pytest.mark.more
@pytest.mark.parametrize("rows, depth, columns", [(6400, 3, 12), (6400, 2, 8), (400, 4, 4), (6400, 1, 4), (1600, 8, 16)])
def test_the_gradient_of_few_weights(rows: int, depth: int, columns: int) -> None:
    """As of U of a small LSTM, whose rows are all times of all samples."""
    x, dy = positive(rows, depth), positive(rows, columns)[::-1].copy()
    assert error(dense_grad_W(x, dy), x.T.astype(np.float64) @ dy) < 3


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_of_great_depth(rows: int) -> None:
    x, W = positive(rows, 6400), positive(6400, 24)
    assert error(dense(x, W), x.astype(np.float64) @ W) < 4
