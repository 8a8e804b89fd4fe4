"""Padding, cropping and upsampling: every form of their argument, both data formats, every kind of number."""

import itertools

import numpy as np
import pytest

from minidl.layers import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from tests.peers.judge import F, channels_first, judge

pytestmark = pytest.mark.peer

FORMATS = ["channels_last", "channels_first"]
PADDINGS, CROPPINGS = [ZeroPadding1D, ZeroPadding2D, ZeroPadding3D], [Cropping1D, Cropping2D, Cropping3D]
AMOUNTS = {  # by rank: the argument, and the pairs it means
    1: [(1, [(1, 1)]), (0, [(0, 0)]), ((2, 1), [(2, 1)]), ([0, 2], [(0, 2)])],
    2: [(2, [(2, 2)] * 2), ((1, 2), [(1, 1), (2, 2)]), (((1, 0), (2, 1)), [(1, 0), (2, 1)]), ((0, (1, 2)), [(0, 0), (1, 2)])],
    3: [(1, [(1, 1)] * 3), ((0, 0, 2), [(0, 0), (0, 0), (2, 2)]), (((1, 0), (0, 1), (2, 1)), [(1, 0), (0, 1), (2, 1)])],
}
SPATIAL = {1: (7,), 2: (5, 6), 3: (4, 5, 6)}


def drawn(spatial, data_format, samples=2):
    x = np.random.default_rng(0).normal(size=(samples, *spatial, 3))
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def padded(x, pairs, sign=1):
    """Channels last; negative amounts are cut off, as PyTorch has it."""
    amounts = [0, 0] + [sign * end for pair in reversed(pairs) for end in pair]
    return F.pad(x, amounts)


@pytest.mark.parametrize("kind", PADDINGS + CROPPINGS)
def test_every_form_of_the_amounts(kind):
    for (amounts, pairs), data_format, samples in itertools.product(AMOUNTS[kind.rank], FORMATS, (0, 1, 2)):
        x = drawn(SPATIAL[kind.rank], data_format, samples)
        sign = 1 if kind in PADDINGS else -1
        judge(kind(amounts, data_format), x, channels_first(lambda x: padded(x, pairs, sign), data_format))  # noqa: B023


def test_defaults():
    for kind in PADDINGS + CROPPINGS:
        amount = {Cropping2D: 0}.get(kind, 1)
        sign = 1 if kind in PADDINGS else -1
        x = drawn(SPATIAL[kind.rank], "channels_last")
        judge(kind(), x, lambda x: padded(x, [(amount, amount)] * kind.rank, sign))  # noqa: B023


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(2, 2), (1, 1), (1, 3), (4, 1), (2, 5), (3, 3)])
def test_larger_images(size, mode):
    options = {} if mode == "nearest" else {"align_corners": False}
    for data_format, spatial, samples in itertools.product(FORMATS, ((3, 4), (1, 5), (1, 1), (2, 7)), (1, 2)):
        enlarge = channels_first(
            lambda x: F.interpolate(x.movedim(-1, 1), scale_factor=size, mode=mode, **options).movedim(1, -1), data_format
        )
        judge(UpSampling2D(size, data_format, mode), drawn(spatial, data_format, samples), enlarge)
    layer = UpSampling2D(size, interpolation=mode)  # PyTorch takes no batch without samples here
    assert layer.forward(np.ones((0, 3, 4, 2))).shape == (0, 3 * size[0], 4 * size[1], 2)
    assert layer.backward(np.ones((0, 3 * size[0], 4 * size[1], 2))).shape == (0, 3, 4, 2)


@pytest.mark.parametrize("data_format", FORMATS)
def test_larger_sequences_and_volumes(data_format):
    for kind, sizes in ((UpSampling1D, [(1,), (2,), (5,)]), (UpSampling3D, [(2, 2, 2), (1, 3, 2), (4, 1, 1)])):
        for size in sizes:
            judge(
                kind(size[0] if kind is UpSampling1D else size, data_format),
                drawn(SPATIAL[kind.rank], data_format),
                channels_first(
                    lambda x: F.interpolate(x.movedim(-1, 1), scale_factor=size).movedim(1, -1),  # noqa: B023
                    data_format,
                ),
            )


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e300, 5e-324])
def test_special_numbers_stay_where_they_belong(number):
    """In the results that lie between them and a neighbour, and nowhere else."""
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 3))
    x[0, 2, 2] = number  # not the second: at the first PyTorch multiplies it by 0
    judge(ZeroPadding2D(2), x, lambda x: padded(x, [(2, 2)] * 2))
    judge(Cropping2D(1), x, lambda x: padded(x, [(1, 1)] * 2, -1))
    judge(UpSampling2D(3), x, lambda x: F.interpolate(x.movedim(-1, 1), scale_factor=3).movedim(1, -1))
    for size in (2, 4):  # where PyTorch multiplies no number by 0
        judge(
            UpSampling2D(size, interpolation="bilinear"),
            x,
            lambda x: F.interpolate(x.movedim(-1, 1), scale_factor=size, mode="bilinear").movedim(1, -1),  # noqa: B023
        )
    y = UpSampling2D(3, interpolation="bilinear")(np.array([1.0, np.inf, 1.0, 1.0]).reshape(1, 1, 4, 1))
    assert np.isinf(y[0, 0, :, 0]).tolist() == [False, False, True, True, True, True, True, False, False, False, False, False]
    assert not np.isnan(y).any()
