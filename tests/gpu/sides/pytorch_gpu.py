"""PyTorch's side of ``benchmarks.gpu``, the CPU playing the card."""

from __future__ import annotations

import torch

from benchmarks.sides import pytorch
from benchmarks.sides.pytorch_gpu import *  # noqa: F403

pytorch.DEVICE = "cpu"
torch.version.cuda = "none"
torch.cuda.is_available = lambda: True
torch.cuda.synchronize = lambda: None
torch.cuda.empty_cache = lambda: None
