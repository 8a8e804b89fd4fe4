"""``keras.applications.mobilenet`` of Keras 2.1."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras import backend as K
from minidl.compat.keras.applications import imagenet_utils
from minidl.compat.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from minidl.compat.keras.applications.known import MobileNet as MobileNet


def preprocess_input(x: Any) -> Any:
    """Images with numbers from -1 to 1."""
    return imagenet_utils.preprocess_input(x, mode="tf")


def relu6(x: Any) -> Any:
    """x cut to 0 and 6."""
    return K.relu(x, max_value=6)
