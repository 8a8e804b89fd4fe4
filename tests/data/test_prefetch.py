"""Items made in a thread: the same items, errors that arrive, and a thread that ends however the loop ends."""

import os
import signal
import threading
import time
import traceback

import numpy as np
import pytest

from minidl.data import Dataset
from minidl.data import prefetch as module


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "minidl-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_survives():
    assert not threads()
    yield
    assert not threads()


def numbers(count=20):
    return Dataset(range(count))


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_same_items_in_the_same_order(count):
    data = numbers().prefetch(count)
    assert [list(data), list(data)] == [list(range(20))] * 2
    assert len(data) == 20


def test_items_are_made_in_advance_and_no_more_than_asked_for():
    made = []
    items = iter(numbers().map(lambda i: made.append(i) or i).prefetch(3))
    assert next(items) == 0
    deadline = time.monotonic() + 10
    while len(made) < 5 and time.monotonic() < deadline:  # one used, three waiting, one that waits for room
        time.sleep(0.001)
    time.sleep(0.02)
    assert made == [0, 1, 2, 3, 4]
    items.close()


def test_they_are_made_in_another_thread():
    made_in = list(numbers(3).map(lambda i: threading.current_thread().name).prefetch(1))
    assert set(made_in) == {"minidl-prefetch"}


def test_an_error_in_the_thread_is_raised_where_the_items_are_used():
    def spoil(i):
        if i == 2:
            raise ZeroDivisionError("item 2")
        return i

    seen = []
    with pytest.raises(ZeroDivisionError, match="item 2") as raised:
        seen.extend(numbers().map(spoil).prefetch(4))
    assert "spoil" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]
    assert seen == [0, 1], "what was made before the error arrives"


def test_the_thread_ends_on_break():
    for item in numbers().repeat().prefetch(2):
        if item == 7:
            break
    assert item == 7


def test_the_thread_ends_on_an_error_of_the_consumer():
    with pytest.raises(KeyError):
        for _ in numbers().repeat().prefetch(2).map(lambda i: {}[i]):
            pass


@pytest.mark.parametrize("behind", ["map", "batch", "shuffle", "take", "repeat", "prefetch"])
def test_leaving_a_later_step_ends_the_thread_of_an_earlier_one(behind):
    data = numbers().repeat().prefetch(2)
    arguments = {"map": [lambda i: i], "batch": [3], "shuffle": [4], "take": [9], "repeat": [2], "prefetch": [2]}[behind]
    items = iter(getattr(data, behind)(*arguments))
    next(items)
    assert threads()
    items.close()


def test_the_thread_closes_what_makes_its_items():
    ended = []

    def make():
        try:
            yield from range(100)
        finally:
            ended.append(threading.current_thread().name)

    items = iter(Dataset.from_generator(make).prefetch(1))
    next(items)
    items.close()
    assert ended == ["minidl-prefetch"]


def test_ctrl_c_reaches_a_consumer_that_waits_and_the_thread_ends(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    release, made = threading.Event(), []

    def slow(i):
        if i == 3:
            threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
            release.wait(10)
        made.append(i)
        return i

    with pytest.raises(KeyboardInterrupt):
        for _ in numbers().map(slow).prefetch(2):
            pass
    assert made == [0, 1, 2], "it did not wait for the item"
    (thread,) = threads()
    release.set()
    thread.join(10)
    assert made == [0, 1, 2, 3]


def test_a_thread_in_the_middle_of_an_item_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    release, made = threading.Event(), []

    def slow(i):
        if i == 1:
            release.wait(10)
        made.append(i)
        return i

    items = iter(numbers().map(slow).prefetch(1))
    next(items)
    items.close()
    (thread,) = threads()
    release.set()
    thread.join(10)
    assert not thread.is_alive()
    assert made == [0, 1], "the item it was at, and none after it"


def test_the_settings_of_the_consumer_hold_in_the_thread():
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(Dataset([np.zeros(1)]).map(lambda x: 1 / x).prefetch(1))


def test_two_iterations_at_once_do_not_meet():
    data = numbers().prefetch(2)
    pairs = list(zip(data, data))
    assert pairs == [(i, i) for i in range(20)]
