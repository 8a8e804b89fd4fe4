"""The line of progress fits the terminal: at any width, with any metrics, while the window is resized."""

import io
import os
import random
import re
import sys
import unicodedata

import numpy as np
import pytest

from minidl.callbacks import LambdaCallback, PassProgress, ProgressBar, progress
from minidl.layers import Dense
from minidl.models import Sequential

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)
PARAMS = {"epochs": 3, "steps": 1875, "samples": 60000, "validation_samples": 12000, "batch_size": 32}
PARAMS["device"] = "CPU (x86_64, NumPy 2.4.6)"


class Terminal(io.StringIO):
    """A stream with the width ``columns``, and the screen that a person would see.

    It wraps as terminals do: a letter in the last column leaves the cursor there, the next letter begins a new row.
    """

    encoding = "utf-8"

    def __init__(self, columns):
        super().__init__()
        self.columns, self.rows, self.row, self.column, self.widest = columns, [[]], 0, 0, 0

    def isatty(self):
        return True

    def fileno(self):
        return 12345

    def write(self, text):
        super().write(text)
        for part in text.replace("\x1b[K", "\x00"):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self.row, self.column = self.row + 1, 0
                self.rows.append([])
            elif part == "\x00":
                del self.rows[self.row][self.column :]
            else:
                cells = 2 if unicodedata.east_asian_width(part) in "WF" else 1
                if self.column + cells > self.columns:
                    self.row, self.column = self.row + 1, 0
                    self.rows.append([])
                row = self.rows[self.row]
                row += [" "] * (self.column + cells - len(row))
                row[self.column : self.column + cells] = [part, *[""] * (cells - 1)]
                self.column += cells
                self.widest = max(self.widest, self.column)

    def screen(self):
        return ["".join(row).rstrip() for row in self.rows]


@pytest.fixture
def terminal(monkeypatch):
    """Makes terminals; what is asked about the last one's size is answered by its own number."""
    made = []

    def make(columns):
        made.append(Terminal(columns))
        return made[-1]

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((made[-1].columns, 24)))
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_UPDATES", 0)
    return make


def epochs(stream, logs, steps=1875, count=2):
    """The bar of a training with these running values: some of the steps are shown, and the logs may change."""
    bar = ProgressBar(1, stream)
    bar.params = {**PARAMS, "steps": steps}
    bar.on_train_begin({})
    for epoch in range(count):
        bar.on_epoch_begin(epoch, {})
        for batch in range(0, steps, max(steps // 4, 1)):
            bar.on_train_batch_end(batch, logs(batch))
        bar.on_train_batch_end(steps - 1, logs(steps - 1))
        bar.on_epoch_end(epoch, {**logs(steps - 1), **{f"val_{name}": v for name, v in logs(0).items()}})
    bar.on_train_end({})
    return bar


NAMES = [
    "loss",
    "accuracy",
    "mean_squared_error",
    "正解率",
    "損失の平均",
    "ｗｉｄｅ",
    "Überschuß",
    "σ",
    "👍",
    "a" * 150,
    "tab\there",
]


@pytest.mark.parametrize("many", [0, 1, 2, 3, 5, 11])
def test_no_line_is_wider_than_the_terminal_and_none_stays(terminal, many):
    chance = random.Random(many)
    for columns in (20, *range(21 + many % 4, 201, 4)):
        names = ["loss", *chance.sample(NAMES[1:], many - 1)] if many else []
        scale = {name: chance.choice([1.0, 1e-5, 1e30, float("nan"), float("-inf"), 123.4]) for name in names}
        stream = terminal(columns)

        def logs(batch, scale=scale):
            return {name: v * chance.random() for name, v in scale.items()}

        epochs(stream, logs, chance.choice([3, 75, 1875]))
        assert stream.widest <= columns - 1
        begins = [line for line in stream.screen() if line.startswith("Epoch")]
        assert begins == ["Epoch 1/3", "Epoch 2/3"]
        shown = stream.screen()
        opening, second = shown.index("Epoch 1/3"), shown.index("Epoch 2/3")
        for closing in (shown[opening + 1 : second], shown[second + 1 : -1]):
            more = [line for line in closing if line.startswith("  ")]
            assert len(closing) == 1 + len(more), "one line for an epoch, and nothing of what it was before"
            assert more or not closing[0].endswith("..."), "what has no room there stands below"
        assert shown[-1] == ""
        assert " ".join(shown[:opening]).startswith("Training on 60000")


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 10, 19])
def test_even_smaller_terminals_keep_their_lines(terminal, columns):
    stream = terminal(columns)
    bar = ProgressBar(1, stream)
    bar.params = {**PARAMS, "steps": 3}
    bar.on_train_begin({})
    stream.rows, stream.row, stream.widest = [[]], 0, 0
    for batch in range(3):
        bar.on_train_batch_end(batch, {"loss": 0.5, "accuracy": 0.25})
    assert len(stream.screen()) == 1
    assert stream.widest <= columns - 1


def last_lines(terminal, columns, logs, steps=75):
    stream = terminal(columns)
    epochs(stream, lambda batch: dict(logs), steps)
    shown = stream.screen()
    return "\n".join(shown[shown.index("Epoch 2/3") + 1 : -1])


def test_the_least_useful_goes_first_and_numbers_without_room_below(terminal, monkeypatch):
    monkeypatch.setattr(progress, "clock", lambda seconds: "7s")
    monkeypatch.setattr(progress, "per_step", lambda seconds: "93ms/step")
    logs = {"loss": 0.5, "accuracy": 0.25}
    numbers = "loss: 0.5000 - accuracy: 0.2500 - val_loss: 0.5000 - val_accuracy: 0.2500"
    expected = {
        140: f"75/75 [{'=' * 30}] - 7s 93ms/step - {numbers}",
        120: f"75/75 [{'=' * 20}] - 7s 93ms/step - {numbers}",
        105: f"75/75 [{'=' * 5}] - 7s 93ms/step - {numbers}",
        104: f"75/75 - 7s 93ms/step - {numbers}",
        95: f"75/75 7s 93ms/step {numbers.replace(' -', '')}",
        80: f"75/75 7s {numbers.replace(' -', '')}",
        75: f"7s {numbers.replace(' -', '')}",
        60: "75/75 7s loss: 0.5000 accuracy: 0.2500 val_loss: 0.5000 ...\n  val_accuracy: 0.2500",
        43: "75/75 7s loss: 0.5000 accuracy: 0.2500 ...\n  val_loss: 0.5000 - val_accuracy: 0.2500",
        40: "7s loss: 0.5000 accuracy: 0.2500 ...\n  val_loss: 0.5000\n  val_accuracy: 0.2500",
        20: "7s loss: 0.5000 ...\n  accuracy: 0.2500\n  val_loss: 0.5000\n  val_accuracy: ...",
        17: "7s loss: 0.5000",
        12: "7s loss:...",
    }
    assert {columns: last_lines(terminal, columns, logs) for columns in expected} == expected


def test_while_it_runs_the_count_stays_longest(terminal, monkeypatch):
    monkeypatch.setattr(progress, "clock", lambda seconds: "7s")

    def line(columns):
        stream = terminal(columns)
        bar = ProgressBar(1, stream)
        bar.params = {**PARAMS, "steps": 200}
        bar.start("")
        bar.on_train_batch_end(49, {"loss": 0.5, "accuracy": 0.25})
        return stream.screen()[0]

    assert line(80) == " 50/200 [=====>...................] - ETA: 7s - loss: 0.5000 - accuracy: 0.2500"
    assert line(60) == " 50/200 [>....] - ETA: 7s - loss: 0.5000 - accuracy: 0.2500"
    assert line(59) == " 50/200 - ETA: 7s - loss: 0.5000 - accuracy: 0.2500"
    assert line(50) == " 50/200 ETA: 7s loss: 0.5000 accuracy: 0.2500"
    assert line(40) == " 50/200 loss: 0.5000 accuracy: 0.2500"
    assert line(30) == " 50/200 loss: 0.5000 ..."
    assert line(22) == "25% loss: 0.5000 ..."
    assert line(20) == "25% loss: 0.5000"


def test_a_resized_window_is_noticed(terminal):
    stream = terminal(120)
    bar = ProgressBar(1, stream)
    bar.params = {**PARAMS, "steps": 10}
    bar.start("")
    for batch, columns in enumerate([120, 120, 60, 30, 90]):
        stream.columns = columns
        stream.widest = 0
        bar.on_train_batch_end(batch, {"loss": 0.5, "accuracy": 0.25})
        assert stream.widest <= columns - 1
    assert stream.widest > 60
    shown = stream.screen()
    assert len(shown) == 3, "a terminal that becomes narrower breaks the line it has: the next goes below it"
    assert shown[-1].startswith(" 5/10 [===")


def test_without_the_escape_that_clears_a_line_the_screen_is_the_same(terminal, monkeypatch):
    """Windows' old console shows its letters; there blanks go over what was longer."""
    for columns in (20, 30, 45, 80, 200):
        screens = []
        for clears in ("\x1b[K", ""):
            monkeypatch.setattr(progress, "_TO_THE_END", clears)
            stream = terminal(columns)
            epochs(stream, lambda batch: {"loss": 1e9 if batch < 500 else 0.5, "正解率": 1 / (1 + batch)})
            assert ("\x1b" in stream.getvalue()) is bool(clears)
            assert stream.widest <= columns - 1
            screens.append(re.sub(r"\d+(ms|us|s)", "time", "\n".join(stream.screen())))
        assert screens[0] == screens[1]


def test_where_the_width_comes_from(monkeypatch):
    def no_terminal(number):
        raise OSError("not a terminal")

    stream = Terminal(33)
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((33 if number == 12345 else 44, 24)))
    monkeypatch.setenv("COLUMNS", "71")
    assert progress.columns(stream) == 71
    for nothing in ("", "0", "-5", "wide"):
        monkeypatch.setenv("COLUMNS", nothing)
        assert progress.columns(stream) == 33
    monkeypatch.delenv("COLUMNS")
    assert progress.columns(stream) == 33
    monkeypatch.setattr(sys, "__stdout__", Terminal(0))
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((0, 0)))
    assert progress.columns(stream) == 80, "some terminals say 0"
    monkeypatch.setattr(os, "get_terminal_size", no_terminal)
    assert progress.columns(stream) == progress.columns(io.StringIO()) == progress.columns(None) == 80


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_fit_evaluate_and_predict_in_a_terminal(terminal, monkeypatch, columns):
    monkeypatch.setattr(sys, "stdout", stream := terminal(columns))
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", ["accuracy", "mse"])
    model.fit(X, Y > 0.5, 4, epochs=2, validation_split=0.2)
    model.evaluate(X, Y > 0.5, 4)
    model.predict(X, 4, verbose=1)
    model.predict(X[:0], 4, verbose=1)
    assert stream.widest <= columns - 1
    lines = stream.screen()
    shown = " - ".join(line for line in lines[lines.index("Epoch 1/2") :] if line.startswith("  "))
    assert len([line for line in lines[lines.index("Epoch 1/2") :] if not line.startswith("  ")]) == 8
    assert shown.count("val_mse") == (0 if columns == 200 else 2), "what has no room in an epoch's line stands below it"
    assert lines[-3].startswith("5/5 ")
    assert lines[-2].startswith("1/1 ")


def test_a_log_is_not_cut(terminal, monkeypatch):
    terminal(20)
    stream = io.StringIO()
    epochs(stream, lambda batch: dict.fromkeys(NAMES[:-1], 0.5))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert all(f"{name}: 0.5000" in line for line in lines[1:] for name in NAMES[:-1])
    assert "\r" not in stream.getvalue()
    stream = PassProgress("evaluate", 10, 1)
    monkeypatch.setattr(stream._bar, "_output", out := io.StringIO())
    stream.finish({"loss": 0.5})
    assert out.getvalue().startswith("evaluate - 0s ")
    assert out.getvalue().endswith("/step - loss: 0.5000\n")


def test_an_epoch_that_was_stopped_says_how_far_it_came(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream := terminal(100))
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")

    def stop(batch, logs):
        model.stop_training = batch == 1

    model.fit(X, Y, 4, callbacks=[LambdaCallback(on_train_batch_end=stop)])
    assert stream.screen()[-2].startswith("2/5 [===========>..................] - ")


def test_after_an_exception_a_new_line_begins(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream := terminal(100))
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")

    def fail(batch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, 4, callbacks=[LambdaCallback(on_train_batch_end=fail)])
    assert stream.getvalue().endswith("\x1b[K\n")
    model.fit(X, Y, 4)
    assert not stream.getvalue().endswith("\n\n")
