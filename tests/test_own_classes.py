"""Classes of somebody's own that are half right: each mistake is one error that says what to write, before a step is made."""

import re

import numpy as np
import pytest

from minidl import constraints, initializers, optimizers, regularizers
from minidl.errors import ArgumentTypeError, ShapeError
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.schedules import Schedule

X, Y = np.ones((4, 3)), np.ones((4, 1))


def train(optimizer="sgd", **options):
    """A step, which must not be made where there is an error."""
    model = Sequential([Dense(1, input_shape=(3,), **options)])
    before = model.get_weights()
    try:
        model.compile(optimizer, "mse")
        model.fit(X, Y, verbose=0)
    finally:
        for old, new in zip(before, model.get_weights()):
            assert (old == new).all() != (model.optimizer is not None and model.optimizer.iterations > 0)


class Called(regularizers.Regularizer):
    def __call__(self, w):
        return (w**2).sum()


class WithoutGradient(regularizers.Regularizer):
    def value(self, w):
        return (w**2).sum()


class NotSummed(WithoutGradient):
    def value(self, w):
        return w**2

    def gradient(self, w):
        return 2 * w


class Summed(WithoutGradient):
    def gradient(self, w):
        return (2 * w).sum()


class CalledConstraint(constraints.Constraint):
    def __call__(self, w):
        return w


class CalledInitializer(initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return np.ones(shape)


class OtherShape(initializers.Initializer):
    def draw(self, shape, random):
        return np.ones(shape[:1])


class UpdateStep(optimizers.Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        pass


class WithoutSuper(optimizers.Optimizer):
    def __init__(self, factor=1.0):
        self.factor = factor

    def update(self, rows, scalars):
        pass


class Nothing(Schedule):
    pass


@pytest.mark.parametrize(
    "options, kind, words",
    [
        ({"kernel_regularizer": Called()}, ArgumentTypeError, ["Dense: kernel_regularizer", "value and gradient", "__call__"]),
        ({"kernel_regularizer": WithoutGradient()}, ArgumentTypeError, ["without gradient;", "gradient(self, w)"]),
        ({"kernel_regularizer": NotSummed()}, ShapeError, ["regularizer: value of W", "(3, 1)", "(w**2).sum()"]),
        ({"kernel_regularizer": Summed()}, ShapeError, ["regularizer: gradient of W", "shape ()", "(3, 1)"]),
        ({"kernel_constraint": CalledConstraint()}, ArgumentTypeError, ["without apply", "__call__", "apply(self, w)"]),
        ({"kernel_initializer": CalledInitializer()}, ArgumentTypeError, ["without draw", "draw(self, shape, random)"]),
        ({"kernel_initializer": OtherShape()}, ShapeError, ["initializer of W", "shape (3,)", "(3, 1)"]),
        ({"optimizer": UpdateStep(0.1)}, ArgumentTypeError, ["without update (update_step", "update(self, rows, scalars)"]),
        ({"optimizer": WithoutSuper()}, ArgumentTypeError, ["WithoutSuper", "super().__init__(learning_rate, **options)"]),
    ],
    ids=lambda value: type(next(iter(value.values()))).__name__ if isinstance(value, dict) else None,
)
def test_what_is_missing_is_said(options, kind, words):
    with pytest.raises(kind, match=".*".join(map(re.escape, words))):
        train(**options)


def test_a_schedule_without_a_rate():
    with pytest.raises(ArgumentTypeError, match=re.escape("SGD: learning_rate: received a Nothing without __call__;")):
        optimizers.SGD(Nothing())
    optimizer = optimizers.SGD()
    with pytest.raises(ArgumentTypeError, match="Nothing"):
        optimizer.learning_rate = Nothing()


def test_whole_classes_train():
    class Whole(Summed):
        def gradient(self, w):
            return 2 * w

    class Plain(initializers.Initializer):
        def __init__(self, value=0.5):  # calls no other constructor
            self.value = value

        def draw(self, shape, random):
            return np.full(shape, self.value)

    train(kernel_regularizer=Whole(), kernel_initializer=Plain())
