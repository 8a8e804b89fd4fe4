"""What optimizers do with numbers of their own, step by step by the formulas; defaults are Keras's; lists may have gaps."""

import inspect
import itertools

import numpy as np
import pytest

from minidl import config
from minidl.declared import arguments_of
from minidl.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop
from minidl.parameters import Parameter, ParameterGroup
from tests.cases.sample import by_references_first

GRADIENTS = [np.array([2.0, -0.5]), np.array([-1.0, 0.25]), np.array([0.5, 3.0])]


@pytest.fixture(autouse=True, params=by_references_first)
def _kernels(request):
    with config.use_kernels(request.param):
        yield


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


def adagrad(w, g, t, s, start=0.1, epsilon=1e-7):
    s["s"] = s.get("s", start) + g**2
    return w - 0.05 * g / np.sqrt(s["s"] + epsilon)


def adadelta(w, g, t, s, rho=0.95, epsilon=1e-7):
    s["s"] = rho * s.get("s", 0) + (1 - rho) * g**2
    step = g * np.sqrt(s.get("e", 0) + epsilon) / np.sqrt(s["s"] + epsilon)
    s["e"] = rho * s.get("e", 0) + (1 - rho) * step**2
    return w - 0.05 * step


def adamax(w, g, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["a"] = beta_1 * s.get("a", 0) + (1 - beta_1) * g
    s["u"] = np.maximum(beta_2 * s.get("u", 0), abs(g))
    return w - 0.05 / (1 - beta_1**t) * s["a"] / (s["u"] + epsilon)


def nadam(w, g, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["a"] = beta_1 * s.get("a", 0) + (1 - beta_1) * g
    s["s"] = beta_2 * s.get("s", 0) + (1 - beta_2) * g**2
    u = [beta_1 * (1 - 0.5 * 0.96**k) for k in range(1, t + 2)]
    ahead = u[t] * s["a"] / (1 - np.prod(u)) + (1 - u[t - 1]) * g / (1 - np.prod(u[:t]))
    return w - 0.05 * ahead / (np.sqrt(s["s"] / (1 - beta_2**t)) + epsilon)


def adam(w, g, t, s, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, decay=0.0):
    w = w - 0.05 * decay * w
    s["a"] = beta_1 * s.get("a", 0) + (1 - beta_1) * g
    s["s"] = beta_2 * s.get("s", 0) + (1 - beta_2) * g**2
    s["h"] = np.maximum(s.get("h", 0), s["s"]) if amsgrad else s["s"]
    rate = 0.05 * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return w - rate * s["a"] / (np.sqrt(s["h"]) + epsilon)


def rmsprop(w, g, t, s, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s["s"] = rho * s.get("s", 0) + (1 - rho) * g**2
    s["a"] = rho * s.get("a", 0) + (1 - rho) * g
    below = s["s"] - s["a"] ** 2 if centered else s["s"]
    s["v"] = momentum * s.get("v", 0) + 0.05 * g / np.sqrt(below + epsilon)
    return w - s["v"]


TEN = [np.array([2.0, -0.5, 0.0]) * (-0.7) ** t + np.array([0.1, 1.0, 0.01]) for t in range(10)]


@pytest.mark.parametrize(
    "make, formula",
    [
        (lambda: Adagrad(0.05), adagrad),
        (lambda: Adagrad(0.05, 0.5, 0.2), lambda *a: adagrad(*a, start=0.5, epsilon=0.2)),
        (lambda: Adagrad(0.05, initial_accumulator_value=0.0), lambda *a: adagrad(*a, start=0.0)),
        (lambda: Adadelta(0.05), adadelta),
        (lambda: Adadelta(0.05, 0.5, 0.1), lambda *a: adadelta(*a, rho=0.5, epsilon=0.1)),
        (lambda: Adamax(0.05), adamax),
        (lambda: Adamax(0.05, 0.5, 0.7, 0.1), lambda *a: adamax(*a, 0.5, 0.7, 0.1)),
        (lambda: Nadam(0.05), nadam),
        (lambda: Nadam(0.05, 0.5, 0.7, 0.1), lambda *a: nadam(*a, 0.5, 0.7, 0.1)),
        (lambda: Adam(0.05), adam),
        (lambda: Adam(0.05, 0.5, 0.2, 0.1, True), lambda *a: adam(*a, 0.5, 0.2, 0.1, True)),
        (lambda: AdamW(0.05), lambda *a: adam(*a, decay=0.004)),
        (lambda: AdamW(0.05, 0.3, 0.5, 0.2, 0.1, True), lambda *a: adam(*a, 0.5, 0.2, 0.1, True, 0.3)),
        (lambda: RMSprop(0.05, 0.5, 0.7), lambda *a: rmsprop(*a, 0.5, 0.7)),
        (lambda: RMSprop(0.05, 0.5, 0.0, 0.1, True), lambda *a: rmsprop(*a, 0.5, 0.0, 0.1, True)),
        (lambda: RMSprop(0.05, 0.5, 0.7, 0.1, True), lambda *a: rmsprop(*a, 0.5, 0.7, 0.1, True)),
    ],
)
def test_ten_steps_by_formula(make, formula):
    p, w, state, optimizer = Parameter(np.array([1.0, -2.0, 0.5])), np.array([1.0, -2.0, 0.5]), {}, make()
    for t, g in enumerate(TEN, start=1):
        w, p.grad = formula(w, g, t, state), g
        optimizer.step([p])
        np.testing.assert_allclose(p.value, w, rtol=1e-11)


def test_rounding_makes_no_variance_negative():
    """Of gradients that are all the same the variance is 0, and s - a^2 a rounding error of either sign."""
    p, optimizer = Parameter(np.ones(100, np.float32)), RMSprop(1e-3, centered=True, epsilon=1e-12)
    for _ in range(100):
        p.grad = np.linspace(1, 1000, 100)
        optimizer.step([p])
    assert np.isfinite(p.value).all()


COMMON = {"weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, "name": None}
BETAS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": None}


@pytest.mark.parametrize(
    "kind, defaults",
    [
        (SGD, {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False}),
        (RMSprop, {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": None, "centered": False}),
        (Adam, {"learning_rate": 0.001, **BETAS, "amsgrad": False}),
        (AdamW, {"learning_rate": 0.001, "weight_decay": 0.004, **BETAS, "amsgrad": False}),
        (Adagrad, {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": None}),
        (Adadelta, {"learning_rate": 0.001, "rho": 0.95, "epsilon": None}),
        (Adamax, {"learning_rate": 0.001, **BETAS}),
        (Nadam, {"learning_rate": 0.001, **BETAS}),
    ],
)
def test_defaults_are_those_of_keras(kind, defaults):
    """By position in Keras's order; those of every optimizer by keyword only."""
    own = {n: p.default for n, p in inspect.signature(kind).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(own.items()) == list(defaults.items())
    assert {name: p.default for name, p in arguments_of(kind).items()} == {**COMMON, **defaults}
    optimizer = kind()
    made = {**COMMON, **defaults} | ({"epsilon": 1e-7} if "epsilon" in defaults else {})  # the profile's, for None
    assert {name: getattr(optimizer, name) for name in made} == made


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
