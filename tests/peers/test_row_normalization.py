"""Layer, group and unit normalisation: values and gradients."""

import numpy as np
import pytest

from minidl.layers import GroupNormalization, LayerNormalization, Normalization, UnitNormalization
from tests.peers.judge import F, built, judge

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(5)


def numbers(shape):
    """Of another mean and scale in each sample."""
    x = RNG.normal(size=shape)
    along = (-1,) + (1,) * (len(shape) - 1)
    return x * (RNG.random(shape[0]) + 0.1).reshape(along) + 10 * RNG.normal(size=shape[0]).reshape(along)


@pytest.mark.parametrize(
    "epsilon, center, scale", [(1e-7, True, True), (1e-3, True, False), (0.6, False, True), (1e-3, False, False)]
)
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5), (0, 5), (1, 33), (2, 600)])
def test_layer_normalization(shape, epsilon, center, scale):
    layer = built(LayerNormalization(epsilon=epsilon, center=center, scale=scale), shape[1:])
    judge(layer, numbers(shape), lambda x, gamma=None, beta=None: F.layer_norm(x, shape[-1:], gamma, beta, epsilon))


@pytest.mark.parametrize("axis", [(2, 3), (-1, -2), (3, 2)])
def test_layer_normalization_of_the_last_axes(axis):
    layer = built(LayerNormalization(axis), (3, 4, 5))
    judge(layer, numbers((2, 3, 4, 5)), lambda x, gamma, beta: F.layer_norm(x, (4, 5), gamma, beta, 1e-3))


@pytest.mark.parametrize("axis, moved", [(1, (0, 2, 3, 1)), ((1, 3), (0, 2, 1, 3)), ((2, 1), (0, 3, 1, 2))])
def test_layer_normalization_of_other_axes(axis, moved):
    layer, x = built(LayerNormalization(axis), (3, 4, 5)), numbers((2, 3, 4, 5))
    number = 1 if isinstance(axis, int) else 2

    def formula(x, gamma, beta):
        y = x.permute(moved)
        return F.layer_norm(y, y.shape[-number:], gamma, beta, 1e-3).permute([moved.index(a) for a in range(4)])

    judge(layer, x, formula)


@pytest.mark.parametrize("groups, center, scale", [(1, True, True), (2, True, False), (3, False, True), (-1, False, False)])
@pytest.mark.parametrize("shape, axis", [((4, 6), -1), ((2, 3, 4, 6), -1), ((2, 6, 3, 4), 1), ((0, 3, 6), 2)])
def test_group_normalization(shape, axis, groups, center, scale):
    layer = built(GroupNormalization(groups, axis, 0.01, center, scale), shape[1:])

    def formula(x, gamma=None, beta=None):
        y = F.group_norm(x.movedim(axis, 1), 6 if groups == -1 else groups, eps=0.01).movedim(1, -1)
        y = y if gamma is None else y * gamma
        return (y if beta is None else y + beta).movedim(-1, axis)

    judge(layer, numbers(shape), formula)


@pytest.mark.parametrize("shape, axis", [((4, 5), -1), ((3, 4, 5), 1), ((3, 4, 5), (1, 2)), ((0, 5), 1), ((2, 1), 1)])
def test_unit_normalization(shape, axis):
    judge(UnitNormalization(axis), RNG.normal(size=shape), lambda x: F.normalize(x, dim=axis))


def test_unit_normalization_of_short_vectors():
    x = np.array([[3e-13, -4e-13], [3e-12, 4e-12], [0.0, 1e-13]])
    judge(UnitNormalization(), x, lambda x: F.normalize(x, dim=-1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, arguments, shape",
    [
        ("LayerNormalization", {"axis": [3, 1]}, (2, 3, 4, 5)),
        ("LayerNormalization", {"epsilon": 0.1}, (2, 3, 4)),
        ("GroupNormalization", {"groups": 2}, (2, 3, 4)),
        ("GroupNormalization", {"groups": -1}, (2, 3, 4)),
        ("UnitNormalization", {"axis": [1, 2]}, (2, 3, 4)),
    ],
)
def test_as_keras(keras, name, arguments, shape):
    x = RNG.normal(3, 2, shape).astype("float32")
    mine, theirs = globals()[name](**arguments), getattr(keras.layers, name)(**arguments)
    mine.build(shape[1:])
    theirs.build(shape)
    for p in mine.parameters:
        p.value[...] = RNG.normal(size=p.shape)
    theirs.set_weights(mine.get_weights())
    np.testing.assert_allclose(mine(x), theirs(x).detach().cpu().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries beneath Keras
@pytest.mark.parametrize("axis, invert", [(-1, False), ((1, 2), True), (None, False)])
def test_adapted_as_keras(keras, axis, invert):
    x = RNG.normal(3, 2, (20, 3, 4)).astype("float32")
    x[..., 1] = 0.1
    mine, theirs = Normalization(axis, invert=invert), keras.layers.Normalization(axis=axis, invert=invert)
    mine.adapt(x)
    theirs.adapt(x)
    for found, expected in zip(mine.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    mine.set_weights(theirs.get_weights()[:2])
    np.testing.assert_allclose(mine(x), theirs(x).detach().cpu().numpy(), rtol=1e-4, atol=1e-5)
