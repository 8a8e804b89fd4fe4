"""Models with branches: several inputs, shared layers, models inside models, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl.layers import Activation, Add, BatchNormalization, Dense, Dropout, Input
from minidl.models import Model, Sequential
from minidl.optimizers import Adam

RNG = np.random.default_rng(3)
A, B = (RNG.normal(size=(16, 4)) for _ in range(2))
Y = np.arange(16) % 3


def residual():
    x = Input((4,))
    h = Dense(4, activation="tanh")(x)
    return Model(x, Dense(3, activation="softmax")(Add()([x, h])))


def two_inputs():
    a, b = Input((4,)), Input((4,))
    shared = Dense(5, activation="tanh", name="shared")
    return Model([a, b], Dense(3, activation="softmax")(Add()([shared(a), shared(b)])))


def with_models_inside():
    x = Input((4,))
    body = Sequential([Dense(4), BatchNormalization(), Sequential([Activation("relu"), Dropout(0.2)])])
    skip = Input((4,))
    block = Model(skip, Add()([skip, body(skip)]))
    head = Sequential([Dense(3), Activation("softmax")])
    return Model(x, head(block(block(x))))


@pytest.mark.parametrize("make, xs", [(residual, A), (two_inputs, [A, B]), (with_models_inside, A)])
def test_graphs_learn_and_keep_their_promises(make, xs):
    minidl.set_seed(2)
    model = make()
    model.compile(Adam(0.02), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(xs, Y, 6, epochs=80, verbose=0).history
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    parts, whole = (model.evaluate(xs, Y, size, verbose=0) for size in (3, 16))
    assert parts == pytest.approx(whole, rel=1e-6)
    y = model.predict(xs)
    assert y.shape == (16, 3)
    assert y.sum(axis=1) == pytest.approx(1, rel=1e-5)
    other = make()
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(xs), y)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("make, xs", [(residual, A), (two_inputs, [A, B]), (with_models_inside, A)])
def test_copies_go_on_alike(make, xs, duplicate):
    model = make()
    model.compile(Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(xs, Y, 6, verbose=0)
    twin = duplicate(model)
    assert twin.fit(xs, Y, 6, epochs=2, verbose=0).history == model.fit(xs, Y, 6, epochs=2, verbose=0).history
    assert all(np.array_equal(v, w) for v, w in zip(twin.get_weights(), model.get_weights()))


@pytest.mark.parametrize("make, xs", [(residual, A), (two_inputs, [A, B]), (with_models_inside, A)])
def test_gradients_by_central_differences(make, xs):
    """dL/dw along one random direction, in float64, for L = sum(y c); dropout off."""
    with minidl.config.use_dtype("float64"):
        minidl.set_seed(2)
        model = make()
        for layer in model.network.sublayers():
            turn_dropout_off(layer)
        c = RNG.normal(size=(16, 3))
        model.forward(xs)
        model.backward(c)
        weights, h = [p.value.copy() for p in model.parameters], 1e-6
        directions = [RNG.normal(size=w.shape) for w in weights]
        slope = sum((p.grad * d).sum() for p, d in zip(model.parameters, directions))
        sides = []
        for sign in (1, -1):
            for p, w, d in zip(model.parameters, weights, directions):
                p.value[...] = w + sign * h * d
            sides.append((model.forward(xs) * c).sum())
    assert (sides[0] - sides[1]) / (2 * h) == pytest.approx(slope, rel=1e-6)


def turn_dropout_off(layer):
    if isinstance(layer, Dropout):
        layer.rate = 0.0
    for inner in layer.sublayers():
        turn_dropout_off(inner)


def test_a_shared_layer_counts_once_and_its_gradients_add():
    model = two_inputs()
    assert [layer.name for layer in model.layers] == ["shared", "add_1", "dense_1"]
    assert model.count_params() == 4 * 5 + 5 + 5 * 3 + 3
    assert len(model.get_weights()) == 4
    dx = model.backward(np.ones_like(model.forward([A, B])))
    assert [d.shape for d in dx] == [(16, 4), (16, 4)]
    shared = model.layers[0].W.grad.copy()
    for p in model.parameters:
        p.zero_grad()
    first = model.backward(np.ones_like(model.forward([A, B])))
    np.testing.assert_array_equal(first[0], dx[0])
    np.testing.assert_array_equal(model.layers[0].W.grad, shared)


def test_a_symbol_may_be_used_twice_by_one_layer():
    x = Input((4,))
    model = Model(x, Add()([x, x]))
    np.testing.assert_array_equal(model.forward(A), 2 * A.astype(np.float32))
    np.testing.assert_array_equal(model.backward(np.ones((16, 4))), np.full((16, 4), 2.0))


def test_a_last_layer_that_is_also_used_before_keeps_its_softmax_there():
    x = Input((3,))
    shared = Dense(3, activation="softmax")
    model = Model(x, shared(shared(x)))
    losses = []
    for fuse in (True, False):
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=fuse)
        losses.append(model.evaluate(A[:, :3], Y, verbose=0))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_fused_and_unfused_training_agree():
    weights = []
    for fuse in (True, False):
        minidl.set_seed(5)
        model = residual()
        model.compile(Adam(0.01), "sparse_categorical_crossentropy", fuse=fuse)
        assert (model._step.network is model.network) == (not fuse)
        model.fit(A, Y, 5, epochs=5, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_a_frozen_branch_keeps_its_bits_while_the_other_learns():
    x = Input((4,))
    left, right = Dense(4), Dense(4)
    model = Model(x, Dense(3, activation="softmax")(Add()([left(x), right(x)])))
    left.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before, moving = [w.copy() for w in left.get_weights()], [w.copy() for w in right.get_weights()]
    model.fit(A, Y, 5, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, left.get_weights()))
    assert not any(np.array_equal(a, b) for a, b in zip(moving, right.get_weights()))


def test_everything_frozen_trains_nothing_and_fails_at_nothing():
    model = residual()
    model.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(A, Y, 5, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_a_deep_graph():
    """Five hundred layers in a row run, train and are summed up without recursion."""
    x = h = Input((2,))
    for _ in range(500):
        h = Activation("linear")(h)
    model = Model(x, Dense(1)(h))
    model.compile("sgd", "mse")
    model.fit(A[:, :2], A[:, :1], verbose=0)
    assert "activation_500" in summary(model)


def summary(model):
    lines = []
    model.summary(lines.append)
    return "\n".join(lines)


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda x: Model(x, Dense(2)(Input((4,)))), ValueError, ["Model", "depends on", "only on the inputs given"]),
        (lambda x: Model([x, Input((5,))], Dense(2)(x)), ValueError, ["Model", "(5,)", "does not depend on"]),
        (lambda x: Model(x, [Dense(2)(x), 3]), TypeError, ["Model", "3", "symbols"]),
        (lambda x: Model(x, []), ValueError, ["Model", "no outputs"]),
        (lambda x: Model(A, Dense(2)(x)), TypeError, ["Model", "ndarray", "symbols"]),
        (lambda x: Model(x, Dense(2)), TypeError, ["Model", "Dense", "symbols"]),
        (lambda x: Model([x, x], Dense(2)(x)), ValueError, ["Model", "listed twice", "different"]),
        (lambda x: Dense(2)([x, x]), TypeError, ["dense (Dense)", "a list", "one symbol"]),
        (lambda x: Add()(x), TypeError, ["add (Add)", "1 symbols", "a list of symbols"]),
        (lambda x: Add()([x]), ValueError, ["add (Add)", "two or more"]),
        (lambda x: Add()([x, A]), TypeError, ["add (Add)", "arrays and symbols together"]),
        (lambda x: Model(x), TypeError, ["outputs"]),
        (lambda x: Model(x, Dense(2)(x), metrics=[]), TypeError, ["metrics"]),
        (lambda x: two_inputs()(x), TypeError, ["list of symbols"]),
    ],
)
def test_graphs_that_are_refused(make, kind, words):
    with pytest.raises(kind) as raised:
        make(Input((4,)))
    missing = [word for word in words if word not in str(raised.value)]
    assert not missing, str(raised.value)


def test_shared_layers_must_fit_everywhere():
    shared = Dense(3)
    shared(Input((4,)))
    with pytest.raises(ValueError, match=r"dense \(Dense\).*\(5,\).*4 numbers"):
        shared(Input((5,)))


class AskedDense(Dense):
    """Remembers whether anybody asked for its dx."""

    def gradient(self, dy, saved, need_dx=True):
        self.asked = need_dx
        return super().gradient(dy, saved, need_dx)


def test_training_asks_for_no_gradient_of_the_data():
    x = Input((4,))
    first, last = AskedDense(4), AskedDense(3, activation="softmax")
    model = Model(x, last(Add()([x, first(x)])))
    model.compile("sgd", "sparse_categorical_crossentropy", fuse=False)
    model.fit(A, Y, 6, verbose=0)
    assert (first.asked, last.asked) == (False, True)
