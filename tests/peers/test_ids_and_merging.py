"""Embedding, Concatenate, and global pooling in one to three dimensions: values and gradients."""

import numpy as np
import pytest

from minidl import layers
from minidl.layers import Concatenate, Embedding
from tests.peers.judge import F, agree, built, channels_first, gradient, judge, leaf, tensor, torch

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(3)


# -- Embedding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (4, 5), (2, 3, 4), (0, 3), (1, 1)])
@pytest.mark.parametrize("rows", [3, 50])  # most rows used several times; most rows never used
def test_embedding(rows, shape):
    layer, ids = Embedding(rows, 4), RNG.integers(0, rows, shape)
    built(layer, shape[1:])
    y = layer.forward(ids)
    dy = RNG.normal(size=y.shape)
    assert layer.backward(dy) is None
    W = leaf(layer.W.value)
    expected = F.embedding(tensor(ids), W)
    expected.backward(tensor(dy))
    agree(y, expected, "Embedding: y")
    agree(layer.W.grad, gradient(W), "Embedding: dW")


def test_embedding_gradients_add_up_over_two_passes():
    layer = built(Embedding(5, 2), (3,))
    W = leaf(layer.W.value)
    for _ in range(2):
        ids, dy = RNG.integers(0, 5, (4, 3)), RNG.normal(size=(4, 3, 2))
        layer.forward(ids)
        layer.backward(dy)
        F.embedding(tensor(ids), W).backward(tensor(dy))
    agree(layer.W.grad, gradient(W), "Embedding: dW of two passes")


# -- Concatenate -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [-1, 1, 2, 3, -2, -3])
@pytest.mark.parametrize("sizes", [(2, 3), (1, 4, 2), (3, 1, 1, 2)])
def test_concatenate(sizes, axis):
    shape = [3, 4, 5, 2]
    xs = [RNG.normal(size=[n if a == axis % 4 else s for a, s in enumerate(shape)]) for n in sizes]
    layer = Concatenate(axis)
    y = layer.forward(xs)
    dy = RNG.normal(size=y.shape)
    dxs = layer.backward(dy)
    leaves = [leaf(x) for x in xs]
    expected = torch.cat(leaves, dim=axis)
    expected.backward(tensor(dy))
    agree(y, expected, "Concatenate: y")
    for dx, x in zip(dxs, leaves, strict=True):
        agree(dx, gradient(x), "Concatenate: dx")


# -- global pooling --------------------------------------------------------------------------------------------------------

NUMBERS = {
    "normal": lambda shape: RNG.normal(size=shape),
    "ties": lambda shape: RNG.integers(0, 2, shape).astype(float),
    "negative": lambda shape: -1 - RNG.random(shape),
}


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_global_pooling(kind, rank, data_format, keepdims, numbers):
    """The first of equal numbers receives the gradient, as in PyTorch's adaptive pools."""
    if numbers == "ties" and kind == "Average":
        return
    layer = getattr(layers, f"Global{kind}Pooling{rank}D")(data_format, keepdims)
    pool = getattr(F, f"adaptive_{'avg' if kind == 'Average' else 'max'}_pool{rank}d")

    def formula(x):
        y = pool(x.movedim(-1, 1), 1).movedim(1, -1)
        return y if keepdims else y.flatten(1)

    shape = (3, *(4, 3, 2)[:rank], 5) if data_format == "channels_last" else (3, 5, *(4, 3, 2)[:rank])
    judge(layer, NUMBERS[numbers](shape), channels_first(formula, data_format) if keepdims else last(formula, data_format))


def last(formula, data_format):
    """A formula of images whose result has no spatial axes."""
    return formula if data_format == "channels_last" else lambda x: formula(x.movedim(1, -1))


@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_global_pooling_over_padded_sequences(kind):
    """A mean over the steps that count, and a maximum of them: PyTorch with the others divided away or at minus infinity."""
    x, mask = RNG.normal(size=(4, 6, 3)), np.arange(6) < np.array([6, 1, 3, 4])[:, None]
    layer = getattr(layers, f"Global{kind}Pooling1D")()
    y = layer.forward(x, mask=mask)
    dy = RNG.normal(size=y.shape)
    dx = layer.backward(dy)
    of_x, counts = leaf(x), tensor(mask)[..., None]
    if kind == "Average":
        expected = (of_x * counts).sum(dim=1) / counts.sum(dim=1)
    else:
        expected = of_x.masked_fill(~counts, -torch.inf).amax(dim=1)
    expected.backward(tensor(dy))
    agree(y, expected, f"Global{kind}Pooling1D with a mask: y")
    agree(dx, gradient(of_x), f"Global{kind}Pooling1D with a mask: dx")
