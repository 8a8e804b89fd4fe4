"""What layers compute, by formulas of their own: values that no gradient check and no comparison with itself could judge."""

import inspect

import numpy as np
import pytest

import minidl
from minidl import config, initializers
from minidl.backend.dispatch import CPU
from minidl.layers import (
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Rescaling,
)
from minidl.layers.containers import Chain
from minidl.layers.context import Context
from minidl.ops.activation import elu, gelu, leaky_relu
from minidl.ops.dropout import dropout, dropout_grad
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


@pytest.mark.parametrize("rate, threshold", [(0.25, 2**30), (1 / 3, 1431655765), (0.1, 429496730), (0.75, 3 * 2**30)])
def test_the_threshold_is_rate_times_two_to_the_32_rounded(rate, threshold, monkeypatch):
    around = np.array([0, threshold - 1, threshold, threshold + 1, 2**32 - 1], np.uint32)
    monkeypatch.setattr(CPU, "random_words", lambda key, counter, count: around)
    with config.use_kernels("reference"):
        _, mask = dropout(np.ones(5), rate, (0, 0), np.zeros(1, np.int64), 0, (5,))
    assert mask.tolist() == [False, False, True, True, True]


def test_a_rate_of_one_drops_even_the_largest_word():
    """The mask keeps a word of 2^32 - 1 at any rate: one number in four thousand million must not come through."""
    assert dropout_grad(np.ones(3), np.array([True, False, True]), 1.0).tolist() == [0, 0, 0]
    np.testing.assert_allclose(dropout_grad(np.ones(3), np.array([True, False, True]), 0.75), [4, 0, 4])


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
    return chain.apply(chain.validated(x), Context(training=True))


@pytest.mark.parametrize("branches", [2, 3, 4])
def test_a_sum_has_every_branch_in_it(branches):
    xs = [10.0**i * np.ones((2, 3)) for i in range(branches)]
    before = [x.copy() for x in xs]
    np.testing.assert_allclose(Add()(xs), np.full((2, 3), sum(10.0**i for i in range(branches))))
    for x, old in zip(xs, before):
        np.testing.assert_array_equal(x, old)


# -- global pooling -------------------------------------------------------------------------------------------------------


def test_of_equal_numbers_the_first_one_wins_the_global_maximum():
    layer = GlobalMaxPooling2D()
    y = layer.forward(np.array([[[[1.0], [3.0]], [[3.0], [2.0]]]]))
    assert y.tolist() == [[3]]
    assert layer.backward(np.array([[5.0]]))[..., 0].tolist() == [[[0, 5], [0, 0]]]


def test_means_over_images_count_their_positions_alone():
    x = RNG.normal(size=(2, 3, 5, 4))
    np.testing.assert_allclose(GlobalAveragePooling2D()(x), x.sum(axis=(1, 2)) / 15, rtol=1e-5, atol=1e-6)
    layer = GlobalAveragePooling2D("channels_first", keepdims=True)
    np.testing.assert_allclose(layer.forward(x)[..., 0, 0], x.sum(axis=(2, 3)) / 20, rtol=1e-5, atol=1e-6)
    dx = layer.backward(np.arange(6.0).reshape(2, 3, 1, 1))
    np.testing.assert_allclose(dx, np.broadcast_to(np.arange(6.0).reshape(2, 3, 1, 1) / 20, x.shape), rtol=1e-6)


# -- defaults ------------------------------------------------------------------------------------------------------------

FUNCTIONS = {leaky_relu: {"negative_slope": 0.2}, elu: {"alpha": 1.0}, gelu: {"approximate": False}}  # of Keras 3


@pytest.mark.parametrize("what", FUNCTIONS, ids=lambda what: what.__name__)
def test_defaults_of_functions_are_those_of_keras(what):
    """Those of classes: ``tests/test_every_class.py``."""
    parameters = inspect.signature(what).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    assert defaults == FUNCTIONS[what]


def test_options_that_are_given_are_used():
    """A default in the place of an argument would pass every test of defaults."""
    assert leaky_relu(np.array([-1.0]), 0.5) == [-0.5]
    assert elu(np.array([-1.0]), 0.5) == pytest.approx(0.5 * np.expm1(-1.0))
    one = np.array([1.0])
    assert float(Activation("gelu")(one)[0]) == pytest.approx(0.8413447, abs=1e-6)  # F(1)
    assert float(Activation("gelu", approximate=False)(one)[0]) == pytest.approx(0.8413447, abs=1e-6)
    assert float(Activation("gelu", approximate=True)(one)[0]) == pytest.approx(0.8411920, abs=1e-6)
    assert float(Activation("leaky_relu", 0.5)(-one)[0]) == -0.5
    assert float(Activation("elu", alpha=0.5)(-one)[0]) == pytest.approx(0.5 * np.expm1(-1.0))
    x = RNG.normal(size=(5, 3))
    y = BatchNormalization(epsilon=0.5).forward(x, training=True)
    np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 0.5), rtol=1e-4, atol=1e-5)
    layer = BatchNormalization(beta_initializer=initializers.Constant(2), gamma_initializer=initializers.Constant(3))
    expected = 3 * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) + 2
    np.testing.assert_allclose(layer.forward(x, training=True), expected, rtol=1e-4, atol=1e-5)
    biased = Dense(2, bias_initializer=initializers.Constant(4), kernel_initializer="zeros")
    np.testing.assert_array_equal(biased(x), np.full((5, 2), 4))


# -- sums in double precision --------------------------------------------------------------------------------------------


def test_statistics_of_many_samples_are_summed_in_double_precision():
    """Ones beside a number whose float32 has no room for them: added one by one to it, they would vanish."""
    mean, variance = np.ones((4096, 3)), np.tile([[1.0], [-1.0]], (2048, 3))
    mean[0] = 2.0**28
    variance[0], variance[1] = 2.0**14, -(2.0**14)  # of mean 0
    layer = BatchNormalization(momentum=0.0)
    layer.forward(mean, training=True)
    np.testing.assert_allclose(layer.moving_mean.value, (2.0**28 + 4095) / 4096, rtol=0, atol=0.01)
    layer.forward(variance, training=True)
    np.testing.assert_allclose(layer.moving_variance.value, (2 * 2.0**28 + 4094) / 4096, rtol=0, atol=0.02)


@pytest.mark.parametrize("centred", [True, False])
def test_gradients_of_gamma_and_beta_are_summed_in_double_precision(centred):
    """Ones beside 2^28: in float32 they would vanish one by one."""
    dy = np.ones((4096, 1), np.float32)
    dy[0] = 2.0**28
    layer = statistics_of(BatchNormalization(epsilon=1e-6), 0.0 if centred else -1.0)
    layer.trainable = False  # fixed statistics: dbeta = sum dy, dgamma = sum dy h with h = 1 or 2
    for p in layer.parameters:
        p.trainable = True
    layer.forward(np.ones((4096, 1)), training=True)
    layer.backward(dy)
    h = float(np.float32(1 if centred else 2) / np.sqrt(np.float32(1 + 1e-6)))
    assert float(layer.beta.grad[0]) == 2.0**28 + 4096
    assert float(layer.gamma.grad[0]) == pytest.approx((2.0**28 + 4095) * h, rel=2e-7)


def statistics_of(layer, mean):
    layer.build((1,))
    layer.moving_mean.value = [mean]
    return layer


# -- weights in and out --------------------------------------------------------------------------------------------------


def test_get_weights_gives_copies_and_set_weights_keeps_every_digit():
    with minidl.config.use_dtype("float64"):
        layer = Dense(1)
        layer.build((2,))
    given = [np.array([[1 / 3], [2 / 3]]), np.array([1 / 7])]
    layer.set_weights(given)
    found = layer.get_weights()
    for a, b in zip(found, given):
        np.testing.assert_array_equal(a, b)
        a[...] = 9
    for a, b in zip(layer.get_weights(), given):
        np.testing.assert_array_equal(a, b)
    given[0][...] = 5
    np.testing.assert_array_equal(layer.get_weights()[0], [[1 / 3], [2 / 3]])


def test_every_parameter_draws_numbers_of_its_own():
    """The recurrent and the input weights of a square LSTM, and two layers of one model, must not be equal."""
    minidl.set_seed(3)
    layer = LSTM(2, kernel_initializer="uniform", recurrent_initializer="uniform")
    layer.build((4, 2))
    assert not np.array_equal(layer.W.value, layer.W_recurrent.value)
    seeded = LSTM(
        2, kernel_initializer=initializers.RandomUniform(seed=1), recurrent_initializer=initializers.RandomUniform(seed=1)
    )
    seeded.build((4, 2))
    np.testing.assert_array_equal(seeded.W.value, seeded.W_recurrent.value)  # one seed, one shape: the same values


@pytest.mark.parametrize("mean", [0.0, 3.0])
def test_the_mean_of_normal_weights(mean):
    layer = Dense(100, kernel_initializer=initializers.RandomNormal(mean, 0.5, seed=1))
    layer.build((100,))
    assert float(layer.W.value.mean()) == pytest.approx(mean, abs=0.02)
    assert float(layer.W.value.std()) == pytest.approx(0.5, abs=0.02)
