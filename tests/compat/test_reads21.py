"""Functions, layers and losses that read results of layers they are not given, and ``K.gradients``."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import backend, config, models
from minidl.backend.random import set_seed
from minidl.compat.keras import backend as K
from minidl.compat.keras import metrics
from minidl.compat.keras.engine.topology import Layer
from minidl.compat.keras.layers import (
    LSTM,
    Activation,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Masking,
    TimeDistributed,
)
from minidl.compat.keras.models import Model, Sequential
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import Context
from tests.gpu.strict_cupy import stand_in

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(size=(6, 5))
Y = RANDOM.uniform(size=(6, 5))


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    K.set_floatx("float64")
    set_seed(1)
    np.random.seed(1)  # noqa: NPY002
    yield
    K.set_floatx("float32")
    K.clear_session()


def loss_and_gradients(model: Any, x: Any, y: Any, weight: Any = None) -> tuple[float, list[Any]]:
    """Of one training step that is not taken."""
    step = model._compiled_step()
    xs, ys, weight = model._arrays(x, y, weight, None, "fit")
    xs, ys = (tuple(a) if isinstance(a, list) else a for a in (xs, ys))
    step.group.zero_grad()
    context = Context(training=True)
    prediction, saved = step.network.apply(xs, context)

    class Batch:
        pass

    batch: Any = Batch()
    batch.x, batch.y, batch.weight = xs, ys, weight
    result, of_loss = step._judge(prediction, batch, context)
    step.network.gradient(step.loss.gradient(of_loss), saved, need_dx=False)
    return float(result.loss), [p.grad.copy() for p in model.network.parameters]


def assert_proven(model: Any, x: Any, y: Any, weight: Any = None) -> None:
    """The gradient of every parameter against differences of the loss, along a random direction."""
    _, gradients = loss_and_gradients(model, x, y, weight)
    for p, gradient in zip(model.network.parameters, gradients):
        direction = np.random.default_rng(5).normal(size=p.shape)
        before, found = p.value.copy(), []
        for sign in (1, -1):
            p.value[...] = before + sign * 1e-6 * direction
            found.append(loss_and_gradients(model, x, y, weight)[0])
        p.value[...] = before
        expected = (found[0] - found[1]) / 2e-6
        np.testing.assert_allclose((gradient * direction).sum(), expected, rtol=1e-5, atol=1e-8)
        assert abs(expected) > 1e-8, f"{p.name} does not count"


def parts_of_a_vae(samples: Any = None, activation: str = "sigmoid") -> tuple[Any, ...]:
    x = Input(shape=(5,))
    h = Dense(4, activation="tanh")(x)
    mean, log_var = Dense(2)(h), Dense(2)(h)

    def sampling(args: Any) -> Any:
        z_mean, z_log_var = args
        batch = K.shape(z_mean)[0] if samples is None else samples
        return z_mean + K.exp(z_log_var / 2) * K.random_normal(shape=(batch, 2), mean=0.0, stddev=0.5)

    z = Lambda(sampling, output_shape=(2,))([mean, log_var])
    return x, mean, log_var, z, Dense(5, activation=activation)(z)


def kl(mean: Any, log_var: Any) -> Any:
    return -0.5 * K.sum(1 + log_var - K.square(mean) - K.exp(log_var), axis=-1)


# -- losses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [None, 6])
def test_a_variational_autoencoder(samples: Any) -> None:
    x, mean, log_var, _, y = parts_of_a_vae(samples)

    def vae_loss(t: Any, p: Any) -> Any:
        return 5 * metrics.binary_crossentropy(t, p) + kl(mean, log_var)

    model = Model(x, y)
    model.compile("rmsprop", loss=vae_loss, metrics=["mae"])
    assert model.metrics_names == ["loss", "mean_absolute_error"]
    assert_proven(model, X, X)
    m, v, p = Model(x, [mean, log_var, y]).predict(X, batch_size=6)
    m, v, p = (a.astype("float64") for a in (m, v, p))
    entropy = -(X * np.log(p) + (1 - X) * np.log(1 - p)).sum(1)
    loss, mae = model.evaluate(X, X, batch_size=6, verbose=0)
    np.testing.assert_allclose(loss, (entropy - 0.5 * (1 + v - m**2 - np.exp(v)).sum(1)).mean(), rtol=1e-6)
    np.testing.assert_allclose(mae, abs(p - X).mean(), rtol=1e-6)
    assert model.predict(X, batch_size=6).shape == (6, 5)
    history = model.fit(X, X, epochs=3, batch_size=6, verbose=0, validation_data=(X, X)).history
    assert sorted(history) == ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
    assert len(model.outputs) == 1
    assert len(model.get_weights()) == 8


def test_samples_that_a_function_says_are_asked_for_before_anything_is_trained() -> None:
    x, _, _, _, y = parts_of_a_vae(4)
    model = Model(x, y)
    model.compile("sgd", "mse")
    before = model.get_weights()
    for call in (
        lambda: model.fit(X, X, batch_size=4, verbose=0),
        lambda: model.fit(X, X, batch_size=6, verbose=0),
        lambda: model.fit(X[:4], X[:4], batch_size=4, validation_data=(X, X), verbose=0),
        lambda: model.evaluate(X, X, batch_size=4, verbose=0),
        lambda: model.predict(X),
        lambda: model.train_on_batch(X, X),
    ):
        with pytest.raises(ShapeError, match=r"batch_size=4|whole number of batches"):
            call()
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    model.fit(X[:4], X[:4], batch_size=4, verbose=0)


def test_a_loss_of_symbols_and_no_targets() -> None:
    x, mean, log_var, _, y = parts_of_a_vae()
    model = Model(x, y)
    model.add_loss(K.mean(5 * metrics.binary_crossentropy(x, y) + kl(mean, log_var)))
    model.compile(optimizer="rmsprop", loss=None)
    assert model.metrics_names == ["loss"]
    assert_proven(model, X, None)
    history = model.fit(X, epochs=2, batch_size=3, verbose=0, validation_data=(X, None)).history
    assert sorted(history) == ["loss", "val_loss"]
    assert model.evaluate(X, None, verbose=0) > 0
    other = Model(x, y)

    def same(t: Any, p: Any) -> Any:
        return 5 * metrics.binary_crossentropy(t, p) + kl(mean, log_var)

    other.compile("rmsprop", same)
    np.testing.assert_allclose(other.test_on_batch(X, X), model.test_on_batch(X, None), rtol=1e-9)
    a, b = loss_and_gradients(other, X, X), loss_and_gradients(model, X, None)
    np.testing.assert_allclose(a[0], b[0], rtol=1e-9)
    for one, two in zip(a[1], b[1]):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_add_loss_beside_a_loss_and_several_outputs() -> None:
    x = Input((5,))
    h = Dense(4, activation="tanh")(x)
    a, b = Dense(5, name="a")(h), Dense(3, activation="softmax", name="b")(h)
    model = Model(x, [a, b])
    model.add_loss([0.1 * K.sum(K.square(h)), K.mean(K.abs(a))])

    def loss_a(t: Any, p: Any) -> Any:
        return K.mean(K.square(t - p), axis=-1) * K.mean(K.square(h), axis=-1)

    model.compile(
        "sgd", loss={"a": loss_a, "b": "categorical_crossentropy"}, loss_weights={"a": 2.0, "b": 0.5}, metrics=["mae"]
    )
    classes = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    assert_proven(model, X, [Y, classes])
    names = ["loss", "a_loss", "b_loss", "a_mean_absolute_error", "b_mean_absolute_error"]
    assert model.metrics_names == names
    found = dict(zip(names, model.evaluate(X, [Y, classes], verbose=0)))
    ha, pa, pb = Model(x, [h, a, b]).predict(X)
    of_a = (((Y - pa) ** 2).mean(1) * (ha**2).mean(1)).mean()
    of_b = -np.log(pb[classes > 0]).mean()
    np.testing.assert_allclose(found["a_loss"], of_a, rtol=1e-6)
    np.testing.assert_allclose(found["b_loss"], of_b, rtol=1e-6)
    np.testing.assert_allclose(found["loss"], 2 * of_a + 0.5 * of_b + 0.1 * (ha**2).sum() + abs(pa).mean(), rtol=1e-6)


def test_a_layer_that_adds_the_loss_reads_others() -> None:
    x, mean, log_var, _, y = parts_of_a_vae()

    class Variational(Layer):
        def __init__(self, **keywords: Any) -> None:
            self.is_placeholder = True
            super().__init__(**keywords)

        def call(self, inputs: Any) -> Any:
            x, decoded = inputs
            self.add_loss(K.mean(5 * metrics.binary_crossentropy(x, decoded) + kl(mean, log_var)), inputs=inputs)
            return x

    model = Model(x, Variational()([x, y]))
    model.compile("rmsprop", loss=None)
    assert_proven(model, X, None)
    model.fit(X, batch_size=3, verbose=0, validation_data=(X, None))
    with pytest.raises(ArgumentTypeError, match="no loss"):
        Model(x, y).compile("rmsprop", loss=None)


def test_a_loss_reads_an_input_that_no_layer_reads() -> None:
    x, weights = Input((5,)), Input((1,))
    p = Dense(5)(x)

    def weighted(w: Any) -> Any:
        def loss(t: Any, p: Any) -> Any:
            return K.mean(K.square(t - p) * w, axis=-1)

        return loss

    model = Model([x, weights], p)
    model.compile("sgd", weighted(weights))
    w = np.arange(6.0)[:, None]
    assert_proven(model, [X, w], Y, np.array([1.0, 2, 0, 1, 1, 1]))
    found = model.predict([X, w])
    np.testing.assert_allclose(model.evaluate([X, w], Y, verbose=0), ((Y - found) ** 2 * w).mean(), rtol=1e-6)
    a, b = Model(x, p), Sequential([Dense(5, input_shape=(5,))])
    assert (a.predict(X) == found).all()
    b.compile("sgd", lambda t, p: K.mean(K.square(t - p), -1) + K.mean(K.abs(b.layers[0].output), -1))
    assert_proven(b, X, Y)
    with pytest.raises(ArgumentError, match="which the output does not depend on"):
        models.Model([x, weights], p)


def test_a_loss_that_reads_results_may_take_targets_of_another_shape() -> None:
    x = Input((5,))
    h = Dense(4, activation="tanh")(x)
    model = Model(x, Dense(1)(h))
    model.compile("sgd", lambda t, p: K.square(t[:, 0] - p[:, 0]) * t[:, 2] + K.mean(K.square(h), axis=-1))
    assert_proven(model, X, Y[:, :3])
    classes = Model(x, Dense(3, activation="softmax")(h))
    classes.compile("sgd", lambda t, p: K.sparse_categorical_crossentropy(t, p) + K.mean(K.square(h), axis=-1))
    assert_proven(classes, X, np.array([0, 1, 2, 0, 1, 2]))


@pytest.mark.slow  # compiles an LSTM
def test_masks_sequences_and_mixed_losses() -> None:
    x = Input((4, 3))
    h = LSTM(2, return_sequences=True)(Masking()(x))
    y = TimeDistributed(Dense(1))(h)
    data = RANDOM.normal(size=(5, 4, 3))
    data[:, 3] = 0
    model = Model(x, y)
    model.compile("sgd", lambda t, p: K.mean(K.square(t - p), axis=-1) + K.mean(K.square(h), axis=-1))
    assert_proven(model, data, RANDOM.normal(size=(5, 4, 1)))
    found, states = model.predict(data), Model(x, h).predict(data)
    targets = RANDOM.normal(size=(5, 4, 1))
    expected = ((targets - found)[:, :3, 0] ** 2 + (states[:, :3] ** 2).mean(-1)).mean()
    np.testing.assert_allclose(model.evaluate(data, targets, verbose=0), expected, rtol=1e-6)


def test_what_a_loss_cannot_read_is_told() -> None:
    x, other = Input((5,)), Input((5,))
    h = Dense(5)(other)
    model = Model(x, Dense(5)(x))
    model.compile("sgd", lambda t, p: K.mean(K.square(t - p), -1) + K.mean(h, -1))
    with pytest.raises(ArgumentError, match="a loss that reads"):
        model.fit(X, Y, verbose=0)
    assert model.predict(X).shape == (6, 5)
    slope = K.gradients(K.sum(h), other)[0]
    with pytest.raises(ArgumentTypeError, match=r"a gradient of K\.gradients"):
        model.compile("sgd", lambda t, p: K.mean(K.square(t - p), -1) + K.mean(slope, -1))
    with pytest.raises(ArgumentTypeError, match=r"a gradient of K\.gradients"):
        Lambda(lambda t: t + slope)(x)
    for value, text in (
        (3.0, "computed with results"),
        (K.sum(h * K.random_normal((5,)) * K.random_normal(K.shape(h))), "Lambda"),
    ):
        with pytest.raises(ArgumentTypeError, match=text):
            model.add_loss(value)
    with pytest.raises(ArgumentTypeError, match="Lambda"):
        Model(x, K.exp(h))
    with pytest.raises(ArgumentTypeError, match="Lambda"):
        model(x + 1)


def test_copies_of_a_model_whose_loss_reads_results() -> None:
    x, mean, log_var, _, y = parts_of_a_vae()
    model = Model(x, y)
    model.add_loss(K.mean(kl(mean, log_var)))
    model.compile("sgd", "mse")
    other = copy.deepcopy(model)
    before = model.get_weights()
    other.fit(X, X, epochs=3, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    assert abs(other.get_weights()[4] - before[4]).max() > 0
    assert_proven(model, X, X)


# -- layers ------------------------------------------------------------------------------------------------------------


def test_a_lambda_reads_results_beside_its_input() -> None:
    a, b = Input((5,)), Input((5,))
    gate = Dense(5, activation="sigmoid")(b)
    h = Dense(5)(a)
    model = Model([a, b], Dense(5)(Lambda(lambda t: t * gate + K.mean(b, axis=-1, keepdims=True))(h)))
    model.compile("sgd", "mse")
    assert_proven(model, [X, Y], X)
    full, first = model.predict([X, Y]), Model([a, b], h).predict([X, Y])
    g = Model(b, gate).predict(Y)
    expected = model.layers[-1](first * g + Y.mean(1, keepdims=True))
    np.testing.assert_allclose(full, expected, rtol=1e-6)
    other = copy.deepcopy(model)
    np.testing.assert_allclose(other.predict([X, Y]), full, rtol=1e-9)
    assert model.layers[-2].output_shape == (None, 5)


def test_a_lambda_on_a_list_or_twice_reads_results() -> None:
    a, b = Input((5,)), Input((5,))
    h = Dense(5)(b)
    double = Lambda(lambda t: t * h)
    y = Lambda(lambda pair: K.abs(pair[0] - pair[1]) * h)([double(a), double(Dense(5)(a))])
    model = Model([a, b], y)
    model.compile("sgd", "mse")
    assert_proven(model, [X, Y], X)


def test_a_layer_of_ones_own_reads_results_and_masks() -> None:
    ids, context = Input((4,)), Input((3,))
    c = Dense(2)(context)

    class Attend(Layer):
        def build(self, input_shape: Any) -> None:
            assert input_shape == (None, 4, 2)
            self.w = self.add_weight(name="w", shape=(2,), initializer="ones")
            super().build(input_shape)

        def call(self, x: Any, mask: Any = None) -> Any:
            scores = K.sum(x * self.w * K.expand_dims(c, 1), axis=-1)
            scores = K.exp(scores) * K.cast(mask, "float32")
            return K.sum(x * K.expand_dims(scores / K.sum(scores, axis=1, keepdims=True)), axis=1)

        def compute_mask(self, x: Any, mask: Any = None) -> None:
            return None

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (input_shape[0], input_shape[-1])

    layer = Attend()
    model = Model([ids, context], layer(Embedding(7, 2, mask_zero=True)(ids)))
    assert layer.input_shape == (None, 4, 2)
    assert layer.output_shape == (None, 2)
    model.compile("sgd", "mse")
    x = [np.array([[1, 2, 3, 0], [4, 5, 0, 0], [6, 1, 2, 3]]), RANDOM.normal(size=(3, 3))]
    assert_proven(model, x, RANDOM.normal(size=(3, 2)))


def test_where_a_function_cannot_read_results_is_told() -> None:
    a, b = Input((5,)), Input((5,))
    layer = Lambda(lambda t: t * b)
    with pytest.raises(ArgumentTypeError, match="reads results of other layers"):
        layer(X)
    with pytest.raises(ArgumentTypeError, match="reads results of other layers"):
        Sequential([Dense(5, input_shape=(5,)), Lambda(lambda t: t * b)])
    layer(a)
    with pytest.raises(ArgumentTypeError, match="reads 1 results of other layers"):
        layer(X)
    with pytest.raises(ArgumentError, match="depends on"):
        Model(a, layer(a))


def test_a_function_and_a_loss_that_read_results_ask_nothing_that_cupy_lacks() -> None:
    found = []
    for on_card in (False, True):
        with stand_in(), backend.use_backend("cupy" if on_card else "numpy"), config.use_kernels("reference"):
            set_seed(3)
            np.random.seed(3)  # noqa: NPY002
            x, mean, log_var, z, y = parts_of_a_vae()
            y = Lambda(lambda t: t * K.sigmoid(z[:, :1]))(y)  # noqa: B023
            model = Model(x, y)
            model.add_loss(K.mean(kl(mean, log_var)))
            model.compile("sgd", lambda t, p: K.mean(K.square(t - p), -1) + K.mean(K.square(mean), -1))  # noqa: B023
            found.append(model.fit(X, X, epochs=2, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(*found, rtol=1e-9)


# -- gradients ---------------------------------------------------------------------------------------------------------


def network() -> Any:
    return Sequential(
        [
            Conv2D(3, 3, activation="tanh", input_shape=(6, 6, 2), name="first"),
            Conv2D(2, 2, activation="tanh", name="second"),
            Flatten(),
            Dropout(0.5),
            Dense(4, activation="softmax"),
        ]
    )


IMAGES = RANDOM.normal(size=(2, 6, 6, 2))


def slope(f: Any, x: Any, at: tuple[int, ...]) -> float:
    found = []
    for sign in (1, -1):
        moved = x.copy()
        moved[at] += sign * 1e-5
        found.append(float(f(moved)))
    return (found[0] - found[1]) / 2e-5


def test_gradients_of_filters_by_the_input() -> None:
    model = network()
    loss = K.mean(model.get_layer("second").output[:, :, :, 1])
    grads = K.gradients(loss, model.input)[0]
    assert K.int_shape(grads) == (None, 6, 6, 2)
    scaled = grads / (K.sqrt(K.mean(K.square(grads))) + 1e-5)
    iterate = K.function([model.input], [loss, grads, scaled])
    value, found, normed = iterate([IMAGES])
    assert np.shape(value) == ()
    for at in ((0, 0, 0, 0), (0, 3, 2, 1), (1, 2, 5, 0)):
        np.testing.assert_allclose(found[at], slope(lambda x: iterate([x])[0], IMAGES, at), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(normed, found / (np.sqrt((found**2).mean()) + 1e-5), rtol=1e-6)
    for p in model.network.parameters:
        assert p.trainable
    image = IMAGES[:1].copy()
    first = iterate([image])[0]
    for _ in range(5):
        image += 0.5 * iterate([image])[2]
    assert iterate([image])[0] > first


def test_gradients_by_results_of_layers_as_in_class_activation_maps() -> None:
    model = network()
    last = model.get_layer("first").output
    score = model.output[:, np.argmax(model.predict(IMAGES)[0])]
    grads = K.gradients(score, last)[0]
    pooled = K.mean(grads, axis=(0, 1, 2))
    g, weights, values = K.function([model.input], [grads, pooled, last[0]])([IMAGES])
    np.testing.assert_allclose(weights, g.mean((0, 1, 2)), rtol=1e-6)
    rest = K.function([last], [K.sum(score)])
    maps = Model(model.input, last).predict(IMAGES)
    np.testing.assert_allclose(values, maps[0], rtol=1e-6)
    for at in ((0, 0, 0, 0), (1, 3, 2, 2)):
        np.testing.assert_allclose(g[at], slope(lambda m: rest([m])[0], maps, at), rtol=1e-5, atol=1e-9)


def test_gradients_of_several_losses_paths_and_modes() -> None:
    x = Input((5,))
    h = Dense(4, activation="tanh")(x)
    y = Concatenate()([h, Dense(3)(h), x])
    total = K.variable(0.5) + 2.0 * K.sum(K.square(y))
    by_x, by_h = K.gradients([total, K.mean(x)], [x, h])
    f = K.function([x, K.learning_phase()], [total, by_x, by_h, K.mean(x)])
    _, gx, gh, mean = f([X, 0])
    np.testing.assert_allclose(mean, X.mean())
    np.testing.assert_allclose(gx[1, 2], slope(lambda a: f([a, 0])[0] + f([a, 0])[3], X, (1, 2)), rtol=1e-5)
    inner = K.function([h, x], [total])
    hidden = Model(x, h).predict(X)
    np.testing.assert_allclose(gh[2, 1], slope(lambda a: inner([a, X])[0], hidden, (2, 1)), rtol=1e-5)
    model = network()
    saliency = K.function([model.input, K.learning_phase()], [K.gradients(K.max(model.output, axis=1), model.input)[0]])
    np.testing.assert_allclose(saliency([IMAGES, 0])[0], model.input_gradient(IMAGES), rtol=1e-5, atol=1e-9)
    assert abs(saliency([IMAGES, 1])[0] - saliency([IMAGES, 0])[0]).max() > 1e-6, "dropout in training"


def test_the_whole_of_a_dream() -> None:
    model = network()
    loss = K.variable(0.0)
    for name, weight in (("first", 1.5), ("second", 0.5)):
        out = model.get_layer(name).output
        loss = loss + weight * K.sum(K.square(out[:, 1:-1, 1:-1, :])) / K.prod(K.cast(K.shape(out), "float32"))
    loss += 0.1 * K.sum(K.square(model.input)) / np.prod((6, 6, 2))
    grads = K.gradients(loss, model.input)[0]
    grads /= K.maximum(K.mean(K.abs(grads)), 1e-7)
    f = K.function([model.input], [loss, grads])
    value, found = f([IMAGES])
    np.testing.assert_allclose(abs(found).mean(), 1, rtol=1e-6)
    assert slope(lambda x: f([x])[0], IMAGES, (0, 2, 2, 1)) * found[0, 2, 2, 1] > 0
    assert value > 0


def test_what_has_no_gradient_is_told() -> None:
    model, other = network(), Input((3,))
    loss = K.sum(model.output)
    for wrong, text in (
        (lambda: K.gradients(loss, other), "does not depend"),
        (lambda: K.gradients(3.0, model.input), "3.0 as loss.*input_gradient"),
        (lambda: K.gradients(loss, model.layers[0].W), "train_on_batch"),
        (
            lambda: K.function([model.input], [K.gradients(K.sum(K.gradients(loss, model.input)[0]), model.input)[0]]),
            "depend|made of",
        ),
    ):
        with pytest.raises(ArgumentTypeError, match=text):
            wrong()


def test_random_numbers_of_a_function() -> None:
    x = Input((5,))
    f = K.function([x], [x + K.random_normal(K.shape(x))])
    assert (f([X])[0] != f([X])[0]).any()
    pickle.dumps(Activation("relu"))


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.mark.more
@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
def test_a_stateful_network_asks_for_whole_batches_before_it_trains() -> None:
    model = Sequential([LSTM(3, stateful=True, batch_input_shape=(4, 2, 5)), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.zeros((10, 2, 5)), np.zeros((10, 1))
    before = model.get_weights()
    for call in (
        lambda: model.fit(x, y, batch_size=4, verbose=0),
        lambda: model.fit(x[:8], y[:8], batch_size=4, verbose=0, validation_data=(x, y)),
        lambda: model.fit(x, y, batch_size=4, verbose=0, validation_split=0.2),
        lambda: model.evaluate(x, y, batch_size=4, verbose=0),
        lambda: model.predict(x, batch_size=4),
    ):
        with pytest.raises(ValueError, match=r"10 samples in batches of 4.*x\[:8\]|2 samples in batches of 4"):
            call()
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    model.fit(x[:8], y[:8], batch_size=4, verbose=0)
    assert model.predict(x[:8], batch_size=4).shape == (8, 1)
