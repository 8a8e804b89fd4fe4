"""Whole trainings against Keras 3: the same model, weights, data and batches in both libraries.

Compared are the keys and values of the history, the weights afterwards and their order, ``evaluate`` and ``predict``. Each case
is written once, for a namespace ``F`` that is minidl's or Keras's. What differs on purpose is turned around in ``compiled``:
Keras counts ``sample_weight`` only in ``weighted_metrics``, minidl in all; and it sorts the keys of its logs by name.
Keras's PyTorch backend takes means in single precision, so the two agree to some 1e-6.
"""

import importlib
import importlib.util
import re
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from minidl import callbacks, constraints, layers, losses, metrics, optimizers, regularizers, schedules
from minidl.models import Model, Sequential

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("keras", "torch")),
        reason="Keras 3 with PyTorch, the judge of these tests, is not installed",
    ),
]

MINE = SimpleNamespace(
    is_keras=False,
    layers=layers,
    losses=losses,
    metrics=metrics,
    regularizers=regularizers,
    constraints=constraints,
    optimizers=optimizers,
    schedules=schedules,
    callbacks=callbacks,
    Model=Model,
    Sequential=Sequential,
    Input=layers.Input,
)
TOLERANCE = 3e-6
N = 23  # with 7 in a batch, the last one has 2
STEPS = 5
RNG = np.random.default_rng(7)


def drawn(*shape):
    """Normal numbers that float32 has too: Keras converts inputs to it."""
    return RNG.normal(size=shape).astype("float32").astype("float64")


X, X2, NUMBERS, COUNTS = drawn(N, 4), drawn(N, 4), drawn(N, 2), RNG.poisson(2.0, (N, 2)).astype(float)
CLASSES = RNG.integers(0, 3, N)
ONE_HOT, BITS, LABELS = np.eye(3)[CLASSES], RNG.integers(0, 2, (N, 1)), RNG.integers(0, 2, (N, 3))
WEIGHTS = abs(drawn(N)) * (RNG.random(N) > 0.3)  # some are 0
IDS = RNG.integers(0, 6, (N, STEPS))  # 0 is padding
IDS[3] = 0
STEP_NUMBERS, STEP_CLASSES, STEP_WEIGHTS = drawn(N, STEPS, 2), RNG.integers(0, 3, (N, STEPS)), abs(drawn(N, STEPS))


@pytest.fixture(scope="module")
def names_of_keras(keras):
    """Keras's names as ``F`` of the cases has minidl's."""
    names = "layers losses metrics regularizers constraints optimizers callbacks Model Sequential Input"
    parts = {name: getattr(keras, name) for name in names.split()}
    return SimpleNamespace(is_keras=True, schedules=keras.optimizers.schedules, **parts)


# -- models ------------------------------------------------------------------------------------------------------------


def mlp(units=2, activation=None, **of_first):
    """A hidden layer with these arguments (functions of F) and an output."""

    def build(F):
        arguments = {name: make(F) for name, make in of_first.items()}
        hidden = F.layers.Dense(6, activation="tanh", **arguments)
        return F.Sequential([F.Input((4,)), hidden, F.layers.Dense(units, activation=activation)])

    return build


PENALTIES = {
    "kernel_regularizer": lambda F: F.regularizers.L1L2(0.01, 0.02),
    "bias_regularizer": lambda F: F.regularizers.L2(0.3),
    "activity_regularizer": lambda F: F.regularizers.L1(0.05),
}
CONSTRAINTS = {
    "kernel_constraint": lambda F: F.constraints.MaxNorm(0.7),
    "bias_constraint": lambda F: F.constraints.NonNeg(),
}


def tagger(units=2, activation=None, **of_embedding):
    def build(F):
        ids = F.Input((STEPS,), dtype="int32")
        arguments = {name: make(F) for name, make in of_embedding.items()}
        vectors = F.layers.Embedding(6, 4, mask_zero=True, **arguments)(ids)
        return F.Model(ids, F.layers.Dense(units, activation=activation)(F.layers.Dense(5, activation="tanh")(vectors)))

    return build


def masked_normalisation(F):
    ids = F.Input((STEPS,), dtype="int32")
    h = F.layers.BatchNormalization(momentum=0.5)(F.layers.Embedding(6, 4, mask_zero=True)(ids))
    return F.Model(ids, F.layers.Dense(2)(h))


def normalised(frozen=(), **options):
    def build(F):
        inner = F.Sequential([F.Input((5,)), F.layers.Dense(4), F.layers.BatchNormalization(**options)])
        parts = [F.Input((4,)), F.layers.Dense(5, kernel_regularizer=F.regularizers.L2(0.5)), inner]
        model = F.Sequential([*parts, F.layers.BatchNormalization(momentum=0.5), F.layers.Dropout(0.0), F.layers.Dense(2)])
        for index in frozen:
            model.layers[index].trainable = False
        return model

    return build


def nested_and_shared(F):
    number = F.Input((5,))
    inner_layers = (
        F.layers.Dense(4),
        F.layers.BatchNormalization(),
        F.layers.Dense(5, kernel_regularizer=F.regularizers.L2(0.1)),
    )
    inner = F.Model(number, inner_layers[2](inner_layers[1](inner_layers[0](number))))
    x = F.Input((4,))
    once = inner(F.layers.Dense(5, activation="tanh")(x))
    twice = inner(F.layers.Dense(5)(once))
    return F.Model(x, F.layers.Dense(2)(F.layers.Add()([once, twice])))


def siamese(F):
    a, b = F.Input((4,), name="a"), F.Input((4,), name="b")
    shared = F.layers.Dense(
        5, activation="tanh", kernel_regularizer=F.regularizers.L1(0.01), activity_regularizer=F.regularizers.L2(0.1)
    )
    return F.Model([a, b], F.layers.Dense(2)(F.layers.Add()([shared(a), shared(b)])))


def branches(F):
    """The layers are made in an order that is not that of the weights."""
    a, b = F.Input((4,), name="a"), F.Input((4,), name="b")
    last, near, far = F.layers.Dense(2), F.layers.Dense(3), F.layers.Dense(3)
    behind = F.layers.Dense(3)(b)
    return F.Model(
        [a, b],
        [
            F.layers.Dense(2, name="early")(behind),
            F.layers.Dense(2, name="late")(
                last(F.layers.Concatenate()([near(a), F.layers.Dense(3)(far(a)), F.layers.Dense(3)(behind)]))
            ),
        ],
    )


def random_graph(seed):
    def build(F):
        rng, shared = np.random.default_rng(seed), F.layers.Dense(4, activation="tanh")
        inputs = [F.Input((4,), name="a"), F.Input((4,), name="b")]
        values = list(inputs)
        for _ in range(7):
            kind, first, second = rng.integers(4), rng.integers(len(values)), rng.integers(len(values))
            if kind == 2 and first != second:
                values.append(F.layers.Add()([values[first], values[second]]))
            else:
                made = [F.layers.Dense(4, activation="tanh"), shared, F.layers.Dense(4), F.layers.BatchNormalization()]
                values.append(made[kind](values[first]))
        total = F.layers.Add()(values)
        outputs = [F.layers.Dense(2, activation="tanh", name=name)(v) for name, v in (("p", total), ("q", values[-2]))]
        return F.Model(inputs, outputs)

    return build


def three_outputs(F):
    a, b = F.Input((4,), name="a"), F.Input((4,), name="b")
    first = F.layers.Dense(5, activation="tanh", kernel_regularizer=F.regularizers.L2(0.01))(a)
    second = F.layers.Dense(4, activation="sigmoid", activity_regularizer=F.regularizers.L2(0.02))(b)
    h = F.layers.Concatenate()([first, second])
    number, kind = F.layers.Dense(2, name="number")(h), F.layers.Dense(3, activation="softmax", name="kind")(h)
    return F.Model([a, b], [number, kind, F.layers.Dense(1, activation="sigmoid", name="bit")(h)])


def named_outputs(F):
    x = F.Input((4,))
    return F.Model(x, {"p": F.layers.Dense(2)(x), "q": F.layers.Dense(2)(x)})


# -- cases -------------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """``optimizer``, ``loss``, ``metrics``, ``callbacks`` may be functions of F; ``fit`` are other arguments."""

    name: str
    build: Any
    x: Any
    y: Any
    loss: Any = "mse"
    metrics: Any = None
    optimizer: Any = lambda F: F.optimizers.SGD(0.125)  # a rate that float32 has too
    weights: Any = None
    fit: Any = {}
    callbacks: Any = None
    loss_weights: Any = None


def sgd(**options):
    return lambda F: F.optimizers.SGD(0.0625, momentum=0.75, nesterov=True, **options)


def adam(**options):
    return lambda F: F.optimizers.Adam(0.03125, **options)


def slow(**options):
    """For normalised models, which make rounding larger from step to step."""
    return lambda F: F.optimizers.SGD(2.0**-6, **options)


def scheduled(make):
    return lambda F: F.optimizers.SGD(make(F.schedules), momentum=0.5)


SINGLE = [
    ("numbers", mlp(), NUMBERS, "mse", ["mae", "mape", "cosine_similarity"]),
    ("huber", mlp(), NUMBERS, lambda F: F.losses.Huber(delta=0.3), ["mae", "mse"]),
    (
        "log_cosh",
        mlp(),
        NUMBERS,
        "log_cosh",
        lambda F: [F.metrics.R2Score(), F.metrics.RootMeanSquaredError(), F.metrics.CosineSimilarity()],
    ),
    ("counts", mlp(2, "softplus"), COUNTS, "poisson", ["msle"]),
    ("sum", mlp(), NUMBERS, lambda F: F.losses.MeanSquaredError(reduction="sum"), ["mae"]),
    ("weighted mean", mlp(), NUMBERS, lambda F: F.losses.MeanSquaredError(reduction="mean_with_sample_weight"), ["mae"]),
    ("bits", mlp(1, "sigmoid"), BITS, "binary_crossentropy", ["accuracy"]),
    (
        "smoothed logits of bits",
        mlp(1),
        BITS,
        lambda F: F.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        None,
    ),
    ("signs", mlp(1, "tanh"), BITS * 2 - 1, "squared_hinge", ["hinge"]),
    ("one-hot", mlp(3, "softmax"), ONE_HOT, "categorical_crossentropy", ["accuracy"]),
    (
        "smoothed",
        mlp(3, "softmax"),
        ONE_HOT,
        lambda F: F.losses.CategoricalCrossentropy(label_smoothing=0.2),
        lambda F: [F.metrics.TopKCategoricalAccuracy(k=2), F.metrics.F1Score(average="weighted")],
    ),
    ("labels", mlp(3, "softmax"), CLASSES, "sparse_categorical_crossentropy", ["accuracy"]),
    ("column of labels", mlp(3, "softmax"), CLASSES[:, None], "sparse_categorical_crossentropy", ["accuracy"]),
    (
        "logits",
        mlp(3),
        CLASSES,
        lambda F: F.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda F: ["accuracy", F.metrics.SparseTopKCategoricalAccuracy(k=2)],
    ),
    (
        "several labels",
        mlp(3, "sigmoid"),
        LABELS,
        "binary_crossentropy",
        lambda F: [
            "binary_accuracy",
            F.metrics.Precision(top_k=2),
            F.metrics.Recall(class_id=1),
            F.metrics.AUC(num_thresholds=200, multi_label=True, num_labels=3),
            F.metrics.AUC(num_thresholds=200, curve="PR", name="pr"),
            F.metrics.F1Score(average="macro", threshold=0.5),
            F.metrics.FBetaScore(beta=2.0, average="micro", threshold=0.4),
            F.metrics.TruePositives(),
            F.metrics.FalseNegatives(),
        ],
    ),
]
CASES = []
for name, build, y, loss, of_case in SINGLE:
    rate = (lambda F: F.optimizers.SGD(2.0**-8)) if name == "sum" else Case._field_defaults["optimizer"]
    CASES.append(Case(name, build, X, y, loss, of_case, rate))
    CASES.append(Case(f"{name}, weighted", build, X, y, loss, of_case, rate, WEIGHTS))

PARTS = {"x": X, "y": NUMBERS, "metrics": ["mae"]}
for name, optimizer in {
    "clipvalue": sgd(clipvalue=0.02),
    "clipnorm": adam(clipnorm=0.3),
    "global_clipnorm": sgd(global_clipnorm=0.2),
    "decay and clipping": adam(weight_decay=0.125, clipnorm=0.3),
    "decay": sgd(weight_decay=0.125),
    "exponential": scheduled(lambda S: S.ExponentialDecay(0.125, 5, 0.5)),
    "warm-up": scheduled(lambda S: S.CosineDecay(0.125, 8, warmup_target=0.25, warmup_steps=3)),
    "piecewise": scheduled(lambda S: S.PiecewiseConstantDecay([3, 6], [0.125, 0.0625, 0.03125])),
    "amsgrad": adam(amsgrad=True),
}.items():
    CASES.append(Case(f"penalties, {name}", mlp(**PENALTIES), **PARTS, optimizer=optimizer))

OF_KINDS = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
OF_ROWS = {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}
TWO, THREE = {"a": X, "b": X2}, {"number": NUMBERS, "kind": CLASSES, "bit": BITS}
LOSSES = {"number": "mse", "kind": "sparse_categorical_crossentropy", "bit": "binary_crossentropy"}
OF_THREE = {"number": ["mae", "mse"], "kind": ["accuracy"], "bit": ["accuracy"]}
LISTS = {"loss": list(LOSSES.values()), "metrics": [OF_THREE[name] for name in LOSSES]}
EACH = [WEIGHTS, abs(drawn(N)), np.ones(N)]
VALIDATION = [X[:9], X2[:9]], [NUMBERS[:9], CLASSES[:9], BITS[:9]], [w[:9] for w in EACH]
CASES += [
    Case("penalties and weights", mlp(**PENALTIES), **PARTS, weights=WEIGHTS),
    Case("penalties and constraints", mlp(**PENALTIES, **CONSTRAINTS), **PARTS, weights=WEIGHTS),
    Case("class weights", mlp(3, "softmax"), X, CLASSES, **OF_KINDS, fit={"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}),
    Case("class weights, one left out", mlp(3, "softmax"), X, CLASSES, **OF_KINDS, fit={"class_weight": {1: 3.0}}),
    Case("class weights of rows", mlp(3, "softmax"), X, ONE_HOT, **OF_ROWS, fit={"class_weight": {0: 1.0, 2: 0.5}}),
    Case("validation split", mlp(), **PARTS, weights=WEIGHTS, fit={"validation_split": 0.3}),
    Case(
        "split and class weights",
        mlp(3, "softmax"),
        X,
        CLASSES,
        **OF_KINDS,
        fit={"class_weight": {1: 2.0}, "validation_split": 0.3},
    ),
    Case(
        "validation",
        mlp(),
        **PARTS,
        fit={"validation_data": (X[:9], NUMBERS[:9], WEIGHTS[:9]), "validation_freq": 2},
        weights=WEIGHTS,
    ),
    Case(
        "validation in epochs",
        mlp(),
        **PARTS,
        fit={"validation_data": (X[:9], NUMBERS[:9]), "validation_freq": [1, 3], "validation_batch_size": 4},
    ),
    Case(
        "validation steps",
        mlp(),
        **PARTS,
        fit={"validation_data": (X, NUMBERS), "validation_steps": 2, "validation_batch_size": 5},
    ),
    Case("steps", mlp(), **PARTS, fit={"steps_per_epoch": 2, "epochs": 4}),
    Case("initial epoch", mlp(), **PARTS, fit={"initial_epoch": 2, "epochs": 4}),
    Case("normalisation", normalised(), **PARTS, optimizer=slow(), fit={"validation_data": (X, NUMBERS)}),
    Case("normalisation, uncentred", normalised(momentum=0.75, center=False, scale=False), **PARTS, optimizer=slow()),
    Case("frozen", normalised(frozen=[0, 1]), **PARTS, optimizer=slow(weight_decay=0.125)),
    Case("nested and shared", nested_and_shared, X, NUMBERS, optimizer=slow()),
    Case("siamese", siamese, [X, X2], NUMBERS),
    Case("branches", branches, [X, X2], [NUMBERS, NUMBERS + 1]),
    *(Case(f"graph {seed}", random_graph(seed), [X, X2], [NUMBERS, NUMBERS], optimizer=slow()) for seed in range(4)),
    Case("three outputs", three_outputs, TWO, THREE, LOSSES, OF_THREE),
    Case("loss weights", three_outputs, TWO, THREE, LOSSES, OF_THREE, loss_weights={"number": 0.3, "kind": 2.0, "bit": 0.5}),
    Case("three lists", three_outputs, [X, X2], list(THREE.values()), **LISTS, loss_weights=[0.3, 2.0, 0.0]),
    Case(
        "weights of each output",
        three_outputs,
        [X, X2],
        list(THREE.values()),
        **LISTS,
        weights=EACH,
        fit={"validation_data": VALIDATION},
    ),
    Case(
        "weights and split", three_outputs, [X, X2], list(THREE.values()), **LISTS, weights=EACH, fit={"validation_split": 0.3}
    ),
    Case("an output without a loss", three_outputs, TWO, THREE, {**LOSSES, "bit": None}),
    Case(
        "outputs in a dictionary", named_outputs, X, {"p": NUMBERS, "q": NUMBERS + 1}, {"p": "mse", "q": "mae"}, {"p": ["mae"]}
    ),
    Case("mask", tagger(), IDS, STEP_NUMBERS, "mse", ["mae"]),
    Case("mask, normalisation", masked_normalisation, IDS, STEP_NUMBERS, "mse", ["mae"], slow()),
    Case("mask, huber", tagger(), IDS, STEP_NUMBERS, "huber", ["mae"]),
    Case("mask, labels", tagger(3, "softmax"), IDS, STEP_CLASSES, **OF_KINDS),
    Case("mask, rows", tagger(3, "softmax"), IDS, np.eye(3)[STEP_CLASSES], **OF_ROWS),
    Case(
        "mask, sum",
        tagger(),
        IDS,
        STEP_NUMBERS,
        lambda F: F.losses.MeanSquaredError(reduction="sum"),
        optimizer=lambda F: F.optimizers.SGD(2.0**-9),
    ),
    # Without metrics: under PyTorch, Keras's losses multiply the weights by the mask in place, and metrics see that.
    Case("mask and weights", tagger(), IDS, STEP_NUMBERS, weights=STEP_WEIGHTS),
    Case("mask and weights, labels", tagger(3, "softmax"), IDS, STEP_CLASSES, OF_KINDS["loss"], weights=STEP_WEIGHTS),
    Case(
        "embedding",
        tagger(
            embeddings_regularizer=PENALTIES["kernel_regularizer"],
            embeddings_constraint=lambda F: F.constraints.UnitNorm(axis=1),
        ),
        IDS,
        STEP_NUMBERS,
    ),
    Case(
        "plateau",
        mlp(),
        **PARTS,
        fit={"validation_split": 0.3, "epochs": 8},
        callbacks=lambda F: [F.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.01, cooldown=1)],
    ),
    Case(
        "early stopping",
        mlp(),
        **PARTS,
        fit={"validation_split": 0.3, "epochs": 9},
        callbacks=lambda F: [
            F.callbacks.EarlyStopping(patience=2, min_delta=0.02, restore_best_weights=True, start_from_epoch=1)
        ],
    ),
    Case(
        "rates by epoch",
        mlp(),
        **PARTS,
        fit={"epochs": 4},
        callbacks=lambda F: [F.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch % 2 else rate)],
    ),
]


# -- comparing ---------------------------------------------------------------------------------------------------------


def of(F, given):
    return given(F) if callable(given) else given


def compiled(F, case):
    model = case.build(F)
    weighted = case.weights is not None or "class_weight" in case.fit
    options: dict[str, Any] = {"optimizer": of(F, case.optimizer), "loss": of(F, case.loss)}
    options["weighted_metrics" if F.is_keras and weighted else "metrics"] = of(F, case.metrics)
    if case.loss_weights is not None:
        options["loss_weights"] = case.loss_weights
    model.compile(**options)
    return model


def plain(logs):
    """By name; Keras numbers metrics of a class, whatever model they are in."""
    return {name if name.endswith("loss") else re.sub(r"_\d+$", "", name): value for name, value in sorted(logs.items())}


def trained(F, case, weights):
    """What a training leaves, as plain arrays."""
    model = compiled(F, case)
    if weights is None:
        rng = np.random.default_rng(1)
        drawn = [rng.normal(size=w.shape) for w in model.get_weights()]
        weights = [0.4 * w if w.ndim > 1 else abs(0.1 * w + 0.5) for w in drawn]  # no running variance is negative
    shapes = [w.shape for w in model.get_weights()]
    model.set_weights(weights)
    options = {"epochs": 3, "batch_size": 7, "shuffle": False, "verbose": 0, "callbacks": of(F, case.callbacks), **case.fit}
    history = model.fit(case.x, case.y, sample_weight=case.weights, **options).history
    found = model.evaluate(case.x, case.y, batch_size=8, sample_weight=case.weights, verbose=0, return_dict=True)
    predictions = model.predict(case.x, verbose=0)
    predictions = list(predictions.values()) if isinstance(predictions, dict) else predictions
    return SimpleNamespace(
        start=weights,
        shapes=shapes,
        history=plain(history),
        evaluated=plain(found),
        weights=model.get_weights(),
        predictions=predictions if isinstance(predictions, (list, tuple)) else [predictions],
    )


_keras_s: dict[str, Any] = {}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_training(names_of_keras, case):
    if case.name not in _keras_s:  # once for all kinds of kernels
        _keras_s[case.name] = trained(names_of_keras, case, None)
    expected = _keras_s[case.name]
    found = trained(MINE, case, expected.start)
    assert found.shapes == expected.shapes
    for name in ("history", "evaluated"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert list(mine) == list(theirs)
        for key in mine:
            np.testing.assert_allclose(mine[key], theirs[key], rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name}: {key}")
    for name in ("weights", "predictions"):
        pairs = list(zip(getattr(found, name), getattr(expected, name), strict=True))
        for index, (mine, theirs) in enumerate(pairs):
            np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=f"{name} {index}")
    assert any(abs(after - before).max() > 1e-3 for after, before in zip(found.weights, found.start))


def streamed(F, weights, seen):
    """Weighted batches of a generator, then single batches; ``seen`` gets what callbacks see in between."""
    case = Case("", mlp(**PENALTIES), X, NUMBERS, metrics=["mae"], weights=WEIGHTS)
    model = compiled(F, case)
    rng = np.random.default_rng(1)
    start = [0.4 * rng.normal(size=w.shape) for w in model.get_weights()] if weights is None else weights
    model.set_weights(start)

    class Sees(F.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(("batch", batch, *plain(logs).items()))

        def on_test_end(self, logs=None):
            seen.append(("test", *plain(logs).items()))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(("epoch", epoch, *plain(logs).items()))

    def batches():
        while True:
            for at in range(0, N, 7):
                yield X[at : at + 7], NUMBERS[at : at + 7], WEIGHTS[at : at + 7]

    model.fit(batches(), steps_per_epoch=3, epochs=3, verbose=0, validation_data=(X, NUMBERS, WEIGHTS), callbacks=[Sees()])
    found = [model.evaluate(batches(), steps=3, verbose=0)]
    found += [model.train_on_batch(X[:5], NUMBERS[:5], sample_weight=WEIGHTS[:5]) for _ in range(2)]
    found += [model.test_on_batch(X[5:9], NUMBERS[5:9])]
    return start, np.array(found, float), model.predict_on_batch(X[:3]), model.get_weights()


def test_streams_single_batches_and_what_callbacks_see(names_of_keras):
    theirs, mine = [], []
    start, *expected = streamed(names_of_keras, None, theirs)
    _, *found = streamed(MINE, start, mine)
    for a, b in zip((*found[:2], *found[2]), (*expected[:2], *expected[2]), strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)
    assert len(mine) == len(theirs) == 3 * (3 + 1 + 1)
    for a, b in zip(mine, theirs):
        of_mine, of_theirs = (dict(part for part in entry if isinstance(part, tuple)) for entry in (a, b))
        assert a[: len(a) - len(of_mine)] == b[: len(b) - len(of_theirs)]
        assert of_mine == pytest.approx(of_theirs, rel=TOLERANCE)
