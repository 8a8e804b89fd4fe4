"""Rates that change from epoch to epoch: by a rule, and on a plateau as Keras does it."""

import numpy as np
import pytest

from minidl.callbacks import Callback, LambdaCallback, LearningRateScheduler, ReduceLROnPlateau
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD

X = np.ones((4, 1), np.float32)


def compiled(rate=1.0):
    model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(SGD(rate), "mse")
    return model


class Feed(Callback):
    """Gives the epochs these values; None is an epoch without one."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name

    def on_train_begin(self, logs):
        self.params["metrics"].append(self.name)

    def on_epoch_end(self, epoch, logs):
        if self.values[epoch] is not None:
            logs[self.name] = self.values[epoch]


class Rates(Callback):
    """Notes the rate behind each epoch."""

    def __init__(self):
        self.rates = []

    def on_epoch_end(self, epoch, logs):
        self.rates.append(self.model.optimizer.learning_rate)


# -- LearningRateScheduler ---------------------------------------------------------------------------------------------------


def test_a_function_of_the_epoch():
    seen, model = [], compiled(0.5)
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(model.optimizer.learning_rate))
    scheduler = LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    history = model.fit(X, 0 * X, 2, epochs=3, verbose=0, callbacks=[scheduler, look])
    assert seen == [0.1, 0.1, 0.05, 0.05, 0.1 / 3, 0.1 / 3]
    assert history.history["learning_rate"] == [0.1, 0.05, 0.1 / 3]
    assert model.optimizer.learning_rate == 0.1 / 3, "it stays after training"


def test_a_function_of_the_epoch_and_the_rate():
    def warm_up(epoch, rate):
        return rate if epoch < 2 else rate * 0.5

    model = compiled(0.5)
    history = model.fit(X, 0 * X, epochs=4, verbose=0, callbacks=[LearningRateScheduler(warm_up)])
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25, 0.125]
    history = model.fit(X, 0 * X, epochs=4, initial_epoch=3, verbose=0, callbacks=[LearningRateScheduler(warm_up)])
    assert history.history["learning_rate"] == [0.0625], "the epoch is that of fit"


def test_an_argument_with_a_default_is_the_rate_as_in_keras():
    history = compiled(0.5).fit(X, X, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, rate=9.0: rate / 2)])
    assert history.history["learning_rate"] == [0.25]


class Halving:
    """A schedule as those of minidl are called: with a step."""

    def __call__(self, step):
        return 0.5**step


def test_a_schedule_is_asked_with_the_epoch():
    history = compiled().fit(X, 0 * X, 1, epochs=3, verbose=0, callbacks=[LearningRateScheduler(Halving())])
    assert history.history["learning_rate"] == [1.0, 0.5, 0.25]


def test_a_scheduler_says_the_rate(capsys):
    compiled().fit(X, 0 * X, epochs=2, verbose=0, callbacks=[LearningRateScheduler(Halving(), verbose=1)])
    lines = ["epoch 1: the learning rate is 1", "epoch 2: the learning rate is 0.5"]
    assert capsys.readouterr().out.splitlines() == [f"LearningRateScheduler: {line}." for line in lines]
    compiled().fit(X, 0 * X, epochs=2, verbose=0, callbacks=[LearningRateScheduler(Halving())])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "value, error", [(None, TypeError), ("0.1", TypeError), (-0.1, ValueError), (float("nan"), ValueError), (True, TypeError)]
)
def test_what_is_no_rate_is_refused(value, error):
    model = compiled(0.5)
    with pytest.raises(error, match=r"LearningRateScheduler.*schedule\(0, 0.5\)="):
        model.fit(X, X, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, rate: value)])
    assert (model.optimizer.iterations, model.optimizer.learning_rate) == (0, 0.5)


def test_numbers_of_numpy_are_rates():
    model = compiled()
    model.fit(X, 0 * X, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: np.float32(0.5))])
    assert model.optimizer.learning_rate == 0.5


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((0.1,), ["schedule=0.1", "a function", "lambda epoch"]),
        ((lambda: 0.1,), ["a function of ()", "(epoch) or (epoch, rate)"]),
        ((lambda a, b, c: 0.1,), ["(a, b, c)", "(epoch) or (epoch, rate)"]),
        ((abs, 2), ["verbose=2"]),
    ],
)
def test_schedulers_that_make_no_sense(arguments, words):
    with pytest.raises((TypeError, ValueError)) as raised:
        LearningRateScheduler(*arguments)
    assert all(word in str(raised.value) for word in words), raised.value


def test_an_error_within_the_function_is_not_taken_for_another_signature():
    """Keras calls it again with the epoch alone after any TypeError."""
    calls = []

    def broken(epoch, rate):
        calls.append(epoch)
        return rate + "a"

    with pytest.raises(TypeError, match="unsupported operand"):
        compiled().fit(X, X, verbose=0, callbacks=[LearningRateScheduler(broken)])
    assert calls == [0]


# -- ReduceLROnPlateau ---------------------------------------------------------------------------------------------------------


def rates(values, model=None, name="val_loss", **arguments):
    """The rates behind each epoch, those in the logs, and the callback."""
    model, look = model or compiled(), Rates()
    callback = ReduceLROnPlateau(name, **{"factor": 0.5, **arguments})
    history = model.fit(X, 0 * X, epochs=len(values), verbose=0, callbacks=[Feed(values, name), callback, look])
    return look.rates, history.history["learning_rate"], callback


@pytest.mark.parametrize(
    "values, arguments, expected",  # recorded from Keras 3.15.1
    [
        ([4, 3, 3, 3, 3, 3], {"patience": 2}, [1, 1, 1, 0.5, 0.5, 0.25]),
        ([4, 3, 3, 3, 3, 3], {"patience": 1}, [1, 1, 0.5, 0.25, 0.125, 0.0625]),
        ([4, 3, 3, 3, 3, 3], {"patience": 0}, [1, 1, 0.5, 0.25, 0.125, 0.0625]),
        ([4, 3.95, 3.9, 3.5, 3.5], {"patience": 1, "min_delta": 0.125}, [1, 0.5, 0.25, 0.25, 0.125]),
        ([3, 3 - 5e-5, 3 - 1.5e-4, 3 - 2.5e-4], {"patience": 1}, [1, 0.5, 0.5, 0.25]),  # the usual min_delta is 1e-4
        ([3] * 8, {"patience": 2, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
        ([3] * 8, {"patience": 1, "cooldown": 1}, [1] + [0.5**n for n in range(1, 8)]),
        ([3] * 6, {"patience": 1, "cooldown": 2}, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ([3, 3, 3, 2, 2, 2, 2], {"patience": 2, "cooldown": 1}, [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ([3] * 6, {"patience": 1, "min_lr": 0.2}, [1, 0.5, 0.25, 0.2, 0.2, 0.2]),
        ([1, 2, 3, 3, 2], {"patience": 1, "mode": "max"}, [1, 1, 1, 0.5, 0.25]),
        ([1, 2, 3, 3, 2], {"patience": 1, "mode": "min"}, [1, 0.5, 0.25, 0.125, 0.0625]),
        ([3, np.nan, np.nan, 2, np.nan], {"patience": 2}, [1, 1, 0.5, 0.5, 0.5]),
        ([3, None, 3, None, 3, None, 3], {"patience": 2}, [1, 1, 1, 1, 0.5, 0.5, 0.5]),
        ([3, 3], {"patience": 1, "factor": 0.1}, [1, 0.1]),
    ],
)
def test_rates_on_a_plateau(values, arguments, expected):
    behind, logged, _ = rates(values, **arguments)
    assert behind == pytest.approx(expected, rel=1e-15)
    assert logged == [1, *behind[:-1]], "the logs hold the rate of the epoch"


def test_nan_is_never_the_best():
    """In Keras it stays the best for ever, when it comes first."""
    assert rates([np.nan, 3, 2, 1], patience=2)[0] == [1, 1, 1, 1]


def test_an_accuracy_gets_no_further():
    assert rates([0.5, 0.75, 0.625], patience=1, name="val_accuracy")[0] == [1, 1, 0.5]


def test_another_fit_counts_anew_with_the_rate_as_it_is():
    model, callback = compiled(), ReduceLROnPlateau("val_loss", 0.5, 2)
    for values, expected in (([1, 1, 1], 0.5), ([3, 3], 0.5), ([2, 2, 2], 0.25)):
        model.fit(X, 0 * X, epochs=len(values), verbose=0, callbacks=[Feed(values), callback])
        assert model.optimizer.learning_rate == expected
        assert callback.best == values[0]
    other = compiled()
    other.fit(X, 0 * X, epochs=2, verbose=0, callbacks=[Feed([9, 9]), callback])
    assert (other.optimizer.learning_rate, model.optimizer.learning_rate) == (1, 0.25)


def test_a_reduction_is_said(capsys):
    rates([3, 3, 3], patience=2, verbose=1)
    reason = "val_loss has not improved for 2 epochs"
    assert capsys.readouterr().out == f"ReduceLROnPlateau: epoch 3: {reason}; the learning rate is now 0.5.\n"
    rates([3, 3], patience=1, verbose=1)
    assert "for 1 epoch;" in capsys.readouterr().out
    rates([3, 3, 3], patience=1, verbose=0)
    rates([3, 3, 3], patience=1, verbose=1, min_lr=1.0)
    assert capsys.readouterr().out == ""


def test_defaults_are_those_of_keras():
    callback = ReduceLROnPlateau()
    assert callback._arguments() == {
        "monitor": "val_loss",
        "factor": 0.1,
        "patience": 10,
        "verbose": 0,
        "mode": "auto",
        "min_delta": 1e-4,
        "cooldown": 0,
        "min_lr": 0.0,
    }
    positional = ReduceLROnPlateau("loss", 0.5, 3, 1, "max", 0.25, 2, 0.125)
    assert list(positional._arguments().values()) == ["loss", 0.5, 3, 1, "max", 0.25, 2, 0.125]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"factor": 1.0}, ["factor=1.0", "factor < 1"]),
        ({"factor": 0}, ["factor=0", "0 < factor"]),
        ({"factor": -0.5}, ["factor=-0.5"]),
        ({"patience": -1}, ["patience=-1"]),
        ({"patience": 1.5}, ["patience=1.5"]),
        ({"cooldown": -1}, ["cooldown=-1"]),
        ({"min_lr": -1}, ["min_lr=-1"]),
        ({"min_delta": -1}, ["min_delta=-1"]),
        ({"verbose": 2}, ["verbose=2"]),
        ({"mode": "best"}, ["mode='best'"]),
    ],
)
def test_arguments_that_make_no_sense(arguments, words):
    with pytest.raises((TypeError, ValueError)) as raised:
        ReduceLROnPlateau(**arguments)
    assert all(word in str(raised.value) for word in ["ReduceLROnPlateau", *words]), raised.value


def test_an_unknown_monitor_is_refused_before_training():
    model = compiled()
    with pytest.raises(ValueError, match=r"ReduceLROnPlateau.*monitor='val_loss'.*validation_split"):
        model.fit(X, X, verbose=0, callbacks=[ReduceLROnPlateau()])
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize("callback", [LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau("loss")])
def test_an_optimizer_with_a_schedule_is_refused(callback):
    class Scheduled(SGD):
        schedule = Halving()

    model = compiled()
    model.optimizer.__class__ = Scheduled
    with pytest.raises(RuntimeError, match=rf"{type(callback).__name__}.*schedule.*a number"):
        model.fit(X, X, verbose=0, callbacks=[callback])
    assert model.optimizer.iterations == 0


def test_the_rate_is_among_the_names_that_logs_will_hold():
    names = []
    look = LambdaCallback(on_train_begin=lambda logs: names.append(list(look.params["metrics"])))
    callbacks = [LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau("loss"), look]
    compiled().fit(X, X, verbose=0, callbacks=callbacks)
    assert names == [["loss", "learning_rate"]]
