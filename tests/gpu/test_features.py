"""Whole models with all that the protocols offer, on the stand-in: the CPU's numbers, no waiting, and recorded the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend import graphs
from minidl.callbacks import Callback
from minidl.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from minidl.layers import (
    GRU,
    LSTM,
    ActivityRegularization,
    Add,
    BatchNormalization,
    Concatenate,
    Context,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Layer,
    LayerNormalization,
    MultiHeadAttention,
    Recompute,
    SimpleRNN,
)
from minidl.models import Model, Sequential
from minidl.optimizers import SGD, AdamW, RMSprop
from minidl.regularizers import L1, L1L2, L2, OrthogonalRegularizer
from minidl.schedules import ExponentialDecay
from minidl.training.running import Running
from minidl.training.step import Step
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import device
from tests.gpu.strict_cupy.streams import Graph
from tests.gpu.test_layers import assert_equal_to_rounding, on_the_stand_in

pytestmark = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
SAMPLES, SIZE = 25, 10  # two whole batches and a smaller one
DRAWN = np.random.default_rng(3)
IDS = DRAWN.integers(0, 9, (SAMPLES, 6))
IDS[:, 4:] = 0  # padding, and a sample of nothing else
IDS[3] = 0
X = DRAWN.normal(size=(SAMPLES, 5)).astype("float32")
LABELS = DRAWN.integers(0, 3, SAMPLES).astype(np.int16)
NUMBERS = DRAWN.normal(size=(SAMPLES, 2)).astype("float32")
WEIGHTS = DRAWN.random(SAMPLES)


class Feature(NamedTuple):
    """A compiled model and what it is fitted with."""

    model: Any
    x: Any
    y: Any
    sample_weight: Any = None
    class_weight: Any = None


def several_inputs_and_outputs() -> Feature:
    """Ids and numbers in, classes and numbers out; losses, weights and metrics of their own."""
    ids, x = Input((6,)), Input((5,))
    words = GlobalAveragePooling1D()(Embedding(9, 4, mask_zero=True)(ids))
    both = Concatenate()([words, Dense(4, activation="relu")(x)])
    outputs = {"kind": Dense(3, activation="softmax")(both), "size": Dense(2)(both)}
    model = Model({"ids": ids, "x": x}, outputs)
    model.compile(
        "adam",
        {"kind": "sparse_categorical_crossentropy", "size": "huber"},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
        loss_weights={"kind": 0.7, "size": 2.0},
    )
    weights = {"kind": WEIGHTS, "size": WEIGHTS[::-1].copy()}
    return Feature(model, {"ids": IDS, "x": X}, {"kind": LABELS, "size": NUMBERS}, weights)


def one_output_without_a_loss() -> Feature:
    """What nobody asks for is computed and has no gradient."""
    x = Input((5,))
    h = Dense(4, activation="tanh")(x)
    model = Model(x, [Dense(2)(h), Dense(3)(h)])
    model.compile("sgd", ["mse", None])
    return Feature(model, X, [NUMBERS, None])


def unused_result_of_a_nested_model() -> Feature:
    """The gradient of a result that nobody used is zeros, made on the device."""
    a = Input((5,))
    h = Dense(4, activation="sigmoid")(a)
    inner = Model(a, [Dense(3)(h), Dense(4)(h)])
    x = Input((5,))
    used, _ = inner(x)
    model = Model(x, Add()([Dense(2)(used), Dense(2)(used)]))
    model.compile("rmsprop", "mae", metrics=["mse"])
    return Feature(model, X, NUMBERS)


def mask_up_to_the_loss() -> Feature:
    """A class for each step; those of padding count neither in the loss nor in the metric."""
    model = Sequential([Input((6,)), Embedding(9, 4, mask_zero=True), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Feature(model, IDS, IDS % 3, WEIGHTS)


def penalties_and_constraints() -> Feature:
    model = Sequential(
        [
            Input((6,)),
            Embedding(9, 4, mask_zero=True, embeddings_regularizer=L2(0.01), embeddings_constraint=MaxNorm(0.1, axis=1)),
            GlobalMaxPooling1D(),
            Dense(
                4, activation="tanh", kernel_regularizer=L1L2(0.01, 0.02), bias_regularizer="l2", kernel_constraint=UnitNorm()
            ),
            ActivityRegularization(l2=0.1),
            Dense(4, activation="relu", activity_regularizer=L1(0.01), kernel_constraint=NonNeg()),
            Dense(3, activation="softmax", kernel_constraint=MinMaxNorm(0.5, 1.0, rate=0.5)),
        ]
    )
    model.compile(SGD(0.1, 0.9, nesterov=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Feature(model, IDS, LABELS, class_weight={0: 2.0})


def penalty_with_a_product() -> Feature:
    """A product of CuPy's own, which it does not let a graph record."""
    model = Sequential([Input((5,)), Dense(2, kernel_regularizer=OrthogonalRegularizer(0.1))])
    model.compile("sgd", "mse")
    return Feature(model, X, NUMBERS)


def clipped(**options: float) -> Callable[[], Feature]:
    def make() -> Feature:
        frozen = Dense(5, activation="relu")
        frozen.trainable = False
        model = Sequential([Input((5,)), frozen, Dense(4, activation="tanh"), Dense(2)])
        optimizer = AdamW(ExponentialDecay(0.1, 2, 0.9), weight_decay=0.1, **options)
        model.compile(optimizer, "mse")
        optimizer.exclude_from_weight_decay(var_names=["b"])
        model.layers[1].learning_rate_multiplier = 0.5
        return Feature(model, X, NUMBERS)

    return make


def recomputed() -> Feature:
    block = Sequential([Dense(6, activation="tanh"), BatchNormalization(), Dropout(0.3), Dense(4)])
    model = Sequential([Input((5,)), Recompute(block), Dropout(0.2), Recompute(Dense(2))])
    model.compile(RMSprop(0.01, momentum=0.5, centered=True), "log_cosh")
    return Feature(model, X, NUMBERS)


def sequences() -> Feature:
    """Recurrent layers, attention and layer normalisation, all of which leave padding out."""
    ids = Input((6,))
    h = GRU(4, return_sequences=True)(Embedding(9, 4, mask_zero=True)(ids))
    h = LayerNormalization()(Add()([h, MultiHeadAttention(2, 3, dropout=0.2)([h, h])]))
    h = LSTM(3, return_sequences=True)(GRU(4, return_sequences=True, reset_after=False)(h))
    model = Model(ids, Dense(3, activation="softmax")(SimpleRNN(5)(h)))
    model.compile(SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Feature(model, IDS, LABELS)


FEATURES: dict[str, Callable[[], Feature]] = {
    "several inputs and outputs": several_inputs_and_outputs,
    "one output without a loss": one_output_without_a_loss,
    "unused result": unused_result_of_a_nested_model,
    "mask up to the loss": mask_up_to_the_loss,
    "penalties and constraints": penalties_and_constraints,
    "penalty with a product": penalty_with_a_product,
    "clipvalue": clipped(clipvalue=0.01),
    "clipnorm": clipped(clipnorm=0.05),
    "global_clipnorm": clipped(global_clipnorm=0.05),
    "recomputed": recomputed,
    "sequences": sequences,
}
NOT_RECORDED = {"penalty with a product": "matmul"}  # the feature, and what is said about it


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "reasons", [])
    monkeypatch.setattr(Graph, "launched", 0)


def make(name: str) -> Feature:
    minidl.set_seed(1671)
    return FEATURES[name]()


def run(name: str, **options: Any) -> list[np.ndarray]:
    """Losses, metrics, weights, predictions and an evaluation; on the host."""
    model, x, y, sample_weight, class_weight = make(name)
    fitting = {"batch_size": SIZE, "epochs": 3, "verbose": 0, **options}
    history = model.fit(x, y, sample_weight=sample_weight, class_weight=class_weight, **fitting)
    predictions = model.predict(x)
    score = model.evaluate(x, y, verbose=0)
    numbers = [np.array(values) for values in history.history.values()]
    predictions = list(predictions.values()) if isinstance(predictions, dict) else predictions
    predictions = predictions if isinstance(predictions, list) else [predictions]
    return [*numbers, np.array(score), *model.get_weights(), *predictions]


@pytest.mark.one_in(9)
@pytest.mark.parametrize("kernels", ["reference", "auto"])
@pytest.mark.parametrize("name", FEATURES)
def test_the_numbers_of_the_cpu(name: str, kernels: str) -> None:
    with config.use_kernels("reference"):
        expected = run(name)
    with on_the_stand_in(kernels):
        found = run(name)
    assert all(type(a) is np.ndarray for a in found)
    assert_equal_to_rounding(found, expected, "float32")


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", FEATURES)
def test_nothing_waits_in_a_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither training nor validating, nor adding up losses and metrics: ids and labels were checked on the host before."""
    calls = []

    def watched(owner: Any, method: str) -> None:
        original = getattr(owner, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(method)
            with device.no_waiting():
                return original(*args, **kwargs)

        monkeypatch.setattr(owner, method, call)

    watched(Step, "train")
    watched(Step, "test")
    watched(Running, "add")
    with on_the_stand_in("auto"):
        _, x, y, *_ = feature = make(name)
        feature.model.fit(x, y, batch_size=SIZE, verbose=0, nan="ignore", validation_data=(x, y))
    assert {calls.count(method) for method in ("train", "test")} == {3}
    assert calls.count("add") == 6


@pytest.mark.one_in(8)
@pytest.mark.parametrize("name", FEATURES)
def test_recorded_steps_give_the_same_bits(name: str, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "WARM_UP", 1)
    with on_the_stand_in("auto"):
        expected = run(name)
    with on_the_stand_in("auto"), config.use_graphs("on"):
        found = run(name)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)
    if name in NOT_RECORDED:
        assert all(NOT_RECORDED[name] in reason for reason in graphs.reasons)
        assert Graph.launched == 0
    else:
        assert graphs.reasons == []
        assert Graph.launched == (6 - 1) + (3 - 1)  # two whole batches and a smaller one, three times


# -- what a recording depends on ---------------------------------------------------------------------------------------


class Scaled(Layer):
    """A layer of somebody else, with a setting of its own."""

    factor = 1.0

    def apply(self, x: Any, context: Context) -> tuple[Any, Any]:
        return x * self.factor, self.factor

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return dy * saved


def changeable() -> Feature:
    layers = [
        Input((5,)),
        Dense(6, kernel_regularizer=L2(0.01), kernel_constraint=MaxNorm(2.0), activity_regularizer=L2(0.01)),
        Dropout(0.2),
        BatchNormalization(),
        Scaled(),
        Recompute(Sequential([Dense(4), Dropout(0.1)])),
        Dense(2, bias_regularizer=TowardsOne()),
    ]
    model = Sequential(layers)
    model.layers[5].W.regularizer = TowardsOne()
    model.compile(SGD(0.1, 0.9, clipnorm=1.0), minidl.losses.Huber(1.0))
    return Feature(model, X, NUMBERS)


class TowardsOne(minidl.regularizers.Regularizer):
    """A penalty of somebody else."""

    def __init__(self, factor: float = 0.1) -> None:
        self.factor = factor

    def value(self, w: Any) -> Any:
        return self.factor * ((w - 1) ** 2).sum()

    def gradient(self, w: Any) -> Any:
        return 2 * self.factor * (w - 1)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "coefficient of a penalty": lambda m: setattr(m.layers[0].W.regularizer, "l2", 0.5),
    "own penalty": lambda m: setattr(m.layers[5].b.regularizer, "factor", 0.9),
    "own penalty of a parameter": lambda m: setattr(m.layers[5].W.regularizer, "factor", 0.9),
    "another penalty": lambda m: setattr(m.layers[0].W, "regularizer", L1(0.1)),
    "activity penalty": lambda m: setattr(m.layers[0].activity_regularizer, "l2", 0.5),
    "constraint": lambda m: setattr(m.layers[0].W.constraint, "max_value", 0.2),
    "another constraint": lambda m: setattr(m.layers[0].W, "constraint", NonNeg()),
    "rate of a layer": lambda m: setattr(m.layers[0], "learning_rate_multiplier", 0.1),
    "dropout": lambda m: setattr(m.layers[1], "rate", 0.6),
    "dropout in a block": lambda m: setattr(m.layers[4].block.layers[1], "rate", 0.6),
    "momentum of statistics": lambda m: setattr(m.layers[2], "momentum", 0.5),
    "frozen statistics": lambda m: setattr(m.layers[2], "trainable", False),
    "own layer": lambda m: setattr(m.layers[3], "factor", 3.0),
    "option of the loss": lambda m: setattr(m.loss, "delta", 0.1),
    "clipping": lambda m: setattr(m.optimizer, "clipnorm", 0.01),
    "other clipping": lambda m: (setattr(m.optimizer, "clipnorm", None), setattr(m.optimizer, "clipvalue", 0.001)),
    "momentum of the optimizer": lambda m: setattr(m.optimizer, "momentum", 0.1),
    "weight decay": lambda m: setattr(m.optimizer, "weight_decay", 0.5),
    "frozen layer": lambda m: setattr(m.layers[0], "trainable", False),
    "epsilon": lambda m: config.set_epsilon(0.1),
}


class Changing(Callback):
    """Changes something behind the first epoch."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self.change = change

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 0:
            self.change(self.model)


def weights_after(change: Callable[[Any], Any] | None) -> list[np.ndarray]:
    """The weights after two epochs of five steps, between which something changes."""
    epsilon = config.epsilon()
    minidl.set_seed(1671)
    model, x, y, *_ = changeable()
    callbacks = [Changing(change)] if change else []
    try:
        model.fit(x[:20], y[:20], batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
    finally:
        config.set_epsilon(epsilon)
    return model.get_weights()


@functools.cache
def weights_without_a_change() -> list[np.ndarray]:
    with on_the_stand_in("auto"):
        return weights_after(None)


SOME_CHANGES = (  # each seen by another part of what a recording is made for
    "coefficient of a penalty",
    "own penalty of a parameter",
    "another constraint",
    "dropout in a block",
    "frozen statistics",
    "option of the loss",
    "other clipping",
    "frozen layer",
    "epsilon",
)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", only(CHANGES, always=SOME_CHANGES))
def test_a_change_reaches_steps_that_were_recorded(name: str, fresh: None) -> None:
    unchanged = weights_without_a_change()
    with on_the_stand_in("auto"):
        expected = weights_after(CHANGES[name])
    with on_the_stand_in("auto"), config.use_graphs("on"):
        found = weights_after(CHANGES[name])
    assert graphs.reasons == []
    assert Graph.launched == 2 * (5 - graphs.WARM_UP)
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)
    assert any((a != e).any() for a, e in zip(unchanged, expected)), "the change changes nothing"


def test_without_a_change_recordings_are_kept(fresh: None) -> None:
    with on_the_stand_in("auto"), config.use_graphs("on"):
        weights_after(None)
    assert Graph.launched == 10 - graphs.WARM_UP


def test_batches_of_equal_arrays_in_other_places_are_recorded_by_themselves(fresh: None) -> None:
    def losses() -> list[float]:
        minidl.set_seed(1)
        x = Input((5,))
        model = Model(x, [Dense(2)(x), Dense(2)(x)])
        model.compile("sgd", ["mse", "mae"])
        weights = [[WEIGHTS, None], [None, WEIGHTS]]
        return [model.train_on_batch(X, [NUMBERS, NUMBERS], sample_weight=weights[step // 5]) for step in range(10)]

    with on_the_stand_in("auto"):
        expected = losses()
    with on_the_stand_in("auto"), config.use_graphs("on"):
        assert losses() == expected
    assert graphs.reasons == []
    assert Graph.launched == 2 * (5 - graphs.WARM_UP)


def test_a_layer_that_counts_by_itself_is_never_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its count would stand still in replays."""

    class Counting(Scaled):
        count = 0

        def apply(self, x: Any, context: Context) -> tuple[Any, Any]:
            self.count += 1
            return x * (1 + 1 / self.count), 1 + 1 / self.count

    def losses(mode: str) -> list[float]:
        with on_the_stand_in("auto"), config.use_graphs(mode):
            minidl.set_seed(1)
            model = Sequential([Input((5,)), Dense(2), Counting()])
            model.compile("sgd", "mse")
            return [model.train_on_batch(X, NUMBERS) for _ in range(6)]

    assert losses("on") == losses("off")
