"""Over all callbacks: their configuration comes back, and each works in every kind of fit. A new one needs a line in CASES."""

import inspect
import json

import numpy as np
import pytest

from minidl import declared
from minidl.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgressBar,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
)
from minidl.layers import Dense
from minidl.models import Sequential
from tests.cases.classes import classes

X = np.ones((8, 1), np.float32)

# Arguments that are not the defaults, each of them, with which the callback works in the fits below.
CASES = {
    EarlyStopping: {
        "monitor": "loss",
        "min_delta": 0.5,
        "patience": 7,
        "verbose": 0,
        "mode": "max",
        "baseline": 0.5,
        "restore_best_weights": True,
        "start_from_epoch": 1,
    },
    ModelCheckpoint: {
        "filepath": "saved/{epoch:02d}-{loss:.3f}",
        "monitor": "loss",
        "verbose": 1,
        "save_best_only": True,
        "save_weights_only": True,
        "mode": "min",
        "save_freq": 2,
        "initial_value_threshold": 99.0,
        "restore_best_weights": True,
    },
    LearningRateScheduler: {"schedule": lambda epoch: 0.1, "verbose": 1},
    ReduceLROnPlateau: {
        "monitor": "loss",
        "factor": 0.5,
        "patience": 1,
        "verbose": 1,
        "mode": "max",
        "min_delta": 0.25,
        "cooldown": 1,
        "min_lr": 0.125,
    },
    CSVLogger: {"filename": "log.csv", "separator": ";", "append": True},
    TensorBoard: {"log_dir": "board", "histogram_freq": 1, "write_steps_per_second": True, "update_freq": 2},
    TerminateOnNaN: {"raise_error": True},
    History: {},
    LambdaCallback: {"on_epoch_end": lambda epoch, logs: None},
    ProgressBar: {"verbose": 0},
}
NO_PLAIN_ARGUMENTS = (LearningRateScheduler, LambdaCallback)  # functions
PRINTS = (ProgressBar,)  # its stream is no argument that could be written
NEEDED = {TensorBoard: "tensorboardX"}
OFF = {"write_graph", "write_images", "profile_batch", "embeddings_freq", "embeddings_metadata"}  # TensorBoard's, not offered


def made(cls):
    if cls in NEEDED:
        pytest.importorskip(NEEDED[cls], reason=f"{NEEDED[cls]} is not installed")
    return cls(**CASES[cls])


def compiled(seed=0.0):
    model = Sequential([Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    model.compile("sgd", "mse")
    model.set_weights([[[seed]], [seed]])
    return model


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


every = pytest.mark.parametrize("cls", CASES, ids=lambda cls: cls.__name__)


def test_every_callback_is_here():
    assert set(classes("callback").values()) == set(CASES)


@every
def test_every_argument_has_another_value_here(cls):
    if cls in (*PRINTS, LambdaCallback):
        return
    for name, parameter in inspect.signature(cls).parameters.items():
        assert name in OFF or CASES[cls][name] != parameter.default, f"{cls.__name__}: {name}"


@every
def test_configuration_comes_back(cls):
    """object -> config -> JSON -> object: equal arguments, and an equal text."""
    if cls in PRINTS:
        return
    callback = cls(**CASES[cls])
    if cls in NO_PLAIN_ARGUMENTS:
        with pytest.raises(TypeError, match=cls.__name__):
            callback.get_config()
        return
    config = json.loads(json.dumps(callback.get_config()))
    assert {name: config[name] for name in CASES[cls]} == CASES[cls]
    again = cls.from_config(config)
    assert again.get_config() == config
    assert repr(again) == repr(callback)
    assert declared.find_class("callback", declared.snake_case(cls.__name__)) is cls


@every
def test_the_text_makes_an_equal_object(cls):
    if cls in (*NO_PLAIN_ARGUMENTS, *PRINTS):
        return
    callback = cls(**CASES[cls])
    if cls is not History:
        assert eval(repr(callback), {cls.__name__: cls}).get_config() == callback.get_config()


@every
def test_one_fit_after_the_other_and_on_two_models(cls):
    """Whatever a callback remembers does not stand in the way of another fit or another model."""
    callback = made(cls)
    for model in (first := compiled(), compiled(1.0), first):
        model.fit(X, X, 4, epochs=3, initial_epoch=1, verbose=0, shuffle=False, callbacks=[callback])
    assert callback.model is first
    assert first.history.epoch == [1, 2]


@every
def test_with_validation_and_every_verbosity(cls, capsys):
    for verbose in (0, 1, 2):
        history = compiled().fit(X, X, 4, verbose=verbose, validation_split=0.5, callbacks=[made(cls)])
        assert "val_loss" in history.history
    assert capsys.readouterr().out


@every
def test_after_an_exception_it_works_again(cls):
    callback = made(cls)

    def fails(epoch, logs):
        raise ZeroDivisionError

    for moment in ("on_epoch_begin", "on_epoch_end", "on_train_batch_end", "on_train_begin"):
        function = fails if moment != "on_train_begin" else lambda logs: fails(0, logs)
        for callbacks in ([callback, LambdaCallback(**{moment: function})], [LambdaCallback(**{moment: function}), callback]):
            with pytest.raises(ZeroDivisionError):
                compiled().fit(X, X, 4, verbose=0, callbacks=callbacks)
    assert compiled().fit(X, X, 4, verbose=0, callbacks=[callback]).epoch == [0]


@every
def test_no_epoch_and_no_trouble(cls):
    assert compiled().fit(X, X, epochs=0, verbose=0, callbacks=[made(cls)]).epoch == []


@every
def test_a_callback_only_looks(cls):
    """None of them changes how a first epoch trains, the one that sets the rate aside."""
    if cls is LearningRateScheduler:
        return
    plain, looked_at = compiled(), compiled()
    for model, callbacks in ((plain, []), (looked_at, [made(cls)])):
        model.fit(X, 2 * X, 2, verbose=0, shuffle=False, callbacks=callbacks)
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), looked_at.get_weights()))


def test_a_callback_of_ones_own_keeps_its_arguments():
    class Mine(Callback):
        def __init__(self, size=3):
            self.size = size

    assert repr(Mine(4)) == "Mine(size=4)"
    assert Mine.from_config(Mine(4).get_config()).size == 4
