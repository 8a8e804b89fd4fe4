"""docs/keras2.md tells the truth: its tables are those of the code, and each number it names is computed here."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, optimizers
from minidl.compat.keras import layers as old_layers
from minidl.compat.keras import optimizers as old_optimizers
from minidl.compat.keras.callbacks import Callback
from minidl.compat.keras.models import Sequential
from minidl.compat.keras.names import forget
from minidl.compat.spelling import OldSpellingWarning
from minidl.parameters import Parameter
from tests.cases.keras2_page import PAGE, page

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        yield


def steps(optimizer: Any, gradients: list[float], start: float = 1.0) -> list[float]:
    """One weight after each step, in float64."""
    w = Parameter(np.array([start]))
    found = []
    for gradient in gradients:
        w.grad[...] = gradient
        optimizer.step([w])
        found.append(float(w.value[0]))
        w.zero_grad()
    return found


def check_epsilon() -> None:
    for name in ("Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam"):
        assert getattr(old_optimizers, name)().epsilon == 1e-8
        assert getattr(optimizers, name)().epsilon == 1e-7


def check_rates() -> None:
    for name, then in {"Adagrad": 0.01, "Adadelta": 1.0, "Adamax": 0.002, "Nadam": 0.002}.items():
        assert float(getattr(old_optimizers, name)().lr) == then
        assert getattr(optimizers, name)().learning_rate == 0.001


def check_decay() -> None:
    old = steps(old_optimizers.SGD(lr=0.1, decay=0.5), [1.0] * 4)
    new = steps(optimizers.SGD(minidl.schedules.InverseTimeDecay(0.1, 1, 0.5)), [1.0] * 4)
    expected = 1.0 - np.cumsum([0.1 / (1 + 0.5 * t) for t in range(4)])
    np.testing.assert_allclose(old, expected, rtol=1e-12)
    np.testing.assert_allclose(new, expected, rtol=1e-12)


def check_rmsprop() -> None:
    g, s = 1e-4, 0.1 * 1e-8
    np.testing.assert_allclose(steps(old_optimizers.RMSprop(lr=0.1, epsilon=1e-3), [g]), 1 - 0.1 * g / (np.sqrt(s) + 1e-3))
    np.testing.assert_allclose(steps(optimizers.RMSprop(0.1, epsilon=1e-3), [g]), 1 - 0.1 * g / np.sqrt(s + 1e-3))


def check_adagrad() -> None:
    g = 0.5
    np.testing.assert_allclose(steps(old_optimizers.Adagrad(lr=0.1, epsilon=1e-3), [g]), 1 - 0.1 * g / (g + 1e-3))
    np.testing.assert_allclose(steps(optimizers.Adagrad(0.1, epsilon=1e-3), [g]), 1 - 0.1 * g / np.sqrt(0.1 + g * g + 1e-3))


def check_clipnorm() -> None:
    for optimizer, expected in (
        (old_optimizers.SGD(lr=1.0, clipnorm=1.0), [0.6, 0.8]),
        (optimizers.SGD(1.0, clipnorm=1.0), [1.0, 1.0]),
        (optimizers.SGD(1.0, global_clipnorm=1.0), [0.6, 0.8]),
    ):
        weights = [Parameter(np.array([0.0])), Parameter(np.array([0.0]))]
        for weight, gradient in zip(weights, (3.0, 4.0)):
            weight.grad[...] = gradient
        optimizer.step(weights)
        np.testing.assert_allclose([-w.value[0] for w in weights], expected, rtol=1e-6)


def check_hard_sigmoid() -> None:
    x = np.array([[-4.0, -1.0, 0.0, 1.0, 2.9, 4.0]], "float32")
    np.testing.assert_allclose(old_layers.Activation("hard_sigmoid")(x), np.clip(0.2 * x + 0.5, 0, 1), rtol=1e-6)
    np.testing.assert_allclose(layers.Activation("hard_sigmoid")(x), np.clip(x / 6 + 0.5, 0, 1), rtol=1e-6)


def check_gates() -> None:
    for name in ("LSTM", "GRU"):
        assert getattr(old_layers, name)(2).recurrent_activation.slope == 0.2
        assert getattr(layers, name)(2).recurrent_activation == "sigmoid"


def check_gru() -> None:
    assert old_layers.GRU(2).reset_after is False
    assert layers.GRU(2).reset_after is True


def check_activity() -> None:
    x = np.ones((4, 3), "float32")
    found = []
    for make in (old_layers.Dense, layers.Dense):
        layer = make(1, activity_regularizer=minidl.regularizers.L1(1.0), kernel_initializer="ones", input_shape=(3,))
        model = Sequential([layer]) if make is old_layers.Dense else minidl.Sequential([layer])
        model.compile(optimizer="sgd", loss="mse")
        found.append(model.evaluate(x, np.full((4, 1), 3.0), verbose=0))
    assert found == [pytest.approx(12.0), pytest.approx(3.0)]


def check_accuracy() -> None:
    assert logs(["accuracy"]) == ({"acc", "val_acc"}, {"accuracy", "val_accuracy"})


def check_metrics() -> None:
    old, new = logs(["mse", "mae"])
    assert {"mean_squared_error", "mean_absolute_error"} <= old
    assert {"mse", "mae"} <= new


def logs(metrics: list[str]) -> tuple[set[str], set[str]]:
    """Keys of the history, without the losses."""
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    found = []
    for model in (
        Sequential([old_layers.Dense(1, input_dim=2, activation="sigmoid")]),
        minidl.Sequential([layers.Dense(1, input_shape=(2,), activation="sigmoid")]),
    ):
        model.compile(optimizer="sgd", loss="binary_crossentropy", metrics=metrics)
        history = model.fit(x, y, validation_data=(x, y), epochs=1, verbose=0).history
        found.append(set(history) - {"loss", "val_loss"})
    return found[0], found[1]


def check_names() -> None:
    forget()
    model = Sequential([old_layers.Dense(2, input_dim=1), old_layers.Dense(1)])
    assert [layer.name for layer in model.layers] == ["dense_1", "dense_2"]
    assert old_layers.Dense(1).name == "dense_3"
    for _ in range(2):
        new = minidl.Sequential([layers.Dense(2, input_shape=(1,)), layers.Dense(1)])
        assert [layer.name for layer in new.layers] == ["dense_1", "dense_2"]


def check_frozen() -> None:
    x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    for is_old in (True, False):
        kind, dense = (Sequential, old_layers.Dense) if is_old else (minidl.Sequential, layers.Dense)
        model = kind([dense(1, input_shape=(1,), kernel_initializer="ones")])
        model.compile(optimizer="sgd", loss="mse")
        model.layers[0].trainable = False
        before = [w.copy() for w in model.get_weights()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model.fit(x, y, epochs=1, verbose=0)
            except minidl.errors.MinidlError:  # nothing is left to train
                assert not is_old
        assert any((a != b).any() for a, b in zip(before, model.get_weights())) is is_old


def check_time(capsys: pytest.CaptureFixture) -> None:
    """Of an epoch of two batches, each of 20 samples and 0.02 s."""
    x, y = np.ones((40, 2), "float32"), np.ones((40, 1), "float32")

    class Slow(minidl.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            time.sleep(0.02)

    class SlowOfThen(Callback):
        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            time.sleep(0.02)

    new = minidl.Sequential([layers.Dense(1, input_shape=(2,))])
    old = Sequential([old_layers.Dense(1, input_dim=2)])
    for model, slow in ((new, Slow()), (old, SlowOfThen())):
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=20, epochs=1, verbose=1, callbacks=[slow])
        found = re.search(r"(\d+)(us|ms)/step", capsys.readouterr().out.rpartition("0s")[2])
        assert found is not None
        seconds = int(found[1]) * (1e-3 if found[2] == "ms" else 1e-6)
        assert (seconds < 0.02) is (model is old)


def check_shapes() -> None:
    assert Sequential([old_layers.Dense(3, input_dim=2)]).layers[0].output_shape == (None, 3)
    assert layers.Dense(3).output_shape((2,)) == (3,)


CHECKS: dict[str, Callable[..., None]] = {
    "epsilon of optimizers": check_epsilon,
    "rates of Adagrad, Adadelta, Adamax, Nadam": check_rates,
    "`decay` of an optimizer": check_decay,
    "RMSprop": check_rmsprop,
    "Adagrad": check_adagrad,
    "`clipnorm`": check_clipnorm,
    "hard_sigmoid": check_hard_sigmoid,
    "gates of LSTM and GRU": check_gates,
    "GRU": check_gru,
    "`activity_regularizer`": check_activity,
    'metric "accuracy" in logs': check_accuracy,
    'metrics "mse", "mae" in logs': check_metrics,
    "names of layers": check_names,
    "frozen layers": check_frozen,
    '"step" in the bar\'s `12us/step`': check_time,
    "shapes of layers": check_shapes,
}


@pytest.mark.parametrize("row", CHECKS)
def test_a_number_of_the_page(row: str, request: pytest.FixtureRequest) -> None:
    CHECKS[row](*([request.getfixturevalue("capsys")] if CHECKS[row] is check_time else []))


def test_each_row_of_the_page_has_a_check() -> None:
    section = TEXT.split("## The numbers")[1].split("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("|")]
    assert rows[2:] == list(CHECKS)


def test_the_tables_of_names_are_those_of_the_code() -> None:
    assert page(TEXT) == TEXT, "python -m tests.cases.keras2_page"


def test_what_is_said_to_change_nothing_is_all_that_does() -> None:
    from tests.cases.keras2_page import old_names

    section = TEXT.split("## What is accepted and changes nothing")[1].split("\n## ")[0]
    said = set(re.findall(r"`(\w+)`", section))
    harmless = {argument for old in old_names().values() for argument in old.harmless}
    assert harmless <= said
