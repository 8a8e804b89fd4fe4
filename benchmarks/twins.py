"""Every op beside its own reference: what its kernel is worth, on the "medium" inputs of ``tests/cases/ops.py``.

    python -m benchmarks.twins [--only PATTERN] [--quick]

A kernel that does not pay is to be deleted. These inputs are made for tests and small; sizes that matter are in ``ops.py``.
Ops without a kernel are left out. A second table shows which sizes of work this machine was found to be quickest with.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import options, tables
from minidl import config
from minidl.backend.dispatch import find_kernel
from minidl.kernels.numba._tuning import CHOICES
from tests.cases.ops import OpCase, all_ops, cases_of


def median_seconds(function: Callable[[], Any], rounds: int, seconds: float) -> float:
    """Median over the rounds of the mean over a loop."""
    begin = time.perf_counter()
    function()
    calls = max(1, int(seconds / max(time.perf_counter() - begin, 1e-9)))
    found = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(calls):
            function()
        found.append((time.perf_counter() - begin) / calls)
    return statistics.median(found)


def measure(case: OpCase, rounds: int, seconds: float) -> tuple[float, float]:
    """Seconds of the reference and of the op with its kernel."""
    found = []
    for kernels in ("reference", "auto"):
        args, kwargs = case.make(np.random.default_rng(0), np.float32)
        with config.use_kernels(kernels), np.errstate(all="ignore"):
            case.function(*args, **kwargs)  # compiles
            found.append(median_seconds(lambda: case.function(*args, **kwargs), rounds, seconds))  # noqa: B023
    return found[0], found[1]


def choices() -> list[list[str]]:
    """What was chosen by measurement on this machine, in this run and before."""
    rows = [["chosen by measurement, microseconds", "the table's way", "the quickest", "its place in the table"]]
    for name, found in sorted(CHOICES.known().items()):
        rows.append([name, f"{found.of_table * 1e6:.1f}", f"{found.seconds * 1e6:.1f}", str(found.place)])
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PATTERN", help="ops whose name has this in it, or fits it (with * and ?)")
    parser.add_argument("--quick", action="store_true", help="one input for each op, few and short rounds")
    args = parser.parse_args(argv)
    rows = [["ms, median of the rounds", "reference", "kernel", "reference / kernel"]]
    for op in all_ops():
        has_kernel = find_kernel("minidl.kernels.numba", *op.split(".")) is not None
        cases = cases_of(op, "medium") if has_kernel and options.wanted(op, args.only) else []
        for case in cases[:1] if args.quick else cases:
            slow, fast = measure(case, *((2, 0.001) if args.quick else (9, 0.02)))
            rows.append([str(case), tables.milliseconds(slow), tables.milliseconds(fast), f"{slow / fast:.2f}"])
    print(tables.as_text(rows))
    print(tables.as_text(choices()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
