"""Activation functions as layers: values at the corners, masks, the plan, and what is refused."""

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, ShapeError
from minidl.layers import (
    ELU,
    Activation,
    Conv2D,
    Dense,
    Flatten,
    Input,
    LeakyReLU,
    MaxPooling2D,
    PReLU,
    ReLU,
    Softmax,
    ThresholdedReLU,
)
from minidl.losses import CategoricalCrossentropy, MeanSquaredError
from minidl.models import Model, Sequential
from minidl.training.plan import for_inference, make_plan

X = np.array([[-np.inf, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, np.inf]])


def of(layer):
    """y and the derivative, where dy is 1."""
    y = layer.forward(X)[0]
    return y.tolist(), layer.backward(np.ones_like(X))[0].tolist()


@pytest.mark.parametrize(
    "layer, y, slopes",
    [
        (ReLU(), [0, 0, 0, 0.5, 1, 1.5, 2, 3, np.inf], [0, 0, 0, 1, 1, 1, 1, 1, 1]),
        (ReLU(2), [0, 0, 0, 0.5, 1, 1.5, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1, 0, 0]),
        (ReLU(0), [0] * 9, [0] * 9),
        (ReLU(threshold=1), [0, 0, 0, 0, 0, 1.5, 2, 3, np.inf], [0, 0, 0, 0, 0, 1, 1, 1, 1]),
        (ReLU(2, 0.5, 1), [-np.inf, -1, -0.5, -0.25, 0, 1.5, 2, 2, 2], [0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 0, 0]),
        (ReLU(negative_slope=0.5), [-np.inf, -0.5, 0, 0.5, 1, 1.5, 2, 3, np.inf], [0.5, 0.5, 0.5, 1, 1, 1, 1, 1, 1]),
        (LeakyReLU(), [-np.inf, np.float32(-0.3), 0, 0.5, 1, 1.5, 2, 3, np.inf], [np.float32(0.3)] * 3 + [1] * 6),
        (ThresholdedReLU(), [0, 0, 0, 0, 0, 1.5, 2, 3, np.inf], [0, 0, 0, 0, 0, 1, 1, 1, 1]),
    ],
    ids=lambda part: repr(part) if isinstance(part, minidl.layers.Layer) else "",
)
def test_at_the_corners(layer, y, slopes):
    found = of(layer)
    np.testing.assert_array_equal(found[0], y)
    np.testing.assert_array_equal(found[1], slopes)


@pytest.mark.parametrize("shared, shape", [(None, (2, 3, 4)), (1, (1, 3, 4)), ((1, 2), (1, 1, 4)), ([-1], (2, 3, 1))])
def test_shared_slopes(shared, shape):
    layer = PReLU("ones", shared_axes=shared)
    layer.build((2, 3, 4))
    assert layer.alpha.shape == shape
    layer.alpha.value[...] = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(layer(-np.ones((5, 2, 3, 4))), -np.broadcast_to(layer.alpha.value, (5, 2, 3, 4)))


def test_slopes_of_unknown_lengths():
    assert PReLU(shared_axes=1).output_shape((None, 3)) == (None, 3)
    with pytest.raises(ShapeError, match=r"\(None, 3\).*known size along axis 1"):
        PReLU().output_shape((None, 3))
    model = Sequential([Input((None, 3)), PReLU("ones", shared_axes=1)])
    for steps in (2, 5):
        np.testing.assert_array_equal(model.predict(-np.ones((1, steps, 3)), verbose=0), -np.ones((1, steps, 3)))
    layer = PReLU()
    layer.build((2, 3))
    with pytest.raises(ShapeError, match=r"slopes of shape \(2, 3\)"):
        layer(np.ones((1, 4, 3)))


# -- softmax with a mask -------------------------------------------------------------------------------------------------

COUNTS = np.array([[True, True, False], [True, False, False], [False, False, False]])


def test_softmax_over_time_leaves_masked_steps_out():
    x = np.random.default_rng(0).normal(size=(3, 3, 2)).astype("float32")
    layer = Softmax(axis=1)
    y = layer.forward(x, mask=COUNTS)
    e = np.exp(x) * COUNTS[..., None]
    np.testing.assert_allclose(y[:2], e[:2] / e[:2].sum(axis=1, keepdims=True), rtol=1e-6)
    assert not y[2].any(), "nothing counts"
    dx = layer.backward(np.random.default_rng(1).normal(size=y.shape))
    assert not dx[~COUNTS].any()
    assert dx[0, 0].any()
    np.testing.assert_array_equal(layer.output_mask(x, COUNTS), COUNTS)


def test_softmax_over_features_is_not_changed_by_a_mask_of_steps():
    x = np.random.default_rng(0).normal(size=(3, 3, 2))
    np.testing.assert_array_equal(Softmax()(x, mask=COUNTS), Softmax()(x))


def test_a_mask_of_single_numbers():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    mask = x > 0
    y = Softmax()(x, mask=mask)
    e = np.exp(x) * mask
    np.testing.assert_allclose(y, e / np.maximum(e.sum(axis=-1, keepdims=True), 1e-30), rtol=1e-6)


def test_softmax_over_several_axes_is_one_distribution():
    y = Softmax((1, 2))(np.random.default_rng(0).normal(size=(5, 3, 4)))
    np.testing.assert_allclose(y.sum(axis=(1, 2)), 1, rtol=1e-6)
    assert Softmax((1, 2)).output_shape((None, 4)) == (None, 4)


# -- the plan ------------------------------------------------------------------------------------------------------------


def types(network):
    return [type(layer).__name__ for layer in network.sublayers()]


@pytest.mark.parametrize("training", [True, False])
def test_a_relu_layer_is_absorbed_and_moved_like_an_activation(training):
    layers = [Conv2D(3, 3, input_shape=(8, 8, 2)), ReLU(), MaxPooling2D(2), Flatten(), Dense(5), ReLU(), Dense(4), ReLU(6)]
    model = Sequential(layers)
    plan = make_plan(model.network, MeanSquaredError())[0] if training else for_inference(model.network)
    moved = ["Conv2D", "MaxPooling2D", "Activation"] if training else ["Conv2D", "MaxPooling2D"]
    same = make_plan(
        Sequential([Conv2D(3, 3, input_shape=(8, 8, 2)), Activation("relu"), MaxPooling2D(2)]).network, MeanSquaredError()
    )[0]
    assert types(plan)[: len(types(same) if training else moved)] == (types(same) if training else moved)
    assert types(plan)[-3:] == ["Dense", "Dense", "ReLU"], "relu6 stays what it is"
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 2)).astype("float32")
    np.testing.assert_allclose(plan.apply(x)[0], model.network.apply(x)[0], rtol=1e-5, atol=1e-6)
    assert types(model.network) == [type(layer).__name__ for layer in layers], "the user's layers stay"


@pytest.mark.parametrize("softmax", [Softmax(), Softmax(1), Softmax((-1,))], ids=repr)
def test_a_softmax_layer_joins_the_cross_entropy(softmax):
    model = Sequential([Dense(3, input_shape=(4,)), softmax])
    network, loss = make_plan(model.network, CategoricalCrossentropy())
    assert types(network) == ["Dense"]
    assert loss.part(0).from_logits


def test_a_softmax_over_another_axis_does_not():
    model = Sequential([Dense(3, input_shape=(2, 4)), Softmax(1)])
    network, loss = make_plan(model.network, CategoricalCrossentropy())
    assert network is model.network
    assert not loss.part(0).from_logits


class Louder(ReLU):
    """A subclass with an apply of its own, which the plan cannot know."""

    def apply(self, x, context):
        y, saved = super().apply(x, context)
        return 2 * y, saved

    def gradient(self, dy, saved, need_dx=True):
        return super().gradient(2 * dy, saved, need_dx)


def test_a_class_of_your_own_is_left_alone():
    model = Sequential([Dense(3, input_shape=(4,)), Louder()])
    assert make_plan(model.network, MeanSquaredError())[0] is model.network


def test_steps_are_those_of_activations():
    found = []
    x, y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 3
    for relu, softmax in ((Activation("relu"), Activation("softmax")), (ReLU(), Softmax())):
        minidl.set_seed(3)
        model = Sequential([Dense(5, input_shape=(4,)), relu, Dense(3), softmax])
        model.compile("sgd", "sparse_categorical_crossentropy")
        found.append([model.train_on_batch(x, y) for _ in range(3)] + [model.predict(x, verbose=0).tolist()])
    assert found[0] == found[1]


def test_advice_knows_the_layers():
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,)), Softmax()])
    with pytest.warns(DataWarning, match=r"softmax_1 \(Softmax\) applies softmax to what dense_1 \(Dense\) has"):
        model.compile("sgd", "categorical_crossentropy")
    with pytest.warns(DataWarning, match=r"re_lu_1 \(ReLU\) ends in relu"):
        Sequential([Dense(3, input_shape=(4,)), ReLU()]).compile("sgd", "categorical_crossentropy")


def test_in_double_precision():
    x = Input((3,))
    model = Model(x, ReLU(dtype="float64")(Dense(3, dtype="float64")(x)))
    model.compile("sgd", "mse")
    assert model.predict(np.ones((1, 3)), verbose=0).dtype == np.float64


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: ReLU(-1), ArgumentError, "max_value=-1"),
        (lambda: ReLU(negative_slope=-1), ArgumentError, "negative_slope=-1"),
        (lambda: ReLU(threshold=-0.5), ArgumentError, r"threshold=-0\.5"),
        (lambda: ReLU(negative_slope=None), ArgumentTypeError, "negative_slope=None"),
        (lambda: LeakyReLU(-0.1), ArgumentError, r"negative_slope=-0\.1"),
        (lambda: ELU("1"), ArgumentTypeError, "alpha='1'"),
        (lambda: ELU(-1), ArgumentError, "alpha=-1"),
        (lambda: ThresholdedReLU(None), ArgumentTypeError, "theta=None"),
        (lambda: PReLU(shared_axes=0), ArgumentError, "shared_axes=0"),
        (lambda: PReLU(shared_axes=[1, 1]), ArgumentError, r"shared_axes=\[1, 1\].*different axes"),
        (lambda: Softmax("last"), ArgumentTypeError, "axis='last'"),
        (lambda: Softmax(()), ArgumentError, r"axis=\(\)"),
        (lambda: Softmax(0), ArgumentError, "0 is the batch"),
        (lambda: Softmax(3).build((4, 5)), ShapeError, "axis=3 for samples with 2 axes"),
        (lambda: Softmax((1, -2)).build((4, 5)), ShapeError, r"axis=\(1, -2\)"),
        (lambda: PReLU(shared_axes=3).build((4, 5)), ShapeError, "shared_axes=3"),
    ],
)
def test_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_the_old_name_of_the_slope_is_not_accepted():
    with pytest.raises(TypeError, match="alpha"):
        LeakyReLU(alpha=0.1)
