"""Ids are drawn as often as their probabilities say, after temperature, top_k and top_p."""

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from minidl.utils import sample_ids

P = np.array([0.1, 0.4, 0.05, 0.25, 0.2])
N = 20000


def frequencies(p=P, **options):
    ids = sample_ids(np.tile(p, (N, 1)), seed=3, **options)
    return np.bincount(ids, minlength=len(p)) / N


def near(found, expected):
    expected = np.array(expected) / np.sum(expected)
    assert (found[expected == 0] == 0).all()
    return (np.abs(found - expected) < 4.5 * np.sqrt(expected * (1 - expected) / N) + 1e-12).all()


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, P),
        ({"temperature": 0.5}, P**2),
        ({"temperature": 3.0}, P ** (1 / 3)),
        ({"temperature": 0.001}, [0, 1, 0, 0, 0]),
        ({"temperature": 0}, [0, 1, 0, 0, 0]),
        ({"top_k": 2}, [0, 0.4, 0, 0.25, 0]),
        ({"top_k": 9}, P),
        ({"top_p": 0.4}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.41}, [0, 0.4, 0, 0.25, 0]),
        ({"top_p": 0.8}, [0, 0.4, 0, 0.25, 0.2]),
        ({"top_p": 1.0}, P),
        ({"top_p": 1e-9}, [0, 1, 0, 0, 0]),
        ({"temperature": 0.5, "top_k": 3, "top_p": 0.8}, [0, 0.16, 0, 0.0625, 0]),  # 0.16 / 0.2625 = 0.61, then 0.85
    ],
    ids=str,
)
def test_frequencies(options, expected):
    assert near(frequencies(**options), expected)


def test_top_p_comes_after_top_k():
    """Of the two likeliest, 0.4 / 0.65 = 0.615 is enough for 0.6."""
    assert near(frequencies(top_k=2, top_p=0.6), [0, 1, 0, 0, 0])


def test_zeros_and_equals():
    assert near(frequencies(np.array([0.0, 0.5, 0.0, 0.5])), [0, 0.5, 0, 0.5])
    assert near(frequencies(np.array([0.0, 0.5, 0.0, 0.5]), temperature=50.0), [0, 0.5, 0, 0.5])  # what is 0 stays 0
    assert sample_ids([0.2, 0.4, 0.4], temperature=0) == 1
    assert set(sample_ids([[0.25] * 4] * 200, top_k=2, seed=0).tolist()) == {0, 1}
    assert sample_ids([1e-300, 0.0], temperature=0.01) == 0  # neither overflow nor 0 / 0
    assert sample_ids([3, 0, 0]) == 0  # counts will do


def test_one_seed_one_draw():
    rows = np.tile(P, (50, 1))
    first = sample_ids(rows, seed=1)
    assert np.array_equal(first, sample_ids(rows, seed=1))
    assert not np.array_equal(first, sample_ids(rows, seed=2))
    assert not np.array_equal(first, sample_ids(rows, seed=1, step=1))
    minidl.set_seed(5)
    a, b = sample_ids(rows), sample_ids(rows)
    minidl.set_seed(5)
    assert np.array_equal(a, sample_ids(rows))
    assert not np.array_equal(a, b)


def test_forms():
    before = P.copy()
    one = sample_ids(P, temperature=0.5, top_k=1)
    assert one == 1
    assert type(one) is int
    assert sample_ids(P[None].astype("float32"), temperature=0).tolist() == [1]
    assert sample_ids(np.zeros((0, 5))).shape == (0,)
    np.testing.assert_array_equal(P, before)


@pytest.mark.parametrize(
    "p, options, error, words",
    [
        ([0.5, -0.1], {}, DataError, "-0.1 to 0.5 in row 0.*softmax"),
        ([[0.5, 0.5], [0.0, 0.0]], {}, DataError, "row 1"),
        ([0.5, float("nan")], {}, DataError, "nan"),
        ([0.5, float("inf")], {}, DataError, "inf"),
        (np.ones((2, 3, 4)), {}, ShapeError, r"shape \(2, 3, 4\)"),
        (0.5, {}, ShapeError, r"shape \(\)"),
        ([], {}, ShapeError, r"shape \(0,\)"),
        (["a", "b"], {}, ArgumentTypeError, "probabilities"),
        (P, {"temperature": -1}, ArgumentError, "temperature=-1"),
        (P, {"temperature": float("nan")}, ArgumentError, "temperature=nan"),
        (P, {"top_k": 0}, ArgumentError, "top_k=0"),
        (P, {"top_k": 1.5}, ArgumentTypeError, "top_k=1.5"),
        (P, {"top_p": 0}, ArgumentError, "top_p=0"),
        (P, {"top_p": 1.01}, ArgumentError, "top_p=1.01"),
        (P, {"seed": 1.5}, ArgumentTypeError, "seed=1.5"),
        (P, {"step": -1}, ArgumentError, "step=-1"),
    ],
    ids=str,
)
def test_what_is_refused(p, options, error, words):
    with pytest.raises(error, match=words):
        sample_ids(p, **options)
