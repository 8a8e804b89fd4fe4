"""An optimizer is one rule for every number of the parameters, and the numbers that change from step to step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypedDict

import numpy as np

from minidl import access, config
from minidl import backend as backends
from minidl.backend import Array, ArrayTable
from minidl.backend.tape import again, refuse
from minidl.checks import check_number
from minidl.declared import Declared, checked
from minidl.errors import ArgumentError, ArgumentTypeError, MinidlError, StateError, described
from minidl.ops import update
from minidl.optimizers.clipping import Clipping
from minidl.parameters import Parameter, ParameterGroup, Segment, named
from minidl.schedules import Schedule, is_minidls_own


class ClippingOptions(TypedDict, total=False):
    """Keyword arguments of every optimizer."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    name: str | None


class OptimizerOptions(ClippingOptions, total=False):
    """Keyword arguments of every optimizer that does not name ``weight_decay`` among its own."""

    weight_decay: float | None


class Optimizer(Declared):
    """Base: subclasses set ``slots`` and write ``update`` and, where more than the learning rate changes, ``scalars``.

    Args:
        learning_rate: the size of a step; a schedule (``minidl.schedules``); or any function of the number of steps made.
        weight_decay: decoupled: before the rule each step does w -= lr weight_decay w. A penalty in the loss instead is a
            regularizer of a layer.
        clipnorm: the gradient of each parameter is scaled down to at most this norm.
        clipvalue: each element of each gradient is clipped to [-clipvalue, clipvalue].
        global_clipnorm: all gradients together are scaled down to at most this norm. At most one of the three is given.
        name: a name of your own.

    A step does, in this order: gradients of penalties are added, gradients are clipped, weights decay, the rule, constraints.
    The gradients are changed in place, so after the step they are what the rule was given.

    ``slots`` are the names of the arrays kept for each parameter, which ``state`` shows; how many, where they need no names;
    or a dictionary of names with the numbers they start from in place of 0.

    Gradients that are NaN or infinite stay so: ``clipvalue`` leaves them as they are, and of a norm that is not finite (of
    float64, also one whose square overflows) the scaled gradients are all NaN.

    An optimizer belongs to the parameters of its first step; other parameters raise StateError.
    """

    table = "optimizer"
    to_write = ("update(self, rows, scalars), which changes the arrays of rows in place",)
    slots: Any = 0  # arrays kept per parameter

    def __init__(
        self,
        learning_rate: float | Schedule | Callable[[int], float],
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        where = type(self).__name__
        self.weight_decay = None if weight_decay is None else check_number(where, "weight_decay", weight_decay, 0.0)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {name: _limit(where, name, value) for name, value in limits.items() if value is not None}
        if len(given) > 1:
            received = ", ".join(f"{name}={value!r}" for name, value in given.items())
            raise ArgumentError(where, received, "one of clipnorm, clipvalue and global_clipnorm")
        self.clipnorm, self.clipvalue, self.global_clipnorm = (given.get(name) for name in limits)
        if not (name is None or isinstance(name, str)):
            raise ArgumentTypeError(where, f"{described(name)} as name", "a text")
        self.name = name
        self.iterations = 0
        self._undecayed: frozenset[str] = frozenset()
        self._group: ParameterGroup | None = None
        self._forget()

    def _forget(self) -> None:
        """What is kept of one group and its device."""
        self._prepared: dict[Any, list[float]] = {}  # the numbers that are on each device, in each dtype
        self._scalars: list[float] = []  # of the step that was prepared last: they are on the device
        self._steady = False  # whether they were those of the step before, too
        self._on_device: dict[Any, Array] = {}
        self._clipping = Clipping()

    def _shown_arguments(self) -> dict[str, Any]:
        """The profile's epsilon is what None means."""
        shown = super()._shown_arguments()
        usual = shown.get("epsilon") == config.profile().optimizer_epsilon
        return shown | ({"epsilon": None} if usual else {})

    @property
    def learning_rate(self) -> Any:
        """The size of the next step, a float. What is assigned, a number or a schedule, replaces what was there."""
        if type(self._learning_rate) is float:
            return self._learning_rate
        where = f"{type(self).__name__}, schedule at step {self.iterations}"
        return check_number(where, "learning_rate", self._learning_rate(self.iterations), 0.0)

    @learning_rate.setter
    def learning_rate(self, value: float | Schedule | Callable[[int], float]) -> None:
        if isinstance(value, type):
            expected, fix = "a number, or an object of a schedule", f"learning_rate={value.__name__}(...)"
            raise ArgumentTypeError(type(self).__name__, f"the class {value.__name__} as learning_rate", expected, fix)
        if isinstance(value, Schedule):
            checked(value, f"{type(self).__name__}: learning_rate")
        is_schedule = callable(value) and not isinstance(value, (int, float))
        self._learning_rate: Any = value if is_schedule else check_number(type(self).__name__, "learning_rate", value, 0)

    @property
    def schedule(self) -> Any:
        """The schedule that the learning rate follows; None where it is a number."""
        return None if type(self._learning_rate) is float else self._learning_rate

    @property
    def state(self) -> dict[Parameter, dict[str, Array]]:
        """What the optimizer keeps: ``state[p]["mean"]`` is an array in the shape of the parameter ``p``.

        The parameters are in the model's order, the names those of ``slots``. The arrays are the optimizer's own: write to
        them in place. Empty before the optimizer has parameters. With ``iterations`` this is all that a step depends on.
        """
        return {} if self._group is None else self._group.state

    def exclude_from_weight_decay(
        self, var_list: Iterable[Parameter] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave parameters out of ``weight_decay``: these, or all of these names; no substrings.

        ``optimizer.exclude_from_weight_decay(var_names=["b", "gamma", "beta"])`` spares biases and normalisations. A
        parameter in ``var_list`` is given ``weight_decay = False``, which can be assigned directly too and stays with it.
        Names are looked up when the optimizer has its parameters; ArgumentError where no parameter is called so. Copies of the
        optimizer know the names too; ``get_config`` does not, as in Keras.
        """
        where = f"{type(self).__name__}.exclude_from_weight_decay"
        parameters, names = list(var_list or ()), var_names or ()
        if not all(isinstance(p, Parameter) for p in parameters):
            raise ArgumentTypeError(where, "other things in var_list", "a list of Parameters", "layer.parameters")
        names = [names] if isinstance(names, str) else list(names)
        if not all(isinstance(name, str) for name in names):
            raise ArgumentTypeError(where, f"var_names={names!r}", "a list of names", 'var_names=["b"]')
        undecayed = self._undecayed | frozenset(names)
        if self._group is not None:
            self._check_names(self._group, undecayed)
        self._undecayed = undecayed
        for p in parameters:
            p.weight_decay = False

    @property
    def rests_at_zero(self) -> bool:
        """Whether a number whose gradient is 0 stays as it is, to the bit, and its state too: then a step may leave it out."""
        return False

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """Change values and state in place: ``for value, grad, *state in rows``, arrays that are flat and of one length."""
        raise NotImplementedError

    def scalars(self) -> list[float]:
        """The numbers of this step, ``iterations`` steps being done; the first is the size of the step.

        It is multiplied by the ``learning_rate_multiplier`` of the parameters.
        """
        return [self.learning_rate]

    def step(self, parameters: ParameterGroup | Sequence[Parameter]) -> None:
        """One step down the gradients of ``parameters`` (a list, or the group of a compiled model)."""
        group = self._bind(parameters)
        if group is parameters:  # a compiled model's, whose training is known already
            self._step(group)
        else:
            with access.writing(f"{type(self).__name__}.step", group):
                self._step(group)

    def _step(self, group: ParameterGroup) -> None:
        segments = self._segments(group)
        if any(segment.by_row is not None for segment in segments):
            refuse("which rows of a gradient there are is seen by looking at them")
        self._prepare(segments)
        if group.penalized:
            group.add_penalty_gradients()
        if self._clipping.is_asked_for(self):
            self._clipping.clip(self, group)
        tables = [segment.rows if segment.by_row is None else self._table(group, segment) for segment in segments]
        for segment, rows in zip(segments, tables):  # from here on no memory is asked for that could be lacking half-way
            if segment.values is not None:
                update.decay(segment.values, self._on_device["decay", segment.key])
            self.update(rows, self._on_device[segment.key])
        if group.constrained:
            again(group.apply_constraints)
        self.count()

    def _table(self, group: ParameterGroup, segment: Segment) -> ArrayTable:
        """What of a segment this step walks: where its rule rests at zero, the rows that have a gradient."""
        if not type(self).__module__.startswith("minidl."):
            return group.rows_of(segment, writes=True)  # a rule of somebody's own may write to gradients too
        return group.touched(segment) if self.rests_at_zero and segment.values is None else group.rows_of(segment)

    def prepare(self, group: ParameterGroup) -> None:
        """Bring the numbers of the next step to the device: ahead of a step that is recorded, as copies cannot be."""
        before = self._scalars
        self._prepare(self._segments(group))
        group.arrange_penalties()
        if self._clipping.is_asked_for(self):
            self._clipping.prepare(self, group)
        self._steady = self._scalars == before

    def is_prepared(self) -> bool:
        """Whether ``prepare`` would surely find its numbers there, if no setting was assigned since its last call."""
        return self._steady and self.scalars() == self._scalars

    def _segments(self, group: ParameterGroup) -> list[Segment]:
        group.undecayed = self._undecayed if self.weight_decay else None
        slots = self.slots  # mostly the very same object
        if slots is not group.slots and not _the_same_arrays(slots, group.slots):
            received = f"{self!r}, which keeps other arrays than at its first step"
            raise StateError(type(self).__name__, received, f"the arrays {group.slots!r}", "an optimizer of its own")
        return group.segments_of_a_step()

    def _prepare(self, segments: Sequence[Segment]) -> None:
        scalars = self.scalars()
        for key, numbers, like in self._numbers(segments, scalars):
            if self._prepared.get(key) != numbers:
                self._device_scalars(key, numbers, like)
        self._scalars = scalars

    def _numbers(self, segments: Sequence[Segment], scalars: list[float]) -> Iterator[tuple[Any, list[float], Array]]:
        """What a step with these ``scalars`` finds on the device: a key, the numbers, and an array that they are beside."""
        for segment in segments:
            multiplier, numbers = segment.learning_rate_multiplier, scalars
            if multiplier != 1.0:
                numbers = [multiplier * scalars[0], *scalars[1:]]
            yield segment.key, numbers, segment.rows.first
            if segment.values is not None:
                yield ("decay", segment.key), [multiplier * self.learning_rate * self.weight_decay], segment.rows.first

    def ahead(self, group: ParameterGroup, steps: int) -> list[tuple[Array, np.ndarray]] | None:
        """Arrays on the device that the next ``steps`` steps read, each with its numbers in each of them, where these change.

        None where they are not known ahead: a function of somebody's own may give another learning rate whenever it is asked.
        """
        if self.schedule is not None and not is_minidls_own(self.schedule):
            return None
        segments, twin = self._segments(group), object.__new__(type(self))
        vars(twin).update(vars(self))  # goes ahead; this one stays where it is
        found: dict[Any, list[list[float]]] = {}
        try:
            for step in range(steps):
                twin.iterations = self.iterations + step
                for key, numbers, _ in twin._numbers(segments, twin.scalars()):
                    found.setdefault(key, []).append(numbers)
        except (ArithmeticError, MinidlError):  # which is raised by the step that it belongs to
            return None
        if any(key not in self._on_device for key in found):
            return None
        changing = {key: rows for key, rows in found.items() if any(row != self._prepared.get(key) for row in rows)}
        if changing:  # then other numbers will stand there
            self._prepared, self._steady = {}, False
        with np.errstate(all="ignore"):  # a rate beyond range is infinite, as in a step by itself
            return [(self._on_device[key], np.array(rows, self._on_device[key].dtype)) for key, rows in changing.items()]

    def count(self) -> None:
        """A step was made."""
        self.iterations += 1

    def bind(self, group: ParameterGroup) -> None:
        """Belong to this group. Raises StateError where the optimizer belongs to other parameters already."""
        self._bind(group)

    def _bind(self, parameters: ParameterGroup | Sequence[Parameter]) -> ParameterGroup:
        if not isinstance(parameters, ParameterGroup):
            parameters = tuple(parameters)  # a generator could be looked at only once
        if self._group is None:
            if not isinstance(parameters, ParameterGroup):
                if not all(isinstance(p, Parameter) for p in parameters):
                    raise ArgumentTypeError(
                        f"{type(self).__name__}.step", "other things", "a list of Parameters", "layer.parameters"
                    )
                parameters = ParameterGroup(parameters, self.slots)
            self._check_names(parameters, self._undecayed)
            self._group = parameters
        elif parameters is not self._group:
            mine = self._group.parameters
            if isinstance(parameters, ParameterGroup) or tuple(dict.fromkeys(parameters)) != mine:
                raise StateError(
                    type(self).__name__,
                    "the parameters of another model",
                    f"the {len(mine)} parameters it has made steps with",
                    "one optimizer for each model",
                )
        return self._group

    def _check_names(self, group: ParameterGroup, undecayed: frozenset[str]) -> None:
        """Refuse a name that weight decay should spare and no parameter has."""
        known = {p.name for p in group.parameters}
        for name in sorted(undecayed - known):
            where = f"{type(self).__name__}.exclude_from_weight_decay"
            raise ArgumentError(where, f"the name {name!r}", f"names of parameters: {', '.join(sorted(known))}")

    def _device_scalars(self, key: Any, values: list[float], like: Array) -> None:
        """Numbers of this step as an array beside ``like``: the same memory each step, so that a step can be replayed."""
        if key not in self._on_device:
            self._on_device[key] = backends.array_namespace(like).empty(len(values), like.dtype)
        self._on_device[key][:] = backends.backend_of(like).asarray(np.array(values, like.dtype))
        self._prepared[key] = values

    def _arguments(self) -> dict[str, Any]:
        found = super()._arguments()
        if "learning_rate" in found:  # the schedule itself, not the rate of a step
            found["learning_rate"] = self._learning_rate
        return found

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in vars(self).items() if name not in _OF_ONE_GROUP}
        return {**kept, "_group": None, "iterations": 0}  # a copy belongs to no model yet

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget()


_OF_ONE_GROUP = ("_prepared", "_scalars", "_steady", "_on_device", "_clipping")


def epsilon_of(where: str, epsilon: float | None) -> float:
    """The argument ``epsilon``: None is that of the profile, 1e-7 in today's Keras."""
    return check_number(where, "epsilon", config.profile().optimizer_epsilon if epsilon is None else epsilon, 0)


def _the_same_arrays(mine: Any, of_group: Any) -> bool:
    """Whether two ``slots`` mean arrays of the same names, or are as many where one of them is only a number."""
    if isinstance(mine, int) or isinstance(of_group, int):
        return len(named(mine)) == len(named(of_group))
    return bool(mine == of_group)


def _limit(where: str, name: str, value: Any) -> float:
    number = check_number(where, name, value, 0.0)
    if number == 0:
        raise ArgumentError(where, f"{name}={value!r}", f"{name} > 0", f"{name}=None for no clipping")
    return number
