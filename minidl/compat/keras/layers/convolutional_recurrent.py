"""``keras.layers.convolutional_recurrent`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.forms import both, forget_bias, windows
from minidl.compat.keras.layers.options import OldLayer, RefusedClass, old_names
from minidl.compat.keras.layers.recurrent import HARMLESS, RECURRENT_1
from minidl.compat.keras.layers.signatures import DROPOUT, HOLDS, PENALTIES, STARTS, WINDOW_1

_ORDER_1 = (
    "init inner_init forget_bias_init activation inner_activation dim_ordering border_mode subsample W_regularizer "
    "U_regularizer b_regularizer dropout_W dropout_U"
)

ConvLSTM2D = OldLayer(
    "ConvLSTM2D",
    today.ConvLSTM2D,
    "filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, dilation_rate=(1, 1), activation='tanh', "
    f"recurrent_activation='hard_sigmoid', {STARTS}unit_forget_bias=True, {PENALTIES}activity_regularizer=None, {HOLDS}"
    f"return_sequences=False, go_backwards=False, stateful=False, {DROPOUT}, return_state=False, unroll=False, "
    "implementation=1",
    keras_1={**RECURRENT_1, **WINDOW_1},
    form=both(windows("ConvLSTM2D", "nb_row nb_col", _ORDER_1), forget_bias),
    harmless=(*HARMLESS, "unroll"),
)
ConvRecurrent2D = RefusedClass(
    "ConvRecurrent2D",
    "symbolic calls of a backend in each step",
    "ConvLSTM2D, or a layer of your own with apply and gradient (docs/custom_layer.md)",
)

__all__ = old_names(globals())
