"""A model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minidl.errors import StateError
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.symbol import Symbol
from minidl.models.base import Model
from minidl.models.configuration import batch_size_of, describe_chain, dtype_of, layers_of, shape_of


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
        chain = self.network
        assert isinstance(chain, Chain)
        if self._step is not None:
            raise StateError("add", "a compiled model", "all layers before compile", "add, then compile")
        if chain._uses():
            fix = "all layers first, then the model that it is a layer of"
            raise StateError("add", "a model that is a layer of another one, which was built for it as it is", "no use", fix)
        if isinstance(layer, Symbol) and layer.layer is None and not chain.layers:
            chain.declared_input_shape, chain.declared_dtype = layer.shape, layer.dtype
            chain.declared_batch_size = layer.batch_size
            return
        if not isinstance(layer, Model):
            chain.append(layer)  # type: ignore[arg-type]
            return
        declared = chain.declared_input_shape
        if not chain.layers and declared is None:
            chain.declared_input_shape = layer.input_shape
        chain.models[layer.network] = layer  # before it is connected: what is asked for its name later is the model
        try:
            chain.append(layer.network)
        except BaseException:
            chain.declared_input_shape = declared
            del chain.models[layer.network]
            raise

    def get_config(self) -> dict[str, Any]:
        """The layers and their arguments, without weights, as values that JSON can hold."""
        assert isinstance(self.network, Chain)
        return describe_chain(self.network)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        """A model of the same layers with new weights."""
        layers, shape = layers_of(config, custom_objects), shape_of(config)
        model = cls(name=config.get("name"))
        assert isinstance(model.network, Chain)
        model.network.declared_input_shape, model.network.declared_dtype = shape, dtype_of(config)
        model.network.declared_batch_size = batch_size_of(config)
        for layer in layers:
            model.add(layer)
        return model
