"""Warnings about models and data that can be trained but will not learn what was meant; each says what to write instead.

``about_architecture`` looks at the layers once, when a model is compiled; ``about_data`` at the beginning of the data, once
in each ``fit``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from minidl.errors import DataWarning, ShapeError, warn
from minidl.layers._affine import ActivatedLayer
from minidl.layers._images import ImageLayer, other_data_format
from minidl.layers._protocol import is_unchanged
from minidl.layers.activation import Activation
from minidl.layers.base import Layer
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.feature_normalization import Normalization
from minidl.layers.gru import GRU
from minidl.layers.lstm import LSTM
from minidl.layers.normalization import BatchNormalization
from minidl.layers.pooling import Pooling
from minidl.layers.recurrent import Recurrent
from minidl.layers.reshape import Flatten, Rescaling, Reshape
from minidl.layers.simple_rnn import SimpleRNN
from minidl.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from minidl.metrics import Accuracy, Metric
from minidl.training.nodes import Nodes

_LOOKED_AT = 1 << 16  # numbers at the beginning of the data
_BYTES = (128, 255)  # between which the largest of unscaled bytes lies; smaller whole numbers may be anything
_FEWEST = 16  # numbers in a sample below which whole numbers are a table and no image, unless they are stored as bytes
_SCALING = (Rescaling, Dropout, BatchNormalization, Normalization)  # layers in front of the first one with a meaning of axes
_SAME_RANGE = (Flatten, Reshape, Dropout, Pooling)  # layers whose results are probabilities where their inputs are

Step = tuple[Layer, Any]
"""A layer with the shape of its result."""


# -- the architecture --------------------------------------------------------------------------------------------------


def about_architecture(network: Layer, loss: Loss) -> None:
    """Warn of an output that does not fit the loss, of softmax twice and of channels on the other side."""
    for output in range(len(Nodes(network).outputs)):
        part = loss.part(output)
        if part is not None:
            _about_the_output(list(backwards(network, output)), part)
    back = list(backwards(network))
    for (layer, _), (before, _) in pairwise(back):
        name = activation_of(layer)
        if isinstance(layer.for_plan, Activation) and name in ("softmax", "sigmoid") and activation_of(before) == name:
            message = f"compile: {layer.label} applies {name} to what {before.label} has applied {name} to already"
            warn(f"{message}; drop one of them.", DataWarning)
    _about_channels(network, reversed(back))


def _about_the_output(back: list[Step], loss: Loss) -> None:
    ranged = [step for step in back if not isinstance(step[0], _SAME_RANGE)]
    if not back or not ranged:
        return
    (layer, shape), outputs = ranged[0], back[0][1][-1]
    name, takes, of_loss = activation_of(layer), loss.merges, type(loss).__name__
    of_classes = isinstance(loss, (CategoricalCrossentropy, SparseCategoricalCrossentropy))
    if loss.from_logits and takes and name == takes:
        message = f"compile: the model ends in {name} and the loss takes logits, so it is applied twice; drop the activation"
        warn(f"{message}, or use {of_loss}().", DataWarning)
    elif name == "softmax" and shape[-1] == 1:
        message = f"compile: {layer.label} is a softmax over one unit, which is always 1, so that nothing is learned"
        warn(f"{message}; use {_FOR_TWO_CLASSES}, or one unit for each class.", DataWarning)
    elif of_classes and outputs == 1:
        message = f"compile: {of_loss} takes one output for each class and {layer.label} has one in all, so nothing is learned"
        warn(f"{message}; use Dense(classes, activation='softmax'), or {_FOR_TWO_CLASSES}.", DataWarning)
    elif name == "softmax" and isinstance(loss, BinaryCrossentropy):
        message = f"compile: {layer.label} is a softmax, for one class of several, and {of_loss} takes each output by itself"
        warn(f"{message}; use 'categorical_crossentropy' there, or activation='sigmoid'.", DataWarning)
    elif (
        takes
        and not loss.from_logits
        and not (name is None or name in _PROBABILITIES or (of_classes and name in ("softplus", "exponential")))
    ):
        message = f"compile: {layer.label} ends in {name}, whose results are no probabilities, and {of_loss} takes those"
        logits = f", or {of_loss}(from_logits=True)" if name == "linear" else ""
        warn(f"{message}; use activation={takes!r} there{logits}.", DataWarning)


_FOR_TWO_CLASSES = "Dense(1, activation='sigmoid') with the loss 'binary_crossentropy' for two classes"
_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")


def _about_channels(network: Layer, forwards: Iterable[Step]) -> None:
    """Warn where the first layer of images takes the channels for the height."""
    first = next((layer for layer, _ in forwards if not isinstance(layer, _SCALING)), None)
    shape = network.input_shape
    if not isinstance(first, ImageLayer) or shape != first.input_shape or len(shape) != 3:
        return
    turned = other_data_format(shape, first.data_format)
    spatial = shape[1:] if first.data_format == "channels_last" else shape[:-1]
    if turned and spatial[0] == spatial[1]:
        height, width = first.split_shape(shape)[0]
        message = f"compile: {first.label} takes samples of shape {shape} for images of {height} x {width}"
        warn(f"{message} ({first.data_format}); use {turned}.", DataWarning)


def backwards(network: Layer, output: int = 0) -> Iterator[Step]:
    """The layers from an output towards the input, with the shapes of their results; along the first input of each."""
    nodes = Nodes(network)
    slot = nodes.outputs[output]
    while (writer := nodes.writer(slot)) is not None:
        use = nodes.uses[writer]
        yield use.layer, nodes.shapes[slot]
        slot = use.inputs[0]


def activation_of(layer: Layer) -> str | None:
    """The function whose results are the layer's; None where nobody can say."""
    layer = layer.for_plan
    if not is_unchanged(layer):
        return None
    if isinstance(layer, ActivatedLayer):
        return layer.activation.activation
    if isinstance(layer, (Activation, LSTM, GRU, SimpleRNN)):
        return str(getattr(layer.activation, "activation", layer.activation))
    return "linear" if isinstance(layer, (BatchNormalization, Rescaling)) else None


# -- the data ----------------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")
def about_data(network: Layer, xs: Iterable[Any]) -> None:
    """Warn of bytes that no layer scales."""
    taker = first_unscaled(network)
    if taker is not None and any(map(are_bytes, xs)):
        message = "fit: x holds whole numbers up to 255, like the bytes of images, and nothing scales them before"
        warn(
            f"{message} {taker.label}; put Rescaling(1 / 255) first, or give x / 255 to fit, evaluate and predict.", DataWarning
        )


def about_metrics(output_shape: Any, y: Any, metrics: Iterable[Metric]) -> None:
    """Warn of accuracy for the targets of an output that are no classes."""
    if any(isinstance(metric, Accuracy) and metric.kind is None for metric in metrics):
        number = not_a_class(y, output_shape)
        if number is not None:
            message = f"fit: accuracy says nothing about targets such as {number}, which are numbers and not classes"
            warn(f"{message}; leave the metric out, or use 'mse'.", DataWarning)


def first_unscaled(network: Layer) -> Layer | None:
    """The first layer with weights, where none before it (or it itself) brings its input to another scale."""
    for layer, _ in reversed(list(backwards(network))):
        known = type(layer).__module__.startswith("minidl.layers.")
        if isinstance(layer, (Rescaling, BatchNormalization, Normalization)) or not known or layer.takes_many:
            return None
        if layer.parameters:
            return layer
    return None


def are_bytes(x: np.ndarray) -> bool:
    """Whether the first numbers are whole, none is negative and the largest is that of a byte."""
    first = x[: max(_LOOKED_AT // max(x[:1].size, 1), 1)]
    if x.dtype != np.uint8 and x[:1].size < _FEWEST:
        return False
    if first.dtype.kind not in "uif" or not first.size or not _BYTES[0] <= first.max() <= _BYTES[1] or first.min() < 0:
        return False
    return first.dtype.kind != "f" or bool((first == np.floor(first)).all())


def not_a_class(y: np.ndarray, output_shape: Any) -> Any:
    """One of the first targets that no class is written as; None where there is none."""
    first = y[: max(_LOOKED_AT // max(y[:1].size, 1), 1)]
    one_output = output_shape[-1] == 1
    if not one_output and first.dtype.kind == "f" and np.allclose(first.sum(axis=-1), 1):
        return None  # soft labels, whose largest number says the class
    strange = first[np.isfinite(first)]
    strange = strange[(strange != np.floor(strange)) | ((abs(strange) > 1) if one_output else False)]
    return strange.flat[0] if strange.size else None


# -- errors ------------------------------------------------------------------------------------------------------------


def about_targets(error: ShapeError, y: np.ndarray, network: Layer, output_shape: Any, output: int = 0) -> ShapeError:
    """``error``, which a loss raised for targets y, in words that name the layer of this output and its shape."""
    back = list(backwards(network, output))
    last = back[0][0].label if back else network.label
    received = f"{error.received}, while the output of {last} has shape {tuple(output_shape)} for each sample"
    expected, fix = error.expected, error.fix
    if len(output_shape) > 1 and y.ndim <= 2:  # one target for a sample, and an output that kept the axes of images or time
        expected = f"an output of shape ({output_shape[-1]},) for each sample, or {expected}"
        sequences = [layer for layer, _ in back if isinstance(layer, Recurrent) and layer.return_sequences]
        taker = [layer for layer, _ in back if isinstance(layer, Dense) and len(layer.input_shape or ()) > 1]
        fix = f"Flatten() before {taker[-1].label}" if taker else "Flatten() behind the last layer"
        fix = f"return_sequences=False in {sequences[0].label}" if sequences else fix
    return ShapeError(error.where, received, expected, fix)


def first_layer(network: Layer) -> str:
    """The name of the layer that takes the data, for errors."""
    back = list(backwards(network))
    return back[-1][0].label if back and not network.takes_many else "the model"
