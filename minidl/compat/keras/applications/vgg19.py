"""``keras.applications.vgg19`` of Keras 2.1."""

from __future__ import annotations

from minidl.compat.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from minidl.compat.keras.applications.imagenet_utils import preprocess_input as preprocess_input
from minidl.compat.keras.applications.known import VGG19 as VGG19
