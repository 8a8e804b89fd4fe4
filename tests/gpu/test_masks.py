"""Masks on the stand-in for CuPy: normalization and losses give the CPU's numbers without waiting for the device."""

import numpy as np
import pytest

from minidl import backend, config, losses
from minidl.layers import BatchNormalization, Context
from tests.gpu.strict_cupy import device
from tests.gpu.test_layers import on_the_stand_in

RNG = np.random.default_rng(0)
X, DY, MASK = RNG.normal(size=(3, 4, 2)), RNG.normal(size=(3, 4, 2)), RNG.random((3, 4)) > 0.4


def normalized(send):
    with config.use_dtype("float64"):
        layer = BatchNormalization()
        layer.build((4, 2))
    x, dy, mask = map(send, (X, DY, MASK))
    context = Context(training=True, mask=mask)
    with device.no_waiting():
        y, saved = layer.apply(x, context)
        dx = layer.gradient(dy, saved)
        context.commit()
    return [y, dx, layer.gamma.grad, layer.beta.grad, layer.moving_mean.value, layer.moving_variance.value]


def loss_with_holes(send):
    loss = losses.MeanSquaredError()
    y_pred, targets, mask = map(send, (X, np.where(MASK[..., None], DY, np.nan), MASK))
    with device.no_waiting():
        value, saved = loss.compute(y_pred, targets, None, mask)
        return [value, loss.gradient(saved)]


@pytest.mark.parametrize("compute", [normalized, loss_with_holes])
def test_the_same_numbers_without_waiting(compute):
    expected = compute(np.array)
    with on_the_stand_in("reference"):
        here = backend.current()
        found = [here.to_numpy(array) for array in compute(here.asarray)]
    for mine, other in zip(found, expected, strict=True):
        assert np.isfinite(mine).all()
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-14)
