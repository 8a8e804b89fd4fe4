"""Recorded steps on the CPU: the bits of computed ones, for every layer, loss and optimizer; and what is never recorded."""

from __future__ import annotations

import copy
import pickle
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend import tape
from minidl.backend.dispatch import CPU, op
from minidl.backend.threads import set_threads, use_threads
from minidl.callbacks import LambdaCallback
from minidl.compat.keras.layers.own import DroppingEmbedding
from minidl.constraints import NonNeg
from minidl.data import Batch
from minidl.errors import NumericWarning
from minidl.kernels.numba import linear
from minidl.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Concatenate,
    Context,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    SimpleRNN,
)
from minidl.losses import CategoricalCrossentropy, Hinge, MeanSquaredError, SparseCategoricalCrossentropy
from minidl.models import Model, Sequential
from minidl.ops.cross_entropy import sparse_softmax_cross_entropy
from minidl.ops.linear import dense_grad_W
from minidl.optimizers import SGD, Adam, RMSprop
from minidl.regularizers import L1L2, L2
from minidl.training.recorded import _layers_in, replays
from tests.cases.layers import LAYERS, LOSSES, LossCase
from tests.cases.optimizers import OPTIMIZERS, label, make_optimizer
from tests.cases.sample import mostly, only
from tests.gpu.test_layers import OPTIMIZERS_AND_OPTIONS, several

STEPS = 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype("float32")
Y = RNG.integers(0, 3, 48)


@pytest.fixture(autouse=True)
def reasons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(tape, "reasons", found)
    return found


def recordings(model: Any) -> list[Any]:
    """The tapes of a model that are in use."""
    return [known for known in model._compiled_step()._recorded.recorder._steps.values() if isinstance(known, tape._Recorded)]


def in_both_ways(run: Any) -> Any:
    """What ``run()`` gives with recorded steps, which is what it gives without."""
    with config.use_graphs("off"):
        expected = run()
    with config.use_graphs("on"):
        found = run()
    assert found == expected
    return found


class Doubled(MeanSquaredError):
    """A loss of somebody's own, which prepares targets in NumPy."""

    replays = True

    def prepare(self, y_true: Any, y_pred: Any) -> Any:
        return 2 * super().prepare(y_true, y_pred)


# -- parts of a step -----------------------------------------------------------------------------------------------------


class Part:
    """What a recorder asks, for a part of a step."""

    quiet = False

    def __init__(self, arrays: Any) -> None:
        self.arrays = arrays

    def objection(self) -> str:
        return ""

    def state(self) -> list[np.ndarray]:
        return self.arrays()

    def aside(self) -> Any:
        return getattr(self.arrays, "aside", nullcontext)()

    def held(self) -> list[np.ndarray]:
        return self.arrays()


def numbers_of(compute: Any, batches: Any, state: Any, recorder: Any, before: Any = lambda: None) -> list[bytes]:
    """All numbers of several steps, each with other inputs."""
    found = []
    for batch in batches:
        before()
        if recorder is None:
            result = compute(list(batch))
        else:
            result = recorder.run("a step", compute, batch, lambda: None, Part(state))
        found += [np.asarray(a).tobytes() for a in result]
    return found


def check(make: Any, reasons: list[str], monkeypatch: pytest.MonkeyPatch, refused: str = "") -> None:
    """The same bits, by a tape in all steps but the first three; or without one, for a reason with the words ``refused``."""
    monkeypatch.setattr(tape, "WARM_UP", 1)
    compute, batches, state, *before = make()
    expected = numbers_of(compute, batches, state, None, *before)
    compute, batches, state, *before = make()
    recorder = tape.Recorder()
    assert numbers_of(compute, batches, state, recorder, *before) == expected
    if refused:
        assert [refused in reason for reason in reasons] == [True], reasons
        assert recorder._steps["a step"] is None
    else:
        assert reasons == []
        assert recorder._steps["a step"].trusted  # type: ignore[union-attr]


def is_recorded(name: str) -> bool:
    """Whether a case's layers all say that they can be recorded."""
    return all(replays(layer) for layer in _layers_in(LAYERS[name].layer("float32")))


# A penalty on a layer's result is a sum that NumPy computes.
RECORDED = [name for name in LAYERS if is_recorded(name) and not name.endswith("_penalised")]


REFUSED = {  # of them, what is seen only while they compute
    "goes from step to step": ["lstm_gelu", "gru_swish", "gru_softmax", "simple_rnn_elu"]
    + [f"{kind}_both_dropouts" for kind in ("simple_rnn", "lstm", "gru")]
    + ["gru_before_dropout", "lstm_states_dropped"],
    "drops a part": [f"{kind}_dropout" for kind in ("simple_rnn", "lstm", "gru")],
    "turns its input": ["layer_norm_axis_1", "layer_norm_two_axes"],
    "rows of a gradient": ["embedding_few_of_many", "embedding_read_twice"],
    "makes a mask": ["batch_norm_masked", "embedding_masked", "embedding_masked_max"],
}
WHY = {name: reason for reason, names in REFUSED.items() for name in names}


ALWAYS = [*RECORDED[::12], "lstm", "gru", "simple_rnn", "embedding", "layer_norm", *(names[0] for names in REFUSED.values())]


@pytest.mark.parametrize("name", only(RECORDED, always=ALWAYS))
def test_layer(name: str, reasons: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, backward and the new state; random numbers are drawn anew in each replay."""
    case = LAYERS[name]
    monkeypatch.setattr(tape, "COPIED", 0)  # inputs are looked at where they stand, as large ones are

    def make() -> Any:
        layer = case.layer("float32")
        inputs = [several(case.inputs(seed=seed)) for seed in range(STEPS)]
        shape = layer.forward(case.inputs(), training=case.training).shape
        rng = np.random.default_rng(5)
        batches = [
            [*(x if case.ids else x.astype("float32") for x in xs), rng.normal(size=shape).astype("float32")] for xs in inputs
        ]

        def compute(arrays: list[Any]) -> Any:
            *x, dy = arrays
            for p in layer.parameters:
                p.zero_grad()
            context = Context(case.training, step=layer.steps_done)
            y, saved = layer.apply(tuple(x) if layer.takes_many else x[0], context)
            dx = layer.gradient(dy, saved)
            context.commit()
            layer.count_step()
            gradients = [p.grad for p in layer.parameters if p.trainable]
            return [a for a in (y, *several(dx), *gradients, *(p.value for p in layer.weights)) if a is not None]

        return compute, batches, lambda: [layer.steps_done, *(p.value for p in layer.weights)]

    check(make, reasons, monkeypatch, WHY.get(name, ""))


@pytest.mark.parametrize("masked", only([False, True], always=[True]), ids=["", "masked"])
@pytest.mark.parametrize("case", only(LOSSES.values(), always=list(LOSSES.values())[::12]), ids=lambda case: case.name)
def test_loss(case: LossCase, masked: bool, reasons: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Value, gradient and prediction, of targets that were checked before."""
    monkeypatch.setattr(tape, "COPIED", 0)

    def make() -> Any:
        loss, batches = case.make(), []
        for step in range(STEPS):
            y_pred = np.roll(case.y_pred(), step, axis=0).astype("float32")
            batch = [y_pred, np.roll(case.y_true(), step, axis=0)]
            batch += [case.sample_weight()] if case.weights else []
            batch += [np.arange(len(y_pred)) % 3 > 0] if masked else []
            batches.append(batch)

        def compute(arrays: list[Any]) -> Any:
            y_pred, y_true, *rest = arrays
            mask = rest.pop() if masked else None
            value, saved = loss.compute(y_pred, y_true, rest[0] if rest else None, mask)
            return [value, loss.gradient(saved), loss.prediction(y_pred, saved)]

        return compute, batches, list

    check(make, reasons, monkeypatch)


@pytest.mark.parametrize("case", OPTIMIZERS_AND_OPTIONS, ids=label)
def test_optimizer(case: Any, reasons: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers are put in place before the step; the rule, decay and clipping are part of it."""
    from minidl.parameters import Parameter, ParameterGroup

    def make() -> Any:
        rng = np.random.default_rng(1)
        parameters = [Parameter(rng.normal(size=(3, 4)).astype("float32"), name) for name in "ab"]
        parameters[0].learning_rate_multiplier = 0.5
        optimizer = make_optimizer(*case)
        group = ParameterGroup(parameters, optimizer.slots)
        optimizer.bind(group)
        made = [0]

        def state() -> list[np.ndarray]:
            return [a for p in parameters for a in (p.value, *group.state_of(p))]

        @contextmanager
        def aside() -> Any:
            iterations = optimizer.iterations
            yield
            optimizer.iterations = iterations

        state.aside = aside  # type: ignore[attr-defined]

        def prepare() -> None:
            optimizer.iterations, made[0] = made[0], made[0] + 1
            optimizer.prepare(group)

        def compute(arrays: list[Any]) -> Any:
            for p, grad in zip(parameters, arrays):
                p.zero_grad()
                p.add_grad(grad)
            optimizer.step(group)
            return state()

        batches = [[rng.normal(size=(3, 4)).astype("float32") for _ in parameters] for _ in range(STEPS)]
        return compute, batches, state, prepare

    check(make, reasons, monkeypatch)


# -- whole models ----------------------------------------------------------------------------------------------------------


def classifier(*layers: Layer, optimizer: Any = None, loss: Any = "sparse_categorical_crossentropy") -> Sequential:
    minidl.set_seed(3)
    model = Sequential([Input((6,)), *layers, Dense(3, activation="softmax")])
    model.compile(SGD(0.1) if optimizer is None else optimizer, loss, metrics=["accuracy"])
    return model


def deep() -> Sequential:
    return classifier(Dense(40, activation="relu"), BatchNormalization(), Dense(32), Activation("tanh"), Dropout(0.3))


def weights_of(model: Any) -> list[bytes]:
    return [w.tobytes() for w in model.get_weights()]


def fitted(model: Any, **options: Any) -> list[Any]:
    history = model.fit(X, Y, 8, epochs=4, verbose=0, **options).history
    return [history, weights_of(model), model.optimizer.iterations]


def test_a_fit_gives_the_same_numbers(reasons: list[str]) -> None:
    models: list[Any] = []

    def run() -> Any:
        models.append(deep())
        return fitted(models[-1], validation_split=0.25)

    in_both_ways(run)
    assert reasons == []
    assert models[0]._compiled_step()._recorded is None
    eight, four = recordings(models[1])  # the last batch of each epoch is one of 4 samples
    assert eight.trusted
    assert four.trusted
    assert 0 < eight.tape.memory < 1 << 20


@pytest.mark.parametrize("name", sorted({name for name, _ in OPTIMIZERS}))
def test_steps_of_every_optimizer_are_replayed(name: str) -> None:
    model = classifier(Dense(9), optimizer=make_optimizer(name, {}))
    fitted(model)
    assert [recording.trusted for recording in recordings(model)] == [True]


def test_batches_of_every_shape_have_their_tape() -> None:
    def run() -> Any:
        model = deep()
        for _ in range(6):
            for n in (2, 5, 16):
                model.train_on_batch(X[:n], Y[:n])
        if config.graphs() == "on":
            assert sum(recording.trusted for recording in recordings(model)) == 3
        return weights_of(model)

    in_both_ways(run)


def test_there_are_not_more_tapes_than_a_few() -> None:
    model = deep()
    for n in range(2, 40):
        model.train_on_batch(X[:n], Y[:n])
    assert len(model._compiled_step()._recorded.recorder._steps) == tape.MOST


def times_computed(
    recorder: Any, key: Any, calls: int, compute: Any = lambda arrays: tape.again(np.negative, arrays[0])
) -> int:
    """In how many of so many steps Python computes, and does not replay."""
    computed = []

    def counted(arrays: Any) -> Any:
        computed.append(arrays)
        return compute(arrays)

    for n in range(calls):
        recorder.run(key, counted, [np.full(3, float(n))], lambda: None, Part(something))
    return len(computed)


def test_a_small_step_is_replayed_from_the_fifth_on(reasons: list[str]) -> None:
    """Two are computed, in which kernels are compiled, one is noted, and one is computed and replayed, as is a made-up one."""
    assert [times_computed(tape.Recorder(), "a step", calls) for calls in (3, 4, 5, 20)] == [3, 5, 5, 5]
    assert reasons == []


def test_sixteen_shapes_are_replayed_and_go_on_to_be() -> None:
    recorder = tape.Recorder()
    assert [times_computed(recorder, shape, 6) for shape in range(18)] == [5] * 16 + [6] * 2
    assert [times_computed(recorder, shape, 2) for shape in range(18)] == [0] * 16 + [2] * 2


@pytest.mark.parametrize(("mebibytes", "kept"), [(11, True), (13, False)])
def test_a_step_that_holds_on_to_twelve_mebibytes_is_computed_anew(mebibytes: int, kept: bool, reasons: list[str]) -> None:
    def compute(arrays: Any) -> Any:
        tape.again(np.empty, mebibytes << 20, np.uint8)
        return tape.again(np.negative, arrays[0])

    recorder = tape.Recorder()
    assert times_computed(recorder, "a step", 8, compute) == (5 if kept else 8)
    assert recorder.refused("a step") is not kept
    assert len(reasons) == (0 if kept else 1)


CHANGES: dict[str, Any] = {
    "rate": lambda model: setattr(model.optimizer, "learning_rate", 0.01),
    "momentum": lambda model: setattr(model.optimizer, "momentum", 0.5),
    "dropout": lambda model: setattr(model.layers[4], "rate", 0.6),
    "frozen": lambda model: setattr(model.layers[0], "trainable", False),
    "penalty": lambda model: setattr(model.layers[0].W, "regularizer", L1L2(0.01, 0.02)),
    "epsilon": lambda model: setattr(model.layers[1], "epsilon", 0.1),
    "weights": lambda model: model.set_weights([w * 0.5 for w in model.get_weights()]),
    "nothing": lambda model: None,
    "other kernels": lambda model: config.set_kernels("reference"),
    "threads": lambda model: set_threads(1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_between_steps_reaches_recorded_ones(what: str) -> None:
    def run() -> Any:
        model = classifier(
            Dense(40, activation="relu"), BatchNormalization(), Dense(32), Activation("tanh"), Dropout(0.3),
            optimizer=SGD(0.1, momentum=0.9),
        )  # fmt: skip
        change = LambdaCallback(on_epoch_begin=lambda epoch, logs: CHANGES[what](model) if epoch == 2 else None)
        kernels = config.kernels()
        try:
            with use_threads(config.threads()):
                return fitted(model, callbacks=[change])
        finally:
            config.set_kernels(kernels)

    in_both_ways(run)


CHANGES_OF_TIME: dict[str, Any] = {
    "momentum of NumPy's": lambda model, time: setattr(model.optimizer, "momentum", np.float32(0.9 - 0.2 * time)),
    "momentum in an array": lambda model, time: setattr(model.optimizer, "momentum", np.array(0.9 - 0.2 * time)),
    "a truth of NumPy's": lambda model, time: setattr(model.optimizer, "nesterov", np.bool_(time % 2)),
    "rule": lambda model, time: setattr(
        model.optimizer, "update", partial(SGD.update, model.optimizer) if time % 2 else Idle()
    ),
    "rate in an array": lambda model, time: np.copyto(model.layers[4].rate, 0.1 + 0.2 * time),
    "a layer's method": lambda model, time: shift(model.layers[3], time),
}


class Idle:
    """A rule that does nothing."""

    def __call__(self, rows: Any, scalars: Any) -> None:
        pass


def shift(layer: Layer, distance: int) -> None:
    """A method in place of the layer's, of which nobody sees when it computes something else."""
    if distance == 0:
        shifts = layer.shifts = [0]
        layer.apply = lambda x, context: type(layer).apply(layer, tape.again(np.add, x, np.float32(shifts[0])), context)
    layer.shifts[0] = distance


@pytest.mark.parametrize("what", CHANGES_OF_TIME)
def test_what_changes_again_and_again_reaches_recorded_ones(what: str) -> None:
    """With so many steps in between that they are replayed."""

    def run() -> Any:
        layers = [Dense(40, activation="relu"), BatchNormalization(), Dense(32), Activation("tanh"), Dropout(0.3)]
        model = classifier(*layers, optimizer=SGD(0.1, momentum=0.9))
        layers[4].rate = np.array(0.3) if what == "rate in an array" else 0.3
        change = LambdaCallback(on_epoch_begin=lambda epoch, logs: CHANGES_OF_TIME[what](model, epoch // 2))
        history = model.fit(X, Y, 8, epochs=8, verbose=0, callbacks=[change]).history
        return [history, weights_of(model), model.optimizer.iterations]

    in_both_ways(run)


def not_recorded(model: Any) -> None:
    """A step that looks at the loss in its middle, which is never recorded; by ``fit`` more would be assigned."""
    model._compiled_step().train(Batch(X[:8].astype(model.network.parameter_dtype), Y[:8], None, 8), stop_at_nan=True)


def another_rate_and_back(model: Any) -> None:
    rate = model.optimizer._learning_rate  # the very same number is assigned again
    model.optimizer.learning_rate = 0.02
    not_recorded(model)
    model.optimizer.learning_rate = rate


def seen_by_others(change: Any) -> Any:
    def changed(model: Any) -> None:
        change(model)
        not_recorded(model)

    return changed


SEEN_BY_OTHERS: dict[str, Any] = {
    "rate": another_rate_and_back,
    "frozen": seen_by_others(CHANGES["frozen"]),
    "penalty": seen_by_others(CHANGES["penalty"]),
    "multiplier": lambda model: setattr(model.layers[0].W, "learning_rate_multiplier", 0.1),
    "multiplier seen": seen_by_others(lambda model: setattr(model.layers[0].W, "learning_rate_multiplier", 0.1)),
    "frozen weights": lambda model: setattr(model.layers[0].W, "trainable", False),
    "frozen weights seen": seen_by_others(lambda model: setattr(model.layers[0].W, "trainable", False)),
    "decay": seen_by_others(lambda model: setattr(model.optimizer, "weight_decay", 0.3)),
    "clipped": seen_by_others(lambda model: setattr(model.optimizer, "clipvalue", 1e-3)),
    "schedule": seen_by_others(lambda model: setattr(model.optimizer, "learning_rate", lambda step: 0.1 / (1 + step))),
    "dropout": seen_by_others(CHANGES["dropout"]),
    "epsilon": seen_by_others(lambda model: config.set_epsilon(1e-3)),
    "spared": lambda model: model.optimizer.exclude_from_weight_decay(var_names=["b"]),
}


@pytest.mark.parametrize("decay", [None, 0.1])
@pytest.mark.parametrize("what", SEEN_BY_OTHERS)
def test_what_a_step_that_is_not_recorded_has_seen_reaches_recorded_ones(what: str, decay: float | None) -> None:
    """A recorded step looks whether anything was assigned since the last look, and others may have looked."""

    def run() -> Any:
        layers = [Dense(40, activation="relu"), BatchNormalization(), Dense(32), Activation("tanh"), Dropout(0.3)]
        model = classifier(*layers, optimizer=SGD(0.1, momentum=0.9, weight_decay=decay))
        epsilon = config.epsilon()
        try:
            losses = []
            for time in range(4):
                losses += [model.train_on_batch(X[:8], Y[:8]) for _ in range(7)]
                if time == 1:
                    SEEN_BY_OTHERS[what](model)
            return [losses, weights_of(model), model.optimizer.iterations]
        finally:
            config.set_epsilon(epsilon)

    in_both_ways(run)


@pytest.mark.parametrize(
    "options",
    [{"sample_weight": RNG.random(48)}, {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}, {"shuffle": False}, {"steps_per_epoch": 3}],
    ids=lambda options: next(iter(options)),
)
def test_options_of_fit(options: Any, reasons: list[str]) -> None:
    in_both_ways(lambda: fitted(deep(), **options))
    assert reasons == []


@pytest.mark.parametrize("penalised", [False, True])
@pytest.mark.parametrize(
    "optimizer", ["SGD(0.1, clipnorm=0.1)", "Adam(0.01, weight_decay=0.1)", "RMSprop(0.01, clipvalue=0.01)"]
)
def test_penalties_and_constraints(penalised: bool, optimizer: str, reasons: list[str]) -> None:
    options: Any = {"kernel_regularizer": "l2", "kernel_constraint": "max_norm"} if penalised else {}
    rules = {"SGD": SGD, "Adam": Adam, "RMSprop": RMSprop}
    in_both_ways(lambda: fitted(classifier(Dense(30, "relu", **options), optimizer=eval(optimizer, rules))))
    assert reasons == []


def test_several_outputs_and_shared_layers(reasons: list[str]) -> None:
    def run() -> Any:
        minidl.set_seed(5)
        a, b, shared = Input((6,)), Input((6,)), Dense(20, activation="relu")
        left, right = shared(a), shared(b)
        model = Model([a, b], [Dense(3, activation="softmax", name="one")(left), Dense(2, name="two")(right)])
        model.compile(
            Adam(0.01), ["sparse_categorical_crossentropy", "mse"], loss_weights=[1, 0.3], metrics=[["accuracy"], ["mae"]]
        )
        history = model.fit([X, X[::-1]], [Y, X[:, :2]], 8, epochs=3, verbose=0).history
        if config.graphs() == "on":
            assert [recording.trusted for recording in recordings(model)] == [True]
        return [history, weights_of(model)]

    in_both_ways(run)
    assert reasons == []


def test_two_models_that_share_layers() -> None:
    """As in adversarial networks: each has its own tapes, and one is trained while the other is frozen."""

    def run() -> Any:
        minidl.set_seed(6)
        judge = classifier(Dense(20, activation="relu"))
        z = Input((6,))
        both = Model(z, judge(Dense(6)(z)))
        judge.trainable = False
        both.compile("adam", "sparse_categorical_crossentropy")
        judge.trainable = True
        found = []
        for _ in range(8):
            found.append(judge.train_on_batch(X[:8], Y[:8]))
            judge.trainable = False
            found.append(both.train_on_batch(X[8:16], Y[8:16]))
            judge.trainable = True
        return [found, weights_of(both)]

    in_both_ways(run)


def test_copies_and_pickles_record_by_themselves() -> None:
    model = deep()
    for _ in range(5):
        model.train_on_batch(X, Y)
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model]
    found = [[twin.train_on_batch(X, Y) for _ in range(6)] for twin in twins]
    assert found[0] == found[1] == found[2]
    assert all(recordings(twin)[0].trusted for twin in twins)


@pytest.mark.parametrize("form", mostly(["read-only", "every second row", "integers", "other address"], ["every second row"]))
def test_batches_of_every_form(form: str) -> None:
    def run() -> Any:
        model, found = deep(), []
        for step in range(8):
            x = np.roll(X, step, axis=0)
            if form == "every second row":
                x = np.repeat(x, 2, axis=0)[::2]
            if form == "integers":
                x = np.round(x).astype(np.int16)
            x.flags.writeable = form != "read-only"
            found.append(model.train_on_batch(x, Y.astype(np.uint8) if form == "integers" else Y))
        return [found, weights_of(model)]

    in_both_ways(run)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32"])
def test_labels_of_every_type(dtype: str, reasons: list[str]) -> None:
    def run() -> Any:
        model = classifier(Dense(9))
        return [[model.train_on_batch(X[n : n + 8], Y[n : n + 8].astype(dtype)) for n in range(12)], weights_of(model)]

    in_both_ways(run)
    assert reasons == []


def run_on_tape(compute: Any, batches: Any, state: Any = list) -> tuple[list[Any], Any]:
    """What a recorder gives for these batches, and what it keeps."""
    recorder = tape.Recorder()
    found = [np.array(recorder.run("a step", compute, batch, lambda: None, Part(state))) for batch in batches]
    return found, recorder._steps["a step"]


def something() -> list[np.ndarray]:
    """State, so that a step has effects and cannot be made for a batch that nobody gave."""
    return [np.zeros(1)]


@pytest.mark.parametrize("copied", [0, 1 << 15])
def test_labels_that_become_integers_on_the_way(copied: int, reasons: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read where each batch has them, not where the first had them."""
    monkeypatch.setattr(tape, "COPIED", copied)
    logits = RNG.normal(size=(5, 8, 3)).astype("float32")
    labels = RNG.integers(0, 3, (5, 8)).astype("uint8")
    found, _ = run_on_tape(lambda arrays: sparse_softmax_cross_entropy(*arrays)[0], list(zip(logits, labels)))
    for mine, *batch in zip(found, logits, labels):
        np.testing.assert_array_equal(mine, sparse_softmax_cross_entropy(*batch)[0])
    assert reasons == []


@pytest.mark.parametrize("first", [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]], ids=["the same turned around", "another"])
@pytest.mark.parametrize("state", [something, list], ids=["with state", "without"])
def test_an_input_that_was_always_the_same_has_proven_nothing(first: Any, state: Any, reasons: list[str]) -> None:
    """A step that looks at its first labels for ever agrees as long as all batches have these."""
    first = np.array(first)

    def forgetful(arrays: Any) -> Any:
        x, y = arrays
        kept = y.copy()
        return tape.again(lambda x: x * (first if kept[0] == 0 else kept), x)

    differed = ["a replayed step differed from a computed one"]
    xs = np.random.default_rng(0).normal(size=(8, 4))
    _, known = run_on_tape(forgetful, [[x, first] for x in xs], state)
    if first[-1]:  # found out by a batch that was made up
        assert (known, reasons) == (None, differed)
    else:
        assert (known.trusted, list(known.unproven), reasons) == (True, [1], [])
    reasons.clear()
    batches = [[x, first if n < 6 else first + 1] for n, x in enumerate(xs)]
    found, known = run_on_tape(forgetful, batches, state)
    np.testing.assert_array_equal(found, [x * y for x, y in batches])
    assert (known, reasons) == (None, differed)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batches_that_never_change_are_proven_by_one_that_is_made_up(optimizer: str) -> None:
    """Of which nothing remains: no step is counted, no weight is another."""
    weights = []
    for mode in ("on", "off"):
        with config.use_graphs(mode):
            minidl.set_seed(0)
            layers = [Dense(8, input_shape=(6,)), BatchNormalization(), Dropout(0.5), Dense(3, activation="softmax")]
            model = Sequential(layers)
            model.compile(optimizer, "sparse_categorical_crossentropy")
            for _ in range(7):
                model.train_on_batch(X, Y)
            assert model.optimizer.iterations == 7
            weights.append([*model.get_weights(), model.network.steps_done])
            if mode == "on":
                (known,) = recordings(model)
                assert known.unproven == {}
    assert all(map(np.array_equal, *weights))


def test_a_batch_that_nobody_gave_raises_nothing(reasons: list[str]) -> None:
    def compute(arrays: Any) -> Any:
        (x,) = arrays
        if x[0] > x[-1]:
            raise ValueError("numbers that fall")
        return tape.again(lambda x: 2 * x, x)

    x = np.arange(4.0)
    found, known = run_on_tape(compute, [[x + n // 6] for n in range(12)])
    np.testing.assert_array_equal(found, [2 * (x + n // 6) for n in range(12)])
    assert known.unproven == {}  # since the seventh
    assert reasons == []


def test_each_input_is_proven_once(reasons: list[str]) -> None:
    computed = []

    def compute(arrays: Any) -> Any:
        computed.append(arrays)
        x, y, weight = arrays
        return tape.again(lambda x, y, weight: x * y * weight, x, y, weight)

    x, y = np.random.default_rng(0).normal(size=(2, 20, 4))
    same = np.ones(4)
    for state, more in ((something, 3), (list, 3)):  # recorded; tried; and tried once more for another y
        computed.clear()
        found, known = run_on_tape(compute, [[x[n], y[n // 8], same] for n in range(20)], state)
        np.testing.assert_array_equal(found, [x[n] * y[n // 8] for n in range(20)])
        assert len(computed) == tape.WARM_UP + more
        assert list(known.unproven) == [2]
        assert reasons == []


@pytest.mark.parametrize("size", [3, 1023, 1024, 5000, 5001])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_bits_are_compared(dtype: str, size: int) -> None:
    a = np.zeros(size, dtype)
    b = a.copy()
    assert tape._same_bits(a, b)
    b[-1] = 1
    assert not tape._same_bits(a, b)
    assert not tape._same_bits(a, a[:-1])
    assert not tape._same_bits(a, a.astype("int16"))
    if dtype != "uint8":
        assert not tape._same_bits(a, -a)
        a[0] = np.nan
        assert tape._same_bits(a, a.copy())


@pytest.mark.parametrize("copied", [0, 1 << 15])
def test_what_is_given_is_never_written_to(copied: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a result is the input itself in the step that is noted, and another array in later ones."""
    monkeypatch.setattr(tape, "COPIED", copied)

    def compute(arrays: Any) -> Any:
        return tape.again(lambda x: x if x[0] > 0 else -x, *arrays)

    xs = np.array([[1.0, 2.0]] * 4 + [[-3.0, 4.0]] * 3)
    found, known = run_on_tape(compute, [[x] for x in xs])
    assert known.trusted
    np.testing.assert_array_equal(xs, [[1.0, 2.0]] * 4 + [[-3.0, 4.0]] * 3)
    np.testing.assert_array_equal(found, [[1.0, 2.0]] * 4 + [[3.0, -4.0]] * 3)


@pytest.mark.parametrize(
    "x, y",
    [
        pytest.param((128, 784), (128, 10), id="on its side"),
        pytest.param((20000, 12), (20000, 9), id="deep", marks=pytest.mark.more),
    ],
)
def test_products_that_numpy_finishes(x: Any, y: Any, reasons: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow gradient is computed on its side and turned; one with many rows is summed in shares."""
    out, rng = np.zeros((x[1], y[1]), "float32"), np.random.default_rng(2)

    def make() -> Any:
        batches = [[rng.normal(size=shape).astype("float32") for shape in (x, y)] for _ in range(2)] * 3
        return lambda arrays: [dense_grad_W(*arrays, out=out)], batches, list

    rng = np.random.default_rng(2)
    compute, batches, state = make()
    expected = numbers_of(compute, batches, state, None)
    monkeypatch.setattr(tape, "WARM_UP", 1)
    recorder = tape.Recorder()
    assert numbers_of(compute, batches, state, recorder) == expected
    assert reasons == []


def test_the_threads_and_kernels_in_force_are_those_of_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    model = deep()
    for _ in range(5):
        model.train_on_batch(X, Y)
    assert recordings(model)
    others = "auto" if config.kernels() == "reference" else "reference"
    with config.use_kernels(others):
        model.train_on_batch(X, Y)
        assert not recordings(model)
    for _ in range(5):
        model.train_on_batch(X, Y)
    assert recordings(model)
    with config.use_convolution("direct"):
        model.train_on_batch(X, Y)
        assert not recordings(model)
    for _ in range(5):
        model.train_on_batch(X, Y)
    assert recordings(model)
    number = config.threads()
    monkeypatch.setattr(config, "_team", number + 1)  # this machine may have one core
    try:
        config.set_number_of_threads(number + 1)
        model.train_on_batch(X, Y)
        assert not recordings(model)
    finally:
        config.set_number_of_threads(number)


# -- what is never recorded --------------------------------------------------------------------------------------------------


class Doubling(Layer):
    """A learner's layer, which computes with NumPy alone."""

    def apply(self, x: Any, context: Context = Context()) -> tuple[Any, Any]:  # noqa: B008
        return 2 * x, None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return 2 * dy


class MyDense(Dense):
    """A subclass may compute in another way than what it comes from."""


class MyRule(SGD):
    def update(self, rows: Any, scalars: Any) -> None:
        for value, grad in rows:
            value -= scalars[0] * grad


class MyError(MeanSquaredError):
    """A loss of two methods, which may remember something: trials would call them more often."""

    def per_sample(self, y_pred: Any, targets: Any) -> tuple[Any, Any]:
        return 3 * ((y_pred - targets) ** 2).mean(axis=-1), y_pred

    def gradient_of(self, kept: Any, targets: Any, scale: Any) -> Any:
        return 6 * (kept - targets) * scale / kept.shape[-1]


class MyPenalty(L2):
    """Draws numbers."""

    def __init__(self) -> None:
        super().__init__(0.1)
        self._rng = np.random.default_rng(1)

    def gradient(self, w: Any) -> Any:
        return self._rng.standard_normal(w.shape).astype(w.dtype)


class MyLimit(NonNeg):
    """Draws numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._rng = np.random.default_rng(1)

    def apply(self, w: Any) -> Any:
        return w + self._rng.standard_normal(w.shape).astype(w.dtype)


class MyCrossEntropy(SparseCategoricalCrossentropy):
    """Calls an op, and something beside."""

    def per_sample(self, y_pred: Any, targets: Any) -> tuple[Any, Any]:
        values, kept = super().per_sample(y_pred, targets)
        return 2 * values, kept


@pytest.mark.parametrize(
    "layers, options, reason",
    [
        ([Doubling()], {}, "may compute beside ops"),
        ([MyDense(4)], {}, "may compute beside ops"),
        ([Dense(4, activity_regularizer="l2")], {}, "adds a penalty"),
        ([Dense(4)], {"optimizer": MyRule(0.1)}, "MyRule has a rule of its own"),
        ([Dense(4, kernel_regularizer=MyPenalty())], {}, "MyPenalty has a rule of its own"),
        ([Dense(4, kernel_constraint=MyLimit())], {}, "MyLimit has a rule of its own"),
        ([Dense(4)], {"loss": MyCrossEntropy()}, "MyCrossEntropy computes in a way of its own"),
    ],
)
def test_not_recorded(layers: Any, options: Any, reason: str, reasons: list[str]) -> None:
    def run() -> Any:
        model = classifier(*copy.deepcopy(layers), **{name: copy.deepcopy(value) for name, value in options.items()})
        found = fitted(model)
        assert config.graphs() == "off" or not recordings(model)
        return found

    in_both_ways(run)
    assert len(reasons) == 1
    assert reason in reasons[0]


def of_ids(**options: Any) -> Sequential:
    minidl.set_seed(1)
    return Sequential([Embedding(9, 4, input_shape=(6,), **options), LSTM(5), Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    ("options", "batch_size", "reason"),
    [({}, 8, ""), ({"mask_zero": True}, 8, "makes a mask"), ({}, 40, ""), ({"trainable": False}, 8, "")],
)
def test_sequences_of_ids(options: Any, batch_size: int, reason: str, reasons: list[str]) -> None:
    x = np.abs(np.round(X)).astype(int) % 9

    def run() -> Any:
        model = of_ids(**options)
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(x, Y, batch_size, epochs=4, verbose=0).history
        assert config.graphs() == "off" or bool(recordings(model)) == (not reason)
        return [history, weights_of(model)]

    in_both_ways(run)
    assert [reason in said for said in reasons] == [True] * bool(reason)


def test_few_ids_of_a_large_table_are_known_by_looking_at_them(reasons: list[str]) -> None:
    """Whether they are few is told by their number, and so by the batch. From the first few on no step is replayed."""

    def run() -> Any:
        minidl.set_seed(1)
        model = Sequential([Embedding(100, 4, input_shape=(6,)), Flatten(), Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        x = np.abs(np.round(9 * X)).astype(int) % 100
        histories, recorded = [], []
        for size in (16, 4, 16):
            histories.append(model.fit(x, Y, size, epochs=4, verbose=0).history)
            recorded.append(config.graphs() != "off" and not model._compiled_step()._recorded.recorder.gave_up)
        assert config.graphs() == "off" or recorded == [True, False, False]
        return [*histories, weights_of(model)]

    in_both_ways(run)
    assert len(reasons) == 1
    assert "rows of a gradient" in reasons[0]


@pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
@pytest.mark.parametrize("backwards", [False, True])
def test_states_that_are_given_on(kind: Any, backwards: bool, reasons: list[str]) -> None:
    """From an encoder to a decoder; gradients come back by outputs and by states."""

    def run() -> Any:
        minidl.set_seed(1)
        x = Input((6, 1))
        y, *states = kind(4, return_state=True, go_backwards=backwards)(x)
        decoded = kind(4, return_sequences=True)(x, initial_state=states)
        model = Model(x, Dense(3, activation="softmax")(Concatenate()([Flatten()(decoded), y])))
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(X[..., None], Y, 8, epochs=4, verbose=0).history
        assert config.graphs() == "off" or recordings(model)
        return [history, weights_of(model), model.predict(X[:, :, None]).tobytes()]

    in_both_ways(run)
    assert not reasons


def test_a_subclass_within_minidl_says_for_itself_whether_it_replays() -> None:
    """Embedding says that it does; what multiplies its rows beside ops does not."""
    assert replays(Embedding(3, 2))
    assert not replays(DroppingEmbedding(3, 2))


def test_losses_of_ones_own_are_called_once_a_step(reasons: list[str]) -> None:
    calls: list[int] = []

    class Counting(MyError):
        def per_sample(self, y_pred: Any, targets: Any) -> tuple[Any, Any]:
            calls.append(len(targets))
            return super().per_sample(y_pred, targets)

    with config.use_graphs("on"):
        classifier(Dense(9, activation="relu"), loss=Counting()).fit(X, np.eye(3)[Y], 8, epochs=3, verbose=0)
    assert calls == [8] * (3 * len(X) // 8)
    assert reasons == ["Counting computes in a way of its own"]


@pytest.mark.parametrize("graphs", ["off", "on"])
def test_a_step_whose_constraint_fails_does_not_count(graphs: str) -> None:
    fails = [False]

    class Failing(NonNeg):
        def apply(self, w: Any) -> Any:
            if fails[0]:
                raise RuntimeError("no limit")
            return super().apply(w)

    model = classifier(Dense(4, kernel_constraint=Failing()), optimizer=Adam())
    with config.use_graphs(graphs):
        for step in range(9):
            fails[0] = step == 6
            with pytest.raises(RuntimeError, match="no limit") if fails[0] else nullcontext():
                model.train_on_batch(X[:8], Y[:8])
    assert (model.optimizer.iterations, model.network.steps_done.item()) == (8, 8)


@pytest.fixture
def taken_for_minidl_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses of one's own, which are not recorded else."""
    monkeypatch.setattr("minidl.training.recorded._computes_by_ops", lambda loss: True)


class Moody(MeanSquaredError):
    """Keeps something else from its 20th batch on."""

    batches = 0

    def per_sample(self, y_pred: Any, targets: Any) -> tuple[Any, Any]:
        Moody.batches += 1
        return ((y_pred - targets) ** 2).mean(axis=-1), (y_pred if self.batches < 20 else (y_pred, 1))

    def gradient_of(self, kept: Any, targets: Any, scale: Any) -> Any:
        y_pred = kept[0] if isinstance(kept, tuple) else kept
        return 2 * (y_pred - targets) * scale / y_pred.shape[-1]


@pytest.mark.usefixtures("taken_for_minidl_s_own")
def test_a_step_that_changes_its_form_is_computed_from_then_on(reasons: list[str]) -> None:
    with config.use_graphs("on"):
        model, plain = (classifier(Dense(9, activation="relu"), loss=loss) for loss in (Moody(), MeanSquaredError()))
        for each in (model, plain):
            each.fit(X, np.eye(3)[Y], 8, epochs=6, verbose=0)
    assert "a result of another shape" in reasons[0] or "another number of results" in reasons[0]
    assert Moody.batches > 30
    for mine, theirs in zip(model.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_a_step_that_would_hold_on_to_much_memory_is_not_recorded(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    monkeypatch.setattr(tape, "LARGEST", 1 << 12)
    in_both_ways(lambda: fitted(deep()))
    assert "more than 4 KiB, which is what a recording may hold on to" in reasons[0]


def test_a_kernel_that_does_more_than_it_says_is_found_out(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    """The first replayed step is computed, too: one bit of difference, and the model is as if nothing had been recorded."""
    if config.kernels() == "reference":
        pytest.skip("no kernels are used here")
    honest = linear.dense_grad_W

    def forgetful(x: Any, dy: Any, out: Any = None) -> Any:
        found = honest(x, dy, out)
        if found is not NotImplemented:
            found *= np.float32(1.5)  # NumPy, unseen
        return found

    forgetful.replays = True  # type: ignore[attr-defined]
    monkeypatch.setitem(_kernels_of(dense_grad_W), CPU.kernels, forgetful)
    in_both_ways(lambda: fitted(classifier(Dense(64, activation="relu"))))
    assert "a replayed step differed from a computed one" in reasons


def _kernels_of(an_op: Any) -> dict[str, Any]:
    """Where an op remembers its kernels."""
    names = an_op.__code__.co_freevars
    return an_op.__closure__[names.index("kernels")].cell_contents


def test_a_kernel_that_gives_python_a_number_is_refused() -> None:
    with tape.Tape() as found:
        found.note(len, ([],), 0)
    assert found.objection == "len returns what Python looks at"


def test_a_step_of_dense_layers_is_one_call() -> None:
    model = Sequential([Dense(8, activation="tanh", input_shape=(6,)), Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for shift in range(STEPS):
        model.train_on_batch(X + shift, np.roll(Y, shift))
    (known,) = recordings(model)
    assert len(known.tape.calls) > 10
    assert len(known._calls) == 1


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("shape", [(48,), (48, 1)])
def test_labels_that_are_looked_at_where_they_stand(dtype: str, shape: tuple[int, ...]) -> None:
    losses = {}
    for mode in ("on", "off"):
        with config.use_graphs(mode):
            minidl.set_seed(0)
            model = Sequential([Dense(3, activation="softmax", input_shape=(6,))])
            model.compile("sgd", "sparse_categorical_crossentropy")
            batches = [(X + shift, np.roll(Y, shift).astype(dtype).reshape(shape)) for shift in range(8)]
            losses[mode] = [model.train_on_batch(*batch) for batch in batches]
            assert mode == "off" or len(recordings(model)) == 1
    assert losses["on"] == losses["off"]


@pytest.mark.parametrize("loss", [Hinge(), CategoricalCrossentropy(True, label_smoothing=0.1), Doubled()])
def test_targets_that_numpy_prepares(loss: Any) -> None:
    losses = {}
    for mode in ("on", "off"):
        with config.use_graphs(mode):
            minidl.set_seed(0)
            model = Sequential([Dense(3, input_shape=(6,))])
            model.compile("sgd", loss)
            batches = [(X + shift, np.eye(3)[np.roll(Y, shift)]) for shift in range(8)]
            losses[mode] = [model.train_on_batch(*batch) for batch in batches]
            assert mode == "off" or len(recordings(model)) == 1
    assert losses["on"] == losses["off"]


@pytest.mark.parametrize("copied", [0, 1 << 20])
def test_large_inputs_are_looked_at_where_they_stand(copied: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "COPIED", copied)
    losses, last = {}, []
    for mode in ("on", "off"):
        with config.use_graphs(mode):
            minidl.set_seed(0)
            model = Sequential([Dense(3, input_shape=(6,))])
            model.compile("sgd", MeanSquaredError())
            batches = [(X + shift, X[:, :3] - shift) for shift in range(8)]
            read_only = np.array(X[::-1])
            read_only.flags.writeable = False
            batches += [(read_only, X[::2, :3].repeat(2, axis=0)), (X[::-1], X[:, 3:]), (read_only, X[:, 1:4])]
            losses[mode] = [model.train_on_batch(*batch) for batch in batches]
            last.append(model.get_weights()[0])
            assert mode == "off" or len(recordings(model)) == 1
    assert losses["on"] == losses["off"]
    assert np.array_equal(*last)


class Squares(MeanSquaredError):
    """Computed by NumPy, between the kernels of a recorded step, as some of minidl's own are."""

    replays = False

    def per_sample(self, y_pred: Any, targets: Any) -> Any:
        difference = y_pred - targets
        return (difference * difference).mean(axis=-1), difference

    def gradient_of(self, kept: Any, targets: Any, scale: Any) -> Any:
        return 2 * scale * kept


@pytest.mark.usefixtures("taken_for_minidl_s_own")
def test_numbers_beyond_range_are_left_to_training_to_report() -> None:
    """Where Python computes between kernels too, NumPy says nothing, whatever it was told."""
    minidl.set_seed(0)
    model = Sequential([Dense(2, input_shape=(6,))])
    model.compile("sgd", Squares())
    for shift in range(5):
        model.train_on_batch(X + shift, X[:, :2] - shift)
    (known,) = recordings(model)
    assert len(known._runs) < len(known._calls)
    found: list[Any] = []
    with np.errstate(all="call", call=lambda *said: found.append(said)), pytest.warns(NumericWarning, match="the loss became"):
        model.train_on_batch(X * np.float32(1e25), X[:, :2])  # whose squares are infinite
    assert found == []
    assert len(recordings(model)) == 1


def test_what_comes_out_in_another_form_stops_a_replay() -> None:
    with tape.Tape() as found:
        numbers = iter([np.zeros(2), np.zeros(3)])
        tape.again(lambda: next(numbers))
    with pytest.raises(tape.CannotBeReplayed):
        tape._make(found.calls)


def test_ops_without_a_kernel_are_computed_anew() -> None:
    @op
    def doubled(x: Any) -> Any:
        return x + x

    x = np.arange(3.0)
    with tape.Tape() as found:
        y = doubled(x)
    x[:] = 5
    tape._make(found.calls)
    assert y.tolist() == [10.0, 10.0, 10.0]


def test_other_threads_are_not_noted() -> None:
    import threading

    x, y = np.ones((8, 40), "float32"), np.ones((8, 30), "float32")
    with tape.Tape() as found:
        thread = threading.Thread(target=lambda: dense_grad_W(x, y))
        thread.start()
        thread.join()
    assert found.calls == []
    assert tape.tapes == {}
