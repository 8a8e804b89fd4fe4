"""``keras.layers.cudnn_recurrent`` of Keras 2.1: the same cells as ``LSTM`` and ``GRU``, with the sigmoid at their gates."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.options import OldLayer, old_names

_STARTS = "kernel_initializer='glorot_uniform', recurrent_initializer='orthogonal', bias_initializer='zeros', "
_REST = (
    "kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, return_sequences=False, return_state=False, "
    "stateful=False, go_backwards=False"
)

CuDNNGRU = OldLayer(
    "CuDNNGRU",
    today.GRU,
    f"units, {_STARTS}{_REST}",
    fixed={"recurrent_activation": "sigmoid", "reset_after": True},
    class_name="CuDNNGRU",
    sequence=True,
)
CuDNNLSTM = OldLayer(
    "CuDNNLSTM",
    today.LSTM,
    f"units, {_STARTS}unit_forget_bias=True, {_REST}",
    fixed={"recurrent_activation": "sigmoid"},
    class_name="CuDNNLSTM",
    sequence=True,
)

__all__ = old_names(globals())
