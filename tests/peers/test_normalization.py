"""Batch normalisation in training, in inference and frozen, with its running statistics."""

import numpy as np
import pytest

from minidl.layers import BatchNormalization
from tests.peers.judge import F, agree, built, judge, tensor

pytestmark = pytest.mark.peer

SHAPES = [((8, 5), -1), ((8, 5), 1), ((4, 6, 5), -1), ((4, 6, 7, 5), -1), ((4, 5, 6, 7), 1), ((4, 5, 6), 1), ((4, 6, 5, 7), 2)]


def layer_and_batch(shape, axis, **options):
    """A layer with running statistics of its own, and numbers of another mean and scale in each channel."""
    layer = built(BatchNormalization(axis, **options), shape[1:])
    rng, channels = np.random.default_rng(0), shape[axis]
    layer.moving_mean.value[...] = rng.normal(size=channels)
    layer.moving_variance.value[...] = rng.random(channels) + 0.5
    along = [1] * len(shape)
    along[axis] = channels
    x = rng.normal(size=shape) * (rng.random(channels) + 0.1).reshape(along) + 10 * rng.normal(size=channels).reshape(along)
    return layer, x


def formula(layer, axis, training):
    mean, variance = tensor(layer.moving_mean.value.copy()), tensor(layer.moving_variance.value.copy())

    def written(x, gamma=None, beta=None):
        y = F.batch_norm(x.movedim(axis, 1), mean, variance, gamma, beta, training, 1 - layer.momentum, layer.epsilon)
        return y.movedim(1, axis)

    return written, mean, variance


@pytest.mark.parametrize("center, scale", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("mode", ["training", "inference", "frozen"])
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_forward_and_gradients(shape, axis, mode, center, scale):
    layer, x = layer_and_batch(shape, axis, center=center, scale=scale)
    if mode == "frozen":  # its parameters get no gradient, its input does, with the running statistics
        layer.trainable = False
        gamma, beta = (p and tensor(p.value) for p in (layer.gamma, layer.beta))
        of_batch, _, _ = formula(layer, axis, training=False)
        judge(layer, x, lambda x, **untrained: of_batch(x, gamma, beta))
        assert all(not p.grad.any() for p in layer.parameters)
    else:
        written, _, _ = formula(layer, axis, mode == "training")
        judge(layer, x, written, training=mode == "training")


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-3, 0.6])
@pytest.mark.parametrize("shape, axis", [((8, 5), -1), ((4, 6, 7, 5), -1), ((4, 5, 6, 7), 1)])
def test_running_statistics(shape, axis, epsilon, momentum):
    layer, x = layer_and_batch(shape, axis, momentum=momentum, epsilon=epsilon)
    written, mean, variance = formula(layer, axis, training=True)
    m = x.size // shape[axis]
    for step in range(3):
        batch = x * (step + 1)
        before = variance.clone()
        judge(layer, batch, written)
        # PyTorch lets the running variance follow the unbiased variance, Keras and minidl the biased one
        unbiased = (variance - momentum * before) / (1 - momentum)
        variance[...] = momentum * before + (1 - momentum) * unbiased * (m - 1) / m
        agree(layer.moving_mean.value, mean, "BatchNormalization: moving_mean")
        agree(layer.moving_variance.value, variance, "BatchNormalization: moving_variance")
    inference, _, _ = formula(layer, axis, training=False)
    judge(layer, x, inference, training=False)


def test_constant_channels():
    layer, x = layer_and_batch((16, 4), -1)
    x[:, 1] = 7.0
    written, _, _ = formula(layer, -1, training=True)
    judge(layer, x, written)
