"""What ``compile`` decides once: how to compute the same numbers in fewer passes over memory.

The layers themselves say what they can do (``Layer.absorb``, ``final_activation``, ``keeps_order``); the plan looks at which
of them stand next to each other, in chains, graphs and nested models alike:

* a softmax or sigmoid at an output and the cross-entropy behind it become one op on the logits,
* an activation behind a layer that can compute it with its own sums is absorbed by that layer,
* a ReLU in front of a max pool moves behind it, max(relu(z)) = relu(max(z)), on a smaller array: in training, and wherever
  it stands as a layer of its own.

The user's layers stay as they are: the plan holds copies that share their parameters.
"""

from __future__ import annotations

from typing import Any

from minidl.layers._affine import AffineLayer
from minidl.layers._protocol import is_unchanged
from minidl.layers.base import Layer
from minidl.layers.normalization import BatchNormalization
from minidl.losses import Loss
from minidl.training.advice import about_architecture
from minidl.training.nodes import Nodes, largest_result


def make_plan(network: Layer, loss: Loss, fuse: bool = True) -> tuple[Layer, Loss]:
    """The network and the loss to train with: those given where not ``fuse``, else equal to them up to rounding."""
    about_architecture(network, loss)
    if not fuse:
        return network, loss
    nodes = Nodes(network)
    loss = merge_with_loss(nodes, loss)
    absorb(nodes)
    move_behind_pools(nodes)
    return nodes.as_layer(), loss


def for_inference(network: Layer) -> Layer:
    """The network as ``predict`` computes it."""
    nodes = Nodes(network)
    absorb(nodes)
    move_behind_pools(nodes, layers_only=True)  # an activation that is computed with sums costs nothing where it is
    return nodes.as_layer()


def for_predictor(network: Layer) -> Layer:
    """The network with weights that stay as they are: batch normalization becomes a part of the weights in front of it."""
    nodes = Nodes(network)
    fold_normalization(nodes)
    absorb(nodes)
    move_behind_pools(nodes, layers_only=True)
    return nodes.as_layer()


def fold_normalization(nodes: Nodes) -> None:
    """Leave out each batch normalization that stands behind weighted sums, with whose weights it is multiplied."""
    for index in reversed(range(len(nodes.uses))):
        use = nodes.uses[index]
        writer = nodes.only_writer(use.inputs[0])
        if not isinstance(use.layer, BatchNormalization) or not is_unchanged(use.layer) or writer is None:
            continue
        before, axes = nodes.uses[writer].layer, len(nodes.shapes[use.inputs[0]])
        of_outputs = 0 if getattr(before, "data_format", "") == "channels_first" else axes - 1
        if not isinstance(before, AffineLayer) or use.layer.axis % (axes + 1) - 1 != of_outputs:
            continue
        both = before.scaled(*use.layer.as_scale_and_shift())
        if both is not None:
            nodes.uses[writer] = nodes.uses[writer]._replace(layer=both, outputs=use.outputs)
            del nodes.uses[index]


def merge_with_loss(nodes: Nodes, loss: Loss) -> Loss:
    """Take the activation that the loss merges off each output; the loss that takes its logits."""
    for index, slot in enumerate(nodes.outputs):
        part = loss.part(index)
        writer = nodes.only_writer(slot)
        if part is None or part.from_logits or part.merges is None or writer is None:
            continue
        layer = nodes.uses[writer].layer
        last = layer.final_activation
        if last is None or last.activation != part.merges:
            continue
        loss = loss.with_logits_at(index)
        if layer.for_plan is last:
            _skip(nodes, writer)
        else:
            nodes.uses[writer] = nodes.uses[writer]._replace(layer=layer.without_activation())
    return loss


def absorb(nodes: Nodes) -> None:
    """Let each layer compute what stands behind it, where it can."""
    index = 0
    while index < len(nodes.uses):
        use = nodes.uses[index]
        writer = nodes.only_writer(use.inputs[0]) if len(use.inputs) == 1 else None
        both = nodes.uses[writer].layer.absorb(use.layer.for_plan) if writer is not None else None
        if both is None or writer is None:
            index += 1
            continue
        nodes.uses[writer] = nodes.uses[writer]._replace(layer=both, outputs=use.outputs)
        del nodes.uses[index]


def move_behind_pools(nodes: Nodes, layers_only: bool = False) -> None:
    """Move each ReLU behind the max pool that follows it; ``layers_only``: those that stand as layers of their own."""
    for index, use in enumerate(nodes.uses):
        if not use.layer.keeps_order or not is_unchanged(use.layer):
            continue
        writer = nodes.only_writer(use.inputs[0])
        before = nodes.uses[writer].layer.for_plan if writer is not None else None
        relu = before.final_activation if before is not None else None
        if writer is None or before is None or relu is None or relu.activation != "relu":
            continue
        pooled = nodes.new_slot(nodes.shapes[use.outputs[0]])
        if before is relu:
            nodes.uses[index] = use._replace(inputs=nodes.uses[writer].inputs, outputs=(pooled,))
            nodes.uses[writer] = nodes.uses[index]  # the pool stands where the ReLU stood, and the ReLU where the pool stood
        elif layers_only:
            continue
        else:
            nodes.uses[writer] = nodes.uses[writer]._replace(layer=before.without_activation())
            nodes.uses[index] = use._replace(outputs=(pooled,))
            nodes.uses.insert(index + 1, use._replace(layer=relu, inputs=(pooled,)))
            continue
        nodes.uses[index] = use._replace(layer=relu, inputs=(pooled,))


def _skip(nodes: Nodes, index: int) -> None:
    """Leave out a use that has one input and one result: what read its result reads its input."""
    use = nodes.uses.pop(index)
    (old,), (new,) = use.outputs, use.inputs
    nodes.outputs = tuple(new if slot == old else slot for slot in nodes.outputs)


def samples_at_once(network: Layer, input_shape: Any = None) -> int:
    """How many samples ``predict`` takes together: no layer's result is larger than 2^23 numbers then (1 to 1024 samples).

    ``input_shape`` is that of the data, where the network takes samples of any length.
    """
    return min(max(2**23 // max(largest_result(network, input_shape), 1), 1), 1024)
