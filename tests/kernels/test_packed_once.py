"""Kernels that keep what they made of frozen weights: for each width of a tile its own, and only of weights that are frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.backend.frozen import Frozen, use
from minidl.geometry import Window
from minidl.kernels.numba import _direct, _panels, _product, _winograd
from minidl.kernels.numba._blocking import tile_shapes
from minidl.ops.convolution import convolve
from minidl.ops.linear import dense
from minidl.ops.recurrent import lstm

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = use(None)
    with config.use_kernels("auto"):
        yield
    use(before)


def equal_for_all_widths(W: Any, compute: Callable[[], Any], take: Callable[[Any], None]) -> None:
    """``compute()`` has the same bits with each tile that ``take`` makes it take, W frozen and not."""
    found = []
    frozen = Frozen([W])
    for _ in range(2):
        for size in tile_shapes(4):
            take(size)
            for weights in (frozen, None):
                use(weights)
                found.append(compute().copy())
    for y in found:
        np.testing.assert_array_equal(y, found[0])
    assert len(frozen.arrays()) == len({size[1] for size in tile_shapes(4)})


def test_panels_of_each_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_product, "spare_columns", lambda *args: 0)  # all are in panels
    x, W = normal(40, 70), normal(70, 90)

    def take(size: Any) -> None:
        monkeypatch.setattr(_product, "ways", lambda *args: [(size, (1, 1))])
        monkeypatch.setattr(_product, "_chosen", {})

    equal_for_all_widths(W, lambda: dense(x, W), take)


def test_filters_in_panels_of_each_width(monkeypatch: pytest.MonkeyPatch) -> None:
    x, W = normal(2, 9, 9, 3), normal(3, 3, 3, 30)
    take = lambda size: monkeypatch.setattr(_direct, "tile_shape", lambda *args: size)  # noqa: E731
    equal_for_all_widths(W, lambda: convolve(x, W, None, Window((3, 3))), take)


def test_transformed_filters_of_each_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_winograd, "POSITIONS", 1)
    x, W = normal(2, 20, 20, 12), normal(3, 3, 12, 30)
    take = lambda size: monkeypatch.setattr(_winograd, "tile_shape", lambda *args: size)  # noqa: E731
    equal_for_all_widths(W, lambda: convolve(x, W, None, Window((3, 3))), take)


def test_weights_of_many_rows_or_with_a_spare_column_are_not_packed_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made, pack = [], _panels.whole_panels
    monkeypatch.setattr(_product, "whole_panels", lambda *args: made.append(1) or pack(*args))
    monkeypatch.setattr(_product, "AHEAD_ROWS", 50)
    monkeypatch.setattr(_product, "spare_columns", lambda m, n, depth, itemsize: n % 16)
    W, narrow = normal(70, 96), normal(70, 97)
    use(Frozen([W, narrow]))
    for rows, weights, packed in ((50, W, True), (51, W, False), (50, narrow, False)):
        made.clear()
        x = normal(rows, 70)
        np.testing.assert_allclose(dense(x, weights), x @ weights, rtol=1e-4, atol=1e-4)
        assert bool(made) is packed


def test_gates_are_packed_anew_where_only_U_is_frozen() -> None:
    n, steps, inputs, units = 6, 5, 10, 20
    x, h0 = normal(n, steps, inputs), np.zeros((n, units), "float32")
    W, U = (normal(rows, 4 * units) for rows in (inputs, units))
    b = np.zeros(4 * units, "float32")

    def outputs(W: Any) -> Any:
        return lstm(x, W, U, b, h0, h0, "tanh", "sigmoid")[0].copy()

    expected = [outputs(W), outputs(2 * W)]
    use(Frozen([U]))
    for of_W, y in zip((W, 2 * W, W), (*expected, expected[0])):
        np.testing.assert_array_equal(outputs(of_W), y)
