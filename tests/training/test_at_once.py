"""Short steps of fit made at once: the bits of steps made one by one, and what has to be seen step by step still is."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
import weakref
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import config, schedules
from minidl.backend import tape
from minidl.callbacks import Callback, CallbackList, LambdaCallback, ProgressBar
from minidl.callbacks.base import now_and_then
from minidl.data import arrays, batches
from minidl.errors import DataWarning, NumericWarning
from minidl.kernels.numba._together import stays_together
from minidl.layers import GRU, LSTM, Dense, Dropout, Embedding, Flatten, LayerNormalization, Rescaling, SimpleRNN
from minidl.losses import MeanAbsoluteError
from minidl.metrics import BinaryAccuracy, MeanSquaredError, OfLoss
from minidl.models import Sequential
from minidl.optimizers import SGD, Adam, AdamW, Nadam, RMSprop
from minidl.training import at_once
from minidl.training.recorded import RecordedSteps

RNG = np.random.default_rng(0)
N, WIDTH, CLASSES = 403, 12, 5
X = RNG.normal(size=(N, WIDTH)).astype("float32")
Y = RNG.integers(0, CLASSES, N)
STEPS = -(-N // 8)  # of an epoch


@pytest.fixture(autouse=True)
def several(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps were made in each call."""
    made: list[int] = []
    whole = RecordedSteps.train_several

    def noted(self: Any, *arguments: Any) -> Any:
        found = whole(self, *arguments)
        made.append(found[0])
        return found

    monkeypatch.setattr(RecordedSteps, "train_several", noted)
    return made


def network(rate: float = 0.0, outputs: int = CLASSES, activation: str = "softmax") -> Sequential:
    middle = [Dropout(rate)] if rate else []
    minidl.set_seed(3)
    return Sequential([Dense(7, "tanh", input_shape=(WIDTH,)), *middle, Dense(outputs, activation)])


def compiled(optimizer: Any, loss: str = "sparse_categorical_crossentropy", rate: float = 0.0, **options: Any) -> Sequential:
    model = network(rate)
    model.compile(optimizer, loss, **options)
    return model


def state_of(model: Any) -> list[bytes]:
    """All that training leaves behind."""
    kept = [array for slots in model.optimizer.state.values() for array in slots.values()]
    return [
        np.asarray(a).tobytes()
        for a in (*model.get_weights(), *kept, model._compiled_step().root.steps_done, model.optimizer.iterations)
    ]


def fitted(make: Any, x: Any = X, y: Any = Y, **options: Any) -> tuple[Any, ...]:
    options = {"batch_size": 8, "epochs": 3, "verbose": 0, "nan": "ignore", **options}
    model = make()
    with np.errstate(all="ignore"):
        history = model.fit(x, y, **options).history
    return str(history), state_of(model)  # in which NaN equals NaN


def check(made: list[int], make: Any, *data: Any, **options: Any) -> None:
    """The same bits with steps that are computed and with those that are made at once, of which there are many."""
    with config.use_graphs("off"):
        expected = fitted(make, *data, **options)
    assert not any(made)
    found = fitted(make, *data, **options)
    assert found == expected
    assert sum(made) > 3 * STEPS / 2


# -- the bits ------------------------------------------------------------------------------------------------------------

DECAY = schedules.ExponentialDecay(0.1, 10, 0.5)
RULES = {
    "SGD": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: Adam(0.01),
    "AdamW": lambda: AdamW(DECAY, weight_decay=0.1),
    "Nadam": lambda: Nadam(0.01),
    "RMSprop": lambda: RMSprop(0.01),
    "decay": lambda: SGD(DECAY),
    "steps": lambda: Adam(schedules.PiecewiseConstantDecay([20, 60], [0.1, 0.05, 0.01])),
    "cycle": lambda: SGD(schedules.OneCycle(0.5, 3 * STEPS)),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str, several: list[int]) -> None:
    check(several, lambda: compiled(RULES[rule](), rate=0.3))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("labels", ["int64", "int32", "uint8", "bool", "float32"])
def test_every_kind_of_labels(labels: str, shuffle: bool, several: list[int]) -> None:
    y = Y.astype(labels)
    check(several, lambda: compiled(SGD(0.1)), X, y, shuffle=shuffle)


SEQUENCES: dict[str, Any] = {
    "LSTM": lambda: [LSTM(5)],
    "LSTM of many units": lambda: [LSTM(200)],  # W and U do not stay in a cache: the input's part is a product before
    "LSTM without a bias": lambda: [LSTM(5, use_bias=False)],
    "on each other": lambda: [LSTM(5, return_sequences=True), GRU(4)],
    "all times": lambda: [GRU(5, return_sequences=True), Flatten()],
    "GRU without a bias": lambda: [GRU(5, use_bias=False)],
    "SimpleRNN": lambda: [SimpleRNN(5)],
    "LayerNormalization": lambda: [LayerNormalization(), Flatten()],
    "LayerNormalization alone": lambda: [LayerNormalization(center=False, scale=False), Flatten()],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name: str, several: list[int]) -> None:
    def make() -> Sequential:
        minidl.set_seed(3)
        model = Sequential([*SEQUENCES[name](), Dense(CLASSES, "softmax")])
        model.build((4, 3))
        model.compile(Adam(0.01), "sparse_categorical_crossentropy")
        return model

    check(several, make, X.reshape(N, 4, 3), Y)


def test_ids(several: list[int]) -> None:
    def make() -> Sequential:
        minidl.set_seed(3)
        model = Sequential([Embedding(20, 3), Flatten(), Dense(CLASSES, "softmax")])
        model.build((4,))
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        return model

    check(several, make, RNG.integers(0, 20, (N, 4)), Y)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("width", [WIDTH, 2100])
def test_every_kind_of_data(kind: str, width: int, shuffle: bool, several: list[int]) -> None:
    x = RNG.uniform(0, 255 if kind == "uint8" else 1, size=(N, width)).astype(kind)

    def make() -> Sequential:
        scaled = [Rescaling(1 / 255)] if kind == "uint8" else []
        minidl.set_seed(3)
        model = Sequential([*scaled, Dense(CLASSES, "softmax")])
        model.build((width,))
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        return model

    with config.use_graphs("off"):
        expected = fitted(make, x, shuffle=shuffle)
    assert fitted(make, x, shuffle=shuffle) == expected
    assert sum(several) > 3 * STEPS / 2 or (kind != "float32" and not shuffle)  # what has to be cast is taken by index


@pytest.mark.parametrize("kind", [">f4", ">f8", "float16", "longdouble", "uint32"])
def test_other_types(kind: str) -> None:
    """Whatever NumPy has to do for them."""
    x, y = X.astype(kind), np.abs(X[:, :CLASSES]).astype(kind)
    for of_x, of_y, shuffle in ((x, Y, True), (X, y, True), (X, y, False)):
        loss = "sparse_categorical_crossentropy" if of_y is Y else "mean_squared_error"
        with config.use_graphs("off"):
            expected = fitted(lambda loss=loss: compiled(SGD(0.1), loss), of_x, of_y, shuffle=shuffle)
        assert fitted(lambda loss=loss: compiled(SGD(0.1), loss), of_x, of_y, shuffle=shuffle) == expected


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("large", [False, True])
def test_data_in_another_order(large: bool, shuffle: bool, several: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones are copied once; of large ones steps are made one by one."""
    if large:
        monkeypatch.setattr(batches, "IN_ORDER", 0)
    x, y = np.asfortranarray(X), np.repeat(Y, 3)[::3]
    with config.use_graphs("off"):
        expected = fitted(lambda: compiled(SGD(0.1)), x, y, shuffle=shuffle)
    assert fitted(lambda: compiled(SGD(0.1)), x, y, shuffle=shuffle) == expected
    assert any(several) != large


def test_large_data_as_they_stand_are_looked_at_first(several: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_CHUNK", 100)
    check(several, lambda: compiled(SGD(0.1)), X, Y, shuffle=False, nan="warn", epochs=5)


def test_targets_of_many_numbers(several: list[int]) -> None:
    y = np.eye(CLASSES, dtype="float32")[Y]
    check(several, lambda: compiled(SGD(0.1), "mean_squared_error"), X, y)


@pytest.mark.parametrize("size", [1, 2, 100, 202, 403, 500])
def test_every_size_of_batch(size: int) -> None:
    with config.use_graphs("off"):
        expected = fitted(lambda: compiled(Adam(0.01)), batch_size=size)
    assert fitted(lambda: compiled(Adam(0.01)), batch_size=size) == expected


def test_bits_do_not_depend_on_how_many_steps_are_made_at_once(monkeypatch: pytest.MonkeyPatch, several: list[int]) -> None:
    expected = fitted(lambda: compiled(Adam(0.01), metrics=["accuracy"]))
    for most in (1, 2, 7):
        several.clear()
        monkeypatch.setattr(at_once, "FEWEST", most)
        monkeypatch.setattr(at_once, "MOST", most)
        assert fitted(lambda: compiled(Adam(0.01), metrics=["accuracy"])) == expected
        assert max(several) == most


def test_long_steps_are_made_one_by_one(monkeypatch: pytest.MonkeyPatch, several: list[int]) -> None:
    monkeypatch.setattr(at_once, "LONGEST", 0.0)
    fitted(lambda: compiled(SGD(0.1)))
    assert not several


def test_steps_at_once_that_took_long_are_fewer_next_time() -> None:
    several = at_once.AtOnce(object(), CallbackList([], None, {}))
    several._adapt(0.0, 1)
    assert several._steps == 2 * at_once.FEWEST
    several._adapt(2 * at_once.LONGEST, 1)
    several._adapt(2 * at_once.LONGEST, 1)
    assert several._steps == at_once.FEWEST / 2
    several._adapt(0.0, at_once._KEPT)
    assert several._steps == 1


def test_results_that_metrics_have_not_seen_take_little_memory(monkeypatch: pytest.MonkeyPatch, several: list[int]) -> None:
    monkeypatch.setattr(at_once, "_KEPT", 10 * 8 * CLASSES * 4)
    fitted(lambda: compiled(SGD(0.1), metrics=["accuracy"]))
    assert max(several) <= 10


def test_other_data_of_the_same_shape() -> None:
    def run() -> list[bytes]:
        model = compiled(SGD(0.1))
        for x, y in data:
            model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return state_of(model)

    data = [(sign * X, np.roll(Y, sign)) for sign in (1, -1, 2)]  # at addresses of their own

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected


def test_what_changes_between_epochs_holds_from_the_next_step_on(several: list[int]) -> None:
    def run() -> list[bytes]:
        model = compiled(Adam(0.1), rate=0.5)

        def change(epoch: int, logs: Any) -> None:
            model.optimizer.learning_rate = 0.1 / (epoch + 1)
            if epoch == 1:
                model.layers[1].rate = 0.1
                model.layers[0].trainable = False

        model.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[LambdaCallback(on_epoch_end=change)])
        return state_of(model)

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected
    assert sum(several) > 2 * STEPS


def test_steps_one_by_one_between_those_at_once() -> None:
    def run() -> list[bytes]:
        model = compiled(Adam(0.1))
        for _ in range(3):
            model.fit(X, Y, batch_size=8, epochs=1, verbose=0)
            for start in range(3):
                model.train_on_batch(X[start : start + 8], Y[start : start + 8])
        return state_of(model)

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected


def test_steps_of_large_batches_one_by_one_between() -> None:
    x = RNG.normal(size=(N, 2100)).astype("float32")

    def run(shuffle: bool) -> list[bytes]:
        minidl.set_seed(3)
        model = Sequential([Dense(CLASSES, "softmax", input_shape=(2100,))])
        model.compile(Adam(0.01), "sparse_categorical_crossentropy")
        for _ in range(3):
            model.fit(x, Y, batch_size=8, epochs=1, verbose=0, shuffle=shuffle)
            batch = x[:8].copy()
            for _ in range(2):
                model.train_on_batch(batch, Y[:8])
        return state_of(model)

    for shuffle in (True, False):
        with config.use_graphs("off"):
            expected = run(shuffle)
        assert run(shuffle) == expected


def test_a_recording_has_to_be_trusted(several: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that are all alike have proven nothing: their steps are made one by one until they are others."""
    steps_at: list[int] = []
    whole = tape._Recorded.several

    def noted(self: Any, *arguments: Any) -> Any:
        assert self.trusted
        assert not self.unproven
        steps_at.append(1)
        return whole(self, *arguments)

    monkeypatch.setattr(tape._Recorded, "several", noted)
    monkeypatch.setattr(tape, "_turned_around", lambda a: a)
    y = np.where(np.arange(N) < N // 2, 1, Y)
    with config.use_graphs("off"):
        expected = fitted(lambda: compiled(Adam(0.01)), X, y, shuffle=False)
    several.clear()
    assert fitted(lambda: compiled(Adam(0.01)), X, y, shuffle=False) == expected
    assert several[:6] == [0] * 6
    assert steps_at


def test_numbers_that_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps by themselves all have the same rate, and those between them others."""
    monkeypatch.setattr(at_once, "FEWEST", 9)
    monkeypatch.setattr(at_once, "MOST", 9)
    check_schedule = lambda: compiled(SGD(schedules.CosineDecayRestarts(0.5, 10, t_mul=1.0)))  # noqa: E731
    with config.use_graphs("off"):
        expected = fitted(check_schedule)
    assert fitted(check_schedule) == expected


def test_a_batch_that_was_trained_with_before_those_at_once() -> None:
    x = RNG.normal(size=(N, 2100)).astype("float32")

    def run() -> list[bytes]:
        minidl.set_seed(3)
        model = Sequential([Dense(CLASSES, "softmax", input_shape=(2100,))])
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        step, data = model._compiled_step(), arrays.ArrayData.of_valid(x, Y).batches(8, np.arange(N)[::-1].copy())
        for batch in (first := next(data), next(data), next(data), next(data), first):
            step.train(batch)
        ahead = data.ahead()
        done, _ = step.train_several(ahead, 5, False) if config.graphs() != "off" else (0, [])
        data.skip(done)
        for _ in range(5 - done):
            step.train(next(data))
        step.train(first)
        return state_of(model)

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected


@pytest.fixture
def trusted() -> tuple[Any, Any]:
    """A step that was recorded and is trusted, and batches that come next."""
    model = compiled(SGD(0.1), rate=0.5)
    step, data = model._compiled_step(), arrays.ArrayData.of_valid(X, Y).batches(8, np.arange(N))
    for _ in range(5):
        step.train(next(data))
    return step, data.ahead()


def test_what_has_to_be_so_for_steps_at_once(trusted: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    step, ahead = trusted
    assert step.train_several(ahead, 3, False)[0] == 3
    assert step.train_several(ahead._replace(order=ahead.order.astype("int32")), 3, False)[0] == 0
    assert step.train_several(ahead._replace(order=ahead.order[::-1]), 3, False)[0] == 0
    assert step.train_several(ahead._replace(size=7), 3, False)[0] == 0
    monkeypatch.setattr(tape, "forks", tape.forks + 1)
    assert step.train_several(ahead, 3, False)[0] == 0
    monkeypatch.undo()
    monkeypatch.setattr(step._recorded, "_looked", False)
    assert step.train_several(ahead, 3, False)[0] == 0
    monkeypatch.undo()
    step.train = step.train  # somebody's own
    assert step.train_several(ahead, 3, False)[0] == 0
    del step.train
    assert step.train_several(ahead, 3, False)[0] == 3
    step.root.layers[1].rate = 0.1
    assert step.train_several(ahead, 3, False)[0] == 0


def test_a_team_of_threads() -> None:
    """Steps whose kernels share out their work."""
    x = RNG.normal(size=(1000, 784)).astype("float32")
    y = RNG.integers(0, 10, 1000)
    models: list[Sequential] = []

    def make() -> Sequential:
        minidl.set_seed(3)
        model = Sequential([Dense(128, "relu", input_shape=(784,)), Dense(10, "softmax")])
        model.compile(SGD(0.1), "sparse_categorical_crossentropy")
        models.append(model)
        return model

    with config.use_graphs("off"):
        expected = fitted(make, x, y, batch_size=100)
    assert fitted(make, x, y, batch_size=100) == expected
    (known,) = models[1]._compiled_step()._recorded.recorder._steps.values()
    assert known._runs[0].has_team == (config.threads() > 1 and stays_together())


def test_two_threads_train_models_of_their_own() -> None:
    expected = fitted(lambda: compiled(Adam(0.01)), epochs=10)
    models, found = [compiled(Adam(0.01)) for _ in range(3)], []

    def work(model: Sequential) -> None:
        found.append(fitted(lambda: model, epochs=10))

    threads = [threading.Thread(target=work, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


# -- who looks at each step ----------------------------------------------------------------------------------------------


class Seen(Callback):
    """Notes the batches it is called for."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.batches.append(batch)


class SeenNowAndThen(Seen):
    """May be called for some."""

    @now_and_then
    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.batches.append(batch)
        assert logs["loss"] == logs["loss"]


class OwnBar(ProgressBar):
    """Overrides a moment that is marked."""

    seen = 0

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.seen += 1


def test_a_callback_is_called_for_each_batch(several: list[int]) -> None:
    seen = Seen()
    fitted(lambda: compiled(SGD(0.1)), callbacks=[seen, SeenNowAndThen()])
    assert seen.batches == 3 * list(range(STEPS))
    bar = OwnBar(0)
    fitted(lambda: compiled(SGD(0.1)), callbacks=[bar])
    assert bar.seen == 3 * STEPS
    assert not several


def test_a_moment_that_may_be_called_now_and_then(several: list[int]) -> None:
    seen = SeenNowAndThen()
    fitted(lambda: compiled(SGD(0.1)), callbacks=[seen])
    assert sum(several) > STEPS
    assert len(seen.batches) == 3 * STEPS - sum(several)
    assert seen.batches.count(STEPS - 1) == 3
    for before, after in zip(seen.batches, seen.batches[1:]):
        assert after > before or before == STEPS - 1


def test_a_callback_stops_training_between_two_batches() -> None:
    model = compiled(SGD(0.1))

    class Stop(SeenNowAndThen):
        @now_and_then
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            super().on_train_batch_end(batch, logs)
            self.model.stop_training = batch > 20

    stop = Stop()
    model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[stop])
    assert model.optimizer.iterations == stop.batches[-1] + 1 < STEPS


def test_progress_is_shown_all_the_same(capsys: pytest.CaptureFixture[str], several: list[int]) -> None:
    compiled(SGD(0.1)).fit(X, Y, batch_size=8, epochs=2, verbose=1)
    assert "Epoch 2/2" in capsys.readouterr().out
    assert sum(several) > STEPS


@pytest.mark.parametrize("outputs", [1, 3])
def test_metrics(outputs: int, several: list[int]) -> None:
    y = (RNG.random((N, outputs)) > 0.5).astype("float32")

    def make() -> Sequential:
        model = network(outputs=outputs, activation="tanh")
        model.compile(SGD(0.1), "mse", metrics=["accuracy", BinaryAccuracy(), MeanSquaredError("again"), "mae", "Precision"])
        return model

    for targets in (y, y[:, 0]) if outputs == 1 else (y,):
        several.clear()
        check(several, make, X, targets)


@pytest.mark.parametrize("labels", [Y, Y[:, None], np.eye(CLASSES, dtype="float32")[Y]])
def test_accuracy_counts_all_batches_together(labels: np.ndarray) -> None:
    loss = "mean_squared_error" if labels.shape == (N, CLASSES) else "sparse_categorical_crossentropy"
    with config.use_graphs("off"):
        expected = fitted(lambda: compiled(SGD(0.1), loss, metrics=["accuracy"]), X, labels)
    assert fitted(lambda: compiled(SGD(0.1), loss, metrics=["accuracy"]), X, labels) == expected


def test_a_metric_of_somebodys_own_sees_each_batch(several: list[int]) -> None:
    calls = []

    def largest(y_true: Any, y_pred: Any) -> Any:
        calls.append(len(y_pred))
        return y_pred.max(axis=-1)

    fitted(lambda: compiled(SGD(0.1), metrics=[largest]))
    assert not several
    assert calls == 3 * [*[8] * (STEPS - 1), N % 8]


def test_a_schedule_of_somebodys_own_is_asked_at_each_step(several: list[int]) -> None:
    model = compiled(SGD(0.1))
    asked = []

    def rate(step: int) -> float:
        asked.append((step, model.optimizer.iterations))
        if step == 40:
            raise ValueError("enough")
        return 0.1

    model.optimizer.learning_rate = rate
    with pytest.raises(ValueError, match="enough"):
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    assert model.optimizer.iterations == 40
    assert not any(several)

    class Own(schedules.Schedule):
        def __call__(self, step: int) -> float:
            return 0.1

    for schedule in (Own(), schedules.WarmUp(Own(), 3)):
        fitted(lambda schedule=schedule: compiled(SGD(schedule)))
        assert not any(several)
    fitted(lambda: compiled(SGD(schedules.WarmUp(DECAY, 3))))
    assert any(several)


def test_a_schedule_that_fails_does_so_at_its_step() -> None:
    class Failing(schedules.ExponentialDecay):
        __module__ = "minidl.schedules"

        def __call__(self, step: int) -> float:
            return 0.1 if step < 40 else float("nan")

    model = compiled(SGD(Failing(0.1, 10, 0.5)))
    with pytest.raises(Exception, match="step 40"):
        model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    assert model.optimizer.iterations == 40


# -- what goes wrong -----------------------------------------------------------------------------------------------------


def test_a_step_that_cannot_be_made_is_made_by_itself(monkeypatch: pytest.MonkeyPatch, several: list[int]) -> None:
    expected = fitted(lambda: compiled(Adam(0.1), metrics=["accuracy"]))
    whole = tape._Recorded.several

    def shorter(self: Any, rows: Any, steps: int, *rest: Any) -> Any:
        return whole(self, rows, max(steps - 3, 0), *rest)

    several.clear()
    monkeypatch.setattr(tape._Recorded, "several", shorter)
    assert fitted(lambda: compiled(Adam(0.1), metrics=["accuracy"])) == expected
    assert any(several)


@pytest.mark.parametrize("sample", range(0, N, 40))
def test_numbers_that_are_not_finite_in_a_large_x_are_reported_before_their_batch(
    sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_CHUNK", 100)
    x = X.copy()
    x[sample, 3] = np.nan

    def run() -> tuple[Any, list[bytes]]:
        model = compiled(SGD(0.1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumericWarning)
            warnings.simplefilter("error", DataWarning)
            with pytest.raises(DataWarning, match=f"sample {sample}:"):
                model.fit(x, Y, batch_size=8, epochs=3, verbose=0)
        return model.optimizer.iterations, state_of(model)

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected
    assert expected[0] < STEPS


@pytest.mark.parametrize("batch", range(30, 40))
def test_a_loss_that_becomes_infinite_is_reported_with_its_batch(batch: int, several: list[int]) -> None:
    y = np.random.default_rng(batch).random((N, CLASSES)).astype("float32")
    y[2 * batch] = 1e30  # whose square is not

    def run() -> tuple[list[str], int]:
        model = compiled(SGD(0.1), "mean_squared_error")
        with warnings.catch_warnings():
            warnings.simplefilter("error", NumericWarning)
            with pytest.raises(NumericWarning) as raised:
                model.fit(X, y, batch_size=2, epochs=2, verbose=0, shuffle=False)
        return str(raised.value), model.optimizer.iterations

    with config.use_graphs("off"):
        expected, _ = run()
    found, steps = run()
    assert found == expected
    assert f"epoch 1, batch {batch + 1};" in found
    assert any(several)
    assert steps < 150 < N // 2  # losses are looked at from time to time


def test_nan_raise_looks_at_each_loss(several: list[int]) -> None:
    fitted(lambda: compiled(SGD(0.1)), nan="raise")
    assert not several


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_ctrl_c_ends_training_after_a_whole_step(several: list[int]) -> None:
    model = compiled(Adam(0.01))
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, epochs=100_000, verbose=0)
    assert any(several)
    steps = model.optimizer.iterations
    again = compiled(Adam(0.01))
    seen = 0

    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            self.model.stop_training = again.optimizer.iterations == steps

    while again.optimizer.iterations < steps:
        epochs, seen = (2, 1) if not seen else (steps, 1)
        again.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[Stop()])
    assert state_of(again) == state_of(model)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where an array is being given back
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such signals")
def test_what_a_signals_handler_raises_leaves_fit_with_all_steps_counted() -> None:
    def enough(number: int, frame: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, enough)
    try:
        model = compiled(Adam(0.01))
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        for k in range(30):
            signal.setitimer(signal.ITIMER_REAL, 0.003 + 0.0007 * k, 0.2)  # again, as Python drops what is raised there
            with pytest.raises(TimeoutError):
                model.fit(X, Y, batch_size=8, epochs=100_000, verbose=0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            apart = int(model._compiled_step().root.steps_done[0]) - model.optimizer.iterations
            assert abs(apart) <= 1
            model.optimizer.iterations += apart
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_arrays_that_are_changed_in_place_into_others() -> None:
    def run() -> list[bytes]:
        model, x, y = compiled(SGD(0.1)), X.copy(), Y.copy()
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 2.5 asks for new arrays
            x.dtype = np.int32
        x[...] = np.arange(x.size).reshape(x.shape) % 7
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            x.resize((N - 5, WIDTH), refcheck=False)
            y.resize(N - 5, refcheck=False)
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return state_of(model)

    with config.use_graphs("off"):
        expected = run()
    assert run() == expected


def test_a_rate_beyond_range_is_infinite_without_a_word(several: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(several, lambda: compiled(SGD(schedules.PiecewiseConstantDecay([50], [0.1, 1e39]))))


class Noting(MeanAbsoluteError):
    """A loss of somebody's own."""

    def per_sample(self, y_pred: Any, targets: Any) -> Any:
        return super().per_sample(y_pred, targets)


def test_metrics_with_something_of_somebodys_own_see_each_batch(several: list[int]) -> None:
    own = MeanSquaredError("own")
    own.per_sample = lambda y_true, y_pred: y_pred[..., 0]
    y = np.eye(CLASSES, dtype="float32")[Y]
    for metric in (own, OfLoss(Noting())):
        fitted(lambda metric=metric: compiled(SGD(0.1), "mse", metrics=[metric]), X, y)
        assert not any(several)
    fitted(lambda: compiled(SGD(0.1), "mse", metrics=[OfLoss(MeanAbsoluteError()), "accuracy", "AUC"]), X, y)
    assert any(several)


def test_data_are_let_go_and_stay_as_they_are() -> None:
    for shuffle in (True, False):
        model, x, y = compiled(SGD(0.1)), X.copy(), Y.copy()
        x.flags.writeable = y.flags.writeable = False
        model.fit(x, y, batch_size=8, epochs=3, verbose=0, shuffle=shuffle)
        known = weakref.ref(x)
        assert (x == X).all()
        assert (y == Y).all()
        del x, y
        gc.collect()
        assert known() is None
        model.fit(X, Y, batch_size=8, epochs=1, verbose=0)
