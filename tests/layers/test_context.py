"""What a pass promises: the same context gives the same bits, and nothing changes before it is committed."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentTypeError, ShapeError, StateError
from minidl.layers import (
    LSTM,
    ActivityRegularization,
    Add,
    BatchNormalization,
    Context,
    Dense,
    Dropout,
    Input,
    Layer,
    Recompute,
)
from minidl.layers.containers import Chain
from minidl.layers.context import INFERENCE
from minidl.models import Model, Sequential
from minidl.testing import check_gradients
from tests.cases.layers import LAYERS, Case, sampled

pytestmark = pytest.mark.one_in(3)  # tables over every class

every_case = pytest.mark.parametrize("case", **sampled(LAYERS.values()))
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


def arrays_of(x):
    return x if isinstance(x, tuple) else (x,)


@every_case
def test_the_same_context_gives_the_same_bits(case: Case):
    layer = case.layer()
    x = layer.validated(case.inputs())
    before = [p.value.copy() for p in layer.weights]
    attributes = {name: id(value) for name, value in vars(layer).items() if name not in ("_stream", "_steps_done")}
    found = []
    for training in (True, False):
        context = Context(training=training, step=3)
        again = context.again()
        y, _ = layer.apply(x, context)
        y_again, _ = layer.apply(x, again)
        y_new, _ = layer.apply(x, Context(training=training, step=3))
        for other in (y_again, y_new):
            for a, b in zip(arrays_of(y), arrays_of(other), strict=True):
                np.testing.assert_array_equal(a, b, strict=True)
        found.append(context)
    assert {name: id(value) for name, value in vars(layer).items() if name in attributes} == attributes
    for p, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(p.value, old)
    assert not found[1].has_updates, "inference changes nothing"


@every_case
def test_without_a_context_apply_is_inference(case: Case):
    layer = case.layer()
    x = layer.validated(case.inputs())
    y, _ = layer.apply(x)
    expected, _ = layer.apply(x, Context(training=False))
    for a, b in zip(arrays_of(y), arrays_of(expected), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    assert (INFERENCE.training, INFERENCE.keep, INFERENCE.mask) == (False, True, None)
    assert not INFERENCE.has_updates
    assert INFERENCE.penalty is None


def test_uses_within_a_pass_draw_different_masks_and_passes_the_same():
    layer = Dropout(0.5, seed=1)
    layer.build((4,))
    context = Context(training=True, step=2)
    first, second = (layer.apply(X, context)[0] for _ in range(2))
    assert (first != second).any()
    context = Context(training=True, step=2)
    np.testing.assert_array_equal(layer.apply(X, context)[0], first)
    np.testing.assert_array_equal(layer.apply(X, context)[0], second)
    assert (layer.apply(X, Context(training=True, step=3))[0] != first).any()


def test_two_layers_with_one_seed_draw_alike_whatever_comes_between():
    one, two = Dropout(0.5, seed=1), Dropout(0.5, seed=1)
    one.build((4,))
    two.build((4,))
    context = Context(training=True)
    np.testing.assert_array_equal(one.apply(X, context)[0], two.apply(X, context)[0])


def test_an_update_waits_for_commit_and_compounds_within_a_pass():
    layer = BatchNormalization(momentum=0.5)
    layer.build((4,))
    context = Context(training=True)
    layer.apply(X, context)
    np.testing.assert_array_equal(layer.moving_mean.value, 0)
    np.testing.assert_allclose(context.value(layer.moving_mean), 0.5 * X.mean(axis=0), rtol=1e-6)
    layer.apply(X + 1, context)
    context.commit()
    expected = 0.5 * (0.5 * X.mean(axis=0)) + 0.5 * (X + 1).mean(axis=0)
    np.testing.assert_allclose(layer.moving_mean.value, expected, rtol=1e-5)
    assert not context.has_updates


def test_only_state_can_be_updated():
    layer = Dense(2)
    layer.build((4,))
    with pytest.raises(StateError, match=r"context\.update.*Parameter.*new_state"):
        Context().update(layer.W, layer.W.value)


class Delay(Layer):
    """Two states of which the second follows the first, and a counter; ``order`` is that of the announcements."""

    def __init__(self, order=("now", "before"), **options):
        super().__init__(**options)
        self.order = order

    def build(self, input_shape):
        self.now, self.before = self.new_state("now", input_shape), self.new_state("before", input_shape)
        self.part = self.new_state("part", (2,))
        self.count = self.new_state("count", (), dtype="int64")

    def apply(self, x, context):
        if context.training:
            new = {"now": x.sum(axis=0), "before": self.now.value}
            for name in self.order:
                context.update(getattr(self, name), new[name])
            context.update(self.part, self.before.value[1:3])
            context.update(self.count, context.value(self.count) + 1)
        return x, None

    def gradient(self, dy, saved, need_dx=True):
        return dy


@pytest.mark.parametrize("order", [("now", "before"), ("before", "now")])
def test_states_are_taken_over_together(order):
    """A value that is another state's array means what that state was in the pass, not what it became meanwhile."""
    layer = Delay(order)
    sums = [np.zeros(4, np.float32), np.zeros(4, np.float32)]
    for step in range(3):
        layer.forward(X + step)
        sums.append((X + step).sum(axis=0))
    np.testing.assert_array_equal(layer.now.value, sums[-1])
    np.testing.assert_array_equal(layer.before.value, sums[-2])
    np.testing.assert_array_equal(layer.part.value, sums[-3][1:3])
    assert layer.count.value == 3


@pytest.mark.parametrize(
    "name, value, kind, words",
    [
        ("now", X, ShapeError, r"state now: received a value of shape \(6, 4\); expected \(4,\)"),
        ("now", 1.0, ShapeError, r"shape \(\); expected \(4,\)"),
        ("count", 1.5, StateError, r"state count: received numbers of float64; expected int64"),
    ],
)
def test_a_value_that_is_not_the_states_is_refused_before_the_step(name, value, kind, words):
    """``commit`` comes behind the optimizer's update, where an error would leave half a step."""

    class Wrong(Delay):
        def apply(self, x, context):
            context.update(getattr(self, name), value)
            return x, None

    model = Sequential([Wrong(input_shape=(4,)), Dense(2)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(kind, match=words):
        model.train_on_batch(X, X[:, :2])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_random_numbers_without_a_context_are_the_same_each_time():
    """All threads share that context, so it may count nothing."""

    class Noise(Layer):
        def apply(self, x, context):
            address = context.random(self)
            return x + address.call + address.step[0], None

    layer = Noise()
    layer.build((4,))
    for _ in range(2):
        np.testing.assert_array_equal(layer.apply(X)[0], X)
    assert not INFERENCE._uses


def test_a_penalty_is_one_number():
    with pytest.raises(ShapeError, match=r"penalize: received numbers of shape \(6,\).*divided by the number of samples"):
        Context().penalize((X * X).sum(axis=1))


@pytest.mark.parametrize(
    "make",
    [
        lambda penalty: [Dense(3, activation="tanh", activity_regularizer=penalty, input_shape=(4,))],
        lambda penalty: [Dense(3, input_shape=(4,)), ActivityRegularization(*((0.1, 0.2) if penalty else ())), Dense(2)],
        lambda penalty: [LSTM(3, activity_regularizer=penalty, input_shape=(2, 2))],
        lambda penalty: [Recompute(Dense(3, activity_regularizer=penalty, input_shape=(4,))), Dense(1)],
    ],
)
def test_penalties_are_no_part_of_an_input_gradient(make):
    def saliency(penalty):
        minidl.set_seed(0)
        model = Sequential([Input((2, 2) if isinstance(make(None)[0], LSTM) else (4,)), *make(penalty)])
        return model.input_gradient(X.reshape(-1, *model.input_shape), 0)

    np.testing.assert_array_equal(saliency("l2"), saliency(None))


def test_penalties_add_up():
    context = Context()
    assert context.penalty is None
    context.penalize(np.float32(1.5))
    context.penalize(np.float32(2.0))
    assert float(context.penalty) == 3.5


# -- recomputation -----------------------------------------------------------------------------------------------------


def block():
    return [Dense(5, activation="tanh"), BatchNormalization(), Dropout(0.4), Dense(4), BatchNormalization()]


def trained(recompute: bool):
    minidl.set_seed(3)
    inner = Sequential(block(), name="block")
    middle = Recompute(inner) if recompute else inner
    model = Sequential([Dense(4, input_shape=(4,)), middle, Dropout(0.2), Dense(2)])
    model.compile("adam", "mse")
    losses = [model.train_on_batch(X, X[:, :2]) for _ in range(4)]
    return model, losses, [p.grad.copy() for p in model.parameters]


def test_recomputation_gives_the_same_bits_in_loss_gradients_and_state():
    plain, losses, gradients = trained(False)
    model, losses_again, gradients_again = trained(True)
    assert losses_again == losses
    for a, b in zip(gradients_again, gradients, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def test_recomputation_by_hand_repeats_the_same_pass():
    """The passes are counted at the end of ``forward``; ``backward`` still belongs to the one that it goes back through."""
    found = []
    for recompute in (False, True):
        minidl.set_seed(3)
        inner = Sequential(block())
        model = Sequential([Dense(4, input_shape=(4,)), Recompute(inner) if recompute else inner, Dense(2)])
        for _ in range(2):
            y = model.forward(X)
            model.backward(np.ones_like(y))
        found.append([p.grad for p in model.parameters])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def test_summary_shows_that_less_is_kept():
    def kept(model):
        lines = []
        model.summary(lines.append)
        (line,) = [line for line in lines[0].splitlines() if "block" in line or "Recompute" in line]
        return line.split()[-2:]

    assert kept(trained(True)[0]) == ["16", "B"], "four numbers a sample: its input"
    assert int(kept(trained(False)[0])[0]) > 60


def test_a_recomputed_block_may_be_shared_and_nested():
    x = Input((4,))
    inner = Recompute(Chain([Dense(4, activation="tanh"), Dropout(0.3, seed=2)]))
    model = Model(x, Add()([inner(x), Recompute(inner)(inner(x))]))
    assert check_gradients(model, X.astype("float64")).ok


class Remembers(Layer):
    """y = x times what the uses before in this pass, and the steps before, have left."""

    def build(self, input_shape):
        self.factor = self.new_state("factor", (), "ones")

    def apply(self, x, context):
        factor = context.value(self.factor)
        context.update(self.factor, factor * 1.25)
        return x * factor, factor

    def gradient(self, dy, saved, need_dx=True):
        return dy * saved


@pytest.mark.parametrize("make", [lambda: Dropout(0.5, seed=1), Remembers], ids=["draws", "remembers"])
def test_the_second_run_begins_where_the_first_one_did(make):
    """A layer that is used before, within and behind the block: its uses are counted on, and the second run counts none."""
    found = []
    for recompute in (False, True):
        minidl.set_seed(3)
        shared = make()
        block = Chain([shared, Dense(4, activation="tanh"), shared])
        model = Sequential([shared, Recompute(block) if recompute else Sequential([block]), shared, Dense(2)])
        model.build((4,))
        model.compile("sgd", "mse")
        losses = [model.train_on_batch(X, X[:, :2]) for _ in range(3)]
        found.append([*losses, *(p.grad for p in model.parameters), *model.get_weights()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    if make is Remembers:
        assert shared.factor.value == pytest.approx(1.25**12), "four uses, three steps"


def test_what_cannot_be_recomputed_is_refused():
    with pytest.raises(ArgumentTypeError, match=r"Recompute.*'dense'.*a layer or a model"):
        Recompute("dense")


# -- state and sublayers -----------------------------------------------------------------------------------------------


class Counter(Layer):
    """y = x + number of training passes so far; holds sublayers in every way, and state beside them."""

    def __init__(self, **options):
        super().__init__(**options)
        self.listed = [Dense(4), [Dense(4)]]
        self.named = {"a": Dense(4), "more": (Dense(4),)}
        self.model = Sequential([Dense(4, input_shape=(4,))])

    def build(self, input_shape):
        self.count = self.new_state("count", ())
        for layer in self.sublayers():
            layer.ensure_built(input_shape)

    def apply(self, x, context):
        if context.training:
            context.update(self.count, context.value(self.count) + 1)
        return x + self.count.value, None

    def gradient(self, dy, saved, need_dx=True):
        return dy


def test_sublayers_are_found_in_lists_tuples_dictionaries_and_models():
    layer = Counter()
    layer.build((4,))
    assert len(list(layer.sublayers())) == 5
    assert len(layer.parameters) == 10
    assert [s.name for s in layer.state] == ["count"], "a layer with sublayers keeps its own state"
    assert len(layer.weights) == 11
    assert layer.weights[0] is layer.count


@pytest.mark.parametrize("shared", [1, 2])
def test_state_follows_whole_steps_only(shared):
    counter = Counter()
    x = Input((4,))
    h = x
    for _ in range(shared):
        h = counter(h)
    model = Model(x, Dense(1)(h))
    model.compile("sgd", "mse")
    for _ in range(3):
        model.train_on_batch(X, X[:, :1])
    model.predict(X)
    model.evaluate(X, X[:, :1], verbose=0)
    assert float(counter.count.value) == 3 * shared


def test_freezing_and_thawing_never_touches_state():
    model = Sequential([Dense(4, input_shape=(4,)), BatchNormalization(momentum=0.5)])
    model.trainable = False
    model.trainable = True
    state = model.layers[1].state
    assert [s.trainable for s in state] == [False, False]
    assert not {*state} & {*model.parameters}
    model.compile("sgd", "mse")
    model.train_on_batch(X, X)
    assert model.layers[1].moving_mean.value.any()
    copied = copy.deepcopy(model)
    assert [type(s).__name__ for s in copied.layers[1].state] == ["State", "State"]


def test_the_old_signature_is_explained_when_the_class_is_made():
    with pytest.raises(ArgumentTypeError, match=r"Old.*training=False, keep=True.*apply\(self, x, context\)"):

        class Old(Layer):
            def apply(self, x, training=False, keep=True):
                return x, None
