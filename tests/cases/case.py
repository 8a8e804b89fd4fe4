"""What a row of the table of layers is: how to make the layer, and which input it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.layers import Layer

_FAR_FROM_ZERO = (
    "moving_variance",
    "variance",
    "scale",
    "concat_score_weight",
)  # else there is nothing to see of what it multiplies


@dataclass(frozen=True)
class Case:
    """A layer and what to feed it.

    Attributes:
        name: unique; the identifier of the test.
        make: makes a new layer.
        input_shape: of one sample; a tuple of shapes for a layer with several inputs.
        training: the mode in which it is checked.
        batch: number of samples.
        single: whether a batch of one sample means anything (batch statistics of one number do not).
        ids: where it is not 0, inputs are integers below it.
        always: False for rows that are more of the same: their promises are held with --all only.
    """

    name: str
    make: Callable[[], Layer]
    input_shape: Any
    training: bool = True
    batch: int = 3
    single: bool = True
    ids: int = 0
    always: bool = True

    def layer(self, dtype: str = "float32") -> Layer:
        """A built layer; the same numbers, exact in float32, in every dtype and on every call."""
        with config.use_dtype(dtype):
            layer = self.make()
            layer.ensure_built(self.input_shape)
        for index, p in enumerate(layer.weights):
            values = np.random.default_rng([7, index]).normal(0, 0.5, p.shape).astype("float32")
            p.value = np.abs(values) + np.float32(0.5) if p.name in _FAR_FROM_ZERO else values
        return layer

    def inputs(self, batch: int | None = None, seed: int = 0) -> Any:
        """A batch in float64 whose values are exact in float32; a tuple of arrays for a layer with several inputs."""
        batch = self.batch if batch is None else batch
        generator = np.random.default_rng([seed, 42])
        several = isinstance(self.input_shape[0], tuple)
        if self.ids:
            return generator.integers(0, self.ids, (batch, *self.input_shape))
        arrays = tuple(
            generator.normal(size=(batch, *shape)).astype("float32").astype("float64")
            for shape in (self.input_shape if several else [self.input_shape])
        )
        return arrays if several else arrays[0]


def frozen(layer: Layer) -> Layer:
    """The layer with ``trainable = False``."""
    layer.trainable = False
    return layer


def layers_of(layer: Layer) -> list[Layer]:
    """The layer and all within it."""
    return [layer, *(inner for part in layer.sublayers() for inner in layers_of(part))]


def always_run(cases: Iterable[Case]) -> list[str]:
    """The names of a sample: the first row of each layer, and what is composed of several, unless it is more of the same."""
    names, seen = [], set[str]()
    for case in cases:
        kind = type(case.make()).__name__
        if case.always and (kind not in seen or kind in ("Chain", "Graph")):
            names.append(case.name)
            seen.add(kind)
    return names


def sampled(cases: Iterable[Case]) -> dict[str, Any]:
    """Arguments of ``parametrize("case", ...)``: the rows by name; those beyond the sample are slow tests."""
    cases = list(cases)
    always = always_run(cases)
    rows = [case if case.name in always else pytest.param(case, marks=pytest.mark.slow) for case in cases]
    return {"argvalues": rows, "ids": [case.name for case in cases]}
