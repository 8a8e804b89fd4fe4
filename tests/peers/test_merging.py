"""Layers that join branches, with broadcasting: values and gradients. Where PyTorch splits a tie, inputs have none."""

import numpy as np
import pytest

from minidl.layers import Add, Average, Dot, Maximum, Minimum, Multiply, Subtract
from tests.peers.judge import F, agree, gradient, leaf, tensor, torch

pytestmark = pytest.mark.peer

RNG = np.random.default_rng(8)
FORMULAS = {
    Add: lambda *xs: sum(xs[1:], xs[0]),
    Average: lambda *xs: sum(xs[1:], xs[0]) / len(xs),
    Multiply: lambda *xs: torch.stack(torch.broadcast_tensors(*xs)).prod(dim=0),
    Maximum: lambda *xs: torch.stack(torch.broadcast_tensors(*xs)).amax(dim=0),
    Minimum: lambda *xs: torch.stack(torch.broadcast_tensors(*xs)).amin(dim=0),
}
SHAPES = [
    ((4, 3), (4, 3)),
    ((2, 3, 4), (2, 3, 4), (2, 3, 4)),
    ((2, 1, 4), (2, 3, 4)),
    ((2, 3, 1), (2, 1, 4), (2, 3, 4)),
    ((2, 4), (2, 3, 4)),
    ((2, 1), (2, 5, 3, 4), (2, 3, 1)),
    ((0, 3), (0, 3)),
    ((1, 1), (1, 1)),
]


def compare(layer, xs, formula):
    y = layer.forward(xs)
    dy = RNG.normal(size=y.shape)
    leaves = [leaf(x) for x in xs]
    rank = max(x.ndim for x in xs)
    expected = formula(*(x.reshape(x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]) for x in leaves))
    expected.backward(tensor(dy))
    kind = type(layer).__name__
    agree(y, expected, f"{kind}: y")
    for dx, x in zip(layer.backward(dy), leaves, strict=True):
        agree(dx, gradient(x), f"{kind}: dx")


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("cls", FORMULAS)
def test_joined(cls, shapes):
    compare(cls(), [RNG.normal(size=shape) for shape in shapes], FORMULAS[cls])


@pytest.mark.parametrize("shapes", [shapes for shapes in SHAPES if len(shapes) == 2])
def test_subtract(shapes):
    compare(Subtract(), [RNG.normal(size=shape) for shape in shapes], lambda a, b: a - b)


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_products_with_zeros(zeros):
    """The gradient by a zero is the product of the others; PyTorch's prod finds it without a division, too."""
    xs = [np.zeros((2, 3)) if i < zeros else RNG.normal(size=(2, 3)) for i in range(4)]
    compare(Multiply(), xs, FORMULAS[Multiply])


@pytest.mark.parametrize(
    "axes, shapes, formula",
    [
        (1, ((3, 4), (3, 4)), "nk,nk->n"),
        (-1, ((3, 2, 4), (3, 5, 4)), "nik,njk->nij"),
        (1, ((3, 4, 2), (3, 4, 5)), "nki,nkj->nij"),
        ((2, 1), ((3, 2, 4), (3, 4, 5)), "nik,nkj->nij"),
        ((1, 2), ((3, 4), (3, 2, 4)), "nk,njk->nj"),
        ((2, 1), ((3, 2, 4), (3, 4)), "nik,nk->ni"),
        ((1, 3), ((3, 4, 2, 5), (3, 2, 2, 4)), "nkab,ncdk->nabcd"),
        (-1, ((0, 2, 4), (0, 5, 4)), "nik,njk->nij"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(normalize, axes, shapes, formula):
    first, second = axes if isinstance(axes, tuple) else (axes, axes)

    def written(a, b):
        if normalize:
            a, b = F.normalize(a, dim=first), F.normalize(b, dim=second)
        y = torch.einsum(formula, a, b)
        return y if y.ndim > 1 else y[:, None]

    a, b = (RNG.normal(size=shape) for shape in shapes)
    layer = Dot(axes, normalize)
    y = layer.forward([a, b])
    dy = RNG.normal(size=y.shape)
    leaves = leaf(a), leaf(b)
    expected = written(*leaves)
    expected.backward(tensor(dy))
    agree(y, expected, "Dot: y")
    for dx, x in zip(layer.backward(dy), leaves, strict=True):
        agree(dx, gradient(x), "Dot: dx")


@pytest.mark.slow
@pytest.mark.parametrize("cls", [*FORMULAS, Subtract, Dot])
def test_as_keras_counts_axes_and_shapes(keras, cls):
    shapes = ((2, 1, 4), (2, 3, 4)) if cls is not Dot else ((2, 3, 4), (2, 4, 5))
    arguments = {"axes": (2, 1), "normalize": True} if cls is Dot else {}
    xs = [RNG.normal(size=shape).astype("float32") for shape in shapes]
    theirs = getattr(keras.layers, cls.__name__)(**arguments)(xs)
    np.testing.assert_allclose(
        cls(**arguments)([x.astype("float32") for x in xs]), theirs.detach().cpu().numpy(), rtol=1e-5, atol=1e-6
    )
