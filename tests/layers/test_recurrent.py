"""Recurrent layers: states that are given, given back and carried on; cells, also of one's own; dropout; directions."""

from __future__ import annotations

import copy
import pickle
import threading
from itertools import pairwise

import numpy as np
import pytest

import minidl
from minidl import config
from minidl.errors import ArgumentTypeError, ShapeError, StateError
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Bidirectional,
    Concatenate,
    Context,
    Dense,
    GRUCell,
    Input,
    Layer,
    LSTMCell,
    Recompute,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from minidl.layers.cell import name_in_kernels
from minidl.models import Model, Sequential, clone_model, load_model
from minidl.testing import check_gradients
from tests.cases.sample import by_references_first

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 2))
KINDS = [(SimpleRNN, SimpleRNNCell), (LSTM, LSTMCell), (GRU, GRUCell)]
every_kind = pytest.mark.parametrize("kind", [kind for kind, _ in KINDS])


def same(a, b):
    for one, other in zip(a if isinstance(a, tuple) else (a,), b if isinstance(b, tuple) else (b,), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def alike(layer, cell):
    """The cell with the layer's weights."""
    for p, q in zip(cell.weights, layer.weights, strict=True):
        p.value = q.value


# -- one loop for all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("kind, cell", KINDS)
def test_all_times_in_one_call_are_the_loop_over_steps(kind, cell, options):
    loop = {name: value for name, value in options.items() if name == "go_backwards"}
    of_cell = {name: value for name, value in options.items() if name not in loop}
    both = {"return_sequences": True, "return_state": True}
    layer, looped = kind(4, **both, **options), RNN(cell(4, **of_cell), **both, **loop)
    mask = RNG.random((3, 6)) < 0.7
    layer.build((6, 2))
    looped.build((6, 2))
    alike(layer, looped)
    same(layer(X), looped(X))
    same(layer(X, mask=mask), looped(X, mask=mask))
    dy = tuple(RNG.normal(size=part.shape) for part in layer.forward(X, mask=mask))
    looped.forward(X, mask=mask)
    same(layer.backward(dy), looped.backward(dy))
    for p, q in zip(layer.parameters, looped.parameters, strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-4, atol=1e-5)


@every_kind
def test_no_step_at_all_gives_zeros_and_the_states_as_they_were(kind):
    layer = kind(4, return_state=True)
    layer.build((6, 2))
    y, *states = layer(X[:, :0])
    assert not y.any()
    assert y.shape == (3, 4)
    given = [np.full((3, 4), k + 1.0) for k in range(len(states))]
    same(tuple(layer(X[:, :0], initial_state=given)[1:]), tuple(given))
    layer.return_sequences = True
    assert layer(X[:, :0])[0].shape == (3, 0, 4)
    layer.forward(X[:, :0])
    assert layer.backward((np.zeros((3, 0, 4)), *given)).shape == (3, 0, 2)


def test_sequences_of_other_lengths_go_through_the_same_layer():
    layer = GRU(4)
    long = layer(X)
    np.testing.assert_allclose(layer(np.concatenate([X, X], axis=1))[:, :0], long[:, :0])
    assert layer(X[:, :1]).shape == (3, 4)
    assert layer.output_shape((None, 2)) == (4,)
    layer.return_sequences = True
    assert layer.output_shape((None, 2)) == (None, 4)


def test_unroll_changes_nothing():
    minidl.set_seed(1)
    y = LSTM(3)(X)
    minidl.set_seed(1)
    np.testing.assert_array_equal(LSTM(3, unroll=True)(X), y)


@every_kind
def test_backwards_is_forwards_on_the_sequence_turned_round(kind):
    layer = kind(3, return_sequences=True, return_state=True)
    y = layer(X[:, ::-1])
    layer.go_backwards = True
    for a, b in zip(layer(X), y, strict=True):
        np.testing.assert_array_equal(a, b)


# -- a cell of one's own -----------------------------------------------------------------------------------------------


class Decay(Layer):
    """y = s = rate s_before + x, with a rate that is learned for each feature: a cell as anybody writes it."""

    takes_many = True

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.rate = self.new_parameter("rate", (self.units,), "ones")

    def output_shape(self, input_shape):
        return ((self.units,), (self.units,))

    def apply(self, x, context):
        x_t, s = x
        y = self.rate.value * s + x_t
        return (y, y), (s if context.keep else None)

    def gradient(self, dy, saved, need_dx=True):
        d = dy[0] + dy[1]
        self.rate.add_grad((d * saved).sum(axis=0))
        return d, d * self.rate.value


def test_a_cell_of_ones_own():
    layer = RNN(Decay(2), return_sequences=True)
    np.testing.assert_allclose(layer(X), np.cumsum(X, axis=1), rtol=1e-5)
    check_gradients(RNN(Decay(2)), X).raise_if_failed()
    check_gradients(RNN([Decay(2), LSTMCell(3)], go_backwards=True), X).raise_if_failed()
    model = Sequential([RNN(Decay(2), input_shape=(6, 2)), Dense(1)])
    again = Sequential.from_config(model.get_config(), {"Decay": Decay})
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_a_cell_that_is_wrong_is_told_what_is_missing():
    class Half(Decay):
        def output_shape(self, input_shape):
            return (self.units,)

    with pytest.raises(ShapeError, match=r"an output_shape \(2,\) of half.*the shape of y, and those of the states"):
        RNN(Half(2)).build((6, 2))

    class Single(Layer):
        state_size = 3

    with pytest.raises(ArgumentTypeError, match=r"takes one array.*takes_many = True"):
        RNN(Single())


def test_stacked_cells_are_layers_one_behind_the_other():
    stack = RNN(StackedRNNCells([LSTMCell(3), GRUCell(4)]), return_state=True)
    stack.build((6, 2))
    first, second = LSTM(3, return_sequences=True, return_state=True), GRU(4, return_state=True)
    first(X)
    second.build((6, 3))
    alike(stack.cell.cells[0], first)
    alike(stack.cell.cells[1], second)
    same(stack(X), (second(first(X)[0])[0], *first(X)[1:], second(first(X)[0])[1]))


# -- initial states ----------------------------------------------------------------------------------------------------


@every_kind
def test_two_halves_with_the_state_between_are_the_whole(kind):
    layer = kind(4, return_sequences=True, return_state=True)
    y, *last = layer(X)
    first, *between = layer(X[:, :2])
    second, *end = layer(X[:, 2:], initial_state=between if len(between) > 1 else between[0])
    same((np.concatenate([first, second], axis=1), *end), (y, *last))
    same(layer.forward([X[:, 2:], *between])[0], second)


def test_a_wrong_number_or_shape_of_states_is_refused():
    layer = LSTM(4)
    layer.build((6, 2))
    with pytest.raises(ArgumentTypeError, match=r"lstm \(LSTM\): received 1 initial states; expected 2: \(4,\) and \(4,\)"):
        layer(X, initial_state=np.zeros((3, 4)))
    with pytest.raises(ShapeError, match=r"initial states of shapes \(\(4,\), \(5,\)\)"):
        layer(X, initial_state=[np.zeros((3, 4)), np.zeros((3, 5))])
    with pytest.raises(ShapeError, match=r"batches of \[3, 2, 2\] samples"):
        layer(X, initial_state=[np.zeros((2, 4)), np.zeros((2, 4))])
    with pytest.raises(ArgumentTypeError, match=r"dense.*received initial_state; expected it for recurrent layers only"):
        Dense(3)(X, initial_state=np.zeros((3, 4)))
    with pytest.raises(ArgumentTypeError, match="arrays and symbols together"):
        layer(Input((6, 2)), initial_state=[np.zeros((3, 4)), np.zeros((3, 4))])


def test_a_row_of_layers_hands_no_states_on_by_itself():
    first = LSTM(3, return_sequences=True, return_state=True, input_shape=(6, 2))
    with pytest.raises(ShapeError, match=r"lstm_2.*received 3 results of the layer before.*return_state=False"):
        Sequential([first, LSTM(3)])


def test_one_layer_with_and_without_states_in_one_graph():
    x, h = Input((6, 2)), Input((4,))
    layer = GRU(4)
    model = Model([x, h], Concatenate()([layer(x), layer(x, initial_state=h)]))
    given = RNG.normal(size=(3, 4))
    y = model.predict([X, given])
    same((y[:, :4], y[:, 4:]), (layer(X), layer(X, initial_state=given)))
    assert layer.get_output_at(1).inputs[1] is h
    for again in (clone_model(model), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict([X, given]), y)


# -- stateful ----------------------------------------------------------------------------------------------------------


@every_kind
def test_a_stateful_layer_goes_on_where_it_stopped(kind):
    minidl.set_seed(3)
    layer = kind(4, stateful=True, return_sequences=True)
    layer.build((2, 2))
    plain = kind(4, return_sequences=True)
    plain.build((6, 2))
    alike(layer, plain)
    whole = plain(X)
    pieces = [layer(X[:, k : k + 2]) for k in (0, 2, 4)]
    same(np.concatenate(pieces, axis=1), whole)
    layer.reset_states()
    same(layer.forward(X[:, :3], training=True), whole[:, :3])
    same(layer.forward(X[:, 3:], training=False), whole[:, 3:])
    layer.reset_states()
    assert layer(X[:2]).shape == (2, 6, 4), "after a reset batches may have another size"
    assert len(layer.weights) == len(plain.weights), "they are no weights"


def test_a_batch_of_another_size_is_refused_and_told_how():
    layer = LSTM(4, stateful=True)
    layer(X)
    with pytest.raises(StateError, match=r"a batch of 2 samples behind one of 3.*reset_states\(\)"):
        layer(X[:2])
    layer(X)


def test_the_gradient_stops_at_what_was_carried_over():
    layer, plain = LSTM(4, stateful=True), LSTM(4, return_state=True)
    plain.build((6, 2))
    layer.build((6, 2))
    alike(layer, plain)
    layer(X)
    _, *states = plain(X)
    layer.forward(X[:, :3])
    plain.forward([X[:, :3], *states])
    dy = RNG.normal(size=(3, 4))
    same(layer.backward(dy), plain.backward((dy, np.zeros((3, 4)), np.zeros((3, 4))))[0])
    for p, q in zip(layer.parameters, plain.parameters, strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-4, atol=1e-6)


def test_states_given_to_a_stateful_layer_come_first():
    layer = GRU(4, stateful=True)
    y, start = layer(X), np.zeros((3, 4))
    np.testing.assert_array_equal(layer(X, initial_state=start), y)
    assert not np.array_equal(layer(X), y), "and what they became is carried on"


def stateful_model():
    minidl.set_seed(0)
    model = Sequential([GRU(4, stateful=True, input_shape=(2, 2)), Dense(1)])
    model.compile("sgd", "mse")
    return model


def value(model):
    return model.layers[0].carried()[0].value


def test_fit_evaluate_predict_and_calls_carry_on():
    model, y = stateful_model(), np.zeros((3, 1))
    found = []
    for use in (
        lambda: model.train_on_batch(X[:, :2], y),
        lambda: model.fit(X[:, :2], y, shuffle=False, batch_size=3, verbose=0),
        lambda: model.test_on_batch(X[:, :2], y),
        lambda: model.evaluate(X[:, :2], y, verbose=0),
        lambda: model.predict(X[:, :2]),
        lambda: model(X[:, :2]),
        lambda: model.predict_on_batch(X[:, :2]),
        lambda: model.predict(X[:, :2], batch_size=3),
    ):
        use()
        found.append(value(model).copy())
    assert all((a != b).any() for a, b in pairwise(found))
    model.reset_states()
    assert value(model) is None


def test_batches_of_predict_follow_each_other():
    model = stateful_model()
    x = RNG.normal(size=(2, 3, 2, 2))  # two batches of three samples, the second going on from the first
    y = model.predict(x.reshape(6, 2, 2), batch_size=3).reshape(2, 3, 1)
    model.reset_states()
    same(y[0], model.predict(x[0]))
    same(y[1], model.predict(x[1]))
    model.reset_states()
    with pytest.raises(StateError, match="batches of one size"):
        model.predict(x.reshape(6, 2, 2), batch_size=4)


def test_a_step_that_fails_leaves_the_states():
    class Fails(Dense):
        broken = False

        def gradient(self, dy, saved, need_dx=True):
            if self.broken:
                raise MemoryError
            return super().gradient(dy, saved, need_dx)

    minidl.set_seed(0)
    model = Sequential([GRU(4, stateful=True, input_shape=(2, 2)), Fails(1)])
    model.compile("sgd", "mse")
    model.train_on_batch(X[:, :2], np.zeros((3, 1)))
    before = value(model).copy()
    model.layers[1].broken = True
    with pytest.raises(MemoryError):
        model.train_on_batch(X[:, :2], np.zeros((3, 1)))
    np.testing.assert_array_equal(value(model), before)


def test_states_are_in_no_file_and_each_copy_has_its_own(tmp_path):
    model = stateful_model()
    model.predict(X[:, :2])
    twin, cloned = copy.deepcopy(model), clone_model(model)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert value(cloned) is None
    assert value(loaded) is None
    before = value(model).copy()
    np.testing.assert_array_equal(value(twin), before)
    same(twin.predict(X[:, 2:4]), model.predict(X[:, 2:4]))
    model.predict(X[:, :2])
    assert (value(twin) != value(model)).any()
    assert len(model.get_weights()) == 5


def test_a_summary_between_batches_changes_nothing():
    model, text = stateful_model(), []
    model.predict(X[:, :2])
    before = value(model).copy()
    model.summary(print_fn=text.append)  # it tries two samples
    np.testing.assert_array_equal(value(model), before)
    assert text


def test_two_uses_in_one_pass_follow_each_other():
    x = Input((2, 2))
    layer = GRU(4, stateful=True)
    model = Model(x, Concatenate()([layer(x), layer(x)]))
    y = model.predict(X[:, :2])
    layer.reset_states()
    first = layer(X[:, :2])
    same((y[:, :4], y[:, 4:]), (first, layer(X[:, :2])))


def test_recomputation_begins_with_the_states_of_its_own_pass():
    """By the time of the way back the states are those of the next batch."""
    found = []
    for wrap in (lambda layer: layer, Recompute):
        minidl.set_seed(0)
        layer = wrap(GRU(4, stateful=True))
        for _ in range(2):
            y = layer.forward(X)
            for p in layer.parameters:
                p.zero_grad()
            dx = layer.backward(np.ones_like(y))
        found.append([dx, *(p.grad.copy() for p in layer.parameters)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_predictions_in_several_threads_without_carried_states():
    model = Sequential([LSTM(4, input_shape=(6, 2)), Dense(1)])
    expected, results = model.predict(X), []
    threads = [threading.Thread(target=lambda: results.append(model.predict(X))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for y in results:
        np.testing.assert_array_equal(y, expected)


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, cell", KINDS)
@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.4, 0.3)], ids=str)
def test_a_samples_mask_is_the_same_at_all_times(kind, cell, rates):
    """The loop of cells and the call for all times draw the same, and another step draws another."""
    drops = {"dropout": rates[0], "recurrent_dropout": rates[1], "seed": 4}
    layer, looped = kind(4, **drops), RNN(cell(4, **drops))
    layer.build((6, 2))
    looped.build((6, 2))
    alike(layer, looped)
    x = layer.validated(X)
    y, _ = layer.apply(x, Context(training=True, step=2))
    same(looped.apply(x, Context(training=True, step=2))[0], y)
    assert not np.array_equal(layer.apply(x, Context(training=True, step=3))[0], y)
    np.testing.assert_array_equal(layer.apply(x, Context(training=True, step=2))[0], y)
    same(layer(X), kind_without(layer, kind)(X))


def kind_without(layer, kind):
    plain = kind(4)
    plain.build((6, 2))
    alike(layer, plain)
    return plain


def masks_of(layer, x, h, context):
    return layer._input_masks(x, context), layer._state_masks(h, context)


@pytest.mark.parametrize("kind, gates", [(SimpleRNN, 1), (LSTM, 4), (GRU, 3)])
def test_which_products_have_masks_of_their_own(kind, gates):
    """As in Keras: one mask of the inputs for all gates, unless states are dropped too: then each gate has both of its own."""
    x, h = np.ones((5, 2)), np.ones((5, 4))
    of_x, of_h = masks_of(kind(4, dropout=0.5), x, h, Context(training=True))
    assert of_x.shape == (1, 5, 2)
    assert of_h is None
    of_x, of_h = masks_of(kind(4, dropout=0.5, recurrent_dropout=0.5), x, h, Context(training=True))
    assert (of_x.shape, of_h.shape) == ((gates, 5, 2), (gates, 5, 4))
    assert set(np.unique(of_h)) <= {0.0, 2.0}
    assert masks_of(kind(4, dropout=0.5, recurrent_dropout=0.5), x, h, Context()) == (None, None)


def test_the_fraction_that_is_dropped():
    layer = SimpleRNN(50, dropout=0.2, recurrent_dropout=0.4, seed=1)
    of_x, of_h = masks_of(layer, np.ones((200, 50)), np.ones((200, 50)), Context(training=True))
    assert (of_x == 0).mean() == pytest.approx(0.2, abs=0.02)
    assert (of_h == 0).mean() == pytest.approx(0.4, abs=0.02)
    assert of_x.max() == pytest.approx(1.25)


def test_a_seed_concerns_the_dropout_and_not_the_weights():
    one, two = LSTM(4, dropout=0.5, seed=1), LSTM(4, dropout=0.5, seed=1)
    one.build((6, 2))
    two.build((6, 2))
    assert not np.array_equal(one.W.value, two.W.value)
    alike(one, two)
    x = one.validated(X)
    same(one.apply(x, Context(training=True))[0], two.apply(x, Context(training=True))[0])


def test_a_penalty_on_the_output_leaves_the_states_out():
    layer = LSTM(4, activity_regularizer="l2", return_state=True)
    context = Context(training=True)
    (y, _, _), _ = layer.apply(layer.validated(X), context)
    assert float(context.penalty) == pytest.approx(0.01 * float((y**2).sum()) / 3, rel=1e-5)


# -- both directions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
def test_both_directions_are_two_layers(mode):
    layer = Bidirectional(GRU(3, return_sequences=True), mode)
    layer.build((6, 2))
    one, two = GRU(3, return_sequences=True), GRU(3, return_sequences=True)
    one.build((6, 2))
    two.build((6, 2))
    alike(layer.forward_layer, one)
    alike(layer.backward_layer, two)
    a, b = one(X), two(X[:, ::-1])[:, ::-1]
    merged = {"concat": lambda: np.concatenate([a, b], axis=-1), "sum": lambda: a + b, "mul": lambda: a * b}
    merged |= {"ave": lambda: (a + b) / 2, None: lambda: (a, b)}
    same(layer(X), merged[mode]())
    mask = np.ones((3, 6), bool)
    assert layer.output_mask(X, mask) is mask if mode else layer.output_mask(X, mask) == (mask, mask)


def test_the_directions_have_weights_and_names_of_their_own(tmp_path):
    minidl.set_seed(0)
    model = Sequential([Bidirectional(LSTM(3, stateful=True), input_shape=(2, 2)), Dense(1)])
    names = [name for name, _ in model.named_parameters()]
    assert names[0] == "bidirectional_1.forward_lstm.W"
    assert names[3] == "bidirectional_1.backward_lstm.W"
    layer = model.layers[0]
    assert not np.array_equal(layer.forward_layer.W.value, layer.backward_layer.W.value)
    y, again = model.predict(X[:, :2]), model.predict(X[:, :2])
    assert (y != again).any()
    model.reset_states()
    np.testing.assert_array_equal(model.predict(X[:, :2]), y)
    model.save(tmp_path / "both.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "both.safetensors").predict(X[:, :2]), y)


def test_both_directions_must_fit_together():
    with pytest.raises(ShapeError, match=r"outputs of shapes \(3,\) and \(4,\).*merge_mode='sum'"):
        Bidirectional(LSTM(3), "sum", backward_layer=GRU(4, go_backwards=True)).build((6, 2))
    with pytest.raises(ArgumentTypeError, match="1 initial states; expected 4"):
        Bidirectional(LSTM(3))(X, initial_state=np.zeros((3, 3)))


@pytest.fixture(params=by_references_first)
def kernels(request):
    with config.use_kernels(request.param):
        yield


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("kind, cell", [(LSTM, LSTMCell), (GRU, GRUCell)])
def test_the_gates_of_keras_2_are_taken_at_all_times_in_one_call(kind, cell, monkeypatch):
    """They are in every LSTM of an old script, which would be five times slower in the loop of steps."""
    gate = Activation("hard_sigmoid", slope=0.2)
    x = 3 * np.random.default_rng(1).normal(size=(3, 5, 2))
    with config.use_dtype("float64"):
        loop = RNN(cell(4, recurrent_activation=gate), return_sequences=True)
        at_once = kind(4, recurrent_activation=gate, return_sequences=True)
        for layer in (loop, at_once):
            layer.build((5, 2))
    at_once.set_weights(loop.get_weights())
    expected, dy = loop.forward(x), np.random.default_rng(2).normal(size=(3, 5, 4))
    expected_dx = loop.backward(dy)
    monkeypatch.setattr("minidl.layers.all_times.over_time", None)
    np.testing.assert_allclose(at_once.forward(x), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(at_once.backward(dy), expected_dx, rtol=1e-11, atol=1e-12)
    for p, q in zip(at_once.parameters, loop.parameters, strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-11, atol=1e-12)
    assert name_in_kernels(Activation("hard_sigmoid", slope=0.3)) is None
