"""Parameters own their arrays, which never move: nobody ever holds a stale one."""

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
from minidl.parameters import Parameter, ParameterGroup, accumulate_all

RNG = np.random.default_rng(5)
SHAPES = [(3, 4), (4,), (4, 2), (2,), (5,)]


def parameters(shapes=SHAPES, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype), f"p{i}") for i, shape in enumerate(shapes)]


def rows_of(group):
    return [row for table in group.tables for row in table]


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
    ps = parameters()
    group = ParameterGroup(ps)
    for _, grad in rows_of(group):
        assert (grad == 0).all()
        grad[:] = np.nan
    group.zero_grad()
    assert all((grad == 0).all() for _, grad in rows_of(group))
    assert all((p.grad == 0).all() for p in ps)


def test_what_a_function_returns_counts_whether_it_takes_out_or_not():
    x, dy = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 3))
    for times in (1, 2, 3):
        p = Parameter(np.ones((2, 3)), "W")
        p._grad = np.full((2, 3), np.nan)
        for _ in range(times):
            p.accumulate(lambda x, d, out=None: x.T @ d, x, dy)
        np.testing.assert_allclose(p.grad, times * (x.T @ dy), rtol=1e-12)


def test_add_grad_adds_a_copy():
    p, g = Parameter(np.ones((2, 3)), "W"), np.arange(6.0).reshape(2, 3)
    p._grad = np.full((2, 3), np.nan)
    p.add_grad(g)
    p.add_grad(g)
    np.testing.assert_array_equal(p.grad, 2 * g)
    np.testing.assert_array_equal(g, np.arange(6.0).reshape(2, 3))
    p.zero_grad()
    p.add_grad(g)
    assert not np.shares_memory(p.grad, g)
    np.testing.assert_array_equal(p.grad, g)
    p.trainable = False
    p.add_grad(g)
    np.testing.assert_array_equal(p.grad, g)


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("add", [lambda p, g: p.add_grad(g), lambda p, g: p.accumulate(lambda out=None: g)], ids=["add", "acc"])
@pytest.mark.parametrize(
    "grad, kind, words",
    [
        (np.ones((3, 2)), ShapeError, ["W", "(3, 2)", "(2, 3)"]),
        (np.ones(3), ShapeError, ["W", "(3,)"]),  # would broadcast
        (np.float64(1.0), ShapeError, ["W", "()"]),
        (None, ArgumentTypeError, ["W"]),
    ],
)
def test_what_is_no_gradient_of_this_parameter_is_refused(grad, kind, words, add, written):
    p = Parameter(np.ones((2, 3)), "W")
    if written:
        p.grad = 2.0
    with pytest.raises(kind) as raised:
        add(p, grad)
    assert all(word in str(raised.value) for word in words)
    assert (p.grad == (2 if written else 0)).all()


def test_a_frozen_parameter_computes_nothing():
    p = Parameter(np.ones(3), trainable=False)
    p.accumulate(lambda out=None: pytest.fail("computed"))
    assert (p.grad == 0).all()


@pytest.mark.parametrize("writes", [True, False], ids=["into out", "arrays of its own"])
@pytest.mark.parametrize("frozen", [None, 0, 1])
@pytest.mark.parametrize("written", [(), (0,), (1,), (0, 1)])
def test_several_gradients_are_accumulated_at_once(written, frozen, writes):
    """Each as ``accumulate`` would: written to where nothing stands yet, added to where something does, or left alone."""
    both = Parameter(np.ones((2, 3)), "W"), Parameter(np.ones(3), "b")
    for k in written:
        both[k].grad = 7.0
    if frozen is not None:
        both[frozen].trainable = False
    given = []

    def grads(x, out):
        given.append([a is not None for a in out])
        made = np.full((2, 3), x), np.full(3, 2 * x)
        if not writes:
            return made
        results = []
        for a, value in zip(out, made):
            results.append(value if a is None else a)
            results[-1][...] = value
        return results

    accumulate_all(both, grads, 5.0)
    assert given == [[k not in written and k != frozen for k in (0, 1)]]
    for k, p in enumerate(both):
        expected = 7.0 * (k in written) + (0 if k == frozen else (k + 1) * 5.0)
        assert (p.grad == expected).all()


def test_a_parameter_that_stands_there_twice_gets_both():
    def grads(out):
        made = [np.empty(1) if a is None else a for a in out]
        for a, value in zip(made, (1.0, 10.0)):
            a[...] = value
        return made

    p = Parameter(np.ones(1))
    accumulate_all((p, p), grads)
    assert p.grad == [11]


def test_where_all_are_frozen_nothing_is_computed():
    accumulate_all([Parameter(np.ones(3), trainable=False)] * 2, lambda out: pytest.fail("computed"))


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


def test_assigning_writes_in_place():
    ps = parameters()
    group = ParameterGroup(ps)
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
    assert (rows_of(group)[0][0] == 6).all()
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


# -- ParameterGroup ------------------------------------------------------------------------------------------------------


def test_nothing_moves_whoever_holds_it_and_however_often_it_is_compiled():
    ps = parameters()
    ps[1].grad = 3.0
    before = [(p.value, p.value.ctypes.data, p._grad) for p in ps]
    for _ in range(2):
        group = ParameterGroup(ps, 1)
        for p, (value, address, grad), row in zip(ps, before, rows_of(group), strict=True):
            assert p.value is value
            assert row[0].ctypes.data == p.value.ctypes.data == address
            assert row[1].ctypes.data == p.grad.ctypes.data
            assert grad is None or p.grad is grad
    assert (ps[1].grad == 3).all(), "a gradient written before is kept"
    assert not ps[0].grad.any()


def test_new_gradients_and_state_lie_side_by_side():
    ps = parameters()
    group = ParameterGroup(ps, 2)
    for column in (1, 2, 3):
        arrays = [row[column] for row in rows_of(group)]
        for a, b in itertools.pairwise(arrays):
            gap = b.ctypes.data - a.ctypes.data
            assert gap >= a.nbytes
            assert gap == -(-a.size // 16) * 16 * a.itemsize  # each begins a line of memory, where the first one does


def test_large_gradients_begin_lines_of_memory():
    """Threads that write to two sides of a border would wait for each other."""
    ps = [Parameter(np.zeros(size, np.float32)) for size in (5001, 7, 5000)]
    ParameterGroup(ps)
    assert [p.grad.ctypes.data % 64 for p in ps] == [0, 0, 0]


def test_a_shared_layer_is_trained_in_both_models():
    """The numbers are those of a layer and a weight by hand: y = x w, L = y^2, dL/dw = 2 x y, one step each."""
    body = Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))
    models = [Sequential([body]), Sequential([body])]
    for model in models:
        model.compile(SGD(0.25), "mse")
    for model in models:
        model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1)))
    assert body.W.value.item() == 0.25
    assert [m.get_weights()[0].item() for m in models] == [0.25, 0.25]


@pytest.mark.parametrize(
    "array", [np.frombuffer(bytes(16), np.float32), np.frombuffer(bytes(17), np.uint8)[1:].view(np.float32)]
)
def test_a_parameter_of_memory_that_cannot_be_written_gets_its_own(array):
    p = Parameter(array, "b")
    p.grad = 1.0
    Adam(1.0).step([p])
    assert (p.value != 0).all()
    assert not array.any()


def test_a_number_becomes_an_array():
    p = Parameter(np.float32(1), "scale")
    p.grad = 1.0
    SGD(0.25).step([p])
    assert p.value == 0.75


def test_a_parameter_that_is_replaced_after_compile_is_noticed():
    """The optimizer would go on with the old one, in silence."""
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.layers[0].W = Parameter(np.ones((3, 2), np.float32), "W")
    x = RNG.normal(size=(4, 3))
    with pytest.raises(StateError, match="replaced"):
        model.fit(x, x[:, :2], verbose=0)
    model.compile("sgd", "mse")
    model.fit(x, x[:, :2], verbose=0)
    assert (model.layers[0].W.value != 1).any()


def test_an_initializer_may_keep_what_it_gives():
    kept = np.ones((3, 2), np.float32)

    class Kept(minidl.initializers.Initializer):
        def draw(self, shape, random):
            return kept

    layer = Dense(2, kernel_initializer=Kept(), input_shape=(3,))
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    assert (kept == 1).all()
    assert (layer.W.value != 1).all()


@pytest.mark.parametrize("frozen", [set(c) for n in range(6) for c in itertools.combinations(range(5), n)])
def test_the_tables_hold_what_is_trainable_now(frozen):
    ps = parameters()
    group = ParameterGroup(ps, slots=1)
    for i, p in enumerate(ps):
        p.trainable = i not in frozen
    rows = rows_of(group)
    assert [row[0].ctypes.data for row in rows] == [p.value.ctypes.data for i, p in enumerate(ps) if i not in frozen]
    for value, grad, state in rows:
        assert len(value) == len(grad) == len(state)
        value[:] = 7
        state[:] = 8
    for i, p in enumerate(ps):
        assert (p.value == 7).all() == (i not in frozen)
        assert (group.state_of(p)[0] == 8).all() == (i not in frozen)


def test_the_state_of_a_frozen_parameter_waits_for_it():
    ps, apart = parameters(), parameters()
    together, single = Adam(0.1), Adam(0.1)
    group = ParameterGroup(ps, 2)
    for turn in range(6):
        frozen = turn in (2, 3)
        ps[1].trainable = apart[1].trainable = not frozen
        for p, q in zip(ps, apart):
            p.grad = q.grad = float(turn + 1)
        together.step(group)
        single.step(apart)
    for p, q in zip(ps, apart):
        np.testing.assert_allclose(p.value, q.value, rtol=1e-6)
    assert not np.array_equal(group.state_of(ps[1])[0].ravel()[:1], group.state_of(ps[0])[0].ravel()[:1])


@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, 0.9, True), lambda: RMSprop(0.1), lambda: Adam(0.1)])
def test_one_table_does_what_single_arrays_do(make):
    ps, single = parameters(), parameters()
    group, optimizer, optimizers = ParameterGroup(ps, make().slots), make(), [make() for _ in single]
    for _ in range(4):
        for p, q in zip(ps, single):
            p.grad = q.grad = RNG.normal(size=p.shape)
        optimizer.step(group)
        for q, o in zip(single, optimizers):
            o.step([q])
    for p, q in zip(ps, single):
        np.testing.assert_allclose(p.value, q.value, rtol=1e-6, atol=1e-7)
    assert optimizer.iterations == 4


def test_two_groups_over_overlapping_parameters():
    a, b, c, d, e = parameters()
    first, second = ParameterGroup([a, b, c], 1), ParameterGroup([d, c, b, e], 1)
    for group in (first, second):
        assert [row[0].ctypes.data for row in rows_of(group)] == [p.value.ctypes.data for p in group.parameters]
    for value, _, _ in rows_of(second):
        value += 1
    assert np.array_equal(rows_of(first)[1][0], b.value.ravel())
    first.state_of(b)[0][...] = 5
    assert (second.state_of(b)[0] == 0).all(), "each group has a state of its own"
    second.state_of(b)[0][...] = 6
    assert (first.state_of(b)[0] == 5).all()


def test_shared_parameters_count_once():
    a, b, *_ = parameters()
    group = ParameterGroup([a, b, a, b, b])
    assert group.parameters == (a, b)
    a.grad, b.grad = 1.0, 1.0
    before = a.value.copy()
    SGD(1.0).step([a, b, a])
    np.testing.assert_allclose(a.value, before - 1, rtol=1e-6)


def test_element_types_have_tables_of_their_own():
    single, double = parameters(dtype=np.float32), parameters(dtype=np.float64)
    mixed = [p for pair in zip(single, double) for p in pair]
    group = ParameterGroup(mixed, 1)
    assert [table.first.dtype for table in group.tables] == [np.float32, np.float64]
    for table in group.tables:
        assert {a.dtype for row in table for a in row} == {table.first.dtype}
    assert sum(table.size for table in group.tables) == sum(p.size for p in mixed)
    kept = [p.value.copy() for p in mixed]
    for p in mixed:
        p.grad = 1.0
    SGD(0.5, 0.9).step(group)
    for p, before in zip(mixed, kept):
        np.testing.assert_allclose(p.value, before - 0.5, rtol=1e-6)


def test_unwritten_gradients_move_nothing():
    ps = parameters()
    before = [p.value.copy() for p in ps]
    ps[0].accumulate(product, np.ones((3, 4), np.float32), 1.0)
    SGD(0.1).step(ParameterGroup(ps))
    assert not np.array_equal(ps[0].value, before[0])
    assert all(np.array_equal(p.value, b) for p, b in zip(ps[1:], before[1:]))


def test_an_empty_group():
    group = ParameterGroup([], 2)
    assert group.tables == []
    Adam().step(group)


def test_state_of_a_stranger():
    with pytest.raises(KeyError):
        ParameterGroup(parameters()).state_of(parameters()[0])


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
    [(lambda ps: ps[:-1], StateError), (lambda ps: parameters(), StateError), (lambda ps: ParameterGroup(ps), StateError)],
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
    group = ParameterGroup(ps, 2)
    for i, parameter in enumerate(ps):
        group.state_of(parameter)[1][...] = i
    other = duplicate(group)
    for i, (mine, theirs) in enumerate(zip(group.parameters, other.parameters)):
        assert mine is not theirs
        np.testing.assert_array_equal(mine.value, theirs.value)
        assert (other.state_of(theirs)[1] == i).all()
        theirs.value[...] = -1
        assert not (mine.value == -1).any()


def test_a_pickled_parameter_does_not_drag_its_neighbours_along():
    ps = parameters([(4,), (100_000,)])
    ParameterGroup(ps)
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
