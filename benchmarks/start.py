"""How long a newcomer waits for the first training step: with nothing compiled yet, and with the kernels kept on disk.

    python -m benchmarks.start [--quick] [--out FILE]

Each round starts with an empty folder for kernels: one process that compiles them, then one that finds them. The time of
the step is between the call and its return; beside it stands the time from the imports to the end of the step.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from benchmarks import store, tables
from benchmarks.environment import ROOT, for_workers
from benchmarks.harness import MINIDL, SIDES
from benchmarks.worker import Worker

MODELS = ("softmax", "mlp", "cnn")
MUST = {"cnn": {"cold": 10.0, "kept": 1.5}}  # seconds
ROUNDS, BATCH = 5, 128


def measure(model: str, rounds: int, batch: int) -> dict[str, Any]:
    """Rounds of a cold start and one with kept kernels, each in a process of its own."""
    found: dict[str, Any] = {"model": model, "batch": batch, "must": MUST.get(model, {}), "cold": [], "kept": []}
    command = [sys.executable, "-m", "benchmarks._first_step", model, str(batch)]
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            environment = for_workers() | {"MINIDL_HOME": home}
            for kind in ("cold", "kept"):
                done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
                found[kind].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def rows_of(found: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Head and rows."""
    rows = [["first step, s, median (least to most)", "nothing compiled", "must", "kernels kept", "must", "kept, with imports"]]
    for f in found:
        cells = []
        for kind in ("cold", "kept"):
            times = [run["first"] for run in f[kind]]
            cells.append(f"{statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f})")
            cells.append(f"{f['must'][kind]:g}" if kind in f["must"] else "")
        rows.append([f"{f['model']} b{f['batch']}", *cells, f"{statistics.median(run['all'] for run in f['kept']):.2f}"])
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=store.file_name, metavar="FILE", help="where the results go; default: benchmarks/results")
    parser.add_argument("--quick", action="store_true", help="small and short: a test of the program, its figures mean nothing")
    args = parser.parse_args(argv)
    models, rounds, batch = (MODELS[:1], 1, 4) if args.quick else (MODELS, ROUNDS, BATCH)
    found = []
    for model in models:
        print(f"  {model}", flush=True)
        found.append(measure(model, rounds, batch))
    with Worker(SIDES[MINIDL]) as worker:
        answer = worker.ask("hello")
    about = {MINIDL: {key: answer[key] for key in ("versions", "threads")}}
    document = store.document("start", args.quick, sides=about, works=[], starts=found)
    path = args.out or store.default_path("start", args.quick)
    store.write(path, document)
    print(f"\n{tables.as_text(rows_of(found))}\n\n{tables.about(document)}\nResults: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
