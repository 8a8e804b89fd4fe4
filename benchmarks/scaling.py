"""How time and memory grow: with the batch, with the number of samples, with the threads.

    python -m benchmarks.scaling [--only PATTERN] [--peers PyTorch] [--chart] [--quick]

batch      a training step of the CNN and of the MLP, batches of 1 to 4096
samples    an epoch of ``fit`` of the softmax regression on 1,000 to 1,000,000 images of bytes
threads    a training step of the CNN on 1 to all cores
memory     the largest size of a process that trains the CNN, by batch
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks import chart, memory, options, tables
from benchmarks.harness import MINIDL, Team, measure_all
from benchmarks.machine import describe
from benchmarks.models import LOSSES
from benchmarks.work import Work

BATCHES = [4**k for k in range(7)]  # 1 to 4096
SAMPLES = [1_000, 10_000, 100_000, 1_000_000]
MEMORY_BATCHES = [32, 128, 512]
COMPARED = ("minidl", "PyTorch")


def by_batch() -> list[Work]:
    return [
        Work(f"batch {model} {batch}", "train_step", {"model": model, "batch": batch}, tolerance=LOSSES)
        for model in ("cnn", "mlp")
        for batch in BATCHES
    ]


def by_samples() -> list[Work]:
    spec = {"model": "softmax", "bytes": True}
    return [Work(f"samples softmax {n}", "fit", {**spec, "samples": n}, tolerance=LOSSES) for n in SAMPLES]


def thread_counts(cores: int) -> list[int]:
    """1, 2, 4, ... and all.

    >>> thread_counts(1), thread_counts(2), thread_counts(12)
    ([1], [1, 2], [1, 2, 4, 8, 12])
    """
    return sorted({2**k for k in range(cores.bit_length()) if 2**k < cores} | {cores})


def by_threads(args: Any, sides: dict[str, str], say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Every count of threads has workers of its own."""
    for threads in thread_counts(1 if args.quick else describe()["cores"]):
        work = Work(f"threads cnn {threads}", "train_step", {"model": "cnn", "batch": 128}, tolerance=LOSSES)
        if options.wanted(work.name, args.only):
            with Team(sides, threads) as team:
                team.introduce()
                yield from measure_all([work], team, options.settings(args), say)


def curves(works: Sequence[dict[str, Any]], prefix: str, value: Callable[[float, float], float]) -> dict[str, list]:
    """Points (size, ``value(size, seconds)``) of each side's best, of the works ``"<prefix> <size>"``."""
    found: dict[str, list] = {}
    for w in works:
        start, _, size = w["name"].rpartition(" ")
        if start == prefix:
            bests = {MINIDL: MINIDL} | {side: r["best"] for side, r in w["ratios"].items()}
            for side, label in bests.items():
                if label in w["contenders"]:
                    found.setdefault(side, []).append((int(size), value(int(size), w["contenders"][label]["median"])))
    return found


def draw(document: dict[str, Any], stem: Any) -> None:
    """A picture for each question."""
    works, per_second = document["works"], lambda size, seconds: size / seconds
    for model in ("cnn", "mlp"):
        found = curves(works, f"batch {model}", per_second)
        chart.lines(stem(f"batch-{model}"), found, f"Training the {model}, by batch", "samples in a batch", "samples / s")
    found = curves(works, "samples softmax", per_second)
    chart.lines(stem("samples"), found, "An epoch of softmax regression", "samples", "samples / s")
    found = curves(works, "threads cnn", lambda size, seconds: 128 / seconds)
    chart.lines(stem("threads"), found, "Training the cnn, by threads", "threads", "samples / s")
    peaks: dict[str, list] = {}
    for m in document["memory"]:
        for side in dict.fromkeys(s["side"] for s in m["sides"].values()):
            least = min((s["peak"] for s in m["sides"].values() if s["side"] == side and s["peak"]), default=None)
            if least:
                peaks.setdefault(side, []).append((m["batch"], least / memory.MIB))
    chart.lines(stem("memory"), peaks, "Memory of training the cnn", "samples in a batch", "MiB")


def main(argv: Sequence[str] | None = None) -> int:
    args = options.parser(__doc__).parse_args(argv)
    sides = {name: module for name, module in options.sides(args).items() if name in COMPARED}
    args.peers = ",".join(sides)
    works = [*by_batch(), *by_samples()]
    works = [*works[:2], *works[-1:]] if args.quick else works
    document = options.run("scaling", works, args)
    document["works"] += by_threads(args, sides, lambda line: print(line, flush=True))
    batches = [b for b in MEMORY_BATCHES[: 1 if args.quick else None] if options.wanted(f"memory cnn {b}", args.only)]
    document["memory"] = [memory.measure(sides, batch, args.quick) for batch in batches]
    for found in document["memory"]:
        print(f"\nbatch {found['batch']}\n{tables.as_text(memory.rows_of(found))}")
    path = options.place("scaling", args)
    with_chart, args.chart = args.chart, False  # pictures of its own, not the bars of ratios
    code = options.finish(document, args, "Scaling")
    if with_chart:
        draw(document, lambda what: path.with_name(f"{path.stem}-{what}.png"))
    return code


if __name__ == "__main__":
    sys.exit(main())
