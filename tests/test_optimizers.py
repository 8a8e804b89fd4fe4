"""What optimizers do with numbers of their own, step by step by the formulas; defaults are Keras's; lists may have gaps."""

import inspect
import itertools

import numpy as np
import pytest

from minidl.optimizers import SGD, Adam, RMSprop
from minidl.parameters import Parameter, ParameterGroup

GRADIENTS = [np.array([2.0, -0.5]), np.array([-1.0, 0.25]), np.array([0.5, 3.0])]


def trajectory(optimizer):
    """The values after each of three steps, from [1, -2]."""
    p, seen = Parameter(np.array([1.0, -2.0])), []
    for g in GRADIENTS:
        p.grad = g
        optimizer.step([p])
        seen.append(p.value.copy())
    return seen


@pytest.mark.parametrize("rho, epsilon", [(0.9, 1e-7), (0.5, 1e-7), (0.0, 0.1), (0.99, 0.3)])
def test_rmsprop(rho, epsilon):
    w, s, expected = np.array([1.0, -2.0]), np.zeros(2), []
    for g in GRADIENTS:
        s = rho * s + (1 - rho) * g**2
        w = w - 0.01 * g / np.sqrt(s + epsilon)
        expected.append(w)
    np.testing.assert_allclose(trajectory(RMSprop(0.01, rho, epsilon=epsilon)), expected, rtol=1e-12)


@pytest.mark.parametrize("beta_1, beta_2, epsilon", [(0.9, 0.999, 1e-7), (0.5, 0.7, 0.1), (0.0, 0.9, 0.3), (0.7, 0.0, 1e-3)])
def test_adam(beta_1, beta_2, epsilon):
    w, a, s, expected = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2), []
    for t, g in enumerate(GRADIENTS, start=1):
        a, s = beta_1 * a + (1 - beta_1) * g, beta_2 * s + (1 - beta_2) * g**2
        w = w - 0.01 * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * a / (np.sqrt(s) + epsilon)
        expected.append(w)
    np.testing.assert_allclose(trajectory(Adam(0.01, beta_1, beta_2, epsilon)), expected, rtol=1e-12)


@pytest.mark.parametrize("momentum, nesterov", [(0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True)])
def test_sgd(momentum, nesterov):
    w, v, expected = np.array([1.0, -2.0]), np.zeros(2), []
    for g in GRADIENTS:
        v = momentum * v - 0.01 * g
        w = w + (momentum * v - 0.01 * g if nesterov else v)
        expected.append(w)
    np.testing.assert_allclose(trajectory(SGD(0.01, momentum, nesterov)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "kind, defaults",
    [
        (SGD, {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}),
        (RMSprop, {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7}),
        (Adam, {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}),
    ],
)
def test_defaults_are_those_of_keras(kind, defaults):
    assert {name: p.default for name, p in inspect.signature(kind).parameters.items()} == defaults
    optimizer = kind()
    assert {name: getattr(optimizer, name) for name in defaults} == defaults


@pytest.mark.parametrize("chosen", [c for n in range(1, 5) for c in itertools.combinations(range(4), n)])
def test_a_list_with_gaps_between_parameters_whose_gradients_lie_side_by_side(chosen):
    """A list of some of a model's parameters: those are stepped, and nothing between them."""
    ps = [Parameter(np.full(size, float(i + 1), np.float32)) for i, size in enumerate((3, 2, 4, 1))]
    ParameterGroup(ps)  # lays their gradients side by side
    optimizer = SGD(0.5, momentum=0.5)
    for _ in range(2):
        for i, p in enumerate(ps):
            p.grad = 10.0 * (i + 1)
        optimizer.step([ps[i] for i in chosen])
    for i, p in enumerate(ps):
        moved = -(0.5 + 0.75) * 10 * (i + 1) if i in chosen else 0.0
        np.testing.assert_allclose(p.value, i + 1 + moved, rtol=1e-6)


def test_a_list_in_another_order():
    ps = [Parameter(np.full(2, float(i), np.float32)) for i in range(3)]
    ParameterGroup(ps)
    for i, p in enumerate(ps):
        p.grad = float(i + 1)
    SGD(1.0).step([ps[2], ps[0], ps[1]])
    assert [p.value.tolist() for p in ps] == [[-1, -1], [-1, -1], [-1, -1]]


def test_the_rate_of_the_step_reaches_every_dtype_also_after_freezing():
    """float64 was left out of a step at another rate, and then went on with the old one."""
    single, double = (Parameter(np.ones(2, dtype), "p") for dtype in (np.float32, np.float64))
    optimizer = SGD(0.5)
    for rate, trainable in ((0.5, True), (0.0, False), (0.0, True)):
        optimizer.learning_rate, double.trainable = rate, trainable
        single.grad = double.grad = 1.0
        optimizer.step([single, double])
    assert single.value.tolist() == double.value.tolist() == [0.5, 0.5]
