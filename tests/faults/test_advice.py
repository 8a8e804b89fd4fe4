"""What can be trained but will not learn what was meant: targets and weights that are refused, and warnings with the fix.

Every warning names the line of the user's program that called minidl, which is a line of this file.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import minidl
from minidl.errors import DataError, DataWarning, NumericWarning
from minidl.layers import (
    LSTM,
    Activation,
    Add,
    BatchNormalization,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    Rescaling,
    Reshape,
)
from minidl.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from minidl.models import Model, Sequential

SAMPLES, FEATURES, CLASSES = 12, 4, 3
X = np.random.default_rng(0).normal(size=(SAMPLES, FEATURES)).astype(np.float32)
LABELS = np.arange(SAMPLES) % CLASSES
ONE_HOT = np.eye(CLASSES, dtype=np.float32)[LABELS]


def ending_in(*layers, loss, metrics=None, fuse=True):
    minidl.set_seed(1)
    model = Sequential([Dense(5, activation="tanh", input_shape=(FEATURES,)), *layers])
    model.compile("sgd", loss, metrics, fuse=fuse)
    return model


def regression(metrics=None):
    model = Sequential([Dense(1, input_shape=(FEATURES,))])
    model.compile("sgd", "mse", metrics)
    return model


def replaced(array, index, value, dtype=None):
    changed = np.array(array, dtype)
    changed[index] = value
    return changed


def warned(function, *args, **kwargs):
    """The warnings of a call, as (class, text); each points into this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **kwargs)
    assert {w.filename for w in caught} <= {__file__}
    return [(w.category, str(w.message)) for w in caught]


def says(found, category, *words):
    """There is exactly one warning, of this class, and it has all words."""
    assert [kind for kind, _ in found] == [category], found
    assert [word for word in words if word not in found[0][1]] == [], found[0][1]


# -- targets and weights -------------------------------------------------------------------------------------------------

SOFT = np.full((SAMPLES, CLASSES), 1 / CLASSES, np.float32)
BAD_DISTRIBUTIONS = {
    "one-hot of -1 and 1": (ONE_HOT * 2 - 1, ["target -1.0 at index (0, 1)", "probabilities, 0 to 1", "(y + 1) / 2"]),
    "negative": (-ONE_HOT, ["target -1.0 at index (0, 0)", "probabilities, 0 to 1"]),
    "one negative, sums of 1": (replaced(SOFT, 7, [-0.25, 0.5, 0.75]), ["target -0.25 at index (7, 0)"]),
    "whole numbers, negative": ((ONE_HOT * 2 - 1).astype(int), ["target -1 at index (0, 1)"]),
    "five times one-hot": (ONE_HOT * 5, ["sum is 5.0 at index 0", "whose sum is 1", "y / y.sum(axis=-1, keepdims=True)"]),
    "whole numbers, five times": ((ONE_HOT * 5).astype("u1"), ["sum is 5.0 at index 0"]),
    "two classes at once": (replaced(ONE_HOT, (4, 0), 1), ["sum is 2.0 at index 4", "sigmoid and 'binary_crossentropy'"]),
    "no class": (replaced(ONE_HOT, 5, 0), ["sum is 0.0 at index 5", "sample_weight=0"]),
    "smoothed wrongly": (ONE_HOT * 0.9 + 0.1, ["sum is 1.2", "at index 0"]),
    "NaN": (replaced(ONE_HOT, (3, 1), np.nan), ["target nan at index (3, 1)"]),
    "infinite": (replaced(ONE_HOT, (3, 1), np.inf), ["target inf at index (3, 1)"]),
    "too large for float32": (replaced(ONE_HOT, (3, 1), 1e300, float), ["sum is 1e+300 at index 3"]),
}


@pytest.mark.parametrize("mistake", BAD_DISTRIBUTIONS)
def test_categorical_targets_are_distributions(mistake):
    targets, words = BAD_DISTRIBUTIONS[mistake]
    model = ending_in(Dense(CLASSES, activation="softmax"), loss="categorical_crossentropy")
    before = model.get_weights()
    for verb in ("fit", "train_on_batch", "evaluate"):
        with pytest.raises(DataError) as raised:
            getattr(model, verb)(X, targets)
        assert [word for word in (f"{verb}: y", *words) if word not in str(raised.value)] == [], str(raised.value)
    CategoricalCrossentropy().apply(ONE_HOT, targets)  # by hand the formula holds for any numbers
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


@pytest.mark.more
def test_rows_that_weigh_nothing_may_be_empty():
    """Sequences and batches are filled up with them."""
    model = ending_in(Dense(CLASSES, activation="softmax"), loss="categorical_crossentropy")
    targets, weights = replaced(ONE_HOT, slice(5), 0), replaced(np.ones(SAMPLES), slice(5), 0)
    model.fit(X, targets, sample_weight=weights, verbose=0)
    with pytest.raises(DataError, match=r"sum is 0\.0 at index 4"):
        model.fit(X, targets, sample_weight=replaced(weights, 4, 1), verbose=0)
    steps = Sequential([LSTM(4, return_sequences=True, input_shape=(2, FEATURES)), Dense(CLASSES, activation="softmax")])
    steps.compile("sgd", "categorical_crossentropy")
    x, y = X.reshape(6, 2, FEATURES), targets.reshape(6, 2, CLASSES)
    steps.fit(x, y, sample_weight=weights.reshape(6, 2), verbose=0)


def test_probabilities_written_with_two_digits_are_distributions():
    CategoricalCrossentropy().check_data(np.tile([0.33, 0.33, 0.33], (SAMPLES, 1)), ONE_HOT.shape, "y")
    rows = np.round(np.random.default_rng(0).dirichlet(np.ones(30), SAMPLES), 2)
    CategoricalCrossentropy().check_data(rows, rows.shape, "y")


def test_softmax_into_the_binary_loss_is_said():
    """It trains, and reports nine of ten right for any ten classes."""
    layer = Dense(CLASSES, activation="softmax")
    says(warned(ending_in, layer, loss="binary_crossentropy"), DataWarning, "dense_2 (Dense)", "'categorical_crossentropy'")


def test_regression_on_whole_numbers_may_be_cut_anywhere():
    model = regression()
    assert warned(model.fit, X, np.arange(SAMPLES), validation_split=0.25, verbose=0) == []


def test_a_table_of_whole_numbers_is_no_image():
    x = np.random.default_rng(0).integers(0, 200, (SAMPLES, FEATURES)).astype(float)
    assert warned(regression().fit, x, LABELS, verbose=0) == []


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "longdouble", "i8", "u1", "?"])
def test_one_hot_targets_of_every_type_are_distributions(dtype):
    CategoricalCrossentropy().check_data(ONE_HOT.astype(dtype), ONE_HOT.shape, "y")


def test_soft_targets_are_distributions_up_to_rounding():
    rng = np.random.default_rng(1)
    for classes in (2, 10, 1000):
        soft = rng.dirichlet(np.ones(classes), 50)
        smoothed = np.eye(classes)[rng.integers(0, classes, 50)] * 0.9 + 0.1 / classes
        for targets in (soft, soft.astype("f4"), soft.astype("f2"), soft.round(3) if classes == 2 else soft, smoothed):
            CategoricalCrossentropy().check_data(targets, (50, classes), "y")
    many = np.tile(np.float32([0.333, 0.333, 0.333]), (100_000, 1))  # each row is off by less than is refused, together by more
    CategoricalCrossentropy().check_data(many, many.shape, "y")
    images = np.moveaxis(np.tile(ONE_HOT, (2, 3, 1, 1)), 0, 1)  # (3, 2, 12, 3), not in C order
    CategoricalCrossentropy().check_data(images, images.shape, "y")
    CategoricalCrossentropy().check_data(ONE_HOT[:0], (0, CLASSES), "y")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_binary_targets_that_are_not_finite(value):
    model = ending_in(Dense(1, activation="sigmoid"), loss="binary_crossentropy")
    with pytest.raises(DataError, match=rf"fit: y: received target {value} at index 2; expected 0 to 1"):
        model.fit(X, replaced(LABELS > 0, 2, value, float), nan="ignore")


def test_negative_weights_are_refused():
    model = ending_in(Dense(CLASSES, activation="softmax"), loss="sparse_categorical_crossentropy")
    before = model.get_weights()
    weights = replaced(np.ones(SAMPLES), 5, -0.5)
    for verb in ("fit", "train_on_batch", "test_on_batch", "evaluate"):
        for kind in ("f4", "f8"):
            with pytest.raises(DataError, match=rf"{verb}: sample_weight: received weight -0.5 at index 5; expected"):
                getattr(model, verb)(X, LABELS, sample_weight=weights.astype(kind))
    with pytest.raises(DataError, match="fit: validation_data: sample_weight"):
        model.fit(X, LABELS, validation_data=(X, LABELS, weights), nan="ignore", verbose=0)
    with pytest.raises(DataError, match="weight -1 at index 0"):
        model.fit(X, LABELS, sample_weight=-np.ones(SAMPLES, int))
    with pytest.raises(DataError, match="MeanSquaredError: sample_weight"):
        MeanSquaredError().apply(X, X, weights)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.fit(X, LABELS, sample_weight=np.zeros(SAMPLES), verbose=0)


NOT_FINITE = {
    "x": lambda value: {"x": replaced(X, (7, 1), value, float), "y": X[:, :1]},
    "y": lambda value: {"x": X, "y": replaced(X[:, :1], (7, 0), value, float)},
    "sample_weight": lambda value: {"x": X, "y": X[:, :1], "sample_weight": replaced(np.ones(SAMPLES), 7, value)},
}
INDEX = {"x": "(7, 1)", "y": "(7, 0)", "sample_weight": "7"}


@pytest.mark.parametrize("name", NOT_FINITE)
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 3.5e38])
def test_numbers_that_are_not_finite_in_float32_are_named(name, value):
    given = NOT_FINITE[name](value)
    what = "numbers too large for float32" if np.isfinite(value) else "NaN or infinity"
    with np.errstate(all="raise"):  # nothing but the project's own warnings, whatever the program asks of NumPy
        found = warned(regression().fit, **given, batch_size=4, shuffle=False, verbose=0)
    says(found[:1], DataWarning, f"fit: {name} holds {what}", "first in sample 7", f"{value} at index {INDEX[name]}")
    assert [kind for kind, _ in found[1:]] == [NumericWarning], found  # and then the loss
    assert "epoch 1, batch 2" in found[1][1]

    model = regression()
    before = model.get_weights()
    with pytest.raises(DataError) as raised:
        model.fit(**given, nan="raise", verbose=0)
    assert f"fit: {name}: received {what} in sample 7: {value} at index {INDEX[name]}; expected finite" in str(raised.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert warned(model.fit, **given, nan="ignore", verbose=0) == []


def test_what_float64_can_hold_is_finite_there():
    with minidl.config.use_dtype("float64"):
        model = regression()
    x = replaced(X, (3, 2), 1e100, float)
    assert warned(model.evaluate, x, X[:, :1], verbose=0) == []
    assert warned(model.predict, x) == []


def test_the_largest_numbers_of_float32_are_finite():
    largest = float(np.finfo(np.float32).max)
    for value in (largest, -largest, largest * (1 + 1e-9)):  # the last is rounded to it
        assert warned(regression().evaluate, replaced(X, (3, 2), value, float), X[:, :1], verbose=0) == []


def test_train_on_batch_says_when_the_loss_is_not_finite():
    y = replaced(X[:, :1], 9, 1e30)  # whose square is infinite
    says(warned(regression().train_on_batch, X, y), NumericWarning, "train_on_batch: the loss became NaN or infinite", "rate")
    assert warned(regression().test_on_batch, X, y) == []
    found = warned(regression().train_on_batch, X, replaced(X[:, :1], 9, np.nan))
    assert [kind for kind, _ in found] == [DataWarning, NumericWarning]
    assert "y holds NaN or infinity, first in sample 9: nan at index (9, 0)" in found[0][1]


# -- the architecture ----------------------------------------------------------------------------------------------------

SPARSE, CATEGORICAL, BINARY = "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"
DOUBTFUL = {
    "one softmax unit": ([Dense(1, activation="softmax")], BINARY, ["dense_2 (Dense)", "one unit", "always 1", "sigmoid"]),
    "one softmax unit, categorical": ([Dense(1), Activation("softmax")], CATEGORICAL, ["activation_1", "always 1", "sigmoid"]),
    "one softmax unit, squared error": ([Dense(1, activation="softmax")], "mse", ["always 1"]),
    "one unit, labels": ([Dense(1, activation="sigmoid")], SPARSE, ["one output for each class", "dense_2", "binary_crossent"]),
    "one unit, logits": ([Dense(1)], SparseCategoricalCrossentropy(from_logits=True), ["one output for each class"]),
    "one unit, one-hot": ([Dense(1, activation="sigmoid")], CATEGORICAL, ["one output for each class"]),
    "linear": ([Dense(3)], SPARSE, ["dense_2", "ends in linear", "no probabilities", "'softmax'", "(from_logits=True)"]),
    "linear, one-hot": ([Dense(3)], CATEGORICAL, ["CategoricalCrossentropy(from_logits=True)"]),
    "linear, binary": ([Dense(3)], BINARY, ["activation='sigmoid'", "BinaryCrossentropy(from_logits=True)"]),
    "ReLU": ([Dense(3, activation="relu")], SPARSE, ["ends in relu", "activation='softmax'"]),
    "ReLU as a layer": ([Dense(3), Activation("relu")], CATEGORICAL, ["activation_1", "ends in relu"]),
    "tanh": ([Dense(1, activation="tanh")], BINARY, ["ends in tanh", "activation='sigmoid'"]),
    "softplus, binary": ([Dense(1, activation="softplus")], BINARY, ["ends in softplus"]),
    "normalised last": ([Dense(3, activation="softmax"), BatchNormalization()], SPARSE, ["batch_normalization_1", "linear"]),
    "linear, then flat": ([Dense(3), Reshape((1, 3)), Dropout(0.1), Flatten()], SPARSE, ["dense_2", "ends in linear"]),
    "softmax twice": ([Dense(3, activation="softmax"), Activation("softmax")], SPARSE, ["activation_1", "dense_2", "drop one"]),
    "sigmoid twice": ([Dense(1, activation="sigmoid"), Activation("sigmoid")], BINARY, ["applies sigmoid", "drop one"]),
    "softmax and logits": ([Dense(3, activation="softmax")], SparseCategoricalCrossentropy(True), ["takes logits", "twice"]),
    "in a model within": ([Sequential([Dense(3, input_shape=(5,))])], SPARSE, ["dense_1 (Dense)", "ends in linear"]),
}
SOUND = {
    "softmax": ([Dense(3, activation="softmax")], SPARSE),
    "softmax as a layer": ([Dense(3), Activation("softmax")], CATEGORICAL),
    "softmax, then flat": ([Dense(3, activation="softmax"), Reshape((1, 3)), Flatten()], SPARSE),
    "sigmoid for classes": ([Dense(3, activation="sigmoid")], CATEGORICAL),
    "sigmoid": ([Dense(1, activation="sigmoid")], BINARY),
    "hard sigmoid": ([Dense(1, activation="hard_sigmoid")], BINARY),
    "softplus, divided by its sum": ([Dense(3, activation="softplus")], SPARSE),
    "logits": ([Dense(3)], SparseCategoricalCrossentropy(from_logits=True)),
    "one logit": ([Dense(1)], BinaryCrossentropy(from_logits=True)),
    "linear regression": ([Dense(1)], "mse"),
    "two softmax layers with weights": ([Dense(3, activation="softmax"), Dense(3, activation="softmax")], SPARSE),
}


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("name", DOUBTFUL)
def test_an_output_that_does_not_fit_the_loss_is_said_at_compile(name, fuse):
    layers, loss, words = DOUBTFUL[name]
    says(warned(lambda: ending_in(*layers, loss=loss, fuse=fuse)), DataWarning, "compile: ", *words)


@pytest.mark.parametrize("name", SOUND)
def test_what_fits_is_not_warned_of(name):
    layers, loss = SOUND[name]
    assert warned(ending_in, *layers, loss=loss) == []


def test_a_layer_that_nobody_knows_is_not_warned_of():
    class Softmax(Layer):
        def apply(self, x, context):
            return x / x.sum(axis=-1, keepdims=True), None

    assert warned(ending_in, Dense(3), Softmax(), loss=SPARSE) == []


def test_a_model_built_by_fit_is_warned_of_then():
    model = Sequential([Dense(3)])
    assert warned(model.compile, "sgd", SPARSE) == []
    says(warned(model.fit, X, LABELS, verbose=0), DataWarning, "ends in linear")
    assert warned(model.fit, X, LABELS, verbose=0) == []


def test_graphs_are_looked_at_too():
    x = Input((FEATURES,))
    h = Dense(FEATURES, activation="relu")(x)
    says(warned(Model(x, Dense(3)(Add()([x, h]))).compile, "sgd", SPARSE), DataWarning, "ends in linear")
    twice = Activation("softmax")(Dense(3, activation="softmax")(h))
    says(warned(Model(x, twice).compile, "sgd", SPARSE), DataWarning, "applies softmax")
    assert warned(Model(x, Dense(3, activation="softmax")(h)).compile, "sgd", SPARSE) == []
    assert warned(Model(x, Add()([x, h])).compile, "sgd", SPARSE) == []  # nobody knows what comes out of a sum


@pytest.mark.parametrize(
    "shape, data_format, turned",
    [
        ((1, 28, 28), "channels_last", "Input((28, 28, 1))"),
        ((3, 32, 32), "channels_last", "Input((32, 32, 3))"),
        ((28, 28, 1), "channels_first", "Input((1, 28, 28))"),
        ((28, 28, 1), "channels_last", None),
        ((1, 28, 28), "channels_first", None),
        ((1, 28, 3), "channels_last", None),  # a row of 28 pixels
        ((3, 3, 3), "channels_last", None),
    ],
)
def test_channels_on_the_other_side_are_noticed_where_the_window_fits(shape, data_format, turned):
    model = Sequential([Rescaling(1 / 255, input_shape=shape), Conv2D(2, 3, padding="same", data_format=data_format)])
    found = warned(model.compile, "sgd", "mse")
    if turned is None:
        assert found == []
    else:
        says(found, DataWarning, "conv2d_1 (Conv2D)", str(shape), turned)


# -- the data ------------------------------------------------------------------------------------------------------------

BYTES = np.random.default_rng(2).integers(0, 256, (SAMPLES, 6, 6, 1)).astype(np.uint8)


def of_images(*layers):
    model = Sequential([Input((6, 6, 1)), *layers, Flatten(), Dense(CLASSES, activation="softmax")])
    model.compile("sgd", SPARSE)
    return model


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4", "f8"])
def test_bytes_that_nobody_scales_are_said_once_in_a_fit(dtype):
    model, x = of_images(Conv2D(2, 3)), BYTES.astype(dtype)
    found = warned(model.fit, x, LABELS, epochs=2, batch_size=4, validation_data=(x, LABELS), verbose=0)
    says(found, DataWarning, "fit: x holds whole numbers up to 255", "conv2d_1 (Conv2D)", "Rescaling(1 / 255)", "x / 255")
    assert warned(model.evaluate, x, LABELS, verbose=0) == warned(model.train_on_batch, x, LABELS) == []


@pytest.mark.parametrize("first", [Rescaling(1 / 255), BatchNormalization(), Rescaling(1 / 127.5, -1)])
def test_bytes_that_a_layer_scales_are_right(first):
    assert warned(of_images(first, Conv2D(2, 3)).fit, BYTES, LABELS, verbose=0) == []


def test_other_numbers_are_no_bytes():
    for x in (BYTES / 255, BYTES // 4, BYTES.astype(float) - 100, BYTES.astype(int) * 2, BYTES + 0.5, np.zeros_like(BYTES)):
        assert warned(of_images(Conv2D(2, 3)).fit, x, LABELS, verbose=0) == []


def test_a_layer_of_ones_own_may_scale():
    class Scale(Layer):
        def apply(self, x, context):
            return x / 255, None

        def gradient(self, dy, saved, need_dx=True):
            return dy / 255

    assert warned(of_images(Scale(), Conv2D(2, 3)).fit, BYTES, LABELS, verbose=0) == []


@pytest.mark.parametrize("y", [X[:, :1], X[:, 0], np.arange(SAMPLES), np.linspace(0, 1, SAMPLES)])
def test_accuracy_of_a_regression_is_said_to_mean_nothing(y):
    says(warned(regression(["accuracy"]).fit, X, y, verbose=0), DataWarning, "accuracy says nothing", "numbers and not classes")
    assert warned(regression(["mse"]).fit, X, y, verbose=0) == []


def test_accuracy_of_classes_is_right_with_the_squared_error_too():
    for y in (LABELS > 0, (LABELS > 0) * 1.0, np.where(LABELS > 0, 1, -1)):
        assert warned(regression(["accuracy"]).fit, X, y, verbose=0) == []
    model = ending_in(Dense(CLASSES), loss="mse", metrics=["accuracy"])
    for y in (ONE_HOT, ONE_HOT * 0.9 + 0.1 / CLASSES):
        assert warned(model.fit, X, y, verbose=0) == []
    says(warned(model.fit, X, X[:, :3], verbose=0), DataWarning, "accuracy says nothing")


# -- where a warning points, and what a program asks of NumPy --------------------------------------------------------------


def test_batch_normalisation_points_to_the_users_line_from_everywhere():
    def model():
        built = Sequential([Sequential([BatchNormalization(input_shape=(FEATURES,))])])
        built.compile("sgd", "mse")
        return built

    class Mine(Layer):
        def __init__(self):
            super().__init__()
            self.inner = BatchNormalization()

        def build(self, input_shape):
            self.inner.build(input_shape)

        def apply(self, x, context):
            return self.inner.apply(x, context)

    one, layer = X[:1], BatchNormalization()
    layer.build((FEATURES,))
    for use in (
        lambda: layer.forward(one),
        lambda: layer.apply(one, Context(training=True)),
        lambda: model().forward(one),
        lambda: model().fit(one, one, verbose=0),
        lambda: model().train_on_batch(one, one),
        lambda: Mine().forward(one),
    ):
        says(warned(use), NumericWarning, "one number per channel")  # ``warned`` looks at the file


def every_kind_of_model():
    x = Input((6,))
    h = Add()([x, Dense(6, activation="sigmoid")(x)])
    yield (6,), Model(x, Dense(CLASSES, activation="softmax")(h))
    two = [LSTM(4, input_shape=(5, 3), return_sequences=True), LSTM(3)]
    yield (5, 3), Sequential([*two, Dense(CLASSES, activation="softmax")])
    first = [Rescaling(1 / 255, 0.1, input_shape=(8, 8, 1)), Conv2D(3, 3, padding="same"), BatchNormalization()]
    yield (8, 8, 1), Sequential([*first, Dropout(0.3), Flatten(), Dense(5, "elu"), Dense(CLASSES, activation="softmax")])


@pytest.mark.parametrize("kernels", ["auto", "reference"])
@pytest.mark.parametrize("scale", [1.0, 1e-42, 1e38, 1e-300, np.nan])
def test_a_program_that_asks_numpy_to_raise_can_train(scale, kernels):
    """float64 numbers that float32 cannot hold, weights near zero, losses that are not finite: no FloatingPointError."""
    rng = np.random.default_rng(3)
    with minidl.config.use_kernels(kernels):
        for shape, model in every_kind_of_model():
            x, weight = rng.normal(size=(SAMPLES, *shape)) * scale, np.full(SAMPLES, 1e-42)
            with np.errstate(all="raise"), warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                warnings.simplefilter("ignore", NumericWarning)
                warnings.simplefilter("ignore", DataWarning)
                model.compile("adam", SPARSE, ["accuracy"])
                model.fit(x, LABELS, batch_size=5, sample_weight=weight, validation_data=(x, LABELS, weight), verbose=0)
                model.train_on_batch(x, LABELS)
                model.evaluate(x, LABELS, verbose=0)
                model.predict(x)
                y = model.forward(x)
                model(x)
                model.backward(np.full(y.shape, 1e-40))
                model.set_weights([np.full(p.shape, 1e-300) for p in model.network.weights])
                saved = CategoricalCrossentropy().apply(np.abs(y), ONE_HOT, weight)[1]
                CategoricalCrossentropy().gradient(saved)


def test_the_digits_are_drawn_whatever_a_program_asks_of_numpy():
    digits = minidl.datasets.digits
    expected = digits.load_data(250, 10, seed=5)
    with np.errstate(all="raise"):
        given = digits.load_data(250, 10, seed=5)
    assert all(np.array_equal(a, b) for one, other in zip(expected, given) for a, b in zip(one, other))
