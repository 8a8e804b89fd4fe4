"""PyTorch on the GPU with the whole training step as one CUDA graph: a side of its own, as its target is another."""

from __future__ import annotations

from typing import Any

from benchmarks.sides import pytorch
from benchmarks.sides.pytorch_gpu import prepare, release, threads, versions

__all__ = ["prepare", "release", "threads", "variants", "versions"]


def variants(work: dict[str, Any]) -> list[str]:
    return [f"{name}, {pytorch.GRAPH}" for name in pytorch.variants(work)] if work["kind"] == "train_step" else []
