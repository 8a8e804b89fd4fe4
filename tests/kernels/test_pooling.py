"""Which pools the kernels take: a kernel that declines is slow, and no comparison of numbers would say so."""

import numpy as np
import pytest

from minidl.geometry import Window
from minidl.ops import pooling as ops
from tests.cases.sample import mostly

pooling = pytest.importorskip("minidl.kernels.numba.pooling", reason="numba is not installed")
compiled = pytest.importorskip("minidl.kernels.numba._jit").compiled

AS_IMAGES = [Window((2,), (2,)), Window((3,), (1,), "same"), Window((1, 1, 3), (1, 1, 3)), Window((2, 1, 1), (2, 1, 1))]
AS_IMAGES += [Window((1, 2, 2), (1, 2, 2), "same"), Window((2, 3, 1), (1, 2, 1)), Window((1, 1, 1))]
ALL_AXES = [Window((2, 2, 2), (2, 2, 2)), Window((2, 1, 3), (1, 1, 2), "same")]


@pytest.mark.more
@pytest.mark.one_in(4)
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


CHANNELS = (1, 3, 6, 8, 9, 15, 16, 17, 20, 33)  # two windows in a vector, one, and several vectors with and without a rest


@pytest.mark.one_in(3)
@pytest.mark.parametrize("dtype", mostly([np.float32, np.float64], always=[np.float32]))
@pytest.mark.parametrize("strides", [(2, 2), (1, 1), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", ((1, 1), (1, 0)), ((0, 0), (1, 0))], ids=str)
def test_two_by_two_windows_of_any_number_of_channels(dtype, strides, padding):
    """Rows of windows are stored in whole vectors: what one writes too much, another must have written over."""
    rng, window = np.random.default_rng(3), Window((2, 2), strides, padding)
    for c in CHANNELS:
        for spatial in ((2, 2), (4, 6), (5, 7), (3, 4), (6, 5), (1, 3)):
            if padding in ("valid", ((0, 0), (1, 0))) and 1 in spatial:
                continue
            out = window.output_shape(spatial)
            x = rng.integers(-2, 3, (3, *spatial, c)).astype(dtype)  # with many equal numbers
            x[rng.random(x.shape) < 0.05] = np.nan
            dy = rng.standard_normal((3, *out, c)).astype(dtype)
            y, winners = pooling.max_pool(x, window)
            expected = ops.max_pool.reference(x, window)
            case = f"{c} channels, {spatial}"
            np.testing.assert_array_equal(y, expected[0], case)
            np.testing.assert_array_equal(winners, expected[1], case)
            for found, right in (
                (
                    pooling.max_pool_grad(dy, winners, spatial, window),
                    ops.max_pool_grad.reference(dy, winners, spatial, window),
                ),
                (pooling.average_pool(x, window), ops.average_pool.reference(x, window)),
                (pooling.average_pool_grad(dy, spatial, window), ops.average_pool_grad.reference(dy, spatial, window)),
            ):
                np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5, err_msg=case)


@pytest.mark.parametrize("channels", CHANNELS)
def test_means_have_the_same_bits_wherever_tasks_end(channels):
    x = np.random.default_rng(4).standard_normal((5, 4, 6, channels)).astype(np.float32)
    together = pooling.average_pool(x, Window((2, 2), (2, 2)))
    for image in range(len(x)):
        alone = pooling.average_pool(x[image : image + 1], Window((2, 2), (2, 2)))
        assert alone.tobytes() == together[image : image + 1].tobytes()


@pytest.mark.more
@pytest.mark.one_in(5)
@pytest.mark.parametrize("channels", CHANNELS)
def test_a_task_writes_nothing_behind_its_images(channels):
    """They may be another thread's."""
    out, strides, size = (2, 2), (2, 2), 4 * 4 * channels
    shape = (4, 4, channels, *out)
    x, dy = np.ones(2 * size, np.float32), np.ones(2 * size // 4, np.float32)
    y, mean, winners = np.full_like(dy, 7), np.full_like(dy, 7), np.full(dy.shape, 7, np.uint8)
    dx, of_winners, none = np.full_like(x, 7), np.zeros(dy.shape, np.uint8), np.empty(0, np.uint8)
    first_image(x, dy, y, mean, winners, dx, of_winners, none, shape, strides)
    for written, count in ((y, size // 4), (mean, size // 4), (winners, size // 4), (dx, size)):
        assert (written[:count] != 7).all()
        assert (written[count:] == 7).all()


@compiled
def first_image(x, dy, y, mean, winners, dx, of_winners, none, shape, strides):
    pooling._of_four_share(0, 1, x, y, winners, shape, strides)
    pooling._of_four_share(0, 1, x, mean, none, shape, strides)
    pooling._to_four_share(0, 1, dy, of_winners, dx, shape[2:])
