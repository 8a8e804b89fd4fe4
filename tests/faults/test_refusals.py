"""Refusals that no other test meets: one row for each, held to its class and to its words, and that nothing has changed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import LearningRateScheduler
from minidl.data.arrays import _shape_fix
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, NotBuiltError, ShapeError, StateError
from minidl.layers import (
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GRUCell,
    Input,
    LSTMCell,
    MaxPooling2D,
    Reshape,
    StackedRNNCells,
)
from minidl.layers.context import Context
from minidl.losses import MeanSquaredError
from minidl.models import Model, Sequential, clone_model
from minidl.optimizers import SGD, AdamW
from minidl.testing import check_gradients

X, Y = np.ones((6, 3), np.float32), np.zeros(6, np.int64)


def dense() -> Sequential:
    minidl.set_seed(1)
    return Sequential([Dense(2, input_shape=(3,))])


def two_outputs() -> Model:
    minidl.set_seed(1)
    x = Input((3,))
    return Model(x, {"a": Dense(2, name="one")(x), "b": Dense(1, name="two")(x)})


def two_inputs() -> Model:
    x, y = Input((3,)), Input((3,))
    return Model([x, y], Add()([x, y]))


def compiled() -> Sequential:
    model = dense()
    model.add(Activation("softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


ROWS: dict[str, tuple[Callable[[], Any], type[MinidlError], str]] = {
    # compile, for several outputs
    "loss_weights of one output": (
        lambda: dense().compile("sgd", "mse", loss_weights=[1.0]),
        ArgumentError,
        "compile: received loss_weights for a model with one output; expected no weights",
    ),
    "one list of metrics for two outputs": (
        lambda: two_outputs().compile("sgd", "mse", metrics=["mae"]),
        ArgumentError,
        "received 1 metrics for 2 outputs; expected an entry for each output, in a list or by name",
    ),
    "a loss for an output that is not there": (
        lambda: two_outputs().compile("sgd", {"a": "mse", "bb": "mse"}),
        ArgumentError,
        "received loss of 'bb'; expected the outputs a, b. Did you mean 'b'?",
    ),
    "three losses for two outputs": (
        lambda: two_outputs().compile("sgd", ["mse"] * 3),
        ArgumentError,
        "received 3 entries in loss; expected 2, one for each output (a, b)",
    ),
    "one weight for two outputs": (
        lambda: two_outputs().compile("sgd", "mse", loss_weights=2.0),
        ArgumentTypeError,
        "as loss_weights; expected a list or dictionary for the outputs a, b",
    ),
    # layers
    "an axis that is no integer, of Concatenate": (
        lambda: Concatenate(axis=True),
        ArgumentTypeError,
        "Concatenate: received axis=True; expected an integer",
    ),
    "one input for Concatenate": (
        lambda: Concatenate().output_shape((3,)),
        ShapeError,
        "received inputs of shapes (3,); expected two or more inputs with equally many axes",
    ),
    "inputs of different ranks for Concatenate": (
        lambda: Concatenate()([Input((3,)), Input((3, 2))]),
        ShapeError,
        "received inputs of shapes ((3,), (3, 2)); expected two or more inputs with equally many axes",
    ),
    "an axis that Concatenate's inputs do not have": (
        lambda: Concatenate(axis=2)([Input((3,)), Input((3,))]),
        ShapeError,
        "received axis=2 for samples with 1 axes; expected 1 to 1, or negative (0 is the batch)",
    ),
    "the batch axis, of Concatenate": (
        lambda: Concatenate(axis=0)([Input((3,)), Input((3,))]),
        ShapeError,
        "received axis=0 for samples with 1 axes",
    ),
    "an axis that is no integer, of BatchNormalization": (
        lambda: BatchNormalization(axis=1.0),
        ArgumentTypeError,
        "BatchNormalization: received axis=1.0; expected an integer",
    ),
    "samples of other channels for BatchNormalization": (
        lambda: built(BatchNormalization(), (4, 4, 3)).output_shape((4, 4, 2)),
        ShapeError,
        "received samples of shape (4, 4, 2); expected 3 channels on axis -1",
    ),
    "sizes that are no integers, of Reshape": (
        lambda: Reshape((2.0, 3)),
        ArgumentTypeError,
        "Reshape: received target_shape=(2.0, 3); expected a tuple of integers",
    ),
    "samples without axes for Dense": (
        lambda: Dense(2).output_shape(()),
        ShapeError,
        "received samples without axes; expected at least one axis. To fix it: x[:, None]",
    ),
    "initial states of another size, of Bidirectional": (
        lambda: Bidirectional(LSTM(4)).output_shape(((5, 3), (4,), (4,), (4,), (2,))),
        ShapeError,
        "received initial states of shapes ((4,), (4,), (4,), (2,)); expected ((4,), (4,), (4,), (4,)), without the batch axis",
    ),
    "states of another size, of a cell": (
        lambda: LSTMCell(4).output_shape(((3,), (4,), (2,))),
        ShapeError,
        "received inputs of shapes ((3,), (4,), (2,)); expected x (features,), and states of shapes ((4,), (4,))",
    ),
    "a sequence for a cell": (
        lambda: GRUCell(4).output_shape(((5, 3), (4,))),
        ShapeError,
        "expected x (features,), and states of shapes ((4,),)",
    ),
    "x of another size than a cell was built for": (
        lambda: built(GRUCell(4), ((3,), (4,))).output_shape(((2,), (4,))),
        ShapeError,
        "received x of shape (2,); expected (3,), as it was built for",
    ),
    "states of another size, of cells on each other": (
        lambda: StackedRNNCells([GRUCell(4), GRUCell(2)]).output_shape(((3,), (4,), (4,))),
        ShapeError,
        "received inputs of shapes ((3,), (4,), (4,)); expected x, and states of shapes ((4,), (2,))",
    ),
    "one input of two": (
        lambda: two_inputs().network.output_shape(((3,),)),
        ShapeError,
        "received 1 inputs; expected 2",
    ),
    "a name that is no text, of an input": (
        lambda: Input((3,), name=3),
        ArgumentTypeError,
        "Input: received name=3; expected a non-empty string",
    ),
    "a symbol as two": (
        lambda: [*Input((3,))],
        ArgumentTypeError,
        "received one result to be taken apart; expected a layer with several results, such as return_state=True",
    ),
    "a symbol by itself into a file": (
        lambda: pickle.dumps(Input((3,))),
        ArgumentTypeError,
        "received a symbol to be copied or pickled by itself; expected the model it belongs to",
    ),
    "a use that a layer does not have": (
        lambda: (model := two_outputs()).get_layer("one").get_output_at(len(model.outputs)),
        StateError,
        "get_output_at(2): received a layer with 1 uses; expected one of them",
    ),
    # models
    "a copy of no model": (lambda: clone_model(Dense(2)), ArgumentTypeError, "clone_model: received"),
    "an input that is no description": (
        lambda: Model.from_config({**two_outputs().get_config(), "inputs": [3]}),
        ArgumentTypeError,
        "received the input 3; expected a dictionary with its shape",
    ),
    "names that are no texts": (
        lambda: Model.from_config({**two_outputs().get_config(), "output_names": ["a", ""]}),
        ArgumentTypeError,
        "received the names ['a', '']; expected non-empty texts",
    ),
    "a name for two outputs": (
        lambda: Model.from_config({**two_outputs().get_config(), "output_names": ["a", "a"]}),
        ArgumentError,
        "received the names ['a', 'a']; expected different ones",
    ),
    "the gradient of two results": (
        lambda: two_outputs().input_gradient(X),
        ArgumentTypeError,
        "received a model with several results; expected one. To fix it: Model(model.input, one output)",
    ),
    "the gradient of an input of ids": (
        lambda: Sequential([Embedding(5, 2, input_shape=(3,)), Flatten(), Dense(1)]).input_gradient(X.astype(int)),
        ArgumentTypeError,
        "received an input of ids, which has no gradient; expected numbers",
    ),
    "the gradient of an output that is not there": (
        lambda: dense().input_gradient(X, output=2),
        ArgumentError,
        "received output=2; expected 0 to 1, or None",
    ),
    "the gradient of outputs weighted by another shape": (
        lambda: dense().input_gradient(X, output=np.ones((6, 3))),
        ShapeError,
        "received shape (6, 3); expected (6, 2), that of the results",
    ),
    # optimizers, testing
    "names that are no texts, without decay": (
        lambda: AdamW().exclude_from_weight_decay(var_names=[3]),
        ArgumentTypeError,
        "received var_names=[3]; expected a list of names",
    ),
    "a compiled model to be checked without targets": (
        lambda: check_gradients(compiled(), X),
        ArgumentTypeError,
        "received a compiled model without y; expected its targets. To fix it: check_gradients(model, x, y)",
    ),
}


def built(layer: Any, shape: Any) -> Any:
    layer.ensure_built(shape)
    return layer


@pytest.mark.parametrize("mistake", ROWS)
def test_what_is_refused_says_why(mistake: str) -> None:
    function, kind, words = ROWS[mistake]
    with pytest.raises(kind) as raised:
        function()
    assert words in str(raised.value)


@pytest.mark.parametrize("make", [dense, two_inputs, lambda: Sequential([Dense(2, input_shape=(3,)), Activation("relu")])])
def test_one_forward_pass_serves_one_gradient(make: Callable[[], Any]) -> None:
    network = make().network
    x = (X, X) if network.takes_many else X
    y, saved = network.apply(x, Context(training=True))
    network.gradient(y, saved)
    with pytest.raises(StateError, match="a forward pass that was already used; expected one forward before each gradient"):
        network.gradient(y, saved)


def test_a_step_wants_a_network_that_is_built() -> None:
    from minidl.training.step import Step

    with pytest.raises(NotBuiltError, match="fit: received a model without an input shape"):
        Step(Dense(2), MeanSquaredError(), SGD(), [])


@pytest.mark.parametrize(
    "received, expected, fix",
    [
        ((28, 28), (28, 28, 1), "x[None, ..., None], if this is a single image without a channel axis"),
        ((5, 28, 28), (28, 28, 1), "x[..., None], which adds the channel axis"),
        ((5, 3), (1, 3), "leave the batch axis out of the input shape: (3,), not (1, 3)"),
        ((5, 8, 8, 3), (2, 8, 8, 3), "leave the batch axis out of the input shape: (8, 8, 3), not (2, 8, 8, 3)"),
        ((5, 28, 28), (1, 28, 28), "x[:, None], which adds the channel axis"),
        ((5,), (1,), "x[:, None], which makes a column of it"),
        ((5, 4, 3), (12,), "x.reshape(-1, 12)"),
        ((5, 3, 8, 8), (8, 8, 3), "check the channel order"),
        ((8, 8, 3), (8, 8, 3), "x[None, ...], if this is a single sample; if its first axis is the batch: leave that out"),
        ((5, 3), (5, 3), "x[None, ...], if this is a single sample"),
        ((5, 3), (5, 3, 2), ""),
    ],
)
def test_what_to_try_with_a_shape(received: Any, expected: Any, fix: str) -> None:
    found = _shape_fix(received, expected)
    assert found.startswith(fix) if fix else found == ""


def test_a_schedule_written_in_c_that_does_not_tell_its_arguments() -> None:
    """It is given the epoch alone."""
    model = compiled()
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[LearningRateScheduler(int)])
    assert history.history["learning_rate"] == [0.0, 1.0]


def test_a_relu_layer_and_the_pool_behind_it_change_places() -> None:
    """Where no layer of sums takes the ReLU in: max(relu(x)) = relu(max(x))."""
    found = []
    for fuse in (True, False):
        minidl.set_seed(2)
        model = Sequential([Activation("relu", input_shape=(6, 6, 2)), MaxPooling2D(2), Conv2D(2, 2), Flatten()])
        model.add(Dense(2, activation="softmax"))
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
        x = np.random.default_rng(3).standard_normal((6, 6, 6, 2), np.float32)
        model.fit(x, Y, epochs=2, batch_size=2, shuffle=False, verbose=0)
        names = [type(layer).__name__ for layer in model._compiled_step().network.sublayers()][:2]
        assert names == (["MaxPooling2D", "Activation"] if fuse else ["Activation", "MaxPooling2D"])
        found.append([*model.get_weights(), model.predict(x)])
    for ours, plain in zip(*found):
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)
