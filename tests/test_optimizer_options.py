"""Weight decay, clipping, rates of single parameters, penalties and constraints: by the formulas, and in their order."""

import copy
import pickle

import numpy as np
import pytest

from minidl import config, declared
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from minidl.parameters import Parameter, ParameterGroup
from minidl.regularizers import L1L2
from minidl.schedules import ExponentialDecay, PiecewiseConstantDecay
from tests.cases.sample import by_references_first

kernels = pytest.mark.parametrize("kernels", by_references_first)
W, G = np.array([1.0, -2.0, 0.0, 0.5]), np.array([3.0, -4.0, 0.5, 0.0])


@pytest.fixture(autouse=True, params=by_references_first)
def _kernels(request):
    with config.use_kernels(request.param):
        yield


def parameter(value=W, grad=G, name="W", dtype=np.float64):
    p = Parameter(np.array(value, dtype), name)
    if grad is not None:
        p.grad = grad
    return p


class Squares:
    """A penalty of one's own: sum w^4."""

    def value(self, w):
        return (w**4).sum()

    def gradient(self, w):
        return 4 * w**3


class AtLeast:
    """A constraint of one's own: no weight is below a number."""

    def __init__(self, lowest=0.0):
        self.lowest = lowest

    def apply(self, w):
        return np.maximum(w, w.dtype.type(self.lowest))


def l1_l2(l1, l2):
    """As minidl's own penalty: of a class in the table of names, with the coefficients as attributes."""
    return OWN(l1, l2)


class OWN:
    """A stand-in for minidl's L1L2: ``minidl_has_it`` puts it into the table of names."""

    table = "penalty of these tests"

    def __init__(self, l1, l2):
        self.l1, self.l2 = l1, l2

    def value(self, w):
        return self.l1 * abs(w).sum() + self.l2 * (w * w).sum()

    def gradient(self, w):
        pytest.fail("L1 and L2 are coefficients of one pass")


@pytest.fixture(autouse=True)
def minidl_has_it(monkeypatch):
    monkeypatch.setitem(declared._TABLE, OWN.table, {"OWN": OWN})


# -- weight decay --------------------------------------------------------------------------------------------------------


@kernels
def test_weight_decay_is_decoupled_and_comes_before_the_rule(kernels):
    p = parameter()
    with config.use_kernels(kernels):
        SGD(0.1, weight_decay=0.5).step([p])
    np.testing.assert_allclose(p.value, W - 0.1 * 0.5 * W - 0.1 * G, rtol=1e-15)
    w, m, p = W, 0.0, parameter()
    optimizer = SGD(0.1, momentum=0.9, weight_decay=0.5)
    for _ in range(3):
        m = 0.9 * m - 0.1 * G
        w = w - 0.1 * 0.5 * w + m
        p.grad = G
        optimizer.step([p])
    np.testing.assert_allclose(p.value, w, rtol=1e-14)


def test_small_decay_is_not_lost_in_single_precision():
    """1 - lr weight_decay would be rounded before the weight is: a few percent of the decay, for every weight alike."""
    values = np.random.default_rng(0).uniform(1, 2, 10_000).astype(np.float32)
    p = parameter(values, 0.0, dtype=np.float32)
    SGD(1e-4, weight_decay=4e-3).step([p])
    shrunk = (values.astype(np.float64) - p.value).mean() / values.astype(np.float64).mean()
    assert shrunk == pytest.approx(4e-7, rel=0.02)


def test_weight_decay_follows_the_schedule_and_the_rate_of_the_parameter():
    p = parameter(grad=0.0)
    p.learning_rate_multiplier = 0.5
    optimizer = AdamW(PiecewiseConstantDecay([0], [0.5, 0.25]), weight_decay=0.1)
    for rate in (0.5, 0.25, 0.25):
        before = p.value.copy()
        optimizer.step([p])
        np.testing.assert_allclose(p.value, before - rate * 0.5 * 0.1 * before, rtol=1e-15)


def test_what_weight_decay_spares():
    ps = [parameter(grad=0.0, name=name) for name in ("W", "b", "gamma", "W")]
    optimizer = AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[ps[3]], var_names=["b"])
    optimizer.step(ps)
    decayed = [not np.array_equal(p.value, W) for p in ps]
    assert decayed == [True, False, True, False]
    assert [p.weight_decay for p in ps] == [True, True, True, False]
    optimizer.exclude_from_weight_decay(var_names="gamma")  # seen at the next step
    ps[3].weight_decay = True
    kept = [p.value.copy() for p in ps]
    optimizer.step(ps)
    assert [not np.array_equal(p.value, k) for p, k in zip(ps, kept)] == [True, False, False, True]
    twin = copy.deepcopy(optimizer)
    others = [parameter(grad=0.0, name=name) for name in ("W", "b", "gamma")]
    twin.step(others)
    assert [not np.array_equal(p.value, W) for p in others] == [True, False, False]


def test_names_that_weight_decay_should_spare_and_nobody_has():
    optimizer = AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    with pytest.raises(ArgumentError, match=r"exclude_from_weight_decay.*'bias'.*W, b"):
        optimizer.step([parameter(), parameter(name="b")])
    assert optimizer.iterations == 0
    other = AdamW()
    other.step([parameter()])
    with pytest.raises(ArgumentError, match="'b'"):
        other.exclude_from_weight_decay(var_names=["b"])
    with pytest.raises(ArgumentTypeError, match="Parameters"):
        other.exclude_from_weight_decay([np.ones(3)])


def test_a_rule_of_ones_own_decays_too():
    class Sign(Optimizer):
        slots = 2

        def __init__(self, learning_rate=0.5, **options):
            super().__init__(learning_rate, **options)

        def update(self, rows, scalars):
            for value, grad, first, second in rows:
                value -= scalars[0] * np.sign(grad)
                first += 1
                second += 2

    p = parameter()
    optimizer = Sign(weight_decay=0.5, clipvalue=1.0)
    optimizer.step([p])
    np.testing.assert_allclose(p.value, W - 0.25 * W - 0.5 * np.sign(G))
    assert {name: array.tolist() for name, array in optimizer.state[p].items()} == {"slot_0": [1] * 4, "slot_1": [2] * 4}
    assert optimizer.get_config() == {
        "learning_rate": 0.5,
        "weight_decay": 0.5,
        "clipnorm": None,
        "clipvalue": 1.0,
        "global_clipnorm": None,
        "name": None,
    }


# -- clipping ------------------------------------------------------------------------------------------------------------


@kernels
def test_clipping_by_formula(kernels):
    grads = [np.array([3.0, -4.0]), np.array([[0.1, 0.2]]), np.zeros(2), np.zeros((0, 3))]
    norm = np.sqrt(sum((g**2).sum() for g in grads))
    expected = {
        "clipvalue": [np.clip(g, -1, 1) for g in grads],
        "clipnorm": [grads[0] / 5, *grads[1:]],
        "global_clipnorm": [g / norm for g in grads],
    }
    for option, wanted in expected.items():
        ps = [parameter(np.zeros_like(g), g) for g in grads]
        with config.use_kernels(kernels):
            SGD(1.0, **{option: 1.0}).step(ps)
        for p, e in zip(ps, wanted):
            np.testing.assert_allclose(p.grad, e, rtol=1e-14)
            np.testing.assert_allclose(-p.value, e, rtol=1e-14)


@kernels
@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_a_gradient_within_the_limit_keeps_its_bits(option, kernels):
    ps = [parameter(np.zeros(50), np.random.default_rng(i).normal(size=50), dtype=np.float32) for i in range(3)]
    before = [p.grad.copy() for p in ps]
    with config.use_kernels(kernels):
        SGD(1.0, **{option: 50.0}).step(ps)
    for p, b in zip(ps, before):
        assert p.grad.tobytes() == b.tobytes()


@kernels
@pytest.mark.parametrize("option", ["clipnorm", "global_clipnorm"])
def test_norms_of_huge_gradients_in_single_precision(option, kernels):
    ps = [parameter(np.zeros(4), np.array([3e30, 0, 0, 0]), dtype=np.float32), parameter([0.0], [4e30], dtype=np.float32)]
    with config.use_kernels(kernels):
        SGD(1.0, **{option: 2.0}).step(ps)
    expected = (2.0, 2.0) if option == "clipnorm" else (1.2, 1.6)
    assert (ps[0].grad[0], ps[1].grad[0]) == pytest.approx(expected, rel=1e-6)


@kernels
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_so(bad, kernels):
    for option, others in (("clipvalue", 1.0), ("clipnorm", np.nan), ("global_clipnorm", np.nan)):
        p = parameter(grad=[bad, 5.0, 5.0, 5.0])
        with config.use_kernels(kernels):
            SGD(1.0, **{option: 1.0}).step([p])
        assert not np.isfinite(p.value[0]), option
        np.testing.assert_array_equal(p.grad[1:], others)
    p = parameter(grad=1e200)  # its square is infinite
    SGD(1.0, clipnorm=1.0).step([p])
    assert np.isnan(p.value).all()


def test_norms_over_two_dtypes_and_without_the_frozen():
    ps = [parameter([0.0], [3.0], dtype=np.float32), parameter([0.0], [4.0]), parameter([0.0], [100.0])]
    ps[2].trainable = False
    optimizer = SGD(1.0, global_clipnorm=1.0)
    optimizer.step(ps)
    assert [p.value.item() for p in ps] == pytest.approx([-0.6, -0.8, 0.0])
    ps[2].trainable = True  # other tables now
    optimizer.step(ps)
    assert ps[2].value.item() == pytest.approx(-1.0, abs=1e-4)


@pytest.mark.parametrize(
    "options, kind, words",
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, ArgumentError, ["clipnorm=1.0, clipvalue=1.0", "one of"]),
        ({"clipnorm": 1.0, "global_clipnorm": 1.0}, ArgumentError, ["global_clipnorm"]),
        ({"clipnorm": 0.0}, ArgumentError, ["clipnorm=0.0", "None for no clipping"]),
        ({"clipvalue": -1.0}, ArgumentError, ["clipvalue=-1.0"]),
        ({"global_clipnorm": "1"}, ArgumentTypeError, ["global_clipnorm='1'"]),
        ({"weight_decay": -0.1}, ArgumentError, ["weight_decay=-0.1"]),
        ({"weight_decay": True}, ArgumentTypeError, ["weight_decay=True"]),
        ({"name": 3}, ArgumentTypeError, ["3 as name"]),
        ({"use_ema": True}, TypeError, ["use_ema"]),
    ],
)
def test_options_are_checked(options, kind, words):
    for optimizer in (SGD, Adam, RMSprop):
        with pytest.raises(kind) as raised:
            optimizer(**options)
        assert all(word in str(raised.value) for word in words)
    with pytest.raises(TypeError):
        SGD(0.1, 0.9, True, 0.1)  # by keyword only
    with pytest.raises(ArgumentError, match="weight_decay=None"):
        AdamW(weight_decay=None)


# -- a rate for each parameter -------------------------------------------------------------------------------------------


@kernels
@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, 0.9), lambda: Adam(0.1), lambda: RMSprop(0.1)])
def test_a_rate_for_each_parameter(make, kernels):
    """As an optimizer with that rate, and seen at the next step."""
    ps, alone = [parameter() for _ in range(3)], [parameter() for _ in range(3)]
    ps[1].learning_rate_multiplier, ps[2].learning_rate_multiplier = 0.5, 0.0
    optimizer, others = make(), [make() for _ in range(3)]
    with config.use_kernels(kernels):
        for multipliers in ((1, 0.5, 0), (1, 0.5, 0), (2, 2, 0.25)):
            for p, q, other, multiplier in zip(ps, alone, others, multipliers):
                p.learning_rate_multiplier = multiplier
                other.learning_rate = 0.1 * multiplier
                other.step([q])
            optimizer.step(ps)
    for p, q in zip(ps, alone):
        np.testing.assert_allclose(p.value, q.value, rtol=1e-14)
    assert len(optimizer._group.segments) == 2  # those of 2 together


def test_settings_are_checked_and_travel_with_copies():
    p = parameter()
    for name, bad in (
        ("learning_rate_multiplier", -1.0),
        ("learning_rate_multiplier", "fast"),
        ("weight_decay", 1),
        ("regularizer", "l2"),
        ("regularizer", Squares),
        ("constraint", Squares()),
    ):
        kept = getattr(p, name)
        with pytest.raises((ArgumentError, ArgumentTypeError), match=f"parameter W.*{name}"):
            setattr(p, name, bad)
        assert getattr(p, name) is kept
    p.learning_rate_multiplier, p.weight_decay, p.regularizer, p.constraint = 0.5, False, Squares(), AtLeast(0.25)
    for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert (twin.learning_rate_multiplier, twin.weight_decay) == (0.5, False)
        assert isinstance(twin.regularizer, Squares)
        assert twin.constraint.lowest == 0.25


def test_settings_of_others_change_no_table():
    ps = [parameter(), parameter()]
    group = ParameterGroup(ps)
    tables = group.tables
    parameter().learning_rate_multiplier = 0.5
    ps[0].learning_rate_multiplier = 1.0
    assert all(a is b for a, b in zip(group.tables, tables, strict=True))
    ps[0].learning_rate_multiplier = 0.5
    assert len(group.tables) == 2


# -- penalties -----------------------------------------------------------------------------------------------------------


@kernels
def test_penalties_by_formula(kernels):
    ps = [parameter() for _ in range(5)]
    ps[0].regularizer = ps[1].regularizer = l1_l2(0.1, 0.0)
    ps[2].regularizer, ps[3].regularizer = l1_l2(0.2, 0.3), Squares()
    for p in ps[1:3]:
        p.zero_grad()  # a gradient that nobody wrote
    group = ParameterGroup(ps)
    value = 2 * 0.1 * abs(W).sum() + 0.2 * abs(W).sum() + 0.3 * (W**2).sum() + (W**4).sum()
    with config.use_kernels(kernels):
        np.testing.assert_allclose(group.penalty(), value, rtol=1e-14)
    expected = [G + 0.1 * np.sign(W), 0.1 * np.sign(W), 0.2 * np.sign(W) + 0.6 * W, G + 4 * W**3, G]
    with config.use_kernels(kernels):
        SGD(0.5).step(group)
    for p, gradient in zip(ps, expected):
        np.testing.assert_allclose(p.grad, gradient, rtol=1e-14)
        np.testing.assert_allclose(p.value, W - 0.5 * gradient, rtol=1e-14)


@kernels
@pytest.mark.parametrize("weight", [np.inf, -np.inf, np.nan, 1e200, 0.0])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.5), (0.5, 0.0), (0.1, 0.2), (0.0, 0.0)])
def test_penalties_of_weights_that_are_not_finite(kernels, weight, l1, l2):
    """A part that is not asked for does not make NaN of what is infinite."""
    p = parameter()
    p.value[..., 0] = weight
    p.regularizer = l1_l2(l1, l2)
    with config.use_kernels(kernels):
        found = ParameterGroup([p]).penalty()
    np.testing.assert_allclose(found, L1L2(l1, l2).value(p.value), rtol=1e-14)


def test_penalties_are_those_of_now():
    """A frozen parameter has none, as in Keras; another regularizer or other coefficients count from the next step on."""
    p, optimizer = parameter(grad=0.0), SGD(0.5)
    group = ParameterGroup([p])
    assert group.penalty() is None
    p.regularizer = l1_l2(0.0, 0.5)
    assert group.penalty() == 0.5 * (W**2).sum()
    p.trainable = False
    assert group.penalty() is None
    optimizer.step(group)
    assert np.array_equal(p.value, W)
    p.trainable = True
    for l2 in (0.5, 0.25):
        p.regularizer.l2 = l2
        before, p.grad = p.value.copy(), 0.0
        optimizer.step(group)
        np.testing.assert_allclose(p.value, before - 0.5 * 2 * l2 * before, rtol=1e-15)
    p.regularizer, p.grad = None, 0.0
    before = p.value.copy()
    optimizer.step(group)
    assert np.array_equal(p.value, before)


def test_a_class_derived_from_a_penalty_goes_by_its_own_gradient():
    class Mine(OWN):
        def gradient(self, w):
            return np.ones_like(w)

    p = parameter(grad=0.0)
    p.regularizer = Mine(0.0, 100.0)
    SGD(0.5).step([p])
    np.testing.assert_array_equal(p.value, W - 0.5)


def test_a_penalty_whose_gradient_does_not_fit_changes_no_weight():
    class Wrong(Squares):
        def gradient(self, w):
            return w[:1]

    p, q, optimizer = parameter(), parameter(), Adam()
    q.regularizer = Wrong()
    with pytest.raises(ShapeError, match="gradient of W"):
        optimizer.step([p, q])
    assert optimizer.iterations == 0
    assert np.array_equal(p.value, W)


# -- constraints ---------------------------------------------------------------------------------------------------------


def test_constraints_hold_after_each_step_in_the_parameters_memory():
    p, q = parameter(), parameter()
    p.constraint = AtLeast(0.0)
    held, optimizer = p.value, SGD(0.1)
    assert (p.value < 0).any()
    optimizer.step([p, q])
    np.testing.assert_array_equal(p.value, np.maximum(W - 0.1 * G, 0))
    np.testing.assert_array_equal(q.value, W - 0.1 * G)
    assert p.value is held
    p.trainable, p.value = False, -1.0 + 0 * W
    optimizer.step([p, q])
    assert (p.value == -1).all(), "a frozen parameter is left as it is"


def test_a_constraint_that_fails_is_found_out_before_the_first_step():
    class Fails:
        def apply(self, w):
            raise RuntimeError("no")

    class Cuts:
        def apply(self, w):
            return w[:2]

    class Nothing:
        def apply(self, w):
            w[...] = 0

    for constraint, kind in ((Fails(), RuntimeError), (Cuts(), ShapeError), (Nothing(), ShapeError)):
        p, q, optimizer = parameter(), parameter(), Adam()
        q.constraint = constraint
        with pytest.raises(kind):
            optimizer.step([p, q])
        assert optimizer.iterations == 0
        assert np.array_equal(p.value, W)
        assert np.array_equal(q.value, W)


def test_the_order_within_a_step():
    """Penalty, clipping, decay, rule, constraint: any other order gives other numbers."""
    w, g = np.array([1.0, -1.0]), np.array([0.5, 2.0])
    p = parameter(w, g)
    p.regularizer, p.constraint = l1_l2(0.0, 0.5), AtLeast(-1.0)
    SGD(0.5, weight_decay=0.2, clipvalue=1.2).step([p])
    clipped = np.clip(g + w, -1.2, 1.2)  # 1.5 -> 1.2, 1.0
    np.testing.assert_allclose(p.value, np.maximum(w - 0.5 * 0.2 * w - 0.5 * clipped, -1.0), rtol=1e-15)


def test_all_of_it_in_a_model():
    """Three steps of a line, y = x w + b with squared error, by hand."""
    layer = Dense(1, kernel_initializer="ones", input_shape=(1,))
    model = Sequential([layer])
    layer.W.regularizer, layer.b.constraint, layer.b.learning_rate_multiplier = l1_l2(0.1, 0.2), AtLeast(-0.05), 0.5
    optimizer = SGD(ExponentialDecay(0.1, 1, 0.5), weight_decay=0.1, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["b"])
    model.compile(optimizer, "mse")
    w, b = 1.0, 0.0
    for step in range(3):
        model.train_on_batch(np.array([[2.0]]), np.array([[0.0]]))
        y, rate = 2 * w + b, 0.1 * 0.5**step
        dw, db = 2 * y * 2 + 0.1 * np.sign(w) + 2 * 0.2 * w, 2 * y
        scale = min(1, 1 / np.hypot(dw, db))
        w, b = w - rate * 0.1 * w - rate * dw * scale, max(b - 0.5 * rate * db * scale, -0.05)
        assert (layer.W.value.item(), layer.b.value.item()) == pytest.approx((w, b), rel=1e-5)
    assert list(optimizer.state) == list(model.parameters)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("make", [AdamW, lambda **options: Adagrad(weight_decay=0.1, **options)])
def test_a_copied_model_goes_on_with_the_same_steps(make, duplicate):
    """With its schedule, its state, the names that weight decay spares, and what parameters carry."""
    layer = Dense(2, input_shape=(3,))
    model = Sequential([layer])
    layer.W.regularizer, layer.W.constraint, layer.b.learning_rate_multiplier = Squares(), AtLeast(-0.5), 0.5
    optimizer = make(learning_rate=ExponentialDecay(0.1, 2, 0.5), clipnorm=0.5)
    optimizer.exclude_from_weight_decay(var_names=["b"])
    model.compile(optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(4, 3))
    for _ in range(3):
        model.train_on_batch(x, x[:, :2])
    twin = duplicate(model)
    for _ in range(3):
        assert model.train_on_batch(x, x[:, :2]) == twin.train_on_batch(x, x[:, :2])
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    assert twin.optimizer.iterations == 6
    for mine, theirs in zip(optimizer.state.values(), twin.optimizer.state.values(), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


# -- the learning rate ---------------------------------------------------------------------------------------------------


def test_a_schedule_is_replaced_by_what_is_assigned():
    optimizer = SGD(ExponentialDecay(0.5, 1, 0.5))
    p = parameter()
    optimizer.step([p])
    assert (optimizer.learning_rate, type(optimizer.schedule)) == (0.25, ExponentialDecay)
    assert repr(optimizer) == "SGD(learning_rate=ExponentialDecay(0.5, 1, 0.5))"
    optimizer.learning_rate = 0.125
    assert (optimizer.learning_rate, optimizer.schedule) == (0.125, None)
    assert optimizer.get_config()["learning_rate"] == 0.125
    optimizer.learning_rate = lambda step: 1.0 + step
    assert optimizer.learning_rate == 2.0
    with pytest.raises(ArgumentTypeError, match="learning_rate"):
        optimizer.get_config()
    for bad in (ExponentialDecay, "fast", None, True):
        with pytest.raises(ArgumentTypeError, match="learning_rate"):
            optimizer.learning_rate = bad
    for rate in (-1.0, np.nan, "fast"):
        optimizer.learning_rate = lambda step, rate=rate: rate
        before = p.value.copy()
        with pytest.raises((ArgumentError, ArgumentTypeError), match=r"SGD, schedule at step 1.*learning_rate"):
            optimizer.step([p])
        assert np.array_equal(p.value, before)
        assert optimizer.iterations == 1


def test_arrays_of_the_state_cannot_change_on_the_way():
    """Momentum switched on after the first step has nowhere to be kept."""
    optimizer, p = SGD(0.1), parameter()
    optimizer.step([p])
    before, optimizer.momentum = p.value.copy(), 0.9
    with pytest.raises(StateError, match=r"SGD.*other arrays"):
        optimizer.step([p])
    assert np.array_equal(p.value, before)


@pytest.mark.parametrize("slots, names", [(0, []), (2, ["slot_0", "slot_1"]), (("a", "b"), ["a", "b"]), ({"a": 0.5}, ["a"])])
def test_slots_are_names_a_number_or_names_with_numbers(slots, names):
    p = parameter()
    group = ParameterGroup([p], slots)
    assert list(group.state[p]) == names
    assert all((array == (0.5 if slots == {"a": 0.5} else 0)).all() for array in group.state_of(p))
    for twin in (copy.deepcopy(group), pickle.loads(pickle.dumps(group))):
        (arrays,) = twin.state.values()
        assert list(arrays) == names
