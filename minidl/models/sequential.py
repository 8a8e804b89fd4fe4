"""A model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.errors import StateError
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.symbol import Symbol
from minidl.models.base import Model


class Sequential(Model):
    """Layers one after another.

    Args:
        layers: Layer objects, other models, or first of all an ``Input``; more can follow by ``add``.

    Parameters are made as soon as the input shape is known: from ``Input``, from ``input_shape=`` of the first layer, from
    ``build``, or from the data of the first ``fit``.

    >>> from minidl.layers import Activation, Dense
    >>> model = Sequential([Dense(10, input_shape=(784,)), Activation("softmax")])
    >>> model.count_params()
    7850
    """

    def __init__(self, layers: Iterable[Any] = (), name: str | None = None) -> None:
        self._start(Chain(name=name))
        for layer in layers:
            self.add(layer)

    def add(self, layer: Layer | Model | Symbol) -> None:
        """Put a layer (or model) behind the others. Raises ShapeError where it cannot take what comes out of them."""
        assert isinstance(self.network, Chain)
        if self._step is not None:
            raise StateError("add", "a compiled model", "all layers before compile", "add, then compile")
        if isinstance(layer, Symbol) and layer.layer is None and not self.network.layers:
            self.network.declared_input_shape = layer.shape
            return
        if isinstance(layer, Model) and not self.network.layers and self.network.declared_input_shape is None:
            self.network.declared_input_shape = layer.input_shape
        self.network.append(layer.network if isinstance(layer, Model) else layer)  # type: ignore[arg-type]
