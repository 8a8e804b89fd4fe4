"""Masks travel beside the values: layers make, pass on and use them, losses and metrics leave masked steps out."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.errors import DataError, ShapeError
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Context,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Layer,
    LSTMCell,
    Recompute,
    Reshape,
    SimpleRNN,
)
from minidl.models import Model, Sequential
from minidl.training.masks import masked

IDS = np.array([[3, 1, 0, 0], [2, 0, 0, 0], [1, 2, 3, 1]])
COUNTS = IDS != 0
Y = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")


def tagger(**compile_with):
    """A result for each step of a sequence."""
    minidl.set_seed(2)
    model = Sequential([Embedding(5, 3, mask_zero=True, input_shape=(4,)), Dense(4, activation="tanh"), Dense(2)])
    model.compile("sgd", "mse", ["mae"] if compile_with.get("metrics") else None)
    return model


def mask_behind(layer, x, mask=None):
    context = Context(mask=mask)
    model = Sequential([layer])
    model.build(tuple(part.shape[1:] for part in x) if isinstance(x, tuple) else x.shape[1:])
    model.network.apply(model.network.validated(x), context)
    return context.mask


# -- losses and metrics ------------------------------------------------------------------------------------------------


def test_the_loss_is_the_mean_over_the_steps_that_count():
    model = tagger()
    y = model.predict(IDS)
    expected = ((y - Y) ** 2).mean(axis=-1)[COUNTS].mean()
    np.testing.assert_allclose(model.evaluate(IDS, Y, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(model.train_on_batch(IDS, Y), expected, rtol=1e-6)


def test_steps_that_do_not_count_have_no_gradient():
    model = tagger()
    other = Y.copy()
    other[~COUNTS] = 1e6
    for targets in (Y, other):
        model = tagger()
        model.train_on_batch(IDS, targets)
        if targets is Y:
            weights = model.get_weights()
    for a, b in zip(model.get_weights(), weights):
        np.testing.assert_array_equal(a, b)


def test_weights_and_mask_together():
    model = tagger()
    weight = np.array([1.0, 2.0, 0.5])
    losses = ((model.predict(IDS) - Y) ** 2).mean(axis=-1)
    expected = (losses * weight[:, None] * COUNTS).sum() / COUNTS.sum()
    np.testing.assert_allclose(model.evaluate(IDS, Y, verbose=0, sample_weight=weight), expected, rtol=1e-6)


def test_metrics_leave_masked_steps_out():
    model = tagger()
    model.compile("sgd", "mse", ["mse"])
    loss, metric = model.evaluate(IDS, Y, verbose=0)
    np.testing.assert_allclose(metric, loss, rtol=1e-6)


def test_a_batch_without_any_step_has_loss_zero():
    model = tagger()
    assert model.evaluate(np.zeros((2, 4), int), Y[:2], verbose=0) == 0
    before = model.get_weights()
    model.train_on_batch(np.zeros((2, 4), int), Y[:2])
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("fuse", [True, False])
def test_a_masked_softmax_with_cross_entropy(fuse):
    minidl.set_seed(3)
    model = Sequential([Embedding(5, 3, mask_zero=True, input_shape=(4,)), Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"], fuse=fuse)
    p = model.predict(IDS)
    labels = np.array([[0, 1, 2, 3]] * 3)
    right = (p.argmax(axis=-1) == labels)[COUNTS].mean()
    losses = -np.log(np.take_along_axis(p, labels[..., None], axis=-1)[..., 0])
    loss, accuracy = model.evaluate(IDS, labels, verbose=0)
    np.testing.assert_allclose([loss, accuracy], [losses[COUNTS].mean(), right], rtol=1e-5)


def test_masked_weights():
    assert masked(None, None) is None
    weight = np.array([2.0, 1.0])
    assert masked(weight, None) is weight
    mask = np.array([[True, False], [True, True]])
    np.testing.assert_allclose(masked(weight, mask), [[2, 0], [1, 1]])
    np.testing.assert_allclose(masked(np.ones((2, 2)), mask), masked(None, mask))
    assert masked(None, np.zeros((2, 2), bool)).sum() == 0
    both = masked((None, weight), (mask, None))
    np.testing.assert_allclose(both[0], masked(None, mask))
    assert both[1] is weight
    one = masked(weight, (mask, None))
    np.testing.assert_allclose(one[0], masked(weight, mask))


# -- layers ------------------------------------------------------------------------------------------------------------

SEQUENCE = np.random.default_rng(1).normal(size=(3, 4, 2)).astype("float32")


@pytest.mark.parametrize(
    "layer",
    [Dense(3), Activation("relu"), Dropout(0.5), BatchNormalization(), Reshape((4, 2, 1)), Recompute(Dense(3))],
    ids=lambda layer: layer.name,
)
def test_layers_that_keep_the_steps_pass_the_mask_on(layer):
    np.testing.assert_array_equal(mask_behind(layer, SEQUENCE, COUNTS), COUNTS)


@pytest.mark.parametrize(
    "layer",
    [Flatten(), Reshape((8,)), Reshape((2, 4)), GlobalAveragePooling1D(), GlobalMaxPooling1D()],
    ids=lambda layer: layer.name,
)
def test_layers_that_end_the_steps_end_the_mask(layer):
    assert mask_behind(layer, SEQUENCE, COUNTS) is None


def test_padding_is_what_an_embedding_says():
    np.testing.assert_array_equal(mask_behind(Embedding(5, 2, mask_zero=True), IDS), COUNTS)
    assert mask_behind(Embedding(5, 2), IDS) is None


def test_recurrent_layers_leave_masked_steps_out():
    """Whatever stands there: other padding, or none at all, gives the same."""
    x = np.random.default_rng(0).normal(size=(3, 6, 2))
    mask = np.arange(6) < np.array([[6], [4], [1]])
    other = np.where(mask[:, :, None], x, 9)
    for layer in (LSTM(4), GRU(4), SimpleRNN(4), RNN(LSTMCell(4))):
        y = layer(x, mask=mask)
        np.testing.assert_array_equal(layer(other, mask=mask), y)
        np.testing.assert_allclose(y[1], layer(x[1:2, :4])[0], rtol=1e-6)
        np.testing.assert_allclose(y[2], layer(x[2:, :1])[0], rtol=1e-6)
        layer.return_sequences = True
        y = layer(x, mask=mask)
        np.testing.assert_array_equal(y[1, 4:], y[1, [3, 3]])  # a step that does not count says what was said before
        np.testing.assert_array_equal(layer.output_mask(x, mask), mask)


def test_a_step_before_the_first_that_counts_says_nothing():
    x, mask = np.ones((1, 4, 2)), np.array([[False, True, False, True]])
    for layer in (LSTM(3, return_sequences=True), RNN(LSTMCell(3), return_sequences=True)):
        h = [np.ones((1, 3)), np.ones((1, 3))]
        y = layer(x, mask=mask, initial_state=h)
        assert not y[0, 0].any()
        assert y[0, 1].all()
        np.testing.assert_array_equal(y[0, 2], y[0, 1])
        layer.zero_output_for_mask = True
        assert [bool(step.any()) for step in layer(x, mask=mask, initial_state=h)[0]] == mask[0].tolist()


def test_backwards_through_a_mask():
    """With go_backwards the padding comes first; the mask of the outputs stands as they do."""
    x, mask = np.random.default_rng(1).normal(size=(2, 4, 2)), np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
    layer = GRU(3, go_backwards=True, return_sequences=True)
    y = layer(x, mask=mask)
    np.testing.assert_array_equal(layer.output_mask(x, mask), mask[:, ::-1])
    assert not y[1, :2].any()
    np.testing.assert_allclose(y[1, 3], layer(x[1:, :2])[0, -1], rtol=1e-6)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"lstm \(LSTM\): received a mask of shape \(2, 3\); expected \(2, 4\)"):
        LSTM(3)(np.ones((2, 4, 2)), mask=np.ones((2, 3), bool))


@pytest.mark.parametrize("layer", [GlobalAveragePooling1D(), GlobalMaxPooling1D()], ids=lambda layer: layer.name)
def test_pooling_over_time_leaves_masked_steps_out(layer):
    x = SEQUENCE - 5  # all negative: padding of 0 would be the largest
    y = layer(x, mask=COUNTS)
    for sample in range(3):
        steps = x[sample][COUNTS[sample]]
        expected = steps.mean(axis=0) if "average" in layer.name else steps.max(axis=0)
        np.testing.assert_allclose(y[sample], expected, rtol=1e-6)
    assert not layer(SEQUENCE, mask=np.zeros((3, 4), bool)).any()


@pytest.mark.parametrize("axis", [-1, 1])
def test_normalization_takes_its_statistics_of_the_steps_that_count(axis):
    with minidl.config.use_dtype("float64"):
        layer = BatchNormalization(axis=axis, momentum=0.0, epsilon=1e-9)
    x = np.random.default_rng(1).normal(size=(3, 4, 2))
    layer.build((4, 2))
    context = Context(training=True, mask=COUNTS)
    y, _ = layer.apply(x, context)
    context.commit()
    if axis == -1:
        columns = [x[COUNTS]]
    else:
        columns = [x[COUNTS[:, t], t].reshape(-1, 1) for t in range(4)]
    mean, variance = (np.concatenate([f(c, axis=0) for c in columns]) for f in (np.mean, np.var))
    np.testing.assert_allclose(layer.moving_mean.value, mean, rtol=1e-12)
    np.testing.assert_allclose(layer.moving_variance.value, variance, rtol=1e-12)
    shape = (2,) if axis == -1 else (4, 1)
    np.testing.assert_allclose(y, (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 1e-9), rtol=1e-9)
    empty = Context(training=True, mask=COUNTS & False)
    assert np.isfinite(layer.apply(x, empty)[0]).all()


def test_branches_join_their_masks():
    other = np.array([[True, True, True, False]] * 3)
    pair = SEQUENCE, SEQUENCE
    for mask, expected in (((COUNTS, other), COUNTS & other), ((COUNTS, None), COUNTS), ((None, other), other)):
        np.testing.assert_array_equal(mask_behind(Add(), pair, mask), expected)
        np.testing.assert_array_equal(mask_behind(Concatenate(), pair, mask), expected)
    behind = mask_behind(Concatenate(axis=1), pair, (COUNTS, None))
    np.testing.assert_array_equal(behind, np.concatenate([COUNTS, np.ones((3, 4), bool)], axis=1))


def test_masks_in_a_graph_follow_the_values():
    a, b = Input((4,), dtype="int64"), Input((4,), dtype="int64")
    ha, hb = Embedding(5, 3, mask_zero=True)(a), Embedding(5, 3)(b)
    model = Model([a, b], [Dense(2)(Add()([ha, hb])), Dense(2)(hb), Dense(1)(GlobalAveragePooling1D()(ha))])
    context = Context()
    model.network.apply(model.network.validated([IDS, IDS]), context)
    first, second, third = context.mask
    np.testing.assert_array_equal(first, COUNTS)
    assert second is None
    assert third is None


def test_the_loss_of_branches_leaves_masked_steps_out():
    x = Input((4,), dtype="int64")
    h = Embedding(5, 3, mask_zero=True)(x)
    model = Model(x, [Dense(2)(Add()([h, Dense(3)(h)])), Dense(1)(GlobalAveragePooling1D()(h))])
    model.compile("sgd", ["mse", "mse"], [["mse"], ["mse"]])
    y = [Y, Y[:, 0, :1]]
    first, second = model.predict(IDS)
    expected = ((first - Y) ** 2).mean(axis=-1)[COUNTS].mean(), ((second - y[1]) ** 2).mean()
    found = model.evaluate(IDS, y, verbose=0)
    np.testing.assert_allclose(found, [sum(expected), *expected, *expected], rtol=1e-5)


def test_masks_of_a_nested_model_leave_it():
    inner = Sequential([Embedding(5, 3, mask_zero=True, input_shape=(4,)), Dense(2)])
    np.testing.assert_array_equal(mask_behind(inner.network, IDS), COUNTS)
    x = Input((4,), dtype="int64")
    model = Model(x, Dense(2)(inner(x)))
    model.compile("sgd", "mse")
    expected = ((model.predict(IDS) - Y) ** 2).mean(axis=-1)[COUNTS].mean()
    np.testing.assert_allclose(model.evaluate(IDS, Y, verbose=0), expected, rtol=1e-6)


class Positive(Layer):
    """A learner's layer: steps whose first number is not positive do not count."""

    def apply(self, x, context):
        return x, None

    def gradient(self, dy, saved, need_dx=True):
        return dy

    def output_mask(self, x, mask):
        return x[..., 0] > 0


def test_a_layer_of_ones_own_makes_a_mask():
    np.testing.assert_array_equal(mask_behind(Positive(), SEQUENCE), SEQUENCE[..., 0] > 0)


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "int8", "float32", "float64"])
def test_ids_reach_the_table_as_integers(dtype):
    layer = Embedding(30, 2)
    ids = (IDS + 20).astype(dtype)
    np.testing.assert_array_equal(layer(ids), layer.W.value[IDS + 20])


def test_ids_beyond_two_to_the_24_are_exact():
    """float32 would round 16777217 to 16777216."""
    layer = Sequential([Input((1,), dtype="int64"), Same()])
    layer.build((1,))
    assert layer(np.array([[2**24 + 1]])).tolist() == [[2**24 + 1]]
    assert layer.predict(np.array([[2**24 + 1]])).tolist() == [[2**24 + 1]]


class Same(Layer):
    def apply(self, x, context):
        return x, None

    def gradient(self, dy, saved, need_dx=True):
        return dy


@pytest.mark.parametrize(
    "ids, words",
    [
        ([[1, 5, 0, 0]], ["id 5 at index (0, 1)", "0 to 4", "input_dim=6"]),
        ([[1, -1, 0, 0]], ["id -1 at index (0, 1)", "begin with 0"]),
        ([[1, 0.5, 0, 0]], ["0.5"]),
        ([[1, float("nan"), 0, 0]], ["nan"]),
    ],
)
@pytest.mark.parametrize("call", ["layer", "fit", "predict"])
def test_ids_that_have_no_row_are_named(ids, words, call):
    layer = Embedding(5, 3)
    model = Sequential([layer, Flatten(), Dense(1)])
    model.build((4,))
    model.compile("sgd", "mse")
    before = model.get_weights()
    use = {"layer": layer, "fit": lambda x: model.fit(x, [[0.0]], verbose=0), "predict": model.predict}[call]
    with pytest.raises(DataError) as raised:
        use(np.array(ids))
    assert not [word for word in words if word not in str(raised.value)], str(raised.value)
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)


def test_the_gradient_of_a_row_is_the_sum_over_its_uses():
    layer = Embedding(4, 2)
    layer.build((3,))
    layer.forward(np.array([[1, 1, 3]]))
    assert layer.backward(np.array([[[1.0, 2], [10, 20], [5, 6]]])) is None
    np.testing.assert_array_equal(layer.W.grad, [[0, 0], [11, 22], [0, 0], [5, 6]])
