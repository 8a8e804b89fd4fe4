"""PyTorch on the GPU with a whole training step, or a layer's passes, as one CUDA graph: a side of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.prepared import Prepared
from benchmarks.sides import pytorch, pytorch_gpu
from benchmarks.sides.pytorch_gpu import release, threads, versions
from benchmarks.work import RECORDED_LAYERS

__all__ = ["prepare", "release", "threads", "variants", "versions"]


def variants(work: dict[str, Any]) -> list[str]:
    is_recorded = work["kind"] in ("train_step", *RECORDED_LAYERS)
    return [f"{name}, {pytorch.GRAPH}" for name in pytorch.variants(work)] if is_recorded else []


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    if work["kind"] == "train_step":
        return pytorch_gpu.prepare(work, arrays, variant)
    made = pytorch_gpu.prepare(work, arrays, variant.removesuffix(f", {pytorch.GRAPH}"))
    return replace(made, run=pytorch.recorded(made.run))
