"""Calls of compiled functions that follow each other, made as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.backend import tape
from minidl.kernels.numba import _private
from minidl.kernels.numba._jit import compiled
from minidl.kernels.numba._moves import compiled_move
from minidl.kernels.numba._replay import in_one_call

pytestmark = pytest.mark.skipif(not _private.has("entries"), reason=f"without a way in: {_private.MISSING}")


@compiled
def _scaled(x, factor, y):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        y[i] = x[i] * factor


@compiled
def _noting(numbers, single, double, large, small, yes, nothing, pair, matrix, bytes_, found):  # type: ignore[no-untyped-def]
    found[0] = numbers
    found[1] = single
    found[2] = double
    found[3] = large >> np.uint64(60)
    found[4] = small
    found[5] = 1 if yes else 0
    found[6] = pair[0]
    found[7] = pair[1][0][1]
    found[8] = matrix[1, 2] + 10 * matrix.shape[0] + 100 * matrix.shape[1] + matrix.size
    found[9] = bytes_[1]
    found[10] = pair[1][1]


@compiled
def _failing(x):  # type: ignore[no-untyped-def]
    if x[0] < 0:
        raise MemoryError
    x[0] += 1


@compiled
def _largest(x):  # type: ignore[no-untyped-def]
    return x.max()


def replayed(*calls: Any, inputs: tuple[np.ndarray, ...] = ()) -> Any:
    """The calls in one, for arrays of which ``inputs`` may stand elsewhere later."""
    return in_one_call(calls, lambda array: tape._looking_at(array, inputs))


def call(function: Any, *args: Any) -> Any:
    """A call as it stands on a tape, made once as there."""
    function(*args)
    return function.dispatcher, args


def test_calls_that_follow_each_other_are_one() -> None:
    x, y, z = np.ones(3), np.zeros(3), np.zeros(3)
    found = replayed(call(_scaled, x, 2.0, y), call(_scaled, y, 5.0, z))
    x[:] = [1, 2, 3]
    assert len(found) == 1
    tape._make(found)
    assert z.tolist() == [10, 20, 30]


def test_what_python_computes_stays_between_them() -> None:
    x, y, z = np.ones(3), np.zeros(3), np.zeros(3)
    plus_one = (np.add, (y, 1, y))
    found = replayed(call(_scaled, x, 2.0, y), plus_one, call(_scaled, y, 5.0, z), call(_scaled, z, 2.0, z))
    assert [function is np.add for function, _ in found] == [False, True, False]
    tape._make(found)
    assert z.tolist() == [30, 30, 30]


def test_every_kind_of_argument_arrives() -> None:
    found = np.zeros(11)
    matrix = np.arange(12.0).reshape(4, 3).T  # not in C order
    arguments = (
        -7, np.float32(0.1), 0.1, np.uint64(0xF << 60), np.uint32(2**32 - 5), True, None,
        (3, (np.array([1.5, 2.5], np.float32), 1e300)), matrix, np.array([1, 200], np.uint8), found,
    )  # fmt: skip
    made = replayed(call(_noting, *arguments))
    expected = found.copy()
    assert expected[:4].tolist() == [-7, np.float32(0.1), 0.1, 15]
    found[:] = 0
    assert len(made) == 1
    assert not hasattr(made[0][0], "dispatcher")
    tape._make(made)
    assert found.tolist() == expected.tolist()


def test_inputs_may_stand_elsewhere() -> None:
    x, y = np.arange(6.0), np.zeros(4)
    found = replayed(call(_scaled, x[2:], 2.0, y), inputs=(x,))
    other = np.arange(6.0) * 10
    found[0][0].look_at(0, other.ctypes.data)
    tape._make(found)
    assert y.tolist() == [40, 60, 80, 100]


def test_each_input_may_stand_elsewhere() -> None:
    inputs, y, z = (np.ones(2), np.ones(2)), np.zeros(2), np.zeros(2)
    found = replayed(call(_scaled, inputs[0], 2.0, y), call(_scaled, inputs[1], 2.0, z), inputs=inputs)
    other = np.array([3.0, 4.0])
    found[0][0].look_at(1, other.ctypes.data)
    tape._make(found)
    assert (y.tolist(), z.tolist()) == ([2, 2], [6, 8])


def test_a_failure_ends_it() -> None:
    x, y = np.ones(1), np.zeros(1)
    found = replayed(call(_failing, x), call(_scaled, x, 1.0, y))
    y[:] = 0
    x[:] = -1
    with pytest.raises(MemoryError, match="a kernel found no memory"):
        tape._make(found)
    assert (y[0], found[0][0]._failed[0]) == (0, 0)
    x[:] = 5
    tape._make(found)
    assert y[0] == 6


def test_what_gives_a_result_is_called_from_python() -> None:
    x = np.ones(3)
    largest = call(_largest, x)
    assert replayed(largest) == [largest]


def test_without_a_way_in_each_is_called_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [call(_scaled, np.ones(3), 2.0, np.zeros(3))]
    monkeypatch.setattr(_private, "MISSING", {"entries": "gone"})
    assert replayed(*calls) == calls


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("function", [tape.write, tape.add_to])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4), (1, 4), (2, 3, 4)])
def test_moves(function: Any, shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    for turned in (False, True):
        place, value = (rng.integers(-9, 9, shape).astype(dtype) for _ in range(2))
        value = np.asfortranarray(value) if turned and shape else value
        expected, found = place.copy(), compiled_move(function, (place, value))
        function(expected, value)
        plain = value.flags.c_contiguous
        assert (found is not None) == (plain or (function is tape.write and len(shape) == 2))
        if found is not None:
            tape._make(replayed(found))
            assert place.tobytes() == expected.tobytes()


def test_steps_are_counted() -> None:
    steps = np.array([2**40])
    tape._make(replayed((tape.count, (steps,))))
    assert steps.tolist() == [2**40 + 1]


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (tape.write, (np.zeros(3), np.zeros(3, "float32"))),
        (tape.write, (np.zeros(3), 1.0)),
        (tape.write, (np.zeros((2, 3)), np.zeros(3))),
        (tape.write, (np.zeros(6)[::2], np.zeros(3))),
        (tape.write, (np.zeros(3, "int32"), np.zeros(3, "int32"))),
        (tape.add_to, (np.zeros((2, 3)), np.zeros((3, 2)).T)),
        (tape.count, (np.zeros(1, "int32"),)),
        (np.add, (np.zeros(3), np.zeros(3))),
    ],
)
def test_what_is_not_only_moved(function: Any, args: Any) -> None:
    assert compiled_move(function, args) is None
