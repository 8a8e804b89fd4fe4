"""Schedules whose definition is PyTorch's, step by step against its own."""

import pytest

from minidl.schedules import CosineDecay, OneCycle, StepDecay
from tests.peers.judge import leaf, torch

pytestmark = pytest.mark.peer
torch_schedules = torch.optim.lr_scheduler


def rates_of_pytorch(make, steps, momentum=0.9):
    """What an optimizer's rate is at each step."""
    optimizer = torch.optim.SGD([leaf(1.0)], 0.1, momentum=momentum)
    scheduler, seen = make(optimizer), []
    for step in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
    return seen


@pytest.mark.parametrize(
    "mine, theirs",
    [
        ({}, {}),
        ({"three_phase": True}, {"three_phase": True}),
        ({"pct_start": 0.5, "anneal_strategy": "linear"},) * 2,
        ({"div_factor": 5.0, "final_div_factor": 10.0},) * 2,
        ({"pct_start": 0.0},) * 2,
        ({"pct_start": 0.125, "three_phase": True, "anneal_strategy": "linear"},) * 2,
    ],
)
def test_one_cycle(mine, theirs):
    schedule = OneCycle(0.1, 40, **mine)
    expected = rates_of_pytorch(lambda o: torch_schedules.OneCycleLR(o, 0.1, total_steps=40, **theirs), 40)
    assert [schedule(step) for step in range(40)] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_step_decay():
    schedule = StepDecay(0.1, 7)
    expected = rates_of_pytorch(lambda o: torch_schedules.StepLR(o, 7), 30)
    assert [schedule(step) for step in range(30)] == pytest.approx(expected, rel=1e-9)


def test_cosine_decay():
    schedule = CosineDecay(0.1, 20, 0.2)
    expected = rates_of_pytorch(lambda o: torch_schedules.CosineAnnealingLR(o, 20, eta_min=0.02), 21)
    assert [schedule(step) for step in range(21)] == pytest.approx(expected, rel=1e-9)
