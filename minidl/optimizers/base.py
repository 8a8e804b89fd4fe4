"""An optimizer is one rule for every number of the parameters, and the numbers that change from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import access
from minidl import backend as backends
from minidl.backend import Array, ArrayTable
from minidl.checks import check_number
from minidl.declared import Declared
from minidl.errors import ArgumentTypeError, StateError
from minidl.parameters import Parameter, ParameterGroup


class Optimizer(Declared):
    """Base: subclasses set ``slots`` and write ``update`` and, where more than the learning rate changes, ``scalars``.

    Args:
        learning_rate: the size of a step; may be assigned between steps.

    An optimizer belongs to the parameters of its first step; other parameters raise StateError.
    """

    table = "optimizer"
    slots = 0  # arrays kept per parameter

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.iterations = 0
        self._prepared: dict[Any, list[float]] = {}  # the numbers that are on each device, in each dtype
        self._group: ParameterGroup | None = None
        self._on_device: dict[Any, Array] = {}

    @property
    def learning_rate(self) -> float:
        """The size of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = check_number(type(self).__name__, "learning_rate", value, 0)

    def update(self, rows: ArrayTable, scalars: Array) -> None:
        """Change values and state in place: ``for value, grad, *state in rows``, arrays that are flat and of one length."""
        raise NotImplementedError

    def scalars(self) -> list[float]:
        """The numbers of this step, ``iterations`` steps being done."""
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
        tables = group.tables
        self._prepare(tables)
        for rows in tables:  # from here on no memory is asked for that could be lacking half-way
            self.update(rows, self._on_device[_key(rows.first)])
        self.count()

    def prepare(self, group: ParameterGroup) -> None:
        """Bring the numbers of the next step to the device: ahead of a step that is recorded, as copies cannot be."""
        self._prepare(group.tables)

    def _prepare(self, tables: Sequence[ArrayTable]) -> None:
        scalars = self.scalars()
        for rows in tables:
            if self._prepared.get(_key(rows.first)) != scalars:
                self._device_scalars(scalars, rows.first)
                self._prepared[_key(rows.first)] = scalars

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

    def _device_scalars(self, values: list[float], like: Array) -> None:
        """This step's numbers as an array beside ``like``: the same memory each step, so that a step can be replayed."""
        key = _key(like)
        if key not in self._on_device:
            self._on_device[key] = backends.array_namespace(like).empty(len(values), like.dtype)
        self._on_device[key][:] = backends.backend_of(like).asarray(np.array(values, like.dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {
            **vars(self),
            "_group": None,
            "_on_device": {},
            "_prepared": {},
            "iterations": 0,
        }  # a copy belongs to no model yet


def _key(like: Array) -> tuple[Any, type]:
    return like.dtype, type(like)
