"""What this machine can do at most, measured on the spot: multiplications and additions, and bytes, a second.

    python -m benchmarks.probes        prints JSON

The peak is the best of NumPy's matrix product and of minidl's innermost tile on numbers that stay in the first cache. Bytes
count as read and written; copies of several sizes are timed, as a cache is faster than memory, and every core copies a
part of its own. An op's floor is the longer of its arithmetic at the peak and its bytes at the speed of the copy that is
nearest in size; no program of this precision on this machine can be faster, short of computing less.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.environment import ROOT, for_workers

COPIES = (2**18, 2**20, 2**22, 2**24, 2**26, 2**28)  # bytes of the source
TILE = {32: (6, 4), 16: (6, 2)}  # registers -> rows and vectors of the tile


def best(function: Callable[[], Any], times: int) -> float:
    """Shortest of several runs."""
    found = math.inf
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found = min(found, time.perf_counter() - begin)
    return found


def product_peak(n: int, times: int) -> float:
    """flop/s of NumPy's float32 matrix product."""
    a, b, c = (np.ones((n, n), np.float32) for _ in range(3))
    np.matmul(a, b, out=c)
    return 2 * n**3 / best(lambda: np.matmul(a, b, out=c), times)


def tile_peak(times: int, repeats: int = 20_000) -> float:
    """flop/s of minidl's register tile on every core. Raises what Numba raises where there is none."""
    import numba

    from minidl.kernels.numba._machine import MACHINE
    from minidl.kernels.numba._parallel import in_parallel
    from minidl.kernels.numba._tile import natural_lanes, tile, tile_of

    rows, vectors = TILE[MACHINE.registers]
    lanes, depth, cores = natural_lanes(4), 64, numba.get_num_threads()
    width, size = vectors * lanes, tile_of(rows, vectors, lanes, 4)

    @numba.njit
    def share(first, last, size, repeats, a, b, c, depth, rows, width):  # type: ignore[no-untyped-def]
        for core in range(first, last):
            for _ in range(repeats):
                tile(
                    size, outer=1, depth=depth, a=a, a_start=0, a_row_step=depth, a_outer_step=0, a_k_step=1,
                    b=b, b_start=0, b_outer_step=0, b_k_step=width, c=c, c_start=core * rows * width, c_row_step=width, add=0,
                )  # fmt: skip

    @numba.njit
    def everywhere(cores, size, repeats, a, b, c, depth, rows, width):  # type: ignore[no-untyped-def]
        in_parallel(share, cores, (size, repeats, a, b, c, depth, rows, width))

    a, b = np.ones(rows * depth, np.float32), np.ones(depth * width, np.float32)
    c = np.zeros(cores * rows * width, np.float32)
    arguments = (cores, size, repeats, a, b, c, depth, rows, width)
    everywhere(*arguments)
    assert (c == depth).all(), "the tile did not compute what was expected"
    return 2 * rows * width * depth * repeats * cores / best(lambda: everywhere(*arguments), times)


def sharing_out(times: int, repeats: int = 2000) -> float:
    """Seconds until every core has had a task that does nothing: twice as long where they have no cache in common."""
    import numba

    from minidl.kernels.numba._parallel import in_parallel

    @numba.njit
    def share(first, last, done):  # type: ignore[no-untyped-def]
        for core in range(first, last):
            done[8 * core] += 1  # in a line of the cache for itself

    @numba.njit
    def again_and_again(cores, repeats, done):  # type: ignore[no-untyped-def]
        for _ in range(repeats):
            in_parallel(share, cores, (done,))

    cores = numba.get_num_threads()
    done = np.zeros(8 * cores)
    again_and_again(cores, repeats, done)
    assert (done[::8] == repeats).all(), "some tasks were not done, or twice"
    return best(lambda: again_and_again(cores, repeats, done), times) / repeats


def copy_speed(nbytes: int, cores: int, times: int) -> float:
    """Bytes read and written a second by all cores, each copying its part of ``nbytes`` again and again."""
    parts = [(np.ones(nbytes // cores // 8), np.ones(nbytes // cores // 8)) for _ in range(cores)]
    repeats = max(1, 2**28 // nbytes)
    start, end = threading.Barrier(cores + 1), threading.Barrier(cores + 1)

    def work(source: np.ndarray, target: np.ndarray) -> None:
        for _ in range(times):
            start.wait()
            for _ in range(repeats):
                np.copyto(target, source)  # without Python's lock
            end.wait()

    for part in parts:
        threading.Thread(target=work, args=part, daemon=True).start()

    def once() -> None:
        start.wait()
        end.wait()

    return 2 * nbytes * repeats / best(once, times)


def measure(quick: bool) -> dict[str, Any]:
    """``flops`` (the peak), ``products`` and ``tile`` (what it is the best of), ``copies`` (source bytes -> bytes/s).

    ``sharing_out``: seconds for every core to have a task and say that it is done; None where there is no Numba.
    """
    times, cores = (1, 1) if quick else (7, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    found: dict[str, Any] = {"products": max(product_peak(n, times) for n in ((256,) if quick else (1024, 2048)))}
    try:
        found["tile"] = tile_peak(times, 100 if quick else 20_000)
        found["sharing_out"] = sharing_out(times, 10 if quick else 2000)
    except Exception as error:  # no Numba, or another tile than this was written for
        found["tile"] = found["sharing_out"] = None
        found["tile_missing"] = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    found["flops"] = max(found["products"], found["tile"] or 0)
    found["copies"] = {str(n): copy_speed(n, cores, times) for n in (COPIES[:2] if quick else COPIES)}
    return found


def in_own_process(quick: bool) -> dict[str, Any]:
    """``measure``, with none of this process's threads and variables."""
    command = [sys.executable, "-m", "benchmarks.probes", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=ROOT, env=for_workers(), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def floor(flops: float, nbytes: float, probes: dict[str, Any]) -> float:
    """Seconds an op needs at least.

    >>> floor(2e9, 8e6, {"flops": 1e9, "copies": {"1000000": 8e6, "9999999": 4e6}})
    2.0
    >>> floor(0, 8e6, {"flops": 1e9, "copies": {"1000000": 8e6, "9999999": 4e6}})
    2.0
    """
    nearest = min(probes["copies"], key=lambda size: abs(math.log(int(size) / max(nbytes / 2, 1))))
    return max(flops / probes["flops"], nbytes / probes["copies"][nearest])


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv)))
