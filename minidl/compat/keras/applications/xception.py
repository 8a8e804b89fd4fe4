"""``keras.applications.xception`` of Keras 2.1."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras.applications import imagenet_utils
from minidl.compat.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from minidl.compat.keras.applications.known import Xception as Xception


def preprocess_input(x: Any) -> Any:
    """Images with numbers from -1 to 1."""
    return imagenet_utils.preprocess_input(x, mode="tf")
