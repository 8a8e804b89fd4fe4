"""Schedules: golden numbers of Keras 3.15 (in float64), StepLR and OneCycleLR by PyTorch in ``tests/peers``, and refusals."""

import inspect

import pytest

from minidl import schedules
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.schedules import *  # noqa: F403  (the calls below are texts)
from minidl.schedules import ExponentialDecay, OneCycle, StepDecay, WarmUp

STEPS = (0, 1, 5, 10, 11, 25, 30, 47)
OF_KERAS = {
    "ExponentialDecay(0.1, 10, 0.5)": [
        0.1,
        0.0933032991537,
        0.0707106781187,
        0.05,
        0.0466516495768,
        0.0176776695297,
        0.0125,
        0.0038473262917,
    ],
    "ExponentialDecay(0.1, 10, 0.5, staircase=True)": [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.0125, 0.00625],
    "InverseTimeDecay(0.1, 10, 0.5)": [
        0.1,
        0.0952380952381,
        0.08,
        0.0666666666667,
        0.0645161290323,
        0.0444444444444,
        0.04,
        0.0298507462687,
    ],
    "InverseTimeDecay(0.1, 10, 0.5, staircase=True)": [
        0.1,
        0.1,
        0.1,
        0.0666666666667,
        0.0666666666667,
        0.05,
        0.04,
        0.0333333333333,
    ],
    "PolynomialDecay(0.1, 25)": [0.1, 0.096004, 0.08002, 0.06004, 0.056044, 0.0001, 0.0001, 0.0001],
    "PolynomialDecay(0.1, 25, 0.01, power=2.0)": [0.1, 0.092944, 0.0676, 0.0424, 0.038224, 0.01, 0.01, 0.01],
    "PolynomialDecay(0.1, 10, 0.01, cycle=True)": [0.1, 0.091, 0.055, 0.01, 0.0505, 0.025, 0.01, 0.0154],
    "PiecewiseConstantDecay([10, 25], [0.1, 0.05, 0.01])": [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.01, 0.01],
    "CosineDecay(0.1, 25)": [0.1, 0.0996057350657, 0.0904508497187, 0.0654508497187, 0.0593690657293, 0.0, 0.0, 0.0],
    "CosineDecay(0.1, 25, alpha=0.1)": [
        0.1,
        0.0996451615592,
        0.0914057647469,
        0.0689057647469,
        0.0634321591564,
        0.01,
        0.01,
        0.01,
    ],
    "CosineDecay(0.02, 15, 0.1, warmup_target=0.1, warmup_steps=10)": [
        0.02,
        0.028,
        0.06,
        0.1,
        0.099016642033,
        0.01,
        0.01,
        0.01,
    ],
    "CosineDecayRestarts(0.1, 10)": [0.1, 0.0975528258148, 0.05, 0.1, 0.0993844170298, 0.0146446609407, 0.1, 0.0616722681928],
    "CosineDecayRestarts(0.1, 10, t_mul=1.0, m_mul=0.5, alpha=0.1)": [
        0.1,
        0.0977975432333,
        0.055,
        0.055,
        0.0538987716166,
        0.02125,
        0.02125,
        0.0111593539779,
    ],
    "CosineDecayRestarts(0.1, 5, t_mul=1.5, m_mul=0.8)": [
        0.1,
        0.0904508497187,
        0.08,
        0.02,
        0.007639320225,
        0.0505099486868,
        0.0357396420106,
        0.0348770520561,
    ],
}


@pytest.mark.parametrize("call", OF_KERAS)
def test_the_rates_are_those_of_keras(call):
    schedule = eval(call)
    assert [schedule(step) for step in STEPS] == pytest.approx(OF_KERAS[call], rel=1e-11, abs=1e-15)


@pytest.mark.parametrize(
    "kind, defaults",
    [
        ("ExponentialDecay", {"staircase": False}),
        ("StepDecay", {"decay_rate": 0.1}),
        ("InverseTimeDecay", {"staircase": False}),
        ("PolynomialDecay", {"end_learning_rate": 0.0001, "power": 1.0, "cycle": False}),
        ("PiecewiseConstantDecay", {}),
        ("CosineDecay", {"alpha": 0.0, "warmup_target": None, "warmup_steps": 0}),
        ("CosineDecayRestarts", {"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0}),
        ("WarmUp", {"initial_learning_rate": 0.0}),
        (
            "OneCycle",
            {"pct_start": 0.3, "anneal_strategy": "cos", "div_factor": 25.0, "final_div_factor": 1e4, "three_phase": False},
        ),
    ],
)
def test_defaults(kind, defaults):
    found = inspect.signature(getattr(schedules, kind)).parameters.values()
    assert {p.name: p.default for p in found if p.default is not p.empty} == defaults


def test_restarts_come_exactly_where_they_should():
    """At step 10, 30, 70, 150 ... the rate is the first one; a logarithm, as in Keras, may round to the step before."""
    schedule = schedules.CosineDecayRestarts(0.1, 10)
    assert [schedule(10 * (2**run - 1)) for run in range(20)] == [0.1] * 20
    thirds = schedules.CosineDecayRestarts(0.1, 3, t_mul=1.0)
    assert [thirds(3 * run) for run in range(2000)] == [0.1] * 2000


def test_warm_up_leads_to_a_rate_or_to_a_schedule_from_its_beginning():
    constant = WarmUp(0.5, 4, 0.1)
    assert [constant(step) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])
    inner = ExponentialDecay(0.5, 2, 0.5)
    falling = WarmUp(inner, 2)
    assert [falling(step) for step in range(5)] == pytest.approx([0.0, 0.25, *map(inner, range(3))])


def test_stairs():
    assert [StepDecay(1.0, 3, 0.5)(step) for step in range(8)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_the_cycle_stays_at_its_end():
    cycle = OneCycle(0.1, 10)
    assert cycle(9) == pytest.approx(0.1 / 25 / 1e4)
    assert cycle(10) == cycle(1000) == pytest.approx(cycle(9))
    assert OneCycle(0.1, 1)(0) >= 0
    assert OneCycle(0.1, 10, pct_start=0.0)(9) == pytest.approx(0.1 / 25 / 1e4)


@pytest.mark.parametrize(
    "call, kind, words",
    [
        ("ExponentialDecay(-0.1, 10, 0.5)", ArgumentError, ["ExponentialDecay", "initial_learning_rate=-0.1"]),
        ("ExponentialDecay(0.1, 0, 0.5)", ArgumentError, ["decay_steps=0", "decay_steps > 0"]),
        ("ExponentialDecay(0.1, 10, '0.5')", ArgumentTypeError, ["decay_rate='0.5'"]),
        ("ExponentialDecay(0.1, 10, 0.5, 1)", ArgumentTypeError, ["staircase=1"]),
        ("StepDecay(0.1, 2.5)", ArgumentTypeError, ["decay_steps=2.5"]),
        ("PiecewiseConstantDecay([10], [0.1])", ArgumentError, ["1 boundaries and 1 values", "one value more"]),
        ("PiecewiseConstantDecay([10, 10], [0.1, 0.2, 0.3])", ArgumentError, ["increasing"]),
        ("PiecewiseConstantDecay(10, [0.1, 0.2])", ArgumentTypeError, ["boundaries", "a list of numbers"]),
        ("CosineDecay(0.1, 10, warmup_steps=5)", ArgumentError, ["warmup_steps=5", "warmup_target"]),
        ("CosineDecay(0.1, 10, 0.0, 'name')", TypeError, ["positional"]),
        ("CosineDecayRestarts(0.1, 10, t_mul=0.5)", ArgumentError, ["t_mul=0.5"]),
        ("WarmUp('adam', 10)", ArgumentTypeError, ["WarmUp", "learning_rate='adam'"]),
        ("OneCycle(0.1, 10, pct_start=1.5)", ArgumentError, ["pct_start=1.5"]),
        ("OneCycle(0.1, 10, anneal_strategy='cosine')", ArgumentError, ["'cosine'", '"cos" or "linear"']),
        ("OneCycle(0.1, 10, div_factor=0)", ArgumentError, ["div_factor"]),
    ],
)
def test_arguments_are_checked(call, kind, words):
    with pytest.raises(kind) as raised:
        eval(call)
    assert all(word in str(raised.value) for word in words)
