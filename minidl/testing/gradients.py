"""Is the hand-written gradient the derivative of the forward pass? Ask the forward pass.

A layer y = f(x; W) is made a scalar with fixed random weights r, a loss is one already:

    L = sum(y r),      so that gradient(r) must give dL/dx and add dL/dW

For a direction d, with g the gradient that ``gradient`` gave and D(h) = (L(x + h d) - L(x - h d)) / 2h,

    numeric   (4 D(h/2) - D(h)) / 3            Richardson's extrapolation: what is left is of order h^4
    analytic  sum(g d)
    error     |analytic - numeric| / (|g| |d|)

The error is relative to the norms and not to the analytic derivative itself, which may vanish along d. Differences cannot
resolve less than their own rounding, 64 units of machine epsilon in y over h; that much is always allowed. A single element
that is small beside its neighbours is judged by itself, |analytic - numeric| / max(|analytic|, |numeric|), where the two
differ by far more than rounding, curvature and an unseen corner can explain. All of this is computed in units of a power of
two near the largest |g|: the square of 1e200 would be infinite, and every error relative to it 0.

**Corners.** Where f has a corner (ReLU at 0, two equal numbers in a pool) a difference says nothing. With L_t = L(x + t d),

    E = (L_h - 2 L_0 + L_-h) - 4 (L_h/2 - 2 L_0 + L_-h/2)           O = (L_h - L_-h) - 2 (L_h/2 - L_-h/2)
    jump = max(|E|, |O|) / h

is of order h^2 for a smooth function. A corner anywhere between -h and h makes the jump at least as large as the error which
it causes in the numeric derivative, so a difference is trusted where jump <= tolerance / 4 * |g| |d|. Otherwise h shrinks
(a corner nearby falls outside, a strong curvature flattens out), then d is cut into halves, down to single elements; an
element that is not smooth by itself counts as a kink. The analytic gradient enters this judgement only as a scale that can
make it stricter: a wrong gradient is not excused where differences can be trusted, and an array of kinks alone is not proven.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl import config
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError
from minidl.layers.base import Layer
from minidl.losses import Loss
from minidl.models import Model
from minidl.testing.promises import analytic
from minidl.testing.report import GradientReport, Row
from minidl.testing.subject import Run, Variable, norm, streams_of_its_own, subject, unit_of

PRECISION = float(np.finfo(np.float64).eps)
STEP = PRECISION ** (1 / 4)  # between the best step of D alone (1/3) and of its extrapolation (1/5): kinks want it short
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)
SMALL = 64  # elements; arrays up to this size are checked one element at a time
SHRINKINGS = 3  # how often h shrinks by 8 before a difference is given up
PATIENCE = 1000  # differences along parts of directions, per array, spent on going around kinks


def check_gradients(
    target: Layer | Loss | Model,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    training: bool = True,
    directions: int = 3,
    elementwise: bool | str = "auto",
    eps: float | None = None,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> GradientReport:
    """Compare ``gradient`` with differences of the forward pass, for x and for every trainable parameter.

    Everything is computed in float64 on a copy: the target, its parameters and counters, the seed in force and the arrays
    given stay as they are. A layer without parameters yet is built for x. Dropout draws the same mask in every evaluation.
    Checked besides: the gradient comes out the same, bit for bit, when computed again; it adds to what is there; without
    ``need_dx`` the parameters get the same; it is proportional to dy and does not depend on dy's place in memory; y is the
    same with ``keep=False`` and of ``output_shape``; neither x, y, dy nor weights are changed; two forward passes before
    either goes back do not disturb each other; y depends on no array that is not a Parameter.

    Args:
        target: a Layer (containers and graphs too), a Loss, or a Model: a compiled one through its loss, as it is trained.
        x: a batch of inputs (a list of arrays for a layer with several), for a Loss the predictions. Integers are used
            but not differentiated.
        y, sample_weight: targets and weights, for a Loss and a compiled Model.
        training: which mode of the layers is checked.
        directions: number of random directions for each array.
        elementwise: True: also every element by itself; False: never; ``"auto"``: in arrays of up to 64 elements.
        eps: h over the root mean square of the array; by default 1.2e-4, and less where the function is rough.
        tolerance: the largest error that passes.
        seed: of the random weights r and directions d.

    Returns a GradientReport, whether the gradients are right or not; ``report.raise_if_failed()`` turns it into an error.

    >>> import numpy as np
    >>> from minidl.layers import Dense
    >>> report = check_gradients(Dense(2, activation="tanh"), np.random.default_rng(0).normal(size=(4, 3)))
    >>> report.ok, [row.name for row in report.rows]
    (True, ['x', 'W', 'b'])
    """
    where = "check_gradients"
    directions = check_integer(where, "directions", directions, low=0)
    tolerance, step = check_number(where, "tolerance", tolerance, 0), STEP
    if eps is not None:
        step = check_number(where, "eps", eps, 0)
    if not tolerance or not step:
        raise ArgumentError(where, f"tolerance={tolerance}, eps={step}", "positive numbers")
    if elementwise not in (True, False, "auto"):
        raise ArgumentError(where, f"elementwise={elementwise!r}", "True, False or 'auto'")
    with config.use_dtype("float64"), streams_of_its_own(seed):
        run = subject(target, x, y, sample_weight, bool(training))
        generator = np.random.default_rng(
            [seed, 1986]
        )  # of its own: x may come from default_rng(seed), and r = x proves little
        gradients, r, problems = analytic(run, generator)
        rows, largest = [], max((float(np.abs(g[np.isfinite(g)]).max(initial=0)) for g in gradients), default=0.0)
        for variable, gradient in zip(run.variables, gradients):
            probe = _Probe(run, variable, gradient, r, step, tolerance, largest)
            if elementwise is True or (elementwise == "auto" and gradient.size <= SMALL) or not directions:
                probe.try_elements()
            probe.try_directions(generator, directions)
            rows.append(probe.row())
    return GradientReport(run.label, tuple(rows), tuple(problems), tolerance)


# -- the numeric side --------------------------------------------------------------------------------------------------


class _Difference(NamedTuple):
    """A derivative by differences.

    Attributes:
        slope: the derivative.
        noise: the rounding in it that is always allowed.
        doubt: far more than the slope can be wrong by: rounding, curvature and a corner too small to be noticed.
    """

    slope: float
    noise: float
    doubt: float


_NONE = _Difference(float("nan"), 0.0, 0.0)


class _Probe:
    """Differences of L in one array, compared with its gradient.

    Args:
        run: the function.
        variable: the array to move.
        gradient: what ``gradient`` said.
        r: the weights of y in L.
        step: h over the root mean square of the array.
        tolerance: the largest error that passes.
        largest: the largest |number| in the gradients of all variables, by whose rounding each of them may be off.
    """

    def __init__(
        self,
        run: Run,
        variable: Variable,
        gradient: np.ndarray,
        r: np.ndarray,
        step: float,
        tolerance: float,
        largest: float,
    ) -> None:
        self.run, self.variable, self.r, self.tolerance = run, variable, r, tolerance
        self.start = np.array(variable.read(), np.float64)
        self.gradient = gradient.reshape(-1)
        self.finite = np.isfinite(self.gradient)
        trusted = np.where(self.finite, self.gradient, 0.0)
        peak = float(np.abs(trusted).max(initial=0))
        self.unit = unit_of(peak) if peak else 1.0  # of all derivatives below: squares of g in it cannot overflow
        with np.errstate(all="ignore"):
            self.scaled = trusted / self.unit
            self.unresolved = float(6400 * PRECISION * (largest / self.unit))
        self.norm = float(np.linalg.norm(self.scaled))
        self.y, self.penalty = run.value().astype(np.float64), run.penalty
        self.step = step * (norm(self.start) / float(np.sqrt(self.start.size)) or 1.0)
        self.rounding = np.float64(64 * (PRECISION * norm(self.y * r) + SMALLEST))
        self.checked = np.zeros(self.start.size, bool)
        self.kinks = np.zeros(self.start.size, bool)
        self.worst: tuple[float, int | None, float, float] = (-1.0, None, 0.0, 0.0)  # error, element, analytic, numeric

    def try_elements(self) -> None:
        """Every element by itself."""
        for index in range(self.start.size):
            self._try(_unit(self.start.size, index))

    def try_directions(self, generator: np.random.Generator, number: int) -> None:
        """Random directions; where one meets a kink, its halves, and their halves."""
        patience = PATIENCE
        for _ in range(number):
            parts = [np.where(self.kinks, 0, generator.normal(size=self.start.size))]
            while parts and patience:
                d, patience = parts.pop(), patience - 1
                support = np.flatnonzero(d)
                if support.size and not self._try(d) and support.size > 1:
                    parts += [_restricted(d, half) for half in np.array_split(support, 2)]

    def row(self) -> Row:
        """What was found."""
        error, index, analytic, numeric = self.worst
        if not self.finite.all():  # wrong wherever it stands, at a corner too
            index = int(np.argmin(self.finite))
            error, analytic = float("inf"), float(self.gradient[index])
            numeric = (self._difference(_unit(self.start.size, index)) or _NONE).slope * self.unit
        place = None if index is None else tuple(int(i) for i in np.unravel_index(index, self.start.shape))
        checked, kinks = int(self.checked.sum()), int(self.kinks.sum())
        return Row(self.variable.name, self.start.shape, max(error, 0.0), place, analytic, numeric, checked, kinks)

    def _try(self, d: np.ndarray) -> bool:
        """Compare along d; False where the difference could not be trusted."""
        found = self._difference(d)
        support = np.flatnonzero(d)
        if found is None:
            if support.size == 1:
                self.kinks[support] = True
            return False
        self.checked[support] = True
        self.kinks[support] = False
        element, numeric = int(support[0]) if support.size == 1 else None, found.slope
        error, analytic = self._error(d, found)
        if error <= self.tolerance and element is not None and abs(analytic - numeric) > max(found.doubt, self.unresolved):
            error = abs(analytic - numeric) / max(abs(analytic), abs(numeric))  # wrong, if small beside its neighbours
        if error > self.tolerance and element is None:
            element = self._locate(d, support)
            numeric = (self._difference(_unit(d.size, element)) or _NONE).slope
            analytic = float(self.scaled[element])
        if error > self.worst[0]:
            with np.errstate(all="ignore"):
                self.worst = (error, element, float(np.multiply(analytic, self.unit)), float(np.multiply(numeric, self.unit)))
        return True

    def _error(self, d: np.ndarray, found: _Difference) -> tuple[float, float]:
        """|analytic - numeric| / (|g| |d|), rounding allowed for, infinite for NaN; and the analytic derivative along d."""
        analytic = float(self.scaled @ d)
        scale = self.norm * float(np.linalg.norm(d)) + found.noise / self.tolerance
        difference = abs(analytic - found.slope)
        if difference == 0:
            return 0.0, analytic
        return (difference / scale if np.isfinite(difference) and 0 < scale < np.inf else np.inf), analytic

    def _locate(self, d: np.ndarray, support: np.ndarray) -> int:
        """An element to blame for a wrong derivative along d: always on into the half that is further off."""

        def off(part: np.ndarray) -> float:
            direction = _restricted(d, part)
            found = self._difference(direction)
            return -1.0 if found is None else abs(float(self.scaled @ direction) - found.slope)

        while support.size > 1:
            support = max(np.array_split(support, 2), key=off)
        return int(support[0])

    def _difference(self, d: np.ndarray) -> _Difference | None:
        """The derivative along d in units of g; None at a corner and where numbers overflow."""
        longest, length = float(np.abs(d).max()), float(np.linalg.norm(d))
        for shrinking in range(SHRINKINGS + 1):
            h = self.step / longest / 8**shrinking
            with np.errstate(all="ignore"):
                (far, size), (near, _) = self._moved(d, h), self._moved(d, h / 2)
                far, near = far / self.unit, near / self.unit
                slope_far, slope_near = float((far[0] - far[1]) / (2 * h)), float((near[0] - near[1]) / h)
                even = (far[0] + far[1]) - 4 * (near[0] + near[1])
                odd = (far[0] - far[1]) - 2 * (near[0] - near[1])
                noise, jump = float(self.rounding / h / self.unit), float(max(abs(even), abs(odd)) / h)
                doubt = float(6400 * (PRECISION * size + SMALLEST) / h / self.unit)
            scale = max(abs(slope_far), abs(slope_near), self.norm * length)
            if jump <= self.tolerance / 4 * scale + noise and max(scale, noise) < np.inf:
                doubt += 10 * (jump + abs(slope_near - slope_far))
                return _Difference((4 * slope_near - slope_far) / 3, noise, doubt)
        return None

    def _moved(self, d: np.ndarray, h: float) -> tuple[np.ndarray, float]:
        """L(x + h d) - L(x) and L(x - h d) - L(x), each summed after the subtraction, and the norm of the part that moved."""
        changes, moved = [], np.zeros(self.y.shape, bool)
        for t in (h, -h):
            self.variable.write(self.start + t * d.reshape(self.start.shape))
            change, run = self.run.value() - self.y, self.run
            moved |= change != 0
            changes.append((change * self.r).sum() + (run.penalty - self.penalty))
        self.variable.write(self.start)
        return np.array(changes), norm(self.y[moved] * self.r[moved])


def _unit(size: int, index: int) -> np.ndarray:
    d = np.zeros(size)
    d[index] = 1
    return d


def _restricted(d: np.ndarray, elements: np.ndarray) -> np.ndarray:
    part = np.zeros_like(d)
    part[elements] = d[elements]
    return part
