"""A step through an embedding leaves alone what it need not touch, and comes to the same bits as one that walks everything."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.backend.dispatch import CPU
from minidl.backend.memory import Pool
from minidl.constraints import MaxNorm
from minidl.layers import Add, Dense, Embedding, Flatten, Input, Recompute
from minidl.models import Model, Sequential
from minidl.ops.embedding import embed_grad_rows
from minidl.optimizers import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop
from minidl.parameters import Parameter, ParameterGroup
from minidl.regularizers import L1L2

WORDS, UNITS, LENGTH = 90, 3, 4
both_kernels = pytest.mark.parametrize("kernels", ["reference", "auto"])


def batches(steps=4, sizes=(5, 2, 7, 1)):
    rng = np.random.default_rng(0)
    for step in range(steps):
        n = sizes[step % len(sizes)]
        ids = rng.integers(0, WORDS, (n, LENGTH))
        ids[:, 0] = 7  # repeated within a batch and from batch to batch
        yield ids, rng.normal(size=(n, 2)).astype("float32")


def network(**options):
    minidl.set_seed(1)
    return Sequential([Embedding(WORDS, UNITS, input_shape=(LENGTH,), **options), Flatten(), Dense(2)])


def shared():
    """One table that is read at two places, the second time within a block that is computed twice."""
    minidl.set_seed(1)
    table, x = Embedding(WORDS, UNITS), Input((LENGTH,))
    y = Add()([table(x), Dense(UNITS)(table(x))])
    return Model(x, Dense(2)(Flatten()(y)))


def recomputed():
    minidl.set_seed(1)
    table = Embedding(WORDS, UNITS)
    return Sequential([Input((LENGTH,), dtype="int64"), table, Recompute(Dense(3)), Flatten(), Dense(2)])


def trained(model, optimizer, between=lambda model, step: None, steps=4):
    """The weights and the optimizer's state after some steps."""
    model.compile(optimizer, "mse")
    for step, (ids, y) in enumerate(batches(steps)):
        model.train_on_batch(ids, y)
        between(model, step)
    state = [array for of_p in model.optimizer.state.values() for array in of_p.values()]
    return [*model.get_weights(), *(array.copy() for array in state)]


def assert_as_dense(monkeypatch, make, optimizer, between=lambda model, step: None, steps=4):
    found = trained(make(), optimizer(), between, steps)
    with monkeypatch.context() as patch:
        patch.setattr(Parameter, "_few_rows", lambda self, ids: None)
        expected = trained(make(), optimizer(), between, steps)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


OPTIMIZERS = {
    "sgd": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, 0.9),
    "nesterov": lambda: SGD(0.1, 0.9, True),
    "decay": lambda: SGD(0.1, weight_decay=0.1),
    "adagrad": lambda: Adagrad(0.1),
    "adagrad decay": lambda: Adagrad(0.1, weight_decay=0.1),
    "adam": lambda: Adam(0.1),
    "amsgrad": lambda: Adam(0.1, amsgrad=True),
    "adamw": lambda: AdamW(0.1),
    "adamax": lambda: Adamax(0.1),
    "nadam": lambda: Nadam(0.1),
    "rmsprop": lambda: RMSprop(0.1),
    "adadelta": lambda: Adadelta(1.0),
    "clipvalue": lambda: SGD(0.1, clipvalue=0.01),
    "clipnorm": lambda: SGD(0.1, clipnorm=0.05),
    "global": lambda: SGD(0.1, global_clipnorm=0.05),
}
MODELS = {
    "plain": network,
    "penalty": lambda: network(embeddings_regularizer=L1L2(0.1, 0.1)),
    "constraint": lambda: network(embeddings_constraint=MaxNorm(0.03, axis=1)),
    "activity": lambda: network(activity_regularizer=L1L2(0.1, 0.1)),
    "padding": lambda: network(mask_zero=True),
    "twice": shared,
    "recomputed": recomputed,
    "float64": lambda: network(dtype="float64"),
}


@both_kernels
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_comes_to_the_same_bits(monkeypatch, name, kernels):
    with config.use_kernels(kernels):
        assert_as_dense(monkeypatch, network, OPTIMIZERS[name])


@pytest.mark.parametrize("kernels", [pytest.param("reference", marks=pytest.mark.slow), "auto"])
@pytest.mark.parametrize(
    "optimizer", ["sgd", *(pytest.param(o, marks=pytest.mark.slow) for o in ("adagrad", "adam", "global"))]
)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_comes_to_the_same_bits(monkeypatch, name, optimizer, kernels):
    with config.use_kernels(kernels):
        assert_as_dense(monkeypatch, MODELS[name], OPTIMIZERS[optimizer])


def table_of(model):
    return next(p for p in model.network.parameters if p.name == "W" and p.shape == (WORDS, UNITS))


def freeze_and_thaw(model, step):
    table_of(model).trainable = step != 1


def slow_down(model, step):
    table_of(model).learning_rate_multiplier = 0.5


def penalise(model, step):
    table_of(model).regularizer = L1L2(0.1, 0.1) if step == 1 else None


def look(model, step):
    assert np.isfinite(table_of(model).grad).all()


def overwrite(model, step):
    table_of(model).value[...] += 1


BETWEEN = (freeze_and_thaw, slow_down, penalise, look, overwrite)


@pytest.mark.parametrize("between", BETWEEN, ids=lambda f: f.__name__)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "momentum"])
def test_whatever_happens_between_two_steps(monkeypatch, between, optimizer):
    assert_as_dense(monkeypatch, network, OPTIMIZERS[optimizer], between, steps=6)


def test_settings_and_rows_are_part_of_a_copy(monkeypatch):
    def copied():
        model = network()
        trained(model, SGD(0.1))
        return copy.deepcopy(model)

    assert_as_dense(monkeypatch, copied, OPTIMIZERS["sgd"])


# -- by hand -----------------------------------------------------------------------------------------------------------


def parameter():
    return Parameter(np.random.default_rng(0).normal(size=(20, 2)), "W")


IDS, DY = np.array([3, 11, 3]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def sums(*ids_and_dys):
    total = np.zeros((20, 2))
    for ids, dy in ids_and_dys:
        np.add.at(total, ids, dy)
    return total


def test_the_gradient_is_the_same_array_of_the_same_numbers():
    p = parameter()
    p.accumulate_rows(IDS, DY)
    p.accumulate_rows(IDS + 1, 2 * DY)
    assert sorted(p._aside[0]) == [3, 4, 11, 12]
    assert p.grad is p._grad
    np.testing.assert_array_equal(p.grad, sums((IDS, DY), (IDS + 1, 2 * DY)))
    p.zero_grad()
    assert not p.grad.any()


def test_rows_of_the_last_step_are_cleared_and_no_others():
    """A rule that walks everything needs the gradient in its array."""
    p, adam = parameter(), Adam()
    p.accumulate_rows(IDS, DY)
    adam.step([p])
    p._grad[15] = 9  # which nobody is allowed to: it shows what is not walked
    p.zero_grad()
    p.accumulate_rows(IDS[:1] + 2, DY[:1])
    adam.step([p])
    expected = sums((IDS[:1] + 2, DY[:1]))
    expected[15] = 9
    np.testing.assert_array_equal(p._grad, expected)


def test_plain_descent_never_touches_the_gradients_array():
    p, sgd = parameter(), SGD(0.1)
    group = ParameterGroup([p])
    p._grad[...] = 9
    for ids in (IDS, IDS + 1):
        group.zero_grad()
        p.accumulate_rows(ids, DY)
        sgd.step(group)
        assert (p._grad == 9).all()
    np.testing.assert_allclose(p.value, parameter().value - 0.1 * sums((IDS, DY), (IDS + 1, DY)))
    np.testing.assert_array_equal(p.grad, sums((IDS + 1, DY)))  # until it is looked at, also after the step


def test_rows_beside_those_that_are_in_the_array():
    """As where batches add up behind a step that walked everything."""
    p = parameter()
    p.accumulate_rows(IDS, DY)
    p._filled()
    p.accumulate_rows(IDS + 1, 2 * DY)
    np.testing.assert_array_equal(p._rows, [3, 4, 11, 12])
    np.testing.assert_array_equal(p._filled(), sums((IDS, DY), (IDS + 1, 2 * DY)))
    p.zero_grad()
    assert not p._filled().any()


def test_rows_are_found_whatever_stands_in_the_memory_that_is_lent(monkeypatch):
    monkeypatch.setattr(CPU, "pool", Pool())  # without the poison of the other tests: what was there before is there again
    rng = np.random.default_rng(0)
    for _ in range(3):
        ids = rng.integers(0, 3000, (20, 30))
        rows, sums = embed_grad_rows(ids, dy := rng.normal(size=(20, 30, 2)), 3000)
        expected = np.zeros((3000, 2))
        np.add.at(expected, ids, dy)
        assert sorted(rows) == sorted(set(ids.reshape(-1)))
        np.testing.assert_array_equal(sums, expected[rows])


def test_a_step_without_a_batch_changes_nothing():
    p, sgd = parameter(), SGD(0.1)
    p.accumulate_rows(IDS, DY)
    sgd.step([p])
    before = p.value.copy()
    p.zero_grad()
    sgd.step([p])
    np.testing.assert_array_equal(p.value, before)
    assert not p.grad.any()


def test_mixed_with_gradients_of_the_whole():
    p, whole = parameter(), np.ones((20, 2))
    p.accumulate_rows(IDS, DY)
    p.add_grad(whole)
    np.testing.assert_array_equal(p._grad, sums((IDS, DY)) + 1)
    p.zero_grad()
    p.accumulate_rows(IDS, DY)
    np.testing.assert_array_equal(p._filled(), sums((IDS, DY)))
    p.zero_grad()
    p.accumulate_rows(IDS, DY)
    p.zero_grad()
    p.add_grad(whole)
    np.testing.assert_array_equal(p._filled(), 1)
    p.zero_grad()
    p.accumulate_rows(IDS, DY)
    p.zero_grad()
    p.accumulate(lambda out=None: np.multiply(whole, 2, out=out))
    p.accumulate_rows(IDS, DY)
    np.testing.assert_array_equal(p._grad, sums((IDS, DY)) + 2)


def test_many_ids_fill_the_whole_array_and_ids_without_a_row_nothing():
    p = parameter()
    p.accumulate_rows(np.arange(11), np.ones((11, 2)))
    assert p._rows is p._aside is None
    np.testing.assert_array_equal(p._grad[:, 0], [1] * 11 + [0] * 9)
    for ids in (np.array([-1, 3]), np.array([3, 20])):
        p.zero_grad()
        p.accumulate_rows(ids, DY[:2])
        assert p._aside[0] == 3
        np.testing.assert_array_equal(p._filled()[3], DY[1] if ids[0] < 0 else DY[0])
        assert (p._filled() != 0).sum() == 2


def test_no_ids_at_all():
    p = parameter()
    p.accumulate_rows(np.zeros((0, 4), np.int64), np.zeros((0, 4, 2)))
    assert p._aside[0].size == 0
    SGD(0.1).step([p])
    np.testing.assert_array_equal(p.value, parameter().value)


def test_who_holds_the_gradients_array_may_write_to_it():
    """However long ago it was handed out: then all of it counts."""
    found = []
    for hold in (True, False):
        p, optimizer = parameter(), SGD(0.1)
        held = p.grad if hold else None
        for _ in range(3):
            p.zero_grad()
            p.accumulate_rows(IDS, DY)
            (held if hold else p.grad)[17] = 1
            optimizer.step([p])
        found.append(p.value)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0][17], parameter().value[17] - 0.3)


def test_who_is_given_tables_may_write_to_them():
    p = parameter()
    group = ParameterGroup([p])
    (row,) = group.tables[0]
    p.accumulate_rows(IDS, DY)
    row[1][:] = 1
    assert p._rows is None


class Noisy(SGD):
    """A rule of somebody's own that writes to the gradients."""

    def update(self, rows, scalars):
        for value, grad in rows:
            grad += 0.01 * value
            value -= scalars[0] * grad


def test_a_rule_of_ones_own_sees_everything(monkeypatch):
    assert_as_dense(monkeypatch, network, lambda: Noisy(0.1))
    assert not Optimizer.rests_at_zero.fget(SGD(0.1, 0.9))


@pytest.mark.parametrize("special", [-0.0, np.inf, -np.inf, np.nan])
def test_numbers_without_a_gradient_stay_to_the_bit(special):
    bits = []
    for seen in (False, True):
        p = parameter()
        p.value[5], p.value[3] = special, special
        if seen:
            p.grad  # noqa: B018  (then everything is walked)
        p.accumulate_rows(IDS, DY)
        SGD(0.1).step([p])
        bits.append(p.value.view(np.int64))
    np.testing.assert_array_equal(*bits)


@pytest.mark.parametrize(
    "optimizer, walks_rows",
    [(SGD(0.1), True), (SGD(0.1, 0.9), False), (SGD(0.1, weight_decay=0.1), False), (Adam(), False), (Adagrad(), False)],
)
def test_what_is_walked(monkeypatch, optimizer, walks_rows):
    walked = []
    update = type(optimizer).update
    monkeypatch.setattr(type(optimizer), "update", lambda self, rows, s: (walked.append(rows.size), update(self, rows, s)))
    p, b = parameter(), Parameter(np.ones(2), "b")
    p.accumulate_rows(IDS, DY)
    optimizer.step([p, b])
    assert sorted(walked) == ([2, 4] if walks_rows else [2, 40])


def test_a_gradient_with_nan_norm_reaches_every_row():
    """The factor of clipping is NaN then, and 0 times NaN is NaN."""
    p = parameter()
    p.accumulate_rows(IDS, np.where(DY > 5, np.nan, DY))
    SGD(0.1, clipnorm=1.0).step([p])
    assert np.isnan(p.value).all()
