"""The affine map on any number of axes, and every activation on ordinary and extreme numbers."""

import numpy as np
import pytest

from minidl.layers import Activation, Dense
from tests.peers.judge import ACTIVATIONS, F, agree, built, judge, leaf

pytestmark = pytest.mark.peer

OPTIONS = [
    *((name, {}) for name in ACTIVATIONS),
    *(("leaky_relu", {"negative_slope": slope}) for slope in (0.0, 0.01, 1.0, 3.0)),
    *(("elu", {"alpha": alpha}) for alpha in (0.0, 0.5, 2.5)),
    ("gelu", {"approximate": True}),
]
OVER_LAST_AXIS = ("softmax", "log_softmax")
NAN_AT_INFINITY = ("softsign", "swish", "gelu", "mish")  # in PyTorch, y or dx; minidl gives the limits (test_extremes.py)
EXTREME = [0.0, -0.0, 1e-308, -1e-308, 1e-9, -1e-9, 3.0, -3.0, 36.0, -36.0, 700.0, -700.0, 1e4, -1e4, 1e300, -1e300]


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (1, 3), (0, 3), (4, 6, 3), (2, 3, 4, 3), (2, 1, 2, 1, 3), (64, 1)])
def test_dense_of_any_rank(shape, use_bias):
    x = np.random.default_rng(0).normal(size=shape)
    layer = built(Dense(7, use_bias=use_bias), shape[1:])
    judge(layer, x, lambda x, W, b=None: F.linear(x, W.T, b))


@pytest.mark.parametrize("activation, options", OPTIONS)
def test_dense_with_activation(activation, options):
    x = np.random.default_rng(1).normal(size=(6, 5))
    layer = built(Dense(4, Activation(activation, **options)), (5,))
    judge(layer, x, lambda x, W, b: ACTIVATIONS[activation](F.linear(x, W.T, b), **options))


@pytest.mark.parametrize("activation, options", OPTIONS)
@pytest.mark.parametrize("shape", [(8,), (0, 4), (9, 4), (2, 3, 4, 5)])
def test_activation(shape, activation, options):
    x = 4 * np.random.default_rng(2).normal(size=shape)
    judge(Activation(activation, **options), x, lambda x: ACTIVATIONS[activation](x, **options))


@pytest.mark.parametrize("activation, options", OPTIONS)
def test_extreme_numbers(activation, options):
    x = np.array([EXTREME, EXTREME[::-1]])
    if options.get("approximate"):  # beyond 1e100 PyTorch's gradient is NaN: it squares x
        x = x[abs(x) < 1e100].reshape(2, -1)
    judge(Activation(activation, **options), x, lambda x: ACTIVATIONS[activation](x, **options))
    if activation not in OVER_LAST_AXIS:  # alone in a row of their own, every pair and every triple of neighbours
        return
    for width in (1, 2, 3):
        rows = np.array([np.roll(EXTREME, -k)[:width] for k in range(len(EXTREME))])
        judge(Activation(activation), rows, ACTIVATIONS[activation])


@pytest.mark.parametrize("activation, options", OPTIONS)
def test_infinities_and_nan(activation, options):
    infinite = np.array([[np.inf, -np.inf]])
    if activation not in OVER_LAST_AXIS + NAN_AT_INFINITY:
        judge(Activation(activation, **options), infinite, lambda x: ACTIVATIONS[activation](x, **options))
    x = np.array([[np.nan, 1.0], [1.0, np.inf]])
    if activation == "sign":  # PyTorch's sign of NaN is 0; NumPy's, and minidl's, is NaN
        x[0, 0] = 1.0
    if activation == "softsign":
        x[1, 1] = 1e300
    agree(Activation(activation, **options)(x), ACTIVATIONS[activation](leaf(x), **options), f"{activation}: NaN")
