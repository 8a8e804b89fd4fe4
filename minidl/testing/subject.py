"""What is checked, made uniform: a layer, a loss or a model as one forward and one backward pass over float64 copies."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.backend import random
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers.base import Layer
from minidl.layers.context import Context
from minidl.losses import Loss
from minidl.models import Model
from minidl.parameters import Parameter
from minidl.training.plan import make_plan


class Variable(NamedTuple):
    """An array to differentiate by: how to read it and how to overwrite it."""

    name: str
    read: Callable[[], np.ndarray]
    write: Callable[[np.ndarray], None]
    input_index: int | None  # which of the inputs; None for a parameter
    parameter: Parameter | None


class Run:
    """A forward and a backward pass over inputs and parameters that may be overwritten in between.

    Args:
        label: what errors and reports call it.
        inputs: the arrays of x, float64, our own.
        differentiable: whether each of them is.
        forward: (inputs, context) -> y, saved.
        training: in which mode.
        backward: (dy, saved, need_dx) -> tuple of dx, one for each input.
        network: the layer whose parameters are differentiated by; None for a loss.
        output_shape: what the layer says of one sample of y; None for a loss.
        is_scalar: whether y is a loss, which has targets for exactly these samples.

    Attributes:
        fresh: the same again, on a copy that has never run.
        penalty: what a layer added to the loss in the last ``value()``, such as an activity penalty; a loss has it in itself.
    """

    fresh: Run

    def __init__(
        self,
        label: str,
        inputs: list[Any],
        differentiable: list[bool],
        forward: Callable[[list[Any], Context], tuple[Any, Any]],
        backward: Callable[[Any, Any, bool], tuple[Any, ...]],
        *,
        network: Layer | None = None,
        output_shape: tuple[int, ...] | None = None,
        is_scalar: bool = False,
        training: bool = True,
    ) -> None:
        self.label, self.inputs, self.differentiable = label, list(inputs), differentiable
        self.forward, self.backward, self.training = forward, backward, training
        self.penalty = 0.0
        self.network, self.output_shape, self.is_scalar = network, output_shape, is_scalar
        named = [] if network is None else list(network.named_parameters())
        self.parameters = list({p: name for name, p in reversed(named)}.items())[::-1]  # shared ones once, first name
        names = ["x"] if len(inputs) == 1 else [f"x[{i}]" for i in range(len(inputs))]
        self.variables = [self._input(name, i) for i, name in enumerate(names) if differentiable[i]]
        self.variables += [self._parameter(name, p) for p, name in self.parameters if p.trainable]
        state = [] if network is None else [(p, p.name) for p in network.state]
        self.weights = [self._parameter(name, p) for p, name in [*self.parameters, *state]]  # trained or not

    def value(self) -> np.ndarray:
        """y for the inputs and parameters as they are now."""
        context = self.context()
        y = host(self.forward(self.inputs, context)[0])
        self.penalty = self.penalty_of(context)
        return y

    def penalty_of(self, context: Context) -> float:
        """What a pass added to the loss."""
        return 0.0 if context.penalty is None or self.is_scalar else float(host(context.penalty))

    def context(self, keep: bool = True) -> Context:
        """A new one: each pass is the first of the same step, so that random numbers are the same in all."""
        return Context(self.training, keep)

    def _input(self, name: str, index: int) -> Variable:
        def write(array: np.ndarray) -> None:
            self.inputs[index] = backends.current().asarray(array)

        return Variable(name, lambda: host(self.inputs[index]), write, index, None)

    def _parameter(self, name: str, p: Parameter) -> Variable:
        def write(array: np.ndarray) -> None:
            p.value = array

        return Variable(name, lambda: host(p.value), write, None, p)


def subject(target: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> Run:
    """The target, copied and converted to float64, as a ``Run``; ``run.fresh`` is a second copy."""
    where = "check_gradients"
    if isinstance(target, Loss):
        if y is None:
            raise ArgumentTypeError(where, "a loss without y", "its targets", "check_gradients(loss, predictions, targets)")
        predictions = backends.current().asarray(np.array(host(backends.current().asarray(x, "float64", "x"))))
        run = _of_loss(target, predictions, y, sample_weight)
        run.fresh = _of_loss(target, predictions, y, sample_weight)
        return run
    loss = target.loss if isinstance(target, Model) else None
    if not isinstance(target, (Layer, Model)):
        raise ArgumentTypeError(where, f"a {type(target).__name__}", "a Layer, a Loss or a Model")
    if loss is None and (y is not None or sample_weight is not None):
        fix = "model.compile(loss=...) first, if this is a model" if isinstance(target, Model) else ""
        raise ArgumentTypeError(where, "targets without a loss", "y and sample_weight with a Loss or compiled Model", fix)
    if loss is not None and y is None:
        raise ArgumentTypeError(where, "a compiled model without y", "its targets", "check_gradients(model, x, y)")
    network = _in_float64(target.network if isinstance(target, Model) else target)
    batch = network.validated(x)
    inputs = [array.copy() for array in batch] if network.takes_many else [batch.copy()]
    if any(array.size == 0 for array in inputs):
        raise ArgumentError(where, f"x of shape {[array.shape for array in inputs]}", "at least one sample")
    given = list(x) if network.takes_many else [x]
    differentiable = [getattr(array, "dtype", np.asarray(array).dtype).kind == "f" for array in given]
    label = f"{target.name} ({type(target).__name__})"
    shapes = tuple(tuple(array.shape[1:]) for array in inputs)
    output_shape = tuple(network.output_shape(shapes if network.takes_many else shapes[0])) if loss is None else None

    def of_network(network: Layer) -> Run:
        plan, plan_loss = network, loss
        if loss is not None:
            assert isinstance(target, Model)
            plan, plan_loss = make_plan(network, copy.deepcopy(loss), target._fuse)

        def forward(arrays: list[Any], context: Context) -> tuple[Any, Any]:
            out, saved = plan.apply(tuple(arrays) if network.takes_many else arrays[0], context)
            if plan_loss is None:
                return out, saved
            if context.mask is None:
                value, of_loss = plan_loss.apply(out, y, sample_weight)
            else:
                targets, weight = (None if a is None else backends.current().asarray(a) for a in (y, sample_weight))
                value, of_loss = plan_loss.compute(out, targets, weight, context.mask)
            return value if context.penalty is None else value + context.penalty, (saved, of_loss)

        def backward(dy: Any, saved: Any, need_dx: bool) -> tuple[Any, ...]:
            if plan_loss is not None:
                saved, of_loss = saved
                dy = plan_loss.gradient(of_loss)
            dx = plan.gradient(dy, saved, need_dx=need_dx)
            return tuple(dx) if network.takes_many and dx is not None else (dx,) * len(inputs)

        return Run(
            label,
            inputs,
            differentiable,
            forward,
            backward,
            network=network,
            output_shape=output_shape,
            is_scalar=loss is not None,
            training=training,
        )

    fresh = of_network(copy.deepcopy(network))
    run = of_network(network)
    run.fresh = fresh
    return run


def _of_loss(loss: Loss, predictions: Any, y: Any, sample_weight: Any) -> Run:
    """A loss of predictions x."""
    loss = copy.deepcopy(loss)
    return Run(
        type(loss).__name__,
        [predictions.copy()],
        [True],
        lambda arrays, context: loss.apply(arrays[0], y, sample_weight),
        lambda dy, saved, need_dx: (loss.gradient(saved),),
        is_scalar=True,
    )


def _in_float64(layer: Layer) -> Layer:
    """A deep copy of the layer that computes in float64; whatever it reaches, sharing included, is copied with it."""
    reached: dict[int, Any] = {}
    double = copy.deepcopy(layer, reached)
    for thing in list(reached.values()):
        if isinstance(thing, Layer):
            thing.dtype = "float64"
        elif isinstance(thing, Parameter) and thing.dtype.kind == "f":
            thing.__setstate__({**thing.__getstate__(), "value": thing.value.astype("float64")})
    return double


@contextmanager
def streams_of_its_own(seed: int) -> Iterator[None]:
    """Random streams that begin at ``seed`` inside the block; afterwards the seed in force goes on as if nothing had been."""
    before = random._seed, random._numbers
    random.set_seed(seed)
    try:
        yield
    finally:
        random._seed, random._numbers = before


def host(array: Any) -> np.ndarray:
    """An array of any device as a NumPy array; numbers as arrays without axes."""
    return np.asarray(backends.backend_of(array).to_numpy(array)) if not isinstance(array, float) else np.asarray(array)


def norm(array: np.ndarray) -> float:
    """The Euclidean norm, right wherever it is a float64 itself: nothing is squared before it is scaled."""
    peak = float(np.abs(array).max(initial=0))
    if not 0 < peak < float("inf"):
        return peak
    unit = unit_of(peak)
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(array / unit) * unit)


def unit_of(number: float) -> float:
    """The power of two at or below a positive number: to divide by it loses nothing."""
    return float(np.ldexp(1.0, int(np.frexp(number)[1]) - 1))
