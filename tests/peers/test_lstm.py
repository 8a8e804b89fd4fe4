"""The LSTM against torch.nn.LSTM, whose gates stand in the same order, and written out for other activations."""

import numpy as np
import pytest

from minidl.layers import LSTM
from minidl.models import Sequential
from tests.peers.judge import ACTIVATIONS, agree, built, gradient, judge, leaf, tensor, torch

pytestmark = pytest.mark.peer

CELLS = ["tanh", "sigmoid", "relu", "softplus", "linear", "hard_sigmoid"]
SHAPES = [(3, 6, 5), (1, 1, 2), (4, 9, 1), (0, 3, 2)]


def of_pytorch(x, layers, return_sequences):
    """torch.nn.LSTM's function with kernels as minidl has them; PyTorch adds two biases, the second is zero here."""
    units = layers[0]["W_recurrent"].shape[0]
    flat = []
    for p in layers:
        b = p.get("b", torch.zeros(4 * units, dtype=x.dtype))
        flat += [p["W"].T.contiguous(), p["W_recurrent"].T.contiguous(), b, torch.zeros_like(b)]
    start = torch.zeros(len(layers), x.shape[0], units, dtype=x.dtype)
    h, _, _ = torch.lstm(x, (start, start), flat, True, len(layers), 0.0, False, False, True)
    return h if return_sequences else h[:, -1]


def written_out(x, W, W_recurrent, b, activation, recurrent_activation):
    """All outputs, one step after the other."""
    a, s = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation]
    h = c = torch.zeros(x.shape[0], W_recurrent.shape[0], dtype=x.dtype)
    outputs = []
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ W + h @ W_recurrent + b).chunk(4, dim=1)
        c = s(f) * c + s(i) * a(g)
        h = s(o) * a(c)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_layer(shape, return_sequences, use_bias):
    x = np.random.default_rng(0).normal(size=shape)
    layer = built(LSTM(4, use_bias=use_bias, return_sequences=return_sequences), shape[1:])
    judge(layer, x, lambda x, **parameters: of_pytorch(x, [parameters], return_sequences))


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("depth", [2, 3])
def test_layers_stacked(depth, return_sequences):
    rng = np.random.default_rng(1)
    layers = [LSTM(4, return_sequences=return_sequences or k < depth - 1) for k in range(depth)]
    network = Sequential(layers)
    network.build((7, 3))
    for p in network.parameters:
        p.value[...] = rng.normal(size=p.shape)
    x = rng.normal(size=(5, 7, 3))
    y = network.forward(x)
    dy = rng.normal(size=y.shape)
    dx = network.backward(dy)

    x_leaf = leaf(x)
    leaves = [{p.name: leaf(p.value) for p in layer.parameters} for layer in layers]
    expected = of_pytorch(x_leaf, leaves, return_sequences)
    expected.backward(tensor(dy))
    agree(y, expected, "LSTM stacked: y")
    agree(dx, gradient(x_leaf), "LSTM stacked: dx")
    for layer, of_layer in zip(layers, leaves):
        for p in layer.parameters:
            agree(p.grad, gradient(of_layer[p.name]), f"LSTM stacked: d{p.name}")


@pytest.mark.parametrize("recurrent_activation", ["sigmoid", "hard_sigmoid", "tanh"])
@pytest.mark.parametrize("activation", CELLS)
def test_other_activations(activation, recurrent_activation):
    x = np.random.default_rng(2).normal(size=(3, 5, 2))
    layer = built(LSTM(3, activation, recurrent_activation, return_sequences=True), (5, 2))
    judge(layer, x, lambda x, W, W_recurrent, b: written_out(x, W, W_recurrent, b, activation, recurrent_activation))


def test_gates_far_in_saturation():
    x = 50 * np.random.default_rng(3).normal(size=(3, 6, 5))
    judge(built(LSTM(4), (6, 5)), x, lambda x, **parameters: of_pytorch(x, [parameters], False))
