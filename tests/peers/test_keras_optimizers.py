"""Optimizers against Keras 3 itself, on PyTorch: defaults, options and their order, where Keras is the definition."""

import importlib.util

import numpy as np
import pytest

from minidl.parameters import Parameter
from tests.cases.optimizers import OPTIMIZERS, label, make_optimizer

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("keras", "torch"))), reason="Keras 3 or PyTorch is not installed"
    ),
]
OPTIONS = [
    {"weight_decay": 0.2},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"weight_decay": 0.2, "clipnorm": 0.5},
]
CASES = OPTIMIZERS + [(name, options) for name in ("SGD", "Adam", "RMSprop") for options in OPTIONS]
SHAPES = [(3, 2), (4,)]


@pytest.mark.parametrize("case", CASES, ids=label)
def test_ten_steps(keras, case):
    """To 1e-6 with a norm, of which Keras rounds a part to single precision; to 1e-9 without."""
    name, arguments = case
    rng = np.random.default_rng(0)
    mine, theirs = make_optimizer(*case), getattr(keras.optimizers, name)(**arguments)
    parameters = [Parameter(rng.normal(size=shape)) for shape in SHAPES]
    variables = [keras.Variable(p.value, dtype="float64") for p in parameters]
    exact = 1e-6 if any("norm" in argument for argument in arguments) else 1e-9
    for _ in range(10):
        gradients = [rng.normal(size=shape) for shape in SHAPES]
        for p, g in zip(parameters, gradients):
            p.grad = g
        mine.step(parameters)
        theirs.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)
        for p, v in zip(parameters, variables):
            np.testing.assert_allclose(p.value, v.numpy(), rtol=exact, atol=exact)


def test_a_constraint_and_a_penalty_in_their_order(keras):
    class Cubed:
        def value(self, w):
            return (abs(w) ** 3).sum()

        def gradient(self, w):
            return 3 * w * abs(w)

    class NonNegative:
        def apply(self, w):
            return np.maximum(w, 0)

    start, gradient = np.array([0.5, -0.25, 0.75]), np.array([1.0, 0.5, -2.0])
    p = Parameter(start.copy())
    p.regularizer, p.constraint = Cubed(), NonNegative()
    v = keras.Variable(start, dtype="float64")
    v.constraint = keras.constraints.NonNeg()
    theirs = keras.optimizers.SGD(0.2, weight_decay=0.5, clipvalue=1.5)
    mine = make_optimizer("SGD", {"learning_rate": 0.2, "weight_decay": 0.5, "clipvalue": 1.5})
    for _ in range(3):
        p.grad = gradient
        with_penalty = gradient + 3 * v.numpy() * abs(v.numpy())
        mine.step([p])
        theirs.apply([keras.ops.convert_to_tensor(with_penalty)], [v])
        np.testing.assert_allclose(p.value, v.numpy(), rtol=1e-6)  # Keras rounds the value that a constraint gives
