"""The file of CSVLogger: its columns, its digits, and that its lines are whole."""

import csv
import errno
import os

import numpy as np
import pytest

from minidl.callbacks import Callback, CSVLogger, LambdaCallback, LearningRateScheduler
from minidl.layers import Dense
from minidl.models import Sequential

X = np.ones((8, 1), np.float32)


def compiled():
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", "mse", ["accuracy"])
    return model


class Feed(Callback):
    """Replaces the logs of the epochs by these."""

    def __init__(self, *epochs, names=()):
        self.epochs, self.names = epochs, names

    def on_train_begin(self, logs):
        self.params["metrics"][:] = self.names

    def on_epoch_end(self, epoch, logs):
        logs.clear()
        logs.update(self.epochs[epoch])


def written(logger, *epochs, names=(), **arguments):
    """The text of the file when the epochs had these logs."""
    feed = Feed(*epochs, names=names)
    compiled().fit(X, X, epochs=len(epochs), verbose=0, callbacks=[feed, logger], **arguments)
    with open(logger.filename, newline="", encoding="utf-8") as file:
        return file.read()


def test_a_line_for_each_epoch(tmp_path):
    logger = CSVLogger(tmp_path / "new" / "log.csv")
    history = compiled().fit(X, X, epochs=3, initial_epoch=1, validation_split=0.5, verbose=0, callbacks=[logger]).history
    with open(logger.filename, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values, "to the last digit"


def test_numbers_with_all_their_digits(tmp_path):
    logs = {
        "a": 0.1 + 0.2,
        "b": np.float64(1 / 3),
        "c": np.float32(0.1),
        "d": 1e-300,
        "e": float("nan"),
        "f": 3,
        "g": np.int64(4),
    }
    text = written(CSVLogger(tmp_path / "log"), logs)
    assert text == "epoch,a,b,c,d,e,f,g\n0,0.30000000000000004,0.3333333333333333,0.10000000149011612,1e-300,nan,3,4\n"


def test_what_is_no_plain_number_stays_one_field(tmp_path):
    text = written(CSVLogger(tmp_path / "log"), {'a,"b"': 1.5, "matrix": np.eye(2), "text": "x, y"})
    assert text == 'epoch,"a,""b""",matrix,text\n0,1.5,"[[1.0, 0.0], [0.0, 1.0]]","x, y"\n'


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(tmp_path, separator):
    text = written(CSVLogger(tmp_path / "log", separator), {"a": 0.5, f"b{separator}": 1})
    assert text == f'epoch,a,"b{separator}"\n0,0.5,1\n'.replace(",", separator)


def test_values_that_come_every_second_epoch_have_a_column_from_the_start(tmp_path):
    epochs = [{"loss": 1.0}, {"loss": 0.5, "val_loss": 2.0}, {"loss": 0.25}]
    assert written(CSVLogger(tmp_path / "log"), epochs[0], names=["loss", "val_loss"]) == "epoch,loss,val_loss\n0,1.0,NA\n"
    text = written(CSVLogger(tmp_path / "log"), *epochs, names=["loss", "val_loss"])
    assert text == "epoch,loss,val_loss\n0,1.0,NA\n1,0.5,2.0\n2,0.25,NA\n"


def test_a_value_that_nobody_announced_gets_a_column(tmp_path):
    logger = CSVLogger(tmp_path / "log")
    assert written(logger, {"b": 1}, {"b": 2, "a": 3}, {"b": 4}) == "epoch,b,a\n0,1,NA\n1,2,3\n2,4,NA\n"
    assert os.listdir(tmp_path) == ["log"]


@pytest.mark.parametrize("order, header", [(1, "epoch,accuracy,learning_rate,loss"), (-1, "epoch,accuracy,loss")])
def test_what_callbacks_in_front_add_has_a_column(tmp_path, order, header):
    callbacks = [LearningRateScheduler(lambda epoch: 0.5), CSVLogger(tmp_path / "log")]
    compiled().fit(X, X, verbose=0, callbacks=callbacks[::order])
    assert (tmp_path / "log").read_text().splitlines()[0] == header


def test_another_fit_begins_a_new_file_or_goes_on(tmp_path):
    for append, lines in ((False, "0,3\n"), (True, "0,1\n1,2\n0,3\n")):
        logger = CSVLogger(tmp_path / f"log{append}", append=append)
        written(logger, {"a": 1}, {"a": 2})
        assert written(logger, {"a": 3}) == f"epoch,a\n{lines}"
        assert logger._stream is None, "closed"


def test_a_file_that_is_there_is_appended_to_in_its_own_order(tmp_path):
    (tmp_path / "log").write_text("epoch,b,a\n0,1,2\n")
    assert written(CSVLogger(tmp_path / "log", append=True), {"a": 3, "b": 4}) == "epoch,b,a\n0,1,2\n0,4,3\n"
    text = written(CSVLogger(tmp_path / "log", append=True), {"c": 5, "b": 6})
    assert text == "epoch,b,a,c\n0,1,2,NA\n0,4,3,NA\n0,6,NA,5\n"
    (tmp_path / "empty").touch()
    assert written(CSVLogger(tmp_path / "empty", append=True), {"a": 1}) == "epoch,a\n0,1\n"


def test_a_line_that_somebody_left_unfinished_is_ended(tmp_path):
    (tmp_path / "log").write_text("epoch,a\n0,1\n1,2")
    assert written(CSVLogger(tmp_path / "log", append=True), {"a": 3}) == "epoch,a\n0,1\n1,2\n0,3\n"


def test_a_file_of_something_else_is_not_appended_to(tmp_path):
    (tmp_path / "log").write_text("a diary\n")
    model = compiled()
    with pytest.raises(ValueError, match=r"CSVLogger.*append=True.*'a diary'.*append=False"):
        model.fit(X, X, verbose=0, callbacks=[CSVLogger(tmp_path / "log", append=True)])
    assert model.optimizer.iterations == 0
    assert (tmp_path / "log").read_text() == "a diary\n"


def test_lines_reach_the_file_at_once(tmp_path):
    logger, seen = CSVLogger(tmp_path / "log"), []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((tmp_path / "log").read_text().count("\n")))
    compiled().fit(X, X, epochs=3, verbose=0, callbacks=[logger, look])
    assert seen == [2, 3, 4]


def test_the_file_before_stays_until_an_epoch_has_ended(tmp_path):
    logger = CSVLogger(tmp_path / "log")
    before = written(logger, {"a": 1})

    def fails(epoch, logs):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compiled().fit(X, X, verbose=0, callbacks=[logger, LambdaCallback(on_epoch_begin=fails)])
    assert (tmp_path / "log").read_text() == before
    assert logger._stream is None


class Full:
    """A file on a disk that is full after some bytes of a line; or that raises."""

    def __init__(self, file, bytes_left):
        self.file, self.bytes_left = file, bytes_left

    def write(self, text):
        if self.bytes_left is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(text[: self.bytes_left])

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("bytes_left", [0, 2, None])
def test_a_full_disk_leaves_whole_lines(tmp_path, bytes_left):
    logger = CSVLogger(tmp_path / "log")

    def fill(epoch, logs):
        if epoch == 1:
            logger._stream = Full(logger._stream, bytes_left)

    model = compiled()
    callbacks = [Feed({"a": 1}, {"a": 22222}), LambdaCallback(on_epoch_begin=fill), logger]
    with pytest.raises(OSError, match=r"No space left on device.*log"):
        model.fit(X, X, epochs=2, verbose=0, callbacks=callbacks)
    assert (tmp_path / "log").read_text() == "epoch,a\n0,1\n"


def test_a_file_that_cannot_be_opened_is_noticed_before_training(tmp_path):
    model = compiled()
    with pytest.raises(OSError, match=str(tmp_path)):
        model.fit(X, X, verbose=0, callbacks=[CSVLogger(tmp_path)])
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("",), "filename=''"),
        ((None,), "filename=None"),
        (("x", ""), "separator=''"),
        (("x", ", "), "separator=', '"),
        (("x", '"'), "separator="),
        (("x", "\n"), "separator="),
        (("x", ",", 1), "append=1"),
    ],
)
def test_arguments_that_make_no_sense(arguments, word):
    with pytest.raises((ValueError, TypeError), match="CSVLogger") as raised:
        CSVLogger(*arguments)
    assert word in str(raised.value)
