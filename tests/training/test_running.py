"""What an epoch adds up for several outputs, under Keras's names; and predictions of several outputs."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidl import metrics
from minidl.backend.random import Stream
from minidl.callbacks import CallbackList, History, LambdaCallback
from minidl.config import use_graphs
from minidl.data import ArrayData, Dataset, StreamData
from minidl.layers import Dense
from minidl.losses import MeanSquaredError, SparseCategoricalCrossentropy
from minidl.losses.per_output import PerOutput
from minidl.metrics import Metric
from minidl.models import Sequential
from minidl.training import loop
from minidl.training.running import Running, names_of_logs
from minidl.training.step import Result

N = 10
RNG = np.random.default_rng(2)
X, DIGITS, SIZES = RNG.normal(size=(N, 3)), np.arange(N) % 3, RNG.normal(size=(N, 1))
PROBABILITIES = RNG.dirichlet(np.ones(3), N)
WEIGHT = RNG.uniform(0.5, 2, N)


class Outputs:
    """A network with two outputs: probabilities, looked up by the first feature, and the second feature."""

    input_shape, parameter_dtype = (3,), np.dtype("float64")

    def output_shape(self, input_shape):
        return (3,), (1,)

    def apply(self, x, context=None):
        rows = [int(np.argmin(abs(X[:, 0] - row[0]))) for row in x]
        return (PROBABILITIES[rows], x[:, 1:2]), None


class TwoLosses:
    """A step as ``compile`` makes it for two outputs, with loss weights 1 and 10; it trains nothing."""

    output_names = ("digit", "size")
    loss = PerOutput([SparseCategoricalCrossentropy(), MeanSquaredError()], [1.0, 10.0], ["digit", "size"])

    def __init__(self):
        self.metrics = [(0, metrics.get("accuracy", SimpleNamespace(default_accuracy="sparse"))), (1, metrics.get("mse", None))]

    def test(self, batch):
        prediction, _ = Outputs().apply(batch.x)
        weights = batch.weight or (np.ones(batch.size), np.ones(batch.size))
        first, second = (np.ones(batch.size) if w is None else w for w in weights)
        of_digit = -np.log(prediction[0][np.arange(batch.size), batch.y[0]])
        parts = [np.mean(of_digit * first), np.mean((prediction[1] - batch.y[1])[:, 0] ** 2 * second)]
        return Result(parts[0] + 10 * parts[1], prediction, batch.weight, parts)

    def train(self, batch, stop_at_nan=False):
        return self.test(batch)


def by_hand(weight=None, metric_weight=(None, None)):
    """Losses divide by the number of samples, metrics by the sum of the weights."""
    first, second = (np.ones(N), np.ones(N)) if weight is None else weight
    digit = np.mean(-np.log(PROBABILITIES[np.arange(N), DIGITS]) * first)
    size = np.mean((X[:, 1] - SIZES[:, 0]) ** 2 * second)
    return {
        "loss": digit + 10 * size,
        "digit_loss": digit,
        "size_loss": size,
        "digit_accuracy": np.average(PROBABILITIES.argmax(1) == DIGITS, weights=first),
        "size_mse": np.average((X[:, 1] - SIZES[:, 0]) ** 2, weights=second),
    }


def data(weight=None):
    options = {"input_shape": (3,), "dtype": "float64", "output_names": ("digit", "size"), "where": "fit"}
    return ArrayData(X, {"digit": DIGITS, "size": SIZES}, weight, **options)


@pytest.mark.parametrize(
    "weight, of_outputs",
    [
        (None, None),
        (WEIGHT, (WEIGHT, WEIGHT)),
        ({"size": WEIGHT}, (np.ones(N), WEIGHT)),
        ([2 * WEIGHT, WEIGHT**2], (2 * WEIGHT, WEIGHT**2)),
    ],
)
@pytest.mark.parametrize("batch_size", [3, N])
def test_losses_and_metrics_of_each_output(weight, of_outputs, batch_size):
    step, expected = TwoLosses(), by_hand(of_outputs)
    found = loop.evaluate(step, data(weight), batch_size)
    assert list(found) == list(expected) == names_of_logs(step)  # Keras 3: the loss, the outputs' losses, their metrics
    assert found == pytest.approx(expected)
    history = History()
    params = {"steps": 4}
    loop.fit(
        step,
        data(weight),
        data(),
        batch_size=batch_size,
        epochs=range(2),
        shuffle=True,
        stream=Stream(1, 0),
        epochs_done=0,
        callbacks=CallbackList([history], SimpleNamespace(stop_training=False), params),
        nan="warn",
    )
    whole = expected | {f"val_{name}": value for name, value in by_hand().items()}
    assert list(history.history) == list(whole)
    for name, values in history.history.items():
        assert values == pytest.approx([whole[name]] * 2), name


def test_nothing_was_added_up_yet():
    logs = Running(TwoLosses()).logs("val_")
    assert list(logs) == [f"val_{name}" for name in by_hand()]
    assert all(np.isnan(value) for value in logs.values())


def test_predictions_of_several_outputs_are_a_list():
    network = Outputs()
    shared = {"input_shape": (3,), "dtype": "float64", "where": "predict"}
    stream = StreamData(Dataset.from_arrays(X).batch(4), lambda x, y, w, where, nan: ArrayData(x, **shared), where="predict")
    for given in (ArrayData(X, **shared), stream):
        first, second = loop.predict(network, given, 3)
        np.testing.assert_array_equal(first, PROBABILITIES, strict=True)
        np.testing.assert_array_equal(second, X[:, 1:2], strict=True)
        assert not np.shares_memory(second, X)
    empty = loop.predict(network, ArrayData(X[:0], **shared), 3)
    assert [(array.shape, array.dtype.name) for array in empty] == [((0, 3), "float64"), ((0, 1), "float64")]


def test_predictions_of_a_stream_do_not_share_memory_that_it_uses_again():
    def batches(buffer):
        for start in (0, 5):
            buffer[:] = X[start : start + 5]
            yield buffer

    shared = {"input_shape": (3,), "dtype": "float64", "where": "predict"}
    stream = StreamData(batches(np.empty((5, 3))), lambda x, y, w, where, nan: ArrayData(x, **shared), where="predict")
    np.testing.assert_array_equal(loop.predict(Outputs(), stream, None)[1], X[:, 1:2])


def test_looking_at_one_value_computes_no_other():
    """A callback that looks at the loss after each batch must not wait for a metric that sorts all samples so far."""
    step, asked = TwoLosses(), []

    class Slow(metrics.Metric):
        def update(self, y_true, y_pred, sample_weight=None):
            pass

        def result(self):
            asked.append(1)
            return 1.0

    step.metrics = [(1, Slow("slow"))]
    running = Running(step)
    logs = loop.LazyLogs(running)
    running.add(0, *next((batch, step.test(batch)) for batch in data().batches(N)))
    assert list(logs) == ["loss", "digit_loss", "size_loss", "size_slow"]
    assert logs["loss"] == pytest.approx(logs["digit_loss"] + 10 * logs["size_loss"])
    assert len(logs) == 4
    assert "size_slow" in logs
    assert "size_acc" not in logs
    assert logs.get("acc") is None
    assert not asked
    assert logs["size_slow"] == 1.0 == dict(logs)["size_slow"]


class Seen(metrics.Metric):
    """How many samples there were; emptied in place, as a learner writes it."""

    def __init__(self, name="seen"):
        self.sizes, self.total = [], np.zeros(1)
        super().__init__(name)

    def reset(self):
        self.sizes.clear()
        self.total[0] = 0

    def update(self, y_true, y_pred, sample_weight=None):
        self.sizes.append(len(y_true))
        self.total += len(y_true)

    def result(self):
        return float(sum(self.sizes) + self.total[0])


def test_an_evaluation_within_an_epoch_leaves_the_epochs_metric_alone():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", [Seen()])
    y = X[:, :1]
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: model.evaluate(X[:2], y[:2], verbose=0))
    history = model.fit(X, y, 4, verbose=0, callbacks=[look], validation_data=(X[:3], y[:3])).history
    assert (history["seen"], history["val_seen"]) == ([2 * N], [6])


class Keeping(Metric):
    """Keeps the predictions that it is given, and copies of them."""

    def reset(self):
        self.kept, self.copies = [], []

    def update(self, y_true, y_pred, sample_weight=None):
        self.kept.append(y_pred)
        self.copies.append(y_pred.copy())

    def result(self):
        return float(np.abs(np.array(self.kept) - np.array(self.copies)).max())


def of_function(kept):
    def largest(y_true, y_pred):
        kept.append((y_pred, y_pred.copy()))
        return y_pred.max(axis=-1)

    return largest


def fitted(metric):
    model = Sequential([Dense(3, input_shape=(4,))])
    model.compile("sgd", "mse", metrics=[metric])
    with use_graphs("on"):
        rng = np.random.default_rng(0)
        return model.fit(rng.random((80, 4)), rng.random((80, 3)), 8, epochs=2, verbose=0).history


def test_a_metric_may_keep_the_predictions_of_recorded_steps():
    assert fitted(Keeping())["keeping"] == [0, 0]


def test_a_function_may_keep_the_predictions_of_recorded_steps():
    kept = []
    fitted(of_function(kept))
    assert len(kept) == 20
    assert all(np.array_equal(*each) for each in kept)
