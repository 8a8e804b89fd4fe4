"""``model(x)`` and ``predict`` of few samples, which may be recorded: the numbers are those of the network as it is now."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend import tape
from minidl.layers import (
    LSTM,
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    MaxPooling2D,
    Reshape,
)
from minidl.models import Model, Sequential
from minidl.models.network import FEW
from tests.models.test_predictor import network, perceptron, with_statistics

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def reasons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(tape, "reasons", found)
    return found


def recorder_of(model: Any) -> Any:
    """That of this thread; None where nothing of the model can be recorded."""
    calls = model._planned[1][1]
    return None if calls is None else calls._of_thread.recorder


def both_ways(run: Callable[[], Any]) -> Any:
    """What ``run()`` gives, which is the same with and without recordings."""
    found = []
    for graphs in ("off", "on"):
        minidl.set_seed(5)
        with config.use_graphs(graphs):
            found.append(run())
    assert found[0] == found[1]
    return found[1]


def asked(model: Any, xs: Any, how: str) -> list[bytes]:
    call = {"model(x)": model, "predict": model.predict, "on a batch": model.predict_on_batch}[how]
    return [np.asarray(call(x)).tobytes() for x in xs]


@pytest.mark.parametrize("how", ["model(x)", "predict", "on a batch"])
@pytest.mark.parametrize("n", [1, 3, FEW])
@pytest.mark.parametrize("make", [perceptron, network])
def test_the_same_bits(make: Any, n: int, how: str, reasons: list[str]) -> None:
    models: list[Any] = []

    def run() -> list[bytes]:
        models.append(make())
        rng = np.random.default_rng(n)
        return asked(models[-1], [rng.normal(size=(n, *models[-1].input_shape)).astype("float32") for _ in range(6)], how)

    both_ways(run)
    (known,) = recorder_of(models[1])._steps.values()
    assert known.trusted
    assert reasons == []


def test_recordings_that_are_switched_off_are_not_used() -> None:
    model, x = perceptron(), np.ones((2, 30), "float32")
    for _ in range(5):
        expected = model(x)
    with config.use_graphs("off"):
        np.testing.assert_array_equal(model(x), expected)
        assert recorder_of(model) is None
    model(x)
    assert recorder_of(model) is not None


def test_more_samples_are_not_recorded() -> None:
    model = perceptron()
    for _ in range(4):
        model(np.ones((FEW + 1, 30), "float32"))
        model.predict(np.ones((FEW, 30), "float32"), batch_size=FEW - 1)
    assert "recorder" not in vars(model._planned[1][1]._of_thread)


@pytest.mark.parametrize(("n", "recorded"), [(32, True), (33, False)])
@pytest.mark.parametrize("ask", ["predict", "__call__"])
def test_thirty_two_samples_are_few(n: int, recorded: bool, ask: str) -> None:
    model = perceptron()
    for _ in range(5):
        getattr(model, ask)(np.ones((n, 30), "float32"))
    assert ("recorder" in vars(model._planned[1][1]._of_thread)) is recorded


def test_training_in_between_is_seen() -> None:
    x, y = RNG.normal(size=(40, 12, 12, 3)).astype("float32"), RNG.integers(0, 5, 40)

    def run() -> list[bytes]:
        model = network()
        model.compile("adam", "sparse_categorical_crossentropy")
        found = []
        for _ in range(5):
            found += [*asked(model, [x[:2]] * 2, "predict"), *asked(model, [x[:2]], "model(x)")]
            model.fit(x, y, 8, epochs=1, verbose=0)
        assert len(set(found)) == 5
        return found

    both_ways(run)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "weights": lambda model: model.set_weights([w + 1 for w in model.get_weights()]),
    "one number": lambda model: model.layers[0].W.value.__setitem__((0, 0), 7.0),
    "epsilon": lambda model: setattr(model.layers[1], "epsilon", 0.5),
    "another activation": lambda model: setattr(model.layers[0], "activation", Activation("tanh")),
    "a layer more": lambda model: model.add(Dense(3)),
    "kernels": lambda model: config.set_kernels("reference"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen_in_the_next_call(what: str) -> None:
    x = RNG.normal(size=(3, 8)).astype("float32")

    def run() -> list[bytes]:
        kernels = config.kernels()
        try:
            model = with_statistics(
                Sequential([Input((8,)), Dense(40), BatchNormalization(), Dense(30, activation="relu"), Dense(2)])
            )
            before = asked(model, [x] * 5, "model(x)")
            CHANGES[what](model)
            behind = asked(model, [x] * 5, "predict")
            assert len(set(before)) == len(set(behind)) == 1
            assert what == "kernels" or before[0] != behind[0]
            return before + behind
        finally:
            config.set_kernels(kernels)

    both_ways(run)


class HandingOn(Layer):
    """A learner's layer that gives the very array it was given."""

    def apply(self, x: Any, context: Any = None) -> Any:
        return x, None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return dy


@pytest.mark.parametrize("graphs", ["off", "on"])
def test_results_are_new_arrays(graphs: str) -> None:
    for layers in ([Dense(3)], [Reshape((5, 6))], [Dropout(0.5)], [HandingOn()]):
        x = np.ones((2, 30), "float32")
        with config.use_graphs(graphs):
            model = Sequential([Input((30,)), *layers])
            for call in (model.predict, model):
                results = [(y := call(k * x), np.array(y)) for k in range(6)]
                for y, copied in results:
                    np.testing.assert_array_equal(y, copied)
            y = model.predict(x)
        y[...] = 5
        np.testing.assert_array_equal(x, 1)


def test_states_that_are_carried_on() -> None:
    x = RNG.normal(size=(2, 5, 3)).astype("float32")

    def run() -> list[bytes]:
        model = Sequential([Input((5, 3)), LSTM(4, stateful=True), Dense(2)])
        found = asked(model, [x] * 5, "predict") + asked(model, [x] * 2, "model(x)")
        assert len(set(found)) == 7
        model.reset_states()
        return [*found, *asked(model, [x], "predict")]

    found = both_ways(run)
    assert found[0] == found[-1]


class Counting(Layer):
    """A learner's layer that counts its calls."""

    calls = 0

    def apply(self, x: Any, context: Any = None) -> Any:
        Counting.calls += 1
        return x + 1, None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return dy


def test_a_layer_of_ones_own_is_called_each_time(reasons: list[str]) -> None:
    model = Sequential([Input((4,)), Dense(3), Counting()])
    before = Counting.calls
    for _ in range(6):
        model.predict(np.ones((2, 4), "float32"))
    assert Counting.calls == before + 6
    assert recorder_of(model) is None


def test_masks_are_obeyed() -> None:
    model = Sequential([Input((4, 3)), BatchNormalization(), Flatten(), Dense(2)])
    x = RNG.normal(size=(2, 4, 3)).astype("float32")
    for _ in range(5):
        y = model(x)
    np.testing.assert_array_equal(model(x, mask=np.ones((2, 4), bool)), y)


def test_several_inputs_and_outputs_by_name() -> None:
    def run() -> list[bytes]:
        a, b = Input((3,), name="a"), Input((2,), name="b")
        both = Model([a, b], {"one": Dense(40)(a), "two": Dense(30)(b)})
        found = []
        for k in range(6):
            y = both.predict({"a": np.full((2, 3), k, "float32"), "b": np.full((2, 2), -k, "float32")})
            found += [y[name].tobytes() for name in ("one", "two")]
        return found

    both_ways(run)


def test_from_threads_beside_each_other() -> None:
    model = network()
    batches = [RNG.normal(size=(1 + n % 3, 12, 12, 3)).astype("float32") for n in range(6)]
    expected, wrong = [model.predict(x) for x in batches], []

    def ask(n: int) -> None:
        for k in range(40):
            at = (n + k) % len(batches)
            wrong.extend(at for call in (model.predict, model) if not np.array_equal(call(batches[at]), expected[at]))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copied", "pickled"])
def test_copies_have_recordings_of_their_own(way: Any) -> None:
    model, x = network(), RNG.normal(size=(2, 12, 12, 3)).astype("float32")
    expected = next(iter([model.predict(x) for _ in range(5)]))
    other = way(model)
    other.set_weights([w * 0 for w in other.get_weights()])
    for _ in range(5):
        np.testing.assert_array_equal(model.predict(x), expected)
        assert not np.array_equal(other.predict(x), expected)


def test_what_only_a_recording_holds_is_limited(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    """Weights do not count, which are there anyway."""
    monkeypatch.setattr(tape, "LARGEST", 60_000)
    model = Sequential([Input((100,)), Dense(200, activation="relu"), Dense(3)])  # 81,000 bytes of weights
    for _ in range(5):
        model(np.ones((4, 100), "float32"))
    assert reasons == []
    images = Sequential([Input((40, 40, 8)), MaxPooling2D(2), Conv2D(4, 1)])  # 12,800 numbers each
    for _ in range(5):
        images(np.ones((4, 40, 40, 8), "float32"))
    assert reasons == ["more than 58 KiB, which is what a recording may hold on to"]
