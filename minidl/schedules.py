"""Learning rates that follow the number of steps: a schedule is the rate as a function of the steps already made.

    optimizer = Adam(learning_rate=CosineDecay(0.01, decay_steps=1000))

An epoch of n batches is n steps. Step 0 is the first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, cos, floor, pi
from typing import Any

from minidl.checks import check_flag, check_integer, check_number
from minidl.declared import Declared
from minidl.errors import ArgumentError, ArgumentTypeError, described


class Schedule(Declared):
    """Base: a subclass keeps its arguments as attributes and writes ``__call__(step)``, the rate of that step as a float.

    >>> class Halved(Schedule):
    ...     def __init__(self, rate): self.rate = rate
    ...     def __call__(self, step): return self.rate * 0.5**step
    >>> Halved(8.0)(2)
    2.0
    """

    table = "schedule"
    to_write = ("__call__(self, step), which returns the rate of that step as a float",)

    def __call__(self, step: int) -> float:
        """The learning rate of the step that comes after ``step`` steps."""
        raise NotImplementedError


class ExponentialDecay(Schedule):
    """lr = initial_learning_rate * decay_rate ^ (step / decay_steps).

    Args:
        initial_learning_rate: of step 0.
        decay_steps: steps in which the rate is multiplied by ``decay_rate`` once.
        decay_rate: that factor.
        staircase: only whole numbers of step / decay_steps count, so that the rate falls in stairs.

    >>> ExponentialDecay(0.5, decay_steps=10, decay_rate=0.5)(20)
    0.125
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.decay_rate = _rate(self, "decay_rate", decay_rate)
        self.staircase = check_flag("ExponentialDecay", "staircase", staircase)

    def __call__(self, step: int) -> float:
        """See the class."""
        passed = step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate ** (floor(passed) if self.staircase else passed))


class StepDecay(Schedule):
    """lr = initial_learning_rate * decay_rate ^ floor(step / decay_steps): as PyTorch's StepLR.

    The same as ExponentialDecay in stairs, with PyTorch's factor as the default.

    >>> schedule = StepDecay(0.5, decay_steps=100)
    >>> schedule(99), schedule(100)
    (0.5, 0.05)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float = 0.1) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_integer("StepDecay", "decay_steps", decay_steps)
        self.decay_rate = _rate(self, "decay_rate", decay_rate)

    def __call__(self, step: int) -> float:
        """See the class."""
        return self.initial_learning_rate * self.decay_rate ** (step // self.decay_steps)


class InverseTimeDecay(Schedule):
    """lr = initial_learning_rate / (1 + decay_rate * step / decay_steps).

    ``InverseTimeDecay(lr, 1, d)`` is what ``decay=d`` meant to the optimizers of older versions of Keras.

    Args:
        initial_learning_rate: of step 0.
        decay_steps: how many steps count as one.
        decay_rate: how fast the rate falls.
        staircase: only whole numbers of step / decay_steps count.

    >>> InverseTimeDecay(0.5, decay_steps=1, decay_rate=0.01)(100)
    0.25
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.decay_rate = _rate(self, "decay_rate", decay_rate)
        self.staircase = check_flag("InverseTimeDecay", "staircase", staircase)

    def __call__(self, step: int) -> float:
        """See the class."""
        passed = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (floor(passed) if self.staircase else passed))


class PolynomialDecay(Schedule):
    """lr = (initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ^ power + end_learning_rate.

    Args:
        initial_learning_rate: of step 0.
        decay_steps: steps until the rate is ``end_learning_rate``, where it then stays.
        end_learning_rate: the last rate.
        power: 1 for a straight line.
        cycle: instead of staying, begin to fall again from above, over 2, 3, ... times ``decay_steps``.

    >>> PolynomialDecay(0.5, decay_steps=100, end_learning_rate=0.25)(50)
    0.375
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.end_learning_rate = _rate(self, "end_learning_rate", end_learning_rate)
        self.power = check_number("PolynomialDecay", "power", power, 0.0)
        self.cycle = check_flag("PolynomialDecay", "cycle", cycle)

    def __call__(self, step: int) -> float:
        """See the class."""
        steps = self.decay_steps * (max(1, ceil(step / self.decay_steps)) if self.cycle else 1)
        left = 1 - min(step, steps) / steps
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


class PiecewiseConstantDecay(Schedule):
    """``values[0]`` up to step ``boundaries[0]`` and including it, then ``values[1]`` up to ``boundaries[1]``, and so on.

    Args:
        boundaries: steps, increasing.
        values: rates, one more than boundaries.

    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01])
    >>> schedule(100), schedule(101), schedule(500)
    (0.1, 0.05, 0.01)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]) -> None:
        self.boundaries = _numbers(self, "boundaries", boundaries)
        self.values = _numbers(self, "values", values)
        where = "PiecewiseConstantDecay"
        if len(self.values) != len(self.boundaries) + 1:
            received = f"{len(self.boundaries)} boundaries and {len(self.values)} values"
            raise ArgumentError(
                where, received, "one value more than boundaries", "the last value is that after all boundaries"
            )
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:])):
            raise ArgumentError(where, f"boundaries={list(boundaries)}", "increasing numbers of steps")

    def __call__(self, step: int) -> float:
        """See the class."""
        return self.values[bisect_left(self.boundaries, step)]


class CosineDecay(Schedule):
    """lr = peak * ((1 - alpha) (1 + cos(pi t)) / 2 + alpha) with t from 0 to 1 in ``decay_steps`` steps, then constant.

    Args:
        initial_learning_rate: of step 0; the peak too, without a warm-up.
        decay_steps: steps of the decay, not counting the warm-up.
        alpha: the last rate, as a part of the peak.
        warmup_target: the peak, reached in a straight line from ``initial_learning_rate``; None for no warm-up.
        warmup_steps: steps of the warm-up.

    Source: Loshchilov and Hutter 2017, without restarts.

    >>> schedule = CosineDecay(0.0, decay_steps=100, warmup_target=0.5, warmup_steps=10)
    >>> schedule(5), schedule(10), schedule(60), schedule(110)
    (0.25, 0.5, 0.25, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        *,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _steps(self, "decay_steps", decay_steps)
        self.alpha = _rate(self, "alpha", alpha)
        self.warmup_target = None if warmup_target is None else _rate(self, "warmup_target", warmup_target)
        self.warmup_steps = check_number("CosineDecay", "warmup_steps", warmup_steps, 0.0)
        if self.warmup_target is None and self.warmup_steps:
            received = f"warmup_steps={warmup_steps} without warmup_target"
            raise ArgumentError("CosineDecay", received, "the rate that the warm-up leads to", "warmup_target=0.001")

    def __call__(self, step: int) -> float:
        """See the class."""
        peak = self.initial_learning_rate
        if self.warmup_target is not None:
            peak = self.warmup_target
            if step < self.warmup_steps:
                return _between(self.initial_learning_rate, peak, step / self.warmup_steps)
            step = step - self.warmup_steps  # type: ignore[assignment]
        return peak * ((1 - self.alpha) * _half_cosine(min(step / self.decay_steps, 1.0)) + self.alpha)


class CosineDecayRestarts(Schedule):
    """Cosine decay that begins again and again: run i is ``first_decay_steps * t_mul^i`` long, its peak ``m_mul^i`` high.

    lr = initial_learning_rate * ((1 - alpha) m_mul^i (1 + cos(pi t)) / 2 + alpha) with t from 0 to 1 in each run.

    Args:
        initial_learning_rate: the first peak.
        first_decay_steps: steps of the first run.
        t_mul: how much longer each run is than that before, at least 1.
        m_mul: the peak of each run as a part of that before.
        alpha: the lowest rate as a part of the first peak.

    Source: Loshchilov and Hutter 2017.

    >>> schedule = CosineDecayRestarts(0.5, first_decay_steps=100)
    >>> schedule(50), schedule(100), schedule(200), schedule(300)
    (0.25, 0.5, 0.25, 0.5)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _steps(self, "first_decay_steps", first_decay_steps)
        self.t_mul = check_number("CosineDecayRestarts", "t_mul", t_mul, 1.0)
        self.m_mul = _rate(self, "m_mul", m_mul)
        self.alpha = _rate(self, "alpha", alpha)

    def __call__(self, step: int) -> float:
        """See the class."""
        length, begun, run = self.first_decay_steps, 0.0, 0
        if self.t_mul == 1:
            run = int(step // length)
            begun = run * length
        else:
            while step >= begun + length:
                begun, length, run = begun + length, length * self.t_mul, run + 1
        decay = (1 - self.alpha) * self.m_mul**run * _half_cosine((step - begun) / length) + self.alpha
        return float(self.initial_learning_rate * decay)


class WarmUp(Schedule):
    """A straight line from ``initial_learning_rate`` up to a learning rate, and then that rate or schedule from its step 0.

    Args:
        learning_rate: the rate to reach: a number, or a schedule, which begins when the warm-up is done.
        warmup_steps: steps until then.
        initial_learning_rate: of step 0.

    >>> schedule = WarmUp(ExponentialDecay(0.5, 10, 0.5), warmup_steps=4)
    >>> schedule(0), schedule(2), schedule(4), schedule(14)
    (0.0, 0.25, 0.5, 0.25)
    """

    def __init__(self, learning_rate: float | Schedule, warmup_steps: int, initial_learning_rate: float = 0.0) -> None:
        is_schedule = isinstance(learning_rate, Schedule)
        self.learning_rate = learning_rate if is_schedule else _rate(self, "learning_rate", learning_rate)
        self.warmup_steps = check_integer("WarmUp", "warmup_steps", warmup_steps)
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)

    def __call__(self, step: int) -> float:
        """See the class."""
        if step < self.warmup_steps:
            return _between(self.initial_learning_rate, self._then(0), step / self.warmup_steps)
        return self._then(step - self.warmup_steps)

    def _then(self, step: int) -> float:
        return self.learning_rate(step) if isinstance(self.learning_rate, Schedule) else self.learning_rate


class OneCycle(Schedule):
    """Up to a high rate and down to a very low one, once in a whole training: as PyTorch's OneCycleLR.

    The rate goes from ``max_learning_rate / div_factor`` to ``max_learning_rate`` in the first part of the steps, then to
    ``max_learning_rate / (div_factor * final_div_factor)`` at step ``total_steps - 1``, where it stays.

    Args:
        max_learning_rate: the highest rate.
        total_steps: steps of the whole training: epochs times batches in an epoch.
        pct_start: the part of the steps in which the rate rises.
        anneal_strategy: ``"cos"`` for half a cosine, ``"linear"`` for a straight line, up and down.
        div_factor: the highest rate over the first.
        final_div_factor: the first rate over the last.
        three_phase: after the rise fall to the first rate in as many steps, and only then to the last.

    The momentum stays as it is; PyTorch's falls and rises against the rate (``cycle_momentum``).
    Source: Smith and Topin 2019.

    >>> schedule = OneCycle(0.5, total_steps=101, pct_start=51 / 101)
    >>> schedule(0), schedule(50)
    (0.02, 0.5)
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        self.max_learning_rate = _rate(self, "max_learning_rate", max_learning_rate)
        self.total_steps = check_integer("OneCycle", "total_steps", total_steps)
        self.pct_start = check_number("OneCycle", "pct_start", pct_start, 0.0)
        if self.pct_start > 1:
            raise ArgumentError("OneCycle", f"pct_start={pct_start!r}", "0 <= pct_start <= 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ArgumentError("OneCycle", f"anneal_strategy={anneal_strategy!r}", '"cos" or "linear"')
        self.anneal_strategy = anneal_strategy
        self.div_factor = _positive(self, "div_factor", div_factor)
        self.final_div_factor = _positive(self, "final_div_factor", final_div_factor)
        self.three_phase = check_flag("OneCycle", "three_phase", three_phase)

    def __call__(self, step: int) -> float:
        """See the class."""
        first, high = self.max_learning_rate / self.div_factor, self.max_learning_rate
        risen, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        ends = [(risen, high), (last, first / self.final_div_factor)]
        if self.three_phase:
            ends.insert(1, (2 * risen, first))
        begin, rate = 0.0, first
        for end, end_rate in ends:
            if step <= end:
                passed = (step - begin) / (end - begin) if end > begin else 1.0
                passed = 1 - _half_cosine(passed) if self.anneal_strategy == "cos" else passed
                return _between(rate, end_rate, passed)
            begin, rate = end, end_rate
        return rate


def _half_cosine(t: float) -> float:
    """From 1 at t = 0 to 0 at t = 1."""
    return 0.5 * (1 + cos(pi * t))


def _between(begin: float, end: float, t: float) -> float:
    """From ``begin`` at t = 0 to ``end`` at t = 1 in a straight line."""
    return begin + (end - begin) * t


def _rate(schedule: Schedule, name: str, value: Any) -> float:
    return check_number(type(schedule).__name__, name, value, 0.0)


def _positive(schedule: Schedule, name: str, value: Any) -> float:
    where = type(schedule).__name__
    number = check_number(where, name, value, 0.0)
    if number == 0:
        raise ArgumentError(where, f"{name}={value!r}", f"{name} > 0")
    return number


def _steps(schedule: Schedule, name: str, value: Any) -> float:
    number = _positive(schedule, name, value)
    return int(value) if hasattr(value, "__index__") else number


def _numbers(schedule: Schedule, name: str, values: Any) -> tuple[float, ...]:
    where = type(schedule).__name__
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ArgumentTypeError(where, f"{described(values)} as {name}", "a list of numbers")
    return tuple(check_number(where, f"{name}[{i}]", value, 0.0) for i, value in enumerate(values))


def is_minidls_own(schedule: Any) -> bool:
    """Whether a schedule, and each that it holds, is a class of this file: then it depends on the step alone."""
    held = [value for value in vars(schedule).values() if callable(value)] if hasattr(schedule, "__dict__") else []
    return type(schedule).__module__ == __name__ and all(map(is_minidls_own, held))
