"""``set_threads``: what it refuses, that it reaches kernels and BLAS from any thread of Python, and that it loads nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend import blas
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.ops import linear

ROOT = Path(__file__).parents[2]
TEAM = config.team()
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
needs_two = pytest.mark.skipif(TEAM < 2, reason="one core")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threads, of_blas = minidl.get_threads(), blas.threads()
    yield
    minidl.set_threads(threads)
    if of_blas is not None:
        blas.set_threads(of_blas)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    without = {k: v for k, v in os.environ.items() if k not in ("MINIDL_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**without, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("wrong", [0, -1, TEAM + 1, 10**30, np.int64(0)])
def test_numbers_out_of_range(wrong: Any) -> None:
    minidl.set_threads(1)
    for function in (minidl.set_threads, lambda n: minidl.use_threads(n).__enter__()):
        with pytest.raises(ArgumentError) as caught:
            function(wrong)
        assert (caught.value.where, caught.value.received) == ("minidl.set_threads", repr(wrong))
        assert f"from 1 to {TEAM}" in caught.value.expected
        assert "NUMBA_NUM_THREADS" in caught.value.fix
        assert minidl.get_threads() == 1


@pytest.mark.parametrize("wrong", ["2", 1.0, None, True, [1], np.float32(1)])
def test_what_is_no_integer(wrong: Any) -> None:
    minidl.set_threads(1)
    with pytest.raises(ArgumentTypeError, match=f"received .*{type(wrong).__name__}; expected an integer from 1 to"):
        minidl.set_threads(wrong)
    assert minidl.get_threads() == 1


@needs_two
def test_blocks_nest_and_restore_also_what_blas_was_told() -> None:
    minidl.set_threads(TEAM)
    if blas.threads() is not None:
        blas.set_threads(1)
    with minidl.use_threads(1):
        with minidl.use_threads(np.int32(2)):
            assert minidl.get_threads() == config.threads() == 2
            assert blas.threads() in (2, None)
        assert minidl.get_threads() == 1
        with pytest.raises(KeyError), minidl.use_threads(TEAM):
            raise KeyError
        assert minidl.get_threads() == 1
    assert minidl.get_threads() == TEAM
    assert blas.threads() in (1, None)


def test_blas_is_told() -> None:
    if blas.threads() is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    for n in (1, TEAM, 1):
        minidl.set_threads(n)
        assert blas.threads() == n


def test_a_blas_that_cannot_be_told_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_bundled", lambda: [Path("/no/such/library")])
    monkeypatch.setattr(blas, "_loaded", list)
    blas._functions.cache_clear()
    try:
        assert blas.threads() is None
        assert not blas.set_threads(1)
        with minidl.use_threads(1):
            assert minidl.get_threads() == 1
    finally:
        blas._functions.cache_clear()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="this system does not list a process's libraries")
def test_blas_is_found_where_numpy_did_not_bring_it(monkeypatch: pytest.MonkeyPatch) -> None:
    if blas.threads() is None:
        pytest.skip("NumPy's BLAS is not OpenBLAS")
    monkeypatch.setattr(blas, "_bundled", list)
    blas._functions.cache_clear()
    try:
        assert blas.set_threads(1)
    finally:
        blas._functions.cache_clear()
    assert blas.threads() == 1


@needs_numba
def test_setting_loads_no_compiler_and_is_remembered_until_kernels_start() -> None:
    done = run("""
import sys, numpy as np, minidl, minidl.ops.activation
minidl.set_threads(1)
with minidl.use_threads(2): pass
print("numba" in sys.modules or "llvmlite" in sys.modules)
minidl.ops.activation.relu(np.ones(4, np.float32))
from minidl.kernels.numba._jit import threads
print("numba" in sys.modules, threads())
""", NUMBA_NUM_THREADS="3")  # fmt: skip
    assert done.stdout.split() == ["False", "True", "1"], done.stderr


@pytest.mark.one_in(3)
@needs_numba
@pytest.mark.parametrize("given, expected", [("1", "1 1"), ("2", "2 2"), ("", "3 3")])
def test_the_variable(given: str, expected: str) -> None:
    program = "import minidl.ops; from minidl.kernels.numba._jit import threads; from minidl.backend import blas\n"
    done = run(program + "print(minidl.get_threads(), threads(), blas.threads())", MINIDL_THREADS=given, NUMBA_NUM_THREADS="3")
    assert done.stdout.startswith(expected), done.stderr
    if given:
        assert done.stdout.split()[2] in (given, "None")


@pytest.mark.one_in(5)
@pytest.mark.parametrize("given", ["0", "4", "two", "-1", "1.5"])
def test_a_wrong_variable(given: str) -> None:
    done = run("import minidl.models", MINIDL_THREADS=given, NUMBA_NUM_THREADS="3")
    assert f"ArgumentError: MINIDL_THREADS: received '{given}'; expected an integer from 1 to 3" in done.stderr


@pytest.mark.more
@needs_numba
def test_numba_settles_how_many_there_are() -> None:
    """Its variable may have changed since minidl was imported."""
    done = run("""
import os, minidl, minidl.ops.activation, numpy as np
from minidl import config
assert (config.team(), minidl.get_threads()) == (3, 3)
os.environ["NUMBA_NUM_THREADS"] = "2"
minidl.ops.activation.relu(np.ones(4, np.float32))
from minidl.kernels.numba._jit import threads
print(config.team(), minidl.get_threads(), threads())
try:
    minidl.set_threads(3)
except minidl.errors.ArgumentError:
    print("refused")
""", NUMBA_NUM_THREADS="3")  # fmt: skip
    assert done.stdout.split() == ["2", "2", "2", "refused"], done.stderr


SHARES = """
import numba, numpy as np, threading, minidl
from minidl.kernels.numba._parallel import in_parallel

@numba.njit
def share(first, last, seen, begun, threads):
    begun[numba.get_thread_id()] = 1
    tries = 0
    while begun[:8].sum() < threads and tries < 300_000_000:  # what a late thread has not begun would be done by another
        tries += 1
        begun[8] = tries
    seen[first:last] = numba.get_thread_id() + 1

@numba.njit
def kernel(seen, begun, threads):
    in_parallel(share, 6, (seen, begun, threads))

def threads_at_work():
    seen = np.zeros(6, np.int64)
    kernel(seen, np.zeros(9, np.int64), minidl.get_threads())
    return len(set(seen.tolist())), bool(seen.min() > 0)
"""


@pytest.mark.more
@pytest.mark.one_in(2)
@needs_numba
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_kernels_run_on_as_many_threads_whichever_thread_calls(layer: str) -> None:
    done = run(SHARES + """
for n in (1, 2, 3, 1):
    minidl.set_threads(n)
    found = [threads_at_work()]
    other = threading.Thread(target=lambda: found.append(threads_at_work()))
    other.start(); other.join()
    print(n, *found)
print(numba.threading_layer())
""", NUMBA_NUM_THREADS="3", NUMBA_THREADING_LAYER=layer)  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[:4] == [f"{n} ({n}, True) ({n}, True)" for n in (1, 2, 3, 1)], done.stdout + done.stderr
    assert layer in ("default", lines[4])


TASKS = """
import numba, numpy as np, time, minidl
from minidl.kernels.numba._parallel import in_parallel

@numba.njit
def count(first, last, seen):
    for task in range(first, last):
        seen[task] += 1

@numba.njit
def kernel(seen, tasks):
    in_parallel(count, tasks, (seen,))

@numba.njit
def slow_at_first(first, last, by, busy):
    by[first:last] = numba.get_thread_id() + 1
    total = 0.0
    for k in range(busy[first]):
        total += np.sqrt(k)
    busy[first] = total > 1

@numba.njit
def uneven(by, busy):
    in_parallel(slow_at_first, len(by), (by, busy))
"""


@pytest.mark.more
@pytest.mark.one_in(2)
@needs_numba
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_each_task_is_done_once_whatever_their_number(layer: str) -> None:
    done = run(TASKS + """
for threads in (1, 2, 3, 4):
    minidl.set_threads(threads)
    for tasks in [*range(40), 100, 1000, 12345]:
        seen = np.zeros(tasks + 1, np.int64)
        kernel(seen, tasks)
        assert (seen[:tasks] == 1).all() and seen[tasks] == 0, (threads, tasks)
print("done")
""", NUMBA_NUM_THREADS="4", NUMBA_THREADING_LAYER=layer)  # fmt: skip
    assert done.stdout.split() == ["done"], done.stdout + done.stderr


@pytest.mark.more
@needs_numba
def test_others_do_what_a_slow_thread_has_left() -> None:
    """Of 40 tasks each of two threads has 20, and the last five of them are for both."""
    done = run(TASKS + """
for slow in (0, 20):
    for attempt in range(20):
        by, busy = np.zeros(40, np.int64), np.zeros(40, np.int64)
        uneven(by, busy)
        busy[slow] = 50_000_000
        uneven(by, busy)
        own, others = by[slow : slow + 15], by[slow + 15 : slow + 20]
        if len(set(own)) == 1 and not (others == own[0]).any():
            break
    else:
        raise AssertionError(by)
print("done")
""", NUMBA_NUM_THREADS="2")  # fmt: skip
    assert done.stdout.split() == ["done"], done.stdout + done.stderr


@needs_numba
def test_matrix_products_and_kernels_from_many_threads() -> None:
    """Kernels and BLAS from four threads while a fifth changes how many they may use: right, and it ends."""
    x = np.random.default_rng(0).standard_normal((64, 300)).astype(np.float32)
    W = np.random.default_rng(1).standard_normal((300, 200)).astype(np.float32)
    dense = linear.dense
    expected, by_blas = dense(x, W), x @ W
    wrong: list[int] = []

    def work() -> None:
        right = [(dense(x, W) == expected).all() and np.allclose(x @ W, by_blas, atol=1e-4) for _ in range(50)]
        wrong.append(right.count(False))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for k in range(200):
        minidl.set_threads(1 + k % TEAM)
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    assert wrong == [0] * 4
