"""A large x is looked at while its batches are taken: the warning comes before the batch with the first bad sample."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from minidl.data import ArrayData, arrays
from minidl.errors import DataError, DataWarning


class OnDisk:
    """Like an array of h5py."""

    chunks = (4, 4)

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape, self.dtype = rows, rows.shape, rows.dtype

    def __getitem__(self, which: Any) -> np.ndarray:
        return self.rows[which]


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_CHUNK", 10)


def rows_with(value: float, sample: int = 13, dtype: str = "float32") -> np.ndarray:
    x = np.random.default_rng(3).standard_normal((20, 4)).astype(dtype)
    x[sample, 1] = value
    return x


def batches_until_warned(found: ArrayData, order: np.ndarray | None = None) -> tuple[int, list[str]]:
    """How many batches of four were handed out before the first warning, and the words of all."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = next((n for n, _ in enumerate(found.batches(4, order)) if caught), len(found) // 4)
        for _ in range(2):
            for _ in found.batches(4, order):
                pass
    return before, [str(one.message) for one in caught]


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("kind", ["float32", "float64", "on disk"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_the_warning_of_a_large_x_comes_before_the_batch_with_it(value: float, kind: str, shuffled: bool) -> None:
    with np.errstate(over="ignore"):
        x = rows_with(value, dtype="float32" if kind == "float32" else "float64")
    given = OnDisk(x) if kind == "on disk" else x
    order = np.random.default_rng(1).permutation(20) if shuffled else None
    found = ArrayData(given, np.zeros(20), input_shape=(4,), dtype="float32", where="fit")
    assert not found.warned
    before, words = batches_until_warned(found, order)
    assert before == (int(np.flatnonzero(order == 13)[0]) if shuffled else 13) // 4
    assert len(words) == 1
    assert f"first in sample 13: {x[13, 1]} at index (13, 1)" in words[0]
    assert words[0].startswith("fit: x holds")
    assert found.warned


@pytest.mark.usefixtures("small_is_large")
def test_what_is_left_of_a_large_x_is_looked_at_where_it_is_cut_or_taken_whole() -> None:
    def found() -> ArrayData:
        return ArrayData.of_valid(rows_with(np.nan), np.zeros(20), "fit", "warn")

    for take in (lambda data: data.select(slice(10, None)), lambda data: data.whole([])):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            take(found())
        assert [one.category for one in caught] == [DataWarning]
        assert "first in sample 13: nan at index (13, 1)" in str(caught[0].message)
    with pytest.raises(DataError, match="sample 13"):
        ArrayData.of_valid(rows_with(np.nan), np.zeros(20), "fit", "raise")


@pytest.mark.usefixtures("small_is_large")
def test_large_numbers_that_are_finite_are_not_warned_of() -> None:
    for order in (None, np.arange(20)[::-1]):
        found = ArrayData.of_valid(rows_with(float(np.finfo("f4").max)), np.zeros(20), "fit", "warn")
        assert batches_until_warned(found, order) == (5, [])
        assert not found.warned


@pytest.mark.usefixtures("small_is_large")
def test_samples_that_are_not_taken_are_not_looked_at() -> None:
    found = ArrayData.of_valid(rows_with(np.nan), np.zeros(20), "fit", "warn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            batches = found.batches(4)
            next(batches), next(batches)


@pytest.mark.usefixtures("small_is_large")
def test_of_several_inputs_the_one_that_is_not_finite_is_named() -> None:
    x = {"image": np.zeros((20, 4), "f4"), "number": rows_with(np.inf)}
    shapes = ((4,), (4,))
    found = ArrayData(x, np.zeros(20), input_shape=shapes, dtype="float32", input_names=list(x), where="evaluate")
    before, words = batches_until_warned(found, np.arange(20))
    assert before == 3
    assert len(words) == 1
    assert "evaluate: x['number'] holds NaN or infinity" in words[0]
