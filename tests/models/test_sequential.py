"""Models that are chains: made in every way, nested, copied, their weights taken out and put in."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl.errors import NotBuiltError, ShapeError
from minidl.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, Adam, RMSprop

RNG = np.random.default_rng(2)
X = RNG.normal(size=(20, 6)).astype(np.float32)
Y = np.arange(20) % 3


def layers():
    return [Dense(5, activation="relu"), BatchNormalization(), Dropout(0.2), Dense(3, activation="softmax")]


def by_add():
    model = Sequential()
    first, *rest = layers()
    first.declared_input_shape = (6,)
    model.add(first)
    for layer in rest:
        model.add(layer)
    return model


def by_build():
    model = Sequential(layers())
    model.build((6,))
    return model


def from_input():
    return Sequential([Input((6,)), *layers()])


def from_data():
    model = Sequential(layers())
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=0, verbose=0)
    return model


def nested():
    return Sequential([Sequential([Input((6,)), *layers()[:2]]), Sequential(layers()[2:])])


def nested_unbuilt():
    model = Sequential([Sequential(layers()[:2]), Sequential([Sequential(layers()[2:])])])
    model.build((6,))
    return model


WAYS = [by_add, by_build, from_input, from_data, nested, nested_unbuilt]


def trained(make, optimizer="adam", loss="sparse_categorical_crossentropy"):
    minidl.set_seed(9)
    model = make()
    model.compile(optimizer, loss, ["accuracy"])
    model.fit(X, Y, 8, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("make", WAYS[1:])
def test_every_way_of_making_a_model_gives_the_same_model(make):
    minidl.set_seed(9)
    expected = by_build()
    minidl.set_seed(9)
    model = make()
    assert (model.input_shape, model.output_shape, model.count_params()) == ((6,), (3,), 6 * 5 + 5 + 20 + 5 * 3 + 3)
    model.set_weights(expected.get_weights())
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_nested_models_train_like_flat_ones():
    """Streams are taken in another order, so dropout is left out."""

    def flat():
        return Sequential([Dense(5, input_shape=(6,)), Activation("tanh"), Dense(3), Activation("softmax")])

    def boxed():
        return Sequential(
            [Sequential([Dense(5, input_shape=(6,)), Activation("tanh")]), Sequential([Dense(3), Activation("softmax")])]
        )

    minidl.set_seed(1)
    a = flat()
    b = boxed()
    b.set_weights(a.get_weights())
    for model in (a, b):
        model.compile(Adam(0.01), "sparse_categorical_crossentropy")
        model.fit(X, Y, 8, epochs=3, shuffle=False, verbose=0)
    assert all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights()))
    assert b._step.network is not b.network, "the softmax of a nested model joins the loss"


def test_a_functional_model_can_be_the_first_of_a_sequential():
    x = Input((6,))
    inner = Model(x, Dense(4, activation="relu")(x))
    model = Sequential([inner, Dense(2)])
    assert model.count_params() == 28 + 10
    assert model.predict(X).shape == (20, 2)


def test_a_model_trained_by_itself_and_inside_another_shares_its_weights():
    inner = Sequential([Dense(4, activation="relu", input_shape=(6,)), Dense(3, activation="softmax")])
    inner.compile("sgd", "sparse_categorical_crossentropy")
    outer = Sequential([inner, Dense(3, activation="softmax")])
    outer.compile("adam", "sparse_categorical_crossentropy")
    before = inner.get_weights()
    outer.fit(X, Y, verbose=0)
    after = inner.get_weights()
    assert not any(np.array_equal(a, b) for a, b in zip(before, after))
    inner.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(inner.get_weights(), outer.get_weights()))


def test_names_are_numbered_by_class():
    model = Sequential([Dense(2, input_shape=(6,)), Dense(2, name="dense_2"), Activation("relu"), Dense(2)])
    assert [layer.name for layer in model.layers] == ["dense_1", "dense_2", "activation_1", "dense_3"]
    assert next(name for name, _ in model.named_parameters()) == "dense_1.W"
    assert Sequential(name="mine").name == "mine"


# -- weights -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", WAYS)
def test_weights_make_a_round_trip(make):
    model, other = trained(make), make()
    other.set_weights(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))
    np.testing.assert_array_equal(model.predict(X), other.predict(X))


def test_get_weights_gives_copies_in_keras_order():
    model = trained(by_build)
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(6, 5), (5,), (5,), (5,), (5,), (5,), (5, 3), (3,)]
    for w in weights:
        w[...] = 7
    assert not any((w == 7).all() for w in model.get_weights())
    given = model.get_weights()
    model.set_weights(given)
    given[0][...] = 7
    assert not (model.get_weights()[0] == 7).any()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda w: w[:-1], ["7 arrays", "8 of shapes"]),
        (lambda w: [*w, w[0]], ["9 arrays", "8 of shapes"]),
        (lambda w: [*w[:-1], np.ones(4)], ["(4,)", "(3,)"]),
        (lambda w: [w[0].T, *w[1:]], ["(5, 6)", "(6, 5)"]),
        (lambda w: [*w[:-1], np.ones(1)], ["(1,)", "(3,)"]),
        (lambda w: [*w[:-1], 0.0], ["()", "(3,)"]),
        (lambda w: [], ["0 arrays"]),
    ],
)
def test_weights_that_do_not_fit_change_nothing(change, words):
    model = trained(by_build)
    before = model.get_weights()
    given = change([w + 1 for w in before])
    with pytest.raises(ShapeError) as raised:
        model.set_weights(given)
    assert all(word in str(raised.value) for word in ["set_weights", *words])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_weights_of_another_type_change_nothing():
    model = trained(by_build)
    before = model.get_weights()
    with pytest.raises(TypeError, match=r"weight b.*real numbers"):
        model.set_weights([*[w + 1 for w in before[:-1]], ["a", "b", "c"]])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


# -- copies --------------------------------------------------------------------------------------------------------------


def through_pickle(model):
    return pickle.loads(pickle.dumps(model))


def everything(model):
    arrays = [*model.get_weights(), *(a.copy() for p in model.parameters for a in model._step.group.state_of(p))]
    return [*arrays, np.array(model.optimizer.iterations)]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
@pytest.mark.parametrize("epochs_before", [0, 2])
@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, 0.9), RMSprop(), Adam()])
def test_a_copy_of_a_compiled_model_goes_on_alike_and_by_itself(duplicate, epochs_before, optimizer):
    minidl.set_seed(4)
    model = by_build()
    model.compile(copy.deepcopy(optimizer), "sparse_categorical_crossentropy", ["accuracy"])
    if epochs_before:
        model.fit(X, Y, 8, epochs=epochs_before, verbose=0)
    kept = everything(model)
    twin = duplicate(model)
    minidl.set_seed(1234)  # nothing depends on what else draws numbers
    of_twin = twin.fit(X, Y, 8, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(kept, everything(model))), "training the copy changed the original"
    of_model = model.fit(X, Y, 8, epochs=2, verbose=0)
    assert of_twin.history == of_model.history
    assert all(np.array_equal(a, b) for a, b in zip(everything(twin), everything(model)))
    assert not any(np.array_equal(a, b) for a, b in zip(kept, everything(model)) if a.size > 1)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_of_a_model_that_is_not_compiled(duplicate):
    model = by_build()
    twin = duplicate(model)
    np.testing.assert_array_equal(model.predict(X), twin.predict(X))
    twin.compile("sgd", "sparse_categorical_crossentropy")
    twin.fit(X, Y, verbose=0)
    assert not np.array_equal(model.predict(X), twin.predict(X))


def test_a_model_can_be_copied_from_a_callback():
    copies = []
    model = by_build()
    model.compile("adam", "sparse_categorical_crossentropy")
    keep = minidl.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: copies.append(copy.deepcopy(model)))
    model.fit(X, Y, 8, epochs=2, verbose=0, callbacks=[keep])
    copies[0].fit(X, Y, 8, verbose=0)  # the copy is not "training"
    assert all(np.array_equal(a, b) for a, b in zip(copies[1].get_weights(), model.get_weights()))


# -- what compile joins --------------------------------------------------------------------------------------------------


def test_only_a_true_final_activation_joins_the_loss():
    """A layer with a softmax of its own inside is not a layer that ends in one."""

    class Gate(Dense):
        """x W + b, weighted by its own softmax."""

        def apply(self, x, context):
            y, saved = super().apply(x, context)
            return y / y.sum(axis=-1, keepdims=True), saved

    class Attention(minidl.layers.Layer):
        def __init__(self):
            super().__init__()
            self.activation = Activation("softmax")

        def apply(self, x, context):
            return self.activation.apply(x, context)[0] * 0.5 + 0.1, None

        def gradient(self, dy, saved, need_dx=True):
            return dy

    for last in (Gate(3, activation="softmax"), Attention()):
        model = Sequential([Dense(3, input_shape=(6,)), last])
        model.compile("sgd", "sparse_categorical_crossentropy")
        assert model._step.network is model.network


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_softmax_over_the_channels_of_an_image(data_format):
    shape = (5, 4, 2) if data_format == "channels_last" else (2, 5, 4)
    x = RNG.normal(size=(6, *shape)).astype(np.float32)
    losses = []
    minidl.set_seed(8)
    model = Sequential([Conv2D(3, 1, data_format=data_format, activation="softmax", input_shape=shape)])
    target = np.zeros((6, *model.output_shape), np.float32)
    target[..., 0] = 1
    for fuse in (True, False):
        model.compile("sgd", "categorical_crossentropy", fuse=fuse)
        losses.append(model.evaluate(x, target, verbose=0))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_small_image_model_trains():
    x = RNG.normal(size=(12, 8, 8, 1)).astype(np.float32)
    layers = [Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 1)), MaxPooling2D(2), Flatten()]
    model = Sequential([*layers, Dense(2, activation="softmax")])
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, np.arange(12) % 2, epochs=30, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]


@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_a_model_without_layers_is_refused(verb: str) -> None:
    model = Sequential([Input((3,))])
    model.compile("sgd", "mse")
    with pytest.raises(NotBuiltError, match=f"{verb}.*without layers"):
        getattr(model, verb)(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(NotBuiltError, match="predict"):
        model.predict(np.ones((4, 3)))
