"""The gradient check finds every kind of wrong gradient, excuses no smooth one, and touches nothing of the user's."""

import pickle

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend.random import new_stream
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, ShapeError
from minidl.layers import Activation, Add, BatchNormalization, Dense, Dropout, Input, Layer, MaxPooling2D
from minidl.losses import MeanSquaredError, SparseCategoricalCrossentropy
from minidl.models import Model, Sequential
from minidl.parameters import Parameter
from minidl.testing import GradientError, check_gradients, gradients
from tests.cases.sample import by_references_first


def batch(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class Affine(Layer):
    """A user's layer, as docs would show it: y = tanh(x) W + b, correct; subclasses break it."""

    def build(self, input_shape):
        self.W = self.new_parameter("W", (input_shape[-1], 3), "glorot_uniform")
        self.b = Parameter(np.zeros(3, self.dtype), "b")

    def output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def apply(self, x, context):
        h = np.tanh(x)
        return h @ self.W.value + self.b.value, (h if context.keep else None)

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
    def apply(self, x, context):
        return super().apply(x, context)[0], x

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

    def apply(self, x, context):
        self.calls += 1
        y, saved = super().apply(x, context)
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
    def apply(self, x, context):
        y, saved = super().apply(x, context)
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


@pytest.mark.parametrize("kernels", by_references_first)
def test_ties_in_a_pool_are_kinks(kernels):
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    x[0, 1, 0, 0] = x[0, 1, 1, 0]  # two winners in the first window
    with config.use_kernels(kernels):
        report = check_gradients(MaxPooling2D(2), x)
    assert report.ok
    assert (report.kinks, row(report, "x").checked) == (2, 14)


class WrongRelu(Layer):
    """The gradient of relu, wrong at one element away from every corner."""

    def apply(self, x, context):
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
        def apply(self, x, context):
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


# -- what one pass, and numbers of ordinary size, do not show ------------------------------------------------------------


class Sets(Affine):
    """A right gradient, but for one number."""

    def __init__(self, name, number):
        super().__init__()
        self.array, self.number = name, number

    def gradient(self, dy, saved, need_dx=True):
        dx = super().gradient(dy, saved, need_dx)
        target = dx if self.array == "x" else getattr(self, self.array).grad
        if target is not None:
            target.flat[0] = self.number
        return dx


@pytest.mark.parametrize("number", [1e155, -1e200, 1.7e308, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["x", "W"])
def test_no_number_is_so_large_that_it_passes(name, number):
    with np.errstate(all="ignore"):
        report = check_gradients(Sets(name, number), batch(5, 4))
    assert [r.name for r in report.wrong] == [name]
    assert report.worst.index == (0, 0)
    assert report.worst.analytic == number or np.isnan([report.worst.analytic, number]).all()


class Scaled(Layer):
    """y = scale tanh(x), its gradient ``error`` times the right one."""

    def __init__(self, scale, error=1.0):
        super().__init__()
        self.scale, self.error = scale, error

    def apply(self, x, context):
        return self.scale * np.tanh(x), x

    def gradient(self, dy, x, need_dx=True):
        return self.error * self.scale * dy * (1 - np.tanh(x) ** 2)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-160, 1e-8, 1e8, 1e160, 1e200, 1e299])
@pytest.mark.parametrize("elementwise", [True, False])
def test_functions_of_any_scale_are_judged_alike(scale, elementwise):
    with np.errstate(all="raise"):  # the check's own arithmetic neither overflows nor underflows
        assert check_gradients(Scaled(scale), batch(5, 4), elementwise=elementwise).ok
        for error in (1 + 1e-4, 2, -1):
            report = check_gradients(Scaled(scale, error), batch(5, 4), elementwise=elementwise)
            assert [r.name for r in report.wrong] == ["x"], error


def test_a_function_too_large_for_differences_is_not_proven():
    with np.errstate(all="ignore"):
        assert not check_gradients(Scaled(1e308, 2), batch(5, 4)).ok


class TwoScales(Layer):
    """Columns of very different size, the small one with a wrong gradient."""

    def apply(self, x, context):
        return x * [1e8, 1.0], None

    def gradient(self, dy, saved, need_dx=True):
        return dy * [1e8, 1.01]


def test_an_element_that_is_small_beside_its_neighbours_is_wrong_all_the_same():
    report = check_gradients(TwoScales(), batch(3, 2))
    assert report.worst.error == pytest.approx(0.01, rel=0.1)
    assert report.worst.index[1] == 1


class NaNAtTheCorner(Layer):
    def apply(self, x, context):
        return np.maximum(x, 0), x

    def gradient(self, dy, x, need_dx=True):
        return np.where(x == 0, np.nan, dy * (x > 0))


@pytest.mark.parametrize("size", [20, 300])
def test_a_corner_does_not_excuse_nan(size):
    report = check_gradients(NaNAtTheCorner(), ramp_with_zeros(size, [7]))
    assert report.worst.index == (0, 7)
    assert report.worst.error == np.inf


class KeepsItsInput(Affine):
    def apply(self, x, context):
        y, self.h = super().apply(x, context)
        return y, None

    def gradient(self, dy, saved, need_dx=True):
        return super().gradient(dy, self.h, need_dx)


class KeepsAStack(KeepsItsInput):
    def __init__(self):
        super().__init__()
        self.stack = []

    def apply(self, x, context):
        y, h = Affine.apply(self, x, context)
        self.stack.append(h)
        return y, None

    def gradient(self, dy, saved, need_dx=True):
        return Affine.gradient(self, dy, self.stack.pop(), need_dx)


class RemembersTheFirstBatch(Layer):
    length = 0

    def apply(self, x, context):
        self.length = self.length or len(x)
        return x / self.length, None

    def gradient(self, dy, saved, need_dx=True):
        return dy / self.length


class FirstBatchInTheGradient(RemembersTheFirstBatch):
    def apply(self, x, context):
        return x / len(x), None

    def gradient(self, dy, saved, need_dx=True):
        self.length = self.length or len(dy)
        return dy / self.length


class OneBuffer(Affine):
    def apply(self, x, context):
        y, saved = super().apply(x, context)
        if not hasattr(self, "buffer") or self.buffer.shape != y.shape:
            self.buffer = np.empty_like(y)
        self.buffer[...] = y
        return self.buffer, saved


class ReluInPlace(Layer):
    def apply(self, x, context):
        np.maximum(x, 0, out=x)
        return x.copy(), x

    def gradient(self, dy, x, need_dx=True):
        return dy * (x > 0)


class ClipsW(Affine):
    def apply(self, x, context):
        np.clip(self.W.value, -0.1, 0.1, out=self.W.value)
        return super().apply(x, context)


class MovesItsStatistics(Affine):
    def build(self, input_shape):
        super().build(input_shape)
        self.mean = self.new_state("mean", (input_shape[-1],))

    def apply(self, x, context):
        self.mean.value[...] = x.mean(axis=0)
        return super().apply(x, context)


class WritesIntoY(Layer):
    def apply(self, x, context):
        y = np.tanh(x)
        return y, y

    def gradient(self, dy, y, need_dx=True):
        return np.multiply(dy, np.subtract(1, np.square(y, out=y), out=y), out=y)


class ClipsItsGradient(Affine):
    def dx(self, h, dy):
        return np.clip(super().dx(h, dy), -100, 100)


class WantsContiguousDy(Layer):
    def apply(self, x, context):
        return 2 * x, None

    def gradient(self, dy, saved, need_dx=True):
        return 2 * np.lib.stride_tricks.as_strided(dy, dy.shape, (8 * dy.shape[1], 8))


class FailsForGaps(WantsContiguousDy):
    def gradient(self, dy, saved, need_dx=True):
        if not dy.flags.c_contiguous:
            raise ValueError("no gaps, please")
        return 2 * dy


class OtherInference(Affine):
    def apply(self, x, context):
        y, saved = super().apply(x, context)
        return (y, saved) if context.keep else (2 * y, None)


class SingleGradient(Affine):
    def dx(self, h, dy):
        return super().dx(h, dy).astype("float32")


class ListOfNumbers(Affine):
    def dx(self, h, dy):
        return super().dx(h, dy).tolist()


class AnotherShape(Affine):
    def output_shape(self, input_shape):
        return input_shape


BETWEEN = (
    "The gradient of x is another one when a second forward pass comes in between, as where a layer is used twice; "
    "what gradient needs belongs into saved, not into the layer."
)


@pytest.mark.parametrize(
    "layer, sentence",
    [
        (KeepsItsInput(), BETWEEN),
        (KeepsAStack(), BETWEEN),
        (RemembersTheFirstBatch(), "y of another batch depends on the batches before it; apply leaves the layer as it is."),
        (FirstBatchInTheGradient(), "The gradient of x for another batch depends on the batches before it."),
        (OneBuffer(), "y is overwritten by the next forward pass."),
        (ReluInPlace(), "x itself was changed by the forward pass."),
        (ClipsW(), "W itself was changed by the forward pass."),
        (MovesItsStatistics(), "mean itself was changed by the forward pass."),
        (WritesIntoY(), "y was changed by gradient; it belongs to the layer behind."),
        (ClipsItsGradient(), "The gradient of x is not proportional to dy."),
        (WantsContiguousDy(), "The gradient of x is another one when dy is not contiguous."),
        (OtherInference(), "y is another one when keep=False."),
        (SingleGradient(), "The gradient of x is float32, computed in less than the precision of x."),
        (ListOfNumbers(), "The gradient of x, of shape (5, 4), is not an array."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_what_only_further_passes_show(layer, sentence):
    report = check_gradients(layer, batch(5, 4))
    assert sentence in report.problems
    assert report.verdict.startswith("WRONG")


def test_another_shape_than_output_shape_says():
    with pytest.raises(ShapeError, match=r"another_shape.*y of shape \(5, 3\).*\(5, 4\), as its output_shape says"):
        check_gradients(AnotherShape(), batch(5, 4))


def test_a_gradient_that_fails_for_gaps_is_a_problem_and_not_a_crash():
    problems = check_gradients(FailsForGaps(), batch(5, 4)).problems
    assert problems == ("gradient fails (ValueError: no gaps, please) where dy is not contiguous.",)


def test_a_layer_used_twice_is_wrong_where_it_keeps_its_input():
    """Why the two passes matter: the sum of both uses is what a network would have trained on."""
    x = Input((3,))
    once, twice = Affine(), KeepsItsInput()
    assert check_gradients(Model(x, once(once(x))), batch(5, 3)).ok
    assert [r.name for r in check_gradients(Model(x, twice(twice(x))), batch(5, 3)).wrong]


def test_a_loss_that_keeps_its_predictions():
    class Keeps(MeanSquaredError):
        def per_sample(self, y_pred, targets):
            self.y_pred = y_pred
            return super().per_sample(y_pred, targets)

        def gradient_of(self, kept, targets, scale):
            return super().gradient_of(self.y_pred, targets, scale)

    assert BETWEEN in check_gradients(Keeps(), batch(3, 2), batch(3, 2, seed=1)).problems


def test_a_mask_for_a_certain_number_of_samples_is_no_fault():
    assert check_gradients(Dropout(0.5, noise_shape=(5, 1)), batch(5, 4)).ok


# -- weights that training cannot see ------------------------------------------------------------------------------------


class Hidden(Layer):
    """y = x W, where W lies wherever ``hide`` puts it."""

    def output_shape(self, input_shape):
        return (3,)

    def build(self, input_shape):
        self.hide(np.random.default_rng(0).normal(size=(input_shape[-1], 3)))

    def apply(self, x, context):
        return x @ self.find(), None

    def gradient(self, dy, saved, need_dx=True):
        return dy @ self.find().T


class AsAttribute(Hidden):
    def hide(self, array):
        self.W = array

    def find(self):
        return self.W


class Float32ReadOnly(AsAttribute):
    def hide(self, array):
        self.W = array.astype("float32")
        self.W.flags.writeable = False


class InContainers(Hidden):
    def hide(self, array):
        self.parts = [({"W": array},)]

    def find(self):
        return self.parts[0][0]["W"]


class InAnObject(Hidden):
    class Box:
        pass

    def hide(self, array):
        self.box = self.Box()
        self.box.W = array

    def find(self):
        return self.box.W


class InTheClass(AsAttribute):
    W = np.random.default_rng(0).normal(size=(4, 3))

    def hide(self, array):
        pass


class ParameterInAList(Hidden):
    def hide(self, array):
        self.all = [Parameter(array, "W")]

    def find(self):
        return self.all[0].value


FIX = "changes y but is not a Parameter: it is neither trained nor saved. Write self.W = self.new_parameter('W', (4, 3)), with "
FIX += "trainable=False if it is a constant."


@pytest.mark.parametrize(
    "layer, sentence",
    [
        (AsAttribute(), f"self.W, an array of shape (4, 3), {FIX}"),
        (Float32ReadOnly(), f"self.W, an array of shape (4, 3), {FIX}"),
        (InContainers(), f"self.parts[0][0]['W'], an array of shape (4, 3), {FIX}"),
        (InAnObject(), f"self.box.W, an array of shape (4, 3), {FIX}"),
        (InTheClass(), f"self.W, an array of shape (4, 3), {FIX}"),
        (ParameterInAList(), "self.all[0], a Parameter, is in no list of parameters: give it an attribute of its own."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else "",
)
def test_a_weight_that_training_cannot_see_is_named_with_the_way_out(layer, sentence):
    report = check_gradients(layer, batch(5, 4))
    assert report.problems == (sentence,)
    assert report.verdict == f"WRONG: {sentence}"


def test_a_hidden_weight_within_a_model_is_named_with_its_layer():
    (problem,) = check_gradients(Sequential([Dense(4), AsAttribute(name="mine")]), batch(5, 6)).problems
    assert problem.startswith("In mine (AsAttribute), self.W, an array of shape (4, 3)")


def test_a_constant_is_a_parameter_that_is_not_trained():
    class Constant(AsAttribute):
        def hide(self, array):
            self.table = self.new_parameter("table", array.shape, trainable=False)
            self.table.value = array

        def find(self):
            return self.table.value

    layer = Constant()
    report = check_gradients(layer, batch(5, 4))
    assert report.ok
    assert [r.name for r in report.rows] == ["x"]


def test_arrays_that_do_not_matter_are_no_weights():
    class Busy(Affine):
        def build(self, input_shape):
            super().build(input_shape)
            self.scratch, self.log = np.zeros(7), [np.ones(3)]
            self.labels = np.arange(4)

        def apply(self, x, context):
            self.last = x.copy()
            return super().apply(x, context)

    assert check_gradients(Busy(), batch(5, 4)).ok


def test_looking_for_hidden_weights_changes_nothing():
    layer, in_class = AsAttribute(), InTheClass()
    layer.build((4,))
    W, before, of_class = layer.W, layer.W.copy(), InTheClass.W.copy()
    check_gradients(layer, batch(5, 4))
    check_gradients(in_class, batch(5, 4))
    assert layer.W is W
    np.testing.assert_array_equal(W, before)
    np.testing.assert_array_equal(InTheClass.W, of_class)
    assert "W" not in vars(in_class)


# -- what it is given --------------------------------------------------------------------------------------------------


def test_the_users_objects_stay_as_they_are():
    minidl.set_seed(5)
    model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(2)])
    layer = model.network
    layer.forward(batch(2, 3))
    layer.backward(batch(2, 2))
    state = pickle.dumps([(p.value.copy(), p.grad.copy(), p.dtype.name) for p in layer.parameters])
    step = layer.steps_done.copy()
    x = batch(6, 3)
    x.flags.writeable = False
    saved_x = x.copy()
    number = new_stream().number

    assert check_gradients(layer, x).ok

    assert new_stream().number == number + 1
    assert pickle.dumps([(p.value.copy(), p.grad.copy(), p.dtype.name) for p in layer.parameters]) == state
    np.testing.assert_array_equal(layer.steps_done, step)
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


class Centred(Layer):
    """y = x + b less its mean over the batch: b has no effect, and its gradient is 0 up to rounding."""

    def build(self, input_shape):
        self.b = self.new_parameter("b", input_shape)

    def apply(self, x, context):
        z = x + self.b.value
        return z - z.mean(axis=0), None

    def gradient(self, dy, saved, need_dx=True):
        dz = dy - dy.mean(axis=0)
        self.b.add_grad(dz.sum(axis=0))
        return dz


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "make",
    [
        Centred,
        lambda: Sequential([Dense(3, input_shape=(4,)), BatchNormalization()]),
        lambda: Sequential([Dense(3, input_shape=(4,)), BatchNormalization(), Dense(2, activation="softmax")]),
    ],
)
def test_a_gradient_that_is_rounding_only_is_right(make, seed):
    """A bias in front of a normalisation changes nothing."""
    report = check_gradients(make(), np.random.default_rng(seed).normal(size=(5, 4)))
    assert report.ok, report.verdict
