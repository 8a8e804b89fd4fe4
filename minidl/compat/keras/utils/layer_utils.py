"""``keras.utils.layer_utils`` of Keras 2.1: the summary, counts, and weights between orders of axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.compat.keras.summary import print_summary as print_summary
from minidl.compat.keras.utils.conv_utils import convert_kernel
from minidl.compat.keywords import Refused
from minidl.errors import ArgumentError

_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose")


def count_params(weights: Iterable[Any]) -> int:
    """How many numbers these weights have; what comes twice counts once.

    >>> count_params([np.ones((2, 3)), np.ones(3)])
    9
    """
    return int(sum(np.prod(weight.shape) for weight in {id(weight): weight for weight in weights}.values()))


def count_total_params(layers: Iterable[Any], layer_set: set[Any] | None = None) -> tuple[int, int]:
    """How many numbers can be trained in these layers, and how many cannot. Of Keras 1.

    ``layer_set`` are layers that are left out; all that are counted are put into it.
    """
    counted, found = set() if layer_set is None else layer_set, [0, 0]
    for layer in layers:
        if layer not in counted:
            counted.add(layer)
            for weight in layer.weights:
                found[not weight.trainable] += int(np.prod(weight.shape))
    return found[0], found[1]


def convert_all_kernels_in_model(model: Any) -> None:
    """Reverse the spatial axes of all convolutions' kernels: from Theano to TensorFlow, and back."""
    for layer in model.layers:
        if getattr(layer, "_class_name", type(layer).__name__) in _CONVOLUTIONS:
            kernel, *rest = layer.get_weights()
            layer.set_weights([convert_kernel(kernel), *rest])


def convert_dense_weights_data_format(
    dense: Any, previous_feature_map_shape: Any, target_data_format: str = "channels_first"
) -> None:
    """Put the rows of a Dense layer behind Flatten into the order that another order of image axes asks for.

    Args:
        dense: the layer.
        previous_feature_map_shape: of a sample before Flatten, in the order of ``target_data_format``.
        target_data_format: "channels_first" or "channels_last".
    """
    if target_data_format not in ("channels_first", "channels_last"):
        received = f"target_data_format={target_data_format!r}"
        raise ArgumentError("convert_dense_weights_data_format", received, "'channels_last' or 'channels_first'")
    kernel, *rest = dense.get_weights()
    if target_data_format == "channels_first":
        channels, height, width = previous_feature_map_shape
        rows = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
    else:
        height, width, channels = previous_feature_map_shape
        rows = kernel.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
    dense.set_weights([rows.reshape(kernel.shape), *rest])


layer_from_config = Refused(
    "keras.utils.layer_utils.layer_from_config", "a look for classes by name", "Layer.from_config(config)"
)
