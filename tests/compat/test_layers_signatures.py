"""The signatures of Keras 2.1.1's layers, from a table of facts, and that a layer made without more has those defaults."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from minidl.compat.keras import layers as old
from minidl.compat.translation import OldName
from minidl.layers import Activation, Layer, LSTMCell

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
TABLE = Path(__file__).with_name("layers_2_1_1.txt").read_text().splitlines()
FACTS = {line.partition("(")[0]: line[line.index("(") + 1 : -1] for line in TABLE}
MORE = {  # arguments that classes above took, or that went on in **kwargs; they stand behind all others
    "SimpleRNN": ["implementation"],
    "ConvLSTM2D": ["return_state", "unroll", "implementation"],
    "CuDNNGRU": ["go_backwards"],
    "CuDNNLSTM": ["go_backwards"],
}
NEEDED = {  # values for arguments without a default
    "units": 3,
    "filters": 4,
    "kernel_size": 3,
    "rate": 0.5,
    "target_shape": (6,),
    "dims": (2, 1),
    "n": 2,
    "input_dim": 10,
    "output_dim": 3,
    "activation": "relu",
    "stddev": 0.1,
    "axes": 1,
}
TODAY = {"alpha": "negative_slope"}
SAYS_MORE = {"ELU": {"alpha": "alpha"}}


def made(name: str, **given):
    """A layer of this name with what it needs."""
    thing = getattr(old, name)
    needs = [p.name for p in thing.signature.parameters.values() if p.default is p.empty]
    values = {key: NEEDED[key] for key in needs if key in NEEDED}
    if "layer" in needs:
        values["layer"] = old.LSTM(3) if name == "Bidirectional" else old.Dense(3)
    if "cell" in needs:
        values["cell"] = old.LSTMCell(3)
    if "cells" in needs:
        values["cells"] = [old.LSTMCell(3)]
    return thing(**values | given)


@pytest.mark.parametrize("name", FACTS)
def test_the_signature_is_that_of_2_1_1(name):
    parameters = inspect.signature(getattr(old, name)).parameters
    expected = inspect.signature(eval(f"lambda {FACTS[name]}: 0")).parameters
    ours = [(p.name, p.default) for p in parameters.values()]
    assert ours[: len(expected)] == [(p.name, p.default) for p in expected.values()]
    assert [p for p, _ in ours[len(expected) :]] == MORE.get(name, [])


def test_the_table_has_all_of_them():
    layers = {name for name, thing in vars(old).items() if isinstance(thing, OldName) and thing.__name__ == thing.spelled}
    assert layers - set(FACTS) == {"Input", "Lambda", "MaxoutDense", "Highway", "Merge"}


@pytest.mark.parametrize("name", FACTS)
def test_what_nobody_says_is_as_in_2_1_1(name):
    layer = made(name)
    assert isinstance(layer, Layer)
    for parameter in inspect.signature(eval(f"lambda {FACTS[name]}: 0")).parameters.values():
        if parameter.default is parameter.empty or parameter.name in ("implementation", "input_length"):
            continue
        where = SAYS_MORE.get(name, {}).get(parameter.name) or TODAY.get(parameter.name, parameter.name)
        assert shown(getattr(layer, where)) == usual(name, parameter), parameter.name


def shown(value):
    """An attribute in the words of 2.1."""
    if isinstance(value, Activation):
        return value.activation
    return {"Zeros": "zeros", "Ones": "ones", "GlorotUniform": "glorot_uniform", "Orthogonal": "orthogonal"}.get(
        type(value).__name__, "uniform" if type(value).__name__ == "RandomUniform" else value
    )


def usual(name, parameter):
    """A default of 2.1 as minidl keeps it."""
    if parameter.name == "activation" and parameter.default is None:
        return "linear"
    if parameter.name == "data_format":
        return "channels_last"
    rank = int(name[-2]) if name[-1] == "D" else 2 if "2D" in name else 3 if "3D" in name else 1 if "1D" in name else 0
    if parameter.name in ("strides", "pool_size") and "Pooling" in name:
        return (2,) * rank
    if parameter.name in ("strides", "dilation_rate"):
        return (1,) * rank
    if parameter.name == "size":
        return 2 if rank == 1 else (2,) * rank
    if parameter.name == "padding" and "Padding" in name:
        return (1, 1) if rank == 1 else ((1, 1),) * rank
    return parameter.default


def test_gates_have_the_slope_of_then():
    for name in ("LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM2D"):
        gate = made(name).recurrent_activation
        assert (gate.activation, gate.slope) == ("hard_sigmoid", 0.2)
    assert made("GRU").reset_after is made("GRUCell").reset_after is False  # the reset gate before the product, then
    assert made("CuDNNGRU").reset_after is True
    assert made("CuDNNGRU").recurrent_activation == made("CuDNNLSTM").recurrent_activation == "sigmoid"
    assert isinstance(made("RNN").cell, LSTMCell)


def test_uniform_is_between_minus_and_plus_one_twentieth():
    layer = old.Embedding(1000, 10)
    layer.build((3,))
    (table,) = layer.get_weights()
    assert 0.049 < np.abs(table).max() <= 0.05
