"""Branches in the words of Keras 1 and 2: ``Merge``, ``merge``, ``add`` and the others."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl import layers as today
from minidl.compat.keras import layers as old
from minidl.compat.keras.models import Model, Sequential
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning

GENERATOR = np.random.default_rng(3)
A, B = GENERATOR.normal(size=(5, 4)).astype("float32"), GENERATOR.normal(size=(5, 4)).astype("float32")
PAIRS = GENERATOR.normal(size=(2, 5, 3, 4)).astype("float32")


def merged(result, *inputs):
    """The numbers of a function of symbols."""
    symbols = [old.Input(shape=x.shape[1:]) for x in inputs]
    with pytest.warns(OldSpellingWarning) as told:
        y = result(symbols)
    return Model(symbols, y).predict(list(inputs)), str(told[-1].message)


MODES = [
    ({"mode": "sum"}, A + B, "Add()"),
    ({}, A + B, "Add()"),
    ({"mode": "mul"}, A * B, "Multiply()"),
    ({"mode": "ave"}, (A + B) / 2, "Average()"),
    ({"mode": "max"}, np.maximum(A, B), "Maximum()"),
    ({"mode": "concat"}, np.concatenate([A, B], 1), "Concatenate()"),
    ({"mode": "concat", "concat_axis": 1}, np.concatenate([A, B], 1), "Concatenate(axis=1)"),
    ({"mode": "dot"}, (A * B).sum(1, keepdims=True), "Dot(-1)"),
    ({"mode": "dot", "dot_axes": 1}, (A * B).sum(1, keepdims=True), "Dot(1)"),
    (
        {"mode": "cos", "dot_axes": 1},
        (A * B).sum(1, keepdims=True) / (np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1))[:, None],
        "Dot(1, normalize=True)",
    ),
]


@pytest.mark.parametrize("given, expected, layer", MODES)
def test_merge_of_symbols(given, expected, layer):
    found, told = merged(lambda symbols: old.merge(symbols, **given), A, B)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert told == f"merge([...]) is written {layer}([...]) in minidl"
    found, _ = merged(lambda symbols: old.Merge(**given)(symbols), A, B)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axes, expected", [((2, 2), "nik,njk->nij"), ([1, 1], "nki,nkj->nij"), (2, "nik,njk->nij")])
def test_merge_by_products_of_matrices(axes, expected):
    found, _ = merged(lambda symbols: old.merge(symbols, mode="dot", dot_axes=axes), *PAIRS)
    np.testing.assert_allclose(found, np.einsum(expected, *PAIRS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("given, expected, layer", MODES)
def test_merge_of_models_as_the_first_layer(given, expected, layer):
    branches = [Sequential([old.Activation("linear", input_shape=(4,))]) for _ in range(2)]
    model = Sequential()
    with pytest.warns(OldSpellingWarning) as told:
        model.add(old.Merge(branches, **given))
    assert str(told[-1].message).endswith(f"{layer}([their outputs])) in minidl")
    np.testing.assert_allclose(model.predict([A, B]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_two_branches_learn():
    np.random.seed(1)  # noqa: NPY002  (what scripts do)
    left, right = Sequential(), Sequential()
    left.add(old.Dense(8, input_dim=4, activation="tanh"))
    right.add(old.Dense(8, input_shape=(4,), activation="tanh"))
    joined = old.Merge([left, right], mode="concat", concat_axis=1)
    assert joined.layers[:2] == [left, right]
    assert isinstance(joined, old.Merge)
    assert type(joined).__name__ == "Merge"
    assert joined.name.startswith("merge_")
    model = Sequential()
    model.add(joined)
    model.add(old.Dense(1, activation="sigmoid"))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    y = (A[:, :1] * B[:, :1] > 0).astype("float32")
    before = model.evaluate([A, B], y, verbose=0)[0]
    weights = left.get_weights()
    model.fit([A, B], y, epochs=60, verbose=0)
    assert model.evaluate([A, B], y, verbose=0)[0] < 0.9 * before
    assert np.abs(left.get_weights()[0] - weights[0]).max() > 0.01
    assert model.count_params() == 2 * (4 * 8 + 8) + 17
    assert model.layers[0] is joined


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_a_model_that_stands_twice_has_one_input():
    one = Sequential([old.Activation("linear", input_shape=(4,))])
    joined = old.Merge([one, one], mode="sum")
    assert len(joined.inputs) == 1
    np.testing.assert_allclose(joined.predict(A), 2 * A)


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_an_input_that_several_branches_begin_with_is_asked_for_once():
    """As in the memory network of Keras 1: the question stands in the match and again beside the response."""
    story, question, again = (Sequential([old.Dense(4, input_dim=4)]) for _ in range(3))
    match = Sequential([old.Merge([story, question], mode="sum"), old.Activation("tanh")])
    response = Sequential([old.Merge([match, again], mode="sum")])
    answer = Sequential([old.Merge([response, question], mode="concat"), old.Dense(1)])
    assert len(answer.inputs) == 3
    s, q, c = A, B, A[::-1].copy()
    expected = np.concatenate([np.tanh(story.predict(s) + question.predict(q)) + again.predict(c), question.predict(q)], 1)
    W, b = answer.layers[1].get_weights()
    np.testing.assert_allclose(answer.predict([s, q, c]), expected @ W + b, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_branches_of_words_and_of_several_inputs():
    words = Sequential([old.Embedding(50, 6, input_length=1), old.Reshape((6,))])
    x, z = old.Input((3,)), old.Input((3,))
    several = Model([x, z], old.Dense(6)(old.add([x, z])))
    with pytest.warns(DataWarning, match="dot_axes=0 is the axis of the batch"):
        model = Sequential([old.Merge([words, several], mode="dot", dot_axes=0), old.Dense(1)])
    model.compile("adam", "mse")
    data = [GENERATOR.integers(0, 50, (7, 1)), *GENERATOR.normal(size=(2, 7, 3))]
    model.fit(data, np.ones(7), verbose=0)
    assert model.predict(data).shape == (7, 1)


FUNCTIONS = [
    ("add", {}, A + B, "Add()"),
    ("subtract", {}, A - B, "Subtract()"),
    ("multiply", {}, A * B, "Multiply()"),
    ("average", {}, (A + B) / 2, "Average()"),
    ("maximum", {}, np.maximum(A, B), "Maximum()"),
    ("minimum", {}, np.minimum(A, B), "Minimum()"),
    ("concatenate", {}, np.concatenate([A, B], 1), "Concatenate()"),
    ("concatenate", {"axis": 1}, np.concatenate([A, B], 1), "Concatenate(axis=1)"),
    ("dot", {"axes": 1}, (A * B).sum(1, keepdims=True), "Dot(1)"),
    (
        "dot",
        {"axes": -1, "normalize": True},
        (A * B).sum(1, keepdims=True) / (np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1))[:, None],
        "Dot(-1, normalize=True)",
    ),
]


@pytest.mark.parametrize("name, given, expected, layer", FUNCTIONS)
def test_functions(name, given, expected, layer):
    found, told = merged(lambda symbols: getattr(old, name)(symbols, **given), A, B)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert told == f"{name}([...]) is written {layer}([...]) in minidl"
    assert getattr(old, name).__name__ == name


def test_a_function_of_the_script_joins():
    def difference(x, times=1):
        return times * (x[0] - x[1])

    found, told = merged(lambda symbols: old.merge(symbols, mode=difference, output_shape=(4,), arguments={"times": 2}), A, B)
    np.testing.assert_allclose(found, 2 * (A - B), rtol=1e-5)
    assert told == "merge([...]) is written Lambda(function)([...]) in minidl"
    branches = [Sequential([old.Activation("linear", input_shape=(4,))]) for _ in range(2)]
    with pytest.warns(OldSpellingWarning, match=r"Lambda\(function\)\(\[their outputs"):
        joined = old.Merge(branches, mode=difference, output_shape=lambda shapes: shapes[0])
    np.testing.assert_allclose(joined.predict([A, B]), A - B, rtol=1e-5)


def test_functions_name_their_layers():
    with pytest.warns(OldSpellingWarning, match=r"Add\(name='both'\)"):
        assert old.add([old.Input((4,)), old.Input((4,))], name="both").layer.name == "both"
    with pytest.warns(OldSpellingWarning):
        assert old.merge([old.Input((4,)), old.Input((4,))], mode="sum").layer.name.startswith("merge_")


def test_layers_of_2_1_join_symbols():
    x, z = old.Input((4,)), old.Input((4,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = old.Add()([x, z])
    assert isinstance(y.layer, today.Add)


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: old.Merge(mode="summ"), "Did you mean 'sum'"),
        (lambda: old.Merge([Sequential()]), "two or more models"),
        (lambda: old.Merge([Sequential([old.Dense(2, input_shape=(2,))]), old.Dense(2)]), "Dense in the list.*for symbols"),
        (lambda: old.Merge(3), "two or more models"),
        (lambda: old.Merge(modes="sum"), "Did you mean 'mode'"),
    ],
)
def test_what_cannot_be_merged(call, message):
    with pytest.raises((ArgumentError, ArgumentTypeError, RuntimeError), match=message):
        call()


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_what_says_nothing_here_is_harmless():
    more = {"output_shape": (4,), "output_mask": None, "arguments": None, "node_indices": [0, 0], "tensor_indices": [0, 0]}
    assert old.Merge.harmless == {"node_indices", "tensor_indices"}
    assert old.Merge(mode="sum", **more).get_config().keys() == today.Add().get_config().keys()


# -- inputs --------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_inputs():
    x = old.Input(shape=(4,))
    assert (x.shape, x.dtype) == ((None, 4), None)
    assert x.name.startswith("input_")
    ids = old.Input((7,), dtype="int32", name="words")
    assert (ids.shape, ids.dtype, ids.name) == ((None, 7), "int32", "words")
    assert old.Input(batch_shape=(32, 7)).shape == (None, 7)
    assert old.topology.batch_size_of(old.Input(batch_shape=(32, 7))) == 32
    assert old.topology.batch_size_of(x) is None
    model = Sequential([old.InputLayer(input_shape=(4,)), old.Dense(2)])
    assert model.predict(A).shape == (5, 2)
    assert Sequential([old.InputLayer(batch_input_shape=(3, 4)), old.Dense(2)]).count_params() == 10
    assert old.topology.batch_size_of(old.InputLayer(input_shape=(4,), batch_size=6)) == 6
    with pytest.warns(
        OldSpellingWarning, match=r"Input\(input_dtype='int32', shape=\(4,\)\) is written Input\(.*dtype='int32'"
    ):
        assert old.Input(input_dtype="int32", shape=(4,)).dtype == "int32"


@pytest.mark.parametrize(
    "given, message",
    [
        ({"sparse": True}, "toarray"),
        ({"tensor": 3}, "data that comes as arrays"),
        ({}, "shape, without the batch axis"),
        ({"shpae": (3,)}, "Did you mean 'shape'"),
        ({"dtype": "string", "shape": (3,)}, "one of float32"),
    ],
)
def test_inputs_that_are_refused(given, message):
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        old.Input(**given)
