"""``tensorflow.python``: the list of devices, and ``tensorflow.python.keras``, which is ``minidl.compat.keras``."""

from __future__ import annotations

from minidl.compat import keras as keras
from minidl.compat.tensorflow.names import instead, refusing
from minidl.compat.tensorflow.python import client as client

__getattr__ = refusing("tensorflow.python", instead)
