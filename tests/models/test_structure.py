"""Models of models: nested ones are layers and stay themselves, parts can be taken out, and depth has no limit."""

from __future__ import annotations

import copy
import gc
import pickle
import time
import weakref

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, StateError
from minidl.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
)
from minidl.layers.graph import Graph
from minidl.models import Model, Sequential, clone_model

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def nested():
    inner = Sequential([Dense(5, activation="relu", input_shape=(4,)), Dropout(0.3)], name="inner")
    return inner, Sequential([inner, Dense(3, activation="softmax")], name="outer")


def test_a_model_that_keras_would_call_is_explained():
    with pytest.raises(ArgumentTypeError, match=r"Mine: received a model with Keras's method call; expected Model\(inputs"):

        class Mine(Model):
            def call(self, x):
                return x


# -- nested models -----------------------------------------------------------------------------------------------------


def test_a_model_in_a_model_is_that_model():
    inner, outer = nested()
    assert outer.layers[0] is inner
    assert outer.get_layer("inner") is inner
    x = Input((4,))
    graph = Model(x, Dense(2)(inner(x)))
    assert graph.layers[0] is inner
    assert graph.get_layer(index=0) is inner
    assert graph.parameters[:2] == inner.parameters == outer.parameters[:2]


def test_training_the_outer_model_trains_the_inner_one():
    inner, outer = nested()
    before = inner.predict(X)
    outer.compile("sgd", "sparse_categorical_crossentropy")
    outer.fit(X, [0, 1, 2, 0, 1, 2], verbose=0)
    assert (inner.predict(X) != before).any()
    inner.trainable = False
    frozen = [w.copy() for w in inner.get_weights()]
    outer.fit(X, [0, 1, 2, 0, 1, 2], verbose=0)
    for w, old in zip(inner.get_weights(), frozen):
        np.testing.assert_array_equal(w, old)


def test_a_copy_of_a_nested_model_is_nested_too():
    inner, outer = nested()
    for other in (copy.deepcopy(outer), pickle.loads(pickle.dumps(outer))):
        assert isinstance(other.layers[0], Sequential)
        assert other.layers[0] is not inner
        assert other.layers[0].name == "inner"
        assert other.layers[0].parameters == other.parameters[:2]
        np.testing.assert_array_equal(other.predict(X), outer.predict(X))


def test_an_inner_model_is_freed_with_the_outer_one():
    """No cycle holds them: big models would stay in memory until the collector comes."""
    gc.collect()
    gc.disable()
    try:
        inner, outer = nested()
        outer.compile("sgd", "mse")
        outer.predict(X)
        references = [weakref.ref(inner.network), weakref.ref(outer.network), weakref.ref(outer.network.layers[1])]
        del inner, outer
        assert [r() for r in references] == [None] * 3
        x = Input((4,))
        graph = Model(x, Add()([Dense(4)(x), x]))
        graph.compile("sgd", "mse")
        references = [weakref.ref(graph.network), weakref.ref(graph.layers[0])]
        del graph, x
        assert [r() for r in references] == [None] * 2
    finally:
        gc.enable()


def test_a_layer_in_two_compiled_models():
    shared = Dense(3, activation="tanh")
    one, two = Sequential([shared, Dense(1)]), Sequential([shared, Dense(2)])
    one.build((4,))
    two.build((4,))
    one.compile("adam", "mse")
    two.compile("sgd", "mse")
    for _ in range(2):
        before = shared.W.value.copy()
        one.train_on_batch(X, X[:, :1])
        assert (shared.W.value != before).any()
        before = shared.W.value.copy()
        two.train_on_batch(X, X[:, :2])
        assert (shared.W.value != before).any()


# -- parts of models ---------------------------------------------------------------------------------------------------


def test_features_are_a_model_from_the_input_to_a_layer():
    model = Sequential([Conv2D(2, 3, activation="relu", input_shape=(5, 5, 1)), Flatten(), Dense(3, name="last")])
    images = np.random.default_rng(1).random((2, 5, 5, 1), dtype=np.float32)
    features = Model(model.input, model.get_layer("conv2d_1").output)
    np.testing.assert_allclose(features.predict(images), model.layers[0](images), rtol=1e-6)
    both = Model(model.inputs, [model.get_layer("flatten_1").output, model.output])
    assert list(both.output_shape) == [(18,), (3,)]
    assert both.output_names == ["flatten_1", "last"]
    assert features.parameters == model.layers[0].parameters


def test_features_of_a_graph_and_behind_a_given_result():
    x = Input((4,))
    h = Dense(5, activation="tanh", name="hidden")(x)
    model = Model(x, Dense(2)(h))
    hidden = Model(model.input, model.get_layer("hidden").output).predict(X)
    rest = Model(model.get_layer("hidden").output, model.output)
    np.testing.assert_allclose(rest.predict(hidden), model.predict(X), rtol=1e-6)


def test_a_layer_used_twice_has_no_one_output():
    x = Input((4,))
    twice = Dense(4)
    model = Model(x, Add()([twice(x), twice(twice.output if False else x)]))
    assert len(model.layers) == 2
    with pytest.raises(StateError, match="used 2 times"):
        _ = twice.output
    assert twice.get_output_at(1).shape == (4,)
    with pytest.raises(StateError, match="in no graph"):
        _ = Dense(2).output


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda m: m.get_layer("dense_9"), ArgumentError, ["dense_9", "inner", "dense_1"]),
        (lambda m: m.get_layer(index=7), ArgumentError, ["index=7", "0 to 1"]),
        (lambda m: m.get_layer(), ArgumentTypeError, ["one of them"]),
        (lambda m: Sequential([Dense(2)]).input, NotBuiltError, ["input"]),
    ],
)
def test_what_is_not_there_is_named(call, kind, words):
    with pytest.raises(kind) as raised:
        call(nested()[1])
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)


# -- depth -------------------------------------------------------------------------------------------------------------


@pytest.mark.more
def test_a_graph_of_a_thousand_layers_copies_pickles_and_trains():
    x = h = Input((4,))
    for _ in range(1000):
        h = Dense(4, kernel_initializer="orthogonal")(h)
    model = Model(x, h)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, X))
    assert len(pickle.loads(pickle.dumps(model)).layers) == 1000


# -- several results ---------------------------------------------------------------------------------------------------


class TwoParts(Layer):
    """x cut in two; counts how often its second result was asked for a gradient."""

    def output_shape(self, input_shape):
        half = input_shape[0] // 2
        return (half,), (input_shape[0] - half,)

    def apply(self, x, context):
        half = x.shape[1] // 2
        return (x[:, :half], x[:, half:]), None

    def gradient(self, dy, saved, need_dx=True):
        return np.concatenate(dy, axis=1)


def test_a_layer_may_give_several_results():
    x = Input((5,))
    a, b = TwoParts()(x)
    assert (a.shape, b.shape) == ((2,), (3,))
    model = Model(x, Concatenate()([b, a]))
    data = np.arange(10, dtype="float32").reshape(2, 5)
    np.testing.assert_array_equal(model.predict(data), data[:, [2, 3, 4, 0, 1]])
    dy = np.ones((2, 5), np.float32)
    model.forward(data)
    np.testing.assert_array_equal(model.backward(dy), dy)


def test_a_result_that_nobody_uses_has_gradient_zero():
    x = Input((5,))
    _, b = TwoParts()(x)
    model = Model(x, b)
    data = np.ones((2, 5), np.float32)
    model.forward(data)
    np.testing.assert_array_equal(model.backward(np.ones((2, 3), np.float32)), [[0, 0, 1, 1, 1]] * 2)


def test_several_results_by_hand():
    layer = TwoParts()
    y = layer.forward(np.ones((2, 4)))
    dx = layer.backward([np.zeros((2, 2)), np.ones((2, 2))])
    np.testing.assert_array_equal(dx, [[0, 0, 1, 1]] * 2)
    assert [part.shape for part in y] == [(2, 2), (2, 2)]


def test_results_come_in_the_order_in_which_they_were_listed():
    """Not in that of their computation; one that is listed twice, or read further on, gets all of its gradients."""
    x = Input((4,))
    first = Dense(2, name="first")(x)
    second = Dense(3, name="second")(first)
    model = Model(x, [second, first, second])
    assert model.output_names == ["second", "first", "second_1"]
    a, b, c = model.predict(X)
    np.testing.assert_allclose(b, model.get_layer("first")(X), rtol=1e-6)
    np.testing.assert_allclose(a, model.get_layer("second")(b), rtol=1e-6)
    np.testing.assert_array_equal(a, c)
    model.forward(X)
    dy = [np.ones((6, 3)), np.ones((6, 2)), np.full((6, 3), 2.0)]
    dx = model.backward(dy)
    W, V = (layer.W.value for layer in model.layers)
    np.testing.assert_allclose(dx, (3 * np.ones((6, 3)) @ V.T + 1) @ W.T, rtol=1e-5)
    np.testing.assert_allclose(model.get_layer("second").b.grad, 18)


# -- the plan ----------------------------------------------------------------------------------------------------------


def plan_of(model):
    step = model._compiled_step()
    return step.network, step.loss


def test_the_plan_sees_through_graphs_and_nested_models():
    minidl.set_seed(1)
    inner = Sequential([Conv2D(3, 3, padding="same", input_shape=(6, 6, 2)), Activation("relu")])
    x = Input((6, 6, 2))
    h = Add()([inner(x), Conv2D(3, 1)(x)])
    y = Activation("softmax")(Dense(3)(Flatten()(h)))
    model = Model(x, y)
    model.compile("sgd", "categorical_crossentropy")
    network, loss = plan_of(model)
    assert loss.from_logits, "softmax and loss are one"
    classes = [type(use.layer).__name__ for use in network.uses]
    assert classes == ["Conv2D", "Conv2D", "Add", "Flatten", "Dense"]
    assert sorted(use.layer.activation.activation for use in network.uses[:2]) == ["linear", "relu"]
    images = np.random.default_rng(2).random((4, 6, 6, 2), dtype=np.float32)
    targets = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    losses = {}
    for fuse in (True, False):
        other = copy.deepcopy(model)
        other.compile("sgd", "categorical_crossentropy", fuse=fuse)
        assert isinstance(plan_of(other)[0], Graph)
        losses[fuse] = [other.train_on_batch(images, targets) for _ in range(3)], other.get_weights()
    np.testing.assert_allclose(losses[True][0], losses[False][0], rtol=1e-5)
    for a, b in zip(losses[True][1], losses[False][1]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_result_that_is_read_twice_is_not_absorbed():
    x = Input((4,))
    z = Dense(4)(x)
    model = Model(x, Add()([Activation("relu")(z), z]))
    model.compile("sgd", "mse")
    assert plan_of(model)[0] is model.network


def test_an_output_is_not_absorbed_by_what_reads_it():
    """Both are results: the sums, and their ReLU."""
    x = Input((4,))
    z = Dense(4)(x)
    model = Model(x, [z, Activation("relu")(z)])
    model.compile("sgd", "mse")
    assert plan_of(model)[0] is model.network
    sums, positive = model.predict(X)
    np.testing.assert_array_equal(positive, np.maximum(sums, 0))
    assert sums.min() < 0
    step = model._compiled_step()
    y, _ = step.network.apply(X)
    np.testing.assert_array_equal(y[0], sums)


def test_a_softmax_that_something_else_reads_is_not_taken_off():
    """What reads it reads probabilities, not logits."""
    x = Input((4,))
    p = Dense(3, activation="softmax")(x)
    model = Model(x, [p, Dense(1)(p)])
    y = [np.eye(3)[[0, 1, 2, 0, 1, 2]], X[:, :1]]
    found = []
    for fuse in (True, False):
        model.compile("sgd", ["categorical_crossentropy", "mse"], fuse=fuse)
        found.append(model.evaluate(X, y, verbose=0))
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_only_the_activation_that_the_loss_merges_is_taken_off():
    """A sigmoid in front of a categorical cross-entropy, and a softmax of another output, stay where they are."""
    x = Input((4,))
    one, two = Dense(3, activation="sigmoid")(x), Dense(3, activation="softmax")(x)
    model = Model(x, [one, two])
    labels = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    found = []
    for fuse in (True, False):
        model.compile("sgd", ["categorical_crossentropy", "categorical_crossentropy"], loss_weights=[1.0, 3.0], fuse=fuse)
        found.append(model.evaluate(X, [labels, labels], verbose=0))
    np.testing.assert_allclose(*found, rtol=1e-5)
    model.compile("sgd", ["categorical_crossentropy", "categorical_crossentropy"])
    assert plan_of(model)[1].from_logits == (False, True)


def test_a_graph_in_a_row_becomes_a_chain():
    x = Input((4,))
    model = Model(x, Dense(2)(BatchNormalization()(Dense(3, activation="relu")(x))))
    model.compile("sgd", "mse")
    network, _ = plan_of(model)
    assert type(network).__name__ == "Chain"
    assert model.layers[0].output.shape == (3,), "the plan leaves no second use behind"


class Mine(Dense):
    """Another computation under Dense's name."""

    def apply(self, x, context):
        y, saved = super().apply(x, context)
        return y + 1, saved


def test_a_subclass_that_computes_otherwise_is_left_alone():
    model = Sequential([Mine(3, input_shape=(4,)), Activation("relu")])
    np.testing.assert_allclose(model.predict(X), np.maximum(model.layers[0](X), 0))
    model.compile("sgd", "mse")
    assert plan_of(model)[0] is model.network


def test_layers_of_a_graph_stand_in_keras_s_order():
    """Weights of a branched model in Keras fit the same model here; the orders below were read from Keras 3.15."""
    x, z = Input((4,)), Input((3,))

    def dense(name, units=3):
        return Dense(units, name=name)

    def names(model):
        return [layer.name for layer in model.layers if isinstance(layer, Dense)]

    near, far, middle = dense("near"), dense("far"), dense("middle")
    assert names(Model(x, Concatenate()([near(x), middle(far(x))]))) == ["far", "near", "middle"]
    behind = dense("first")(z)
    outputs = [dense("early")(behind), Concatenate()([dense("second")(dense("other")(x)), dense("late")(behind)])]
    branches = Model([x, z], outputs)
    assert names(branches) == ["first", "other", "second", "late", "early"]
    shared = dense("shared", 4)
    outputs = Concatenate()([dense("one")(x), dense("two")(shared(dense("between", 4)(shared(x))))])
    assert names(Model(x, outputs)) == ["shared", "between", "one", "two"]
    assert names(pickle.loads(pickle.dumps(branches))) == names(copy.deepcopy(branches)) == names(branches)
    assert [w.shape for w in branches.get_weights()[:4]] == [(3, 3), (3,), (4, 3), (3,)]


class Halved(Activation):
    """An activation that is scaled, under the name of the function."""

    def apply(self, x, context):
        y, saved = super().apply(x, context)
        return y / 2, saved

    def gradient(self, dy, saved, need_dx=True):
        return super().gradient(dy / 2, saved, need_dx)


class Positive(Activation):
    def output_mask(self, x, mask):
        return x[..., 0] > 0


@pytest.mark.parametrize(
    "make, loss",
    [
        (lambda: [Dense(1, input_shape=(4,)), Halved("sigmoid")], "binary_crossentropy"),
        (lambda: [Dense(1, input_shape=(4,), activation=Halved("sigmoid"))], "binary_crossentropy"),
        (lambda: [Dense(1, input_shape=(4,), activation=Halved("relu"))], "mse"),
        (lambda: [Dense(1, input_shape=(4,)), Halved("relu")], "mse"),
        (lambda: [Conv2D(2, 1, input_shape=(2, 2, 1)), Halved("relu"), MaxPooling2D(2), Flatten(), Dense(1)], "mse"),
        (lambda: [Dense(1, input_shape=(2, 2)), Positive("relu")], "mse"),
    ],
)
def test_an_activation_that_computes_otherwise_is_left_alone(make, loss):
    losses, predictions = [], []
    for fuse in (True, False):
        minidl.set_seed(1)
        model = Sequential(make())
        model.compile("sgd", loss, fuse=fuse)
        x = X.reshape(-1, *model.input_shape)
        y = (X[:, :1] > 0) if len(model.output_shape) == 1 else np.ones((6, *model.output_shape))
        losses.append(model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"] + [model.evaluate(x, y, verbose=0)])
        predictions.append(model.predict(x))
        h = x
        for layer in model.layers:
            h = layer.activation(Dense.__call__(_linear(layer), h)) if type(layer) is Dense else layer(h)
        np.testing.assert_allclose(predictions[-1], h, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    np.testing.assert_allclose(predictions[0], predictions[1], rtol=1e-6)


def _linear(layer):
    other = copy.copy(layer)
    other.activation = Activation("linear")
    return other


# -- one input, one output ---------------------------------------------------------------------------------------------


def one_output(inputs, outputs):
    minidl.set_seed(0)
    x = Input((4,), name="x")
    model = Model(inputs(x), outputs(Dense(2, name="y")(x)))
    model.compile("sgd", "mse", ["mae"])
    return model


@pytest.mark.parametrize("inputs", [lambda x: x, lambda x: [x], lambda x: {"x": x}])
@pytest.mark.parametrize("outputs", [lambda y: y, lambda y: [y], lambda y: {"y": y}])
def test_a_list_of_one_is_the_one(inputs, outputs):
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    by_name = isinstance(outputs(x), dict)  # such a model gives a dictionary

    def predicted(model, given):
        y = model.predict(given)
        assert isinstance(y, dict) == by_name
        return y["y"] if by_name else y

    expected = one_output(lambda x: x, lambda y: y).fit(x, x[:, :2], 2, verbose=0, shuffle=False).history
    for given_x in (x, [x], {"x": x}):
        for given_y in (x[:, :2], [x[:, :2]], {"y": x[:, :2]}):
            model = one_output(inputs, outputs)
            assert model.fit(given_x, given_y, 2, verbose=0, shuffle=False).history == expected
            assert len(model.evaluate(given_x, given_y, verbose=0, sample_weight=[np.ones(5)])) == 2
        assert predicted(model, given_x).shape == (5, 2)
    batches = ([x[i : i + 1]] for i in range(5))
    assert predicted(model, batches).shape == (5, 2)
    assert predicted(model, [x[0]]).shape == (1, 2), "a list of one sample"
    assert predicted(clone_model(model), [x]).shape == (5, 2)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse"])
def test_a_model_of_nothing_but_an_activation(loss):
    x = Input((3,))
    for model in (Model(x, Activation("softmax")(x)), Model(x, [Activation("softmax")(x)] * 1)):
        model.compile("sgd", loss)
        assert np.isfinite(model.fit(np.ones((2, 3)), np.eye(3)[:2], verbose=0).history["loss"]).all()


def test_names_of_outputs_differ():
    x = Input((4,))
    layer = Dense(2, name="a")
    model = Model(x, [layer(x), layer(Activation("relu")(x)), Dense(2, name="a_1")(x), layer(Activation("tanh")(x))])
    assert model.output_names == ["a", "a_2", "a_1", "a_3"]


# -- inputs in the middle ----------------------------------------------------------------------------------------------


def test_an_input_that_is_one_of_several_results():
    x = Input((4,))
    first, second = TwoParts()(x)
    y = Add()([first, second])
    np.testing.assert_array_equal(Model([first, x], y).predict([X[:, 2:], X]), X[:, 2:] + X[:, 2:])
    np.testing.assert_array_equal(Model([first, second], y).predict([X[:, 2:], X[:, 2:]]), X[:, 2:] + X[:, 2:])
    np.testing.assert_array_equal(Model([second, first], y).predict([X[:, 2:], X[:, :2]]), X[:, 2:] + X[:, :2])
    with pytest.raises(ArgumentError, match=r"an output that depends on .*Input"):
        Model(first, y)


def test_long_chains_are_put_together_in_linear_time():
    """Names were compared each with each for every layer that was added."""
    count = 400
    layers = [Activation("relu", name=f"layer_{index}") for index in range(count)]
    asked = []
    for layer in layers:
        layer.output_shape = lambda shape: asked.append(1) or shape
    model = Sequential([Input((4,)), *layers])
    assert model.output_shape == (4,)
    assert len(asked) < 10 * count
    start = time.perf_counter()
    assert len(clone_model(Sequential([Input((4,)), *(Activation("relu", name=f"{i}") for i in range(1000))])).layers) == 1000
    assert time.perf_counter() - start < 3


def test_a_model_that_is_a_layer_of_another_takes_no_more_layers():
    """The other one was built, and may have been compiled, for what it was: fit would not know the new layers."""
    inner, outer = nested()
    outer.compile("sgd", "sparse_categorical_crossentropy")
    for layer in (Dropout(0.5), Activation("relu")):
        with pytest.raises(StateError, match="add: received a model that is a layer of another one"):
            inner.add(layer)
    assert len(inner.layers) == 2
    del outer
    gc.collect()
    inner.add(Activation("relu"))
    fresh = Sequential([Dense(3)])
    outer = Sequential([fresh])
    fresh.add(Activation("relu"))
    outer.build((4,))
    assert (outer.predict(X) >= 0).all()
