"""What layers compute, by formulas of their own: values that no gradient check and no comparison with itself could judge."""

import numpy as np
import pytest

import minidl
from minidl.layers import Add, BatchNormalization, Dense, Dropout, Rescaling
from minidl.layers.containers import Chain
from tests.ops import naive

RNG = np.random.default_rng(17)


def words(seed, step, call, count):
    """32-bit words of stream 0 of this seed, by the generator written in plain Python."""
    return naive.words((seed, 0), (step, call, 0), count)


# -- Dropout -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_the_seed_of_dropout_is_the_generators(seed):
    """Step by step: the mask is made of the words at (seed, stream 0), whatever the seed of the process."""
    minidl.set_seed(99)
    layer, x = Dropout(0.25, seed=seed), np.ones((3, 5))
    for step in range(3):
        kept = words(seed, step, 0, 15).reshape(3, 5) >= 2**30
        np.testing.assert_allclose(layer.forward(x, training=True), kept / 0.75, rtol=1e-6)


def test_layers_of_one_seed_draw_alike_and_take_no_stream_of_the_process():
    minidl.set_seed(5)
    alike = [Dropout(0.5, seed=3) for _ in range(2)]
    masks = [layer.forward(np.ones((4, 16))) for layer in alike]
    np.testing.assert_array_equal(*masks)
    first = Dense(3)
    first.build((2,))
    minidl.set_seed(5)
    second = Dense(3)
    second.build((2,))
    np.testing.assert_array_equal(first.W.value, second.W.value)


@pytest.mark.parametrize(
    "noise_shape, mask_shape",
    [((None, 1, 3), (4, 1, 3)), ((1, None, None), (1, 5, 3)), ((None, None, 1), (4, 5, 1)), ((4, 1, None), (4, 1, 3))],
)
def test_none_in_noise_shape_is_the_inputs_length(noise_shape, mask_shape):
    x = RNG.normal(size=(4, 5, 3)) + 10
    kept = words(2, 0, 0, int(np.prod(mask_shape))).reshape(mask_shape) >= 2**31
    y = Dropout(0.5, noise_shape=noise_shape, seed=2).forward(x, training=True)
    np.testing.assert_allclose(y, np.where(kept, 2 * x, 0), rtol=1e-6)
    assert 0 < kept.mean() < 1


def test_a_rate_is_a_threshold_of_words():
    """A word counts as kept from rate 2^32 on, rounded to the nearest whole number."""
    for rate in (0.1, 1 / 3, 0.75):
        drawn = words(4, 0, 0, 4096)
        y = Dropout(rate, seed=4).forward(np.ones((1, 4096)))
        assert (y[0] != 0).tolist() == (drawn >= round(rate * 2**32)).tolist()


# -- Rescaling -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale, offset", [(1 / 255, 0.0), (1 / 127.5, -1.0), (2.0, 0.25), (0.0, 3.0)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_rescaling_is_scale_times_x_plus_offset(scale, offset, dtype):
    x = np.array([[0, 1, 100, 255]]).astype(dtype)
    layer = Rescaling(scale, offset)
    expected = [[scale * v + offset for v in (0, 1, 100, 255)]]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(layer.forward(x, training=True), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(layer.backward(np.ones((1, 4))), np.full((1, 4), scale), rtol=1e-6)


# -- BatchNormalization --------------------------------------------------------------------------------------------------

X = RNG.normal(3, 2, (6, 3))


def statistics(layer, mean, variance):
    layer.build((3,))
    layer.moving_mean.value, layer.moving_variance.value = mean, variance
    return layer


def test_a_frozen_batch_normalization_uses_and_keeps_its_running_statistics_in_training():
    mean, variance = np.array([1.0, -1.0, 0.5]), np.array([4.0, 1.0, 0.25])
    layer = statistics(BatchNormalization(), mean, variance)
    layer.trainable = False
    inverse = 1 / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(layer.forward(X, training=True), (X - mean) * inverse, rtol=1e-5, atol=1e-6)
    dy = RNG.normal(size=X.shape)
    np.testing.assert_allclose(layer.backward(dy), dy * inverse, rtol=1e-5)
    np.testing.assert_allclose([p.value for p in layer.state], [mean, variance], rtol=1e-6)
    layer.trainable = True
    y = layer.forward(X, training=True)
    np.testing.assert_allclose(y, (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3), rtol=1e-4, atol=1e-5)
    expected = [0.99 * mean + 0.01 * X.mean(0), 0.99 * variance + 0.01 * X.var(0)]
    np.testing.assert_allclose([p.value for p in layer.state], expected, rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_running_statistics_with_any_momentum(momentum):
    layer = statistics(BatchNormalization(momentum=momentum), [5.0, 5.0, 5.0], [7.0, 7.0, 7.0])
    mean, variance = np.full(3, 5.0), np.full(3, 7.0)
    for x in (X, 2 * X - 1):
        layer.forward(x, training=True)
        mean, variance = momentum * mean + (1 - momentum) * x.mean(0), momentum * variance + (1 - momentum) * x.var(0)
    np.testing.assert_allclose([p.value for p in layer.state], [mean, variance], rtol=1e-5)


# -- chains and sums -----------------------------------------------------------------------------------------------------


def test_a_layer_appended_after_a_step_is_trained():
    bottom, top = Dense(3), Dense(2)
    chain = Chain([bottom])
    bottom.trainable = False
    x = RNG.normal(size=(4, 5))
    _, saved = _step(chain, x)
    chain.gradient(np.ones((4, 3), np.float32), saved, need_dx=False)
    assert not bottom.W.grad.any()
    chain.append(top)
    y, saved = _step(chain, x)
    chain.gradient(np.ones_like(y), saved, need_dx=False)
    np.testing.assert_allclose(top.b.grad, [4, 4])
    assert not bottom.W.grad.any()
    assert top.W.grad.any()


def _step(chain, x):
    x = chain.door(x)
    chain.begin_step()
    return chain.apply(x, training=True)


@pytest.mark.parametrize("branches", [2, 3, 4])
def test_a_sum_has_every_branch_in_it(branches):
    xs = [10.0**i * np.ones((2, 3)) for i in range(branches)]
    before = [x.copy() for x in xs]
    np.testing.assert_allclose(Add()(xs), np.full((2, 3), sum(10.0**i for i in range(branches))))
    for x, old in zip(xs, before):
        np.testing.assert_array_equal(x, old)
