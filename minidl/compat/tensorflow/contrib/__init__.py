"""``tensorflow.contrib``: only ``tensorflow.contrib.keras``, which is ``minidl.compat.keras``."""

from __future__ import annotations

from minidl.compat import keras as keras
from minidl.compat.tensorflow.names import instead, refusing

__getattr__ = refusing("tf.contrib", instead)
