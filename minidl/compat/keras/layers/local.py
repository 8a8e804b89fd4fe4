"""``keras.layers.local`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.convolutional import CONV_1D_1, CONV_1D_ORDER_1
from minidl.compat.keras.layers.forms import CONV_1, TERMS_1, windows
from minidl.compat.keras.layers.options import WEIGHTS_1, OldLayer, old_names
from minidl.compat.keras.layers.signatures import TERMS, WINDOW_1

LocallyConnected1D = OldLayer(
    "LocallyConnected1D",
    today.LocallyConnected1D,
    f"filters, kernel_size, strides=1, padding='valid', data_format=None, activation=None, {TERMS}",
    keras_1=CONV_1D_1,
    order_1=CONV_1D_ORDER_1,
    sequence=True,
    steps=True,
)
LocallyConnected2D = OldLayer(
    "LocallyConnected2D",
    today.LocallyConnected2D,
    f"filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, activation=None, {TERMS}",
    keras_1={**WINDOW_1, **WEIGHTS_1},
    form=windows("LocallyConnected2D", "nb_row nb_col", f"init {CONV_1} {TERMS_1}"),
)

__all__ = old_names(globals())
