"""``keras.layers.advanced_activations`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.options import OldLayer, RefusedClass, old_names

LeakyReLU = OldLayer("LeakyReLU", today.LeakyReLU, "alpha=0.3", today={"alpha": "negative_slope"})
PReLU = OldLayer(
    "PReLU",
    today.PReLU,
    "alpha_initializer='zeros', alpha_regularizer=None, alpha_constraint=None, shared_axes=None",
    keras_1={"init": "alpha_initializer"},
)
ELU = OldLayer("ELU", today.ELU, "alpha=1.0")
ThresholdedReLU = OldLayer("ThresholdedReLU", today.ThresholdedReLU, "theta=1.0")
ParametricSoftplus = RefusedClass(
    "ParametricSoftplus", "a layer of Keras 1 that Keras 2 took out", "Activation('softplus'), or PReLU() for a learned slope"
)
SReLU = RefusedClass("SReLU", "a layer of Keras 1 that Keras 2 took out", "PReLU(), a rectifier with a learned slope")

__all__ = old_names(globals())
