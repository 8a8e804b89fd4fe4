"""The memory of a process that trains the convolutional network: the library, the weights, the work; eight batches of data.

Each library in a process of its own, several times, after one that is not counted: it fills minidl's cache of compiled
kernels. Beside the largest size stands what the import alone takes, and the page faults of a step in the steady state:
memory that is asked of the system and given back at every step costs one for every 4 KiB.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import MINIDL
from benchmarks.inputs import draw
from benchmarks.tables import PROMISED_TO
from benchmarks.tables import as_text as table
from benchmarks.worker import FailedError, MissingError, Worker

NAME = "memory train cnn b128"
MUST, AFTER = 0.55, 0.45  # of PyTorch's
STEPS, PROCESSES = 20, 3
MIB = 2**20


def measure(sides: dict[str, str], batch: int = 128, quick: bool = False) -> dict[str, Any]:
    """Peaks in bytes of each library's configurations, and minidl's as a part of the best PyTorch's."""
    batch = 4 if quick else batch
    request = {"name": NAME, "kind": "train_step", "model": "cnn", "batch": batch, "compilers": False}
    found: dict[str, Any] = {"name": NAME, "batch": batch, "must": MUST, "after": AFTER, "sides": {}, "failed": {}}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs.npz"
        np.savez(inputs, **draw(request))  # type: ignore[arg-type]
        for side, module in sides.items():
            try:
                with Worker(module) as worker:
                    variants = worker.ask("variants", work=request)["variants"]
                for variant in variants[: 1 if quick else None]:
                    label = f"{side}: {variant}" if variant else side
                    if not quick:
                        _one(module, request, variant, inputs, STEPS, None)
                    steps, count, threads = (2, 1, 1) if quick else (STEPS, PROCESSES, None)
                    runs = [_one(module, request, variant, inputs, steps, threads) for _ in range(count)]
                    medians = {key: _median([run[key] for run in runs]) for key in runs[0]}
                    found["sides"][label] = {"side": side, **medians, "peaks": [run["peak"] for run in runs]}
            except (MissingError, FailedError) as error:
                found["failed"][side] = str(error)
    found["ratio"] = ratio(found["sides"])
    return found


def ratio(sides: dict[str, dict[str, Any]]) -> float | None:
    """minidl's peak / that of the leanest PyTorch.

    >>> ratio({"minidl": {"side": "minidl", "peak": 2}, "PyTorch: a": {"side": "PyTorch", "peak": 4}})
    0.5
    """
    peaks = [s["peak"] for s in sides.values() if s["side"] == PROMISED_TO and s["peak"]]
    mine = sides.get(MINIDL, {}).get("peak")
    return mine / min(peaks) if mine and peaks else None


def _one(module: str, request: dict[str, Any], variant: str, inputs: Path, steps: int, threads: int | None) -> dict[str, Any]:
    with Worker(module, threads) as worker:
        at_import = worker.ask("hello")["memory"]
        worker.ask("prepare", label="work", work=request, variant=variant, inputs=str(inputs))
        before = worker.ask("repeat", label="work", times=steps)["memory"]
        after = worker.ask("repeat", label="work", times=steps)["memory"]
    faults = (after["faults"] - before["faults"]) / steps if after["faults"] is not None else None
    return {"peak": after["peak"], "import": at_import["peak"], "faults_per_step": faults}


def _median(values: list[Any]) -> Any:
    return None if None in values else statistics.median(values)


def as_text(found: dict[str, Any]) -> str:
    """The table for people."""
    return table(rows_of(found)) + "".join(f"\n{side}: {reason}" for side, reason in found["failed"].items())


def rows_of(found: dict[str, Any]) -> list[list[str]]:
    """Head and rows."""
    rows = [["MiB, training the CNN", "at most", "import alone", "page faults a step", "minidl / PyTorch", "must", "after"]]
    for label, s in found["sides"].items():
        sizes = [f"{s[key] / MIB:.0f}" if s[key] else "unknown" for key in ("peak", "import")]
        faults = "unknown" if s["faults_per_step"] is None else f"{s['faults_per_step']:.0f}"
        judged = label == MINIDL and found["ratio"] is not None
        promise = [f"{found['ratio']:.2f}", f"{found['must']:g}", f"{found['after']:g}"] if judged else ["", "", ""]
        rows.append([label, *sizes, faults, *promise])
    return rows
