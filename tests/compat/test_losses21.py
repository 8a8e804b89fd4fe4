"""Losses and metrics of Keras 2.1.1 against its formulas, written here in NumPy: as functions, in training, in histories."""

from __future__ import annotations

import copy
import functools
import warnings

import numpy as np
import pytest

from minidl import Sequential
from minidl import losses as today
from minidl import metrics as metrics_of_today
from minidl.compat.keras import backend as K
from minidl.compat.keras import losses, metrics, objectives
from minidl.compat.keras.traced import FunctionLoss, FunctionMetric
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, ShapeError
from minidl.layers import Dense, Input
from minidl.models import Model
from minidl.testing import check_gradients

RNG = np.random.default_rng(3)
E = 1e-7


def unit(x):
    return x / np.sqrt(np.maximum((x * x).sum(-1, keepdims=True), 1e-12))


def cut(p):
    return np.clip(p, E, 1 - E)


def binary(t, p):
    return -(t * np.log(cut(p)) + (1 - t) * np.log(1 - cut(p)))


FORMULAS = {  # name: of (t, p), one number for each row
    "mean_squared_error": lambda t, p: ((p - t) ** 2).mean(-1),
    "mean_absolute_error": lambda t, p: np.abs(p - t).mean(-1),
    "mean_absolute_percentage_error": lambda t, p: 100 * np.abs((t - p) / np.maximum(np.abs(t), E)).mean(-1),
    "mean_squared_logarithmic_error": lambda t, p: ((np.log(np.maximum(p, E) + 1) - np.log(np.maximum(t, E) + 1)) ** 2).mean(
        -1
    ),
    "squared_hinge": lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1),
    "hinge": lambda t, p: np.maximum(1 - t * p, 0).mean(-1),
    "categorical_hinge": lambda t, p: np.maximum(0, ((1 - t) * p).max(-1) - (t * p).sum(-1) + 1),
    "logcosh": lambda t, p: np.log(np.cosh(p - t)).mean(-1),
    "categorical_crossentropy": lambda t, p: -(t * np.log(cut(p / p.sum(-1, keepdims=True)))).sum(-1),
    "binary_crossentropy": lambda t, p: binary(t, p).mean(-1),
    "kullback_leibler_divergence": lambda t, p: (np.clip(t, E, 1) * np.log(np.clip(t, E, 1) / np.clip(p, E, 1))).sum(-1),
    "poisson": lambda t, p: (p - t * np.log(p + E)).mean(-1),
    "cosine_proximity": lambda t, p: -(unit(t) * unit(p)).sum(-1),
}
P = RNG.uniform(0.05, 0.95, (6, 4))
DATA = {  # targets; some that minidl refuses, as Keras 2.1 did not
    "one-hot": np.eye(4)[RNG.integers(0, 4, 6)],
    "any numbers": RNG.uniform(0.1, 3, (6, 4)),
    "0 and 1": RNG.integers(0, 2, (6, 4)).astype(float),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("what", DATA)
@pytest.mark.parametrize("name", FORMULAS)
def test_a_loss_equals_its_formula_as_function_and_as_object(name, what):
    targets, expected = DATA[what], FORMULAS[name](DATA[what], P)
    function = losses.get(name)
    np.testing.assert_allclose(function(targets, P), expected, rtol=1e-10)
    np.testing.assert_allclose(getattr(objectives, name)(targets, P), expected, rtol=1e-10)
    for given in (name, name.upper(), function):
        loss = losses.for_compile(given)
        assert type(loss).written_as in today.__dict__.values()
        loss.check_data(targets, P.shape, "fit: y")
        value, _ = loss.apply(P, targets)
        np.testing.assert_allclose(value, expected.mean(), rtol=1e-10)
    assert check_gradients(loss, P, targets, directions=1).ok
    traced = FunctionLoss(function)
    np.testing.assert_allclose(traced.apply(P, targets)[0], expected.mean(), rtol=1e-10)
    assert check_gradients(traced, P, targets, directions=1).ok


@pytest.mark.parametrize("targets", [np.array([0, 2, 3, 1, 1, 0]), np.array([[0], [2], [3], [1], [1], [0]])])
def test_sparse_labels(targets):
    rows = P / P.sum(-1, keepdims=True)
    expected = -np.log(rows[range(6), targets.reshape(-1)])
    loss = losses.for_compile("sparse_categorical_crossentropy")
    np.testing.assert_allclose(loss.apply(rows, targets)[0], expected.mean(), rtol=1e-6)
    np.testing.assert_allclose(losses.sparse_categorical_crossentropy(targets, rows), expected, rtol=1e-6)
    assert check_gradients(FunctionLoss(losses.sparse_categorical_crossentropy), P, targets, directions=1).ok


def test_epsilon_is_that_of_the_backend_and_extremes_are_cut():
    p, t = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(losses.categorical_crossentropy(t, p), -np.log(1e-7), rtol=1e-6)
    np.testing.assert_allclose(losses.binary_crossentropy(t, p), -np.log(1e-7), rtol=1e-6)
    assert losses.logcosh(np.array([[0.0]]), np.array([[1e4]]))[0] == pytest.approx(1e4 - np.log(2))
    before = K.epsilon()
    K.set_epsilon(1e-3)
    try:
        np.testing.assert_allclose(losses.binary_crossentropy(t, p), -np.log(1e-3), rtol=1e-6)
        np.testing.assert_allclose(losses.for_compile("binary_crossentropy").apply(p, t)[0], -np.log(1e-3), rtol=1e-6)
    finally:
        K.set_epsilon(before)


def test_aliases_and_names():
    for short, name in {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "kld": "kullback_leibler_divergence",
    }.items():
        assert getattr(losses, short) is getattr(losses, short.upper()) is getattr(losses, name) is losses.get(short)
    assert losses.mape is losses.MAPE
    assert losses.msle is losses.MSLE
    assert losses.cosine is losses.cosine_proximity
    assert losses.serialize(losses.mse) == "mean_squared_error"
    assert metrics.serialize(metrics.mse) == "mean_squared_error"
    assert losses.get(None) is None
    assert losses.get(print) is print
    with pytest.raises(ArgumentError, match="Did you mean 'mean_squared_error'"):
        losses.get("mean_square_error")
    with pytest.raises(ArgumentError, match="categorical_crossentropy"):
        losses.for_compile("categorical_crosentropy")
    assert type(losses.for_compile("huber")) is today.Huber, "what minidl has beside them"
    several = losses.for_compile(["mse", None, {"a": "mae"}])
    assert several[1] is None
    assert type(several[2]["a"]).__name__ == "MeanAbsoluteError"
    assert type(losses.for_compile(today.MeanSquaredError("sum"))).__module__.startswith("minidl.compat")
    assert losses.for_compile(today.MeanSquaredError("sum")).reduction == "sum"


def test_weights_of_0_do_not_count_in_the_mean():
    weights = np.array([1.0, 0.0, 2.0, 0.0, 0.0, 0.5])
    each = FORMULAS["mean_squared_error"](DATA["one-hot"], P)
    expected = (each * weights).sum() / 3  # divided by how many are not 0
    for loss in (losses.for_compile("mse"), FunctionLoss(losses.mean_squared_error)):
        np.testing.assert_allclose(loss.apply(P, DATA["one-hot"], weights)[0], expected, rtol=1e-10)
        assert check_gradients(loss, P, DATA["one-hot"], sample_weight=weights, directions=1).ok
    assert losses.for_compile("mse").apply(P, DATA["one-hot"], np.zeros(6))[0] == 0
    steps, of_steps = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 4))
    mask, w = np.array([[1.0, 1, 0], [1, 0, 0]]), np.array([2.0, 0.0])
    each = ((steps - of_steps) ** 2).mean(-1)
    score = each * mask / mask.mean()  # Keras 2.1: first the mask, then the mean over time, then the weights
    score = (score.mean(1) * w / (w != 0).mean()).mean()
    value, _ = losses.for_compile("mse").compute(steps, of_steps, w, mask)
    np.testing.assert_allclose(value, score, rtol=1e-10)


# -- functions of a script ---------------------------------------------------------------------------------------------


def rmse(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))


def weighted(y_true, y_pred):
    return K.mean(K.abs(y_true - y_pred) * (1 + y_true), axis=-1)


def of_the_batch(y_true, y_pred):
    return K.mean(K.square(y_pred - y_true)) + 0.1 * K.sum(K.abs(y_pred))


def dice(y_true, y_pred):
    t, p = K.flatten(y_true), K.flatten(y_pred)
    return 1 - (2.0 * K.sum(t * p) + 1.0) / (K.sum(t) + K.sum(p) + 1.0)


def elementwise(y_true, y_pred):
    return K.square(y_true - y_pred)


@pytest.mark.parametrize(
    "function, expected",
    [
        (rmse, lambda t, p: np.sqrt(((p - t) ** 2).mean(-1)).mean()),
        (weighted, lambda t, p: (np.abs(t - p) * (1 + t)).mean()),
        (of_the_batch, lambda t, p: ((p - t) ** 2).mean() + 0.1 * np.abs(p).sum()),
        (dice, lambda t, p: 1 - (2 * (t * p).sum() + 1) / (t.sum() + p.sum() + 1)),
        (elementwise, lambda t, p: ((p - t) ** 2).mean()),
        (lambda t, p: losses.binary_crossentropy(t, p) + 0.5 * dice(t, p), None),
        (lambda t, p: losses.mse(t, p) + losses.mae(t, p), None),
    ],
)
@pytest.mark.parametrize("shape", [(6, 4), (6, 1), (2, 3, 4)])
def test_losses_that_a_script_writes(function, expected, shape):
    p, t = P.reshape(-1)[: np.prod(shape)].reshape(shape), DATA["0 and 1"].reshape(-1)[: np.prod(shape)].reshape(shape)
    loss = losses.for_compile(function)
    assert isinstance(loss, FunctionLoss)
    loss.check_data(t, p.shape, "fit: y")
    if expected is not None:
        np.testing.assert_allclose(loss.apply(p, t)[0], expected(t, p), rtol=1e-10)
    assert check_gradients(loss, p, t, directions=1).ok
    again = copy.deepcopy(loss)
    np.testing.assert_allclose(again.apply(p, t)[0], loss.apply(p, t)[0])


def test_targets_of_another_shape_than_the_predictions():
    def triplet(y_true, y_pred):
        anchor, positive, negative = y_pred[:, :2], y_pred[:, 2:4], y_pred[:, 4:]
        return K.maximum(K.sum(K.square(anchor - positive) - K.square(anchor - negative), axis=1) + 0.5, 0.0)

    model = Sequential([Dense(6, input_shape=(3,))])
    model.compile("sgd", losses.for_compile(triplet))
    x = RNG.normal(size=(8, 3))
    model.fit(x, np.zeros(8), verbose=0, epochs=2)
    assert check_gradients(model, x, np.zeros((8, 1)), directions=1).ok
    with pytest.raises(ShapeError, match="one for each prediction"):
        losses.for_compile(triplet).check(np.zeros((7, 1)), (8, 6), "y")


def test_a_loss_without_a_gradient_is_refused_before_training():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", losses.for_compile(lambda t, p: K.mean(K.cast(K.equal(t, K.round(p)), "float32"), axis=-1)))
    with pytest.raises(ArgumentError, match="which has no gradient by y_pred"):
        model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    with pytest.raises(ShapeError, match=r"whose result is \(4,\).*numbers for each sample"):
        losses.for_compile(lambda t, p: K.sum(K.square(t - p), axis=[0, 1])).check(P.reshape(2, 3, 4), (2, 3, 4), "y")
    with pytest.raises(ArgumentTypeError, match="what is computed of its arguments"):
        losses.for_compile(lambda t, p: None).check(np.ones((2, 2)), (2, 2), "y")


def test_a_function_trains_as_minidl_s_own_loss_does():
    x, y = RNG.normal(size=(16, 3)), RNG.normal(size=(16, 2))
    weights, found = None, []
    for loss in ("mse", lambda t, p: K.mean(K.square(p - t), axis=-1)):
        model = Sequential([Dense(2, input_shape=(3,))])
        weights = weights or model.get_weights()
        model.set_weights(weights)
        model.compile("sgd", losses.for_compile(loss), metrics=[metrics.as_metric(rmse, None)])
        found.append(model.fit(x, y, epochs=3, batch_size=5, shuffle=False, verbose=0).history)
    np.testing.assert_allclose(found[0]["loss"], found[1]["loss"], rtol=1e-5)
    np.testing.assert_allclose(found[0]["rmse"], found[1]["rmse"], rtol=1e-5)


# -- metrics -----------------------------------------------------------------------------------------------------------

ONE_HOT = DATA["one-hot"]
LABELS = ONE_HOT.argmax(-1)[:, None]
RANKS = (-P).argsort(-1).argsort(-1)[range(6), LABELS[:, 0]]


@pytest.mark.parametrize(
    "function, targets, expected",
    [
        (metrics.binary_accuracy, DATA["0 and 1"], (DATA["0 and 1"] == P.round()).mean(-1)),
        (metrics.categorical_accuracy, ONE_HOT, RANKS == 0),
        (metrics.sparse_categorical_accuracy, LABELS, RANKS == 0),
        (functools.partial(metrics.top_k_categorical_accuracy, k=2), ONE_HOT, (RANKS < 2).mean()),
        (functools.partial(metrics.sparse_top_k_categorical_accuracy, k=3), LABELS, (RANKS < 3).mean()),
    ],
)
def test_metrics_equal_their_formulas(function, targets, expected):
    np.testing.assert_allclose(function(targets, P), expected, rtol=1e-6)
    if isinstance(function, functools.partial):
        function.__name__ = "top"
    metric = metrics.as_metric(function, None)
    for rows in (slice(0, 4), slice(4, 6)):
        metric.update(targets[rows], P[rows])
    assert metric.result() == pytest.approx(float(np.mean(expected)))
    assert metric.name == function.__name__


def test_accuracy_is_decided_as_then():
    cases = [  # targets, predictions, loss, expected
        (np.array([[0.0], [1], [1]]), np.array([[0.2], [0.7], [0.4]]), "binary_crossentropy", 2 / 3),
        (np.array([[3.0], [1], [2]]), np.array([[2.9], [0.7], [0.4]]), "mse", 2 / 3),  # of numbers: equal once rounded
        (np.array([[1.0, 0], [1, 1]]), np.array([[0.9, 0.2], [0.4, 0.8]]), "binary_crossentropy", 3 / 4),
        (np.array([[1.0, 0], [0, 1]]), np.array([[0.9, 0.2], [0.9, 0.8]]), "mse", 1 / 2),
        (np.array([[0], [1]]), np.array([[0.9, 0.2], [0.9, 0.8]]), "sparse_categorical_crossentropy", 1 / 2),
    ]
    for targets, p, loss, expected in cases:
        for name in ("accuracy", "acc"):
            metric = metrics.as_metric(name, losses.for_compile(loss))
            metric.update(targets, p)
            assert (metric.name, metric.result()) == ("acc", pytest.approx(expected))


def test_names_of_history_are_those_of_the_functions():
    def own(y_true, y_pred):
        return K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))

    model = Sequential([Dense(4, activation="softmax", input_shape=(3,))])
    loss = losses.for_compile("categorical_crossentropy")
    given = ["accuracy", "mae", "MSE", metrics.top_k_categorical_accuracy, metrics.categorical_accuracy, own, losses.kld, "auc"]
    model.compile("sgd", loss, [metrics.as_metric(m, loss) for m in given])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        history = model.fit(RNG.normal(size=(6, 3)), ONE_HOT, verbose=0).history
    assert list(history) == ["loss", "acc", "mean_absolute_error", "mean_squared_error", "top_k_categorical_accuracy",
                             "categorical_accuracy", "own", "kullback_leibler_divergence", "auc"]  # fmt: skip
    with pytest.raises(ArgumentError, match="Did you mean 'accuracy'"):
        metrics.as_metric("acuracy", None)
    with pytest.raises(ArgumentTypeError, match="as metric"):
        metrics.as_metric(3, None)


def test_numbers_of_a_batch_are_averaged_over_the_samples_of_an_epoch():
    def largest(y_true, y_pred):
        return K.max(y_pred)

    metric = metrics.as_metric(largest, None)
    metric.update(ONE_HOT[:4], P[:4])
    metric.update(ONE_HOT[4:], P[4:])
    assert metric.result() == pytest.approx((4 * P[:4].max() + 2 * P[4:].max()) / 6)
    assert isinstance(metric, FunctionMetric)
    bad = metrics.as_metric(lambda t, p: {"a": 1}, None)
    with pytest.raises(Exception):  # noqa: B017  (a dictionary is no number)
        bad.update(ONE_HOT, P)


def test_metrics_of_several_outputs():
    both = metrics.for_compile(["accuracy"], [losses.for_compile("mse"), losses.for_compile("sparse_categorical_crossentropy")],
                               ["a", "b"])  # fmt: skip
    assert [m.name for m in both["a"] + both["b"]] == ["acc", "acc"]
    assert both["b"][0].kind == "sparse"
    named = metrics.for_compile({"b": "mae"}, {"a": None, "b": None}, ["a", "b"])
    assert named["a"] == []
    assert named["b"][0].name == "mean_absolute_error"
    lists = metrics.for_compile([["mae"], ["mse"]], losses.for_compile("mse"), ["a", "b"])
    assert lists["b"][0].name == "mean_squared_error"
    assert metrics.for_compile(None, None, ["a"]) is None
    with pytest.raises(ArgumentError, match="Did you mean 'b'"):
        metrics.for_compile({"bb": "mae"}, None, ["a", "b"])
    with pytest.raises(ArgumentTypeError, match=r"metrics=\['accuracy'\]"):
        metrics.for_compile("accuracy", None, ["a"])
    x = Input((3,))
    model = Model(x, [Dense(1, name="a")(x), Dense(2, activation="softmax", name="b")(x)])
    loss = losses.for_compile({"a": "mse", "b": "sparse_categorical_crossentropy"})
    model.compile("sgd", loss, metrics.for_compile(["accuracy"], loss, ["a", "b"]))
    history = model.fit(RNG.normal(size=(6, 3)), [np.ones(6), np.zeros(6)], verbose=0).history
    assert set(history) == {"loss", "a_loss", "b_loss", "a_acc", "b_acc"}


def test_objects_of_minidl_stay():
    recall = metrics_of_today.Recall()
    assert metrics.as_metric(recall, None) is recall
    assert type(metrics.as_metric(metrics_of_today.Accuracy("binary"), None)) is metrics.Accuracy
    assert metrics.as_metric(today.MeanSquaredError(), None).name == "mean_squared_error"
