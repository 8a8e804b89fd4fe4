"""minidl on an NVIDIA GPU beside PyTorch on the same card: one command, one run, one file.

    python -m benchmarks.gpu [--only PATTERN] [--peers "PyTorch,PyTorch graphs"] [--chart] [--quick]

First a few probes, each reported as ok or failed. Then training steps and an epoch of the lectures' models, convolutions in
float32 and TF32, an LSTM, and ops that the memory limits, on arrays larger than a card's cache: verified against minidl's
references on the CPU and against PyTorch, then timed. Targets are ratios against PyTorch op by op (the steps: also at least 1
against PyTorch's CUDA graphs), seconds for the epoch, and for the memory's ops a part of the speed at which this card copies.
Steps are recorded, as they are by default; what they take op by op is a row without a target. Convolutions and the LSTM are
recorded on both sides, and compared with PyTorch's CUDA graphs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks import gpu_probes, ops, options
from benchmarks.harness import MINIDL, ratios
from benchmarks.models import LOSSES
from benchmarks.work import Target, Work
from minidl.backend import gpu

SIDES = {
    MINIDL: "benchmarks.sides.minidl_gpu",
    "PyTorch": "benchmarks.sides.pytorch_gpu",
    "PyTorch graphs": "benchmarks.sides.pytorch_graphs",
}
PROBES = "benchmarks.gpu_probes"  # runs them, each in a process of its own
OP_BY_OP = f"{MINIDL}: op by op"
TF32 = 2e-3  # its factors have eleven significant bits: each is off by up to 5e-4, of which most cancels in the sums
LARGE_CNN = 0.02  # PyTorch on an H200 differs from PyTorch on the CPU by 0.009 after five of these steps, minidl by 0.001
OF_COPIES = Target(0.6, 0.8, of="copies")
IMAGES = 4096  # of 28x28x20 numbers: 257 MB
EPOCH_CARDS = ("H100", "H200")  # what the epoch's targets in seconds are for


def _step(model: str, batch: int) -> Work:
    target = Target(1.5, 2, rivals={"PyTorch graphs": 1.0})
    tolerance = LARGE_CNN if (model, batch) == ("cnn", 1024) else LOSSES
    return Work(f"train {model} b{batch}", "train_step", {"model": model, "batch": batch}, target, tolerance)


def _convolutions(size: int, channels: int) -> list[Work]:
    whole = ops.convolution(size, 3, 1, channels, channels, 64, Target(0.5, 0.8, of="PyTorch graphs"))
    spec = whole.spec | {"precision": "tf32"}
    return [whole, replace(whole, name=f"{whole.name} TF32", spec=spec, tolerance=TF32)]


def _passes(work: Work, numbers: int) -> Work:
    """With the numbers that must pass where forwards and backwards are two calls and an array is larger than the cache.

    Probabilities are written and read again; x is read for its moments and once more to be normalised, dy and x for their
    sums and once more for dx.
    """
    return replace(work, bytes=ops.FLOAT * numbers)


WORKS = [
    *(_step(model, batch) for model in ("softmax", "mlp", "cnn") for batch in (128, 1024)),
    Work("fit cnn 60000 bytes", "fit", {"model": "cnn", "samples": 60_000, "bytes": True},
         Target(1, 0.3, of="seconds"), LOSSES),
    *_convolutions(32, 64),
    *_convolutions(14, 256),
    ops.on_images("max pool 2x2", "max_pool", 1 + 0.25 + 0.25 + 1, OF_COPIES, IMAGES),
    ops.on_images("relu", "relu", 2 + 3, OF_COPIES, IMAGES),
    ops.on_images("dropout", "dropout", 2 + 2, OF_COPIES, IMAGES, rate=0.5),
    _passes(ops.cross_entropy(3_211_264, OF_COPIES), 4 * 3_211_264 * 20),
    _passes(ops.batch_norm_relu(1024, OF_COPIES), 8 * 1024 * 32 * 32 * 64),
    ops.layer_norm(131_072, OF_COPIES),
    *(replace(work, target=OF_COPIES) for work in ops.WORKS if work.name == "adam 25.6 M"),
    *(replace(work, target=None) for work in ops.WORKS if work.kind == "lstm"),
]  # fmt: skip


def apart(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record, and one like it for minidl's steps op by op, where those were timed."""
    times, failed = dict(record["contenders"]), dict(record["failed"])
    op_by_op, reason = times.pop(OP_BY_OP, None), failed.pop(OP_BY_OP, None)
    made = [record | {"contenders": times, "failed": failed}]
    if op_by_op or reason:
        times = {label: c for label, c in times.items() if label != MINIDL}
        times |= {MINIDL: op_by_op} if op_by_op else {}
        reasons = {MINIDL: reason} if reason else {}
        name = f"{record['name']} op by op"
        rest = {"name": name, "target": None, "contenders": times, "failed": reasons, "ratios": ratios(times)}
        made.append(record | rest)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    args = options.parser(__doc__, SIDES).parse_args(argv)
    missing = gpu.missing()
    if missing:
        print(f"Nothing to measure: {missing[0]} ({missing[1]})")
        return 1
    probes = gpu_probes.all_of_them(args.quick, PROBES)
    print(gpu_probes.as_text(probes), flush=True)
    card, copies = probes["card"].get("name", "unknown GPU"), gpu_probes.copy_speed(probes)
    hopper = any(name in card for name in EPOCH_CARDS)
    works = [replace(w, target=None) if w.kind == "fit" and not hopper else w for w in WORKS]
    args.no_compilers = True
    document = options.run("gpu", works, args, SIDES, card=card, card_probes=probes)
    document["works"] = [part for record in document["works"] for part in apart(record)]
    for record in document["works"]:
        mine, judged = record["contenders"].get(MINIDL), (record["target"] or {}).get("of") == "copies"
        if mine and judged and copies and not args.quick:  # quick work is smaller than its bytes say
            record["of_copies"] = record["bytes"] / mine["median"] / copies
    return options.finish(document, args, f"On the GPU ({card})")


if __name__ == "__main__":
    sys.exit(main())
