"""Callbacks: when they are called, what they see, and how they stop training."""

import io
import sys

import numpy as np
import pytest

from minidl.callbacks import Callback, EarlyStopping, History, LambdaCallback, TerminateOnNaN
from minidl.callbacks.monitor import direction
from minidl.layers import Dense
from minidl.metrics import Metric
from minidl.models import Sequential
from minidl.optimizers import SGD

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def compiled(optimizer=None, metrics=()):
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile(optimizer or SGD(0.05), "mse", list(metrics))
    return model


class Journal(Callback):
    """Writes down every moment with its number and the names in its logs."""

    def __init__(self):
        self.lines = []

    def on_train_begin(self, logs):
        self.lines.append(("train begin", dict(logs)))

    def on_train_end(self, logs):
        self.lines.append(("train end", dict(logs)))

    def on_epoch_begin(self, epoch, logs):
        self.lines.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch, logs):
        self.lines.append(("epoch end", epoch, sorted(logs)))

    def on_train_batch_begin(self, batch, logs):
        self.lines.append(("batch begin", batch))

    def on_train_batch_end(self, batch, logs):
        self.lines.append(("batch end", batch, sorted(logs)))


def test_the_moments_in_their_order():
    journal = Journal()
    compiled(metrics=["accuracy"]).fit(X, Y > 0, 5, epochs=2, validation_split=0.25, verbose=0, callbacks=[journal])
    names = ["accuracy", "loss"]
    batches = [line for n in range(2) for line in (("batch begin", n), ("batch end", n, names))]
    epochs = [
        line
        for epoch in range(2)
        for line in (("epoch begin", epoch), *batches, ("epoch end", epoch, [*names, "val_accuracy", "val_loss"]))
    ]
    assert journal.lines[:-1] == [("train begin", {}), *epochs]
    moment, logs = journal.lines[-1]
    assert (moment, logs) == ("train end", {name: values[-1] for name, values in journal.model.history.history.items()})
    assert journal.params == {
        "epochs": 2,
        "steps": 2,
        "batch_size": 5,
        "samples": 9,
        "validation_samples": 3,
        "verbose": 0,
        "device": journal.params["device"],
        "metrics": ["loss", "accuracy", "val_loss", "val_accuracy"],
    }
    assert journal.model is not None


def test_running_values_are_means_so_far():
    seen = []
    model = compiled(SGD(0.0))
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    history = model.fit(X, Y, 4, shuffle=False, verbose=0, callbacks=[look]).history
    losses = [model.evaluate(X[:n], Y[:n], verbose=0) for n in (4, 8, 12)]
    assert seen == pytest.approx(losses, rel=1e-6)
    assert history["loss"] == [seen[-1]]


class Expensive(Metric):
    name = "expensive"
    asked = 0

    def per_sample(self, y_true, y_pred):
        return y_pred[:, 0]

    def result(self):
        Expensive.asked += 1
        return super().result()


def test_logs_are_lazy():
    Expensive.asked = 0
    model = compiled(metrics=[Expensive()])
    kept = []
    model.fit(X, Y, 1, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=lambda batch, logs: kept.append(logs))])
    assert Expensive.asked == 1, "once, at the end of the epoch"
    assert set(kept[0]) == {"loss", "expensive"}
    assert len(kept[0]) == 2
    with pytest.raises(KeyError):
        kept[0]["accuracy"]


# -- stopping ------------------------------------------------------------------------------------------------------------


def test_stopping_after_a_batch_ends_that_epoch_after_a_whole_step():
    model, whole = compiled(), compiled()
    whole.set_weights(model.get_weights())

    def stop(batch, logs):
        model.stop_training = batch == 1

    history = model.fit(X, Y, 4, epochs=5, shuffle=False, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=stop)])
    whole.fit(X[:8], Y[:8], 4, shuffle=False, verbose=0)
    assert history.epoch == [0]
    assert model.optimizer.iterations == 2
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), whole.get_weights()))
    assert model.fit(X, Y, 4, epochs=2, verbose=0).epoch == [0, 1], "the next fit is not stopped"


def test_stopping_after_an_epoch():
    model = compiled()

    def stop(epoch, logs):
        model.stop_training = epoch == 2

    assert model.fit(X, Y, epochs=9, verbose=0, callbacks=[LambdaCallback(on_epoch_end=stop)]).epoch == [0, 1, 2]


def test_terminate_on_nan(monkeypatch):
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    model = compiled()
    y = Y.copy()
    y[5] = np.nan
    history = model.fit(X, y, 2, epochs=4, shuffle=False, verbose=0, nan="ignore", callbacks=[TerminateOnNaN()])
    assert history.epoch == [0]
    assert model.optimizer.iterations == 3
    assert "nan after batch 3" in out.getvalue()


class Feed(Callback):
    """Puts given values into the logs of each epoch, before the callbacks behind it look, and marks the weights."""

    def __init__(self, **values):
        self.values = values

    def on_train_begin(self, logs):
        self.params["metrics"].extend(self.values)

    def on_epoch_end(self, epoch, logs):
        logs.update({name: float(values[epoch]) for name, values in self.values.items()})
        self.model.set_weights([np.full_like(w, epoch) for w in self.model.get_weights()])


def stopped_after(values, name="val_loss2", epochs=None, **arguments):
    """How many epochs are trained when ``monitor`` goes through these values; the mark of the weights; the callback."""
    stopping, model = EarlyStopping(name, **arguments), compiled()
    feed = Feed(**{name: values})
    history = model.fit(X, Y, epochs=epochs or len(values), verbose=0, callbacks=[feed, stopping])
    return len(history.epoch), float(model.get_weights()[1][0]), stopping


@pytest.mark.parametrize(
    "values, arguments, epochs",  # what Keras 3 does
    [
        ([3, 2, 1, 0.5], {}, 4),
        ([3, 2, 2, 1], {}, 3),  # equal is not better; patience 0 stops at once
        ([3, 2, 2, 1], {"patience": 1}, 3),
        ([3, 2, 2, 1, 1, 1, 0], {"patience": 2}, 6),
        ([3, 4, 5, 2], {"patience": 3}, 4),
        ([3, 4, 5, 6, 2], {"patience": 3}, 4),
        ([3, 2.9, 2.8, 2.7, 2.6], {"min_delta": 0.15}, 2),
        ([3, 2.9, 2.8, 2.7, 2.6], {"min_delta": 0.15, "patience": 2}, 5),  # 2.8 is better than 3 by more than 0.15
        ([1, 2, 3, 2], {"mode": "max"}, 4),
        ([1, 2, 3, 2], {"mode": "min"}, 2),
        ([1, np.nan, 0.5, 0.4], {"patience": 2}, 4),
        ([1, np.nan, 0.5, 0.4], {}, 2),
    ],
)
def test_patience(values, arguments, epochs):
    trained, _, stopping = stopped_after(values, **arguments)
    assert trained == epochs
    assert stopping.stopped_epoch == (epochs - 1 if trained < len(values) or stopping.model.stop_training else None)


@pytest.mark.parametrize(
    "name, values, epochs", [("val_accuracy", [1, 2, 3, 2], 4), ("acc", [1, 2, 1], 3), ("val_loss2", [1, 2, 3], 2)]
)
def test_accuracies_are_better_when_larger(name, values, epochs):
    assert stopped_after(values, name)[0] == epochs


@pytest.mark.parametrize(
    "values, arguments, mark, best",
    [
        ([3, 1, 2, 2], {"patience": 2}, 1, 1),  # stopped early
        ([3, 1, 2], {"patience": 9}, 1, 1),  # the epochs ran out first
        ([3, 2, 1], {"patience": 9}, 2, 2),  # the last was the best
        ([3, 1, 2], {"patience": 9, "mode": "max"}, 0, 0),
    ],
)
def test_the_best_weights_come_back(values, arguments, mark, best):
    _, weight, stopping = stopped_after(values, restore_best_weights=True, **arguments)
    assert weight == mark
    assert stopping.best_epoch == best
    _, weight, _ = stopped_after(values, **arguments)
    assert weight == len(values) - 1


@pytest.mark.parametrize(
    "values, arguments, lines",
    [
        ([3, 2, 2, 1], {}, ["training ends after epoch 3: {} for 1 epoch (best: val_loss2 2 in epoch 2; now 2)"]),
        (
            [3, 2.5, 2.9, 2.75],
            {"patience": 2, "min_delta": 0.25, "restore_best_weights": True},
            [
                "training ends after epoch 4: {} by more than 0.25 for 2 epochs (best: val_loss2 2.5 in epoch 2; now 2.75)",
                "the weights are those of epoch 2 again, the best (val_loss2 2.5)",
            ],
        ),
        (
            [3, 1, 2],
            {"patience": 5, "restore_best_weights": True},
            ["the weights are those of epoch 2 again, the best (val_loss2 1)"],
        ),
        ([3, 2, 1], {"restore_best_weights": True}, ["the last epoch was the best (val_loss2 1)"]),
        ([1, 2, 1], {"mode": "max"}, ["training ends after epoch 3: {} for 1 epoch (best: val_loss2 2 in epoch 2; now 1)"]),
        (
            [np.nan] * 3,
            {"patience": 2},
            ["training ends after epoch 2: val_loss2 was never a finite number in 2 epochs, it is nan"],
        ),
        ([3, 2, 1], {}, []),
    ],
)
def test_a_stopping_says_when_and_why(monkeypatch, values, arguments, lines):
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    stopped_after(values, verbose=1, **arguments)
    assert out.getvalue().splitlines() == [f"EarlyStopping: {line.format('val_loss2 has not improved')}." for line in lines]


@pytest.mark.parametrize("verbose, of_fit, said", [(None, 0, 0), (None, 1, 1), (None, 2, 1), (0, 1, 0), (1, 0, 1)])
def test_a_stopping_is_as_silent_as_fit_unless_told(monkeypatch, verbose, of_fit, said):
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    stopping = EarlyStopping("loss", verbose=verbose)
    compiled(SGD(0.0)).fit(X, Y, epochs=3, shuffle=False, verbose=of_fit, callbacks=[stopping])
    assert out.getvalue().count("EarlyStopping: training ends after epoch 2") == said


def test_the_arguments_of_a_stopping_stand_in_the_order_of_keras():
    stopping = EarlyStopping("val_loss", 0.5, 3, 1, "max", 0.25, True, 2)
    assert (stopping.min_delta, stopping.patience, stopping.verbose, stopping.mode) == (0.5, 3, 1, "max")
    assert (stopping.baseline, stopping.restore_best_weights, stopping.start_from_epoch) == (0.25, True, 2)
    with pytest.raises(ValueError, match=r"verbose='max'.*mode='max'"):
        EarlyStopping("val_loss", 0.5, 3, "max")


def test_a_stopping_can_be_used_again():
    stopping, model = EarlyStopping("loss", patience=1), compiled(SGD(0.0))
    for _ in range(2):
        history = model.fit(X, Y, epochs=5, shuffle=False, verbose=0, callbacks=[stopping])  # equal to the last bit
        assert history.epoch == [0, 1]
        assert stopping.stopped_epoch == 1


@pytest.mark.parametrize("monitor, words", [("val_loss", "validation_split"), ("accuracy", "loss"), ("los", "loss")])
def test_an_unknown_monitor_is_refused_before_training(monitor, words):
    model = compiled()
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=rf"EarlyStopping.*monitor='{monitor}'.*one of loss.*{words if words != 'loss' else ''}"
    ):
        model.fit(X, Y, verbose=0, callbacks=[EarlyStopping(monitor)])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    model.fit(X, Y, verbose=0)


def test_lambda_callback():
    with pytest.raises(TypeError, match=r"on_epoch_start.*on_train_begin.*on_train_batch_end.*mean 'on_epoch_begin'"):
        LambdaCallback(on_epoch_start=print)
    with pytest.raises(TypeError, match=r"on_epoch_end=3.*function"):
        LambdaCallback(on_epoch_end=3)
    seen = []
    compiled().fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["loss"]))])
    assert len(seen) == 1


def test_a_history_of_ones_own():
    mine = History()
    model = compiled()
    given = model.fit(X, Y, epochs=2, verbose=0, callbacks=(mine,))
    assert mine.history == given.history
    assert mine.epoch == [0, 1]


def test_a_history_shows_its_last_values():
    assert repr(History()) == "<History of 0 epochs>"
    history = History()
    history.on_epoch_end(0, {"loss": 0.25, "accuracy": 0.5})
    assert repr(history) == "<History of 1 epoch; the last: loss: 0.2500, accuracy: 0.5000>"
    history.on_epoch_end(1, {"loss": 0.125, "accuracy": 0.75})
    assert repr(history) == "<History of 2 epochs; the last: loss: 0.1250, accuracy: 0.7500>"


# -- which value is better --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, arguments, epochs, mark",  # recorded from Keras 3.15.1; the mark is that of the weights put back
    [
        ([3, 2, 1.5, 1.25, 1.125, 1.0625], {"patience": 2, "baseline": 1.0}, 6, 5),  # each epoch is better: none ends it
        ([3, 2, 1.5, 1.6, 1.1, 1.05], {"patience": 2, "baseline": 1.0}, 4, 2),  # the baseline was never reached: one is enough
        ([3, 2, 0.9, 0.95, 0.8, 0.85, 0.86], {"patience": 2, "baseline": 1.0}, 7, 4),  # reached, so patience counts anew
        ([3, 3, 3], {"patience": 2, "baseline": 5.0}, 3, 0),
        ([1, 0.5, 2, 3, 2.5], {"patience": 1, "mode": "max", "baseline": 2.5}, 2, 0),
        ([1, 2, 3, 4, 5], {"patience": 1, "start_from_epoch": 2}, 4, 2),
        ([1, 2, 3, 2.5, 2.6, 2.7], {"patience": 2, "start_from_epoch": 2}, 6, 3),
        ([1, 2, 3], {"patience": 1, "start_from_epoch": 5}, 3, 2),
    ],
)
def test_baseline_and_the_epoch_to_start_from(values, arguments, epochs, mark):
    trained, weight, _ = stopped_after(values, restore_best_weights=True, **arguments)
    assert (trained, weight) == (epochs, mark)


def test_a_baseline_that_was_not_reached_is_the_reason(capsys):
    stopped_after([3, 2, 1.5, 1.75], patience=2, baseline=1.0, verbose=1)
    reason = "val_loss2 was not better than the baseline 1 for 4 epochs (best: val_loss2 1.5 in epoch 3; now 1.75)"
    assert capsys.readouterr().out == f"EarlyStopping: training ends after epoch 4: {reason}.\n"


def test_an_epoch_without_the_value_does_not_count():
    """As ``validation_freq=2`` makes them; recorded from Keras 3.15.1."""

    class Sometimes(Feed):
        def on_epoch_end(self, epoch, logs):
            super().on_epoch_end(epoch, logs)
            if epoch % 2:
                del logs["val_loss2"]

    stopping = EarlyStopping("val_loss2", patience=2)
    history = compiled().fit(X, Y, epochs=7, verbose=0, callbacks=[Sometimes(val_loss2=[2.0] * 7), stopping])
    assert history.epoch == [0, 1, 2, 3, 4]


def test_best_is_an_attribute():
    stopping = stopped_after([3, 1, 2], patience=5)[2]
    assert (stopping.best, stopping.best_epoch) == (1.0, 1)


KERAS_DIRECTIONS = {  # 3.15.1: {name of a metric object: direction}, those that have one
    1: "auc accuracy binary_accuracy categorical_accuracy f1_score fbeta_score binary_io_u io_u mean_io_u one_hot_io_u "
    "one_hot_mean_io_u precision precision_at_recall r2_score recall recall_at_precision sensitivity_at_specificity "
    "sparse_categorical_accuracy sparse_top_k_categorical_accuracy specificity_at_sensitivity top_k_categorical_accuracy",
    -1: "binary_crossentropy categorical_crossentropy categorical_hinge hinge kl_divergence logcosh mean_absolute_error "
    "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson root_mean_squared_error "
    "sparse_categorical_crossentropy squared_hinge loss",
}
OURS = {
    1: "acc overall_accuracy kappa cohen_kappa accuracy_1 auc_2 iou mean_iou output_1_accuracy balanced-accuracy",
    -1: "error_rate mae mse rmse sse mape msle huber log_cosh loss2 output_1_loss cross_entropy_loss",
    0: "false_positives true_negatives mean sum vacation profit cosine_similarity accuracy_error",
}


@pytest.mark.parametrize("table", [KERAS_DIRECTIONS, OURS])
def test_directions_follow_from_names(table):
    for sign, names in table.items():
        for name in names.split():
            assert direction(name) == direction(f"val_{name}") == sign, name
            assert direction(name, "max") == 1
            assert direction(name, "min") == -1


def test_a_metric_object_knows_its_direction():
    class Profit(Metric):
        name, direction = "profit", "max"

    assert direction("val_profit", metrics=[Profit()]) == direction("output_2_profit", metrics=[Profit()]) == 1
    assert direction("profits", metrics=[Profit()]) == direction("nonprofit", metrics=[Profit()]) == 0
    Profit.direction = "min"
    assert direction("profit", metrics=[Profit()]) == -1
    assert direction("profit", "max", [Profit()]) == 1


def test_a_direction_that_nobody_knows_is_asked_for_before_training():
    def profit(y_true, y_pred):
        return y_pred[:, 0]

    model = compiled(metrics=[profit])
    with pytest.raises(ValueError, match=r"EarlyStopping.*monitor='profit'.*larger or smaller.*mode='max' or mode='min'"):
        model.fit(X, Y, verbose=0, callbacks=[EarlyStopping("profit")])
    assert model.optimizer.iterations == 0
    model.fit(X, Y, verbose=0, callbacks=[EarlyStopping("profit", mode="max")])


def test_a_value_that_is_no_number_is_refused():
    put = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(loss=[1]))
    with pytest.raises(TypeError, match=r"EarlyStopping.*type list as 'loss'.*a number"):
        compiled().fit(X, Y, verbose=0, callbacks=[put, EarlyStopping("loss")])


def test_terminate_on_nan_can_raise():
    y = Y.copy()
    y[5] = np.nan
    model = compiled()
    with pytest.raises(RuntimeError, match=r"TerminateOnNaN.*nan after batch 3"):
        model.fit(X, y, 2, epochs=4, shuffle=False, verbose=0, nan="ignore", callbacks=[TerminateOnNaN(raise_error=True)])
    assert model.optimizer.iterations == 3
    assert TerminateOnNaN().raise_error is False
