"""What reaches the network, the loss and the metrics: weights, dtypes, and where the data are cut."""

import inspect
import tracemalloc

import numpy as np
import pytest

import minidl
from minidl.callbacks import LambdaCallback
from minidl.data import ArrayData, class_weights
from minidl.errors import DataError, DataWarning, NumericWarning
from minidl.layers import Dense, Layer
from minidl.layers.containers import Chain
from minidl.metrics import Accuracy
from minidl.models import Model, Sequential
from minidl.optimizers import SGD
from minidl.training.plan import samples_at_once

RNG = np.random.default_rng(23)
X = RNG.normal(size=(20, 4)).astype(np.float32)
Y = np.arange(20) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[Y]


def last_probability(y_true, y_pred):
    return y_pred[:, -1]


@pytest.fixture
def model():
    minidl.set_seed(6)
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile(SGD(0.0), "categorical_crossentropy", ["accuracy", "mse", last_probability])
    return model


# -- weights -------------------------------------------------------------------------------------------------------------


def weighted_means(model, weights):
    """Loss as Keras divides it, by the number of samples; metrics by the sum of the weights."""
    p = model.predict(X).astype(np.float64)
    per_sample = {
        "accuracy": p.argmax(1) == Y,
        "mse": ((p - ONE_HOT) ** 2).mean(1),
        "last_probability": p[:, -1],
    }
    expected = {"loss": (-np.log(p[np.arange(20), Y]) * weights).sum() / 20}
    return expected | {name: (values * weights).sum() / weights.sum() for name, values in per_sample.items()}


@pytest.mark.parametrize("verb", ["evaluate", "fit", "validation", "train_on_batch", "test_on_batch", "class_weight"])
def test_metrics_see_the_weights(model, verb):
    right = model.predict(X).argmax(1) == Y
    weights = np.where(right, 9.0, 0.5) + np.arange(20) / 20
    if verb == "class_weight":
        weights = np.array([0.5, 1.0, 7.0])[Y]
    expected = weighted_means(model, weights)
    plain = weighted_means(model, np.ones(20))
    assert all(abs(expected[name] - plain[name]) > 0.01 for name in expected), "weights that make no difference prove nothing"
    if verb == "evaluate":
        found = model.evaluate(X, ONE_HOT, 7, sample_weight=weights, return_dict=True, verbose=0)
    elif verb == "fit":
        found = model.fit(X, ONE_HOT, 7, sample_weight=weights, verbose=0).history
    elif verb == "class_weight":
        found = model.fit(X, ONE_HOT, 7, class_weight={0: 0.5, 2: 7.0}, verbose=0).history
    elif verb == "validation":
        history = model.fit(X, ONE_HOT, 7, validation_data=(X, ONE_HOT, weights), verbose=0).history
        found = {name: history[f"val_{name}"] for name in expected}
        assert {name: history[name][0] for name in expected} == pytest.approx(plain, rel=1e-5)
    else:
        found = dict(zip(expected, getattr(model, verb)(X, ONE_HOT, weights)))
    assert {name: float(np.ravel(value)[0]) for name, value in found.items()} == pytest.approx(expected, rel=1e-5)


def test_class_weights_of_many_classes():
    labels = np.array([0, 127, 128, 255, 256, 299])
    expected = [1, 2, 3, 4, 5, 6]
    weights = dict(zip(labels.tolist(), expected))
    assert class_weights(labels, weights).tolist() == expected
    assert class_weights(labels.astype(np.uint16)[:, None], weights).tolist() == expected
    assert class_weights(np.eye(300)[labels], weights).tolist() == expected


# -- dtypes --------------------------------------------------------------------------------------------------------------


class Witness(Layer):
    """The identity; remembers the dtypes it was given."""

    def __init__(self):
        super().__init__(input_shape=(4,))
        self.seen = set()

    def apply(self, x, context):
        self.seen.add(x.dtype.name)
        return x, None

    def gradient(self, dy, saved, need_dx=True):
        return dy


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int64", "bool"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_batches_are_of_the_models_dtype_in_every_order(dtype, precision):
    """In order of the data a batch is a slice, shuffled it is gathered: both arrive in the model's own dtype."""
    with minidl.config.use_dtype(precision):
        witness = Witness()
        model = Sequential([witness, Dense(3, activation="softmax")])
        model.compile(SGD(0.0), "sparse_categorical_crossentropy")
    x = np.abs(10 * X).astype(dtype)
    weights = np.ones(20, np.float64)
    for do in (
        lambda: model.fit(x, Y, 7, shuffle=False, sample_weight=weights, verbose=0),
        lambda: model.fit(x, Y, 7, shuffle=True, sample_weight=weights, verbose=0),
        lambda: model.evaluate(x, Y, 7, verbose=0),
        lambda: model.predict(x, 7),
        lambda: model.train_on_batch(x, Y),
    ):
        witness.seen.clear()
        do()
        assert witness.seen == {precision}
    assert model.predict(x).dtype == model.predict(x[:0]).dtype == np.dtype(precision)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_batch_copies_its_own_rows_and_not_the_data_set(shuffled):
    """Of data in another order, such as a transposed array, every batch once copied all."""
    x = np.arange(4000 * 300, dtype=np.float32).reshape(300, 4000).T
    data = ArrayData(x, None, None, input_shape=(300,), dtype="float32", where="fit")
    order = np.arange(4000)[::-1].copy() if shuffled else None
    batches = data.batches(8, order)
    next(batches)
    tracemalloc.start()
    batch = next(batches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 20
    np.testing.assert_array_equal(batch.x, x[::-1][8:16] if shuffled else x[8:16])
    assert batch.x.flags.c_contiguous


def test_in_order_a_batch_of_the_right_dtype_is_a_view():
    class Sharing(Witness):
        def apply(self, x, context):
            self.seen.add(np.shares_memory(x, X))
            return x, None

    witness = Sharing()
    model = Sequential([witness, Dense(3, activation="softmax")])
    model.compile(SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(X, Y, 7, shuffle=False, verbose=0)
    model.evaluate(X, Y, 7, verbose=0)
    model.predict(X)
    assert witness.seen == {True}


# -- the cut -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "samples, split, training",  # int(floor(samples * (1 - split))), as Keras cuts
    [(10, 0.25, 7), (10, 0.1, 9), (10, 0.05, 9), (7, 0.5, 3), (3, 0.5, 1), (100, 0.29, 71), (9, 0.1, 8), (11, 0.3, 7)],
)
def test_validation_split_cuts_where_keras_does(samples, split, training):
    seen = {}
    minidl.set_seed(1)
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    x = np.arange(samples, dtype=np.float32)[:, None] / samples
    note = LambdaCallback(on_train_begin=lambda logs: seen.update(note.params))
    model.fit(x, x, 4, epochs=2, initial_epoch=1, validation_split=split, verbose=0, callbacks=[note])
    assert (seen["samples"], seen["validation_samples"]) == (training, samples - training)
    assert (seen["steps"], seen["batch_size"], seen["epochs"]) == (-(-training // 4), 4, 2)
    assert seen["metrics"] == ["loss", "val_loss"]


# -- defaults, and numbers in messages -----------------------------------------------------------------------------------


def test_defaults_of_training_are_those_of_keras():
    """RMSprop, batches of 32; evaluation takes 128 at a time, as there is nothing to choose."""
    minidl.set_seed(6)
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile(loss="mse")
    assert type(model.optimizer) is minidl.optimizers.RMSprop
    x, sizes = np.ones((300, 1)), []
    note = LambdaCallback(on_train_begin=lambda logs: sizes.append((note.params["batch_size"], note.params["steps"])))
    model.fit(x, x, verbose=0, callbacks=[note])
    assert sizes == [(32, 10)]
    defaults = {name: p.default for name, p in inspect.signature(Model.fit).parameters.items() if p.default is not p.empty}
    assert defaults == {
        "y": None,
        "batch_size": None,
        "epochs": 1,
        "verbose": 1,
        "callbacks": None,
        "validation_split": 0.0,
        "validation_data": None,
        "shuffle": True,
        "class_weight": None,
        "sample_weight": None,
        "initial_epoch": 0,
        "steps_per_epoch": None,
        "validation_steps": None,
        "validation_batch_size": None,
        "validation_freq": 1,
        "nan": "warn",
    }


def test_an_epoch_of_unequal_batches_weighs_samples_and_not_batches():
    """The loss and every metric of an epoch: a last batch of one sample counts once."""
    minidl.set_seed(6)
    model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(SGD(0.0), "mse", ["mse"])
    y = np.array([1.0] * 7 + [9.0])
    expected = {"loss": (7 + 81) / 8, "mse": (7 + 81) / 8}
    found = model.fit(np.ones((8, 1)), y, 7, shuffle=False, verbose=0).history
    assert {name: value[0] for name, value in found.items()} == pytest.approx(expected)
    assert model.evaluate(np.ones((8, 1)), y, 7, return_dict=True, verbose=0) == pytest.approx(expected)


def test_where_a_loss_became_nan_is_counted_from_one():
    minidl.set_seed(6)
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile(SGD(0.0), "mse")

    def spoil(epoch, logs):
        if epoch == 1:
            model.set_weights([np.full((1, 1), 3e38), np.zeros(1)])

    x = np.zeros((8, 1), np.float32)
    x[4:6] = 1e3  # overflows with these weights, in batch 3 of 4
    with pytest.raises(DataError, match="fit: epoch 2, batch 3"):
        model.fit(x, x, 2, epochs=3, shuffle=False, verbose=0, nan="raise", callbacks=[LambdaCallback(on_epoch_begin=spoil)])
    with pytest.warns(NumericWarning, match="in epoch 1, batch 3;"):
        model.fit(x, x, 2, shuffle=False, verbose=0)


# -- what a fit leaves behind, and what is computed together ---------------------------------------------------------------


def test_validation_split_cuts_the_weights_with_the_samples(model):
    weights = np.arange(1.0, 21.0)
    history = model.fit(X, ONE_HOT, 7, sample_weight=weights, validation_split=0.25, verbose=0).history
    training = model.evaluate(X[:15], ONE_HOT[:15], sample_weight=weights[:15], return_dict=True, verbose=0)
    last = model.evaluate(X[15:], ONE_HOT[15:], sample_weight=weights[15:], return_dict=True, verbose=0)
    assert {name: history[name][0] for name in training} == pytest.approx(training, rel=1e-5)
    assert {name: history[f"val_{name}"][0] for name in last} == pytest.approx(last, rel=1e-5)
    assert training["loss"] != pytest.approx(model.evaluate(X[:15], ONE_HOT[:15], verbose=0)[0], rel=0.1)


def test_a_fit_that_was_stopped_goes_on_with_the_next_order():
    """The order of an epoch belongs to its number in the model's life, and epochs that were not trained do not count."""

    def orders(*fits):
        minidl.set_seed(1)
        seen = []

        class Order(Witness):
            def apply(self, x, context):
                if context.training:
                    seen.append(tuple(x[:, 0].tolist()))
                return x, None

        model = Sequential([Order(), Dense(1)])
        model.compile(SGD(0.0), "mse")
        for epochs, stop in fits:
            last = LambdaCallback(on_epoch_end=lambda epoch, logs, at=stop: setattr(model, "stop_training", epoch + 1 == at))
            model.fit(X, X[:, 0], 20, epochs=epochs, verbose=0, callbacks=[last])
        return seen

    assert orders((5, 2), (2, None)) == orders((4, None))


def test_a_model_says_whether_it_is_trainable(model):
    for value in (False, True):
        model.trainable = value
        assert model.trainable is value
        assert [layer.trainable for layer in model.layers] == [value]


@pytest.mark.parametrize("widths, together", [((3,), 1024), ((2**13,), 1024), ((2**14, 1), 512), ((2**23 + 1,), 1)])
def test_predict_takes_as_many_samples_as_fit_in_a_certain_memory(widths, together):
    """2^23 numbers of the widest layer's result, wherever that layer stands; 1 to 1024 samples."""
    chain = Chain([Dense(units) for units in widths])
    chain.input_shape = (1,)  # known, but nothing made: the last would have eight million weights
    assert samples_at_once(chain) == together


def test_a_target_of_one_half_is_no():
    metric = Accuracy("binary")
    metric.update(np.array([[0.5], [0.5]]), np.array([[0.4], [0.5]]))
    assert metric.result() == 1


def test_a_metric_of_the_users_own_keeps_its_state_and_starts_each_pass_anew(model):
    mine = Accuracy("categorical")
    mine.update(np.eye(3), np.eye(3)[[1, 2, 0]])  # three wrong ones, seen before
    model.compile(SGD(0.0), "categorical_crossentropy", [mine])
    expected = (model.predict(X).argmax(1) == Y).mean()
    for _ in range(2):
        assert model.evaluate(X, ONE_HOT, verbose=0)[1] == pytest.approx(expected)
        assert model.fit(X, ONE_HOT, 7, verbose=0).history["accuracy"] == pytest.approx([expected])
        assert model.train_on_batch(X, ONE_HOT)[1] == pytest.approx(expected)
    assert (float(mine.total), int(mine.count)) == (0, 3)


def test_one_batch_in_a_dictionary():
    model = Sequential([Dense(3, activation="softmax", input_shape=X.shape[1:])])
    model.compile(SGD(0.0), "categorical_crossentropy", ["accuracy"])
    expected = model.evaluate(X, ONE_HOT, verbose=0, return_dict=True)
    for found in (model.train_on_batch(X, ONE_HOT, return_dict=True), model.test_on_batch(X, ONE_HOT, return_dict=True)):
        assert list(found) == ["loss", "accuracy"]
        assert found == pytest.approx(expected)
    assert model.test_on_batch(X, ONE_HOT) == pytest.approx(list(expected.values()))


def test_a_rare_class_that_only_validation_has_is_no_reason_to_warn():
    minidl.set_seed(6)
    model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
    model.compile(SGD(0.0), "sparse_categorical_crossentropy")
    model.fit(X[:8], np.array([0, 1, 0, 1, 0, 1, 0, 2]), validation_split=0.25, verbose=0)  # warnings are errors here
    with pytest.warns(DataWarning, match="no class of the validation part"):
        model.fit(X[:8], np.array([0, 1, 0, 1, 0, 1, 2, 2]), validation_split=0.25, verbose=0)
