"""Layers that a script writes with Keras's ``build``, ``call`` and ``compute_output_shape``, and results as it knows them."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

from minidl import layers as today
from minidl.compat.keras import backend as K
from minidl.compat.keras import initializers, layers, regularizers
from minidl.compat.keras.engine.topology import InputSpec, Layer
from minidl.compat.keras.models import Model, Sequential, load_model
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentTypeError, ShapeError
from minidl.testing import check_gradients

GENERATOR = np.random.default_rng(4)
X = GENERATOR.normal(size=(6, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        yield


class Product(Layer):
    """x W + b, with what a script of 2017 writes."""

    def __init__(self, units, W_regularizer=None, bias=True, **kwargs):
        self.units, self.bias = units, bias  # before super().__init__, as many do
        self.W_regularizer = regularizers.get(W_regularizer)
        self.init = initializers.get("glorot_uniform")
        super(Product, self).__init__(**kwargs)  # noqa: UP008

    def build(self, input_shape):
        assert len(input_shape) == 2
        assert input_shape[0] is None
        self.W = self.add_weight(
            (input_shape[-1], self.units), initializer=self.init, name=f"{self.name}_W", regularizer=self.W_regularizer
        )
        self.weights_in_a_list = [self.add_weight(name="b", shape=(self.units,), initializer="zero")] if self.bias else []
        self.built = True

    def call(self, x, mask=None):
        y = K.dot(x, self.W)
        return y + self.weights_in_a_list[0] if self.bias else y

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def trained(layer):
    model = Sequential([layer, layers.Dense(1, kernel_initializer="ones")])
    model.layers[0].set_weights([np.linspace(-1, 1, 12).reshape(4, 3), np.zeros(3)])
    model.compile("sgd", "mse")
    history = model.fit(X, Y, epochs=5, batch_size=3, shuffle=False, verbose=0).history
    return model, history["loss"]


def test_it_trains_as_the_layer_of_minidl_does():
    own, found = trained(Product(3, W_regularizer="l2", input_shape=(4,)))
    other, expected = trained(layers.Dense(3, kernel_regularizer="l2", input_dim=4))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found[-1] < found[0]
    for mine, dense in zip(own.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, dense, rtol=1e-5, atol=1e-6)
    assert own.layers[0].output_shape == (None, 3)
    assert own.layers[0].name.startswith("product_")
    assert own.count_params() == 19


def test_it_is_kept_in_files_and_copied(tmp_path):
    model, _ = trained(Product(3, input_dim=4))
    model.save(tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5", custom_objects={"Product": Product})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    other = copy.deepcopy(model)
    other.layers[0].set_weights([np.zeros((4, 3)), np.zeros(3)])
    assert model.predict(X).any()
    assert np.unique(other.predict(X)).size == 1


def test_its_gradients_are_right():
    layer = Product(3, dtype="float64")
    layer.ensure_built((4,))
    check_gradients(layer, X.astype("float64"))


def test_a_frozen_one_stays():
    layer = Product(3, input_dim=4, trainable=False)
    assert layer.trainable_weights == []
    model, _ = trained(layer)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], np.linspace(-1, 1, 12).reshape(4, 3).astype("float32"))


def test_every_layer_is_one():
    assert isinstance(layers.Dense(3), Layer)
    assert isinstance(Product(3), Layer)
    assert isinstance(Product(3), today.Layer)
    assert not isinstance(layers.Dense(3), Product)
    assert not isinstance(3, Layer)
    assert issubclass(today.Dense, Layer)


def test_one_without_weights_and_without_a_shape_of_its_own():
    class Antirectifier(Layer):
        def call(self, inputs):
            inputs -= K.mean(inputs, axis=1, keepdims=True)
            return K.concatenate([K.relu(inputs), K.relu(-inputs)], axis=1)

        def get_output_shape_for(self, input_shape):  # its name in Keras 1
            return (input_shape[0], 2 * input_shape[1])

    x = layers.Input((4,))
    y = Antirectifier()(x)
    assert K.int_shape(y) == (None, 8)
    found = Model(x, y).predict(X)
    centred = X - X.mean(1, keepdims=True)
    np.testing.assert_allclose(found, np.maximum(np.concatenate([centred, -centred], 1), 0), rtol=1e-5, atol=1e-6)


def test_masks():
    class Mean(Layer):
        supports_masking = True

        def call(self, x, mask=None):
            m = K.expand_dims(K.cast(mask, "float32"))
            return K.sum(x * m, axis=1) / K.sum(m, axis=1)

        def compute_mask(self, inputs, mask=None):
            return None

    class Strict(Layer):
        def call(self, x):
            return x

    steps = np.array([[[1.0], [3.0], [0.0]]])
    model = Sequential([layers.Masking(0.0, input_shape=(3, 1)), Mean(), layers.Dense(1, kernel_initializer="ones")])
    np.testing.assert_allclose(model.predict(steps), [[2.0]])
    model = Sequential([layers.Masking(0.0, input_shape=(3, 1)), Strict(), layers.LSTM(2)])
    with pytest.raises(ArgumentTypeError, match="supports_masking = True"):
        model.predict(steps)


def test_several_inputs_and_results_and_a_loss_of_its_own():
    class Pull(Layer):
        def call(self, inputs):
            a, b = inputs
            self.add_loss(K.mean(K.square(a - b)), inputs=inputs)
            return inputs

    x = layers.Input((4,))
    a, b = layers.Dense(2, use_bias=False)(x), layers.Dense(2, use_bias=False)(x)
    a, b = Pull()([a, b])
    model = Model(x, layers.Dense(1)(layers.add([a, b])))
    model.compile("sgd", lambda t, p: 0 * K.mean(p, axis=-1))  # nothing but the layer's own loss
    found = model.fit(X, Y, epochs=60, verbose=0).history["loss"]
    first, second = (layer.get_weights()[0] for layer in model.layers[1:3])
    assert found[-1] < 0.5 * found[0]
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), np.mean((X @ first - X @ second) ** 2), rtol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda layer: layer.add_weight("w"), "no shape"),
        (lambda layer: layer.add_weight("w", (3,), initialiser="zeros"), "'initialiser'.*Did you mean 'initializer'"),
        (lambda layer: layer.add_loss(3.0), "what call computes"),
        (lambda layer: layer.add_update([]), "BatchNormalization"),
        (lambda layer: setattr(layer, "trainable_weights", [K.variable(3.0)]), "self.add_weight"),
        (lambda layer: Product(3, nam="x"), "'nam'.*Did you mean 'name'"),
    ],
)
def test_what_cannot_be_meant(call, message):
    with pytest.raises(ArgumentTypeError, match=message):
        call(Product(3))


def test_shapes_are_checked():
    class Wrong(Layer):
        def call(self, x):
            return K.sum(x, axis=1, keepdims=True)

        def compute_output_shape(self, input_shape):
            return (input_shape[0], 2)

    class Picky(Layer):
        def __init__(self, spec, **options):
            super().__init__(**options)
            self.input_spec = [spec]

    with pytest.raises(ShapeError, match=r"compute_output_shape that says \(None, 2\).*\(None, 1\)"):
        Wrong()(layers.Input((4,)))
    for wrong in ({"ndim": 3}, {"min_ndim": 3}, {"max_ndim": 1}, {"axes": {1: 5}}, {"shape": (None, 5)}):
        with pytest.raises(ShapeError, match="an input of shape"):
            Picky(InputSpec(**wrong))(layers.Input((4,)))
    for spec in (InputSpec(ndim=2), InputSpec(axes={1: 4}), InputSpec(shape=(None, None))):
        assert K.int_shape(Picky(spec)(layers.Input((4,)))) == (None, 4)


def test_one_with_apply_is_that_of_minidl():
    class Double(Layer):
        def build(self, input_shape):
            assert input_shape == (4,)

        def output_shape(self, input_shape):
            return input_shape

        def apply(self, x, context):
            return 2 * x, None

        def gradient(self, dy, saved, need_dx=True):
            return 2 * dy

    np.testing.assert_array_equal(Double()(X), 2 * X)


def test_a_function_of_the_shape_alone_has_a_gradient_of_zeros():
    x = layers.Input((4,))
    h = layers.Dense(2, kernel_initializer="ones")(x)
    noise = layers.Lambda(lambda t: K.ones((K.shape(t)[0], 2)))(h)
    model = Model(x, layers.add([h, noise]))
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((6, 2)))
    assert (model.layers[1].get_weights()[0] != 1).any()


def test_results_are_known_with_the_batch_axis():
    x = layers.Input((8, 6, 3))
    y = layers.Conv2D(5, 3)(x)
    assert y.get_shape().as_list() == [None, 6, 4, 5]
    assert y._keras_shape == (None, 6, 4, 5) == y.shape
    assert x.shape[1].value == int(x.shape[1]) == 8
    model = Sequential([layers.Dense(3, input_dim=4), layers.Dense(2)])
    assert model.output._keras_shape == model.layers[1].output.shape == model(layers.Input((4,))).shape == (None, 2)
    assert model.input.shape == model.layers[0].input.shape == (None, 4)
    for wrong in (lambda: layers.Dense(2)(y[:, 0]), lambda: layers.Add()([y, y + 1]), lambda: Model(x, 1 - y)):
        with pytest.raises(ArgumentTypeError, match="Lambda"):
            wrong()


def test_a_layer_of_two_uses_has_no_output_of_its_own():
    shared = layers.Dense(2)
    assert not hasattr(shared, "output")
    first = shared(layers.Input((4,)))
    assert shared.output is first
    second = shared(layers.Input((4,)))
    assert not hasattr(shared, "output")
    assert not hasattr(shared, "input")
    assert (shared.get_output_at(0), shared.get_output_at(1)) == (first, second)
    with pytest.raises(AttributeError, match=r"used 2 times.*get_output_at\(0\)"):
        _ = shared.output
