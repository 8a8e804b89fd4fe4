"""Rows of the recurrent layers and their cells."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import RandomNormal
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from minidl.layers.containers import Chain
from minidl.layers.graph import Graph
from minidl.regularizers import L1L2
from tests.cases.case import Case

KINDS: dict[str, type[Layer]] = {"simple_rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}
CELLS: dict[str, type[Layer]] = {"simple_rnn": SimpleRNNCell, "lstm": LSTMCell, "gru": GRUCell}


def joined(results: Any) -> Any:
    """Several results of one sample in one row."""
    return Concatenate()(list(results))


def with_states(make: type[Layer], states: int, **options: Any) -> Layer:
    """A layer from states that are given to states that are given back, and the same layer without any."""
    x, given = Input((3, 2)), [Input((3,)) for _ in range(states)]
    layer = make(3, return_state=True, **options)  # type: ignore[call-arg]
    return Graph([x, *given], joined([*layer(x, initial_state=given), *layer(x)]))


def of_one_step(cell: Layer, states: int) -> Layer:
    """A cell as a layer by itself."""
    inputs = [Input((2,)), *(Input((3,)) for _ in range(states))]
    return Graph(inputs, joined(cell(inputs)))


def masked(layer: Layer) -> Layer:
    """Behind ids of which about a third is 0, which counts nowhere; the result of a step that is left out is used too."""
    return Chain([Embedding(3, 2, mask_zero=True), layer, Unmasked()])


class Unmasked(Dense):
    """A Dense layer of 2 units that forgets the mask, so that all steps go into the proof."""

    def __init__(self, **options: Any) -> None:
        super().__init__(2, **options)

    def output_mask(self, x: Any, mask: Any) -> Any:
        return None


def both_ways() -> Layer:
    """Two results, states that are given and states that are given back."""
    inputs = [Input((3, 2)), Input((3,)), Input((3,))]
    layer = Bidirectional(GRU(3, return_state=True), merge_mode=None)
    return Graph(inputs, joined(layer(inputs[0], initial_state=inputs[1:])))


def encoder_decoder() -> Layer:
    """The last states of one LSTM are the first of another."""
    source, target = Input((3, 2)), Input((4, 1))
    _, h, c = LSTM(3, return_state=True)(source)
    return Graph([source, target], LSTM(3, return_sequences=True)(target, initial_state=[h, c]))


CASES: list[Case] = [
    Case("lstm_states", lambda: with_states(LSTM, 2), ((3, 2), (3,), (3,))),
    Case("gru_states", lambda: with_states(GRU, 1), ((3, 2), (3,))),
    Case("simple_rnn_states", lambda: with_states(SimpleRNN, 1), ((3, 2), (3,))),
    Case("lstm_states_backwards", lambda: with_states(LSTM, 2, go_backwards=True), ((3, 2), (3,), (3,)), always=False),
    Case("gru_states_before", lambda: with_states(GRU, 1, reset_after=False), ((3, 2), (3,)), always=False),
    Case(
        "lstm_states_dropped", lambda: with_states(LSTM, 2, recurrent_dropout=0.4, seed=3), ((3, 2), (3,), (3,)), always=False
    ),
    Case("encoder_decoder", encoder_decoder, ((3, 2), (4, 1))),
    Case("simple_rnn", lambda: SimpleRNN(3), (4, 2)),
    Case("simple_rnn_sequences", lambda: SimpleRNN(3, return_sequences=True, go_backwards=True), (4, 2), always=False),
    Case("simple_rnn_no_bias", lambda: SimpleRNN(3, "sigmoid", use_bias=False), (4, 2), always=False),
    Case("simple_rnn_one_step", lambda: SimpleRNN(2), (1, 3), always=False),
    Case("gru", lambda: GRU(3), (4, 2)),
    Case("gru_before", lambda: GRU(3, reset_after=False, return_sequences=True), (4, 2)),
    Case("gru_no_bias", lambda: GRU(3, use_bias=False), (4, 2), always=False),
    Case("gru_before_no_bias", lambda: GRU(3, "softplus", "tanh", use_bias=False, reset_after=False), (4, 2), always=False),
    Case("gru_penalised", lambda: GRU(3, activity_regularizer=L1L2(0.1, 0.2), return_sequences=True), (4, 2), always=False),
    Case("lstm_backwards", lambda: LSTM(3, return_sequences=True, go_backwards=True), (4, 2)),
    Case("lstm_gelu", lambda: LSTM(3, "gelu", Activation("hard_sigmoid", slope=0.2)), (4, 2)),
    Case("gru_swish", lambda: GRU(2, "swish", reset_after=False), (4, 2), always=False),
    Case("gru_softmax", lambda: GRU(3, "softmax", "softsign"), (4, 2), always=False),
    Case("simple_rnn_elu", lambda: SimpleRNN(2, Activation("elu", alpha=0.5)), (4, 2), always=False),
    *(
        Case(f"{name}_dropout", lambda kind=kind: kind(3, dropout=0.4, seed=5), (4, 3))  # type: ignore[misc]
        for name, kind in KINDS.items()
    ),
    *(
        Case(
            f"{name}_both_dropouts",
            lambda kind=kind: kind(3, dropout=0.4, recurrent_dropout=0.3, seed=5, return_sequences=True),  # type: ignore[misc]
            (4, 3),
            always=name == "gru",
        )
        for name, kind in KINDS.items()
    ),
    Case("gru_before_dropout", lambda: GRU(3, recurrent_dropout=0.4, reset_after=False, seed=5), (4, 3), always=False),
    *(
        Case(f"{name}_masked", lambda kind=kind: masked(kind(3, return_sequences=True)), (5,), ids=3)  # type: ignore[misc]
        for name, kind in KINDS.items()
    ),
    Case("lstm_masked_last", lambda: masked(LSTM(3, go_backwards=True)), (5,), ids=3, always=False),
    Case("lstm_masked_zeros", lambda: masked(LSTM(3, return_sequences=True, zero_output_for_mask=True)), (5,), ids=3),
    Case("lstm_masked_loop", lambda: masked(LSTM(3, recurrent_dropout=0.3, seed=2)), (5,), ids=3, always=False),
    Case(
        "rnn_masked",
        lambda: masked(RNN([LSTMCell(3), SimpleRNNCell(2)], return_sequences=True)),
        (5,),
        ids=3,
        always=False,
    ),
    *(Case(f"rnn_{name}", lambda cell=cell: RNN(cell(3)), (4, 2), always=False) for name, cell in CELLS.items()),  # type: ignore[misc]
    Case("rnn_stacked", lambda: RNN([LSTMCell(3), GRUCell(2, dropout=0.3, seed=1)], return_sequences=True), (4, 2)),
    Case("bidirectional", lambda: Bidirectional(LSTM(3)), (4, 2)),
    *(
        Case(
            f"bidirectional_{mode}", lambda mode=mode: Bidirectional(GRU(3, return_sequences=True), mode), (4, 2), always=False
        )  # type: ignore[misc]
        for mode in ("concat", "sum", "mul", "ave")
    ),
    Case("bidirectional_states", both_ways, ((3, 2), (3,), (3,))),
    Case("bidirectional_masked", lambda: masked(Bidirectional(SimpleRNN(3, return_sequences=True))), (5,), ids=3),
    Case(
        "bidirectional_of_two",
        lambda: Bidirectional(LSTM(3), backward_layer=GRU(2, go_backwards=True, recurrent_dropout=0.3, seed=1)),
        (4, 2),
        always=False,
    ),
    Case("bidirectional_cells", lambda: Bidirectional(RNN([LSTMCell(2), GRUCell(3)])), (4, 2), always=False),
    Case("lstm_cell", lambda: of_one_step(LSTMCell(3), 2), ((2,), (3,), (3,)), always=False),
    Case("gru_cell", lambda: of_one_step(GRUCell(3, reset_after=False), 1), ((2,), (3,)), always=False),
    Case("simple_rnn_cell", lambda: of_one_step(SimpleRNNCell(3), 1), ((2,), (3,)), always=False),
    Case(
        "stacked_cells",
        lambda: of_one_step(StackedRNNCells([SimpleRNNCell(3), GRUCell(3)]), 2),
        ((2,), (3,), (3,)),
        always=False,
    ),
]

_TERMS = {"regularizer": L1L2(0.1, 0.2), "constraint": MaxNorm(1.5)}
_OF_CELLS: dict[str, Any] = {
    "units": 3,
    "activation": "softplus",
    "use_bias": False,
    "kernel_initializer": RandomNormal(0.5, 0.2, seed=3),
    "recurrent_initializer": "ones",
    "bias_initializer": "ones",
    "dropout": 0.25,
    "recurrent_dropout": 0.5,
    "seed": 7,
    **{f"{of}_{name}": value for of in ("kernel", "recurrent", "bias") for name, value in _TERMS.items()},
}
_OF_LOOPS: dict[str, Any] = {
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
}
_GATED = {"recurrent_activation": "hard_sigmoid"}
_ALL = {**_OF_CELLS, **_OF_LOOPS, "activity_regularizer": L1L2(0.2, 0.3)}

ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (SimpleRNN, _ALL),
    (LSTM, {**_ALL, **_GATED, "unit_forget_bias": False}),
    (GRU, {**_ALL, **_GATED, "reset_after": False}),
    (SimpleRNNCell, _OF_CELLS),
    (LSTMCell, {**_OF_CELLS, **_GATED, "unit_forget_bias": False}),
    (GRUCell, {**_OF_CELLS, **_GATED, "reset_after": False}),
    (Bidirectional, {"layer": LSTM(2), "merge_mode": "ave", "backward_layer": LSTM(2, "softplus", go_backwards=True)}),
    (StackedRNNCells, {"cells": [LSTMCell(2), GRUCell(3)]}),
    (RNN, {"cell": LSTMCell(2), **_OF_LOOPS}),
]
