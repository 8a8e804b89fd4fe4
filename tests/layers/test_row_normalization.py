"""Layer, group and unit normalisation: statistics, masks, lengths that are not known, extreme numbers, and what is refused."""

import numpy as np
import pytest

from minidl import config
from minidl.backend import use_threads
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.layers import GroupNormalization, Input, LayerNormalization, UnitNormalization
from minidl.models import Sequential
from minidl.ops.layer_normalization import layer_normalize, layer_normalize_grad
from tests.cases.sample import mostly

RNG = np.random.default_rng(2)


def test_rows_have_mean_0_and_variance_1():
    for layer, x, axes in (
        (LayerNormalization(epsilon=1e-9), RNG.normal(3, 5, (4, 6, 7)), -1),
        (LayerNormalization((1, 2), epsilon=1e-9), RNG.normal(3, 5, (4, 6, 7)), (1, 2)),
        (GroupNormalization(-1, epsilon=1e-9), RNG.normal(3, 5, (4, 6, 7)), 1),
        (GroupNormalization(1, 1, epsilon=1e-9), RNG.normal(3, 5, (4, 6, 7)), (1, 2)),
    ):
        y = layer(x)
        np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-6)
        np.testing.assert_allclose(y.var(axis=axes), 1, rtol=1e-5)


def test_groups_hold_neighbouring_channels():
    x = np.zeros((1, 2, 4))
    x[..., :2] = [[1, 2], [3, 4]]
    y = GroupNormalization(2, epsilon=1e-9)(x)
    assert not y[..., 2:].any(), "a group of constant numbers"
    np.testing.assert_allclose(y[0, :, :2], (np.array([[1, 2], [3, 4]]) - 2.5) / np.sqrt(1.25), rtol=1e-6)


def test_gamma_and_beta_of_several_axes():
    layer = LayerNormalization((1, 3), epsilon=1e-9)
    layer.build((2, 3, 4))
    assert [p.shape for p in layer.parameters] == [(2, 4), (2, 4)]
    layer.gamma.value[...], layer.beta.value[...] = 0, np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(layer(RNG.normal(size=(5, 2, 3, 4)))[1, :, 2], np.arange(8).reshape(2, 4))


MASK = np.array([[True, True, False], [True, False, False]])


@pytest.mark.parametrize("layer", [LayerNormalization(), UnitNormalization()], ids=lambda layer: layer.name)
def test_a_mask_passes_where_steps_do_not_know_of_each_other(layer):
    x = RNG.normal(size=(2, 3, 4)).astype("float32")
    y = layer.forward(x, mask=MASK)
    np.testing.assert_array_equal(y, layer(x))
    np.testing.assert_array_equal(layer.output_mask(x, MASK), MASK)
    np.testing.assert_array_equal(GroupNormalization(1, axis=1)(x[..., 0]), GroupNormalization(1, axis=1)(x[..., 0], mask=MASK))


@pytest.mark.parametrize(
    "layer",
    [LayerNormalization((1, 2)), LayerNormalization(1), UnitNormalization(1), GroupNormalization(2)],
    ids=lambda layer: repr(layer),
)
def test_statistics_over_padded_steps_are_refused(layer):
    with pytest.raises(StateError, match=r"a sequence with a mask.*padded steps would count"):
        layer(RNG.normal(size=(2, 3, 4)), mask=MASK)


def test_lengths_that_are_not_known():
    for layer in (
        LayerNormalization(),
        GroupNormalization(2),
        UnitNormalization((1, 2)),
        LayerNormalization(1, center=False, scale=False),
    ):
        assert layer.output_shape((None, 4)) == (None, 4)
    with pytest.raises(ShapeError, match=r"\(None, 4\).*a known size along axis 1"):
        LayerNormalization((1, 2)).output_shape((None, 4))
    with pytest.raises(ShapeError, match=r"\(4, None\).*a known size along axis 2"):
        GroupNormalization(2).output_shape((4, None))
    model = Sequential([Input((None, 4)), LayerNormalization(), GroupNormalization(2), UnitNormalization()])
    for steps in (1, 6):
        assert model.predict(np.ones((3, steps, 4)), verbose=0).shape == (3, steps, 4)


def test_batches_of_one_and_rows_of_one():
    x = RNG.normal(size=(6, 5))
    layer = LayerNormalization()
    whole = layer(x)
    for i in range(6):
        np.testing.assert_array_equal(layer(x[i : i + 1]), whole[i : i + 1])
    assert not LayerNormalization()(x[:, :1]).any(), "the variance of one number is 0"
    np.testing.assert_array_equal(UnitNormalization()(x[:, :1]), np.sign(x[:, :1]))


@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e30, 3e38])
def test_vectors_of_any_length_are_brought_to_one(scale):
    x = np.float32(scale) * np.array([[0.6, -0.8]], np.float32)
    expected = x.astype("float64") / max(np.sqrt((x.astype("float64") ** 2).sum()), 1e-12)
    np.testing.assert_allclose(UnitNormalization()(x), expected, rtol=1e-5, atol=1e-42)


@pytest.mark.parametrize("dtype", mostly(["float32", "float64"], always=["float32"]))
def test_far_from_zero_no_digits_are_lost(dtype):
    x = (1e4 + np.arange(64.0)).astype(dtype)[None]
    with config.use_dtype(dtype):
        y = LayerNormalization(epsilon=1e-9)(x)
    exact = np.arange(64.0) - 31.5
    np.testing.assert_allclose(y[0], exact / np.sqrt((exact**2).mean()), rtol=1e-6)


@pytest.mark.parametrize("rows, width", [(300, 33), (70, 4100), (3, 7)])
def test_the_bits_do_not_depend_on_the_threads(rows, width):
    """And they are those of the reference to rounding, where sums over rows are made in parts."""
    x, dy = (RNG.normal(size=(rows, width)).astype("float32") for _ in range(2))
    gamma, found = RNG.normal(size=width).astype("float32"), []
    for threads, kernels in ((1, "auto"), (2, "auto"), (1, "reference")):
        with use_threads(threads), config.use_kernels(kernels):
            y, mean, r = layer_normalize(x, gamma, gamma, 1e-3)
            found.append([y, mean, r, *layer_normalize_grad(dy, x, mean, r, gamma)])
    for a, b, reference in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "make, kind, words",
    [
        (lambda: LayerNormalization(0), ArgumentError, "axis=0.*0 is the batch"),
        (lambda: LayerNormalization([]), ArgumentError, r"axis=\[\]"),
        (lambda: LayerNormalization(1.0), ArgumentTypeError, r"axis=1\.0"),
        (lambda: LayerNormalization(epsilon=0), ArgumentError, "epsilon=0.*positive"),
        (lambda: LayerNormalization(scale=1), ArgumentTypeError, "scale=1"),
        (lambda: LayerNormalization(rms_scaling=True), TypeError, "rms_scaling"),
        (lambda: GroupNormalization(0), ArgumentError, "groups=0"),
        (lambda: GroupNormalization(-2), ArgumentError, "groups=-2"),
        (lambda: GroupNormalization(2.0), ArgumentTypeError, r"groups=2\.0"),
        (lambda: GroupNormalization(axis=(1, 2)), ArgumentTypeError, r"axis=\(1, 2\).*channel axis"),
        (lambda: UnitNormalization("all"), ArgumentTypeError, "axis='all'"),
        (lambda: LayerNormalization((1, -2)).build((3, 4)), ShapeError, r"axis=\(1, -2\)"),
        (lambda: UnitNormalization(4).build((3, 4)), ShapeError, "axis=4 for samples with 2 axes"),
        (lambda: GroupNormalization(3).build((5, 4)), ShapeError, "4 channels.*a multiple of groups=3"),
        (lambda: GroupNormalization().build((5, 4)), ShapeError, "4 channels.*a multiple of groups=32.*groups=-1"),
    ],
)
def test_refused(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_other_sizes_than_it_was_built_for():
    for layer, words in (
        (LayerNormalization(), r"sizes \(4,\) along axis -1"),
        (GroupNormalization(2), "4 channels on axis -1"),
    ):
        layer.build((3, 4))
        layer.output_shape((5, 4))
        with pytest.raises(ShapeError, match=words):
            layer(np.ones((1, 3, 6)))
