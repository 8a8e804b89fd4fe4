"""The progress bar of Keras 2.1, against what the lectures print and against a second writing of its rules."""

# ruff: noqa: UP031  (a second writing of the rules should not look like the first)

from __future__ import annotations

import io
import math
import re
import sys
from typing import Any

import numpy as np
import pytest

from minidl.compat.keras import progress
from minidl.compat.keras.layers import Activation, Dense
from minidl.compat.keras.models import Sequential
from minidl.compat.keras.names import forget
from minidl.compat.keras.progress import PassBar, Progbar


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: Any) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    return found


@pytest.fixture(autouse=True)
def anew() -> None:
    forget()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def line_of_2_1(current: int, target: int, elapsed: float, values: list[tuple[str, float]]) -> str:
    """The rules of Keras 2.1.1, written once more from its description."""
    digits = math.floor(math.log10(target)) + 1
    cells = int(30 * current / target)
    bar = "=" * (cells - 1) + ("" if not cells else "=" if current == target else ">") + "." * (30 - cells)
    each = elapsed / current
    if current < target:
        left = each * (target - current)
        text = "%ds" % left
        if left > 60:
            text = "%d:%02d" % (left // 60, left % 60)
        if left > 3600:
            text = "%d:%02d:%02d" % (left // 3600, (left % 3600) // 60, left % 60)
        text = f"ETA: {text}"
    else:
        unit = (
            "%.0fs/step" % each if each >= 1 else "%.0fms/step" % (each * 1e3) if each >= 1e-3 else "%.0fus/step" % (each * 1e6)
        )
        text = "%.0fs %s" % (elapsed, unit)
    numbers = "".join(" - %s: %s" % (n, ("%.4f" if abs(v) > 1e-3 else "%.4e") % v) for n, v in values)
    return ("%%%dd/%%d [%%s] - %%s%%s" % digits) % (current, target, bar, text, numbers)


@pytest.mark.parametrize(
    ("current", "target", "elapsed", "values", "line"),
    [
        (128, 60000, 0.7606, [("loss", 2.5313), ("acc", 0.0625)],
         "  128/60000 [..............................] - ETA: 5:55 - loss: 2.5313 - acc: 0.0625"),
        (48000, 48000, 0.672, [("loss", 0.276), ("acc", 0.9227), ("val_loss", 0.2747), ("val_acc", 0.9234)],
         "48000/48000 [==============================] - 1s 14us/step - loss: 0.2760 - acc: 0.9227"
         " - val_loss: 0.2747 - val_acc: 0.9234"),
        (10000, 10000, 41.3, [], "10000/10000 [==============================] - 41s 4ms/step"),
        (32, 10000, 0.0, [], "   32/10000 [..............................] - ETA: 0s"),
        (48000, 48000, 4.224, [("loss", 3.4055e-4), ("acc", 1.0)],
         "48000/48000 [==============================] - 4s 88us/step - loss: 3.4055e-04 - acc: 1.0000"),
        (1, 3, 4000.0, [("loss", -0.5)], "1/3 [=========>....................] - ETA: 2:13:20 - loss: -0.5000"),
        (2, 2, 3.0, [("loss", -1e-3)], "2/2 [==============================] - 3s 2s/step - loss: -1.0000e-03"),
    ],
)  # fmt: skip
def test_lines(clock: Clock, capsys: Any, current: int, target: int, elapsed: float, values: Any, line: str) -> None:
    bar = Progbar(target)
    clock.now += elapsed
    bar.update(current, values)
    shown = capsys.readouterr().out
    assert shown == f"\n{line}" + ("\n" if current == target else "")
    assert line_of_2_1(current, target, elapsed, values) == line


@pytest.mark.parametrize("seed", range(20))
def test_lines_drawn_at_random(clock: Clock, capsys: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = int(10 ** rng.uniform(0, 6))
    current, elapsed = int(rng.integers(1, target + 1)), float(10 ** rng.uniform(-4, 5))
    values = [("loss", float(rng.normal() * 10.0 ** rng.integers(-5, 4)))]
    bar = Progbar(target)
    clock.now += elapsed
    bar.update(current, values, force=True)
    assert capsys.readouterr().out.strip() == line_of_2_1(current, target, elapsed, values).strip()


def test_values_are_means_over_steps(clock: Clock, capsys: Any) -> None:
    bar = Progbar(10, interval=0)
    bar.update(2, [("loss", 1.0)])
    bar.add(6, [("loss", 3.0), ("acc", 0.5)])
    assert capsys.readouterr().out.splitlines()[-1].endswith("- loss: 2.5000 - acc: 0.5000")


def test_updates_keep_a_distance(clock: Clock, capsys: Any) -> None:
    bar = Progbar(100)
    for step in range(1, 100):
        bar.update(step)
        clock.now += 0.02
    assert len(capsys.readouterr().out.split("\n")) == 34  # one in three: 0.06 s after the last
    bar.update(99)
    assert capsys.readouterr().out
    bar.update(99)
    assert not capsys.readouterr().out
    bar.update(99, force=True)
    assert capsys.readouterr().out
    bar.update(100)
    assert capsys.readouterr().out.endswith("\n")


def test_a_terminal_is_written_over(clock: Clock, monkeypatch: Any) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    bar = Progbar(10)
    bar.update(5, [("loss", 1.0)])
    first = " 5/10 [==============>...............] - ETA: 0s - loss: 1.0000"
    clock.now += 1
    bar.update(10, [("loss", 1e-5)])
    second = "10/10 [==============================] - 1s 100ms/step - loss: 0.5000"
    assert screen.getvalue() == "\r" + first + "\b" * len(first) + "\r" + second + "\n"


def test_a_shorter_line_covers_the_longer(clock: Clock, monkeypatch: Any) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    bar = Progbar(10)
    clock.now += 9000
    bar.update(5)
    clock.now += 1
    bar.seen_so_far = 0
    bar.show(5, [])
    assert screen.getvalue().endswith("ETA: 2:30:01")
    bar.start = clock.now
    bar.show(5, [])
    assert screen.getvalue().endswith("ETA: 0s     ")


def test_verbose_2_is_one_line(clock: Clock, capsys: Any) -> None:
    bar = Progbar(4, verbose=2)
    bar.update(2, [("loss", 1.0)])
    assert not capsys.readouterr().out
    clock.now += 2
    bar.update(4, [("loss", -1.0)])
    assert capsys.readouterr().out == " - 2s - loss: 0.0000e+00\n"
    other = Progbar(2, verbose=2)
    other.update(2, [("loss", -3.0)])  # as 2.1 had it, without the absolute value
    assert capsys.readouterr().out == " - 0s - loss: -3.0000e+00\n"


def test_nothing_and_an_unknown_target(clock: Clock, capsys: Any) -> None:
    Progbar(4, verbose=0).update(4)
    assert not capsys.readouterr().out
    bar = Progbar(None)
    clock.now += 3
    bar.update(3, [("loss", 0.5)])
    assert capsys.readouterr().out == "\n      3/Unknown - 3s 1s/step - loss: 0.5000"


def test_a_pass_counts_samples(clock: Clock, capsys: Any) -> None:
    bar = PassBar(70, 32, 1)
    bar.update(1, {})
    bar.update(3, {})
    assert [line[:6] for line in capsys.readouterr().out.split("\n")] == ["", "32/70 ", "70/70 ", ""]
    PassBar(70, 32, 2).update(3, {})
    assert not capsys.readouterr().out


def test_width_and_closed_output(monkeypatch: Any, capsys: Any) -> None:
    Progbar(4, width=8).update(4)
    assert "[========]" in capsys.readouterr().out
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    Progbar(4).update(4)  # nobody is hurt


def mlp() -> tuple[Sequential, np.ndarray, np.ndarray]:
    model = Sequential([Dense(5, input_shape=(4,)), Activation("softmax")])
    rng = np.random.default_rng(0)
    return model, rng.random((50, 4), dtype="f"), np.eye(5, dtype="f")[rng.integers(0, 5, 50)]


def shapes_of(text: str) -> list[str]:
    """Lines with the numbers that differ from run to run taken out."""
    text = re.sub(r"ETA: [\d:]+s?", "ETA", re.sub(r"\d+s \d+[um]?s/step", "TIME", text))
    return re.sub(r"\d\.\d{4}(e-\d\d|e\+00)?", "N", text).split("\n")


def test_what_fit_prints(capsys: Any) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=16, epochs=2, validation_split=0.2)
    ends = "- loss: N - acc: N - val_loss: N - val_acc: N"
    epoch = ["", "16/40 [===========>..................] - ETA - loss: N - acc: N", f"40/40 [{'=' * 30}] - TIME {ends}"]
    assert shapes_of(capsys.readouterr().out) == [
        "Train on 40 samples, validate on 10 samples",
        "Epoch 1/2",
        *epoch,
        "Epoch 2/2",
        *epoch,
        "",
    ]


@pytest.mark.parametrize("verbose", [0, 2])
def test_what_fit_prints_otherwise(capsys: Any, verbose: int) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy")
    model.fit(x, y, epochs=1, verbose=verbose)
    shown = re.sub(r"\d\.\d{4}", "N", capsys.readouterr().out)
    assert shown == ("" if not verbose else "Epoch 1/1\n - 0s - loss: N\n")


def test_evaluate_and_predict_show_32_samples_first(capsys: Any) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    model.evaluate(x, y)
    shown = shapes_of(capsys.readouterr().out)
    assert shown == ["", f"32/50 [{'=' * 18}>{'.' * 11}] - ETA", f"50/50 [{'=' * 30}] - TIME", ""]
    model.predict(x, verbose=1)
    assert shapes_of(capsys.readouterr().out) == shown
    model.evaluate(x, y, verbose=0)
    model.predict(x)
    assert not capsys.readouterr().out


def test_the_bar_shows_the_means_of_the_epoch(capsys: Any) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, validation_data=(x, y)).history
    last = capsys.readouterr().out.strip().split("\n")[-1]
    for name in ("loss", "acc", "val_loss", "val_acc"):
        assert f"- {name}: {history[name][0]:.4f}" in last


def test_a_generator_counts_batches(capsys: Any) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy")
    model.fit_generator(((x[:8], y[:8]) for _ in range(9)), steps_per_epoch=4, epochs=2)
    lines = shapes_of(capsys.readouterr().out)
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "1/4 [======>.......................] - ETA - loss: N"
    assert f"4/4 [{'=' * 30}] - TIME - loss: N" in lines


def test_larger_batches_begin_as_those_of_32(clock: Clock, capsys: Any) -> None:
    bar = PassBar(1000, 128, 1, first=32)
    clock.now += 4.0  # for 128 samples, 1 s for 32 of them
    bar.update(1, {})
    assert capsys.readouterr().out == f"\n  32/1000 [{'.' * 30}] - ETA: 30s"
    clock.now += 4.0
    bar.update(2, {})
    assert capsys.readouterr().out == f"\n 256/1000 [{'=' * 6}>{'.' * 23}] - ETA: 23s"
    small = PassBar(100, 128, 1, first=32)
    small.update(1, {})
    assert [line[:7] for line in capsys.readouterr().out.split("\n")] == ["", " 32/100", "100/100", ""]
    PassBar(20, 128, 1, first=32).update(1, {})
    assert capsys.readouterr().out.count("20/20") == 1


def test_a_batch_size_that_is_given_is_the_one_that_shows(capsys: Any) -> None:
    model, x, y = mlp()
    model.compile("sgd", "categorical_crossentropy")
    model.evaluate(x, y, batch_size=20)
    assert capsys.readouterr().out.startswith("\n20/50 [")
    model.predict(x, 25, 1)
    assert capsys.readouterr().out.startswith("\n25/50 [")
