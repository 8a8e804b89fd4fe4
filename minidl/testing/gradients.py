"""Is the hand-written gradient the derivative of the forward pass? Ask the forward pass.

A layer y = f(x; W) is made a scalar with fixed random weights r, a loss is one already:

    L = sum(y r),      so that gradient(r) must give dL/dx and add dL/dW

For a direction d, with g the gradient that ``gradient`` gave and D(h) = (L(x + h d) - L(x - h d)) / 2h,

    numeric   (4 D(h/2) - D(h)) / 3            Richardson's extrapolation: what is left is of order h^4
    analytic  sum(g d)
    error     |analytic - numeric| / (|g| |d|)

The error is relative to the norms and not to the analytic derivative itself, which may vanish along d. Differences cannot
resolve less than their own rounding, 64 units of machine epsilon in y over h; that much is always allowed.

**Corners.** Where f has a corner (ReLU at 0, two equal numbers in a pool) a difference says nothing. With L_t = L(x + t d),

    E = (L_h - 2 L_0 + L_-h) - 4 (L_h/2 - 2 L_0 + L_-h/2)           O = (L_h - L_-h) - 2 (L_h/2 - L_-h/2)
    jump = max(|E|, |O|) / h

is of order h^2 for a smooth function. A corner anywhere between -h and h makes the jump at least as large as the error which
it causes in the numeric derivative, so a difference is trusted where jump <= tolerance / 4 * |g| |d|. Otherwise h shrinks
(a corner nearby falls outside, a strong curvature flattens out), then d is cut into halves, down to single elements; an
element that is not smooth by itself counts as a kink. The analytic gradient enters this judgement only as a scale that can
make it stricter: a wrong gradient at a smooth place is never excused, and an array of kinks alone is not proven.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import random
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers.base import Layer
from minidl.losses import Loss
from minidl.models import Model
from minidl.parameters import Parameter
from minidl.testing.report import GradientReport, Row
from minidl.training.plan import make_plan

PRECISION = float(np.finfo(np.float64).eps)
STEP = PRECISION ** (1 / 4)  # between the best step of D alone (1/3) and of its extrapolation (1/5): kinks want it short
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
    ``need_dx`` the parameters get the same; neither x nor dy is changed.

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
    with config.use_dtype("float64"), _streams_of_its_own(seed):
        run = _subject(target, x, y, sample_weight, bool(training))
        generator = np.random.default_rng(
            [seed, 1986]
        )  # of its own: x may come from default_rng(seed), and r = x proves little
        gradients, r, problems = _analytic(run, generator)
        rows = []
        for variable, gradient in zip(run.variables, gradients):
            probe = _Probe(run, variable, gradient, r, step, tolerance)
            if elementwise is True or (elementwise == "auto" and gradient.size <= SMALL) or not directions:
                probe.try_elements()
            probe.try_directions(generator, directions)
            rows.append(probe.row())
    return GradientReport(run.label, tuple(rows), tuple(problems), tolerance)


# -- the function: one face for layers, losses and models --------------------------------------------------------------


class _Variable(NamedTuple):
    """An array to differentiate by: how to read it and how to overwrite it."""

    name: str
    read: Callable[[], np.ndarray]
    write: Callable[[np.ndarray], None]
    input_index: int | None  # which of the inputs; None for a parameter
    parameter: Parameter | None


class _Run:
    """A forward and a backward pass over inputs and parameters that may be overwritten in between.

    Args:
        label: what errors and reports call it.
        inputs: the arrays of x, float64, our own.
        parameters: pairs (name, Parameter).
        forward: (inputs) -> y, saved.
        backward: (dy, saved, need_dx) -> tuple of dx, one for each input.
    """

    def __init__(
        self,
        label: str,
        inputs: list[Any],
        differentiable: list[bool],
        parameters: list[tuple[str, Parameter]],
        forward: Callable[[list[Any]], tuple[Any, Any]],
        backward: Callable[[Any, Any, bool], tuple[Any, ...]],
    ) -> None:
        self.label, self.inputs, self.forward, self.backward = label, inputs, forward, backward
        self.is_scalar = False
        self.parameters = list({p: name for name, p in reversed(parameters)}.items())[::-1]  # shared ones once, first name
        names = ["x"] if len(inputs) == 1 else [f"x[{i}]" for i in range(len(inputs))]
        self.variables = [self._input(name, i) for i, name in enumerate(names) if differentiable[i]]
        self.variables += [self._parameter(name, p) for p, name in self.parameters if p.trainable]

    def value(self) -> np.ndarray:
        """y for the inputs and parameters as they are now."""
        return _host(self.forward(self.inputs)[0])

    def _input(self, name: str, index: int) -> _Variable:
        def write(array: np.ndarray) -> None:
            self.inputs[index] = backends.current().asarray(array)

        return _Variable(name, lambda: _host(self.inputs[index]), write, index, None)

    def _parameter(self, name: str, p: Parameter) -> _Variable:
        def write(array: np.ndarray) -> None:
            p.value = array

        return _Variable(name, lambda: _host(p.value), write, None, p)


def _subject(target: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> _Run:
    """The target, copied and converted to float64, as a ``_Run``."""
    where = "check_gradients"
    if isinstance(target, Loss):
        if y is None:
            raise ArgumentTypeError(where, "a loss without y", "its targets", "check_gradients(loss, predictions, targets)")
        return _of_loss(target, x, y, sample_weight)
    loss = target.loss if isinstance(target, Model) else None
    if not isinstance(target, (Layer, Model)):
        raise ArgumentTypeError(where, f"a {type(target).__name__}", "a Layer, a Loss or a Model")
    if loss is None and (y is not None or sample_weight is not None):
        fix = "model.compile(loss=...) first, if this is a model" if isinstance(target, Model) else ""
        raise ArgumentTypeError(where, "targets without a loss", "y and sample_weight with a Loss or compiled Model", fix)
    if loss is not None and y is None:
        raise ArgumentTypeError(where, "a compiled model without y", "its targets", "check_gradients(model, x, y)")
    network = _in_float64(target.network if isinstance(target, Model) else target)
    batch = network.door(x)
    inputs = [array.copy() for array in batch] if network.takes_many else [batch.copy()]
    if any(array.size == 0 for array in inputs):
        raise ArgumentError(where, f"x of shape {[array.shape for array in inputs]}", "at least one sample")
    given = list(x) if network.takes_many else [x]
    differentiable = [getattr(array, "dtype", np.asarray(array).dtype).kind == "f" for array in given]
    plan, plan_loss = network, loss
    if loss is not None:
        assert isinstance(target, Model)
        plan, plan_loss = make_plan(network, copy.deepcopy(loss), target._fuse)

    def forward(arrays: list[Any]) -> tuple[Any, Any]:
        plan.begin_step()
        out, saved = plan.apply(tuple(arrays) if network.takes_many else arrays[0], training=training, keep=True)
        if plan_loss is None:
            return out, saved
        value, of_loss = plan_loss.apply(out, y, sample_weight)
        return value, (saved, of_loss)

    def backward(dy: Any, saved: Any, need_dx: bool) -> tuple[Any, ...]:
        if plan_loss is not None:
            saved, of_loss = saved
            dy = plan_loss.gradient(of_loss)
        dx = plan.gradient(dy, saved, need_dx=need_dx)
        return tuple(dx) if network.takes_many and dx is not None else (dx,) * len(inputs)

    label = f"{target.name} ({type(target).__name__})"
    run = _Run(label, inputs, differentiable, list(network.named_parameters()), forward, backward)
    run.is_scalar = loss is not None
    return run


def _of_loss(loss: Loss, x: Any, y: Any, sample_weight: Any) -> _Run:
    """A loss of predictions x."""
    loss = copy.deepcopy(loss)
    run = _Run(
        type(loss).__name__,
        [np.array(_host(backends.current().asarray(x, "float64", "x")))],
        [True],
        [],
        lambda arrays: loss.apply(arrays[0], y, sample_weight),
        lambda dy, saved, need_dx: (loss.gradient(saved),),
    )
    run.inputs = [backends.current().asarray(run.inputs[0])]
    run.is_scalar = True
    return run


def _in_float64(layer: Layer) -> Layer:
    """A deep copy of the layer that computes in float64; whatever it reaches, sharing included, is copied with it."""
    reached: dict[int, Any] = {}
    twin = copy.deepcopy(layer, reached)
    for thing in list(reached.values()):
        if isinstance(thing, Layer):
            thing.dtype = "float64"
        elif isinstance(thing, Parameter):
            thing.__setstate__({"name": thing.name, "trainable": thing.trainable, "value": thing.value.astype("float64")})
    return twin


@contextmanager
def _streams_of_its_own(seed: int) -> Iterator[None]:
    """Random streams that begin at ``seed`` inside the block; afterwards the seed in force goes on as if nothing had been."""
    before = random._seed, random._numbers
    random.set_seed(seed)
    try:
        yield
    finally:
        random._seed, random._numbers = before


def _host(array: Any) -> np.ndarray:
    """An array of any device as a NumPy array; numbers as arrays without axes."""
    return np.asarray(backends.backend_of(array).to_numpy(array)) if not isinstance(array, float) else np.asarray(array)


# -- the analytic side -------------------------------------------------------------------------------------------------


def _analytic(run: _Run, generator: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray, list[str]]:
    """The gradients, the weights r, and every promise that is broken on the way."""
    y, saved = run.forward(run.inputs)
    r = np.ones(()) if run.is_scalar else generator.normal(size=_host(y).shape)
    problems: list[str] = []
    if not np.isfinite(_host(y)).all():
        problems.append("y is not finite.")
    if _host(y).dtype != np.float64:
        problems.append(f"y is {_host(y).dtype}: something is computed in less than the precision of the input.")
    first, once = _backward(run, r, saved, problems), _host(y).copy()

    for p, _ in run.parameters:  # the same again, from a clean start: equal to the last bit
        p.zero_grad()
    y, saved = run.forward(run.inputs)
    if not np.array_equal(_host(y), once, equal_nan=True):
        problems.append("The forward pass gives another y when it runs again.")
    again = _backward(run, r, saved, problems)
    for variable, a, b in zip(run.variables, first, again):
        if not np.array_equal(a, b, equal_nan=True):
            problems.append(f"The gradient of {variable.name} comes out differently when it is computed again.")

    y, saved = run.forward(run.inputs)  # once more without zero_grad: it must add
    sums = _backward(run, r, saved, problems)
    for variable, a, b in zip(run.variables, again, sums):
        if variable.parameter is not None and not _close(b, 2 * a):
            problems.append(f"The gradient of {variable.name} is overwritten by the next one; gradients must add.")

    for p, _ in run.parameters:  # as training does it: nobody asks for dx
        p.zero_grad()
    y, saved = run.forward(run.inputs)
    without = _backward(run, r, saved, problems, need_dx=False)
    for variable, a, b in zip(run.variables, again, without):
        if variable.parameter is not None and not _close(b, a):
            problems.append(f"The gradient of {variable.name} is another one when need_dx=False.")
    return first, r, list(dict.fromkeys(problems))


def _backward(run: _Run, r: np.ndarray, saved: Any, problems: list[str], need_dx: bool = True) -> list[np.ndarray]:
    """Copies of the gradients of all variables, after one backward pass from dy = r."""
    dy = backends.current().asarray(r.copy())
    before = [_host(variable.read()).copy() for variable in run.variables]
    gradients = run.backward(dy, saved, need_dx)
    if not np.array_equal(_host(dy), r):
        problems.append("dy was changed; it belongs to the layer behind.")
    found = []
    for variable, old in zip(run.variables, before):
        if not np.array_equal(variable.read(), old, equal_nan=True):
            problems.append(f"{variable.name} itself was changed.")
            variable.write(old)
        if variable.parameter is not None:
            found.append(_host(variable.parameter.grad).copy())
            continue
        assert variable.input_index is not None
        dx = gradients[variable.input_index] if need_dx else None
        if need_dx and (dx is None or dx.shape != old.shape):
            received = "missing" if dx is None else f"of shape {dx.shape}"
            problems.append(f"The gradient of {variable.name}, of shape {old.shape}, is {received}.")
            dx = None
        found.append(np.full(old.shape, np.nan) if dx is None else _host(dx).copy())
    return found


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal up to the order in which a few terms are added."""
    return bool(np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b))


# -- the numeric side --------------------------------------------------------------------------------------------------


class _Probe:
    """Differences of L in one array, compared with its gradient.

    Args:
        run: the function.
        variable: the array to move.
        gradient: what ``gradient`` said.
        r: the weights of y in L.
        step: h over the root mean square of the array.
        tolerance: the largest error that passes.
    """

    def __init__(
        self, run: _Run, variable: _Variable, gradient: np.ndarray, r: np.ndarray, step: float, tolerance: float
    ) -> None:
        self.run, self.variable, self.r, self.tolerance = run, variable, r, tolerance
        self.start = np.array(variable.read(), np.float64)
        self.gradient = gradient.reshape(-1)
        self.norm = float(np.linalg.norm(self.gradient))
        self.y = run.value().astype(np.float64)
        self.step = step * (float(np.sqrt(np.mean(self.start**2))) or 1.0)
        self.rounding = 64 * PRECISION * float(np.linalg.norm(self.y * r))
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
        numeric, noise = found
        error, analytic = self._error(d, numeric, noise)
        element = int(support[0]) if support.size == 1 else None
        if error > self.tolerance and element is None:
            element = self._locate(d, support)
            numeric, noise = self._difference(_unit(d.size, element)) or (np.nan, 0.0)
            analytic = float(self.gradient[element])
        if error > self.worst[0]:
            self.worst = (error, element, analytic, numeric)
        return True

    def _error(self, d: np.ndarray, numeric: float, noise: float) -> tuple[float, float]:
        """|analytic - numeric| / (|g| |d|), rounding allowed for, infinite for NaN; and the analytic derivative along d."""
        analytic = float(self.gradient @ d)
        scale = self.norm * float(np.linalg.norm(d)) + noise / self.tolerance
        difference = abs(analytic - numeric)
        if difference == 0:
            return 0.0, analytic
        return (difference / scale if scale > 0 and np.isfinite(difference) else float("inf")), analytic

    def _locate(self, d: np.ndarray, support: np.ndarray) -> int:
        """An element to blame for a wrong derivative along d: always on into the half that is further off."""

        def off(part: np.ndarray) -> float:
            direction = _restricted(d, part)
            found = self._difference(direction)
            return -1.0 if found is None else abs(float(self.gradient @ direction) - found[0])

        while support.size > 1:
            support = max(np.array_split(support, 2), key=off)
        return int(support[0])

    def _difference(self, d: np.ndarray) -> tuple[float, float] | None:
        """The derivative along d and the rounding in it; None at a corner."""
        longest, length = float(np.abs(d).max()), float(np.linalg.norm(d))
        for shrinking in range(SHRINKINGS + 1):
            h = self.step / longest / 8**shrinking
            far, near = self._moved(d, h), self._moved(d, h / 2)
            slope_far, slope_near = (far[0] - far[1]) / (2 * h), (near[0] - near[1]) / h
            even = (far[0] + far[1]) - 4 * (near[0] + near[1])
            odd = (far[0] - far[1]) - 2 * (near[0] - near[1])
            noise = self.rounding / h
            scale = max(abs(slope_far), abs(slope_near), self.norm * length if np.isfinite(self.norm) else 0.0)
            if max(abs(even), abs(odd)) / h <= self.tolerance / 4 * scale + noise:
                return (4 * slope_near - slope_far) / 3, noise
        return None

    def _moved(self, d: np.ndarray, h: float) -> tuple[float, float]:
        """L(x + h d) - L(x) and L(x - h d) - L(x), summed after the subtraction so that little is lost."""
        changes = []
        for t in (h, -h):
            self.variable.write(self.start + t * d.reshape(self.start.shape))
            changes.append(float(((self.run.value() - self.y) * self.r).sum()))
        self.variable.write(self.start)
        return changes[0], changes[1]


def _unit(size: int, index: int) -> np.ndarray:
    d = np.zeros(size)
    d[index] = 1
    return d


def _restricted(d: np.ndarray, elements: np.ndarray) -> np.ndarray:
    part = np.zeros_like(d)
    part[elements] = d[elements]
    return part
