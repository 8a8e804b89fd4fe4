"""Rows of the LSTMs whose products are convolutions."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import RandomNormal
from minidl.layers import Bidirectional, Concatenate, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, Embedding, Flatten, Input, Layer
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.regularizers import L1L2
from tests.cases.case import Case

ROWS = (3, 3, 2)  # steps, width, channels


def with_states(data_format: str) -> Layer:
    """A layer from states that are given to states that are given back, and the same layer without any."""
    last = data_format == "channels_last"
    state = (3, 2) if last else (2, 3)
    x, given = Input((2, 4, 1) if last else (2, 1, 4)), [Input(state), Input(state)]
    layer = ConvLSTM1D(2, 2, return_state=True, data_format=data_format)
    results = [*layer(x, initial_state=given), *layer(x)]
    return Graph([x, *given], Concatenate()([Flatten()(part) for part in results]))


def masked(layer: Layer) -> Layer:
    """Behind ids of which about a third is 0, which counts nowhere: three numbers for each id, as a row of one channel."""
    return Chain([Embedding(3, 3, mask_zero=True), AsRows(), layer, Flatten()])


class AsRows(Layer):
    """(time, width) -> (time, width, 1), with the mask."""

    def output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, 1)

    def apply(self, x: Any, context: Any = None) -> Any:
        return x[..., None], None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return dy[..., 0]


CASES = [
    Case("conv_lstm", lambda: ConvLSTM2D(2, (2, 3)), (3, 3, 4, 2)),
    Case(
        "conv_lstm_first",
        lambda: ConvLSTM2D(3, (2, 1), 2, padding="same", data_format="channels_first", return_sequences=True),
        (2, 2, 3, 4),
    ),
    Case(
        "conv_lstm_dilation",
        lambda: ConvLSTM2D(2, 2, padding="same", dilation_rate=(1, 2), use_bias=False),
        (2, 2, 3, 1),
        always=False,
    ),
    Case("conv_lstm_dropout", lambda: ConvLSTM2D(2, 2, dropout=0.3, recurrent_dropout=0.4, seed=1), (2, 2, 3, 2)),
    Case(
        "conv_lstm_dropout_first",
        lambda: ConvLSTM1D(2, 2, dropout=0.3, recurrent_dropout=0.4, seed=3, data_format="channels_first"),
        (2, 2, 3),
        always=False,
    ),
    Case("conv_lstm_states", lambda: with_states("channels_last"), ((2, 4, 1), (3, 2), (3, 2))),
    Case("conv_lstm_states_first", lambda: with_states("channels_first"), ((2, 1, 4), (2, 3), (2, 3)), always=False),
    Case("conv_lstm_1d", lambda: ConvLSTM1D(2, 3, 2), (3, 5, 2)),
    Case("conv_lstm_3d", lambda: ConvLSTM3D(1, (2, 1, 2), padding="same"), (2, 2, 3, 2, 2)),
    Case("conv_lstm_backwards", lambda: ConvLSTM1D(2, 2, go_backwards=True, return_sequences=True), ROWS, always=False),
    Case(
        "conv_lstm_activations",
        lambda: ConvLSTM1D(3, 2, activation="swish", recurrent_activation="hard_sigmoid"),
        ROWS,
        always=False,
    ),
    Case("conv_lstm_inputs_dropped", lambda: ConvLSTM1D(2, 2, dropout=0.4, seed=2), ROWS, always=False),
    Case("conv_lstm_penalty", lambda: ConvLSTM1D(2, 2, activity_regularizer=L1L2(0.1, 0.2)), ROWS, always=False),
    Case("conv_lstm_masked", lambda: masked(ConvLSTM1D(2, 2, return_sequences=True)), (5,), ids=3),
    Case(
        "conv_lstm_masked_dropout",
        lambda: masked(ConvLSTM1D(2, 2, go_backwards=True, dropout=0.3, recurrent_dropout=0.3, seed=1)),
        (4,),
        ids=3,
        always=False,
    ),
    Case(
        "conv_lstm_masked_zeros",
        lambda: masked(ConvLSTM1D(2, 2, return_sequences=True, zero_output_for_mask=True)),
        (4,),
        ids=3,
        always=False,
    ),
    Case("bidirectional_conv_lstm", lambda: Bidirectional(ConvLSTM1D(1, 2, return_sequences=True)), ROWS, always=False),
]

_TERMS = {"regularizer": L1L2(0.1, 0.2), "constraint": MaxNorm(1.5)}
_ALL: dict[str, Any] = {
    "filters": 3,
    "kernel_size": 2,
    "strides": 2,
    "padding": "same",
    "data_format": "channels_first",
    "dilation_rate": 3,
    "activation": "softplus",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": False,
    "kernel_initializer": RandomNormal(0.5, 0.2, seed=3),
    "recurrent_initializer": "ones",
    "bias_initializer": "ones",
    "unit_forget_bias": False,
    **{f"{of}_{name}": value for of in ("kernel", "recurrent", "bias") for name, value in _TERMS.items()},
    "activity_regularizer": L1L2(0.2, 0.3),
    "dropout": 0.25,
    "recurrent_dropout": 0.5,
    "seed": 7,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
}

ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [(kind, _ALL) for kind in (ConvLSTM1D, ConvLSTM2D, ConvLSTM3D)]

_DEFAULTS: dict[str, Any] = {
    "strides": 1,
    "padding": "valid",
    "data_format": None,
    "dilation_rate": 1,
    "activation": "tanh",
    "recurrent_activation": None,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "recurrent_initializer": "orthogonal",
    "bias_initializer": "zeros",
    "unit_forget_bias": True,
    **{f"{of}_{name}": None for of in ("kernel", "recurrent", "bias") for name in _TERMS},
    "activity_regularizer": None,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "seed": None,
    **dict.fromkeys(("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"), False),
}
_PARAMETERS = {"kernel": "W", "recurrent": "W_recurrent", "bias": "b"}

DEFAULTS: dict[str, dict[str, Any]] = {kind.__name__: _DEFAULTS for kind, _ in ARGUMENTS}
PENALIZED: dict[str, Any] = {
    "ConvLSTM1D": (ConvLSTM1D, {"filters": 2, "kernel_size": 2}, (2, 3, 2), _PARAMETERS),
    "ConvLSTM2D": (ConvLSTM2D, {"filters": 2, "kernel_size": 2}, (2, 2, 3, 1), _PARAMETERS),
    "ConvLSTM3D": (ConvLSTM3D, {"filters": 1, "kernel_size": 2}, (2, 2, 2, 3, 1), _PARAMETERS),
}
