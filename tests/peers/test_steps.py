"""TimeDistributed, Masking, RepeatVector, Permute and SpatialDropout against PyTorch's words for the same."""

import numpy as np
import pytest

from minidl.layers import (
    Activation,
    BatchNormalization,
    Context,
    Conv2D,
    Dense,
    Flatten,
    Masking,
    MaxPooling2D,
    Permute,
    RepeatVector,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    TimeDistributed,
)
from minidl.models import Sequential
from tests.peers.judge import F, agree, built, gradient, judge, leaf, tensor, torch

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_a_dense_layer_for_every_step(samples):
    x = np.random.default_rng(0).normal(size=(samples, 4, 5))
    layer = built(TimeDistributed(Dense(3, activation="tanh")), (4, 5))
    judge(layer, x, lambda x, W, b: torch.tanh(x @ W + b))


@pytest.mark.parametrize("steps", [1, 3])
def test_a_convolution_for_every_picture(steps):
    x = np.random.default_rng(1).normal(size=(2, steps, 5, 6, 2))
    network = Sequential([Conv2D(3, 2, padding="valid"), MaxPooling2D((2, 1)), Flatten()])
    layer = built(TimeDistributed(network), x.shape[1:])

    def formula(x, W, b):
        y = F.conv2d(x.flatten(0, 1).movedim(-1, 1), W.movedim((-1, -2), (0, 1)), b)
        y = F.max_pool2d(y, (2, 1)).movedim(1, -1).flatten(1)
        return y.unflatten(0, (2, steps))

    judge(layer, x, formula)


def test_statistics_are_those_of_all_steps():
    x = np.random.default_rng(2).normal(size=(3, 4, 2))
    layer = built(TimeDistributed(BatchNormalization(momentum=0.5)), (4, 2))

    def formula(x, gamma, beta):
        return F.batch_norm(x.flatten(0, 1), None, None, gamma, beta, training=True, eps=1e-3).unflatten(0, (3, 4))

    judge(layer, x, formula)
    rows = x.reshape(12, 2)
    agree(layer.state[0].value, tensor(0.5 * rows.mean(axis=0)), "TimeDistributed: moving mean")


def test_steps_that_do_not_count_are_in_no_statistics():
    x = np.random.default_rng(3).normal(size=(3, 4, 2))
    mask = np.arange(4) < np.array([[4], [2], [0]])
    layer = built(TimeDistributed(Sequential([Activation("tanh"), BatchNormalization()])), (4, 2))
    context = Context(training=True, mask=mask)
    y, _ = layer.apply(x, context)
    assert context.mask is mask
    rows = np.tanh(x[mask])
    gamma, beta = (p.value for p in layer.parameters)
    expected = (np.tanh(x) - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-3) * gamma + beta
    agree(y, tensor(expected), "TimeDistributed: masked y")


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("shape", [(3, 4, 2), (0, 4, 2), (1, 1, 1), (2, 3, 2, 2)])
def test_masking(shape, value):
    x = np.random.default_rng(4).choice([value, 1.5], shape)
    axes = tuple(range(2, len(shape)))
    judge(Masking(value), x, lambda x: torch.where((x != value).flatten(2).any(-1).view(*shape[:2], *[1] * len(axes)), x, 0))
    np.testing.assert_array_equal(Masking(value).output_mask(x, None), (x != value).any(axis=axes))


@pytest.mark.parametrize("samples", [0, 1, 3])
def test_moves(samples):
    x = np.random.default_rng(5).normal(size=(samples, 2, 3, 4))
    judge(Permute((3, 1, 2)), x, lambda x: x.permute(0, 3, 1, 2))
    judge(Permute((2, 1, 3)), x, lambda x: x.transpose(1, 2))
    judge(RepeatVector(4), x[:, 0, 0], lambda x: x[:, None].expand(samples, 4, 4))


@pytest.mark.parametrize(
    "kind, data_format, shape",
    [
        (SpatialDropout1D, None, (64, 5, 4)),
        (SpatialDropout2D, "channels_last", (32, 3, 2, 4)),
        (SpatialDropout2D, "channels_first", (32, 4, 3, 2)),
        (SpatialDropout3D, "channels_last", (32, 2, 3, 2, 4)),
        (SpatialDropout3D, "channels_first", (32, 4, 2, 3, 2)),
    ],
)
def test_whole_channels_are_dropped(kind, data_format, shape):
    """PyTorch's dropout1d to 3d do the same with the channels first; the numbers drawn are others."""
    layer = kind(0.3, seed=2) if data_format is None else kind(0.3, data_format, seed=2)
    x = 1 + np.random.default_rng(6).random(shape)
    y = layer.forward(x)
    dx = layer.backward(np.ones(shape))
    first = lambda a: a if data_format == "channels_first" else np.moveaxis(a, -1, 1)  # noqa: E731
    dropped = (first(y) == 0).reshape(shape[0], first(x).shape[1], -1)
    assert (dropped.all(axis=-1) == dropped.any(axis=-1)).all()
    channels = dropped.all(axis=-1)
    assert 0.15 < channels.mean() < 0.45
    assert len({row.tobytes() for row in channels}) > 5, "each sample has its own"
    keep = torch.tensor(~channels).view(*channels.shape, *[1] * (len(shape) - 2))
    of_x = leaf(x)
    turned = of_x if data_format == "channels_first" else of_x.movedim(-1, 1)
    expected = turned * keep / 0.7
    expected = expected if data_format == "channels_first" else expected.movedim(1, -1)
    expected.backward(torch.ones_like(expected))
    agree(y, expected, f"{kind.__name__}: y")
    agree(dx, gradient(of_x), f"{kind.__name__}: dx")
    np.testing.assert_array_equal(layer.forward(x, training=False), x)
