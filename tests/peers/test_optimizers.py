"""Optimizers over many steps: against torch.optim where the formulas agree, against Keras's formulas in PyTorch elsewhere."""

import numpy as np
import pytest

from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop
from minidl.parameters import Parameter
from tests.peers.judge import AdaptiveMoments, Descent, F, RootMeanSquare, agree, leaf, tensor, torch

pytestmark = pytest.mark.peer

STEPS = 50
SHAPES = [(4, 3), (3,), (2, 2, 1, 5), (), (1,)]


class NAdamInDouble(torch.optim.NAdam):
    """PyTorch keeps the product of the u_t in the default precision."""

    def step(self):
        torch.set_default_dtype(torch.float64)
        try:
            super().step()
        finally:
            torch.set_default_dtype(torch.float32)


CASES = {  # minidl's optimizer, PyTorch's for a list of leaves
    "sgd": (lambda: SGD(0.1), lambda w: torch.optim.SGD(w, 0.1)),
    "momentum": (lambda: SGD(0.05, 0.9), lambda w: torch.optim.SGD(w, 0.05, momentum=0.9)),
    "nesterov": (lambda: SGD(0.05, 0.9, True), lambda w: torch.optim.SGD(w, 0.05, momentum=0.9, nesterov=True)),
    "rmsprop, no epsilon": (
        lambda: RMSprop(0.01, 0.8, epsilon=0.0),
        lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.8, eps=0.0),
    ),
    "adam, no epsilon": (
        lambda: Adam(0.01, 0.8, 0.99, 0.0),
        lambda w: torch.optim.Adam(w, 0.01, betas=(0.8, 0.99), eps=0.0),
    ),
    "adamw, no epsilon": (
        lambda: AdamW(0.01, 0.3, 0.8, 0.99, 0.0),
        lambda w: torch.optim.AdamW(w, 0.01, betas=(0.8, 0.99), eps=0.0, weight_decay=0.3),
    ),
    "amsgrad, no epsilon": (
        lambda: Adam(0.01, 0.8, 0.9, 0.0, amsgrad=True),
        lambda w: torch.optim.Adam(w, 0.01, betas=(0.8, 0.9), eps=0.0, amsgrad=True),
    ),
    "adamax, no epsilon": (
        lambda: Adamax(0.01, 0.8, 0.9, 0.0),
        lambda w: torch.optim.Adamax(w, 0.01, betas=(0.8, 0.9), eps=0.0),
    ),
    "adagrad, no epsilon": (
        lambda: Adagrad(0.05, 0.3, 0.0),
        lambda w: torch.optim.Adagrad(w, 0.05, initial_accumulator_value=0.3, eps=0.0),
    ),
    "adadelta": (lambda: Adadelta(0.5, 0.9, 1e-3), lambda w: torch.optim.Adadelta(w, 0.5, rho=0.9, eps=1e-3)),
    "nadam": (
        lambda: Nadam(0.01, 0.8, 0.99, 1e-3),
        lambda w: NAdamInDouble(w, 0.01, betas=(0.8, 0.99), eps=1e-3, momentum_decay=1.0),
    ),
    "rmsprop centered, no epsilon": (
        lambda: RMSprop(0.01, 0.8, centered=True, epsilon=0.0),
        lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.8, eps=0.0, centered=True),
    ),
    "rmsprop with momentum, no epsilon": (
        lambda: RMSprop(0.01, 0.8, 0.7, 0.0),
        lambda w: torch.optim.RMSprop(w, 0.01, alpha=0.8, eps=0.0, momentum=0.7),
    ),
    "sgd, written out": (lambda: SGD(0.1), lambda w: Descent(w, 0.1)),
    "momentum, written out": (lambda: SGD(0.05, 0.9), lambda w: Descent(w, 0.05, momentum=0.9)),
    "nesterov, written out": (lambda: SGD(0.05, 0.9, True), lambda w: Descent(w, 0.05, momentum=0.9, nesterov=True)),
    "rmsprop": (lambda: RMSprop(0.01), lambda w: RootMeanSquare(w, 0.01)),
    "rmsprop, large epsilon": (
        lambda: RMSprop(0.01, 0.5, epsilon=0.3),
        lambda w: RootMeanSquare(w, 0.01, rho=0.5, epsilon=0.3),
    ),
    "adam": (lambda: Adam(0.01), lambda w: AdaptiveMoments(w, 0.01)),
    "adam, large epsilon": (
        lambda: Adam(0.01, 0.7, 0.95, 0.1),
        lambda w: AdaptiveMoments(w, 0.01, beta_1=0.7, beta_2=0.95, epsilon=0.1),
    ),
}
WRITTEN_OUT = [case for case, (_, make) in CASES.items() if not isinstance(make([leaf(1.0)]), torch.optim.Optimizer)]


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    make, make_of_pytorch = CASES[case]
    rng = np.random.default_rng(0)
    parameters = [Parameter(rng.normal(size=shape), f"p{i}") for i, shape in enumerate(SHAPES)]
    leaves = [leaf(p.value) for p in parameters]
    optimizer, of_pytorch = make(), make_of_pytorch(leaves)
    for step in range(STEPS):
        for p, w in zip(parameters, leaves):
            p.zero_grad()
            p.grad[...] = rng.normal(size=p.shape) * 10.0 ** rng.integers(-3, 3)
            w.grad = tensor(p.grad.copy())
        optimizer.step(parameters)
        of_pytorch.step()
        if step in (0, 1, STEPS - 1):
            for p, w in zip(parameters, leaves):
                agree(p.value, w, f"{case}: by hand")


@pytest.mark.parametrize("case", WRITTEN_OUT)
def test_learning_rate_changed_on_the_way(case):
    make, make_of_pytorch = CASES[case]
    rng = np.random.default_rng(1)
    p = Parameter(rng.normal(size=(3, 4)))
    w = leaf(p.value)
    optimizer, of_pytorch = make(), make_of_pytorch([w])
    for step in range(10):
        optimizer.learning_rate = of_pytorch.learning_rate = 0.1 / (step + 1)
        p.zero_grad()
        p.grad[...] = rng.normal(size=p.shape)
        w.grad = tensor(p.grad.copy())
        optimizer.step([p])
        of_pytorch.step()
        agree(p.value, w, f"{case}: learning rate")


@pytest.mark.parametrize("case", ["sgd", "momentum", "nesterov", "rmsprop", "adam"])
def test_gradients_of_zero_and_of_any_size(case):
    make, make_of_pytorch = CASES[case]
    p = Parameter(np.linspace(-1, 1, 8))
    w = leaf(p.value)
    optimizer, of_pytorch = make(), make_of_pytorch([w])
    for _ in range(5):
        p.zero_grad()
        p.grad[...] = [0.0, -0.0, 1e-160, -1e-12, 1e-7, 1.0, -1e7, 1e12]
        w.grad = tensor(p.grad.copy())
        optimizer.step([p])
        of_pytorch.step()
    agree(p.value, w, f"{case}: extreme gradients")


@pytest.mark.parametrize("case", [case for case in CASES if "no epsilon" not in case])  # a dead ReLU would divide 0 by 0
def test_compiled(case):
    make, make_of_pytorch = CASES[case]
    rng = np.random.default_rng(2)
    model = Sequential([Dense(6, activation="tanh", input_shape=(5,)), Dense(4, use_bias=False), Dense(2)])
    for p in model.parameters:
        p.value[...] = 0.5 * rng.normal(size=p.shape)
    leaves = [leaf(p.value) for p in model.parameters]
    model.compile(make(), "mse")
    of_pytorch = make_of_pytorch(leaves)
    for step in range(STEPS):
        x, y = rng.normal(size=(8, 5)), rng.normal(size=(8, 2))
        loss = model.train_on_batch(x, y)

        W1, b1, W2, W3, b3 = leaves
        expected = F.mse_loss(torch.tanh(tensor(x) @ W1 + b1) @ W2 @ W3 + b3, tensor(y))
        of_pytorch.zero_grad()
        expected.backward()
        of_pytorch.step()
        if step in (0, 1, STEPS - 1):
            agree(np.float64(loss), expected, f"{case}: loss")
            for p, w in zip(model.parameters, leaves):
                agree(p.value, w, f"{case}: compiled")
