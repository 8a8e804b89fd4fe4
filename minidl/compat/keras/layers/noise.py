"""``keras.layers.noise`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.options import OldLayer, old_names

GaussianNoise = OldLayer("GaussianNoise", today.GaussianNoise, "stddev", keras_1={"sigma": "stddev"})
GaussianDropout = OldLayer("GaussianDropout", today.GaussianDropout, "rate", keras_1={"p": "rate"})
AlphaDropout = OldLayer("AlphaDropout", today.AlphaDropout, "rate, noise_shape=None, seed=None")

__all__ = old_names(globals())
