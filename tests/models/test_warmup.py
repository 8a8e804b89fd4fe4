"""``warmup``: afterwards no kernel is left to compile, and the model is as it was, to the bit."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.__main__ import main
from minidl.backend.random import new_stream
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from minidl.layers import (
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Layer,
    MaxPooling2D,
)
from minidl.losses import MeanSquaredError
from minidl.models import Model, Sequential
from minidl.models.warmup import lecture_models, warmup
from minidl.optimizers import Adam

ROOT = Path(minidl.__file__).parents[1]
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")

RNG = np.random.default_rng(4)
X, Y = RNG.random((24, 8, 8, 2), dtype=np.float32), np.arange(24) % 3


class Fuse(Layer):
    """The identity until it is lit."""

    lit = ""

    def apply(self, x: Any, context: Any) -> tuple[Any, Any]:
        if self.lit == ("training" if context.training else "inference"):
            raise KeyError("burnt")
        return x, ()

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        if self.lit == "gradient":
            raise KeyError("burnt")
        return dy


def network(name: str = "warm") -> Sequential:
    """Everything that has state, seeded."""
    minidl.set_seed(5)
    layers = [Conv2D(4, 3, activation="relu", input_shape=(8, 8, 2)), BatchNormalization(), MaxPooling2D(2), Flatten()]
    model = Sequential([*layers, Dense(6), Dropout(0.3), Fuse(), Dense(3, activation="softmax")], name=name)
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def state_of(model: Model) -> list[Any]:
    """Whatever training changes, in bytes."""
    state: list[Any] = [w.tobytes() for w in model.get_weights()]
    state += [p.grad.tobytes() for p in model.parameters]
    optimizer = model.optimizer
    state += [optimizer.iterations if optimizer else None, model.history, model.stop_training, model._epochs_done]
    if model._step is not None:
        state += [a.tobytes() for p in model.parameters for a in model._step.group.state_of(p)]
    return state


def training_of(model: Model) -> list[Any]:
    """What comes of training on: shuffling, dropout and the optimizer's state all speak in it."""
    history = model.fit(X, Y, batch_size=8, epochs=2, verbose=0).history
    return [history, model.predict(X).tobytes(), state_of(model)[: len(model.get_weights())]]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("burns", ["", "training", "gradient", "inference"])
def test_nothing_changes_also_when_it_fails(trained: bool, burns: str) -> None:
    expected, found = network(), network()
    for model in (expected, found):
        if trained:
            model.fit(X, Y, batch_size=8, epochs=1, verbose=0)
    before, random_state = state_of(found), np.random.get_state()[1].tolist()  # noqa: NPY002
    fuse = next(layer for layer in found.layers if isinstance(layer, Fuse))
    fuse.lit = burns
    minidl.set_seed(9)
    stream_before = new_stream()
    if burns:
        with pytest.raises(KeyError):
            warmup(found, 8, verbose=0)
    else:
        warmup(found, 8, verbose=0)
    assert new_stream().number == stream_before.number + 1  # none was taken in between
    fuse.lit = ""
    assert state_of(found) == before
    assert np.random.get_state()[1].tolist() == random_state  # noqa: NPY002
    assert training_of(found) == training_of(expected)


def test_a_model_that_is_not_compiled_stays_so() -> None:
    model = Sequential([Dense(3, input_shape=(4,)), Dropout(0.5)])
    before = model.predict(X.reshape(-1, 4)).tobytes()
    warmup(model, verbose=0)
    assert model.optimizer is None
    assert model.predict(X.reshape(-1, 4)).tobytes() == before


def test_graphs_losses_and_targets() -> None:
    a, b = Input((4,)), Input((5,))
    outputs = Dense(2, activation="sigmoid")(Add()([Dense(3)(a), Dense(3)(b)]))
    for loss in ("mean_squared_error", "binary_crossentropy", "categorical_crossentropy"):
        model = Model([a, b], outputs)
        model.compile("sgd", loss, ["accuracy"])
        warmup(model, 4, verbose=0)


def test_ids_and_several_outputs() -> None:
    ids, numbers = Input((4,)), Input((5,))
    h = Concatenate()([GlobalAveragePooling1D()(Embedding(3, 2)(ids)), numbers])
    model = Model([ids, numbers], [Dense(3, activation="softmax")(h), Dense(1)(h), Dense(2)(h)])
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse", None], metrics=[["accuracy"], ["mae"], None])
    before = [w.tobytes() for w in model.get_weights()]
    warmup(model, 4, verbose=0)
    assert [w.tobytes() for w in model.get_weights()] == before


class Unsatisfied(MeanSquaredError):
    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        raise minidl.errors.DataError(where, "those", "others")


def locked() -> Sequential:
    model = Sequential([Dense(3, input_shape=(4,))])
    model.lock = threading.Lock()  # type: ignore[attr-defined]
    return model


def unsatisfied() -> Sequential:
    model = Sequential([Dense(3, input_shape=(4,))])
    model.compile("sgd", Unsatisfied())
    return model


@pytest.mark.parametrize(
    "make, arguments, error, words",
    [
        (lambda: "model", {}, ArgumentTypeError, "received a str; expected a model"),
        (lambda: Sequential([Dense(3)]), {}, NotBuiltError, "warmup: received a model without an input shape"),
        (network, {"batch_size": 0}, ArgumentError, "batch_size=0"),
        (network, {"batch_size": 1.5}, ArgumentTypeError, "batch_size=1.5"),
        (network, {"verbose": 2}, ArgumentError, "verbose=2; expected 0 or 1"),
        (locked, {}, ArgumentError, "cannot be copied"),
        (unsatisfied, {}, ArgumentError, "received a model whose loss takes neither one-hot targets nor labels"),
    ],
)
def test_what_cannot_be_warmed_up(make: Callable[[], Any], arguments: dict[str, Any], error: type, words: str) -> None:
    with pytest.raises(error) as caught:
        warmup(make(), **arguments)
    assert words in str(caught.value)


def test_several_outputs_and_ids() -> None:
    ids, numbers = Input((4,)), Input((2,))
    h = Concatenate()([Flatten()(Embedding(3, 2, mask_zero=True)(ids)), numbers])
    model = Model([ids, numbers], [Dense(3, activation="softmax")(h), Dense(1)(h), Dense(2)(h)])
    warmup(model, 8, verbose=0)
    model.compile("sgd", ["sparse_categorical_crossentropy", "mse", None], [["accuracy"], [], []])
    warmup(model, 8, verbose=0)


def test_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    warmup(network("shown"), 16)
    line = capsys.readouterr().out
    assert line.startswith("warmup of shown: a training step and predict, batches of 16, float32 ... ")
    assert line.endswith(" s\n")
    with minidl.config.use_dtype("float64"):
        double = Sequential([Dense(3, input_shape=(4,))], name="double")
    warmup(double)
    assert capsys.readouterr().out.startswith("warmup of double: predict, batches of 128, float64 ... ")
    model = network("burns")
    next(layer for layer in model.layers if isinstance(layer, Fuse)).lit = "gradient"
    with pytest.raises(KeyError):
        warmup(model)
    assert capsys.readouterr().out.endswith(" ... not finished\n")
    warmup(network(), verbose=0)
    assert capsys.readouterr().out == ""


COUNT = """
import collections, numba, numpy as np, minidl
from numba.core import event
compiled = collections.Counter()

class Listener(event.Listener):
    def on_start(self, e):
        f, role = e.data["dispatcher"].py_func, e.data["dispatcher"].targetoptions.get("no_cpython_wrapper", False)
        if f.__module__.startswith("minidl."):
            compiled[f"{f.__module__.rpartition('.')[2]}.{f.__name__}{' inside' if role else ''}"] += 1
    def on_end(self, e): pass

event.register("numba:compile", Listener())
from minidl.models.warmup import lecture_models, warmup
models = list(lecture_models())
"""


def run(program: str, **environment: str) -> str:
    """A program after COUNT, in a process of its own; its output."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT + program],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@needs_numba
def test_nothing_is_left_to_compile_and_nothing_was_compiled_twice(tmp_path: Path) -> None:
    """The lectures' CNN with an empty cache. It counts compilations, which do not depend on how quick the machine is."""
    program = """
model = models[-1]
warmup(model, 128, verbose=0)
print(sorted(name for name, count in compiled.items() if count > 1), len(compiled) > 10)
compiled.clear()
rng = np.random.default_rng(0)
x, y = rng.random((300, 28, 28, 1), dtype=np.float32), np.eye(10)[rng.integers(0, 10, 300)]
model.fit(x[:256], y[:256], batch_size=128, epochs=1, verbose=0)
model.predict(x)
model.evaluate(x, y, verbose=0)
print(dict(compiled))
"""
    assert run(program, MINIDL_HOME=str(tmp_path)).splitlines() == ["[] True", "{}"]
    again = run("[warmup(models[-1], 128, verbose=0)]; print(dict(compiled))", MINIDL_HOME=str(tmp_path))
    assert again == "{}\n"  # it was kept


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with minidl.config.use_kernels("reference"):
        assert main(["warmup"]) == 1
    assert capsys.readouterr().out.startswith("Nothing compiled: kernels: reference")
    if importlib.util.find_spec("numba") is None:
        assert main(["warmup"]) == 1
        return
    small = [next(lecture_models())]
    monkeypatch.setattr("minidl.models.warmup.lecture_models", lambda: iter(small))
    assert main(["warmup"]) == 0
    first, line, last = capsys.readouterr().out.splitlines()
    assert "in float32" in first
    assert line.startswith("warmup of softmax_regression: a training step and predict, batches of 128, float32 ... ")
    assert last.startswith("Done in ")


def test_the_lectures_networks() -> None:
    assert [model.count_params() for model in lecture_models()] == [7850, 118282, 118282, 1256080]
