"""PyTorch on the GPU, op by op: the works and variants of ``pytorch.py``, with cuDNN looking for its fastest algorithm.

TF32 is allowed where the work asks for it and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.prepared import CannotError, Prepared
from benchmarks.sides import pytorch
from benchmarks.sides.pytorch import threads, variants

__all__ = ["prepare", "release", "threads", "variants", "versions"]
pytorch.DEVICE = "cuda"
torch.backends.cudnn.benchmark = True


def versions() -> dict[str, str]:
    """Raises CannotError where PyTorch cannot use the card."""
    if torch.version.cuda is None:
        raise CannotError(f"PyTorch {torch.__version__} is built without CUDA")
    if not torch.cuda.is_available():
        raise CannotError(f"PyTorch {torch.__version__} finds no GPU")
    return pytorch.versions() | {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version())}


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    tf32 = work.get("precision") == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    return replace(pytorch.prepare(work, arrays, variant), wait=torch.cuda.synchronize)


def release() -> None:
    pytorch.release()
    torch.cuda.empty_cache()
