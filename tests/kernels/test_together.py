"""A team that stays together: each task is done once, whoever is late, fails, or comes in between."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed"),
    pytest.mark.skipif(os.name != "posix", reason="teams are sent out for each kernel here"),
]

PROGRAM = """
import os, threading, time, numba, numpy as np, minidl
from minidl.kernels.numba import _replay, _together
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._together import BOARD, HELD, HOLDER, SENT

@inner
def count(first, last, seen, by, work):
    for task in range(first, last):
        seen[task] += 1
        by[task] = numba.get_thread_id() + 1
        total = 0.0
        for k in range(work[task]):
            total += np.sqrt(k)
        work[task] += total < 0

@compiled
def kernel(seen, by, work, tasks):
    in_parallel(count, tasks, (seen, by, work))

# Tasks that last until so many threads have begun one, or for a second or two; on all threads but the first for longer.
@inner
def meet(first, last, seen, begun, threads):
    for task in range(first, last):
        begun[numba.get_thread_id()] = 1
        tries = 0
        while begun[:8].sum() < threads and tries < 100_000_000:
            tries += 1
            begun[8] = tries
        total = 0.0
        if numba.get_thread_id():
            for k in range(15_000_000):
                total += np.sqrt(k)
        seen[task] += total >= 0

@compiled
def meeting(seen, begun, threads, tasks):
    begun[:8] = 0
    in_parallel(meet, tasks, (seen, begun, threads))

@compiled
def before(seen):
    seen[-1] += 1

@compiled
def failing(x):
    if x[0] > 0:
        raise MemoryError

# Of so many tasks, with room for more: how often each was done, by whom, and how long it takes.
def arrays(tasks, work=0):
    seen, by, long = np.zeros((3, 2 * tasks + 1), np.int64)
    long[:tasks] = work
    return seen, by, long, tasks

def each_was_done(given, times):
    return all((seen[:tasks] == times).all() and not seen[tasks:].any() for seen, _, _, tasks in given)

def run_of(*calls):
    (run, _), = _replay.in_one_call(calls, lambda array: None)
    return run

if not _together.stays_together():
    print("another layer")
    raise SystemExit
"""


def printed(program: str, threads: int) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_THREADS")}
    environment |= {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": str(threads), "MINIDL_KERNELS": "auto"}
    command = [sys.executable, "-W", "error", "-c", PROGRAM + program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    if done.stdout.strip() == "another layer":
        pytest.skip("Numba's threading layer is not OpenMP")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("threads", [2, 5])
def test_each_task_of_each_kernel_is_done_once(threads: int) -> None:
    """Five threads are more than there may be cores: then some are late, or do not come at all."""
    assert printed(
        """
for work in (0, 300):
    given = [arrays(tasks, work) for tasks in [*range(1, 30), 100, 1234]]
    run = run_of(*((kernel, a) for a in given))
    for time in range(1, 41):
        sent = HELD[SENT]
        run()
        assert each_was_done(given, time), (time, given)
        assert HELD[HOLDER] == 0
    assert HELD[SENT] == sent, "sent out for one kernel"
print("done")
""",
        threads,
    ).endswith("done")


def test_others_come() -> None:
    """Of two kernels with long tasks: all threads of the team work."""
    assert printed(
        """
given = [arrays(8, 2_000_000) for _ in range(2)]
run = run_of(*((kernel, a) for a in given))
run()  # which tells how often threads are sent out
for attempt in range(200):  # another program may have a core
    run()
    if all(len(set(by[:tasks].tolist())) == 2 for _, by, _, tasks in given):
        break
else:
    raise AssertionError(given)
print("done")
""",
        2,
    ).endswith("done")


CHANGES = """
import ctypes
from minidl.backend.threads import IN_USE

at = np.frombuffer((ctypes.c_int64 * 1).from_address(ctypes.addressof(IN_USE)), np.int64)

@compiled
def change(threads, number):
    threads[0] = number
"""


def test_threads_that_do_not_come() -> None:
    """Kernels read that there are 64 where two were sent out."""
    assert printed(
        CHANGES
        + """
given = [arrays(100, 100) for _ in range(3)]
run = run_of((kernel, given[0]), (change, (at, 64)), (kernel, given[1]), (kernel, given[2]))
for times in range(1, 100):
    run()
    assert each_was_done(given, times), (times, given)
    IN_USE.value = 2
print("done")
""",
        2,
    ).endswith("done")


def test_threads_beyond_those_that_share() -> None:
    """Kernels read that there are two where four were sent out: two of them come to each run of tasks."""
    assert printed(
        CHANGES
        + """
first, (seen, *_), begun = arrays(8), arrays(8), np.zeros(9, np.int64)
run = run_of((kernel, first), (change, (at, 2)), (meeting, (seen, begun, 4, 8)), (kernel, first))
IN_USE.value = 4
for times in range(1, 6):
    run()
    assert (seen[:8] == times).all() and not seen[8:].any(), (times, seen)
    IN_USE.value = 4
print("done")
""",
        4,
    ).endswith("done")


def test_a_kernel_begins_when_all_of_the_one_before_is_done() -> None:
    assert printed(
        """
@compiled
def look(seen, times):
    times[0] += 1
    for number in seen[:2]:
        times[1] += number != times[0]

seen, begun, times, b = np.zeros(4, np.int64), np.zeros(9, np.int64), np.zeros(2, np.int64), arrays(8)
run = run_of((meeting, (seen, begun, 2, 2)), (look, (seen, times)), (kernel, b))
for _ in range(10):
    run()
assert times.tolist() == [10, 0], times
print("done")
""",
        2,
    ).endswith("done")


def test_few_kernels_send_out_by_themselves() -> None:
    assert printed(
        """
a, b = arrays(10), np.zeros(1, np.int64)
run = run_of((before, (b,)), (kernel, a), (before, (b,)))
sent = HELD[SENT]
for _ in range(5):
    run()
assert HELD[SENT] == sent + 5 and each_was_done([a], 5) and b[0] == 10
print("done")
""",
        2,
    ).endswith("done")


def test_a_failure_ends_it_and_the_team_goes() -> None:
    assert printed(
        """
fails, a, b, c = np.ones(1), arrays(10), arrays(10), arrays(10)
run = run_of((kernel, a), (failing, (fails,)), (kernel, b), (kernel, c))
try:
    run()  # the first call tells nothing of those that follow
except MemoryError:
    fails[0] = 0
run()
sent = HELD[SENT]
run()
assert HELD[SENT] == sent, "sent out for one kernel"
fails[0] = 1
for _ in range(20):
    try:
        run()
    except MemoryError:
        assert HELD[HOLDER] == 0
    else:
        raise AssertionError("no error")
fails[0] = 0
run()
assert each_was_done([a], 24) and each_was_done([b, c], 3), (a, b, c)
print("done")
""",
        2,
    ).endswith("done")


def test_threads_of_python_side_by_side() -> None:
    """One of them has the team, the others send threads out; while a fourth changes how many there may be."""
    assert printed(
        """
wrong = []

def work():
    given = [arrays(tasks, 100) for tasks in (3, 50, 1000)]
    run = run_of(*((kernel, a) for a in given))
    for time in range(1, 301):
        run()
        if not each_was_done(given, time):
            wrong.append(time)

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
k = 0
while any(thread.is_alive() for thread in threads):
    minidl.set_threads(1 + k % 4)
    k += 1
    time.sleep(1e-4)
for thread in threads:
    thread.join()
assert not wrong and HELD[HOLDER] == 0, wrong
print("done")
""",
        4,
    ).endswith("done")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_forked_off_meanwhile_has_no_team() -> None:
    assert printed(
        """
import warnings
warnings.simplefilter("ignore")
given = [arrays(4, 100_000_000) for _ in range(2)]
run = run_of(*((kernel, a) for a in given))
HELD[HOLDER] = 12345  # as if another thread had it
child = os.fork()
if child == 0:
    os._exit(0 if HELD[HOLDER] == 0 else 3)
assert os.waitpid(child, 0)[1] == 0
print("done")
""",
        2,
    ).endswith("done")
