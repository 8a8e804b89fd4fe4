"""Whole training runs on the stand-in for CuPy: the CPU's batches, masks, weights and losses; no waiting inside a step."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import backend, config
from minidl.datasets import digits
from minidl.layers import (
    LSTM,
    BatchNormalization,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Rescaling,
    Reshape,
)
from minidl.models import Sequential
from minidl.training.step import Step
from tests.gpu.strict_cupy import device
from tests.gpu.test_layers import assert_equal_to_rounding, both_kernels, on_the_stand_in, to_host

ROOT = Path(__file__).parents[2]


def softmax() -> list:
    return [Flatten(), Dense(10, activation="softmax")]


def mlp() -> list:
    return [Flatten(), Dense(16, activation="relu"), Dropout(0.3), Dense(10, activation="softmax")]


def cnn() -> list:
    return [
        Reshape((28, 28, 1)),
        MaxPooling2D(4),
        Conv2D(3, 3, padding="same", activation="relu"),
        BatchNormalization(),
        MaxPooling2D(2),
        Flatten(),
        Dropout(0.2),
        Dense(10),
    ]


def recurrent() -> list:
    return [LSTM(6), Dense(10, activation="softmax")]


MODELS: dict[str, tuple[Callable[[], list], Any, str]] = {
    "softmax": (softmax, "sgd", "categorical_crossentropy"),
    "mlp": (mlp, "rmsprop", "sparse_categorical_crossentropy"),
    "cnn": (cnn, "adam", minidl.losses.SparseCategoricalCrossentropy(from_logits=True)),
    "recurrent": (recurrent, "adam", "sparse_categorical_crossentropy"),
}
(IMAGES, LABELS), (TEST_IMAGES, TEST_LABELS) = digits.load_data(n_train=90, n_test=20)


def make(name: str) -> Sequential:
    minidl.set_seed(1671)
    layers, optimizer, loss = MODELS[name]
    model = Sequential([Input((28, 28)), Rescaling(1 / 255), *layers()])
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def targets(name: str, labels: np.ndarray) -> np.ndarray:
    return np.eye(10, dtype="float32")[labels] if name == "softmax" else labels


def run(name: str) -> list[np.ndarray]:
    """Everything a user sees of a short fit: losses, accuracies, weights, predictions, evaluation; all on the host."""
    model = make(name)
    history = model.fit(IMAGES, targets(name, LABELS), batch_size=20, epochs=2, verbose=0, validation_split=0.2)
    losses = model.train_on_batch(IMAGES[:7], targets(name, LABELS[:7]), sample_weight=np.linspace(0, 1, 7))
    score = model.evaluate(TEST_IMAGES, targets(name, TEST_LABELS), verbose=0)
    numbers = [np.array(values) for values in history.history.values()]
    return [*numbers, np.array(losses), np.array(score), *model.get_weights(), model.predict(TEST_IMAGES)]


@pytest.mark.one_in(8)
@both_kernels
@pytest.mark.parametrize("name", MODELS)
def test_fit(name: str, kernels: str) -> None:
    """Losses after ten steps are the CPU's, to float32's rounding, and so is everything else."""
    with config.use_kernels("reference"):
        expected = run(name)
    with on_the_stand_in(kernels):
        found = run(name)
    assert all(type(a) is np.ndarray for a in found)
    assert_equal_to_rounding(found, expected, "float32")


@pytest.mark.parametrize("name", MODELS)
def test_the_same_start_to_the_bit(name: str) -> None:
    """Weights and shuffling come from the host's generator: equal bits before any arithmetic."""
    expected = make(name).get_weights()
    with on_the_stand_in("reference"):
        for a, e in zip(make(name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, e, strict=True)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", MODELS)
def test_no_waiting_inside_the_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: nothing in ``Step.train`` waits for the device, and in a whole epoch only what looks at the losses does."""
    original, steps = Step.train, []

    def watched(self: Step, batch: Any, *args: Any, **kwargs: Any) -> Any:
        with device.no_waiting():
            result = original(self, batch, *args, **kwargs)
        steps.append(batch.size)
        return result

    monkeypatch.setattr(Step, "train", watched)
    with on_the_stand_in("auto"):
        model = make(name)
        before = device.waits
        model.fit(IMAGES, targets(name, LABELS), batch_size=10, epochs=2, verbose=0, nan="ignore")
        waits = device.waits - before
    assert len(steps) == 18
    assert waits <= 2 * 4  # an epoch ends with its loss and its metric


def test_waiting_inside_the_step_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_the_stand_in("auto"):
        model = make("mlp")
        layer = model.layers[1]
        original = type(layer).apply

        def slow(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            backend.current().to_numpy(x)
            return original(self, x, *args, **kwargs)

        monkeypatch.setattr(type(layer), "apply", slow)
        with device.no_waiting(), pytest.raises(AssertionError, match="waits for the device"):
            model.network.apply(backend.current().asarray(IMAGES[:3], "float32"), Context(training=True))


def test_arrays_of_two_devices_do_not_meet() -> None:
    from minidl.errors import BackendError
    from minidl.ops import linear

    host = np.ones((3, 3), "float32")
    with on_the_stand_in("auto"):
        there = backend.current().asarray(host)
        for x, W in ((host, there), (there, host)):
            with pytest.raises(BackendError, match="asarray"):
                linear.dense(x, W)
        with pytest.raises(TypeError):
            there + host


def test_device_arrays_are_taken_at_the_door_and_host_arrays_come_back() -> None:
    with on_the_stand_in("auto"):
        model = make("mlp")
        take = backend.current().asarray
        model.fit(take(IMAGES), take(LABELS), batch_size=30, epochs=1, verbose=0)
        assert type(model.predict(take(TEST_IMAGES))) is np.ndarray
        assert type(model.layers[2].forward(np.ones((2, 784)))) is backend.current().array_type
        assert to_host(model.layers[2].forward(np.ones((2, 784)))).shape == (2, 16)


def test_the_example_and_weights_in_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    monkeypatch.delenv("MINIDL_DATA", raising=False)
    monkeypatch.setenv("MINIDL_HOME", str(tmp_path))
    example = importlib.import_module("mnist_cnn")
    with on_the_stand_in("auto"):
        example.main(["--quick", "--device", "gpu", "--model", "softmax", "--epochs", "1"])
        assert "GPU (stand-in" in capsys.readouterr().out
        model = make("cnn")
        model.save_weights(tmp_path / "w.safetensors")
        expected = model.predict(TEST_IMAGES)
        other = make("cnn")
        other.set_weights([0 * w for w in other.get_weights()])
        other.load_weights(tmp_path / "w.safetensors")
        np.testing.assert_array_equal(other.predict(TEST_IMAGES), expected)
    minidl.set_backend("numpy")
