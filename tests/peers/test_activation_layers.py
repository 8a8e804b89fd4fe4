"""Activation functions as layers: values and gradients against PyTorch; the general ReLU and Softmax with a mask by formula."""

import numpy as np
import pytest

from minidl.layers import ELU, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from tests.peers.judge import F, built, judge, torch

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(4)
SHAPES = [(3, 5), (1, 1), (0, 4), (2, 3, 4, 5)]


def rectified(x, slope=0.0, threshold=0.0, highest=None):
    above = x if highest is None else x.clamp(max=highest)
    return torch.where(x > threshold, above, slope * (x - threshold))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "make, formula",
    [
        (ReLU, F.relu),
        (lambda: ReLU(6), F.relu6),
        (lambda: ReLU(0.5, 0.25, 0.125), lambda x: rectified(x, 0.25, 0.125, 0.5)),
        (lambda: ReLU(negative_slope=0.25), lambda x: F.leaky_relu(x, 0.25)),
        (LeakyReLU, lambda x: F.leaky_relu(x, 0.3)),
        (ELU, F.elu),
        (lambda: ELU(0.5), lambda x: F.elu(x, 0.5)),
        (lambda: ThresholdedReLU(0.5), lambda x: F.threshold(x, 0.5, 0.0)),
        (Softmax, lambda x: x.softmax(dim=-1)),
        (lambda: Softmax(1), lambda x: x.softmax(dim=1)),
    ],
)
def test_functions(make, formula, shape):
    judge(make(), 3 * RNG.normal(size=shape), formula)


@pytest.mark.parametrize("shape", [(2, 3, 4), (0, 3, 4), (2, 3, 4, 5)])
def test_softmax_over_several_axes(shape):
    judge(Softmax((1, -1)), RNG.normal(size=shape), lambda x: (x - x.logsumexp(dim=(1, -1), keepdim=True)).exp())


@pytest.mark.parametrize("shared, shape", [(None, (3, 4)), ((1, 2), (3, 4, 5, 6)), (2, (3, 4, 5)), (1, (0, 4)), (1, (1, 1))])
def test_prelu(shared, shape):
    layer = built(PReLU(shared_axes=shared), shape[1:])
    judge(layer, RNG.normal(size=shape), lambda x, alpha: torch.where(x > 0, x, alpha * x))


def test_prelu_of_channels_is_pytorchs():
    layer = built(PReLU(shared_axes=(2, 3)), (4, 5, 6))
    judge(layer, RNG.normal(size=(3, 4, 5, 6)), lambda x, alpha: F.prelu(x, alpha.flatten()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, arguments",
    [
        ("ReLU", {}),
        ("ReLU", {"max_value": 1.5}),
        ("ReLU", {"negative_slope": 0.25, "threshold": 0.5}),
        ("ReLU", {"max_value": 1.5, "negative_slope": 0.25, "threshold": 0.5}),
        ("ReLU", {"max_value": 0.5, "threshold": 1.0}),
        ("LeakyReLU", {}),
        ("ELU", {"alpha": 0.5}),
        ("PReLU", {"alpha_initializer": "ones", "shared_axes": [1]}),
        ("Softmax", {"axis": (1, 2)}),
    ],
)
def test_as_keras(keras, name, arguments):
    x = (np.arange(-12, 12) / 4).reshape(2, 3, 4).astype("float32")  # every corner
    theirs = getattr(keras.layers, name)(**arguments)(x).detach().cpu().numpy()
    mine = {"ReLU": ReLU, "LeakyReLU": LeakyReLU, "ELU": ELU, "PReLU": PReLU, "Softmax": Softmax}[name](**arguments)
    np.testing.assert_allclose(mine(x), theirs, rtol=1e-6, atol=1e-7)
    if name == "Softmax":
        mask = x > 0
        theirs = keras.layers.Softmax(**arguments)(x, mask=mask).detach().cpu().numpy()
        np.testing.assert_allclose(mine(x, mask=mask), theirs, rtol=1e-6, atol=1e-7)
