"""Parameters own their arrays, arenas only lease them: nobody ever holds a stale one."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import minidl
from minidl.errors import ArgumentTypeError, ShapeError, StateError
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD, Adam, RMSprop
from minidl.parameters import Arena, Parameter

RNG = np.random.default_rng(5)
SHAPES = [(3, 4), (4,), (4, 2), (2,), (5,)]


def parameters(shapes=SHAPES, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype), f"p{i}") for i, shape in enumerate(shapes)]


def product(a, b, out=None):
    return np.multiply(a, b, out=out)


# -- Parameter -----------------------------------------------------------------------------------------------------------


def test_the_first_accumulate_writes_and_the_others_add():
    p = Parameter(np.ones((2, 3)), "W")
    a = np.arange(6.0).reshape(2, 3)
    assert (p.grad == 0).all()
    for times in (1, 2, 3):
        p.accumulate(product, a, 2.0)
        np.testing.assert_array_equal(p.grad, 2 * times * a)
    p.zero_grad()
    assert (p.grad == 0).all(), "a gradient nobody wrote is zero"
    p.accumulate(product, a, 1.0)
    p.zero_grad()
    p.accumulate(product, a, 5.0)
    np.testing.assert_array_equal(p.grad, 5 * a)


def test_a_gradient_that_was_never_written_is_zero_whatever_its_memory_held():
    block = np.full(12, np.nan)
    p = Parameter(np.ones(12))
    p._grad = block
    assert (p.grad == 0).all()
    arena_parameters = parameters()
    arena = Arena(arena_parameters)
    for segment in arena.segments:
        assert (segment.grad == 0).all()
        segment.grad[:] = np.nan
    arena.zero_grad()
    assert all((p.grad == 0).all() for p in arena_parameters)


def test_a_frozen_parameter_computes_nothing():
    p = Parameter(np.ones(3), trainable=False)
    p.accumulate(lambda out=None: pytest.fail("computed"))
    assert (p.grad == 0).all()


def test_an_exception_in_accumulate_adds_nothing():
    def fail(out=None):
        raise RuntimeError("no")

    p = Parameter(np.ones(3))
    with pytest.raises(RuntimeError):
        p.accumulate(fail)
    assert (p.grad == 0).all()
    p.grad = 2.0
    with pytest.raises(RuntimeError):
        p.accumulate(fail)
    assert (p.grad == 2).all()


@pytest.mark.parametrize("moved", [False, True])
def test_assigning_writes_in_place(moved):
    ps = parameters()
    arena = Arena(ps, move=moved)
    p, held = ps[0], ps[0].value
    p.value = np.ones((3, 4), np.int64)
    assert p.value is held
    assert p.dtype == np.float32
    assert (held == 1).all()
    p.value += 1
    p.value *= 3
    p.grad += 2
    assert (held == 6).all()
    assert (p.grad == 2).all()
    assert (arena.segments[0].value[:12] == 6).all()
    square = Parameter(np.arange(9.0).reshape(3, 3))
    square.value = square.value.T
    np.testing.assert_array_equal(square.value, np.arange(9.0).reshape(3, 3).T)


@pytest.mark.parametrize(
    "new, kind, words",
    [
        (np.ones((4, 3)), ShapeError, ["W", "(4, 3)", "(3, 4)"]),
        (np.ones((1, 4)), ShapeError, ["W", "(1, 4)", "(3, 4)"]),
        (1.0, ShapeError, ["W", "()", "(3, 4)"]),
        ([["a"] * 4] * 3, ArgumentTypeError, ["W", "real numbers"]),
        (np.ones((3, 4)) * 1j, ArgumentTypeError, ["W", "complex"]),
    ],
)
def test_what_cannot_be_assigned(new, kind, words):
    p = Parameter(np.zeros((3, 4)), "W")
    with pytest.raises(kind) as raised:
        p.value = new
    assert all(word in str(raised.value) for word in words)
    assert (p.value == 0).all()


def test_a_parameter_made_of_a_view_is_contiguous_and_prints_itself():
    p = Parameter(np.arange(12.0).reshape(3, 4).T, "W")
    assert p.value.flags.c_contiguous
    assert (p.shape, p.size, p.dtype) == ((4, 3), 12, np.float64)
    assert repr(p) == "Parameter('W', shape=(4, 3), dtype=float64)"
    p.trainable = False
    assert "frozen" in repr(p)


# -- arrays in the user's hands ------------------------------------------------------------------------------------------

HOLDS = {
    "the array": lambda p: p.value,
    "a slice of it": lambda p: p.value[:1],
    "its flat view": lambda p: p.value.reshape(-1),
    "its transpose": lambda p: p.value.T,
    "a memoryview": lambda p: memoryview(p.value),
    "a list of it": lambda p: [p.value],
}


@pytest.mark.parametrize("hold", HOLDS)
def test_an_array_held_before_compile_follows_training(hold):
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    held = [HOLDS[hold](p) for p in model.parameters]
    x = RNG.normal(size=(10, 3))
    for optimizer in (Adam(0.1), SGD(0.1)):
        model.compile(optimizer, "mse")
        before = [np.array(h, copy=True) for h in held]
        model.fit(x, x[:, :2], verbose=0)
        for h, b, p in zip(held, before, model.parameters):
            assert not np.array_equal(np.array(h), b), "stale"
            assert np.array_equal(np.array(h), np.array(HOLDS[hold](p)))


def test_an_array_held_after_compile_follows_training_and_can_be_written():
    model = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    model.compile("sgd", "mse")
    held = [p.value for p in model.parameters]
    x = RNG.normal(size=(10, 3))
    model.fit(x, x[:, :2], verbose=0)
    assert all(h is p.value for h, p in zip(held, model.parameters))
    for h in held:
        h[...] = 0
    assert not model.predict(x).any()


def test_held_gradients_are_those_of_the_next_step_too():
    layer = Dense(2)
    layer.build((3,))
    held = layer.W.grad
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    assert held is layer.W.grad
    assert held.any()


# -- Arena ---------------------------------------------------------------------------------------------------------------


def test_parameters_are_moved_side_by_side_once():
    ps = parameters()
    values = [p.value.copy() for p in ps]
    arena = Arena(ps)
    (segment,) = arena.segments
    assert segment.value.size == sum(p.size for p in ps)
    np.testing.assert_array_equal(segment.value, np.concatenate([v.ravel() for v in values]))
    assert all(np.shares_memory(segment.value, p.value) for p in ps)
    again = Arena(ps)
    assert np.shares_memory(again.segments[0].value, segment.value)
    assert len(again.segments) == 1


def test_gradients_written_before_the_move_are_kept():
    ps = parameters()
    for i, p in enumerate(ps):
        p.grad = float(i)
    Arena(ps)
    assert [float(p.grad.flat[0]) for p in ps] == [0, 1, 2, 3, 4]
    assert all((p.grad == i).all() for i, p in enumerate(ps))


@pytest.mark.parametrize("frozen", [set(c) for n in range(6) for c in itertools.combinations(range(5), n)])
def test_segments_are_the_runs_of_trainable_parameters(frozen):
    ps = parameters()
    arena = Arena(ps, slots=1)
    for i, p in enumerate(ps):
        p.trainable = i not in frozen
    runs = [[ps[i] for i in group] for moving, group in itertools.groupby(range(5), lambda i: i not in frozen) if moving]
    segments = arena.segments
    assert [list(s.parameters) for s in segments] == [list(run) for run in runs]
    for segment, run in zip(segments, runs):
        np.testing.assert_array_equal(segment.value, np.concatenate([p.value.ravel() for p in run]))
        assert len(segment.value) == len(segment.grad) == len(segment.state[0])
        segment.value[:] = 7
        segment.state[0][:] = 8
    for i, p in enumerate(ps):
        assert (p.value == 7).all() == (i not in frozen)
        assert (arena.state_of(p)[0] == 8).all() == (i not in frozen)


def test_the_state_of_a_frozen_parameter_waits_for_it():
    ps, apart = parameters(), parameters()
    together, single = Adam(0.1), Adam(0.1)
    arena = Arena(ps, 2)
    for turn in range(6):
        frozen = turn in (2, 3)
        ps[1].trainable = apart[1].trainable = not frozen
        for p, q in zip(ps, apart):
            p.grad = q.grad = float(turn + 1)
        together.step(arena)
        single.step(apart)
    for p, q in zip(ps, apart):
        np.testing.assert_allclose(p.value, q.value, rtol=1e-6)
    assert not np.array_equal(arena.state_of(ps[1])[0].ravel()[:1], arena.state_of(ps[0])[0].ravel()[:1])


@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, 0.9, True), lambda: RMSprop(0.1), lambda: Adam(0.1)])
def test_one_flat_segment_does_what_single_arrays_do(make):
    ps, single = parameters(), parameters()
    arena, optimizer, optimizers = Arena(ps, make().slots), make(), [make() for _ in single]
    for _ in range(4):
        for p, q in zip(ps, single):
            p.grad = q.grad = RNG.normal(size=p.shape)
        optimizer.step(arena)
        for q, o in zip(single, optimizers):
            o.step([q])
    for p, q in zip(ps, single):
        np.testing.assert_allclose(p.value, q.value, rtol=1e-6, atol=1e-7)
    assert optimizer.iterations == 4


def test_two_arenas_over_overlapping_parameters():
    a, b, c, d, e = parameters()
    first, second = Arena([a, b, c], 1), Arena([d, c, b, e], 1)
    for arena in (first, second):
        total = [p for segment in arena.segments for p in segment.parameters]
        assert sorted(map(id, total)) == sorted(map(id, arena.parameters)), "each once"
        for segment in arena.segments:
            expected = np.concatenate([p.value.ravel() for p in segment.parameters])
            np.testing.assert_array_equal(segment.value, expected)
    for segment in second.segments:
        segment.value += 1
    assert np.array_equal(first.segments[0].value, np.concatenate([p.value.ravel() for p in (a, b, c)]))
    first.state_of(b)[0][...] = 5
    assert (second.state_of(b)[0] == 0).all(), "each arena has a state of its own"
    second.state_of(b)[0][...] = 6
    assert (first.state_of(b)[0] == 5).all()


def test_shared_parameters_count_once():
    a, b, *_ = parameters()
    arena = Arena([a, b, a, b, b])
    assert arena.parameters == (a, b)
    a.grad, b.grad = 1.0, 1.0
    before = a.value.copy()
    SGD(1.0).step([a, b, a])
    np.testing.assert_allclose(a.value, before - 1, rtol=1e-6)


def test_element_types_have_segments_of_their_own():
    single, double = parameters(dtype=np.float32), parameters(dtype=np.float64)
    mixed = [p for pair in zip(single, double) for p in pair]
    arena = Arena(mixed, 1)
    assert [p.dtype for p in mixed] == [np.float32, np.float64] * len(single)
    for segment in arena.segments:
        assert (
            {p.dtype for p in segment.parameters} == {segment.value.dtype} == {segment.grad.dtype} == {segment.state[0].dtype}
        )
    assert sum(len(s.value) for s in arena.segments) == sum(p.size for p in mixed)
    kept = [p.value.copy() for p in mixed]
    for p in mixed:
        p.grad = 1.0
    SGD(0.5, 0.9).step(arena)
    for p, before in zip(mixed, kept):
        np.testing.assert_allclose(p.value, before - 0.5, rtol=1e-6)


def test_unwritten_gradients_move_nothing():
    ps = parameters()
    before = [p.value.copy() for p in ps]
    ps[0].accumulate(product, np.ones((3, 4), np.float32), 1.0)
    SGD(0.1).step(Arena(ps))
    assert not np.array_equal(ps[0].value, before[0])
    assert all(np.array_equal(p.value, b) for p, b in zip(ps[1:], before[1:]))


def test_an_empty_arena():
    arena = Arena([], 2)
    assert arena.segments == []
    Adam().step(arena)


def test_state_of_a_stranger():
    with pytest.raises(KeyError):
        Arena(parameters()).state_of(parameters()[0])


# -- the list face of optimizers -----------------------------------------------------------------------------------------


def test_an_optimizer_steps_down_a_layers_parameters():
    layer, x = Dense(2), np.ones((4, 3), np.float32)
    layer.build((3,))
    optimizer, losses = Adam(0.05), []
    for _ in range(60):
        for p in layer.parameters:
            p.zero_grad()
        y = layer.forward(x)
        losses.append(float((y**2).sum()))
        layer.backward(2 * y)
        optimizer.step(layer.parameters)
    assert losses[-1] < 1e-2 * losses[0]
    assert optimizer.iterations == 60


@pytest.mark.parametrize(
    "second, kind",
    [(lambda ps: ps[:-1], StateError), (lambda ps: parameters(), StateError), (lambda ps: Arena(ps), StateError)],
)
def test_an_optimizer_stays_with_its_parameters(second, kind):
    ps = parameters()
    optimizer = Adam()
    optimizer.step(ps)
    optimizer.step(list(ps))
    with pytest.raises(kind, match=r"Adam.*another model.*5 parameters.*one optimizer for each model"):
        optimizer.step(second(ps))
    assert optimizer.iterations == 2


def test_optimizers_take_parameters_only():
    with pytest.raises(ArgumentTypeError, match=r"SGD\.step.*list of Parameters.*layer\.parameters"):
        SGD().step([np.ones(3)])


def test_the_learning_rate_is_checked_whenever_it_is_set():
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match=r"learning_rate=-1"):
        optimizer.learning_rate = -1
    assert optimizer.learning_rate == 0.1
    ps = parameters()
    before = ps[0].value.copy()
    for p in ps:
        p.grad = 1.0
    optimizer.learning_rate = 0.5
    optimizer.step(ps)
    np.testing.assert_allclose(ps[0].value, before - 0.5, rtol=1e-6)


# -- copies --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_independent(duplicate):
    p = Parameter(np.arange(6.0).reshape(2, 3), "W", trainable=False)
    twin = duplicate(p)
    assert (twin.name, twin.trainable, twin.dtype) == ("W", False, p.dtype)
    np.testing.assert_array_equal(twin.value, p.value)
    twin.value[...] = 0
    assert p.value.any()
    assert (twin.grad == 0).all()

    ps = parameters()
    arena = Arena(ps, 2)
    for i, parameter in enumerate(ps):
        arena.state_of(parameter)[1][...] = i
    other = duplicate(arena)
    for i, (mine, theirs) in enumerate(zip(arena.parameters, other.parameters)):
        assert mine is not theirs
        np.testing.assert_array_equal(mine.value, theirs.value)
        assert (other.state_of(theirs)[1] == i).all()
        theirs.value[...] = -1
        assert not (mine.value == -1).any()


def test_a_pickled_parameter_does_not_drag_its_neighbours_along():
    ps = parameters([(4,), (100_000,)])
    Arena(ps)
    assert len(pickle.dumps(ps[0])) < 1000


def test_a_copied_optimizer_belongs_to_no_model_yet():
    ps = parameters()
    optimizer = Adam(0.3)
    optimizer.step(ps)
    twin = copy.deepcopy(optimizer)
    assert (twin.learning_rate, twin.iterations) == (0.3, 0)
    twin.step(parameters())
    assert optimizer.iterations == 1


def test_parameters_take_the_dtype_in_force():
    with minidl.config.use_dtype("float64"):
        layer = Dense(2)
    layer.build((3,))
    assert {p.dtype for p in layer.parameters} == {np.dtype("float64")}


def test_adam_by_the_papers_formula():
    """With m and s each divided by its own correction, as Kingma and Ba print it first; the same where epsilon is 0."""
    p, optimizer = Parameter(np.array([1.0])), Adam(0.1, 0.8, 0.9, 0.0)
    w, m, s = 1.0, 0.0, 0.0
    for t, g in enumerate((2.0, -1.0, 0.5), start=1):
        p.grad = g
        optimizer.step([p])
        m, s = 0.8 * m + 0.2 * g, 0.9 * s + 0.1 * g * g
        w -= 0.1 * (m / (1 - 0.8**t)) / (s / (1 - 0.9**t)) ** 0.5
        assert p.value[0] == pytest.approx(w, rel=1e-12)
