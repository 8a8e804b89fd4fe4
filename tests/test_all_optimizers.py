"""What holds for every optimizer and every schedule: configuration, state, kernels, copies, frozen and empty parameters."""

import copy
import json
import pickle

import numpy as np
import pytest

from minidl import config
from minidl.declared import arguments_of, classes, from_plain, to_plain
from minidl.optimizers import SGD, Adam
from minidl.parameters import Parameter, ParameterGroup
from tests.cases.optimizers import OPTIMIZERS, OPTIONS, SCHEDULES, label, make_optimizer, make_schedule
from tests.cases.sample import by_references_first, mostly

pytestmark = pytest.mark.one_in(3)  # tables over every class

SHAPES = [(3, 4), (), (5,), (0, 2), (1, 2, 3)]
ALL = OPTIMIZERS + [("SGD", options) for options in OPTIONS] + [("Adam", options) for options in OPTIONS]
every_optimizer = pytest.mark.parametrize("case", ALL, ids=label)
every_schedule = pytest.mark.parametrize("case", SCHEDULES, ids=label)


@pytest.fixture(autouse=True, params=by_references_first)
def _kernels(request):
    with config.use_kernels(request.param):
        yield


def parameters(dtype=np.float64):
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype), f"p{i}") for i, shape in enumerate(SHAPES)]


def steps(optimizer, ps, count=10, seed=1):
    """``count`` steps down gradients of all sizes; the values after the last."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        for p in ps:
            p.zero_grad()
            p.grad[...] = rng.normal(size=p.shape) * 10.0 ** rng.integers(-2, 2)
        optimizer.step(ps)
    return [p.value.copy() for p in ps]


def state_of(optimizer):
    return [array.copy() for arrays in optimizer.state.values() for array in arrays.values()]


def assert_same_bits(a, b):
    assert [x.tobytes() for x in a] == [x.tobytes() for x in b]


@pytest.mark.parametrize("kind, cases", [("optimizer", ALL), ("schedule", SCHEDULES)])
def test_the_table_of_cases_is_complete(kind, cases):
    """Each class, and each of its arguments at another value than the default."""
    for name, cls in classes(kind).items():
        given = [arguments for case, arguments in cases if case == name]
        assert given, f"{name} has no case in tests/cases/optimizers.py"
        common = arguments_of(SGD) if kind == "optimizer" and name != "SGD" else {}
        for argument, parameter in arguments_of(cls).items():
            if argument in common and argument not in ("learning_rate", "momentum"):
                continue  # an option of every optimizer: tried with SGD
            values = [arguments[argument] for arguments in given if argument in arguments]
            assert any(value != parameter.default for value in values), f"{name}: no case with another {argument}"


@every_optimizer
def test_config_through_json_makes_the_same_steps(case):
    optimizer = make_optimizer(*case)
    text = json.dumps(to_plain(optimizer))
    again = from_plain(json.loads(text))
    assert type(again) is type(optimizer)
    assert json.dumps(to_plain(again)) == text
    for name, value in case[1].items():
        kept = getattr(optimizer, name)
        assert kept == value or optimizer.schedule is value
        assert getattr(again, name) == kept
    assert repr(again) == repr(optimizer)
    assert_same_bits(steps(optimizer, parameters()), steps(again, parameters()))


@pytest.mark.parametrize("_kernels", ["auto"], indirect=True)
@every_optimizer
@pytest.mark.parametrize("dtype", mostly([np.float32, np.float64], always=[np.float32]))
def test_references_and_kernels_make_the_same_steps(case, dtype):
    by_kernels, by_references = make_optimizer(*case), make_optimizer(*case)
    found = steps(by_kernels, parameters(dtype))
    with config.use_kernels("reference"):
        expected = steps(by_references, parameters(dtype))
    for a, e in zip([*found, *state_of(by_kernels)], [*expected, *state_of(by_references)], strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(
            a, e, rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-6 if dtype == np.float32 else 1e-13
        )


@every_optimizer
def test_every_parameter_moves_and_stays_in_its_memory(case):
    ps = parameters()
    before, addresses = [p.value.copy() for p in ps], [p.value.ctypes.data for p in ps]
    optimizer = make_optimizer(*case)
    after = steps(optimizer, ps, 1)
    assert optimizer.iterations == 1
    assert [p.value.ctypes.data for p in ps] == addresses
    for p, b, a in zip(ps, before, after):
        assert a.dtype == np.float64
        assert np.isfinite(a).all()
        assert (a != b).all(), p.name


@every_optimizer
def test_state_is_public_and_in_the_models_order(case):
    optimizer, ps = make_optimizer(*case), parameters()
    assert optimizer.state == {}
    steps(optimizer, ps, 2)
    assert list(optimizer.state) == ps
    for p, arrays in optimizer.state.items():
        assert list(arrays) == list(optimizer.slots)
        for array in arrays.values():
            assert (array.shape, array.dtype) == (p.shape, p.dtype)
            assert p.size == 0 or array.any()
    for arrays in optimizer.state.values():
        for array in arrays.values():
            array[...] = 0.25  # in place: the optimizer's own
    assert all((array == 0.25).all() for array in state_of(optimizer))


@every_optimizer
def test_state_and_iterations_are_all_that_a_step_depends_on(case):
    """Ten steps, or four, then everything written into a new optimizer and new parameters, then six."""
    whole, ps = make_optimizer(*case), parameters()
    steps(whole, ps, 4)
    resumed, others = make_optimizer(*case), parameters()
    resumed.bind(ParameterGroup(others, resumed.slots))
    for p, other in zip(ps, others):
        other.value = p.value
        for name, array in whole.state[p].items():
            resumed.state[other][name][...] = array
    resumed.iterations = whole.iterations
    assert_same_bits(steps(resumed, others, 6, seed=2), steps(whole, ps, 6, seed=2))


@every_optimizer
def test_a_frozen_parameter_keeps_value_and_state_and_goes_on(case):
    optimizer, ps = make_optimizer(*case), parameters()
    steps(optimizer, ps, 2)
    ps[0].trainable = False
    value, state = ps[0].value.copy(), [a.copy() for a in optimizer.state[ps[0]].values()]
    steps(optimizer, ps, 2)
    assert_same_bits([value, *state], [ps[0].value, *optimizer.state[ps[0]].values()])
    ps[0].trainable = True
    steps(optimizer, ps, 1)
    assert not np.array_equal(value, ps[0].value)


@every_optimizer
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_belongs_to_nobody_and_begins_anew(case, duplicate):
    optimizer, ps = make_optimizer(*case), parameters()
    steps(optimizer, ps, 3)
    twin = duplicate(optimizer)
    assert (twin.iterations, twin.state, repr(twin)) == (0, {}, repr(optimizer))
    assert_same_bits(steps(twin, parameters()), steps(make_optimizer(*case), parameters()))
    assert optimizer.iterations == 3


@every_optimizer
def test_gradients_are_read_only_unless_clipped(case):
    clips = any(name.startswith(("clip", "global")) for name in case[1])
    p = Parameter(np.linspace(-1, 1, 7), "p")
    p.grad = 3.0
    make_optimizer(*case).step([p])
    assert (p.grad < 3).all() if clips else (p.grad == 3).all()


@every_optimizer
def test_nan_stays_nan(case):
    p = Parameter(np.ones(4), "p")
    optimizer = make_optimizer(*case)
    for grad in (np.nan, 1.0):
        p.grad = [grad, 1, 1, 1]
        optimizer.step([p])
    assert np.isnan(p.value[0])


@pytest.mark.parametrize("make", [SGD, Adam, lambda: Adam(weight_decay=0.1), lambda: Adam(clipvalue=1.0)])
def test_a_step_walks_all_parameters_in_one_call(make, monkeypatch):
    calls = []
    optimizer, ps = make(), parameters()
    monkeypatch.setattr(optimizer, "update", lambda rows, scalars: calls.append(rows.size))
    for p in ps:
        p.grad = 1.0
    optimizer.step(ps)
    assert calls == [sum(p.size for p in ps)]


# -- schedules -----------------------------------------------------------------------------------------------------------


@every_schedule
def test_a_schedule_through_json_gives_the_same_rates(case):
    schedule = make_schedule(*case)
    again = from_plain(json.loads(json.dumps(to_plain(schedule))))
    rates = [schedule(step) for step in range(60)]
    assert rates == [again(step) for step in range(60)]
    assert repr(again) == repr(schedule)
    assert all(type(rate) is float and rate >= 0 for rate in rates)
    assert rates == [copy.deepcopy(schedule)(step) for step in range(60)]


@every_schedule
def test_an_optimizer_follows_a_schedule(case):
    schedule = make_schedule(*case)
    optimizer, p = SGD(schedule), Parameter(np.zeros(1), "w")
    for step in range(12):
        assert optimizer.learning_rate == schedule(step)
        before = p.value.copy()
        p.grad = 1.0
        optimizer.step([p])
        np.testing.assert_allclose(before - p.value, schedule(step), rtol=1e-12, atol=1e-15)
    again = from_plain(json.loads(json.dumps(to_plain(optimizer))))
    assert repr(again.schedule) == repr(schedule)
