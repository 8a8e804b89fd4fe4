"""A process that knows one library and works when asked: a line of JSON in, a line of JSON out.

    python -m benchmarks._worker benchmarks.sides.pytorch [threads]

Several libraries in one process would share thread teams, settings and memory; so each has a process of its own. Everything
the harness asks is a function here; an answer is an object, with ``missing`` or ``error`` where there is no result.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
import time
from typing import Any

import numpy as np

from benchmarks.prepared import CannotError, Prepared
from benchmarks.process import memory

WARM_SECONDS = 0.2
REST, MOST_RESTS = 0.01, 200  # seconds in which a process at rest computes next to nothing; how many of them are waited for
prepared: dict[str, Prepared] = {}
calls: dict[str, int] = {}  # how often one measurement runs each piece of work
side: Any = None


def hello() -> dict[str, Any]:
    return {"versions": side.versions(), "threads": side.threads(), "memory": memory()}


def variants(work: dict[str, Any]) -> dict[str, Any]:
    return {"variants": side.variants(work)}


def prepare(label: str, work: dict[str, Any], variant: str, inputs: str) -> dict[str, Any]:
    with np.load(inputs) as file:
        arrays = dict(file)
    prepared[label] = side.prepare(work, arrays, variant)
    return {"reference": prepared[label].reference is not None}


def results(label: str, to: str, reference: bool = False) -> dict[str, Any]:
    function = prepared[label].reference if reference else prepared[label].results
    assert function is not None, "there is no reference to ask"
    np.savez(to, allow_pickle=False, **function())
    return {}


def warm_up(label: str, seconds: float) -> dict[str, Any]:
    """Run for a while, and find out how many calls take ``seconds``."""
    item = prepared[label]
    if item.warm_up is not None:
        item.warm_up()
        calls[label] = 1
        return {"calls": 1}
    begin, fastest, done = time.perf_counter(), math.inf, 0
    while done < 2 or time.perf_counter() - begin < min(WARM_SECONDS, 10 * seconds):
        fastest, done = min(fastest, _seconds(item, 1)), done + 1
    calls[label] = max(1, math.ceil(seconds / fastest))
    return {"calls": calls[label]}


def measure(label: str) -> dict[str, Any]:
    """Seconds of one call, the mean of a loop. A fifth as many before it bring back what the other processes drove out."""
    if calls[label] > 1:
        _seconds(prepared[label], math.ceil(calls[label] / 5))
    took = _seconds(prepared[label], calls[label])
    return {"seconds": took / calls[label], "took": took}


def repeat(label: str, times: int) -> dict[str, Any]:
    """Run so many times and look at the memory."""
    _seconds(prepared[label], times)
    return {"memory": memory()}


def release() -> dict[str, Any]:
    prepared.clear()
    calls.clear()
    if hasattr(side, "release"):
        side.release()
    return {}


def _seconds(item: Prepared, times: int) -> float:
    run = item.run
    item.wait()
    begin = time.perf_counter()
    for _ in range(times):
        run()
    item.wait()
    return time.perf_counter() - begin


def come_to_rest() -> None:
    """Wait until no thread of this process computes: those of OpenBLAS stay awake for 0.1 s, at the cost of who comes next."""
    for _ in range(MOST_RESTS):
        before = time.process_time()
        time.sleep(REST)
        if time.process_time() - before < REST / 10:
            return


ACTIONS = {f.__name__: f for f in (hello, variants, prepare, results, warm_up, measure, repeat, release)}


def main(module: str, threads: int | None) -> None:
    global side
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    if threads is not None and hasattr(os, "sched_setaffinity"):  # the one limit that every library obeys
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    problem = None
    try:
        side = importlib.import_module(module)
    except ImportError as error:
        problem = {"missing": str(error)}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = problem or ACTIONS[request.pop("do")](**request)
        except CannotError as error:
            answer = {"missing": str(error)}
        except Exception as error:  # the harness goes on with the next piece of work
            answer = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        come_to_rest()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
