"""Recorded training steps: replayed, they give the bits of steps that were run; what cannot be recorded runs, and says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.backend import backend_of, graphs
from minidl.layers import Activation, Dense
from minidl.losses import MeanSquaredError
from minidl.models import Sequential, given
from minidl.ops.activation import relu
from minidl.optimizers import SGD
from minidl.schedules import ExponentialDecay
from minidl.utils.doctor import examine
from tests.cases.sample import mostly
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import cupy, device
from tests.gpu.strict_cupy.streams import Graph, Stream
from tests.gpu.test_layers import on_the_stand_in
from tests.gpu.test_training import IMAGES, LABELS, MODELS, make, run, targets

pytestmark = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(graphs, "reasons", [])
    monkeypatch.setattr(Graph, "launched", 0)
    yield
    assert on_cpu.recording is None


@pytest.mark.parametrize("name", mostly(MODELS, always=["mlp"]))
def test_replayed_steps_give_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout draws anew, rates and counters go on, a smaller last batch is a recording of its own."""
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    with on_the_stand_in("auto"):
        expected = run(name)
    with on_the_stand_in("auto"), config.use_graphs("on"):
        found = run(name)
    assert not graphs.reasons
    assert Graph.launched == (6 - 1) + (2 - 1)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)


def test_a_replay_takes_what_it_is_given_and_its_results_can_be_kept() -> None:
    """Arrays in C order, and views with steps between their numbers."""
    host = np.arange(12, dtype=np.float32).reshape(6, 2) - 5
    with on_the_stand_in("auto"):
        recorder, whole, kept = graphs.Recorder(cupy), cupy.asarray(host), []
        for rows in (slice(0, 3), slice(0, 3), slice(3, 6), slice(0, 6, 2), slice(1, 6, 2)):
            result = recorder.run("", lambda given: relu(given[0]), [whole[rows]], lambda: None)
            kept.append((rows, recorder.copy(result)))
        assert Graph.launched == len(kept) - graphs.WARM_UP
        for rows, result in kept:
            np.testing.assert_array_equal(result.get(), np.maximum(host[rows], 0))


def test_a_replay_in_another_stream_waits_for_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would write to inputs that may still be read."""
    waited = []
    monkeypatch.setattr(Stream, "synchronize", lambda stream: waited.append(stream.name))
    with on_the_stand_in("auto"):
        recorder, x = graphs.Recorder(cupy), cupy.asarray(np.ones(3, np.float32))
        before, other = cupy.cuda.get_current_stream(), Stream(name="another")
        for stream in (*4 * [before], other, other, before):
            monkeypatch.setattr(cupy.cuda, "get_current_stream", lambda stream=stream: stream)
            recorder.run("", lambda given: relu(given[0]), [x], lambda: None)
    assert waited == [before.name, "another"]


def test_the_first_steps_run_and_the_others_are_replayed() -> None:
    with on_the_stand_in("auto"), config.use_graphs("on"):
        model = make("mlp")
        model.train_on_batch(IMAGES[:10], LABELS[:10])
        for _ in range(6):
            model.train_on_batch(IMAGES[:10], LABELS[:10])
        assert Graph.launched == 7 - graphs.WARM_UP
        assert model.optimizer.iterations == 7
        on_cpu.launches.clear()
        with device.no_waiting():
            step = model._step
            (batch,) = given.targets(model, IMAGES[:10], LABELS[:10], None, "fit", "ignore").batches(10)
            step.train(batch)
        assert "dropout" in on_cpu.launches  # by the graph


def test_what_changes_on_the_host_reaches_the_recording() -> None:
    def weights(mode: str) -> list[np.ndarray]:
        with on_the_stand_in("auto"), config.use_graphs(mode):
            model = make("mlp")
            for step in range(12):
                if step == 5:
                    model.optimizer.learning_rate = 0.05
                if step == 8:
                    model.layers[2].trainable = False
                model.train_on_batch(IMAGES[:10], LABELS[:10])
            return model.get_weights()

    for a, e in zip(weights("on"), weights("off"), strict=True):
        np.testing.assert_array_equal(a, e)
    assert Graph.launched == (8 - 2) + (4 - 2)  # frozen layers make another step


@pytest.mark.more
def test_schedules_and_settings_reach_the_recording() -> None:
    """A schedule, weight decay and rates of parameters, changed on the way."""

    def weights(mode: str) -> list[np.ndarray]:
        with on_the_stand_in("auto"), config.use_graphs(mode):
            model = make("mlp")
            optimizer = SGD(ExponentialDecay(0.5, 2, 0.9), 0.9, weight_decay=0.1)
            model.compile(optimizer, "sparse_categorical_crossentropy")
            first = model.parameters[0]
            for step in range(12):
                if step == 4:
                    first.learning_rate_multiplier = 0.5
                if step == 8:
                    optimizer.exclude_from_weight_decay(var_list=[first])
                model.train_on_batch(IMAGES[:10], LABELS[:10])
            return model.get_weights()

    for a, e in zip(weights("on"), weights("off"), strict=True):
        np.testing.assert_array_equal(a, e)


class Asking(Activation):
    """A layer that waits for the device in the middle of the step."""

    def apply(self, x, context):  # type: ignore[no-untyped-def]
        backend_of(x).to_numpy(x[:1])
        return super().apply(x, context)


def test_what_cannot_be_recorded_runs_and_the_doctor_says_why() -> None:
    def weights(mode: str) -> list[np.ndarray]:
        with on_the_stand_in("auto"), config.use_graphs(mode):
            model = Sequential(
                [Dense(3, input_shape=(4,), kernel_initializer="ones"), Asking("tanh"), Dense(2, kernel_initializer="ones")]
            )
            model.compile(SGD(0.1, 0.9), "mse")
            for _ in range(6):
                model.train_on_batch(np.ones((4, 4)), np.eye(4)[:, :2])
            assert model.optimizer.iterations == 6
            (said,) = [f.value for f in examine() if f.name == "CUDA graphs"]
            assert said.startswith(
                "off" if mode == "off" else "on; not recorded: RuntimeError: a copy to the host is not permitted"
            )
            return model.get_weights()

    for a, e in zip(weights("on"), weights("off"), strict=True):
        np.testing.assert_array_equal(a, e)
    assert len(graphs.reasons) == 1  # tried once
    assert Graph.launched == 0


@pytest.mark.parametrize("name", ["mlp"])
def test_looking_at_every_loss_is_not_recorded(name: str) -> None:
    with on_the_stand_in("auto"), config.use_graphs("on"):
        make(name).fit(IMAGES, targets(name, LABELS), batch_size=10, verbose=0, nan="raise")
    assert Graph.launched == 0


class Counted(Dense):
    """A learner's layer, which does more than compute."""

    calls = 0

    def apply(self, x, context):  # type: ignore[no-untyped-def]
        type(self).calls += 1
        return super().apply(x, context)


class OwnLoss(MeanSquaredError):
    """Of somebody's own."""


class OwnRate(SGD):
    """Of somebody's own."""


def test_by_default_minidls_own_steps_are_recorded() -> None:
    with on_the_stand_in("auto", graphs="auto"):
        model = make("mlp")
        for _ in range(5):
            model.train_on_batch(IMAGES[:10], LABELS[:10])
    assert Graph.launched == 5 - graphs.WARM_UP
    assert not graphs.reasons


@pytest.mark.parametrize(
    "layer, loss, optimizer, name",
    [
        (Counted, "mse", SGD, "Counted"),
        (Dense, OwnLoss(), SGD, "OwnLoss"),
        (Dense, "mse", OwnRate, "OwnRate"),
    ],
)
def test_what_is_not_minidls_is_recorded_only_where_it_is_asked_for(layer: type, loss: Any, optimizer: type, name: str) -> None:
    """It may do more than launch kernels: count, draw, look something up."""
    Counted.calls = 0
    for mode, recorded in (("auto", 0), ("on", 4 - graphs.WARM_UP)):
        Graph.launched = 0
        graphs.reasons.clear()
        with on_the_stand_in("auto", graphs=mode):
            model = Sequential([layer(2, input_shape=(4,))])
            model.compile(optimizer(0.1), loss)
            for _ in range(4):
                model.train_on_batch(np.ones((4, 4)), np.ones((4, 2)))
        assert Graph.launched == recorded
        assert any(name in reason for reason in graphs.reasons) is (mode == "auto")


def test_a_recording_for_which_memory_does_not_suffice_is_done_without() -> None:
    """Its memory comes on top of the steps' own, so a model that fits must not fail for it."""
    with on_the_stand_in("auto", graphs="off"):
        model = make("mlp")
        for _ in range(4):
            model.train_on_batch(IMAGES[:10], LABELS[:10])
        expected = model.get_weights()
    with on_the_stand_in("auto", graphs="auto"):
        model = make("mlp")
        for _ in range(graphs.WARM_UP):
            model.train_on_batch(IMAGES[:10], LABELS[:10])
        before = device.allocations
        with device.out_of_memory_at(5):  # x, y and what the step reads come first
            model.train_on_batch(IMAGES[:10], LABELS[:10])
        assert device.allocations > before
        model.train_on_batch(IMAGES[:10], LABELS[:10])
        assert Graph.launched == 0
        assert any("emory" in reason for reason in graphs.reasons)
        for a, e in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, e)


def test_recordings_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "MOST", 2)
    monkeypatch.setattr(graphs, "REASONS_KEPT", 2)
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    with on_the_stand_in("auto", graphs="auto"):
        model = make("softmax")
        for _ in range(3):
            for size in (3, 4, 5, 6, 7):
                model.train_on_batch(IMAGES[:size], targets("softmax", LABELS[:size]))
    assert Graph.launched == 2 * 2
    assert graphs.reasons == 2 * ["batches of 2 shapes are recorded already"]
