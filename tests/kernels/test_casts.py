"""Casts within a recorded step give NumPy's numbers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl.backend import tape

pytest.importorskip("numba")
from minidl.kernels.numba import _private
from minidl.kernels.numba._replay import in_one_call

pytestmark = pytest.mark.skipif(not _private.has("entries"), reason=f"without a way in: {_private.MISSING}")
OF = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


def numbers(dtype: str) -> np.ndarray:
    """Some of a type, its largest and smallest among them; of floating ones such as any integer could be."""
    if dtype == "bool":
        return np.array([True, False, True])
    if np.dtype(dtype).kind == "f":
        return np.array([0, 1, -1, 2.5, -2.5, 1e9 + 1, -0.0, 16777217, 2.0**40], dtype)
    limits = np.iinfo(dtype)
    return np.array([0, 1, limits.max, limits.min, limits.max // 2 + 1, limits.max // 3], dtype)


@pytest.mark.parametrize("to", ["int64", "float32", "float64"])
@pytest.mark.parametrize("of", OF)
def test_casts(of: str, to: str) -> None:
    given = numbers(of)
    x = np.zeros_like(given)
    with tape.Tape([x]) as noted:
        y = tape.as_type(x, to)
    if of == to:
        assert y is x
        assert not noted.calls
        return
    made = in_one_call(noted.calls, lambda array: None)
    assert [type(function).__name__ for function, _ in made] == ["Run"]
    x[...] = given
    tape._make(made)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = given.astype(to)
    np.testing.assert_array_equal(y, expected, strict=True)
    assert (np.signbit(y) == np.signbit(expected)).all()


@pytest.mark.parametrize("of", ["float16", ">i4", "complex64", "longdouble"])
def test_other_types_are_left_to_numpy(of: str) -> None:
    x = np.zeros(3, of)
    with tape.Tape([x]) as noted, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y = tape.as_type(x, "float32")
    made = in_one_call(noted.calls, lambda array: None)
    assert not any(hasattr(function, "look_at") for function, _ in made)
    x[...] = 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tape._make(made)
    assert y.tolist() == [7, 7, 7]
