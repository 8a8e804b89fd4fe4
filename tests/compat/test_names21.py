"""Names of optimizers, losses, metrics and functions of ``K`` in whole models of old scripts: compile, fit, files."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.compat.keras import activations, losses, metrics, optimizers, rules
from minidl.compat.keras import backend as K
from minidl.compat.keras.layers import Activation, Dense, Input
from minidl.compat.keras.layers.lambda_ import Lambda
from minidl.compat.keras.models import Model, Sequential, load_model, model_from_json
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")
X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = np.eye(2)[(X.sum(1) > 0).astype(int)]


def swish(x):
    return x * K.sigmoid(x)


def doubled(x):
    return 2 * x


def own_loss(y_true, y_pred):
    return losses.categorical_crossentropy(y_true, y_pred) + 0.1 * K.sum(K.square(y_pred), axis=-1)


def precision(y_true, y_pred):
    right = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    return right / (K.sum(K.round(K.clip(y_pred, 0, 1))) + K.epsilon())


def small(**compiling):
    np.random.seed(1)  # noqa: NPY002
    model = Sequential()
    model.add(Dense(4, input_dim=3, init="he_normal", W_regularizer="l2"))
    model.add(Activation(swish))
    model.add(Lambda(doubled))
    model.add(Dense(2, activation=activations.softmax, kernel_initializer=lambda shape: K.random_normal(shape, stddev=0.1)))
    model.compile(**compiling)
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", losses.categorical_crossentropy, own_loss])
@pytest.mark.parametrize("optimizer", ["sgd", "RMSprop", rules.Adam(0.01), rules.Nadam(clipnorm=1.0)])
def test_a_model_of_an_old_script_trains(loss, optimizer):
    if not isinstance(optimizer, str):
        optimizer = type(optimizer).from_config(optimizer.get_config())
    model = small(optimizer=optimizer, loss=loss, metrics=["accuracy", precision, metrics.mse])
    history = model.fit(X, Y, nb_epoch=3, verbose=0, validation_data=(X, Y)).history
    of_training = ["loss", "acc", "precision", "mean_squared_error"]
    assert sorted(history) == sorted([*of_training, *(f"val_{name}" for name in of_training)])
    assert history["loss"][-1] < history["loss"][0]
    assert isinstance(model.optimizer, rules.Optimizer)
    K.set_value(model.optimizer.lr, 0.0)
    before = model.get_weights()
    model.train_on_batch(X, Y)
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_files_hold_names_of_functions_and_read_them_from_what_the_script_gives(tmp_path):
    path = str(tmp_path / "model.h5")
    model = small(optimizer=optimizers.SGD(lr=0.1, decay=0.5, momentum=0.9), loss=own_loss, metrics=[precision])
    model.fit(X, Y, verbose=0)
    model.save(path)
    functions = {"swish": swish, "doubled": doubled, "own_loss": own_loss, "precision": precision}
    again = load_model(path, custom_objects=functions)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5)
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    without = model_from_json(model.to_json(), functions)
    without.set_weights(model.get_weights())
    np.testing.assert_allclose(without.predict(X), model.predict(X), rtol=1e-5)
    with pytest.raises(ArgumentError, match=r"custom_objects=\{'swish': swish\}"):
        load_model(path)
    for optimizer in (optimizers.RMSprop(lr=0.1), optimizers.Nadam(), optimizers.Adagrad(decay=0.5)):
        model = small(optimizer=optimizer, loss="categorical_crossentropy")
        model.save(path)
        assert load_model(path, functions).optimizer.get_config() == optimizer.get_config()


def test_a_lambda_without_a_name_is_saved_and_cannot_be_read(tmp_path):
    path = str(tmp_path / "model.h5")
    model = Sequential([Dense(2, input_shape=(3,)), Lambda(lambda x: x * 2)])
    model.save(path)
    with pytest.raises(ArgumentError, match="<lambda>"):
        load_model(path)
    model.save_weights(path)
    other = Sequential([Dense(2, input_shape=(3,)), Lambda(lambda x: x * 2)])
    other.load_weights(path)
    np.testing.assert_allclose(other.predict(X), model.predict(X))


def test_k_function_on_models_of_old_scripts():
    model = small(optimizer="sgd", loss="mse")
    hidden = K.function([model.layers[0].input, K.learning_phase()], [model.layers[2].output])([X, 0])[0]
    expected = Model(inputs=model.input, outputs=model.layers[2].output).predict(X)
    np.testing.assert_allclose(hidden, expected, rtol=1e-5)
    assert K.int_shape(model.output) == (None, 2)


def test_a_siamese_network():
    base = Sequential([Dense(4, input_shape=(3,), activation="tanh")])
    a, b = Input(shape=(3,)), Input(shape=(3,))

    def distance(vectors):
        x, y = vectors
        return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))

    def contrastive(y_true, y_pred):
        return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(1 - y_pred, 0)))

    def accuracy(y_true, y_pred):
        return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))

    apart = Lambda(distance, output_shape=lambda shapes: (shapes[0][0], 1))([base(a), base(b)])
    model = Model([a, b], apart)
    model.compile(loss=contrastive, optimizer=optimizers.RMSprop(), metrics=[accuracy])
    same = (Y.argmax(1) == Y[::-1].argmax(1)).astype(float)
    history = model.fit([X, X[::-1]], same, epochs=20, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert 0 <= history["accuracy"][-1] <= 1


def test_a_variational_code():
    def sample(args):
        mean, log_variance = args
        noise = K.random_normal(shape=(K.shape(mean)[0], 2), mean=0.0, stddev=1.0)
        return mean + K.exp(log_variance / 2) * noise

    x = Input(shape=(3,))
    z = Lambda(sample, output_shape=(2,))([Dense(2)(x), Dense(2)(x)])
    model = Model(x, Dense(3)(z))
    model.compile("adam", "mse")
    assert model.fit(X, X, epochs=2, verbose=0).history["loss"][-1] > 0


def test_the_notice_of_an_optimizer_is_told_once_at_its_line():
    with pytest.warns(OldSpellingWarning, match=r"SGD\(lr=0.1\) is written SGD\(learning_rate=0.1\)") as found:
        optimizers.SGD(lr=0.1)
    assert found[0].filename == __file__
