"""The gradient of a model's result by its input: which numbers of x the result depends on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer
from minidl.layers.context import Context
from minidl.models.batches import size_of_batches


@np.errstate(all="ignore")
def input_gradient(network: Layer, x: Any, output: Any, batch_size: int | None) -> Any:
    """d score / d x, batch by batch, as NumPy arrays; see ``Model.input_gradient``."""
    inputs = network.validated(x)  # the whole set: the batches are cut from it
    columns = inputs if network.takes_many else (inputs,)
    n = len(columns[0])
    batch_size = size_of_batches("input_gradient", network, n, batch_size) or 128
    found = [np.empty(column.shape, column.dtype if column.dtype.kind == "f" else network.dtype) for column in columns]
    guard = WholeSteps()
    for start in range(0, n, batch_size):
        with guard.installed(), guard.step(), no_parameter_gradients(network):  # Ctrl-C leaves nothing frozen
            part = tuple(column[start : start + batch_size] for column in columns)
            y, saved = network.apply(part if network.takes_many else part[0], Context(penalties=False))
            if isinstance(y, tuple):
                raise ArgumentTypeError(
                    "input_gradient", "a model with several results", "one", "Model(model.input, one output)"
                )
            dy = _weights(y, output, slice(start, start + batch_size), n)
            dx = network.gradient(dy, saved, need_dx=True)
            for result, d in zip(found, dx if network.takes_many else (dx,)):
                if d is None:
                    raise ArgumentTypeError("input_gradient", "an input of ids, which has no gradient", "numbers")
                result[start : start + batch_size] = backends.backend_of(d).to_numpy(d)
    return found if network.takes_many else found[0]


def _weights(y: Any, output: Any, rows: slice, n: int) -> Any:
    """dscore / dy."""
    xp, flat = backends.array_namespace(y), y.reshape(len(y), -1)
    if output is None:
        chosen = flat.argmax(axis=1)
    elif isinstance(output, (int, np.integer)) and not isinstance(output, bool):
        if not -flat.shape[1] <= int(output) < flat.shape[1]:
            raise ArgumentError("input_gradient", f"output={output}", f"0 to {flat.shape[1] - 1}, or None")
        chosen = xp.full(len(y), int(output) % flat.shape[1])
    else:
        weights = backends.current().asarray(output, y.dtype, "input_gradient: output")
        if weights.shape != (n, *y.shape[1:]):
            raise ShapeError("input_gradient: output", f"shape {weights.shape}", f"{(n, *y.shape[1:])}, that of the results")
        return backends.current().contiguous(weights[rows])
    return (xp.arange(flat.shape[1]) == chosen[:, None]).astype(y.dtype).reshape(y.shape)


@contextmanager
def no_parameter_gradients(network: Layer) -> Iterator[None]:
    """Nothing is added to gradients in the block: parameters are frozen for as long as it lasts."""
    trainable = {p: p.trainable for p in network.parameters}
    try:
        for p in trainable:
            p.trainable = False
        yield
    finally:
        for p, before in trainable.items():
            p.trainable = before
