"""Losses that a user writes: two methods are enough, and what is half right is explained."""

import re

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentTypeError, ShapeError
from minidl.layers import Dense
from minidl.losses import Loss, MeanSquaredError
from minidl.models import Sequential
from minidl.testing import check_gradients

RNG = np.random.default_rng(3)
Y_PRED, Y_TRUE = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


class Quartic(Loss):
    """The fourth power of the error."""

    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 4).mean(axis=-1), y_pred

    def gradient_of(self, kept, targets, scale):
        return 4 * (kept - targets) ** 3 * scale / kept.shape[-1]


class Power(Quartic):
    """The same with an argument; the constructor forgets ``super().__init__()``."""

    def __init__(self, power):
        self.power = power

    def per_sample(self, y_pred, targets):
        return (abs(y_pred - targets) ** self.power).sum(axis=-1), y_pred - targets

    def gradient_of(self, kept, targets, scale):
        return self.power * abs(kept) ** (self.power - 1) * np.sign(kept) * scale


class WithOptions(Loss):
    """And one whose constructor takes what every loss takes."""

    def __init__(self, power=3, **options):
        super().__init__(**options)
        self.power = power

    per_sample, gradient_of = Power.per_sample, Power.gradient_of


class PerImage(Loss):
    """One number for each sample, whatever its shape."""

    def shape_of_values(self, output_shape):
        return output_shape[:1]

    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 2).reshape(len(y_pred), -1).sum(axis=1), y_pred

    def gradient_of(self, kept, targets, scale):
        return 2 * (kept - targets) * scale


@pytest.mark.parametrize("loss", [Quartic(), Quartic("sum"), Power(3), WithOptions(), WithOptions(4, reduction="sum")])
@pytest.mark.parametrize("weights", [None, np.array([1.0, 0.0, 2.0, 0.5])])
def test_two_methods_are_enough(loss, weights):
    check_gradients(loss, Y_PRED, Y_TRUE, sample_weight=weights).raise_if_failed()


def test_what_the_base_class_gives():
    assert (Power(3).reduction, Power(3).name) == ("sum_over_batch_size", None)
    assert Power(3).get_config() == {"power": 3}
    assert repr(WithOptions(reduction="sum")) == "WithOptions(reduction='sum')"
    assert WithOptions.from_config({"power": 5, "name": "five"}).get_config() == {
        "power": 5, "reduction": "sum_over_batch_size", "name": "five"
    }  # fmt: skip
    assert "Quartic" not in minidl.declared.classes("loss")  # the table of names is minidl's own


def test_one_number_for_each_image():
    y_pred, y_true = RNG.normal(size=(2, 2, 3, 1)), RNG.normal(size=(2, 2, 3, 1))
    value, _ = PerImage().apply(y_pred, y_true)
    assert float(value) == pytest.approx(((y_pred - y_true) ** 2).sum() / 2)
    check_gradients(PerImage(), y_pred, y_true, sample_weight=np.array([0.5, 2.0])).raise_if_failed()


def test_a_model_trains_with_it():
    model = Sequential([Dense(3, input_shape=(2,))])
    model.compile("sgd", Power(2))
    other = Sequential([Dense(3, input_shape=(2,))])
    other.compile("sgd", minidl.losses.SumSquaredError())
    other.set_weights(model.get_weights())
    x = RNG.normal(size=(8, 2))
    of_own, of_minidl = (m.fit(x, x[:, [0, 1, 0]], verbose=0, shuffle=False).history["loss"] for m in (model, other))
    np.testing.assert_allclose(of_own, of_minidl, rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-5)


# -- what is half right --------------------------------------------------------------------------------------------------


class OnlyValues(Quartic):
    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 4).mean(axis=-1)


class NoMean(Quartic):
    def per_sample(self, y_pred, targets):
        return (y_pred - targets) ** 4, y_pred


class OneNumber(Quartic):
    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 4).mean(), y_pred


class PythonNumber(Quartic):
    def per_sample(self, y_pred, targets):
        return 3.0, y_pred


class Three(Quartic):
    def per_sample(self, y_pred, targets):
        return ((y_pred - targets) ** 4).mean(axis=-1), y_pred, targets


class NothingReturned(Quartic):
    def per_sample(self, y_pred, targets):
        (y_pred - targets) ** 4


@pytest.mark.parametrize("n", [1, 2, 4])  # an array of two can be taken apart like a tuple
@pytest.mark.parametrize(
    "loss, kind, words",
    [
        (
            OnlyValues,
            ArgumentTypeError,
            ["per_sample that returned an array of shape ({n},)", "a tuple of two", "return values"],
        ),
        (NoMean, ShapeError, ["losses are an array of shape ({n}, 3)", "an array of shape ({n},)", "values.mean(axis=-1)"]),
        (OneNumber, ShapeError, ["losses are a single number", "an array of shape ({n},)", "over the last axis alone"]),
        (PythonNumber, ShapeError, ["losses are 3.0", "an array of shape ({n},)"]),
        (Three, ArgumentTypeError, ["a tuple of 3", "a tuple of two"]),
        (NothingReturned, ArgumentTypeError, ["per_sample that returned None", "a tuple of two"]),
    ],
)
def test_what_per_sample_has_to_return(loss, kind, words, n):
    with pytest.raises(kind) as raised:
        loss().apply(Y_PRED[:n], Y_TRUE[:n])
    for word in (loss.__name__, *words):
        assert word.replace("{n}", str(n)) in str(raised.value)


class OneDimension(Quartic):
    def gradient_of(self, kept, targets, scale):
        return (4 * (kept - targets) ** 3 * scale).mean(axis=-1)


class NoGradient(Quartic):
    def gradient_of(self, kept, targets, scale):
        pass


@pytest.mark.parametrize("loss, words", [(OneDimension, "an array of shape (4,)"), (NoGradient, "None")])
def test_what_gradient_of_has_to_return(loss, words):
    _, saved = loss().apply(Y_PRED, Y_TRUE)
    expected = f"{loss.__name__}: received gradient_of that returned {words}; expected dL/dy_pred, an array of the"
    with pytest.raises(ShapeError, match=re.escape(expected)):
        loss().gradient(saved)


def test_losses_of_whole_numbers_are_not_cut():
    class Mistakes(Quartic):
        def per_sample(self, y_pred, targets):
            return (y_pred > 0).all(axis=-1), y_pred

    value, _ = Mistakes().apply(np.array([[1.0], [-1.0]], np.float32), np.zeros((2, 1)))
    assert (value, value.dtype) == (0.5, np.float32)


class ValueAlone(Loss):
    def per_sample(self, y_pred, targets):
        return abs(y_pred - targets).mean(axis=-1), None


class InKerasWords(Loss):
    def call(self, y_true, y_pred):
        return abs(y_pred - y_true).mean(axis=-1)


def of_a_function(y_true, y_pred):
    return abs(y_pred - y_true).mean(axis=-1)


@pytest.mark.parametrize(
    "loss, words",
    [
        (ValueAlone(), ["ValueAlone: received a loss without gradient_of", "per_sample(self, y_pred, targets)"]),
        (InKerasWords(), ["without per_sample and gradient_of", "call is Keras's", "gradient_of(self, kept, targets, scale)"]),
        (Loss(), ["Loss: received a loss without per_sample and gradient_of"]),
        (of_a_function, ["the function 'of_a_function' as loss, which has no gradient", "derived from minidl.losses.Loss",
                         "per_sample(self, y_pred, targets)", "scale * dL_i/dy_pred"]),
        (lambda y_true, y_pred: 0, ["the function '<lambda>' as loss"]),
        (MeanSquaredError, ["the class MeanSquaredError as loss", "MeanSquaredError()"]),
        (3, ["3 as loss", "a Loss object or a name"]),
    ],
)  # fmt: skip
def test_compile_says_what_a_loss_needs(loss, words):
    with pytest.raises(TypeError) as raised:
        Sequential([Dense(3, input_shape=(2,))]).compile("sgd", loss)
    for word in words:
        assert word in str(raised.value)


def test_called_by_hand_the_missing_method_is_named():
    with pytest.raises(ArgumentTypeError, match="InKerasWords: received a loss without the method per_sample"):
        InKerasWords().apply(Y_PRED, Y_TRUE)
    with pytest.raises(ArgumentTypeError, match="ValueAlone: received a loss without the method gradient_of"):
        ValueAlone().gradient(ValueAlone().apply(Y_PRED, Y_TRUE)[1])
