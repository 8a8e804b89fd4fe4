"""What scripts give ``fit`` and its kin: every form that Keras 2.1 took means what it meant there."""

# ruff: noqa: NPY002  (the state that scripts seed)

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from minidl import layers as today
from minidl.compat.keras import backend as K
from minidl.compat.keras.callbacks import Callback
from minidl.compat.keras.engine import given
from minidl.compat.keras.engine.orders import OrderOfBatches
from minidl.compat.keras.engine.training import slice_X
from minidl.compat.keras.layers import Dense
from minidl.compat.keras.models import Model, Sequential
from minidl.compat.keras.names import forget
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, NotBuiltError, ShapeError

RNG = np.random.RandomState(0)
X = RNG.rand(12, 3).astype("f")
BITS, CLASSES = RNG.randint(0, 2, 12), np.arange(12) % 3


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()


def model(units: int, activation: Any, loss: Any, metrics: Any = ("accuracy",), inputs: int = 3, **how: Any) -> Sequential:
    np.random.seed(0)
    found = Sequential([Dense(units, input_shape=(inputs,), activation=activation, kernel_initializer="ones")])
    found.compile("sgd", loss, metrics=list(metrics), **how)
    return found


# -- forms of targets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["column", "list", "list of lists", "bool", "float", "series", "objects", "texts"])
@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [(1, "sigmoid", "binary_crossentropy"), (1, None, "mse"), (3, "softmax", "sparse_categorical_crossentropy")],
)
def test_one_number_for_each_sample(form: str, units: int, activation: Any, loss: str) -> None:
    y = CLASSES if units == 3 else BITS
    if form == "bool":
        y = y % 2
    pandas = pytest.importorskip("pandas")
    forms = {
        "column": y[:, None],
        "list": y.tolist(),
        "list of lists": y[:, None].tolist(),
        "bool": y == 1,
        "float": y.astype("float64"),
        "series": pandas.Series(y),
        "objects": y.astype(object),
        "texts": y.astype(str),
    }
    expected = model(units, activation, loss).fit(X, y, verbose=0, shuffle=False).history
    if form == "bool" and units == 3:
        return  # labels are whole numbers
    found = model(units, activation, loss).fit(X, forms[form], verbose=0, shuffle=False).history
    assert found == expected
    assert list(found) == ["loss", "acc"]


def test_the_loss_is_that_of_a_vector_of_targets() -> None:
    y = RNG.rand(12)
    p = X.sum(axis=1)
    assert model(1, None, "mse", ()).evaluate(X, y, verbose=0) == pytest.approx(float(((p - y) ** 2).mean()), rel=1e-5)


@pytest.mark.parametrize("form", ["array", "ints", "bool", "lists", "frame"])
def test_one_hot_rows(form: str) -> None:
    y = np.eye(3)[CLASSES]
    pandas = pytest.importorskip("pandas")
    forms = {"array": y, "ints": y.astype(int), "bool": y == 1, "lists": y.tolist(), "frame": pandas.DataFrame(y)}
    expected = model(3, "softmax", "categorical_crossentropy").evaluate(X, y, verbose=0)
    assert model(3, "softmax", "categorical_crossentropy").evaluate(X, forms[form], verbose=0) == expected
    logits = np.repeat(X.sum(axis=1)[:, None], 3, axis=1)  # all equal: log 3
    assert expected[0] == pytest.approx(np.log(3), rel=1e-5), logits.shape


def test_forms_of_x() -> None:
    net = model(1, None, "mse", ())
    expected = net.predict(X)
    pandas = pytest.importorskip("pandas")
    for x in (X.tolist(), [X], pandas.DataFrame(X), X.astype("float64"), list(X), {"dense_1_input": X}, X.astype(object)):
        np.testing.assert_allclose(net.predict(x), expected, rtol=1e-6)
        np.testing.assert_allclose(net.predict_on_batch(x), expected, rtol=1e-6)
    single = model(1, None, "mse", (), inputs=1)
    assert single.predict(X[:, 0]).shape == (12, 1)
    assert single.predict([1, 2, 3]).tolist() == [[1.0], [2.0], [3.0]]
    assert single.fit([1, 2, 3], [1, 2, 3], verbose=0).history["loss"] == [0.0]


def test_targets_of_sequences() -> None:
    ids = RNG.randint(0, 5, (7, 6))

    def made(loss: str) -> Sequential:
        net = Sequential([today.Embedding(5, 4, input_shape=(6,)), today.Dense(5, activation="softmax")])
        net.set_weights([np.sin(np.arange(w.size)).reshape(w.shape) for w in net.get_weights()])
        net.compile("sgd", loss, metrics=["accuracy"])
        return net

    sparse = made("sparse_categorical_crossentropy").evaluate(ids, ids[..., None], verbose=0)
    one_hot = made("categorical_crossentropy").evaluate(ids, np.eye(5)[ids], verbose=0)
    assert sparse == pytest.approx(one_hot, rel=1e-6)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "y"),
    [
        (1, "sigmoid", "binary_crossentropy", np.linspace(0.5, 1.5, 12)[:, None]),
        (3, "softmax", "categorical_crossentropy", RNG.rand(12, 3) + 1),
    ],
)
def test_targets_that_are_no_probabilities_are_computed(units: int, activation: str, loss: str, y: np.ndarray) -> None:
    p = np.full((12, units), 1 / 3) if units == 3 else 1 / (1 + np.exp(-X.sum(axis=1, keepdims=True)))
    expected = -(y * np.log(p)).sum(axis=1) if units == 3 else (-y * np.log(p) - (1 - y) * np.log(1 - p)).mean(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        assert model(units, activation, loss, ()).evaluate(X, y, verbose=0) == pytest.approx(expected.mean(), rel=1e-5)


def test_what_makes_no_array_is_explained() -> None:
    net = model(1, None, "mse", ())
    with pytest.raises(ShapeError, match="pad_sequences"):
        net.fit([[1, 2, 3], [1, 2]], [1, 2], verbose=0)
    with pytest.raises(ArgumentTypeError, match="that are no numbers"):
        net.fit(np.array([["a", "b", "c"]]), [1], verbose=0)
    with pytest.raises(ArgumentTypeError, match="targets"):
        net.fit(X, verbose=0)
    with pytest.raises(ArgumentError, match="received 2 arrays; expected 3: a, b, c"):
        given.columns([X, X], ["a", "b", "c"], "fit: x")
    with pytest.raises(ArgumentError, match="a dictionary without 'dense_1_input'"):
        net.predict({"dense": X})
    with pytest.raises(ArgumentTypeError, match="an array, or a list"):
        given.columns(3.5, ["a"], "fit: x")


# -- several inputs and outputs --------------------------------------------------------------------------------------------


def two() -> Model:
    np.random.seed(2)
    a, b = today.Input((3,), name="a"), today.Input((2,), name="b")
    both = today.Add()([Dense(4)(a), Dense(4)(b)])
    net = Model([a, b], [Dense(3, activation="softmax", name="kind")(both), Dense(1, name="size")(both)])
    net.compile("sgd", {"kind": "categorical_crossentropy", "size": "mse"}, ["accuracy"], {"kind": 1.0, "size": 0.5})
    return net


@pytest.mark.filterwarnings("ignore:fit. accuracy says nothing")
def test_several_inputs_and_outputs_in_every_form() -> None:
    b, kind, size = RNG.rand(12, 2), np.eye(3)[CLASSES], RNG.rand(12)
    expected = two().evaluate([X, b], [kind, size], verbose=0)
    forms_x = [[X, b], [X.tolist(), b.tolist()], {"a": X, "b": b}, (X, b)]
    forms_y = [[kind, size], [kind.tolist(), size.tolist()], {"kind": kind, "size": size}, [kind, size[:, None]]]
    for x, y in zip(forms_x, forms_y):
        assert two().evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-6)
    net = two()
    assert net.metrics_names == ["loss", "kind_loss", "size_loss", "kind_acc", "size_acc"]
    assert expected[0] == pytest.approx(expected[1] + 0.5 * expected[2], rel=1e-5)
    history = net.fit({"a": X, "b": b}, [kind, size], verbose=0, validation_data=([X, b], {"kind": kind, "size": size})).history
    assert set(history) == {prefix + name for prefix in ("", "val_") for name in net.metrics_names}
    assert [part.shape for part in net.predict([X, b])] == [(12, 3), (12, 1)]
    assert net.input_shape == [(None, 3), (None, 2)]
    assert net.output_shape == [(None, 3), (None, 1)]
    with pytest.raises(ArgumentError, match="received 3 arrays; expected 2: kind, size"):
        net.fit([X, b], [kind, size, size], verbose=0)


def test_losses_and_metrics_by_output() -> None:
    b, kind, size = RNG.rand(12, 2), np.eye(3)[CLASSES], RNG.rand(12)
    net = two()
    net.compile("sgd", ["categorical_crossentropy", "mae"], metrics={"size": "mse"})
    assert net.metrics_names == ["loss", "kind_loss", "size_loss", "size_mean_squared_error"]
    net.compile("sgd", "mse", metrics=[["acc"], ["mae", "mse"]])
    assert net.metrics_names[3:] == ["kind_acc", "size_mean_absolute_error", "size_mean_squared_error"]
    net.compile("sgd", {"size": "mse"})
    assert net.metrics_names == ["loss", "size_loss"]
    net.fit([X, b], {"size": size}, verbose=0)
    weights = {"kind": np.zeros(12), "size": np.ones(12)}
    net.compile("sgd", ["categorical_crossentropy", "mse"])
    plain = net.evaluate([X, b], [kind, size], verbose=0)
    assert net.evaluate([X, b], [kind, size], sample_weight=weights, verbose=0)[:2] == pytest.approx([plain[2], 0.0], rel=1e-5)
    assert net.evaluate([X, b], [kind, size], sample_weight=[None, 2 * np.ones(12)], verbose=0)[2] == pytest.approx(
        2 * plain[2], rel=1e-5
    )


# -- weights, splits, orders -----------------------------------------------------------------------------------------------


def test_class_weights_weigh_the_loss_and_no_metric() -> None:
    y, p = np.eye(3)[CLASSES], X @ np.ones((3, 3))
    per_sample = ((p - y) ** 2).mean(axis=1)
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    net = model(3, None, "mse")
    found = net.train_on_batch(X, y, class_weight=weights)
    assert found[0] == pytest.approx((per_sample * np.array([1.0, 2.0, 5.0])[CLASSES]).mean(), rel=1e-5)
    assert found[1] == pytest.approx((CLASSES == 0).mean())  # the first of equal ones
    net = model(1, None, "mse", ())
    weighted = net.test_on_batch(X, BITS, sample_weight=np.where(BITS, 3.0, 1.0))
    assert model(1, None, "mse", ()).train_on_batch(X, BITS, class_weight={0: 1, 1: 3}) == pytest.approx(weighted, rel=1e-6)
    with pytest.raises(ArgumentError, match="a weight for each class, also 2"):
        model(3, None, "mse").fit(X, y, class_weight={0: 1, 1: 2}, verbose=0)
    with pytest.warns(DataWarning, match="did not look at"):
        model(3, None, "mse").fit(X, y, class_weight="auto", verbose=0)


def test_weights_of_zero_do_not_count() -> None:
    p, y = X.sum(axis=1), BITS
    weights = np.where(np.arange(12) < 4, 0.0, 2.0)
    found = model(1, None, "mse").test_on_batch(X, y, sample_weight=weights)
    assert found[0] == pytest.approx((2 * (p - y) ** 2)[4:].mean(), rel=1e-5)
    assert found[1] == pytest.approx((np.rint(p) == y).mean())  # the metric looks at all of them


def test_weighted_metrics() -> None:
    weights = np.arange(12.0)
    net = model(1, None, "mse", ("mae",), weighted_metrics=["mae", "accuracy"])
    assert net.metrics_names == ["loss", "mean_absolute_error", "weighted_mean_absolute_error", "weighted_acc"]
    p = X.sum(axis=1)
    _, plain, weighted, _ = net.test_on_batch(X, BITS, sample_weight=weights)
    error = abs(p - BITS)
    assert plain == pytest.approx(error.mean(), rel=1e-5)
    assert weighted == pytest.approx((error * weights).sum() / weights.sum(), rel=1e-5)
    history = net.fit(X, BITS, sample_weight=weights, verbose=0, batch_size=5).history
    assert "weighted_acc" in history


def test_time_steps_may_weigh(anew: None) -> None:
    np.random.seed(0)
    net = Sequential([today.Dense(1, input_shape=(4, 3), kernel_initializer="ones")])
    net.compile("sgd", "mse", sample_weight_mode="temporal")
    x, weights = RNG.rand(5, 4, 3).astype("f"), RNG.randint(0, 2, (5, 4)).astype("f")
    errors = x.sum(axis=2) ** 2
    found = net.test_on_batch(x, np.zeros((5, 4, 1)), sample_weight=weights)
    assert found == pytest.approx((errors * weights).sum() / weights.sum(), rel=1e-5)


def test_the_last_part_is_held_back() -> None:
    seen: list[Any] = []

    class Look(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.extend(self.validation_data)

    net = model(1, None, "mse", ())
    y = np.arange(12.0)
    history = net.fit(X, y, validation_split=0.2, epochs=1, verbose=0, callbacks=[Look()]).history
    assert [part.shape for part in seen] == [(3, 3), (3, 1), (3,)]  # the first int(12 * 0.8) are trained on
    np.testing.assert_array_equal(seen[0], X[9:])
    np.testing.assert_array_equal(seen[1][:, 0], y[9:])
    assert history["val_loss"] == [pytest.approx(net.evaluate(X[9:], y[9:], verbose=0), rel=1e-6)]
    for part in (1.0, 1.5, 0.99):
        with pytest.raises(ArgumentError, match="validation_split"):
            net.fit(X, y, validation_split=part, verbose=0)


@pytest.mark.parametrize("given_as", [tuple, list])
def test_validation_data(given_as: Any) -> None:
    net = model(1, None, "mse", ())
    plain = net.fit(X, BITS, validation_data=given_as([X, BITS]), verbose=0, epochs=1).history["val_loss"][0]
    assert plain == pytest.approx(net.evaluate(X, BITS, verbose=0), rel=1e-6)
    doubled = given_as([X, BITS, np.full(12, 2.0)])
    again = net.fit(X, BITS, validation_data=doubled, verbose=0).history["val_loss"][0]
    assert again == pytest.approx(2 * net.evaluate(X, BITS, verbose=0), rel=1e-6)
    with pytest.raises(ArgumentTypeError, match="validation_data"):
        net.fit(X, BITS, validation_data=given_as([X]), verbose=0)


def test_batches_may_be_shuffled_as_they_are() -> None:
    order = OrderOfBatches(np.random, 4)
    order._generator = np.random.RandomState(3)
    found = order.permutation(14)
    assert sorted(found) == list(range(14))
    assert found[12:].tolist() == [12, 13]
    assert (found[:12].reshape(3, 4) % 4 == np.arange(4)).all()
    batches: list[np.ndarray] = []

    class Look(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            batches.append(self.model._step.last[0].y[:, 0].copy())

    net = model(1, None, "mse", ())
    net.fit(X, np.arange(12.0), batch_size=4, shuffle="batch", epochs=3, verbose=0, callbacks=[Look()])
    assert all(np.array_equal(batch, np.arange(batch[0], batch[0] + 4)) for batch in batches)
    assert len({tuple(batch[0] for batch in batches[e : e + 3]) for e in (0, 3, 6)}) > 1
    batches.clear()
    net.fit(X, np.arange(12.0), batch_size=4, shuffle=False, verbose=0, callbacks=[Look()])
    assert np.concatenate(batches).tolist() == list(range(12))
    batches.clear()
    net.fit(X, np.arange(12.0), batch_size=4, verbose=0, callbacks=[Look()])
    assert np.concatenate(batches).tolist() != list(range(12))


def test_seeds_come_from_numpy() -> None:
    def trained(seed: int) -> np.ndarray:
        np.random.seed(seed)
        net = Sequential([Dense(1, input_shape=(3,))])
        net.compile("sgd", "mse")
        net.fit(X, BITS, batch_size=2, verbose=0)
        return net.predict(X)

    assert np.array_equal(trained(1), trained(1))
    assert not np.array_equal(trained(1), trained(2))


# -- old words, and words that are none ------------------------------------------------------------------------------------


def test_keywords_of_keras_1() -> None:
    net = model(1, "sigmoid", "binary_crossentropy", ())
    with pytest.warns(OldSpellingWarning, match=r"model.fit\(..., nb_epoch=3\) is written model.fit\(..., epochs=3\)"):
        assert len(net.fit(X, BITS, nb_epoch=3, verbose=0).epoch) == 3
    with pytest.warns(OldSpellingWarning, match="compile"):
        history = net.fit(X, BITS, verbose=0, show_accuracy=True).history
    assert list(history) == ["loss", "acc"]
    with pytest.warns(OldSpellingWarning, match="compile"):
        _, accuracy = net.evaluate(X, BITS, verbose=0, show_accuracy=True)
    assert accuracy == pytest.approx((np.rint(net.predict(X)[:, 0]) == BITS).mean())
    assert len(net.fit(X, BITS, 4, 2, 0).epoch) == 2  # batch_size, epochs, verbose by position
    with pytest.warns(OldSpellingWarning, match="metrics="):
        net.compile("sgd", "mse", class_mode="binary")
    x = today.Input((3,))
    y = Dense(1)(x)
    with pytest.warns(OldSpellingWarning, match=r"Model\(inputs, outputs\)"):
        Model(input=x, output=y)


@pytest.mark.parametrize("verb", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_unknown_keywords(verb: str) -> None:
    net = model(1, None, "mse", ())
    with pytest.raises(TypeError, match=f"{verb}: received the keyword 'batchsize'"):
        getattr(net, verb)(X, BITS, batchsize=3)
    with pytest.raises(TypeError, match="Did you mean 'epochs'"):
        net.fit(X, BITS, epoch=3)
    with pytest.raises(TypeError, match="target_tensors"):
        net.compile("sgd", "mse", target_tensors=[X])
    with pytest.raises(TypeError, match="Did you mean 'loss_weights'"):
        net.compile("sgd", "mse", loss_weight=[1])


def test_verbs_before_compile() -> None:
    net = Sequential([Dense(1, input_shape=(3,))])
    for verb in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(NotBuiltError, match="was not compiled"):
            getattr(net, verb)(X, BITS)
    assert net.predict(X).shape == (12, 1)


def test_models_whose_shapes_the_data_tell() -> None:
    net = Sequential([Dense(4), Dense(1, activation="sigmoid")])
    net.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    assert list(net.fit(X, BITS[:, None], verbose=0).history) == ["loss", "acc"]


def test_numbers_of_steps() -> None:
    net = model(1, None, "mse", ())
    assert net.fit(X, BITS, epochs=2.0, verbose=0).epoch == [0, 1]
    with pytest.raises(TypeError, match="a whole number"):
        net.fit(X, BITS, epochs=1.5)
    assert net.fit(X, BITS, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]
    counted: list[int] = []

    class Count(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            counted.append(batch)

    net.fit(X, BITS, steps_per_epoch=2.5, batch_size=4, verbose=0, callbacks=[Count()])
    assert counted == [0, 1, 2]


def test_classes_and_probabilities() -> None:
    net = Sequential([Dense(3, input_shape=(3,), activation="softmax")])
    assert (net.predict_classes(X) == net.predict(X).argmax(axis=1)).all()
    assert np.array_equal(net.predict_proba(X), net.predict(X))
    one = Sequential([Dense(1, input_shape=(3,), activation="sigmoid")])
    found = one.predict_classes(X)
    assert found.shape == (12, 1)
    assert found.dtype == np.int32
    assert (found == (one.predict(X) > 0.5)).all()


def test_slices() -> None:
    assert slice_X(X, 1, 3).shape == (2, 3)
    assert [part.tolist() for part in slice_X([np.arange(5), np.arange(5) * 2], [0, 3])] == [[0, 3], [0, 6]]


@pytest.mark.parametrize(
    ("phase", "verb"),
    [(0, "fit"), (0, "train_on_batch"), (1, "evaluate"), (1, "test_on_batch"), (1, "predict"), (1, "predict_on_batch")],
)
def test_a_mode_that_a_script_sets_is_not_left_out_in_silence(phase, verb):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    data = (np.ones((4, 2)),) if verb.startswith("predict") else (np.ones((4, 2)), np.ones((4, 1)))
    options = {"verbose": 0} if verb in ("fit", "evaluate", "predict") else {}
    try:
        K.set_learning_phase(1 - phase)
        getattr(model, verb)(*data, **options)
        K.set_learning_phase(phase)
        with pytest.raises(ArgumentError, match=rf"{verb}: received K.set_learning_phase\({phase}\)"):
            getattr(model, verb)(*data, **options)
    finally:
        K.clear_session()
