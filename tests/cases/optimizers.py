"""Every optimizer and every schedule, each argument at least once at another value than its default.

What is in the table of names and not here fails ``tests/test_all_optimizers.py``: a class added later is tested before its
author thinks of it.
"""

from __future__ import annotations

from typing import Any

from minidl import optimizers, schedules
from minidl.declared import classes
from minidl.optimizers import Optimizer
from minidl.schedules import ExponentialDecay, Schedule

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.02, "rho": 0.5, "momentum": 0.7, "epsilon": 1e-3}),
    ("RMSprop", {"rho": 0.8, "centered": True, "epsilon": 1e-2}),
    ("RMSprop", {"momentum": 0.6, "centered": True, "epsilon": 1e-2}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-2}),
    ("Adam", {"beta_2": 0.5, "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.3, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-2, "amsgrad": True}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.2, "initial_accumulator_value": 0.7, "epsilon": 1e-2}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.7, "epsilon": 1e-3}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-2}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.8, "epsilon": 1e-2}),
]
OPTIONS: list[dict[str, Any]] = [  # of every optimizer
    {"weight_decay": 0.2},
    {"clipnorm": 0.5},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.7},
    {"name": "mine"},
    {"learning_rate": ExponentialDecay(0.1, 3, 0.5)},
]
SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("StepDecay", {"initial_learning_rate": 0.1, "decay_steps": 10}),
    ("StepDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 2.5, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 25}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 25, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "end_learning_rate": 0.01, "cycle": True}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 25], "values": [0.1, 0.05, 0.01]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 25}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 25, "alpha": 0.1}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.02, "decay_steps": 15, "alpha": 0.1, "warmup_target": 0.1, "warmup_steps": 10},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.8}),
    ("WarmUp", {"learning_rate": 0.1, "warmup_steps": 5}),
    ("WarmUp", {"learning_rate": ExponentialDecay(0.1, 10, 0.5), "warmup_steps": 10, "initial_learning_rate": 0.01}),
    ("OneCycle", {"max_learning_rate": 0.1, "total_steps": 40}),
    ("OneCycle", {"max_learning_rate": 0.1, "total_steps": 40, "pct_start": 0.4, "anneal_strategy": "linear"}),
    (
        "OneCycle",
        {"max_learning_rate": 0.1, "total_steps": 40, "div_factor": 10.0, "final_div_factor": 100.0, "three_phase": True},
    ),
]


def make_optimizer(name: str, arguments: dict[str, Any]) -> Optimizer:
    """A new optimizer."""
    return classes("optimizer")[name](**arguments)


def make_schedule(name: str, arguments: dict[str, Any]) -> Schedule:
    """A new schedule."""
    return classes("schedule")[name](**arguments)


def label(case: Any) -> str:
    """A case as the call that makes it."""
    name, arguments = case
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


assert optimizers.schedules is schedules  # both modules are loaded, so that the tables of names are complete
