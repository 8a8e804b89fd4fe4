"""Which pools the kernels take: a kernel that declines is slow, and no comparison of numbers would say so."""

import numpy as np
import pytest

from minidl.geometry import Window

pooling = pytest.importorskip("minidl.kernels.numba.pooling", reason="numba is not installed")

AS_IMAGES = [Window((2,), (2,)), Window((3,), (1,), "same"), Window((1, 1, 3), (1, 1, 3)), Window((2, 1, 1), (2, 1, 1))]
AS_IMAGES += [Window((1, 2, 2), (1, 2, 2), "same"), Window((2, 3, 1), (1, 2, 1)), Window((1, 1, 1))]
ALL_AXES = [Window((2, 2, 2), (2, 2, 2)), Window((2, 1, 3), (1, 1, 2), "same")]


@pytest.mark.parametrize("window", AS_IMAGES + ALL_AXES, ids=str)
def test_pools_of_one_and_three_axes_have_kernels(window):
    shape = (2, *(4, 5, 6)[: window.rank], 3)
    x, spatial = np.ones(shape, np.float32), shape[1:-1]
    y, winners = pooling.max_pool(x, window)
    assert y.shape == winners.shape == (2, *window.output_shape(spatial), 3)
    results = pooling.average_pool(x, window), pooling.average_pool_grad(y, spatial, window)
    results += (pooling.max_pool_grad(y, winners, spatial, window),)
    assert [result is NotImplemented for result in results] == [window in ALL_AXES] * 3


def test_what_is_no_pool_of_the_array_is_declined():
    x = np.ones((2, 5, 3), np.float32)
    assert pooling.max_pool(x, Window((2, 2))) is NotImplemented
    assert pooling.max_pool(x, Window((2, 2, 2))) is NotImplemented
    assert pooling.average_pool(np.ones((2, 5, 3), np.float16), Window((2,))) is NotImplemented
    assert pooling.max_pool_grad(x, np.zeros(x.shape, np.uint8), (9,), Window((2,))) is NotImplemented
    assert pooling.average_pool_grad(x, (9,), Window((2,))) is NotImplemented
