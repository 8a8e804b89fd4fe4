"""Every keyword that a layer of Keras 1 or 2.1 takes, what it does, and the call of today that a script is told."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

from minidl import constraints, initializers, layers, profile, regularizers
from minidl.compat.keras import layers as old
from minidl.compat.keras.layers import own
from minidl.compat.keras.layers.options import OPTIONS
from minidl.compat.spelling import OldSpellingWarning
from minidl.compat.translation import OldName
from minidl.config import use_profile
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers import Activation

TODAY = {
    **{name: getattr(layers, name) for name in layers.__all__},
    **vars(initializers),
    **vars(regularizers),
    **vars(constraints),
    **vars(own),
}
ALL = {
    name: thing
    for name, thing in vars(old).items()
    if isinstance(thing, OldName) and name not in ("Input", "InputLayer", "Lambda", "Merge")
}
NEEDED = {
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
VALUES: dict[str, tuple[Any, Any]] = {  # keyword: a value that is not the default, and what the attribute becomes
    "units": (7, 7),
    "filters": (6, 6),
    "kernel_size": (5, 5),
    "activation": ("sigmoid", "sigmoid"),
    "recurrent_activation": ("tanh", "tanh"),
    "use_bias": (False, False),
    "unit_forget_bias": (False, False),
    "strides": (3, 3),
    "padding": ("same", "same"),
    "data_format": ("channels_first", "channels_first"),
    "dilation_rate": (2, 2),
    "depth_multiplier": (2, 2),
    "dropout": (0.25, 0.25),
    "recurrent_dropout": (0.25, 0.25),
    "return_sequences": (True, True),
    "return_state": (True, True),
    "go_backwards": (True, True),
    "stateful": (True, True),
    "unroll": (True, True),
    "rate": (0.25, 0.25),
    "noise_shape": ((None, 1), (None, 1)),
    "seed": (7, 7),
    "target_shape": ((2, 3), (2, 3)),
    "dims": ((1, 2), (1, 2)),
    "n": (5, 5),
    "mask_value": (9.0, 9.0),
    "l1": (0.5, 0.5),
    "l2": (0.5, 0.5),
    "size": (3, 3),
    "cropping": (2, 2),
    "pool_size": (3, 3),
    "cell": (old.GRUCell, "GRUCell"),
    "cells": (old.GRUCell, "GRUCell"),
    "layer": (old.GRU, "GRU"),
    "merge_mode": ("sum", "sum"),
    "input_dim": (99, 99),
    "output_dim": (9, 9),
    "mask_zero": (True, True),
    "input_length": (8, (8,)),
    "axis": (1, 1),
    "momentum": (0.5, 0.5),
    "epsilon": (0.1, 0.1),
    "center": (False, False),
    "scale": (False, False),
    "stddev": (0.5, 0.5),
    "alpha": (0.7, 0.7),
    "theta": (0.7, 0.7),
    "shared_axes": ((1,), (1,)),
    "axes": (2, 2),
    "normalize": (True, True),
    "nb_feature": (2, 2),
    "init": ("he_uniform", "HeUniform"),
    "bias": (False, False),
    "input_dtype": ("float64", "float64"),
}
ENDINGS = {"initializer": ("he_uniform", "HeUniform"), "regularizer": ("l2", "L2"), "constraint": ("non_neg", "NonNeg")}
ATTRIBUTES = {("LeakyReLU", "alpha"): "negative_slope", ("Embedding", "input_length"): "declared_input_shape"}


def needs(name: str) -> dict[str, Any]:
    """What the layer cannot be made without."""
    found: dict[str, Any] = {}
    for p in ALL[name].signature.parameters.values():
        if p.default is p.empty:
            found[p.name] = {
                "layer": lambda: old.LSTM(3) if name == "Bidirectional" else old.Dense(3),
                "cell": lambda: old.LSTMCell(3),
                "cells": lambda: [old.LSTMCell(3)],
            }.get(p.name, lambda p=p: NEEDED[p.name])()
    return found


def quiet(name: str, /, *args: Any, **given: Any) -> Any:
    """The layer, whatever it says of its spelling."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        return ALL[name](*args, **given)


def value_of(keyword: str, name: str = "") -> tuple[Any, Any]:
    if name.startswith("ZeroPadding") and keyword == "padding":
        return 3, 3
    if keyword in VALUES:
        return VALUES[keyword]
    return ENDINGS[keyword.rpartition("_")[2]]


def plain(value: Any) -> Any:
    """An attribute in short: a name for an object, one number for equal ones."""
    if isinstance(value, Activation):
        return value.activation
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if hasattr(value, "get_config"):
        return type(value).__name__
    if isinstance(value, tuple) and value:
        items = [plain(item) for item in value]
        return items[0] if all(type(item) is int and item == items[0] for item in items) else value
    return value


ROWS = [
    (name, keyword) for name, thing in ALL.items() for keyword in thing.signature.parameters if keyword not in thing.harmless
]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name, keyword", ROWS)
def test_a_keyword_of_2_1_has_its_effect(name, keyword):
    given, expected = value_of(keyword, name)
    if isinstance(given, OldName):
        given = given(3)
        given = [given] if keyword == "cells" else given
    where = ATTRIBUTES.get((name, keyword)) or ATTRIBUTES.get((ALL[name].spelled, keyword), keyword)
    usual = plain(getattr(quiet(name, **needs(name)), where))
    found = plain(getattr(quiet(name, **{**needs(name), keyword: given}), where))
    assert found == plain(expected) != usual


OLD_ROWS = [
    (name, old_name, new)
    for name, thing in ALL.items()
    for old_name, new in thing.keras_1.items()
    if new in thing.signature.parameters
]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name, old_name, new", OLD_ROWS)
def test_a_keyword_of_keras_1_is_that_of_2_1_and_is_told(name, old_name, new):
    given, _ = (1, 1) if new in ALL[name].harmless else value_of(new)
    required = needs(name)
    required.pop(new, None)
    with pytest.warns(OldSpellingWarning) as told:
        layer = ALL[name](**required, **{old_name: given})
    assert config(layer) == config(quiet(name, **required, **{new: given}))
    assert config(evaluated(told[-1])) == config(layer)
    with pytest.raises(ArgumentTypeError, match=f"{old_name} and {new}"):
        quiet(name, **required, **{old_name: given, new: given})


def config(layer: Any) -> Any:
    """The arguments of a layer but for its name, and so for those within."""

    def nameless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: nameless(item) for key, item in value.items() if key != "name"}
        return [nameless(item) for item in value] if isinstance(value, list) else value

    return nameless(layer.get_config())


def evaluated(warning: Any) -> Any:
    """The layer that the call of today makes."""
    text = re.fullmatch(r"(?s).* is written (.*) in minidl", str(warning.message))[1]
    return eval(text, dict(TODAY))


@pytest.mark.parametrize("name", [name for name, thing in ALL.items() if thing.__name__ != thing.spelled])
def test_another_name_is_told_with_the_call_of_today(name):
    with pytest.warns(OldSpellingWarning, match=rf"^{name}\(") as told:
        layer = ALL[name](**needs(name))
    assert config(evaluated(told[-1])) == config(layer)
    assert type(layer).__name__ == ALL[name].spelled


@pytest.mark.parametrize("name", [name for name, thing in ALL.items() if thing.harmless])
def test_what_is_harmless_changes_nothing(name):
    for keyword in ALL[name].harmless:
        assert config(quiet(name, **needs(name), **{keyword: 2})) == config(quiet(name, **needs(name)))


def test_what_is_harmless_is_what_is_documented():
    assert {name: sorted(thing.harmless) for name, thing in ALL.items() if thing.harmless} == {
        "SimpleRNN": ["implementation"],
        "GRU": ["implementation"],
        "LSTM": ["implementation"],
        "GRUCell": ["implementation"],
        "LSTMCell": ["implementation"],
        "ConvLSTM2D": ["implementation", "unroll"],
    }


# -- what all layers take ----------------------------------------------------------------------------------------------


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", ALL)
def test_every_layer_takes_a_name_a_shape_and_whether_it_is_trained(name):
    layer = quiet(name, **needs(name), name="mine", trainable=False, dtype="float64")
    assert (layer.name, layer.trainable, layer.dtype) == ("mine", False, "float64")
    assert quiet(name, **needs(name), input_shape=[8, 4]).declared_input_shape == (8, 4)
    layer = quiet(name, **needs(name), batch_input_shape=(32, 8, 4))
    assert (layer.declared_input_shape, layer.batch_input_shape) == ((8, 4), (32, 8, 4))
    assert quiet(name, **needs(name), input_shape=(8, 4), batch_size=5).batch_input_shape == (5, 8, 4)
    unnamed = quiet(name, **needs(name)).name
    assert re.fullmatch(r"[a-z0-9_]+_\d+", unnamed)
    with pytest.raises(ArgumentTypeError, match="Did you mean 'input_shape'"):
        quiet(name, **needs(name), input_shpae=(8, 4))
    with pytest.raises(ArgumentError, match="a batch of 0"):
        quiet(name, **needs(name), batch_input_shape=(0, 8, 4))
    assert {"name", "trainable", "dtype", "input_shape", "batch_input_shape", "batch_size", "weights"} < set(OPTIONS)


@pytest.mark.parametrize(
    "name, given, shape",
    [
        ("Dense", {"input_dim": 8}, (8,)),
        ("TimeDistributedDense", {"input_dim": 8}, (None, 8)),
        ("TimeDistributedDense", {"input_dim": 8, "input_length": 5}, (5, 8)),
        ("MaxoutDense", {"input_dim": 8}, (8,)),
        ("Highway", {"input_dim": 8}, (8,)),
        ("Convolution1D", {"input_dim": 8}, (None, 8)),
        ("LocallyConnected1D", {"input_dim": 8, "input_length": 5}, (5, 8)),
        *((name, {"input_dim": 8}, (None, 8)) for name in ("SimpleRNN", "GRU", "LSTM", "CuDNNLSTM", "CuDNNGRU", "RNN")),
        ("LSTM", {"input_dim": 8, "input_length": 5}, (5, 8)),
        ("Bidirectional", {"input_dim": 8, "input_length": 5}, (5, 8)),
        ("Embedding", {}, (None,)),
        ("Embedding", {"input_length": 5}, (5,)),
        ("Embedding", {"input_length": (5, 6)}, (5, 6)),
        ("Embedding", {"batch_input_shape": (3, 4)}, (4,)),
        ("Dense", {"input_dim": None}, None),
    ],
)
def test_the_input_may_be_said_in_parts(name, given, shape):
    assert quiet(name, **needs(name), **given).declared_input_shape == shape


def test_a_length_without_features_is_an_error():
    with pytest.raises(ArgumentTypeError, match="input_length"):
        old.LSTM(3, input_length=5)
    with pytest.raises(ArgumentTypeError, match=r"input_shape=\(8,\)"):
        old.Dense(3, input_shape=8)


def test_types_of_ids_are_taken_as_they_come():
    assert quiet("Embedding", 5, 2, dtype="int32").dtype == quiet("Flatten", input_dtype="int32").dtype == "float32"


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda **k: old.Dense(2, **k), (3,)),
        (lambda **k: old.Conv2D(2, (3, 3), **k), (5, 5, 1)),
        (lambda **k: old.LSTM(2, **k), (4, 3)),
        (lambda **k: old.Embedding(5, 2, **k), (4,)),
        (lambda **k: old.BatchNormalization(**k), (3,)),
        (lambda **k: old.MaxoutDense(2, **k), (3,)),
        (lambda **k: old.Highway(**k), (3,)),
        (lambda **k: old.PReLU(**k), (3,)),
        (lambda **k: old.Bidirectional(old.LSTM(2), **k), (4, 3)),
    ],
)
def test_weights_are_there_when_the_layer_is_built(make, shape):
    first = make()
    first.build(shape)
    weights = [np.full(w.shape, number + 1, "float32") for number, w in enumerate(first.get_weights())]
    with pytest.warns(OldSpellingWarning, match=r"and set_weights\(weights\) once it is built, in minidl$"):
        layer = make(weights=weights)
    layer.build(shape)
    for new, given in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(new, given)


def test_weights_of_the_layer_within_a_bidirectional_one_are_the_forward_layers():
    weights = [np.full(shape, 2, "float32") for shape in ((3, 8), (2, 8), (8,))]
    layer = old.Bidirectional(quiet("LSTM", 2, weights=weights))
    layer.build((4, 3))
    found = layer.get_weights()
    assert all((array == 2).all() for array in found[:3])
    assert not (found[3] == 2).any()


def test_names_count_through_the_program_by_the_class_of_2_1():
    first, second = quiet("Convolution2D", 2, 3, 3).name, quiet("Conv2D", 2, 3).name
    assert int(second.removeprefix("conv2d_")) == int(first.removeprefix("conv2d_")) + 1
    assert quiet("CuDNNLSTM", 2).name.startswith("cu_dnnlstm_")
    assert quiet("Deconvolution2D", 2, 3, 3, output_shape=(None, 9, 9, 2)).name.startswith("conv2d_transpose_")


# -- forms that no keyword covers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, expected",
    [
        ("Convolution2D(32, 3, 3)", "Conv2D(32, (3, 3))"),
        ("Conv2D(32, 3, 3)", "Conv2D(32, (3, 3))"),
        ("Convolution2D(32, 3, 5, border_mode='same', subsample=(2, 2))", "Conv2D(32, (3, 5), (2, 2), 'same')"),
        ("Convolution2D(32, (3, 5), padding='same')", "Conv2D(32, (3, 5), padding='same')"),
        ("Convolution2D(20, kernel_size=5, border_mode='same')", "Conv2D(20, 5, padding='same')"),
        ("Convolution2D(32, 3, nb_col=5)", "Conv2D(32, (3, 5))"),
        ("Convolution2D(32, nb_row=3, nb_col=5)", "Conv2D(32, (3, 5))"),
        ("Convolution2D(nb_filter=32, nb_row=3, nb_col=5)", "Conv2D(32, (3, 5))"),
        (
            "Convolution2D(32, 3, 5, 'he_uniform', 'relu')",
            "Conv2D(32, (3, 5), activation='relu', kernel_initializer='he_uniform')",
        ),
        ("Convolution2D(32, 3, 3, dim_ordering='th')", "Conv2D(32, (3, 3), data_format='channels_first')"),
        ("Convolution2D(32, 3, 3, dim_ordering='tf')", "Conv2D(32, (3, 3), data_format='channels_last')"),
        ("Convolution2D(32, 3, 3, bias=False)", "Conv2D(32, (3, 3), use_bias=False)"),
        ("Conv2D(32, 3)", "Conv2D(32, 3)"),
        ("Conv2D(32, (3, 3), (2, 2))", "Conv2D(32, (3, 3), (2, 2))"),
        ("Conv2D(32, (3, 3), padding='SAME')", "Conv2D(32, (3, 3), padding='same')"),
        ("Convolution1D(64, 3)", "Conv1D(64, 3)"),
        ("Convolution1D(64, 3, 'uniform', 'relu')", "Conv1D(64, 3, activation='relu', kernel_initializer='uniform')"),
        (
            "Convolution1D(nb_filter=64, filter_length=5, border_mode='causal', subsample_length=2)",
            "Conv1D(64, 5, 2, 'causal')",
        ),
        ("Convolution3D(8, 3, 4, 5)", "Conv3D(8, (3, 4, 5))"),
        ("Convolution3D(8, 3, 4, kernel_dim3=5)", "Conv3D(8, (3, 4, 5))"),
        ("Convolution3D(8, 3, kernel_dim2=4, kernel_dim3=5)", "Conv3D(8, (3, 4, 5))"),
        (
            "Convolution3D(8, kernel_dim1=3, kernel_dim2=4, kernel_dim3=5, subsample=(1, 1, 2))",
            "Conv3D(8, (3, 4, 5), (1, 1, 2))",
        ),
        (
            "Convolution3D(nb_filter=8, kernel_dim1=3, kernel_dim2=4, kernel_dim3=5, border_mode='same')",
            "Conv3D(8, (3, 4, 5), padding='same')",
        ),
        ("AtrousConvolution1D(8, 3, atrous_rate=2)", "Conv1D(8, 3, dilation_rate=2)"),
        ("AtrousConvolution2D(8, 3, 3, atrous_rate=(2, 2))", "Conv2D(8, (3, 3), dilation_rate=2)"),
        ("AtrousConv2D(8, 3, 3)", "Conv2D(8, (3, 3))"),
        ("Deconvolution2D(8, 3, 3, (None, 9, 9, 8), subsample=(2, 2))", "Conv2DTranspose(8, (3, 3), (2, 2))"),
        ("Deconvolution2D(8, 3, 3, output_shape=(None, 9, 9, 8))", "Conv2DTranspose(8, (3, 3))"),
        (
            "SeparableConvolution2D(8, 3, 3, init='he_uniform', depth_multiplier=2)",
            "SeparableConv2D(8, 3, depth_multiplier=2, depthwise_initializer='he_uniform', pointwise_initializer='he_uniform')",
        ),
        ("LocallyConnected2D(8, 3, 3)", "LocallyConnected2D(8, (3, 3))"),
        ("LocallyConnected1D(8, 3, border_mode='valid')", "LocallyConnected1D(8, 3)"),
        (
            "ConvLSTM2D(nb_filter=40, nb_row=3, nb_col=3, border_mode='same', return_sequences=True)",
            "ConvLSTM2D(40, (3, 3), padding='same', return_sequences=True)",
        ),
        (
            "ConvLSTM2D(40, 3, 3, inner_activation='sigmoid', forget_bias_init='zero')",
            "ConvLSTM2D(40, (3, 3), recurrent_activation='sigmoid', unit_forget_bias=False)",
        ),
        ("Dense(64, 'he_uniform', 'relu')", "Dense(64, activation='relu', kernel_initializer='he_uniform')"),
        ("Dense(64, 'relu')", "Dense(64, activation='relu')"),
        ("TimeDistributedDense(4, 'uniform')", "Dense(4, kernel_initializer='uniform')"),
        ("Embedding(10, 4, 'normal', 7)", "Embedding(10, 4, 'normal', input_shape=(7,))"),
        (
            "LSTM(4, 'he_uniform', 'orthogonal', 'one', 'relu', 'sigmoid')",
            "LSTM(4, 'relu', 'sigmoid', kernel_initializer='he_uniform')",
        ),
        ("LSTM(4, forget_bias_init='one')", "LSTM(4)"),
        ("LSTM(4, forget_bias_init='zero')", "LSTM(4, unit_forget_bias=False)"),
        ("LSTM(4, 'tanh', 'sigmoid')", "LSTM(4, 'tanh', 'sigmoid')"),
        ("GRU(4, 'he_uniform', 'identity')", "GRU(4, kernel_initializer='he_uniform', recurrent_initializer='identity')"),
        (
            "SimpleRNN(4, 'he_uniform', 'identity', 'relu')",
            "SimpleRNN(4, 'relu', kernel_initializer='he_uniform', recurrent_initializer='identity')",
        ),
        ("BatchNormalization(1e-5, 0, 1, 0.9)", "BatchNormalization(axis=1, momentum=0.9, epsilon=1e-5)"),
        ("BatchNormalization(mode=0, beta_init='one')", "BatchNormalization(beta_initializer='one')"),
        ("MaxPooling1D(3, 2, 'same')", "MaxPooling1D(3, 2, 'same')"),
        ("MaxPooling1D(pool_length=3, stride=2)", "MaxPooling1D(3, 2)"),
        ("MaxPooling2D((2, 2), (1, 1), 'same')", "MaxPooling2D((2, 2), (1, 1), 'same')"),
        ("UpSampling1D(length=3)", "UpSampling1D(3)"),
        ("ZeroPadding1D({'left_pad': 1, 'right_pad': 2})", "ZeroPadding1D((1, 2))"),
        ("ZeroPadding2D((1, 2, 3, 4))", "ZeroPadding2D(((1, 2), (3, 4)))"),
        ("ZeroPadding2D({'top_pad': 1, 'right_pad': 4})", "ZeroPadding2D(((1, 0), (0, 4)))"),
        ("ZeroPadding2D((1, 2))", "ZeroPadding2D((1, 2))"),
        ("Cropping2D()", "Cropping2D(((0, 0), (0, 0)))"),
        ("Dropout(p=0.3)", "Dropout(0.3)"),
        ("Dropout(-1)", "Dropout(0)"),
        ("Dropout(1.0)", "Dropout(0)"),  # Keras 2.1 drops nothing then
        ("GaussianNoise(sigma=0.3)", "GaussianNoise(0.3)"),
        ("MaxoutDense(4, 2, 'he_uniform')", "MaxoutDense(4, 2, 'he_uniform')"),
        ("Highway('he_uniform', 'relu')", "Highway('he_uniform', 'relu')"),
        ("Activation(LeakyReLU(0.1))", "Activation('leaky_relu', negative_slope=0.1)"),
        ("Dense(3, activation=LeakyReLU())", "Dense(3, Activation('leaky_relu', negative_slope=0.3))"),
        ("Dense(3, activation=ELU(0.5))", "Dense(3, Activation('elu', alpha=0.5))"),
        ("Activation('hard_sigmoid')", "Activation('hard_sigmoid', slope=0.2)"),
        ("Dense(3, activation='hard_sigmoid')", "Dense(3, Activation('hard_sigmoid', slope=0.2))"),
        ("Embedding(10, 4, dropout=0.2)", "DroppingEmbedding(10, 4, 0.2, input_shape=(None,))"),
        ("Embedding(10, 4, dropout=0.0)", "Embedding(10, 4, input_shape=(None,))"),
        ("RNN([LSTMCell(3), GRUCell(4)])", "RNN(StackedRNNCells([LSTMCell(3), GRUCell(4)]))"),
    ],
)
def test_forms_of_calls(call, expected):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        layer = eval(call, {**ALL})
    with use_profile(profile.KERAS_2_1):
        wanted = config(eval(expected, {**TODAY, "GRU": _gru, "GRUCell": lambda n: layers.GRUCell(n, reset_after=False)}))
    for name in ("input_shape",):
        if wanted[name] is None and "Embedding" in call:
            wanted[name] = [None]
    assert config(layer) == wanted
    if told and "RNN" not in call:
        assert config(evaluated(told[-1])) == config(layer)


@pytest.mark.parametrize(
    "call",
    [
        "Conv2D(32, 3, 3)",
        "Conv3D(8, 3, 4, 5)",
        "Dense(64, 'he_uniform', 'relu')",
        "LSTM(4, 'he_uniform')",
        "Embedding(9, 4, 'normal', 7)",
    ],
)
def test_an_order_of_keras_1_is_told(call):
    with pytest.warns(OldSpellingWarning) as told:
        layer = eval(call, {**ALL})
    assert str(told[0].message).startswith(f"{call} is written ")
    assert config(evaluated(told[0])) == config(layer)


@pytest.mark.parametrize(
    "call",
    [
        "Conv2D(32, 3)",
        "Conv2D(32, (3, 3), (2, 2))",
        "Dense(64, 'relu')",
        "LSTM(4, 'tanh')",
        "Dropout(0.5)",
        "MaxPooling2D((2, 2))",
    ],
)
def test_what_minidl_has_too_is_not_told(call):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eval(call, {**ALL})


def _gru(*args, **given):
    return layers.GRU(*args, reset_after=False, **given)


@pytest.mark.parametrize(
    "call, message",
    [
        ("Conv2D(32, 3, 3, padding='same')", "kernel_size as one argument"),
        ("Convolution2D(32, nb_row=3)", "without nb_col"),
        ("Convolution2D(32, 3, 3, 'uniform', init='uniform')", "init twice"),
        ("Convolution2D(32, 3, 3, nb_filter=3)", "multiple values|nb_filter"),
        ("Dense(64, 'uniform', 'relu', None, None, None, None, None, None, True, 3, 4)", "no more than"),
        ("LSTM(4, forget_bias_init='uniform')", "'one' or 'zero'"),
        ("BatchNormalization(mode=1)", "LayerNormalization"),
        ("BatchNormalization(mode=2)", "mode=0"),
        ("Dense(3, activation=PReLU())", "has weights"),
        ("Dense(3, wieghts=[])", "Did you mean 'weights'"),
        ("Dense(3, kernel_initialiser='zeros')", "Did you mean 'kernel_initializer'"),
        ("Dense()", "missing a required argument"),
        ("Dense(3, init='zero', kernel_initializer='zeros')", "init and kernel_initializer"),
        ("SReLU()", "PReLU"),
        ("ParametricSoftplus()", "softplus"),
        ("Recurrent(3)", "RNN"),
        ("ConvRecurrent2D(3)", "ConvLSTM2D"),
        ("Wrapper(Dense(3))", "docs/custom_layer.md"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(call, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        eval(call, dict(vars(old)))


@pytest.mark.parametrize("name", ["Recurrent", "Wrapper"])
def test_a_refused_name_is_no_base_and_nothing_is_one(name):
    refused = getattr(old, name)
    with pytest.raises(ArgumentTypeError, match=name):
        type("Mine", (refused,), {}) if not hasattr(refused, "__mro_entries__") else exec(
            "class Mine(base): pass", {"base": refused}
        )
    assert not isinstance(3, refused)
    assert name in repr(refused)
