"""Callbacks of Keras 2.1: what they are told and when, what they print, and what they do."""

# ruff: noqa: NPY002  (the state that scripts seed)

from __future__ import annotations

import csv
import math
import sys
from typing import Any

import numpy as np
import pytest

from minidl import callbacks as today
from minidl.compat.keras import callbacks as old
from minidl.compat.keras.callbacks import (
    BaseLogger,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    RemoteMonitor,
    TensorBoard,
    TerminateOnNaN,
)
from minidl.compat.keras.layers import Dense
from minidl.compat.keras.models import Sequential, load_model
from minidl.compat.keras.names import forget
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, StateError

RNG = np.random.RandomState(0)
X, Y = RNG.rand(10, 3).astype("f"), RNG.randint(0, 2, 10)


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()
    np.random.seed(0)


def model(optimizer: Any = "sgd") -> Sequential:
    found = Sequential([Dense(1, input_shape=(3,), activation="sigmoid", kernel_initializer="ones")])
    found.compile(optimizer, "mse", metrics=["accuracy"])
    return found


class Stub:
    """A model for callbacks that only look at these."""

    def __init__(self) -> None:
        self.stop_training, self.saved = False, list[Any]()
        self.optimizer = type("Optimizer", (), {"learning_rate": 1.0})()

    def save(self, path: str, overwrite: bool) -> None:
        self.saved.append(path)

    def save_weights(self, path: str, overwrite: bool) -> None:
        self.saved.append(f"weights of {path}")


def told(callback: Callback, name: str, values: list[float], **others: float) -> Stub:
    """The model of a callback that was told these values, epoch by epoch, until it stopped."""
    stub = Stub()
    callback.set_model(stub)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {name: value, **others})
        if stub.stop_training:
            break
    callback.on_train_end()
    return stub


# -- moments -----------------------------------------------------------------------------------------------------------------


class Everything(Callback):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_train_begin(self, logs: Any = {}) -> None:  # noqa: B006  (as scripts write it)
        self.seen.append(("train begin", dict(logs)))

    def on_train_end(self, logs: Any = {}) -> None:  # noqa: B006
        self.seen.append(("train end", dict(logs)))

    def on_epoch_begin(self, epoch: int, logs: Any = {}) -> None:  # noqa: B006
        self.seen.append(("epoch begin", epoch, dict(logs)))

    def on_epoch_end(self, epoch: int, logs: Any = {}) -> None:  # noqa: B006
        self.seen.append(("epoch end", epoch, list(logs)))

    def on_batch_begin(self, batch: int, logs: Any = {}) -> None:  # noqa: B006
        self.seen.append(("begin", dict(logs)))

    def on_batch_end(self, batch: int, logs: Any = {}) -> None:  # noqa: B006
        self.seen.append(("end", batch, logs["size"], list(logs)))


def test_the_moments_and_their_logs() -> None:
    everything, net = Everything(), model()
    net.fit(X, Y, batch_size=4, epochs=1, verbose=0, validation_data=(X, Y), callbacks=[everything])
    of_batch = ["batch", "size", "loss", "acc"]
    assert everything.seen == [
        ("train begin", {}),
        ("epoch begin", 0, {}),
        *[item for batch, size in enumerate((4, 4, 2)) for item in
          (("begin", {"batch": batch, "size": size}), ("end", batch, size, of_batch))],
        ("epoch end", 0, ["val_loss", "val_acc", "loss", "acc"]),
        ("train end", {}),
    ]  # fmt: skip
    assert everything.model is net
    expected = {
        "epochs": 1, "nb_epoch": 1, "verbose": 0, "do_validation": True, "batch_size": 4, "steps": None, "samples": 10,
        "nb_sample": 10, "metrics": ["loss", "acc", "val_loss", "val_acc"],
    }  # fmt: skip
    assert everything.params == expected
    xs, ys, weights = everything.validation_data
    assert (xs.shape, ys.shape, weights.tolist()) == ((10, 3), (10, 1), [1.0] * 10)


def test_logs_of_a_batch_are_those_of_the_batch_alone() -> None:
    losses: list[float] = []
    accuracies: list[float] = []

    class Losses(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            losses.append(logs.get("loss"))
            accuracies.append(logs["acc"])

    def by_hand(net: Sequential) -> list[Any]:
        return [net.train_on_batch(X[start : start + 4], Y[start : start + 4]) for start in (0, 4, 8)]

    found = model().fit(X, Y, batch_size=4, shuffle=False, verbose=0, callbacks=[Losses()]).history
    expected = by_hand(model())
    assert losses == pytest.approx([loss for loss, _ in expected], rel=1e-6)
    assert accuracies == pytest.approx([accuracy for _, accuracy in expected])
    assert found["loss"][0] == pytest.approx(np.average(losses, weights=[4, 4, 2]), rel=1e-6)


def test_logs_may_be_added_to() -> None:
    class Adds(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["extra"] = epoch * 2

    history = model().fit(X, Y, epochs=2, verbose=0, callbacks=[Adds()])
    assert history.history["extra"] == [0, 2]
    assert isinstance(history, History)
    assert history.epoch == [0, 1]


def test_the_model_knows_its_history_while_it_trains() -> None:
    lengths: list[int] = []

    class Looks(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            lengths.append(len(self.model.history.epoch))

    net = model()
    history = net.fit(X, Y, epochs=3, verbose=0, callbacks=[Looks()])
    assert lengths == [0, 1, 2]
    assert net.history is history
    assert history.model is net


def test_training_ends_within_an_epoch() -> None:
    class Stops(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    assert model().fit(X, Y, batch_size=2, epochs=5, verbose=0, callbacks=[Stops()]).epoch == [0]


def test_things_with_the_methods_are_callbacks_and_so_are_those_of_minidl() -> None:
    class Duck(CallbackList):
        def __init__(self) -> None:
            super().__init__([Everything()])

    duck, own = Duck(), today.EarlyStopping("loss", patience=0)
    assert model().fit(X, Y, epochs=9, verbose=0, callbacks=(duck, None, own)).epoch != list(range(0))
    assert duck.callbacks[0].seen[0] == ("train begin", {})
    with pytest.raises(ArgumentTypeError, match="a list"):
        model().fit(X, Y, callbacks=EarlyStopping())


def test_what_callbacks_print_stands_before_the_last_line(capsys: Any) -> None:
    model().fit(X, Y, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: print("HERE"))])
    shown = capsys.readouterr().out
    assert shown.index("HERE") < shown.index("10/10")


def test_no_batch_costs_anything_where_nobody_looks() -> None:
    net = model()
    net.fit(X, Y, verbose=0, callbacks=[EarlyStopping("loss")])
    assert net._compiled_step().last is None
    assert net._compiled_step().keeps_last is False


# -- one by one --------------------------------------------------------------------------------------------------------------


def test_checkpoints(tmp_path: Any, capsys: Any) -> None:
    net = model()
    path = str(tmp_path / "w-{epoch:02d}-{val_acc:.2f}.hdf5")
    net.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[ModelCheckpoint(path, verbose=1)])
    names = sorted(file.name for file in tmp_path.iterdir())
    assert [name[:5] for name in names] == ["w-01-", "w-02-"]
    assert capsys.readouterr().out == "".join(
        f"Epoch 0000{n}: saving model to {tmp_path / name}\n" for n, name in enumerate(names, 1)
    )
    np.testing.assert_array_equal(load_model(tmp_path / names[1]).predict(X), net.predict(X))


@pytest.mark.parametrize(
    ("monitor", "mode", "values", "kept"),
    [
        ("val_loss", "auto", [3.0, 2.0, 2.5, 1.0], [0, 1, 3]),
        ("val_acc", "auto", [0.3, 0.2, 0.3, 0.4], [0, 3]),
        ("val_acc", "min", [0.3, 0.2, 0.3], [0, 1]),
        ("score", "max", [1.0, 2.0, 2.0], [0, 1]),
        ("val_loss", "auto", [float("nan"), 1.0], [1]),
    ],
)
def test_only_the_best_is_kept(monitor: str, mode: str, values: list[float], kept: list[int], capsys: Any) -> None:
    checkpoint = ModelCheckpoint("{epoch}", monitor, 1, save_best_only=True, mode=mode)
    assert told(checkpoint, monitor, values).saved == [str(epoch + 1) for epoch in kept]
    lines = capsys.readouterr().out.splitlines()
    best = math.inf if kept and "improved from inf" in "".join(lines) else -math.inf
    for epoch, (value, line) in enumerate(zip(values, lines)):
        text = f"{monitor} did not improve"
        if epoch in kept:
            text = f"{monitor} improved from {best:0.5f} to {value:0.5f}, saving model to {epoch + 1}"
            best = value
        assert line == f"Epoch {epoch + 1:05d}: {text}"


def test_checkpoints_of_weights_every_second_epoch() -> None:
    checkpoint = ModelCheckpoint("{epoch}", save_weights_only=True, period=2)
    assert told(checkpoint, "loss", [1.0] * 5).saved == ["weights of 2", "weights of 4"]
    with pytest.warns(RuntimeWarning, match="Can save best model only with val_loss available"):
        assert told(ModelCheckpoint("m", save_best_only=True), "loss", [1.0]).saved == []
    with pytest.raises(ArgumentError, match="'val_acc'"):
        told(ModelCheckpoint("{val_acc}"), "loss", [1.0])
    with pytest.warns(RuntimeWarning, match="fallback to auto mode"):
        assert ModelCheckpoint("m", mode="best").monitor_op is np.less


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({}, [3.0, 2.0, 2.0], 3),
        ({"patience": 1}, [3.0, 2.0, 2.0, 1.0], 3),
        ({"patience": 2}, [3.0, 2.0, 2.0, 1.0, 1.5, 1.5], 6),
        ({"min_delta": 0.5}, [3.0, 2.6], 2),
        ({"min_delta": 0.5}, [3.0, 2.4, 1.0], 9),
        ({"mode": "max"}, [1.0, 2.0, 1.5], 3),
        ({"mode": "max", "min_delta": 0.9}, [1.0, 2.0, 2.5], 3),
    ],
)
def test_early_stopping(options: Any, values: list[float], epochs: int, capsys: Any) -> None:
    stopping = EarlyStopping(verbose=1, **options)
    stub = told(stopping, "val_loss", values)
    assert stub.stop_training == (epochs <= len(values))
    assert capsys.readouterr().out == (f"Epoch {epochs:05d}: early stopping\n" if stub.stop_training else "")
    assert stopping.stopped_epoch == (epochs - 1 if stub.stop_training else 0)


def test_early_stopping_of_accuracies_and_of_what_is_not_there() -> None:
    assert told(EarlyStopping("val_acc"), "val_acc", [0.5, 0.6, 0.5]).stop_training
    assert not told(EarlyStopping("val_acc"), "val_acc", [0.5, 0.6]).stop_training
    with pytest.warns(RuntimeWarning, match="Early stopping conditioned on metric `val_loss` which is not available"):
        told(EarlyStopping(), "loss", [1.0])
    again = EarlyStopping("loss")
    assert told(again, "loss", [1.0, 2.0]).stop_training
    assert not told(again, "loss", [3.0, 2.0]).stop_training  # each training begins anew


def test_schedules(capsys: Any) -> None:
    net, rates = model(), []
    scheduler = LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    note = LambdaCallback(on_epoch_begin=lambda epoch, logs: rates.append(net.optimizer.learning_rate))
    net.fit(X, Y, epochs=3, verbose=0, callbacks=[scheduler, note])
    assert rates == [0.5, 0.25, 0.5 / 3]
    assert told(LearningRateScheduler(lambda epoch, rate: rate * 0.5), "loss", [1.0, 1.0]).optimizer.learning_rate == 0.25
    assert told(LearningRateScheduler(lambda epoch, rate=0.125: rate), "loss", [1.0]).optimizer.learning_rate == 0.125
    assert told(LearningRateScheduler(float, verbose=1), "loss", [1.0]).optimizer.learning_rate == 0.0
    assert capsys.readouterr().out == "\nEpoch 00001: LearningRateScheduler reducing learning rate to 0.0.\n"
    with pytest.raises(ArgumentError, match="a float"):
        told(LearningRateScheduler(lambda epoch: 1), "loss", [1.0])


@pytest.mark.parametrize(
    ("options", "values", "rate"),
    [
        ({"patience": 1}, [3.0, 2.0, 2.0, 2.0], 0.1),
        ({"patience": 1}, [3.0, 2.0, 2.0], 1.0),
        ({"patience": 0, "factor": 0.5}, [3.0, 3.0, 3.0], 0.25),
        ({"patience": 0, "factor": 0.5, "min_lr": 0.4}, [3.0] * 4, 0.4),
        ({"patience": 0, "factor": 0.5, "cooldown": 2}, [3.0] * 4, 0.25),
        ({"patience": 0, "epsilon": 1.5}, [3.0, 2.0], 0.1),
        ({"patience": 0, "min_delta": 1.5}, [3.0, 2.0], 0.1),
        ({"patience": 0, "mode": "max"}, [3.0, 3.5], 1.0),
        ({"patience": 0, "mode": "max", "epsilon": 0.6}, [3.0, 3.5], 0.1),
    ],
)
def test_rates_that_fall_on_a_plateau(options: Any, values: list[float], rate: float, capsys: Any) -> None:
    stub = told(ReduceLROnPlateau(verbose=1, **options), "val_loss", values)
    assert stub.optimizer.learning_rate == pytest.approx(rate)
    assert ("reducing learning rate to" in capsys.readouterr().out) == (rate < 1)


def test_plateaus_in_words(capsys: Any) -> None:
    told(ReduceLROnPlateau("loss", patience=0, factor=0.5, verbose=1), "loss", [1.0, 1.0])
    assert capsys.readouterr().out == "\nEpoch 00002: reducing learning rate to 0.5.\n"
    with pytest.warns(RuntimeWarning, match="Reduce LR on plateau conditioned on metric `val_loss`"):
        told(ReduceLROnPlateau(), "loss", [1.0])
    with pytest.raises(ArgumentError, match="below 1"):
        ReduceLROnPlateau(factor=1.0)
    with pytest.raises(TypeError, match="'eps'"):
        ReduceLROnPlateau(eps=1)
    history = model().fit(X, Y, epochs=2, verbose=0, callbacks=[ReduceLROnPlateau("loss")]).history
    assert history["lr"] == [0.01, 0.01]


def test_csv(tmp_path: Any) -> None:
    path = tmp_path / "log.csv"
    history = model().fit(X, Y, epochs=2, verbose=0, callbacks=[CSVLogger(path, separator=";")]).history
    rows = list(csv.reader(path.read_text().splitlines(), delimiter=";"))
    assert rows[0] == ["epoch", "acc", "loss"]
    assert [float(row[2]) for row in rows[1:]] == history["loss"]
    model().fit(X, Y, epochs=1, verbose=0, callbacks=[CSVLogger(path, ";", append=True)])
    rows = list(csv.reader(path.read_text().splitlines(), delimiter=";"))
    assert [row[0] for row in rows] == ["epoch", "0", "1", "0"]
    model().fit(X, Y, epochs=1, verbose=0, callbacks=[CSVLogger(path)])
    assert len(path.read_text().splitlines()) == 2
    logger = CSVLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"a": np.array([1, 2])})
    logger.on_epoch_end(1, {})
    logger.on_train_end()
    assert path.read_text().splitlines()[1:] == ['0,"""[1, 2]"""', "1,NA"]


def test_losses_that_are_no_numbers(capsys: Any) -> None:
    stub = Stub()
    callback = TerminateOnNaN()
    callback.set_model(stub)
    callback.on_batch_end(0, {"loss": 1.0})
    callback.on_batch_end(0, {})
    assert not stub.stop_training
    callback.on_batch_end(3, {"loss": math.inf})
    assert stub.stop_training
    assert capsys.readouterr().out == "Batch 3: Invalid loss, terminating training\n"


def test_functions_as_callbacks() -> None:
    calls: list[str] = []
    moments = ["on_train_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_epoch_end", "on_train_end"]
    functions = {name: lambda *given, name=name: calls.append(name) for name in moments}
    model().fit(X, Y, verbose=0, callbacks=[LambdaCallback(**functions)])
    assert calls == moments


def test_loggers_by_hand(capsys: Any) -> None:
    logger, bar = BaseLogger(), ProgbarLogger()
    params = {"metrics": ["loss"], "verbose": 1, "epochs": 1, "samples": 3, "steps": 2}
    both = CallbackList([logger])
    both.append(bar)
    both.set_params(params)
    both.on_train_begin()
    both.on_epoch_begin(0)
    for batch, (size, loss) in enumerate([(2, 1.0), (1, 4.0)]):
        both.on_batch_begin(batch)
        both.on_batch_end(batch, {"size": size, "loss": loss})
    logs: dict[str, float] = {"val_loss": 1.0}
    both.on_epoch_end(0, logs)
    both.on_train_end()
    assert logs["loss"] == 2.0
    assert capsys.readouterr().out.strip().split("\n")[-1].endswith("- loss: 2.0000")
    assert list(both) == [logger, bar]
    steps = ProgbarLogger("steps")
    steps.set_params({**params, "verbose": 0})
    steps.on_train_begin()
    steps.on_epoch_begin(0)
    assert steps.target == 2
    with pytest.raises(ArgumentError, match="'samples' or 'steps'"):
        ProgbarLogger("batches")


def test_the_remote_monitor_is_refused() -> None:
    with pytest.raises(StateError, match="CSVLogger"):
        RemoteMonitor(root="http://localhost")


def test_tensorboard(tmp_path: Any, monkeypatch: Any) -> None:
    written: list[Any] = []

    class Writer:
        def __init__(self, folder: str, filename_suffix: str) -> None:
            written.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, step))

        def add_histogram(self, name: str, values: Any, step: int) -> None:
            written.append((name, step))

        def flush(self) -> None:
            pass

        def close(self) -> None:
            written.append("closed")

    with pytest.warns(DataWarning, match="the graph, images of weights not written"):
        board = TensorBoard(str(tmp_path), histogram_freq=1, write_images=True)
    monkeypatch.setitem(sys.modules, "tensorboardX", type(sys)("tensorboardX"))
    sys.modules["tensorboardX"].SummaryWriter = Writer  # type: ignore[attr-defined]
    model().fit(X, Y, verbose=0, callbacks=[board])
    assert written == [
        f"{tmp_path}/",
        ("loss", 0),
        ("acc", 0),
        ("dense_1/W/histogram", 0),
        ("dense_1/b/histogram", 0),
        "closed",
    ]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.warns(DataWarning, match="Nothing is written for TensorBoard, training goes on"):
        assert model().fit(X, Y, verbose=0, callbacks=[TensorBoard(write_graph=False)]).epoch == [0]
    with pytest.raises(TypeError, match="'logdir'"):
        TensorBoard(logdir="x")


def test_every_name_of_2_1_is_there() -> None:
    assert sorted(old.__all__) == sorted(name for name, thing in vars(old).items() if isinstance(thing, type)
                                         and not name.startswith("_") and thing.__module__ == old.__name__)  # fmt: skip
