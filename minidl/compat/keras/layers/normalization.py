"""``keras.layers.normalization`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.forms import mode_0
from minidl.compat.keras.layers.options import OldLayer, old_names

BatchNormalization = OldLayer(
    "BatchNormalization",
    today.BatchNormalization,
    "axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True, beta_initializer='zeros', gamma_initializer='ones', "
    "moving_mean_initializer='zeros', moving_variance_initializer='ones', beta_regularizer=None, gamma_regularizer=None, "
    "beta_constraint=None, gamma_constraint=None",
    keras_1={"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    order_1="epsilon mode axis momentum weights beta_init gamma_init gamma_regularizer beta_regularizer",
    form=mode_0,
)

__all__ = old_names(globals())
