"""What ``compile`` decides once: the network that is trained in place of the one that was written, equal up to rounding.

Softmax and cross-entropy become one op, so that the loss is computed from the logits. A ReLU in front of a max pool moves
behind it, where there is less to do; any other is computed together with the sums it is taken of. The layers stay as the
user wrote them; the plan shares their parameters.
"""

from __future__ import annotations

import copy
from math import prod
from typing import Any

from minidl.layers.activation import Activation
from minidl.layers.base import Layer
from minidl.layers.containers import Chain
from minidl.layers.convolution import Conv
from minidl.layers.dense import Dense
from minidl.layers.graph import Graph
from minidl.layers.pooling import MaxPooling2D
from minidl.layers.symbol import Symbol
from minidl.losses import Loss
from minidl.training.advice import about_architecture
from minidl.training.fused import in_one_pass


def make_plan(network: Layer, loss: Loss, fuse: bool = True) -> tuple[Layer, Loss]:
    """The network and the loss to train with: those given where not ``fuse``, else equal to them up to rounding."""
    about_architecture(network, loss)
    last = final_activation(network)
    if fuse and not loss.from_logits and last is not None and last.activation == loss.merges:
        network, loss = without_final_activation(network), loss.with_logits()
    return (fused(network) if fuse else network), loss


def fused(network: Layer, training: bool = True) -> Layer:
    """The network with ReLU where it costs least; its layers and their parameters are used, not copied.

    In training that is behind the pool, where its gradient is smaller; without, it costs nothing beside a sum.
    """
    if training:
        return relu_in_one_pass(relu_joined(relu_behind_pool(network)))
    return relu_behind_pool(relu_in_one_pass(relu_joined(network)))


def links(network: Layer) -> tuple[Layer, ...]:
    """The layers that ``fused`` looks at: those of a chain, and of the chains within it."""
    if not isinstance(network, Chain):
        return (network,)
    found: list[Layer] = []
    for layer in network.layers:
        found.extend(links(layer) if isinstance(layer, Chain) else (layer,))
    return tuple(found)


def samples_at_once(network: Layer) -> int:
    """How many samples ``predict`` takes together: no layer's result is larger than 2^23 numbers then (1 to 1024 samples)."""
    if not isinstance(network, Chain):
        return 128
    shape, largest = network.input_shape, 1
    for layer in links(network):
        shape = layer.output_shape(shape)
        largest = max(largest, prod(shape))
    return min(max(2**23 // largest, 1), 1024)


def relu_joined(network: Layer) -> Layer:
    """A ReLU that stands as a layer behind a linear Dense or Conv layer becomes the activation of a copy of that one."""
    if not isinstance(network, Chain):
        return network
    layers: list[Layer] = []
    for layer in map(relu_joined, network.layers):
        before: Any = layers[-1] if layers else None
        linear = (
            type(before).apply in (Dense.apply, Conv.apply) and before.activation.is_linear if before is not None else False
        )
        if linear and type(layer).apply is Activation.apply and layer.activation == "relu":  # type: ignore[attr-defined]
            layers[-1] = copy.copy(before)
            layers[-1].activation = layer  # type: ignore[attr-defined]
        else:
            layers.append(layer)
    return _with_layers(network, layers)


def relu_in_one_pass(network: Layer) -> Layer:
    """relu(x W + b) computed where the sums are, in the chain and the chains within it."""
    if not isinstance(network, Chain):
        return in_one_pass(network)
    return _with_layers(network, [relu_in_one_pass(layer) for layer in network.layers])


def relu_behind_pool(network: Layer) -> Layer:
    """max(relu(z)) = relu(max(z)), because ReLU never decreases: the same numbers and gradients on the smaller array."""
    if not isinstance(network, Chain):
        return network
    layers: list[Layer] = []
    for layer in network.layers:
        relu = _relu_of(layers[-1]) if layers and isinstance(layer, MaxPooling2D) else None
        if relu is None:
            layers.append(layer)
            continue
        before = layers.pop()
        if before is not relu:
            layers.append(without_final_activation(before))
        layers += [layer, relu]
    return _with_layers(network, layers)


def _with_layers(network: Chain, layers: list[Layer]) -> Chain:
    """The chain of these layers; ``network`` itself where they are its own."""
    if layers == network.layers:
        return network
    other = copy.copy(network)
    other.layers = layers
    return other


def _relu_of(layer: Layer) -> Activation | None:
    """The ReLU that is this layer, or that it ends in."""
    apply = type(layer).apply
    activation = layer if apply is Activation.apply else getattr(layer, "activation", None)
    known = apply in (Activation.apply, Dense.apply, Conv.apply)
    return activation if known and activation.activation == "relu" else None  # type: ignore[union-attr, return-value]


def final_activation(network: Layer) -> Activation | None:
    """The activation a network ends in, as a layer of its own or as an argument of its last layer."""
    if isinstance(network, Chain):
        return final_activation(network.layers[-1]) if network.layers else None
    if isinstance(network, Graph):
        return final_activation(network.output.layer) if network.output.layer else None
    apply = type(network).apply
    if apply is Activation.apply:
        return network  # type: ignore[return-value]
    over_last_axis = apply is Dense.apply or (apply is Conv.apply and network.data_format == "channels_last")  # type: ignore[attr-defined]
    return network.activation if over_last_axis else None  # type: ignore[attr-defined]


def without_final_activation(network: Layer) -> Layer:
    """A copy that shares every parameter, state and random stream, but stops before the final activation."""
    if isinstance(network, Chain):
        shortened = copy.copy(network)
        shortened.layers = network.layers[:-1]
        if not isinstance(network.layers[-1], Activation):
            shortened.layers.append(without_final_activation(network.layers[-1]))
        return shortened
    if isinstance(network, Graph):
        last = network.output
        assert last.layer is not None
        if isinstance(last.layer, Activation):
            output = last.inputs[0]
        else:
            output = Symbol(last.shape, without_final_activation(last.layer), last.inputs)
        inputs = network.inputs if network.takes_many else network.inputs[0]
        return Graph(inputs, output, name=network.given_name)
    linear = copy.copy(network)
    linear.activation = Activation("linear")  # type: ignore[attr-defined]
    return linear
