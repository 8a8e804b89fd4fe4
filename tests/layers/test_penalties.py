"""Penalties and constraints that layers take as arguments: each reaches its parameter, and ten steps are the formula's.

The formulas are written in NumPy once more: R(w) = l1 sum |w| + l2 sum w^2 with the gradient l1 sign(w) + 2 l2 w, and the
constraints after the step. The gradient of the data comes from the same layer without penalties, which central differences
have proven (``test_gradients.py``); Dense and Embedding are written out altogether.
"""

from __future__ import annotations

import numpy as np
import pytest

from minidl import config
from minidl.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from minidl.declared import arguments_of, classes
from minidl.layers import (
    GRU,
    LSTM,
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Conv2D,
    Dense,
    Embedding,
    Recompute,
    SimpleRNN,
)
from minidl.models import Sequential
from minidl.optimizers import SGD, Adam
from minidl.regularizers import L1, L1L2, L2
from tests.cases.layers import ARGUMENTS, FAMILIES
from tests.cases.sample import by_references_first, only

pytestmark = pytest.mark.one_in(10)  # tables over every class

RATE, STEPS, BATCH = 0.1, 10, 5
RNG = np.random.default_rng(8)

LAYERS = {  # class: other arguments, shape of a sample, the parameter of each ``<of>_regularizer`` and ``<of>_constraint``
    "Dense": (Dense, {"units": 3, "activation": "tanh"}, (4,), {"kernel": "W", "bias": "b"}),
    "Conv2D": (Conv2D, {"filters": 2, "kernel_size": 2, "activation": "tanh"}, (3, 4, 2), {"kernel": "W", "bias": "b"}),
    "LSTM": (LSTM, {"units": 3}, (4, 2), {"kernel": "W", "recurrent": "W_recurrent", "bias": "b"}),
    "GRU": (GRU, {"units": 3}, (4, 2), {"kernel": "W", "recurrent": "W_recurrent", "bias": "b"}),
    "SimpleRNN": (SimpleRNN, {"units": 3}, (4, 2), {"kernel": "W", "recurrent": "W_recurrent", "bias": "b"}),
    "BatchNormalization": (BatchNormalization, {}, (3,), {"gamma": "gamma", "beta": "beta"}),
    "Embedding": (Embedding, {"input_dim": 6, "output_dim": 3}, (4,), {"embeddings": "W"}),
    **{name: row for family in FAMILIES for name, row in getattr(family, "PENALIZED", {}).items()},
}
PARAMETERS = [(name, of, p) for name, (_, _, _, of_arguments) in LAYERS.items() for of, p in of_arguments.items()]
every_parameter = pytest.mark.parametrize("name, of, parameter", PARAMETERS)
CELLS = {"GRUCell": "GRU", "LSTMCell": "LSTM", "SimpleRNNCell": "SimpleRNN"}  # take what their layers do, from the same text
SEVERAL = {"MultiHeadAttention"}  # an argument is that of several parameters: tests/layers/test_attention.py
RANKS = [f"{kind}{rank}D" for kind in ("Conv", "ConvLSTM") for rank in (1, 2, 3)] + [
    f"Conv{rank}DTranspose" for rank in (1, 2, 3)
]
RANKS += [f"{kind}{rank}D" for kind in ("DepthwiseConv", "SeparableConv", "LocallyConnected") for rank in (1, 2)]
ACTIVITY = {"Dense", "GRU", "LSTM", "SimpleRNN", "Embedding", *RANKS}  # that take ``activity_regularizer``


@pytest.fixture(autouse=True, params=by_references_first)
def _in_double_precision(request):
    with config.use_dtype("float64"), config.use_kernels(request.param):
        yield


def test_every_argument_of_this_kind_is_here():
    """A layer that is added later with such an argument is asked for here."""
    for name, cls in classes("layer").items():
        found = {a.rpartition("_")[0] for a in arguments_of(cls) if a.endswith(("_regularizer", "_constraint"))}
        alike = CELLS.get(name, name)
        expected = set(LAYERS[alike][3]) if alike in LAYERS else set()
        assert name in SEVERAL or found - {"activity"} == expected, f"{name}: write it into LAYERS"
        assert ("activity" in found) == (name in ACTIVITY | SEVERAL), f"{name}: write it into ACTIVITY"


def model_of(name, **arguments):
    """The layer alone, as a model, with weights that are never near zero: no step crosses the corner of |w|."""
    cls, others, shape, _ = LAYERS[name]
    layer = cls(**others, **arguments, input_shape=shape)
    model = Sequential([layer])
    for index, p in enumerate(layer.parameters):
        rng = np.random.default_rng([4, index])
        values = rng.choice([-1.0, 1.0], p.shape) * rng.uniform(0.5, 1.0, p.shape)
        values.flat[0] = -0.75
        p.value = values
    return model, layer


def batches(name):
    """The same ten batches for whoever asks."""
    shape, rng = LAYERS[name][2], np.random.default_rng(9)
    y_shape = LAYERS[name][0](**LAYERS[name][1]).output_shape(shape)
    for _ in range(STEPS):
        x = rng.integers(0, 6, (BATCH, *shape)) if name == "Embedding" else rng.normal(size=(BATCH, *shape))
        yield x, rng.normal(size=(BATCH, *y_shape))


def compiled(model, optimizer=None):
    model.compile(optimizer or SGD(RATE), "mse")
    return model


# -- each argument by itself ---------------------------------------------------------------------------------------------


@every_parameter
@pytest.mark.parametrize("what", ["regularizer", "constraint"])
def test_the_argument_reaches_its_parameter_and_no_other(name, of, parameter, what):
    given = L2(0.3) if what == "regularizer" else NonNeg()
    _, layer = model_of(name, **{f"{of}_{what}": given})
    found = {p.name: (p.regularizer, p.constraint) for p in layer.parameters}
    pair = (given, None) if what == "regularizer" else (None, given)
    assert found == {p.name: pair if p.name == parameter else (None, None) for p in layer.parameters}
    _, by_name = model_of(name, **{f"{of}_{what}": "l2" if what == "regularizer" else "non_neg"})
    kept = getattr(by_name, f"{of}_{what}")
    assert type(kept) is type(given)
    assert any(kept in (p.regularizer, p.constraint) for p in by_name.parameters)


def test_without_the_parameter_there_is_no_penalty():
    """A bias or a gamma that the layer does not have is not penalised, and nothing fails."""
    dense = Dense(3, use_bias=False, bias_regularizer="l2", bias_constraint="non_neg", input_shape=(4,))
    bare = BatchNormalization(center=False, scale=False, gamma_regularizer="l2", beta_constraint="non_neg")
    model = compiled(Sequential([dense, bare]))
    assert model._step.group.penalty() is None


PENALTIES = {
    "l1": (L1(0.05), 0.05, 0.0),
    "l2": (L2(0.07), 0.0, 0.07),
    "both": (L1L2(0.03, 0.04), 0.03, 0.04),
}


each_penalty = pytest.mark.parametrize("penalty", only(PENALTIES, always=["both"]))  # which has what the others have


@every_parameter
@each_penalty
def test_ten_steps_with_a_penalty(name, of, parameter, penalty):
    """w <- w - rate (dw + l1 sign(w) + 2 l2 w), and the loss is that of the data and R(w) before the step."""
    regularizer, l1, l2 = PENALTIES[penalty]
    model, layer = model_of(name, **{f"{of}_regularizer": regularizer})
    plain, same = model_of(name)
    compiled(model)
    compiled(plain)
    for x, y in batches(name):
        before = {p.name: p.value.copy() for p in layer.parameters}
        for p, q in zip(same.weights, layer.weights, strict=True):
            p.value = q.value
        of_data, found = plain.train_on_batch(x, y), model.train_on_batch(x, y)
        w = before[parameter]
        assert found == pytest.approx(of_data + l1 * abs(w).sum() + l2 * (w**2).sum(), rel=1e-12)
        for p, q in zip(layer.parameters, same.parameters):
            pull = l1 * np.sign(w) + 2 * l2 * w if p.name == parameter else 0
            np.testing.assert_allclose(p.value, q.value - RATE * pull, rtol=1e-11, atol=1e-13)
    assert model.evaluate(x, y, verbose=0) > plain.evaluate(x, y, verbose=0), "evaluate adds it too"


def norm(w, axis):
    return np.sqrt((w**2).sum(axis=axis, keepdims=True))


CONSTRAINTS = {  # an object, and what it makes of the weights: Keras's formulas
    "non_neg": (NonNeg(), lambda w: np.maximum(w, 0)),
    "max_norm": (MaxNorm(0.6), lambda w: w * np.minimum(norm(w, 0), 0.6) / (norm(w, 0) + 1e-7)),
    "unit_norm": (UnitNorm(axis=-1), lambda w: w / (norm(w, -1) + 1e-7)),
    "min_max_norm": (
        MinMaxNorm(0.4, 0.6, rate=0.5),
        lambda w: w * (0.5 * np.clip(norm(w, 0), 0.4, 0.6) + 0.5 * norm(w, 0)) / (norm(w, 0) + 1e-7),
    ),
}


@every_parameter
@pytest.mark.parametrize("constraint", only(CONSTRAINTS, always=["min_max_norm"]))
def test_ten_steps_with_a_constraint(name, of, parameter, constraint):
    """What holds is what holds after each step: the constraint of the weights that the step without it gives."""
    given, formula = CONSTRAINTS[constraint]
    model, layer = model_of(name, **{f"{of}_constraint": given})
    plain, same = model_of(name)
    compiled(model)
    compiled(plain)
    moved = 0.0
    for x, y in batches(name):
        for p, q in zip(same.weights, layer.weights, strict=True):
            p.value = q.value
        assert model.train_on_batch(x, y) == pytest.approx(plain.train_on_batch(x, y), rel=1e-12)
        for p, q in zip(layer.parameters, same.parameters):
            expected = formula(q.value) if p.name == parameter else q.value
            np.testing.assert_allclose(p.value, expected, rtol=1e-11, atol=1e-13)
            moved += abs(p.value - q.value).sum()
    assert moved > 0.1, "a constraint that changes nothing would pass"


# -- all of them in a layer, written out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", [True, False])
def test_dense_in_numpy(fuse):
    """Forwards, backwards, penalties on W, b and y, a constraint on both: ten steps without a line of minidl."""
    layer = Dense(
        3,
        activation="tanh",
        kernel_regularizer=L1L2(0.02, 0.03),
        bias_regularizer=L2(0.05),
        activity_regularizer=L1L2(0.04, 0.06),
        kernel_constraint=MaxNorm(0.9),
        bias_constraint="non_neg",
        input_shape=(4,),
    )
    model = Sequential([layer])
    W, b = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    layer.W.value, layer.b.value = W, b
    model.compile(SGD(RATE), "mse", fuse=fuse)
    for x, t in batches("Dense"):
        y = np.tanh(x @ W + b)
        loss = ((y - t) ** 2).mean() + (0.04 * abs(y) + 0.06 * y**2).sum() / BATCH
        loss += 0.02 * abs(W).sum() + 0.03 * (W**2).sum() + 0.05 * (b**2).sum()
        assert model.train_on_batch(x, t) == pytest.approx(loss, rel=1e-12)
        dy = 2 * (y - t) / y.size + (0.04 * np.sign(y) + 2 * 0.06 * y) / BATCH
        dz = dy * (1 - y**2)
        W = W - RATE * (x.T @ dz + 0.02 * np.sign(W) + 2 * 0.03 * W)
        W = W * np.minimum(norm(W, 0), 0.9) / (norm(W, 0) + 1e-7)
        b = np.maximum(b - RATE * (dz.sum(axis=0) + 2 * 0.05 * b), 0)
        np.testing.assert_allclose(layer.W.value, W, rtol=1e-11)
        np.testing.assert_allclose(layer.b.value, b, rtol=1e-11, atol=1e-14)


def test_embedding_in_numpy():
    """L2 pulls at every row of the table, whether its id is in the batch or not."""
    layer = Embedding(6, 3, "normal", L2(0.05), NonNeg(), activity_regularizer=L1(0.1), input_shape=(4,))
    model, W = compiled(Sequential([layer])), abs(RNG.normal(size=(6, 3)))
    layer.W.value = W
    for ids, t in batches("Embedding"):
        y = W[ids]
        loss = ((y - t) ** 2).mean() + 0.1 * abs(y).sum() / BATCH + 0.05 * (W**2).sum()
        assert model.train_on_batch(ids, t) == pytest.approx(loss, rel=1e-12)
        dW = 2 * 0.05 * W
        np.add.at(dW, ids, 2 * (y - t) / y.size + 0.1 * np.sign(y) / BATCH)
        W = np.maximum(W - RATE * dW, 0)
        np.testing.assert_allclose(layer.W.value, W, rtol=1e-11, atol=1e-14)


def test_penalties_are_a_part_of_the_gradient_that_adam_sees():
    """In the loss, unlike weight decay, which the rule does not see: Adam's first step is rate sign(dw + 2 l2 w)."""
    layer = Dense(1, use_bias=False, kernel_regularizer=L2(0.5), input_shape=(2,))
    model = compiled(Sequential([layer]), Adam(RATE, epsilon=0.0))
    layer.W.value = W = np.array([[0.3], [-0.2]])
    model.train_on_batch(np.zeros((1, 2)), np.zeros((1, 1)))  # the data have no gradient
    np.testing.assert_allclose(layer.W.value, W - RATE * np.sign(W), rtol=1e-12)


# -- penalties on what a layer gives -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ACTIVITY))
@each_penalty
def test_activity_penalties_are_means_over_the_batch(name, penalty):
    """L + (1 / n) sum_i R(y_i) as in Keras 3: the same step as with an ActivityRegularization behind the layer."""
    regularizer, l1, l2 = PENALTIES[penalty]
    model, layer = model_of(name, activity_regularizer=regularizer)
    behind, same = model_of(name)
    behind.add(ActivityRegularization(l1, l2))
    compiled(model)
    compiled(behind)
    for x, t in batches(name):
        y = layer(x)
        expected = ((y - t) ** 2).mean() + (l1 * abs(y) + l2 * y**2).sum() / BATCH
        assert model.evaluate(x, t, verbose=0) == pytest.approx(expected, rel=1e-12)
        for each in (model, behind):
            assert each.train_on_batch(x, t) == pytest.approx(expected, rel=1e-12)
        for p, q in zip(layer.parameters, same.parameters, strict=True):
            np.testing.assert_allclose(p.value, q.value, rtol=1e-10, atol=1e-13)


def test_activity_regularization_in_numpy():
    x, dy = RNG.normal(size=(4, 3, 2)), RNG.normal(size=(4, 3, 2))
    layer = ActivityRegularization(0.3, 0.2)
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_allclose(layer.backward(dy), dy + (0.3 * np.sign(x) + 0.4 * x) / 4, rtol=1e-13)
    model = compiled(Sequential([layer]))
    model.build((3, 2))
    expected = (x**2).mean() + (0.3 * abs(x) + 0.2 * x**2).sum() / 4
    assert model.evaluate(x, 0 * x, verbose=0) == pytest.approx(expected, rel=1e-12)
    assert model.evaluate(x, 0 * x, 4, verbose=0) == pytest.approx(expected, rel=1e-12)


def test_an_activity_penalty_does_not_touch_what_is_predicted():
    plain, _ = model_of("Dense")
    model, _ = model_of("Dense", activity_regularizer=L1L2(5.0, 5.0))
    x, _ = next(batches("Dense"))
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))


@pytest.mark.parametrize("activation", ["relu", "softmax"])
@pytest.mark.parametrize("as_layer", [False, True])
def test_the_plan_leaves_what_is_penalised_in_its_place(activation, as_layer):
    """The penalty is on y = f(z), or on z where f is a layer behind: never on what the plan made of it."""
    options = {"activity_regularizer": L1L2(0.3, 0.2), "input_shape": (4,)}
    layers = [Dense(3, **options), Activation(activation)] if as_layer else [Dense(3, activation, **options)]
    x, t = RNG.normal(size=(BATCH, 4)), np.eye(3)[RNG.integers(0, 3, BATCH)]
    model = Sequential(layers)
    y = layers[0](x)
    for fuse in (True, False):
        model.compile("sgd", "categorical_crossentropy" if activation == "softmax" else "mse", fuse=fuse)
        p = model.predict(x)
        of_data = -(t * np.log(p)).sum(axis=-1).mean() if activation == "softmax" else ((p - t) ** 2).mean()
        expected = of_data + (0.3 * abs(y) + 0.2 * y**2).sum() / BATCH
        assert model.evaluate(x, t, verbose=0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("wrap", [Recompute, lambda layer: Sequential([layer]), lambda layer: Recompute(Sequential([layer]))])
def test_penalties_of_a_nested_or_recomputed_layer_count_once(wrap):
    """The second run of a recomputed block adds nothing to the loss, and its penalties have the same gradient."""
    found = []
    for inner in (lambda layer: layer, wrap):
        layer = Dense(3, activation="tanh", kernel_regularizer=L2(0.1), activity_regularizer=L1L2(0.2, 0.3))
        model = Sequential([inner(layer), Dense(2)])
        model.build((4,))
        for index, p in enumerate(model.parameters):
            p.value = np.random.default_rng([6, index]).normal(size=p.shape)
        compiled(model)
        rng = np.random.default_rng(7)
        losses = [model.train_on_batch(rng.normal(size=(BATCH, 4)), rng.normal(size=(BATCH, 2))) for _ in range(3)]
        found.append([*losses, *model.get_weights()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluation_in_batches_adds_each_penalty_once():
    model, layer = model_of("Dense", kernel_regularizer=L2(0.5), activity_regularizer=L2(0.25))
    compiled(model)
    x, t = RNG.normal(size=(7, 4)), RNG.normal(size=(7, 3))
    y = layer(x)
    expected = ((y - t) ** 2).mean() + 0.25 * (y**2).sum() / 7 + 0.5 * (layer.W.value**2).sum()
    for size in (1, 3, 7):
        assert model.evaluate(x, t, size, verbose=0) == pytest.approx(expected, rel=1e-12)
    history = model.fit(x, t, 7, verbose=0, validation_data=(x, t)).history
    assert history["loss"] == pytest.approx([expected], rel=1e-12)
    assert history["val_loss"] == pytest.approx([model.evaluate(x, t, verbose=0)], rel=1e-12)


def test_a_shared_layer_is_penalised_once_and_its_results_each_time():
    """One W, one penalty on it; two results, two penalties on them."""
    layer = Dense(3, kernel_regularizer=L2(0.5), activity_regularizer=L2(0.25), input_shape=(3,))
    model = compiled(Sequential([layer, layer]))
    x = RNG.normal(size=(BATCH, 3))
    first = layer(x)
    second = layer(first)
    expected = (second**2).mean() + 0.25 * ((first**2).sum() + (second**2).sum()) / BATCH + 0.5 * (layer.W.value**2).sum()
    assert model.evaluate(x, 0 * x, verbose=0) == pytest.approx(expected, rel=1e-12)


def test_frozen_layers_are_neither_penalised_nor_constrained():
    """As in Keras; an activity penalty stays, because it is a matter of what comes out."""
    layer = Dense(3, trainable=False, kernel_regularizer="l2", kernel_constraint=UnitNorm(), activity_regularizer=L2(0.5))
    model = Sequential([layer, Dense(2)])
    model.build((4,))
    compiled(model)
    before, x = layer.W.value.copy(), RNG.normal(size=(BATCH, 4))
    expected = (model.predict(x) ** 2).mean() + 0.5 * (layer(x) ** 2).sum() / BATCH
    assert model.train_on_batch(x, np.zeros((BATCH, 2))) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(layer.W.value, before)


def test_the_arguments_of_this_file_are_tried_with_every_layer_that_has_them():
    assert {cls.__name__ for cls, arguments in ARGUMENTS if "activity_regularizer" in arguments} == ACTIVITY | SEVERAL
