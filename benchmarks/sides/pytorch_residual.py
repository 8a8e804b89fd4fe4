"""PyTorch's side of the residual networks; see ``pytorch.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.prepared import Prepared, Results
from benchmarks.residual_models import EPSILON, MOMENTUM, RATE, Block, blocks, kernels


def _convolution(name: str, arrays: dict[str, np.ndarray], model: str, strides: int = 1) -> nn.Sequential:
    W = arrays[name]
    size, _, inputs, outputs = W.shape
    # With a stride, "same" puts the one zero there is behind the image, which PyTorch says by a layer of its own.
    behind = size == 3 and strides == 2
    convolution = nn.Conv2d(inputs, outputs, size, strides, 0 if behind else size // 2, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(W.transpose(3, 2, 0, 1).copy()))
    first = [nn.ZeroPad2d((0, 1, 0, 1))] if behind else []
    return nn.Sequential(*first, convolution, nn.BatchNorm2d(outputs, eps=EPSILON[model]))


class _Block(nn.Module):
    def __init__(self, block: Block, arrays: dict[str, np.ndarray], model: str) -> None:
        super().__init__()
        names = [name for name in kernels(model) if name.startswith(f"{block.name}_") and not name.endswith("_0")]
        parts: list[nn.Module] = []
        for name in names:
            strides = block.strides if name == names[0] else 1
            parts += [_convolution(name, arrays, model, strides), nn.ReLU()]
        self.f = nn.Sequential(*parts[:-1])
        self.shortcut: nn.Module = nn.Identity()
        if block.projected:
            self.shortcut = _convolution(f"{block.name}_0", arrays, model, block.strides)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.shortcut(x) + self.f(x))


def _network(model: str, arrays: dict[str, np.ndarray]) -> nn.Module:
    first: list[nn.Module] = [_convolution("conv1", arrays, model, 2 if model == "resnet50" else 1), nn.ReLU()]
    if model == "resnet50":
        first.append(nn.MaxPool2d(3, 2, 1))
    classes = nn.Linear(*arrays["classes"].shape)
    with torch.no_grad():
        classes.weight.copy_(torch.from_numpy(arrays["classes"].T.copy()))
        classes.bias.zero_()
    parts = [_Block(block, arrays, model) for block in blocks(model)]
    return nn.Sequential(*first, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), classes)


def residual_step(work: dict[str, Any], arrays: dict[str, np.ndarray], chosen: set[str]) -> Prepared:
    layout = torch.channels_last if "channels_last" in chosen else torch.contiguous_format
    x = torch.from_numpy(arrays["x"]).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    labels = torch.from_numpy(arrays["labels"])

    def fresh() -> tuple[nn.Module, torch.optim.Optimizer]:
        network = _network(work["model"], arrays).to(memory_format=layout)
        return network, torch.optim.SGD(network.parameters(), RATE, momentum=MOMENTUM)

    def step(network: nn.Module, optimizer: torch.optim.Optimizer) -> float:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    network, optimizer = fresh()
    if "compiled" in chosen:
        network = torch.compile(network)

    def results() -> Results:
        other, its_optimizer = fresh()
        loss = step(other, its_optimizer)
        last = list(other.parameters())[-2].detach().numpy().T
        return {"loss": np.array([loss]), "change of the last weights": last - arrays["classes"]}

    return Prepared(lambda: step(network, optimizer), results)


PREPARED = {"residual_step": residual_step}
