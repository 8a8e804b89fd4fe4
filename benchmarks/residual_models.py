"""Two residual networks in figures: every convolution by the name it has in minidl, so that both sides get the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

RATE, MOMENTUM = 0.001, 0.9  # of the gradient descent
CLASSES = {"resnet20": 10, "resnet50": 1000}
BLOCKS = {"resnet20": (3, 3, 3), "resnet50": (3, 4, 6, 3)}
EPSILON = {"resnet20": 1e-5, "resnet50": 1.001e-5}  # of the batch normalisation


class Block(NamedTuple):
    """One block: F of two (or, through fewer maps, three) convolutions, and a projection where x and y differ.

    Attributes:
        name: how layers of the block begin.
        inputs, filters, outputs: maps of x, of the convolutions, and of y.
        strides: of the first convolution and of the projection.
        projected: whether there is a projection.
    """

    name: str
    inputs: int
    filters: int
    outputs: int
    strides: int
    projected: bool


def blocks(model: str) -> Iterator[Block]:
    """All blocks in order."""
    wide, inputs = (4, 64) if model == "resnet50" else (1, 16)
    for stage, count in enumerate(BLOCKS[model], start=2):
        filters = (64 if model == "resnet50" else 16) << (stage - 2)
        for number in range(1, count + 1):
            strides = 2 if stage > 2 and number == 1 else 1
            projected = strides > 1 or inputs != wide * filters
            yield Block(f"conv{stage}_block{number}", inputs, filters, wide * filters, strides, projected)
            inputs = wide * filters


def kernels(model: str) -> dict[str, tuple[int, ...]]:
    """The shape (height, width, in, out) of every convolution, by its name."""
    found: dict[str, tuple[int, ...]] = {"conv1": (7, 7, 3, 64) if model == "resnet50" else (3, 3, 3, 16)}
    for b in blocks(model):
        if b.projected:
            found[f"{b.name}_0"] = (1, 1, b.inputs, b.outputs)
        if model == "resnet50":
            found[f"{b.name}_1"] = (1, 1, b.inputs, b.filters)
            found[f"{b.name}_2"] = (3, 3, b.filters, b.filters)
            found[f"{b.name}_3"] = (1, 1, b.filters, b.outputs)
        else:
            found[f"{b.name}_1"] = (3, 3, b.inputs, b.filters)
            found[f"{b.name}_2"] = (3, 3, b.filters, b.filters)
    return found


def weights(model: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Kernels of He's size by name, and those of the classes (in, out), ``classes``."""
    shapes = {**kernels(model), "classes": (2048 if model == "resnet50" else 64, CLASSES[model])}
    return {
        name: (rng.standard_normal(shape) * (2 / np.prod(shape[:-1])) ** 0.5).astype(np.float32)
        for name, shape in shapes.items()
    }
