"""Element types of inputs: ids reach a layer as integers and are looked at first, numbers in the type the layer computes in."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentTypeError, DataError
from minidl.layers import (
    Activation,
    Concatenate,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    Input,
    Layer,
    Recompute,
    Rescaling,
    Reshape,
)
from minidl.models import Model, Sequential

IDS = np.array([[1, 2, 3], [0, 4, 1]])
NUMBERS = np.array([[0.5, 1.0], [2.0, 3.0]], np.float32)


def two_inputs():
    ids, numbers = Input((3,)), Input((2,))
    return Model([ids, numbers], Concatenate()([Flatten()(Embedding(5, 2)(ids)), numbers]))


def nested():
    inputs = [Input((3,)), Input((2,))]
    return Model(inputs, Dense(1)(two_inputs()(inputs)))


MODELS = {
    "recomputed": lambda: Sequential([Input((3,)), Recompute(Embedding(5, 2)), Flatten(), Dense(1)]),
    "moved": lambda: Sequential([Input((3,)), Reshape((3, 1)), Flatten(), Embedding(5, 2), Flatten(), Dense(1)]),
    "several inputs": two_inputs,
    "nested": nested,
    "nested in a chain": lambda: Sequential([two_inputs(), Dense(1)]),
    "uint8": lambda: Sequential([Input((3,), dtype="uint8"), Embedding(5, 2)]),
    "said to be fractions": lambda: Sequential([Input((3,), dtype="float32"), Embedding(5, 2)]),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_ids_without_a_row_are_refused_wherever_they_enter(make):
    model = make()
    several = isinstance(model.input_shape[0], tuple)
    right, wrong = ([IDS, NUMBERS], [IDS + 1, NUMBERS]) if several else (IDS, IDS + 1)
    assert np.isfinite(model.predict(right)).all()
    for verb in (model.predict, model, model.forward, model.predict_on_batch):
        with pytest.raises(DataError, match=r"id 5 at index \(1, 1.*\); expected 0 to 4, the rows of embedding"):
            verb(wrong)
        with pytest.raises(DataError, match="whole numbers"):
            verb([IDS + 0.5, NUMBERS] if several else IDS + 0.5)


def test_going_back_ends_where_ids_begin():
    model = MODELS["moved"]()
    assert model.backward(np.ones_like(model.forward(IDS))) is None
    assert (model.layers[2].W.grad != 0).any()


def test_ids_behind_a_layer_that_computes_are_explained():
    model = Sequential([Input((3,)), Activation("relu"), Embedding(5, 2)])
    with pytest.raises(ArgumentTypeError, match=r"embedding_1.*float32; expected ids.*Flatten and Reshape"):
        model.predict(IDS)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "float64"])
@pytest.mark.parametrize("fuse", [True, False])
def test_layers_compute_in_their_own_type_whatever_comes(dtype, fuse):
    def losses(said):
        minidl.set_seed(1)
        x = h = Input((4, 4, 1), dtype=said)
        for layer in (Rescaling(0.5), Conv2D(2, 3), Flatten(), Dense(2)):
            h = layer(h)
        models = Model(x, h), Sequential([Input((3,), dtype=said), Dense(4, activation="relu"), Dense(2)])
        found = []
        for model in models:
            data = np.arange(2 * np.prod(model.input_shape)).reshape(2, *model.input_shape) % 2
            model.compile("sgd", "mse", fuse=fuse)
            found.append(model.fit(data.astype(said or "float32"), NUMBERS, epochs=2, verbose=0).history["loss"])
            assert model.predict(data).dtype == model(data).dtype == np.float32
        return found

    assert losses(dtype) == losses(None)


def test_one_input_may_be_ids_for_one_layer_and_numbers_for_another():
    x = Input((3,))
    h = Flatten()(x)
    for model in (
        Model(x, [Dense(2, name="a")(h), Embedding(5, 2)(x)]),
        Model(x, [Embedding(5, 2)(h), Dense(2, name="a")(x)]),
    ):
        results = model.predict(IDS)
        assert [y.dtype for y in results] == [np.float32, np.float32]
        dense = model.get_layer("a")
        np.testing.assert_allclose(results[[y.ndim for y in results].index(2)], IDS @ dense.W.value, rtol=1e-5)


class Row(Layer):
    """A learner's table, without a word on the type of its input."""

    def build(self, input_shape):
        self.W = self.new_parameter("W", (5, 2), "glorot_uniform")

    def output_shape(self, input_shape):
        return (*input_shape, 2)

    def apply(self, x, context):
        return self.W.value[x], None

    def gradient(self, dy, saved, need_dx=True):
        return None


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: Sequential([row]), lambda row: Recompute(row)])
def test_a_layer_of_ones_own_gets_what_input_says(wrap):
    row = Row()
    x = Input((3,), dtype="int32")
    for model in (Sequential([Input((3,), dtype="int32"), wrap(row)]), Model(x, wrap(Row())(x)), Model(x, wrap(row)(x))):
        assert model.predict(IDS).shape == (2, 3, 2)
