"""The optimizers of Keras 2.1.1 against its formulas, written here in NumPy, and what scripts do with ``optimizer.lr``."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

from minidl import config
from minidl import optimizers as today
from minidl.compat.keras import backend as K
from minidl.compat.keras import optimizers, rules
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers import Dense, Embedding, Flatten
from minidl.models import Sequential
from minidl.parameters import Parameter, ParameterGroup
from tests.cases.sample import by_references_first

SHAPES = ((3, 2), (2,))
STEPS = 10


@pytest.fixture(autouse=True, params=by_references_first)
def _kernels(request):
    with config.use_kernels(request.param):
        yield


def gradients(scale=1.0):
    rng = np.random.default_rng(5)
    return [[scale * rng.normal(size=shape) for shape in SHAPES] for _ in range(STEPS)]


def golden(rule, given, clipnorm=0.0, clipvalue=0.0, lr=0.01, decay=0.0):
    """The weights after ten steps: ``rule(w, g, state, rate, t)`` gives the new weights, t = 0, 1, ..."""
    rng = np.random.default_rng(6)
    weights, states = [rng.normal(size=shape) for shape in SHAPES], [{}, {}]
    for t, grads in enumerate(given):
        if clipnorm > 0:
            norm = np.sqrt(sum((g * g).sum() for g in grads))  # of all gradients together
            grads = [g * clipnorm / norm if norm >= clipnorm else g for g in grads]
        if clipvalue > 0:
            grads = [np.clip(g, -clipvalue, clipvalue) for g in grads]
        rate = lr / (1 + decay * t)
        weights = [rule(w, g, state, rate, t) for w, g, state in zip(weights, grads, states)]
    return weights


def sgd(momentum=0.0, nesterov=False):
    def rule(w, g, s, rate, t):
        s["v"] = v = momentum * s.get("v", 0) - rate * g
        return w + momentum * v - rate * g if nesterov else w + v

    return rule


def rmsprop(rho=0.9, epsilon=1e-8):
    def rule(w, g, s, rate, t):
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g**2
        return w - rate * g / (np.sqrt(s["a"]) + epsilon)

    return rule


def adagrad(epsilon=1e-8):
    def rule(w, g, s, rate, t):
        s["a"] = s.get("a", 0) + g**2
        return w - rate * g / (np.sqrt(s["a"]) + epsilon)

    return rule


def adadelta(rho=0.95, epsilon=1e-8):
    def rule(w, g, s, rate, t):
        s["a"] = rho * s.get("a", 0) + (1 - rho) * g**2
        d = g * np.sqrt(s.get("d", 0) + epsilon) / np.sqrt(s["a"] + epsilon)
        s["d"] = rho * s.get("d", 0) + (1 - rho) * d**2
        return w - rate * d

    return rule


def adam(b1=0.9, b2=0.999, epsilon=1e-8, amsgrad=False):
    def rule(w, g, s, rate, t):
        t += 1
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
        s["h"] = np.maximum(s.get("h", 0), s["v"]) if amsgrad else s["v"]
        rate = rate * np.sqrt(1 - b2**t) / (1 - b1**t)
        return w - rate * s["m"] / (np.sqrt(s["h"]) + epsilon)

    return rule


def adamax(b1=0.9, b2=0.999, epsilon=1e-8):
    def rule(w, g, s, rate, t):
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g))
        return w - rate / (1 - b1 ** (t + 1)) * s["m"] / (s["u"] + epsilon)

    return rule


def nadam(b1=0.9, b2=0.999, epsilon=1e-8, schedule_decay=0.004):
    def rule(w, g, s, rate, t):
        t += 1
        now, ahead = (b1 * (1 - 0.5 * 0.96 ** (i * schedule_decay)) for i in (t, t + 1))
        s["p"] = s.get("p", 1.0) * now
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g**2
        bar = (1 - now) * g / (1 - s["p"]) + ahead * s["m"] / (1 - s["p"] * ahead)
        return w - rate * bar / (np.sqrt(s["v"] / (1 - b2**t)) + epsilon)

    return rule


ROWS = [  # a call of old, the rule, and what golden is to know
    ("SGD()", sgd(), {}),
    ("SGD(0.1, 0.9)", sgd(0.9), {"lr": 0.1}),
    ("SGD(lr=0.1, momentum=0.9, decay=0.25, nesterov=True)", sgd(0.9, True), {"lr": 0.1, "decay": 0.25}),
    ("SGD(nesterov=True)", sgd(0.0, True), {}),
    ("SGD(learning_rate=0.2, decay=1e-2)", sgd(), {"lr": 0.2, "decay": 1e-2}),
    ("SGD(lr=0.5, clipnorm=0.75)", sgd(), {"lr": 0.5, "clipnorm": 0.75}),
    ("SGD(lr=0.5, clipvalue=0.5)", sgd(), {"lr": 0.5, "clipvalue": 0.5}),
    ("SGD(lr=0.5, clipnorm=2.0, clipvalue=0.5)", sgd(), {"lr": 0.5, "clipnorm": 2.0, "clipvalue": 0.5}),
    ("SGD(lr=0.5, clipnorm=0.)", sgd(), {"lr": 0.5}),
    ("RMSprop()", rmsprop(), {"lr": 0.001}),
    ("RMSprop(0.1, 0.8, 1e-2, 0.25)", rmsprop(0.8, 1e-2), {"lr": 0.1, "decay": 0.25}),
    ("RMSprop(lr=0.1, clipnorm=0.5)", rmsprop(), {"lr": 0.1, "clipnorm": 0.5}),
    ("Adagrad()", adagrad(), {}),
    ("Adagrad(0.1, 1e-2, 0.25)", adagrad(1e-2), {"lr": 0.1, "decay": 0.25}),
    ("Adadelta()", adadelta(), {"lr": 1.0}),
    ("Adadelta(0.5, 0.8, 1e-3, 0.25)", adadelta(0.8, 1e-3), {"lr": 0.5, "decay": 0.25}),
    ("Adam()", adam(), {"lr": 0.001}),
    ("Adam(0.1, 0.5, 0.8, 1e-2, 0.25)", adam(0.5, 0.8, 1e-2), {"lr": 0.1, "decay": 0.25}),
    ("Adam(lr=0.1, amsgrad=True)", adam(amsgrad=True), {"lr": 0.1}),
    ("Adam(lr=0.1, epsilon=None)", adam(epsilon=1e-7), {"lr": 0.1}),
    ("Adam(lr=0.1, clipvalue=0.25)", adam(), {"lr": 0.1, "clipvalue": 0.25}),
    ("Adamax()", adamax(), {"lr": 0.002}),
    ("Adamax(0.1, 0.5, 0.8, 1e-2, 0.25)", adamax(0.5, 0.8, 1e-2), {"lr": 0.1, "decay": 0.25}),
    ("Nadam()", nadam(), {"lr": 0.002}),
    ("Nadam(0.1, 0.5, 0.8, 1e-2, 0.5)", nadam(0.5, 0.8, 1e-2, 0.5), {"lr": 0.1}),
]


def made(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OldSpellingWarning)
        return eval(call, vars(optimizers))


def trained(optimizer, given, dtype, start=None):
    rng = np.random.default_rng(6)
    weights = [Parameter(rng.normal(size=shape).astype(dtype)) for shape in SHAPES] if start is None else start
    for grads in given:
        for p, g in zip(weights, grads):
            p.zero_grad()
            p.add_grad(g.astype(dtype))
        optimizer.step(weights)
    return weights


@pytest.mark.one_in(5)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 2e-6)])
@pytest.mark.parametrize("call, rule, options", ROWS, ids=[row[0] for row in ROWS])
def test_ten_steps_are_those_of_the_formula(call, rule, options, dtype, tolerance):
    optimizer = made(call)
    weights = trained(optimizer, gradients(), dtype)
    for p, expected in zip(weights, golden(rule, gradients(), **options)):
        np.testing.assert_allclose(p.value, expected, rtol=0, atol=tolerance)


@pytest.mark.more
@pytest.mark.parametrize("_kernels", ["auto"], indirect=True)
@pytest.mark.parametrize("call", [row[0] for row in ROWS])
def test_the_reference_does_the_same_as_the_kernel(call):
    fast = trained(made(call), gradients(), "float64")
    with config.use_kernels("reference"):
        plain = trained(made(call), gradients(), "float64")
    for a, b in zip(fast, plain):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-13)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("call", [row[0] for row in ROWS])
def test_configurations_copies_and_what_minidl_reads_make_equal_steps(call):
    optimizer = made(call)
    again = [
        optimizers.deserialize(optimizers.serialize(optimizer)),
        type(optimizer).from_config(optimizer.get_config()),
        copy.deepcopy(optimizer),
        pickle.loads(pickle.dumps(optimizer)),
        optimizers.get({"class_name": type(optimizer).__name__, "config": optimizer.get_config()}),
    ]
    plain = optimizer._plain()
    if not plain.get("custom"):  # minidl reads it without this room
        again.append(today.get(plain))
        assert type(again[-1]).__module__.startswith("minidl.optimizers")
        again.append(optimizers.get(plain))
        assert isinstance(again[-1], rules.Optimizer)
        assert again[-1]._plain() == plain
    else:
        same_rule = type(optimizer) in (rules.SGD, rules.Adadelta, rules.Adam, rules.Adamax)
        assert not same_rule or (optimizer.clipnorm and optimizer.clipvalue)
    expected = trained(optimizer, gradients(), "float64")
    for other in again:
        for a, b in zip(trained(other, gradients(), "float64"), expected):
            np.testing.assert_allclose(a.value, b.value, rtol=1e-14)


def test_configurations_are_those_of_2_1():
    assert made("SGD(lr=0.5)").get_config() == {"lr": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False}
    assert made("RMSprop()").get_config() == {"lr": 0.001, "rho": 0.9, "decay": 0.0, "epsilon": 1e-8}
    assert made("Nadam()").get_config()["schedule_decay"] == 0.004
    assert made("Adam(clipnorm=1.0)").get_config()["clipnorm"] == 1.0
    assert repr(made("SGD(lr=0.5, momentum=0.9)")) == "SGD(lr=0.5, momentum=0.9)"


def small_model(optimizer):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(optimizer, "mse")
    return model


def test_the_rate_may_be_read_calculated_with_and_set():
    optimizer = made("SGD(lr=0.5, decay=0.25)")
    model = small_model(optimizer)
    lr = model.optimizer.lr
    assert (lr, lr * 2, float(lr), f"{lr:.2f}") == (0.5, 1.0, 0.5, "0.50")
    assert K.get_value(lr) == 0.5
    assert K.get_value(lr).dtype == "float32"
    K.set_value(model.optimizer.lr, 0.25)
    assert model.optimizer.lr == 0.25 == model.optimizer.learning_rate
    assert K.get_value(lr) == 0.25, "what was taken out before knows it too"
    model.optimizer.lr = np.float32(0.125)
    assert lr.eval() == lr.get_value() == lr.numpy() == 0.125
    lr.assign(0.5)
    lr.set_value(2.0)
    assert model.optimizer.lr == 2.0
    now = K.eval(
        model.optimizer.lr * (1.0 / (1.0 + model.optimizer.decay * K.cast(np.asarray(4), K.dtype(model.optimizer.decay))))
    )
    assert now == 1.0
    x, before = np.ones((4, 3), "float32"), [w.copy() for w in model.get_weights()]
    model.optimizer.lr = 0.0
    model.fit(x, np.ones((4, 2)), verbose=0)
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)
    K.set_value(model.optimizer.decay, 0.5)
    assert model.optimizer.decay == 0.5
    assert model.optimizer.iterations == 1


def test_minidl_s_callbacks_set_the_rate_and_the_decay_goes_on():
    optimizer = made("SGD(lr=1.0, decay=1.0)")
    optimizer.learning_rate = 0.5
    assert optimizer.lr == 0.5
    (w, _) = trained(optimizer, [[np.ones(s) for s in SHAPES]] * 2, "float64", [Parameter(np.zeros(s)) for s in SHAPES])
    np.testing.assert_allclose(w.value, -(0.5 + 0.25))


def test_weights_are_lists_of_arrays():
    for call, counted, kept in (("SGD(momentum=0.9)", 1, 1), ("RMSprop()", 0, 1), ("Adam()", 1, 2), ("Adadelta()", 0, 2)):
        one, other = made(call), made(call)
        half = gradients()[:5]
        trained(one, half, "float64")
        start = trained(other, half[:1], "float64")
        weights = one.get_weights()
        assert len(weights) == counted + kept * len(SHAPES)
        other.set_weights(weights)
        for a, b in zip(other.get_weights(), weights):
            np.testing.assert_array_equal(a, b)
        assert not counted or other.iterations == 5
        with pytest.raises(ArgumentError, match="arrays of shapes"):
            other.set_weights(weights[:-1])
        assert len(start) == 2


def test_names_are_looked_up_in_any_case_with_the_numbers_of_then():
    assert type(optimizers.get("rmsprop")) is rules.RMSprop
    for name, lr in (("SGD", 0.01), ("adagrad", 0.01), ("Adadelta", 1.0), ("ADAM", 0.001), ("nadam", 0.002), ("adamax", 0.002)):
        assert optimizers.get(name).lr == lr
    assert optimizers.adam is optimizers.Adam
    assert isinstance(made("adam(lr=0.1)"), optimizers.Adam)
    with pytest.raises(ArgumentError, match="Did you mean 'adam'"):
        optimizers.get("adamm")
    with pytest.raises(ArgumentTypeError, match=r"optimizer=Adam\(\)"):
        optimizers.get(optimizers.Adam)
    with pytest.raises(TypeError, match="Did you mean 'momentum'"):
        optimizers.SGD(momentm=0.9)
    with pytest.raises(ArgumentError, match="clipnorm >= 0"):
        made("SGD(clipnorm=-1.0)")
    with pytest.raises(ArgumentTypeError, match="TFOptimizer"):
        optimizers.TFOptimizer(None)


def test_optimizers_of_minidl_get_the_attributes_of_then_where_they_make_the_same_steps():
    assert optimizers.get(today.SGD(0.5, 0.9)).lr == 0.5
    assert type(optimizers.get(today.Adam(0.5, epsilon=1e-3))) is rules.Adam
    for other in (today.RMSprop(), today.Adagrad(), today.Nadam(), today.SGD(0.1, weight_decay=0.1), today.Adam(clipnorm=1.0)):
        assert optimizers.get(other) is other


def test_the_call_of_today_is_told():
    for call, text in (
        ("SGD(lr=0.1, decay=1e-6, momentum=0.9)", r"SGD\(learning_rate=InverseTimeDecay\(0.1, 1, 1e-06\), momentum=0.9\)"),
        ("Adam(lr=0.01, clipnorm=1.0)", r"Adam\(learning_rate=0.01, global_clipnorm=1.0"),
        ("RMSprop(lr=0.01)", r"RMSprop\(learning_rate=0.01\)"),
        ("RMSprop(clipnorm=1.0)", r"RMSprop\(global_clipnorm=1.0\)"),
        (
            "Adagrad(lr=0.5, decay=0.1)",
            r"Adagrad\(learning_rate=InverseTimeDecay\(0.5, 1, 0.1\), initial_accumulator_value=0.0",
        ),
        ("Nadam(schedule_decay=0.01)", r"Nadam\(learning_rate=0.002\)"),
        ("SGD(lr=0.1, clipnorm=1.0, clipvalue=0.5)", r"SGD\(learning_rate=0.1, clipnorm=1.0, clipvalue=0.5\)"),
    ):
        with pytest.warns(OldSpellingWarning, match=text):
            eval(call, vars(optimizers))
    optimizers.Adam(), optimizers.SGD(0.1, 0.9)  # these are minidl's calls too, and nothing is told


@pytest.mark.one_in(3)
@pytest.mark.parametrize("call", ["SGD(lr=0.5)", "RMSprop()", "SGD(lr=0.5, clipnorm=0.1)"])
def test_rows_of_an_embedding_are_left_alone_as_by_minidl_s_own_rules(monkeypatch, call):
    """Only a rule of somebody's own may write to any row of a gradient, which would have to be made whole for it."""
    asked = []
    rows_of = ParameterGroup.rows_of
    monkeypatch.setattr(ParameterGroup, "rows_of", lambda self, s, writes=False: asked.append(writes) or rows_of(s, writes))
    model = Sequential([Embedding(90, 3, input_shape=(2,)), Flatten(), Dense(1)])
    model.compile(made(call), "mse")
    for _ in range(3):
        model.train_on_batch(np.array([[1, 2], [3, 4]]), np.ones((2, 1)))
    assert not any(asked)

    class Own(today.RMSprop):
        def update(self, rows, scalars):
            super().update(rows, scalars)

    model.compile(Own(), "mse")
    model.train_on_batch(np.array([[1, 2], [3, 4]]), np.ones((2, 1)))
    assert any(asked)


def test_clipping_is_arranged_ahead_of_a_step_that_is_recorded():
    optimizer = made("SGD(lr=0.5, clipnorm=0.1, clipvalue=0.05)")
    model = small_model(optimizer)
    optimizer.prepare(model._compiled_step().group)
    made_for = optimizer._clipping._by_norm._made_for, optimizer._clipping._by_value._made_for
    assert made_for[0][:3] == (None, None, 0.1)
    assert made_for[1][:3] == (0.05, None, None)
    tables = optimizer._clipping._by_norm._tables
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))
    assert optimizer._clipping._by_norm._tables is tables, "as they were"
