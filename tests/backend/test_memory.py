"""The recycling pool: a block comes back when its last view dies and not before, whatever kind of view it is."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.backend.memory import ALIGNMENT, SMALL, Pool, _size_class

LARGE = (64, 128)  # 32 KiB of float32: lent by the pool, not by NumPy


def address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


VIEWS: dict[str, Callable[[np.ndarray], Any]] = {
    "itself": lambda a: a,
    "slice": lambda a: a[3:5],
    "one row": lambda a: a[7],
    "view of a view": lambda a: a[3:50][::2][1:],
    "reshape": lambda a: a.reshape(128, 64),
    "reshape of a reshape": lambda a: a.reshape(-1).reshape(2, -1)[1],
    "transpose": lambda a: a.T,
    "transposed slice": lambda a: a.T[5:9].swapaxes(0, 1),
    "other dtype": lambda a: a.view(np.uint8),
    "other dtype of a slice": lambda a: a[2:4].view(np.int32)[0],
    "new axis": lambda a: a[None, :, None],
    "broadcast": lambda a: np.broadcast_to(a[0], (5, 128)),
    "reversed": lambda a: a[::-1, ::-1],
    "memoryview": lambda a: memoryview(a),
    "array of a memoryview": lambda a: np.asarray(memoryview(a)),
    "subclass": lambda a: a.view(np.recarray),
    "view of a subclass": lambda a: a.view(np.recarray)[1:].view(np.ndarray)[2:],
    "strided": lambda a: np.lib.stride_tricks.as_strided(a, (2, 2)),
    "iterator": lambda a: a.flat,
    "in a closure": lambda a: lambda: a.sum(),
}


@pytest.mark.parametrize("kind", VIEWS)
def test_a_block_comes_back_with_its_last_view(kind: str) -> None:
    pool = Pool()
    array = pool.empty(LARGE, np.float32)
    where = address(array)
    view = VIEWS[kind](array)
    del array
    gc.collect()
    assert pool.free_bytes == 0, "lent again while a view was alive"
    assert address(pool.empty(LARGE, np.float32)) != where
    del view
    gc.collect()
    assert pool.free_bytes >= 2 * 4 * 64 * 128, "not given back"


def test_the_block_returned_last_is_lent_first() -> None:
    pool = Pool()
    first, second = pool.empty(LARGE, np.float32), pool.empty(LARGE, np.float32)
    places = address(first), address(second)
    del first
    del second
    assert address(pool.empty(LARGE, np.float32)) == places[1]


def test_a_block_serves_any_shape_and_dtype_of_its_size() -> None:
    pool = Pool()
    a = pool.empty((4096, 8), np.float32)
    where = address(a)
    del a
    b = pool.empty((8, 2048), np.float64)
    assert address(b) == where
    assert b.dtype == np.float64
    assert b.shape == (8, 2048)


shapes = st.one_of(
    st.integers(0, 40_000).map(lambda n: (n,)),
    st.tuples(st.integers(0, 300), st.integers(1, 300)),
    st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30)),
)
dtypes = st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.one_of(st.tuples(shapes, dtypes), st.integers(0, 50)), max_size=25))
def test_two_living_arrays_never_share_memory(actions: list) -> None:
    """A random sequence of borrowing and dropping; every array keeps what was written into it."""
    pool = Pool()
    living: list[tuple[np.ndarray, int]] = []
    for number, action in enumerate(actions):
        if isinstance(action, int):
            if living:
                living.pop(action % len(living))
            continue
        array = pool.empty(*action)
        assert (array.shape, array.dtype) == (action[0], np.dtype(action[1]))
        assert array.flags.c_contiguous
        assert array.flags.writeable
        value = number % 2 if action[1] is np.bool_ else number
        array[...] = value
        living.append((array, value))
    for array, value in living:
        assert (array == value).all()
    for i, (a, _) in enumerate(living):
        assert not any(np.shares_memory(a, b) for b, _ in living[:i])
    assert pool.free_bytes == sum(size * len(blocks) for size, blocks in pool._free.items())


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(shapes, dtypes)
def test_large_arrays_are_aligned(shape: tuple[int, ...], dtype: type) -> None:
    array = Pool().empty(shape, dtype)
    if array.nbytes >= SMALL:
        assert address(array) % ALIGNMENT == 0
        assert ALIGNMENT == 64


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.integers(SMALL, 1 << 40))
def test_size_classes_hold_what_is_asked_and_waste_little(nbytes: int) -> None:
    size = _size_class(nbytes)
    assert nbytes <= size <= nbytes * 1.25 + 4096
    assert _size_class(size) == size


def test_the_limit_is_kept() -> None:
    pool = Pool(limit=100_000)
    arrays = [pool.empty(LARGE, np.float32) for _ in range(10)]
    del arrays
    assert 0 < pool.free_bytes <= 100_000
    assert sum(len(blocks) for blocks in pool._free.values()) == 3
    nothing = Pool(limit=0)
    del_me = nothing.empty(LARGE, np.float32)
    del del_me
    assert nothing.free_bytes == 0


def test_clear_forgets_free_blocks_and_living_arrays_go_on() -> None:
    pool = Pool()
    living, dead = pool.empty(LARGE, np.float32), pool.empty(LARGE, np.float32)
    living[...] = 7
    del dead
    assert pool.free_bytes > 0
    pool.clear()
    assert pool.free_bytes == 0
    assert (living == 7).all()
    del living
    assert pool.free_bytes > 0


@pytest.mark.parametrize("shape", [(3,), (1, 7), LARGE, (0, 5), (0,)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poison_fills_with_nan(shape: tuple[int, ...], dtype: type) -> None:
    pool = Pool(poison=True)
    for _ in range(3):  # new memory, then memory used before
        array = pool.empty(shape, dtype)
        assert np.isnan(array).all()
        array[...] = 1
        del array


def test_poison_in_integers_is_minus_one() -> None:
    assert (Pool(poison=True).empty(LARGE, np.int64) == -1).all()


def test_small_arrays_do_not_pass_through_the_pool() -> None:
    pool = Pool()
    small = pool.empty((10,), np.float32)
    del small
    assert pool.free_bytes == 0


def test_memory_is_kept_when_the_pool_itself_dies() -> None:
    array = Pool().empty(LARGE, np.float32)
    gc.collect()
    array[...] = 3
    assert array.sum() == 3 * array.size


def test_many_threads() -> None:
    """Every thread writes its number and finds it again; the books balance in the end."""
    pool, faults = Pool(), []
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        barrier.wait()
        held: list[np.ndarray] = []
        for _ in range(300):
            array = pool.empty((int(rng.integers(4096, 20_000)),), np.float32)
            array[...] = number
            held.append(array[5:])
            del array
            if len(held) > 4 and not (held.pop(int(rng.integers(4))) == number).all():
                faults.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert not pool._lent
    assert pool.free_bytes == sum(size * len(blocks) for size, blocks in pool._free.items())
