"""The gradient check finds every kind of wrong gradient, excuses no smooth one, and touches nothing of the user's."""

import pickle

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend.random import new_stream
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError
from minidl.layers import Activation, Add, Dense, Dropout, Input, Layer, MaxPooling2D
from minidl.losses import MeanSquaredError, SparseCategoricalCrossentropy
from minidl.models import Model, Sequential
from minidl.parameters import Parameter
from minidl.testing import GradientError, check_gradients, gradients


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class Affine(Layer):
    """A user's layer, as docs would show it: y = tanh(x) W + b, correct; subclasses break it."""

    def build(self, input_shape):
        self.W = self.new_parameter("W", (input_shape[-1], 3), "glorot_uniform")
        self.b = Parameter(np.zeros(3, self.dtype), "b")

    def output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def apply(self, x, training=False, keep=True):
        h = np.tanh(x)
        return h @ self.W.value + self.b.value, (h if keep else None)

    def dW(self, h, dy, out=None):
        return np.matmul(h.T, dy, out=out)

    def db(self, dy, out=None):
        return np.sum(dy, axis=0, out=out)

    def dx(self, h, dy):
        return (dy @ self.W.value.T) * (1 - h * h)

    def gradient(self, dy, saved, need_dx=True):
        self.W.accumulate(self.dW, saved, dy)
        self.b.accumulate(self.db, dy)
        return self.dx(saved, dy) if need_dx else None


def row(report, name):
    return next(r for r in report.rows if r.name == name)


def test_a_custom_layer_is_proven_to_better_than_1e_9():
    report = check_gradients(Affine(), batch(5, 4))
    assert report.ok
    assert report.error < 1e-9
    assert [(r.name, r.shape, r.checked, r.kinks) for r in report.rows] == [
        ("x", (5, 4), 20, 0),
        ("W", (4, 3), 12, 0),
        ("b", (3,), 3, 0),
    ]
    report.raise_if_failed()


# -- what it finds -----------------------------------------------------------------------------------------------------


class FlippedSign(Affine):
    def dx(self, h, dy):
        return (dy @ self.W.value.T) * (1 + h * h)


class DroppedRow(Affine):
    def dx(self, h, dy):
        dx = super().dx(h, dy)
        dx[-1] = 0
        return dx


class AveragedBias(Affine):
    def db(self, dy, out=None):
        return np.mean(dy, axis=0, out=out)


class SlightlyWrong(Affine):
    def dW(self, h, dy, out=None):
        return np.multiply(np.matmul(h.T, dy), 1 + 1e-5, out=out)


class TinyGradient(Affine):
    def dx(self, h, dy):
        return super().dx(h, dy) * 1e-9


class ZeroGradient(Affine):
    def dx(self, h, dy):
        return np.zeros_like(h)


class NotANumber(Affine):
    def dx(self, h, dy):
        dx = super().dx(h, dy)
        dx[1, 2] = np.nan
        return dx


@pytest.mark.parametrize(
    "layer, wrong",
    [
        (FlippedSign(), "x"),
        (DroppedRow(), "x"),
        (AveragedBias(), "b"),
        (SlightlyWrong(), "W"),
        (TinyGradient(), "x"),
        (ZeroGradient(), "x"),
        (NotANumber(), "x"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else value,
)
@pytest.mark.parametrize("elementwise", [True, False])
def test_a_wrong_gradient_is_found_in_the_right_array_and_only_there(layer, wrong, elementwise):
    report = check_gradients(layer, batch(5, 4), elementwise=elementwise)
    assert not report.ok
    assert [r.name for r in report.wrong] == [wrong]
    assert report.worst.name == wrong
    assert report.verdict.startswith("WRONG: " + wrong)
    assert row(report, wrong).index is not None


@pytest.mark.parametrize("shape", [(5, 4), (500, 40)], ids=["element by element", "along directions"])
def test_the_worst_element_is_named_with_both_values(shape):
    class OneElement(Affine):
        def dx(self, h, dy):
            dx = super().dx(h, dy)
            dx[3, 2] += 0.5
            return dx

    found = row(check_gradients(OneElement(), batch(*shape)), "x")
    assert found.index == (3, 2)
    assert found.analytic - found.numeric == pytest.approx(0.5, abs=1e-6)


def test_a_dropped_row_of_a_large_batch_is_found_along_directions():
    report = check_gradients(DroppedRow(), batch(500, 40))
    assert [r.name for r in report.wrong] == ["x"]
    assert report.worst.index[0] == 499
    assert report.worst.analytic == 0


class Overwrites(Affine):
    def gradient(self, dy, saved, need_dx=True):
        self.W.grad[...] = self.dW(saved, dy)
        self.b.accumulate(self.db, dy)
        return self.dx(saved, dy) if need_dx else None


class ChangesDy(Affine):
    def gradient(self, dy, saved, need_dx=True):
        dx = super().gradient(dy, saved, need_dx)
        dy *= 2
        return dx


class ChangesX(Affine):
    def apply(self, x, training=False, keep=True):
        return super().apply(x, training, keep)[0], x

    def gradient(self, dy, saved, need_dx=True):
        np.tanh(saved, out=saved)
        return super().gradient(dy, saved, need_dx)


class Irreproducible(Affine):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def dx(self, h, dy):
        self.calls += 1
        return super().dx(h, dy) * (1 + 1e-13 * self.calls)


class IrreproducibleForward(Affine):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def apply(self, x, training=False, keep=True):
        self.calls += 1
        y, saved = super().apply(x, training, keep)
        return y + 1e-9 * self.calls, saved


class WrongShape(Affine):
    def dx(self, h, dy):
        return super().dx(h, dy)[:, :-1]


class NothingForX(Affine):
    def dx(self, h, dy):
        return None


class SkipsWithoutDx(Affine):
    def gradient(self, dy, saved, need_dx=True):
        return super().gradient(dy, saved) if need_dx else None


class SinglePrecisionInside(Affine):
    def apply(self, x, training=False, keep=True):
        y, saved = super().apply(x, training, keep)
        return y.astype("float32"), saved


@pytest.mark.parametrize(
    "layer, sentence",
    [
        (Overwrites(), "The gradient of W is overwritten by the next one; gradients must add."),
        (ChangesDy(), "dy was changed; it belongs to the layer behind."),
        (ChangesX(), "x itself was changed."),
        (Irreproducible(), "The gradient of x comes out differently when it is computed again."),
        (IrreproducibleForward(), "The forward pass gives another y when it runs again."),
        (WrongShape(), "The gradient of x, of shape (5, 4), is of shape (5, 3)."),
        (NothingForX(), "The gradient of x, of shape (5, 4), is missing."),
        (SkipsWithoutDx(), "The gradient of W is another one when need_dx=False."),
        (SinglePrecisionInside(), "y is float32: something is computed in less than the precision of the input."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_a_broken_promise_is_found(layer, sentence):
    report = check_gradients(layer, batch(5, 4))
    assert sentence in report.problems
    assert not report.ok
    assert report.verdict.startswith("WRONG")


def test_shared_parameters_may_round_differently_when_they_add():
    x = Input((4,))
    shared = Dense(4, activation="tanh", name="shared")
    report = check_gradients(Model(x, Add()([x, shared(shared(x))])), batch(6, 4))
    assert report.ok, str(report)
    assert [r.name for r in report.rows] == ["x", "shared.W", "shared.b"]


# -- kinks -------------------------------------------------------------------------------------------------------------


def ramp_with_zeros(size, zeros):
    x = np.linspace(-2, 2, size) + 0.013
    x[zeros] = 0
    return x[None]


@pytest.mark.parametrize("size", [20, 300])
@pytest.mark.parametrize("elementwise", [True, False])
def test_kinks_are_counted_and_everything_else_is_checked(size, elementwise):
    x = ramp_with_zeros(size, [3, 4, 11])
    report = check_gradients(Activation("relu"), x, elementwise=elementwise)
    assert report.ok
    assert (report.kinks, row(report, "x").checked) == (3, size - 3)
    assert "3 elements at corners left out" in report.verdict


def test_ties_in_a_pool_are_kinks():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    x[0, 1, 0, 0] = x[0, 1, 1, 0]  # two winners in the first window
    report = check_gradients(MaxPooling2D(2), x)
    assert report.ok
    assert (report.kinks, row(report, "x").checked) == (2, 14)


class WrongRelu(Layer):
    """The gradient of relu, wrong at one element away from every corner."""

    def apply(self, x, training=False, keep=True):
        return np.maximum(x, 0), x

    def gradient(self, dy, saved, need_dx=True):
        dx = dy * (saved > 0)
        dx[0, -1] *= 1.001
        return dx


@pytest.mark.parametrize("size", [20, 300])
def test_kinks_do_not_excuse_a_wrong_gradient_elsewhere(size):
    report = check_gradients(WrongRelu(), ramp_with_zeros(size, list(range(0, size - 1, 2))))
    assert report.kinks == size // 2
    assert [r.name for r in report.wrong] == ["x"]
    assert report.worst.index == (0, size - 1)


def test_a_corner_close_by_is_gone_around():
    x = np.array([[1e-5, -1e-5, 1.0, -1.0]])
    report = check_gradients(Activation("relu"), x)
    assert report.ok
    assert (report.kinks, report.rows[0].checked) == (0, 4)


def test_a_wrong_gradient_close_to_a_corner_is_found():
    class WrongBelow(WrongRelu):
        def gradient(self, dy, saved, need_dx=True):
            return dy * (saved > -1e-4)

    assert check_gradients(WrongBelow(), np.array([[-1e-5, 1.0, -1.0]])).worst.index == (0, 0)


def test_nothing_but_kinks_is_not_proven():
    report = check_gradients(Activation("relu"), np.zeros((2, 3)))
    assert not report.ok
    assert not report.wrong
    assert report.kinks == 6
    assert report.verdict.startswith("NOT PROVEN: x, all 6 elements at corners")
    with pytest.raises(GradientError, match="NOT PROVEN"):
        report.raise_if_failed()


def test_elements_that_were_not_reached_are_not_proven(monkeypatch):
    monkeypatch.setattr(gradients, "PATIENCE", 20)
    report = check_gradients(Activation("relu"), ramp_with_zeros(300, list(range(0, 300, 2))))
    assert not report.ok
    assert 0 < report.rows[0].checked < 150
    assert "elements not reached between so many corners" in report.verdict


def test_a_strong_curvature_is_not_a_corner():
    class Wave(Layer):
        def apply(self, x, training=False, keep=True):
            return np.sin(300 * x), x

        def gradient(self, dy, saved, need_dx=True):
            return 300 * dy * np.cos(300 * saved)

    report = check_gradients(Wave(), batch(4, 5))
    assert report.ok
    assert report.kinks == 0


def test_a_gradient_that_is_zero_is_proven():
    report = check_gradients(Activation("softmax"), batch(3, 1))
    assert report.ok
    assert report.error == 0


# -- what it is given --------------------------------------------------------------------------------------------------


def test_the_users_objects_stay_as_they_are():
    minidl.set_seed(5)
    model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(2)])
    layer = model.network
    layer.forward(batch(2, 3))
    layer.backward(batch(2, 2))
    state = pickle.dumps([(p.value.copy(), p.grad.copy(), p.dtype.name) for p in layer.parameters])
    step = layer.layers[1].step.copy()
    x = batch(6, 3)
    x.flags.writeable = False
    saved_x = x.copy()
    number = new_stream().number

    assert check_gradients(layer, x).ok

    assert new_stream().number == number + 1
    assert pickle.dumps([(p.value.copy(), p.grad.copy(), p.dtype.name) for p in layer.parameters]) == state
    np.testing.assert_array_equal(layer.layers[1].step, step)
    np.testing.assert_array_equal(x, saved_x)
    assert [sub.dtype for sub in layer.layers] == ["float32"] * 3
    assert config.dtype() == "float32"


def test_a_layer_without_parameters_yet_stays_so():
    layer = Dense(3)
    assert check_gradients(layer, batch(4, 5)).ok
    assert layer.input_shape is None
    assert layer.parameters == []


def test_the_seed_in_force_goes_on_even_after_an_error():
    minidl.set_seed(9)
    with pytest.raises(MinidlError):
        check_gradients(Dense(3), 7.0)
    assert (minidl.get_seed(), new_stream().number) == (9, 0)


def test_dropout_draws_one_mask():
    assert check_gradients(Dropout(0.5), batch(8, 8)).ok


def test_frozen_parameters_are_left_out():
    layer = Dense(3)
    layer.trainable = False
    assert [r.name for r in check_gradients(layer, batch(4, 5)).rows] == ["x"]


def test_integers_are_used_but_not_differentiated():
    report = check_gradients(Dense(3), np.arange(8).reshape(2, 4))
    assert report.ok
    assert [r.name for r in report.rows] == ["W", "b"]


def test_nothing_to_differentiate_is_not_proven():
    report = check_gradients(Activation("tanh"), np.arange(8).reshape(2, 4))
    assert not report.ok
    assert report.verdict.startswith("NOT PROVEN")


def test_a_loss_through_its_value():
    weights = np.array([0.0, 1.0, 2.0])
    report = check_gradients(MeanSquaredError(), batch(3, 2), batch(3, 2, seed=1), sample_weight=weights)
    assert report.ok
    assert report.subject == "MeanSquaredError"


def test_a_wrong_loss_is_found():
    class Forgetful(MeanSquaredError):
        def gradient_of(self, kept, targets, scale):
            return super().gradient_of(kept, targets, scale) / 2

    assert [r.name for r in check_gradients(Forgetful(), batch(3, 2), batch(3, 2, seed=1)).wrong] == ["x"]


@pytest.mark.parametrize("fuse", [True, False])
def test_a_compiled_model_through_its_loss(fuse):
    model = Sequential([Dense(5, activation="tanh", input_shape=(4,)), Dense(3, activation="softmax")])
    model.compile("sgd", SparseCategoricalCrossentropy(), fuse=fuse)
    labels = np.array([0, 2, 1, 1])
    report = check_gradients(model, batch(4, 4), labels, sample_weight=np.array([1.0, 2.0, 0.5, 0.0]))
    assert report.ok, str(report)
    assert [r.name for r in report.rows] == ["x", "dense_1.W", "dense_1.b", "dense_2.W", "dense_2.b"]


def test_a_model_that_is_not_compiled_as_a_layer():
    assert check_gradients(Sequential([Dense(5), Activation("elu")]), batch(4, 4)).ok


def test_the_tolerance_decides():
    assert not check_gradients(SlightlyWrong(), batch(5, 4)).ok
    assert check_gradients(SlightlyWrong(), batch(5, 4), tolerance=1e-4).ok


def test_the_same_arguments_give_the_same_report():
    assert str(check_gradients(Dense(3), batch(4, 5), seed=3)) == str(check_gradients(Dense(3), batch(4, 5), seed=3))


def test_directions_only_and_elements_only():
    only_directions = check_gradients(Dense(3, "tanh"), batch(4, 5), elementwise=False, directions=1)
    assert only_directions.ok
    assert all(r.index is None for r in only_directions.rows)
    only_elements = check_gradients(Dense(3, "tanh"), batch(4, 5), directions=0)
    assert only_elements.ok
    assert all(r.index is not None for r in only_elements.rows)


def test_training_or_inference():
    zeros = check_gradients(Dropout(1), batch(3, 4))
    identity = check_gradients(Dropout(1), batch(3, 4), training=False)
    assert zeros.ok
    assert identity.ok
    assert (zeros.rows[0].numeric, round(identity.rows[0].numeric, 6) != 0) == (0, True)


def test_the_report_is_a_table_that_ends_in_one_verdict():
    lines = str(check_gradients(Affine(name="mine"), batch(5, 4))).splitlines()
    assert lines[0] == "Gradients of mine (Affine), tolerance 1e-06"
    assert lines[1].split() == ["array", "shape", "error", "checked", "kinks", "worst", "element"]
    column = lines[1].index("checked")
    assert [line[column:].split()[:3] for line in lines[2:5]] == [["20", "of", "20"], ["12", "of", "12"], ["3", "of", "3"]]
    assert lines[5].startswith("PROVEN: worst error ")
    assert len(lines) == 6


def test_a_failure_is_minidls_own_error_with_the_table_in_it():
    report = check_gradients(FlippedSign(), batch(5, 4))
    with pytest.raises(GradientError, match=r"WRONG: x, error .* analytic .* numeric") as caught:
        report.raise_if_failed()
    assert isinstance(caught.value, MinidlError)
    assert isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    "arguments, error",
    [
        ((Dense, batch(2, 3)), ArgumentTypeError),
        ((MeanSquaredError(), batch(2, 3)), ArgumentTypeError),
        ((Dense(2), batch(2, 3), batch(2, 2)), ArgumentTypeError),
        ((Dense(2), batch(0, 3)), ArgumentError),
    ],
    ids=["a class", "a loss without targets", "targets without a loss", "no samples"],
)
def test_wrong_arguments(arguments, error):
    with pytest.raises(error):
        check_gradients(*arguments)


@pytest.mark.parametrize("option", [{"eps": 0}, {"tolerance": 0}, {"elementwise": "some"}, {"directions": -1}])
def test_wrong_options(option):
    with pytest.raises(ArgumentError):
        check_gradients(Dense(2), batch(2, 3), **option)
