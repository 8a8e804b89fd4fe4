"""Checkpoints: which epochs are saved under which names, what comes back, and what is refused before training."""

import errno
import os
import shutil

import numpy as np
import pytest

from minidl.callbacks import Callback, LambdaCallback, ModelCheckpoint
from minidl.callbacks.file_names import FileName
from minidl.layers import Dense
from minidl.models import Sequential

X = np.ones((8, 1), np.float32)


def compiled():
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse")
    return model


class Feed(Callback):
    """Gives the epochs these values, in the logs of epochs and of batches, and marks the weights with the epoch."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name = values, name

    def on_train_begin(self, logs):
        if self.name not in self.params["metrics"]:
            self.params["metrics"].append(self.name)

    def on_epoch_begin(self, epoch, logs):
        self.model.set_weights([np.full_like(w, epoch) for w in self.model.get_weights()])

    def on_epoch_end(self, epoch, logs):
        self.on_epoch_begin(epoch, logs)
        if self.values[epoch] is not None:
            logs[self.name] = self.values[epoch]


def fed(checkpoint, values, model=None, name="val_loss", **arguments):
    model = model or compiled()
    model.fit(X, X, 2, epochs=len(values), verbose=0, callbacks=[Feed(values, name), checkpoint], **arguments)
    return model


def mark(model):
    return model.get_weights()[1][0]


def of_file(path):
    model = compiled()
    model.load_weights(path)
    return mark(model)


# -- which epochs, under which names ----------------------------------------------------------------------------------------


def test_a_file_for_every_epoch_with_fields_in_its_name(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.2f}.safetensors", save_weights_only=True)
    fed(checkpoint, [0.5, 0.126, 0.25])
    names = ["01-0.50.safetensors", "02-0.13.safetensors", "03-0.25.safetensors"]
    assert sorted(os.listdir(tmp_path / "new")) == names  # and no temporary file
    assert [of_file(tmp_path / "new" / name) for name in names] == [0, 1, 2]
    assert checkpoint.saved_path == str(tmp_path / "new" / names[2])
    assert (checkpoint.best, checkpoint.best_epoch, checkpoint.best_path) == (0.126, 1, str(tmp_path / "new" / names[1]))


@pytest.mark.parametrize(
    "values, arguments, saved",  # recorded from Keras 3.15.1, in epochs counted from 0
    [
        ([3, 2, 2, 1, 4], {}, [0, 1, 3]),
        ([3, 2, 2, 1, 4], {"mode": "max"}, [0, 4]),
        ([3, 2, 2, 1, 4], {"mode": "min"}, [0, 1, 3]),
        ([3, 2, 2, 1, 4], {"save_best_only": False}, [0, 1, 2, 3, 4]),
        ([3, 2, 2, 1, 4], {"initial_value_threshold": 2}, [3]),
        ([3, 2, 2, 1, 4], {"initial_value_threshold": 3.5, "mode": "max"}, [4]),
        ([3, 2, 2, 1, 4], {"initial_value_threshold": 0.5}, []),
        ([3, np.nan, 2, np.nan], {}, [0, 2]),
        ([np.nan, 3, np.inf, 2], {}, [1, 3]),  # Keras saves NaN as the best of all, and nothing afterwards
        ([3, None, 2, None, 4], {}, [0, 2]),  # Keras warns and saves epochs without a value too
    ],
)
def test_only_what_is_better_than_ever_is_saved(tmp_path, values, arguments, saved):
    arguments = {"save_best_only": True, "save_weights_only": True, **arguments}
    fed(ModelCheckpoint(tmp_path / "{epoch}", "val_loss", **arguments), values)
    assert sorted(os.listdir(tmp_path)) == [str(epoch + 1) for epoch in saved]


def test_accuracies_are_better_when_larger(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "best", "val_accuracy", save_best_only=True, save_weights_only=True)
    fed(checkpoint, [0.5, 0.75, 0.625], name="val_accuracy")
    assert of_file(tmp_path / "best") == 1


@pytest.mark.parametrize(
    "freq, saved",  # four batches in each of three epochs; recorded from Keras 3.15.1: batches are counted on
    [(1, [11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 34]), (3, [13, 22, 31, 34]), (4, [14, 24, 34]), (5, [21, 32]), (13, [])],
)
def test_files_every_few_batches(tmp_path, freq, saved):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}{batch}", "loss", save_weights_only=True, save_freq=freq)
    fed(checkpoint, [1, 2, 3], name="mine")
    assert sorted(map(int, os.listdir(tmp_path))) == saved


def test_batches_are_saved_with_their_logs_and_only_read_when_they_are(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "{batch}-{loss:.3f}", "loss", save_weights_only=True, save_freq=2)
    losses, model = [], compiled()
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    model.fit(X, X, 2, verbose=0, callbacks=[checkpoint, look])
    assert sorted(os.listdir(tmp_path)) == [f"2-{losses[1]:.3f}", f"4-{losses[3]:.3f}"]


def test_the_whole_model_is_saved_by_its_own_method(tmp_path):
    saved, model = [], compiled()
    model.save = saved.append
    fed(ModelCheckpoint(tmp_path / "{epoch}.safetensors"), [2, 1], model)
    assert saved == [str(tmp_path / f"{epoch}.safetensors") for epoch in (1, 2)]
    assert os.listdir(tmp_path) == []


def test_an_epoch_without_a_value_that_the_name_needs_is_not_saved(tmp_path, capsys):
    fed(ModelCheckpoint(tmp_path / "{epoch}-{val_loss}", verbose=1, save_weights_only=True), [2, None, 1])
    assert sorted(os.listdir(tmp_path)) == ["1-2", "3-1"]
    assert "epoch 2: not saved, as the name of the file needs val_loss." in capsys.readouterr().out


def test_a_path_without_a_folder_is_in_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fed(ModelCheckpoint("here", save_weights_only=True), [1])
    assert os.listdir(tmp_path) == ["here"]


def test_a_folder_may_depend_on_fields(tmp_path):
    fed(ModelCheckpoint(tmp_path / "{epoch}" / "w", save_weights_only=True), [1, 2])
    assert [of_file(tmp_path / str(epoch) / "w") for epoch in (1, 2)] == [0, 1]


# -- what it says -----------------------------------------------------------------------------------------------------------


def test_lines_of_what_was_saved(tmp_path, capsys):
    path = str(tmp_path / "w")
    fed(ModelCheckpoint(path, verbose=1, save_best_only=True, save_weights_only=True), [2, 1.5, 1.75])
    lines = [
        f"epoch 1: val_loss improved to 2, saved to {path}",
        f"epoch 2: val_loss improved from 2 to 1.5, saved to {path}",
        "epoch 3: val_loss did not improve from 1.5 (now 1.75)",
    ]
    assert capsys.readouterr().out.splitlines() == [f"ModelCheckpoint: {line}." for line in lines]
    fed(ModelCheckpoint(path, "loss", 1, save_weights_only=True, save_freq=3), [1], name="mine")
    assert capsys.readouterr().out == f"ModelCheckpoint: epoch 1, batch 3: saved to {path}.\n"
    fed(ModelCheckpoint(path, save_best_only=True, save_weights_only=True), [2, 1.5, 1.75])
    assert capsys.readouterr().out == ""


# -- getting the best back ----------------------------------------------------------------------------------------------------


def test_the_best_comes_back_from_its_file(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "best", save_best_only=True, save_weights_only=True)
    model = fed(checkpoint, [3, 1, 2])
    assert mark(model) == 2
    checkpoint.restore()
    assert mark(model) == 1


@pytest.mark.parametrize("name, best_only", [("best", True), ("{epoch}", False)])
def test_the_best_comes_back_at_the_end(tmp_path, name, best_only, capsys):
    checkpoint = ModelCheckpoint(
        tmp_path / name, verbose=1, save_best_only=best_only, save_weights_only=True, restore_best_weights=True
    )
    assert mark(fed(checkpoint, [3, 1, 2])) == 1
    assert capsys.readouterr().out.endswith("ModelCheckpoint: the weights are those of epoch 2 again (val_loss 1).\n")


def test_a_best_that_was_overwritten_cannot_come_back(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "same", save_weights_only=True)
    model = fed(checkpoint, [3, 1])
    checkpoint.restore()  # the last one is the best
    fed(checkpoint, [3, 0.5, 2], model)
    assert checkpoint.best_path is None
    with pytest.raises(
        RuntimeError, match=r"restore.*best epoch \(2\) that a later one took the place of.*save_best_only=True"
    ):
        checkpoint.restore()
    with pytest.raises(RuntimeError, match=r"restore.*no file"):
        ModelCheckpoint(tmp_path / "none").restore()
    with pytest.raises(ValueError, match=r"restore_best_weights=True.*save_best_only=True"):
        ModelCheckpoint(tmp_path / "same", restore_best_weights=True)


def test_the_best_comes_back_where_training_ends_by_an_exception(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "w", save_best_only=True, save_weights_only=True, restore_best_weights=True)

    def fails(epoch, logs):
        if epoch == 2:
            raise ZeroDivisionError

    model = compiled()
    callbacks = [Feed([3, 1, 2]), checkpoint, LambdaCallback(on_epoch_begin=fails)]
    with pytest.raises(ZeroDivisionError):
        model.fit(X, X, epochs=3, verbose=0, callbacks=callbacks)
    assert mark(model) == 1


def test_a_fit_that_does_not_begin_brings_nothing_back(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "w", save_best_only=True, save_weights_only=True, restore_best_weights=True)
    model = fed(checkpoint, [3, 1, 2])
    model.set_weights([np.full((1, 1), 7), np.full(1, 7)])
    with pytest.raises(ValueError, match="monitor='val_loss'"):
        model.fit(X, X, verbose=0, callbacks=[checkpoint])

    def fails(logs):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(X, X, verbose=0, callbacks=[Feed([1]), checkpoint, LambdaCallback(on_train_begin=fails)])
    assert mark(model) == 7


def test_another_fit_goes_on_and_another_model_starts_anew(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "w", save_best_only=True, save_weights_only=True)
    model = fed(checkpoint, [3, 1])
    fed(checkpoint, [2, 1.5], model)
    assert (of_file(tmp_path / "w"), checkpoint.best) == (1, 1)
    fed(checkpoint, [None, None, 0.5], model)
    assert of_file(tmp_path / "w") == 2
    fed(checkpoint, [4])
    assert (of_file(tmp_path / "w"), checkpoint.best, checkpoint.best_epoch) == (0, 4, 0)


def test_epochs_are_counted_from_the_first_one_of_all(tmp_path):
    fed(ModelCheckpoint(tmp_path / "{epoch}", save_weights_only=True), [None, None, 1, 2], initial_epoch=2)
    assert sorted(os.listdir(tmp_path)) == ["3", "4"]


# -- what is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"filepath": "{epoch"}, ["filepath='{epoch'", "{{"]),
        ({"filepath": "epoch}"}, ["filepath='epoch}'", "{{"]),
        ({"filepath": "{}"}, ["field {}", "{epoch:02d}"]),
        ({"filepath": "{0}"}, ["field {0}", "{epoch:02d}"]),
        ({"filepath": "{epoch!r}"}, ["field {epoch!r}"]),
        ({"filepath": "{epoch:{batch}}"}, ["field {epoch:{batch}}"]),
        ({"filepath": "{epoch:.2q}"}, ["field {epoch:.2q}", "format"]),
        ({"filepath": "{val_loss:02d}"}, ["field {val_loss:02d}", "format"]),
        ({"filepath": "{epoch:/>4}"}, ["field {epoch:/>4}", "'///1'", "without separators"]),
        ({"filepath": "{val_loss:\\>9}"}, ["without separators"]),
        ({"filepath": "{batch}"}, ["{batch}", "save_freq"]),
        ({"filepath": ""}, ["filepath=''"]),
        ({"filepath": None}, ["filepath=None"]),
        ({"filepath": 3}, ["filepath=3"]),
        ({"filepath": "x", "save_freq": "batch"}, ["save_freq='batch'", "'epoch'"]),
        ({"filepath": "x", "save_freq": 0}, ["save_freq=0"]),
        ({"filepath": "x", "verbose": 2}, ["verbose=2"]),
        ({"filepath": "x", "mode": "mx"}, ["mode='mx'", "'max'"]),
        ({"filepath": "x", "monitor": None}, ["monitor=None"]),
        ({"filepath": "x", "save_best_only": 1}, ["save_best_only=1"]),
        ({"filepath": "x", "save_weights_only": 1}, ["save_weights_only=1"]),
        ({"filepath": "x", "restore_best_weights": 1}, ["restore_best_weights=1"]),
        ({"filepath": "x", "initial_value_threshold": "1"}, ["initial_value_threshold='1'"]),
    ],
)
def test_arguments_that_make_no_sense(arguments, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        ModelCheckpoint(**arguments)
    assert all(word in str(raised.value) for word in ["ModelCheckpoint", *words]), raised.value


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"filepath": "{vall_loss}"}, ["{vall_loss}", "epoch, loss, val_loss", "Did you mean 'val_loss'"]),
        ({"filepath": "{epoch.__class__}"}, ["{epoch.__class__}", "one of epoch"]),
        ({"filepath": "{epoch[0]}"}, ["{epoch[0]}", "one of epoch"]),
        ({"filepath": "{val_loss}", "save_freq": 2}, ["{val_loss}", "save_freq='epoch'"]),
        ({"filepath": "x", "monitor": "acc", "save_best_only": True}, ["monitor='acc'", "one of loss, val_loss"]),
        ({"filepath": "x", "save_best_only": True, "save_freq": 2}, ["monitor='val_loss'", "save_freq='epoch'"]),
    ],
)
def test_names_that_the_logs_will_not_hold_are_refused_before_training(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    model = compiled()
    with pytest.raises(ValueError) as raised:
        model.fit(X, X, validation_split=0.5, verbose=0, callbacks=[ModelCheckpoint(**arguments)])
    assert all(word in str(raised.value) for word in words), raised.value
    assert model.optimizer.iterations == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments", [{"filepath": "{val_loss}"}, {"filepath": "x", "save_best_only": True}])
def test_without_validation_the_fix_is_validation(arguments):
    with pytest.raises(ValueError, match=r"val_loss.*validation_split=0.2"):
        compiled().fit(X, X, verbose=0, callbacks=[ModelCheckpoint(**arguments)])


def test_a_monitor_that_is_not_needed_need_not_exist(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "w", save_weights_only=True)
    compiled().fit(X, X, verbose=0, callbacks=[checkpoint])
    assert (checkpoint.best, checkpoint.best_path, checkpoint.saved_path) == (None, None, str(tmp_path / "w"))


def fails_before_training(checkpoint, error, match):
    model = compiled()
    with pytest.raises(error, match=match):
        model.fit(X, X, verbose=0, callbacks=[checkpoint])
    assert model.optimizer.iterations == 0


def test_a_file_that_cannot_be_written_is_noticed_before_training(tmp_path, monkeypatch):
    checkpoint = ModelCheckpoint(tmp_path / "w", save_weights_only=True)
    fails_before_training(ModelCheckpoint(tmp_path, save_weights_only=True), IsADirectoryError, "ModelCheckpoint")
    (tmp_path / "file").write_text("mine")
    fails_before_training(ModelCheckpoint(tmp_path / "file" / "w", save_weights_only=True), OSError, "file")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, mode: False)
        fails_before_training(checkpoint, PermissionError, "ModelCheckpoint cannot write")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 93, 7))
        fails_before_training(checkpoint, OSError, "8 bytes for each file, but only 7 are free")
    compiled().fit(X, X, verbose=0, callbacks=[checkpoint])


def test_a_disk_that_is_full_in_the_middle_leaves_the_file_before(tmp_path, monkeypatch):
    path, model = tmp_path / "w", compiled()

    def full(epoch, logs):
        if epoch == 1:
            monkeypatch.setattr(os, "fsync", fails)

    def fails(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoint = ModelCheckpoint(path, save_weights_only=True)
    callbacks = [Feed([1, 1, 1]), LambdaCallback(on_epoch_begin=full), checkpoint]
    with pytest.raises(OSError, match=r"No space left on device.*w"):
        model.fit(X, X, 2, epochs=3, verbose=0, callbacks=callbacks)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["w"]
    assert of_file(path) == 0
    assert model.optimizer.iterations == 8


# -- names of files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["../../etc/passwd", "..", None, [1], {"a": 1}])
def test_only_numbers_get_into_a_name(value):
    with pytest.raises(TypeError, match=r"field \{note\}.*a number"):
        FileName("{note}", "here").path({"note": value})


@pytest.mark.parametrize(
    "pattern, values, path",
    [
        ("{{a}}{epoch}", {"epoch": 3}, "{a}3"),
        ("{a/b:.1f}{c.d}{e[f]}", {"a/b": 0.25, "c.d": 1, "e[f]": np.float32(0.5)}, "0.210.5"),
        ("{loss}", {"loss": float("inf")}, "inf"),
        ("plain", {}, "plain"),
    ],
)
def test_fields_are_whole_names(pattern, values, path):
    name = FileName(pattern, "here")
    name.check(list(values))
    assert name.path(values) == path


@pytest.mark.parametrize(
    "pattern, folder", [("a/b/c{epoch}", "a/b"), ("c", ""), ("a/{epoch}/c", None), ("{epoch}/c", None), ("/{epoch}", "/")]
)
def test_a_folder_that_is_known_before_training(pattern, folder):
    assert FileName(pattern, "here").folder == folder
