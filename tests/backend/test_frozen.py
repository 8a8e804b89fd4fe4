"""Weights that stay as they are: what is made of them is made once, where they are in use, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl.backend import frozen
from minidl.backend.frozen import Frozen, is_frozen, prepared, use
from minidl.backend.tape import Tape, again


class Count:
    """What is made, numbered."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        return self.calls


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = use(None)
    yield
    use(before)


def test_made_once_for_each_weight_and_key() -> None:
    W, U, make = np.ones((2, 3)), np.ones((2, 3)), Count()
    use(Frozen([W, U]))
    assert [prepared(W, "a", make), prepared(W, "a", make), prepared(U, "a", make), prepared(W, "b", make)] == [1, 1, 2, 3]
    assert prepared(W, "a", make) == 1


def test_what_was_made_stays_with_those_who_froze() -> None:
    W, make = np.ones((2, 3)), Count()
    mine, yours = Frozen([W]), Frozen([W])
    assert use(mine) is None
    assert prepared(W, "a", make) == 1
    assert use(yours) is mine
    assert prepared(W, "a", make) == 2
    assert use(mine) is yours
    assert prepared(W, "a", make) == 1


def test_made_each_time_elsewhere() -> None:
    W, make = np.ones((2, 3)), Count()
    assert [prepared(W, "a", make) for _ in range(3)] == [1, 2, 3]
    assert not is_frozen(W)
    use(Frozen([W]))
    other = np.ones((2, 3))
    assert [prepared(other, "a", make) for _ in range(2)] == [4, 5]
    assert (is_frozen(W), is_frozen(other)) == (True, False)


def test_a_view_of_another_shape_is_another() -> None:
    W, make = np.ones((2, 3)), Count()
    use(Frozen([W]))
    assert [prepared(W, "a", make), prepared(W.reshape(3, 2), "a", make), prepared(W, "a", make)] == [1, 2, 1]
    assert [prepared(W.T, "a", make), prepared(W.T, "a", make)] == [3, 4]  # in another order: never
    assert not is_frozen(W[:, 1:])


def test_large_weights_are_not_kept_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "LARGEST", 40)
    small, large, make = np.ones(5), np.ones(6), Count()
    use(Frozen([small, large]))
    assert (is_frozen(small), is_frozen(large)) == (True, False)
    assert [prepared(large, "a", make) for _ in range(2)] == [1, 2]


def test_nothing_is_also_a_result() -> None:
    W, made = np.ones(2), []
    use(Frozen([W]))
    assert [prepared(W, "a", lambda: made.append(1)) for _ in range(3)] == [None] * 3
    assert made == [1]


def test_the_arrays_that_were_made() -> None:
    W = np.ones(2)
    mine = Frozen([W, "on another device"])
    use(mine)
    copy = prepared(W, "copy", W.copy)
    prepared(W, "uneven", lambda: None)
    assert [a is copy for a in mine.arrays()] == [True]


def test_the_weights_are_held() -> None:
    """Else another array could stand where they stood."""
    W = np.ones(1000)
    mine, address = Frozen([W]), W.ctypes.data
    del W
    others = [np.ones(1000) for _ in range(50)]
    assert address not in {a.ctypes.data for a in others}
    assert not any(mine.place(a) for a in others)


def test_a_recording_takes_no_note_of_what_is_made() -> None:
    W, made = np.ones(2), []

    def make() -> Any:
        made.append(again(np.add, W, 1.0))
        return made[-1]

    use(Frozen([W]))
    with Tape() as tape:
        prepared(W, "a", make)
        assert tape.calls == []
        prepared(np.ones(2), "a", make)
        assert len(tape.calls) == 1
    assert len(made) == 2


def test_after_an_error_it_is_made_again() -> None:
    W, make = np.ones(2), Count()

    def fails() -> int:
        raise MemoryError

    use(Frozen([W]))
    with pytest.raises(MemoryError):
        prepared(W, "a", fails)
    assert prepared(W, "a", make) == 1
