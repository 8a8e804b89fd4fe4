"""What callbacks and the progress line say: numbers that are computed and that nobody else asserts."""

import io

import numpy as np
import pytest

from minidl.callbacks import Callback, EarlyStopping, TerminateOnNaN, progress
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD

X = np.ones((12, 1), np.float32)


def compiled(rate=0.0):
    model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    model.compile(SGD(rate), "mse")
    return model


class Losses(Callback):
    """Puts given losses into the logs, one for each epoch."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, epoch, logs):
        logs["loss"] = self.losses[epoch]


def test_a_stopping_that_was_impatient_in_one_fit_is_patient_again_in_the_next():
    """The first fit ends while two epochs were waited for; the next one starts to count from nothing."""
    stopping, model = EarlyStopping("loss", patience=3), compiled()
    model.fit(X, X, epochs=3, verbose=0, callbacks=[Losses([1.0, 2.0, 2.0]), stopping])
    assert stopping.stopped_epoch is None
    history = model.fit(X, X, epochs=6, verbose=0, callbacks=[Losses([3.0, 4.0, 4.0, 2.0, 1.0, 0.5]), stopping])
    assert history.epoch == [0, 1, 2, 3, 4, 5]
    assert (stopping.best_epoch, stopping.stopped_epoch) == (5, None)


@pytest.mark.parametrize("weight, text", [(3e38, "inf"), (np.nan, "nan")])
def test_infinity_ends_training_like_nan(weight, text, capsys):
    model = compiled()
    model.set_weights([np.full((1, 1), weight), np.zeros(1)])
    model.fit(10 * X, X, 4, epochs=3, verbose=0, nan="ignore", callbacks=[TerminateOnNaN()])
    assert model.optimizer.iterations == 1
    assert f"the loss is {text} after batch 1" in capsys.readouterr().out


class Clock:
    """Time that passes by two seconds at every step, for the progress bar alone."""

    now = 100.0

    def monotonic(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def filled(line):
    """How many of the bar's cells are full, the head included, and how many there are."""
    cells = line[line.index("[") + 1 : line.index("]")]
    return len(cells.rstrip(".")), len(cells)


def test_the_bar_the_time_left_and_the_time_of_a_step(monkeypatch):
    """Ten steps of two seconds: after three, fourteen are left and three tenths of the cells are full."""
    clock, stream = Clock(), Terminal()
    monkeypatch.setattr(progress, "time", clock)
    bar = progress.ProgressBar(1, stream)
    bar.params = {"epochs": 3, "steps": 10, "samples": 99, "batch_size": 10, "device": "CPU", "validation_samples": 0}
    bar.on_train_begin({})
    bar.on_epoch_begin(1, {})
    for step in range(10):
        clock.now += 2
        bar.on_train_batch_end(step, {"loss": 0.5})
    clock.now += 1  # validation
    bar.on_epoch_end(1, {"loss": 0.25, "accuracy": 0.0005, "mse": 0.005})
    shown = stream.getvalue()
    assert shown.startswith("Training on 99 samples, batches of 10, CPU\nEpoch 2/3\n")
    bars = [part for part in shown.split("\r") if "[" in part]
    assert "3/10" in bars[2]
    assert "14s" in bars[2]
    for done in (1, 3, 10):
        full, cells = filled(bars[done - 1])
        assert full == cells * done // 10
    assert "10/10" in bars[-1]
    assert "21s" in bars[-1]
    assert "2.1s/step" in bars[-1]
    assert "loss: 0.2500" in bars[-1]
    assert "accuracy: 5.0000e-04" in bars[-1]
    assert "mse: 0.0050" in bars[-1]


def test_the_bar_is_not_redrawn_at_every_step(monkeypatch):
    """A thousand steps in a second: about five lines, as writing to a terminal takes longer than a step."""
    clock, stream = Clock(), Terminal()
    monkeypatch.setattr(progress, "time", clock)
    bar = progress.ProgressBar(1, stream)
    bar.params = {"epochs": 1, "steps": 1000, "samples": 1, "batch_size": 1, "device": "CPU"}
    bar.on_epoch_begin(0, {})
    for step in range(1000):
        clock.now += 0.001
        bar.on_train_batch_end(step, {"loss": 0.5})
    assert 4 <= stream.getvalue().count("\r") <= 6
