"""``tf.nn``: the functions that layers take as activations."""

from __future__ import annotations

from minidl.compat.keras.activations import elu as elu
from minidl.compat.keras.activations import relu as relu
from minidl.compat.keras.activations import selu as selu
from minidl.compat.keras.activations import sigmoid as sigmoid
from minidl.compat.keras.activations import softmax as softmax
from minidl.compat.keras.activations import softplus as softplus
from minidl.compat.keras.activations import softsign as softsign
from minidl.compat.keras.activations import tanh as tanh
from minidl.compat.tensorflow.names import instead, refusing

__getattr__ = refusing("tf.nn", instead)
