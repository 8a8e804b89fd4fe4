"""``keras.layers.core`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.options import WEIGHTS_1, OldLayer

Dense = OldLayer(
    "Dense",
    today.Dense,
    "units, activation=None, use_bias=True, kernel_initializer='glorot_uniform', bias_initializer='zeros', "
    "kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None",
    keras_1={"output_dim": "units", **WEIGHTS_1},
)
Activation = OldLayer("Activation", today.Activation, "activation")
Flatten = OldLayer("Flatten", today.Flatten, "")
Dropout = OldLayer("Dropout", today.Dropout, "rate, noise_shape=None, seed=None", keras_1={"p": "rate"})
