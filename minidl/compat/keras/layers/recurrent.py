"""``keras.layers.recurrent`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.forms import forget_bias
from minidl.compat.keras.layers.options import WEIGHTS_1, OldLayer, RefusedClass, old_names
from minidl.compat.keras.layers.signatures import DROPOUT, HOLDS, PENALTIES, SEQUENCES, STARTS

RECURRENT_1 = {
    "output_dim": "units",
    **WEIGHTS_1,
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "consume_less": "implementation",
}
_GATED = "activation='tanh', recurrent_activation='hard_sigmoid', "
_FORGET = "unit_forget_bias=True, "
_ACTIVITY = "activity_regularizer=None, "
_IMPLEMENTATION = ", implementation=1"
HARMLESS = ("implementation",)  # how Keras cut the same products into calls

_SIMPLE_1 = "output_dim init inner_init activation W_regularizer U_regularizer b_regularizer dropout_W dropout_U"
_GRU_1 = _SIMPLE_1.replace("activation", "activation inner_activation")
_LSTM_1 = _GRU_1.replace("inner_init", "inner_init forget_bias_init")

SimpleRNN = OldLayer(
    "SimpleRNN",
    today.SimpleRNN,
    f"units, activation='tanh', {STARTS}{PENALTIES}{_ACTIVITY}{HOLDS}{DROPOUT}, {SEQUENCES}, implementation=1",
    keras_1=RECURRENT_1,
    order_1=_SIMPLE_1,
    harmless=HARMLESS,
    sequence=True,
)
GRU = OldLayer(
    "GRU",
    today.GRU,
    f"units, {_GATED}{STARTS}{PENALTIES}{_ACTIVITY}{HOLDS}{DROPOUT}{_IMPLEMENTATION}, {SEQUENCES}",
    keras_1=RECURRENT_1,
    order_1=_GRU_1,
    harmless=HARMLESS,
    fixed={"reset_after": False},
    sequence=True,
)
LSTM = OldLayer(
    "LSTM",
    today.LSTM,
    f"units, {_GATED}{STARTS}{_FORGET}{PENALTIES}{_ACTIVITY}{HOLDS}{DROPOUT}{_IMPLEMENTATION}, {SEQUENCES}",
    keras_1=RECURRENT_1,
    order_1=_LSTM_1,
    form=forget_bias,
    harmless=HARMLESS,
    sequence=True,
)
SimpleRNNCell = OldLayer(
    "SimpleRNNCell", today.SimpleRNNCell, f"units, activation='tanh', {STARTS}{PENALTIES}{HOLDS}{DROPOUT}", keras_1=RECURRENT_1
)
GRUCell = OldLayer(
    "GRUCell",
    today.GRUCell,
    f"units, {_GATED}{STARTS}{PENALTIES}{HOLDS}{DROPOUT}{_IMPLEMENTATION}",
    keras_1=RECURRENT_1,
    harmless=HARMLESS,
    fixed={"reset_after": False},
)
LSTMCell = OldLayer(
    "LSTMCell",
    today.LSTMCell,
    f"units, {_GATED}{STARTS}{_FORGET}{PENALTIES}{HOLDS}{DROPOUT}{_IMPLEMENTATION}",
    keras_1=RECURRENT_1,
    harmless=HARMLESS,
)
RNN = OldLayer("RNN", today.RNN, f"cell, {SEQUENCES}", sequence=True)
StackedRNNCells = OldLayer("StackedRNNCells", today.StackedRNNCells, "cells")
Recurrent = RefusedClass(
    "Recurrent",
    "symbolic calls of a backend in each step",
    "RNN(cell) with a cell that has apply and gradient (docs/custom_layer.md), or SimpleRNN, GRU, LSTM",
)

__all__ = old_names(globals())
