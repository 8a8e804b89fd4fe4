"""Symbols: what layers give when they are called before there is any data, and where data will enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.errors import ArgumentTypeError
from minidl.geometry import check_shape


class Symbol:
    """The result of a layer in a graph that has not run yet: its shape, the layer, and the layer's inputs."""

    def __init__(self, shape: Any, layer: Any, inputs: Sequence[Symbol] = (), name: str | None = None) -> None:
        self.shape, self.layer, self.inputs, self.name = shape, layer, tuple(inputs), name

    def __repr__(self) -> str:
        return f"<Symbol {self.shape} of {self.layer.label if self.layer else self.name or 'Input'}>"


def Input(shape: Any, *, name: str | None = None) -> Symbol:
    """A place where data enters a graph; ``shape`` is that of one sample, without the batch axis.

    >>> Input((28, 28, 1)).shape
    (28, 28, 1)
    """
    return Symbol(check_shape(shape, "Input"), None, (), name)


def connect(layer: Any, x: Any) -> Symbol:
    """``layer(symbol)``: build the layer for the symbol's shape and return its result as a symbol."""
    inputs = tuple(x) if isinstance(x, (tuple, list)) else (x,)
    if not all(isinstance(item, Symbol) for item in inputs):
        raise ArgumentTypeError(layer.label, "arrays and symbols together", "only symbols, or only arrays")
    if isinstance(x, (tuple, list)) != layer.takes_many:
        expected = "a list of symbols" if layer.takes_many else "one symbol"
        raise ArgumentTypeError(layer.label, f"{len(inputs)} symbols" if layer.takes_many else "a list", expected)
    shape = tuple(item.shape for item in inputs) if layer.takes_many else inputs[0].shape
    layer.ensure_built(shape)
    return Symbol(layer.output_shape(shape), layer, inputs)
