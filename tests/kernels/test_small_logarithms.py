"""log(1 + v) of small v keeps its digits, and so does the loss of a prediction that is nearly certain and right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.losses import BinaryCrossentropy

pytest.importorskip("numba")
from minidl.kernels.numba._jit import compiled
from minidl.kernels.numba._vector import LANES, load, log1p, store

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@compiled
def _of_all(x: Any, y: Any) -> None:
    for at in range(0, len(x), LANES):
        store(y, at, len(x) - at, log1p(load(x, at, len(x) - at, 0)))


@DTYPES
def test_log1p(dtype: str) -> None:
    x = np.concatenate([[0.0], np.logspace(-30, 10, 10_001), np.linspace(0, 2, 10_001)]).astype(dtype)
    y, exact = _of(x), np.log1p(x.astype(np.longdouble))
    assert (np.abs(y - exact) <= 2 * np.finfo(dtype).eps * exact).all()
    assert np.isnan(_of(np.array([np.nan], dtype))).all()


def _of(x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    _of_all(x, y)
    return y


@DTYPES
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_the_loss_of_what_is_nearly_certain(dtype: str, target: float) -> None:
    z = np.linspace(10, 40, 61).astype(dtype)[:, None] * (1 if target else -1)
    loss, _ = BinaryCrossentropy(from_logits=True).per_sample(z, np.full_like(z, target))
    exact = np.log1p(np.exp(-np.abs(z[:, 0].astype("float64"))))
    np.testing.assert_allclose(loss, exact, rtol=1e-5 if dtype == "float32" else 1e-14)
