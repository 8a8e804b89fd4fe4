"""An optimizer is one rule for one flat segment of parameters, and the numbers that change from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.checks import check_number
from minidl.errors import ArgumentTypeError, StateError
from minidl.parameters import Arena, Parameter, Segment


class Optimizer:
    """Base: subclasses set ``slots`` and write ``update`` and, where more than the learning rate changes, ``scalars``.

    Args:
        learning_rate: the size of a step; may be assigned between steps.

    An optimizer belongs to the parameters of its first step; other parameters raise StateError.
    """

    slots = 0  # arrays kept per parameter

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.iterations = 0
        self._prepared: list[float] | None = None  # the numbers that are on the device
        self._arena: Arena | None = None
        self._on_device: dict[Any, Array] = {}

    @property
    def learning_rate(self) -> float:
        """The size of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = check_number(type(self).__name__, "learning_rate", value, 0)

    def update(self, value: Array, grad: Array, state: Sequence[Array], scalars: Array) -> None:
        """Change ``value`` and ``state`` in place for gradient ``grad``; all are flat and of one length."""
        raise NotImplementedError

    def scalars(self) -> list[float]:
        """The numbers of this step, ``iterations`` steps being done."""
        return [self.learning_rate]

    def step(self, parameters: Arena | Sequence[Parameter]) -> None:
        """One step down the gradients of ``parameters`` (a list, or the arena of a compiled model)."""
        arena = self._bind(parameters)
        segments = arena.segments
        self._prepare(segments)
        for segment in segments:  # from here on no memory is asked for that could be lacking half-way
            self.update(segment.value, segment.grad, segment.state, self._on_device[_key(segment.value)])
        self.count()

    def prepare(self, arena: Arena) -> None:
        """Bring the numbers of the next step to the device: ahead of a step that is recorded, as copies cannot be."""
        self._prepare(arena.segments)

    def _prepare(self, segments: Sequence[Segment]) -> None:
        scalars = self.scalars()
        if self._prepared != scalars or any(_key(segment.value) not in self._on_device for segment in segments):
            for segment in segments:
                self._device_scalars(scalars, segment.value)
            self._prepared = scalars

    def count(self) -> None:
        """A step was made."""
        self.iterations += 1

    def bind(self, arena: Arena) -> None:
        """Belong to this arena. Raises StateError where the optimizer belongs to other parameters already."""
        self._bind(arena)

    def _bind(self, parameters: Arena | Sequence[Parameter]) -> Arena:
        if not isinstance(parameters, Arena):
            parameters = tuple(parameters)  # a generator could be looked at only once
        if self._arena is None:
            if not isinstance(parameters, Arena):
                if not all(isinstance(p, Parameter) for p in parameters):
                    raise ArgumentTypeError(
                        f"{type(self).__name__}.step", "other things", "a list of Parameters", "layer.parameters"
                    )
                parameters = Arena(parameters, self.slots, move=False)
            self._arena = parameters
        elif parameters is not self._arena:
            mine = self._arena.parameters
            if isinstance(parameters, Arena) or tuple(dict.fromkeys(parameters)) != mine:
                raise StateError(
                    type(self).__name__,
                    "the parameters of another model",
                    f"the {len(mine)} parameters it has made steps with",
                    "one optimizer for each model",
                )
        return self._arena

    def _device_scalars(self, values: list[float], like: Array) -> None:
        """This step's numbers as an array beside ``like``: the same memory each step, so that a step can be replayed."""
        key = _key(like)
        if key not in self._on_device:
            self._on_device[key] = backends.array_namespace(like).empty(len(values), like.dtype)
        self._on_device[key][:] = backends.backend_of(like).asarray(np.array(values, like.dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {
            **vars(self),
            "_arena": None,
            "_on_device": {},
            "_prepared": None,
            "iterations": 0,
        }  # a copy belongs to no model yet


def _key(like: Array) -> tuple[Any, type]:
    return like.dtype, type(like)
