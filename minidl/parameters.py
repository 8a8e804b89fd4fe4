"""What is trained: a Parameter owns its array and its gradient; an Arena lays a model's parameters side by side.

Hold the Parameter, not its array, or hold the array: both stay true. An arena moves a parameter's array into its flat
buffer at most once, and only while nobody outside holds the array; whatever it may not move it treats as a block of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidl import backend as backends
from minidl.backend import Array
from minidl.errors import ShapeError


class Parameter:
    """An array that an optimizer may change, with its gradient.

    Args:
        value: the initial array; the parameter takes it over.
        name: the letter the formulas use, for example ``"W"``.
        trainable: False for arrays that are kept but not trained, and for frozen ones.

    >>> import numpy as np
    >>> p = Parameter(np.ones((2, 2)), "W")
    >>> p.accumulate(lambda out=None: np.multiply(3.0, np.ones((2, 2)), out=out)); p.grad[0, 0]
    np.float64(3.0)
    >>> p.zero_grad(); p.grad[0, 0]
    np.float64(0.0)
    """

    def __init__(self, value: Array, name: str = "", trainable: bool = True) -> None:
        self.name, self.trainable = name, trainable
        self._value = backends.backend_of(value).contiguous(value)
        self._grad: Array | None = None
        self._grad_written = False
        self._block: Block | None = None  # the flat buffer it was moved into, if any

    @property
    def value(self) -> Array:
        """The array itself; write to it in place (``p.value[...] = a`` or ``p.value = a``)."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        new = backends.backend_of(self._value).asarray(new, self._value.dtype, f"parameter {self.name}")
        if new.shape != self._value.shape:
            raise ShapeError(f"parameter {self.name}", f"shape {new.shape}", f"{self._value.shape}")
        self._value[...] = new

    @property
    def grad(self) -> Array:
        """dL/dvalue, summed since ``zero_grad``; zeros where nothing was added."""
        grad = self._grad_array()
        if not self._grad_written:
            grad[...] = 0
            self._grad_written = True
        return grad

    @grad.setter
    def grad(self, new: Any) -> None:
        self.grad[...] = new

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self._value.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size

    @property
    def dtype(self) -> Any:
        """Element type of the value."""
        return self._value.dtype

    def zero_grad(self) -> None:
        """Forget the gradient; no memory is written until it is read or added to."""
        self._grad_written = False

    def accumulate(self, function: Callable[..., Array], *args: Any) -> None:
        """Add ``function(*args)`` to the gradient; the first one since ``zero_grad`` is written in place (``out=``).

        A frozen parameter computes nothing.
        """
        if not self.trainable:
            return
        if self._grad_written:
            self._grad_array()[...] += function(*args)
        else:
            function(*args, out=self._grad_array())
            self._grad_written = True

    def _grad_array(self) -> Array:
        if self._grad is None:
            self._grad = backends.array_namespace(self._value).empty_like(self._value)
        return self._grad

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", frozen"
        return f"Parameter({self.name!r}, shape={self.shape}, dtype={self.dtype}{frozen})"

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "trainable": self.trainable, "value": self._value.copy()}  # a copy owns its array

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy of its own, which nobody else holds: what carried the state may keep it for a while
        self.__init__(state["value"].copy(), state["name"], state["trainable"])  # type: ignore[misc]


class Block:
    """One flat buffer of parameters side by side, with their gradients and the optimizer's state at the same places."""

    def __init__(self, parameters: Sequence[Parameter], value: Array, grad: Array) -> None:
        self.parameters = tuple(parameters)
        self.value, self.grad = value, grad  # flat
        self.state: list[Array] = []  # flat arrays like value, as many as the optimizer keeps


class Segment:
    """A run of trainable parameters within a block: flat views of value, gradient and optimizer state."""

    def __init__(self, block: Block, parameters: Sequence[Parameter], start: int, stop: int) -> None:
        self.parameters = tuple(parameters)
        self.value, self.grad = block.value[start:stop], block.grad[start:stop]
        self.state = [array[start:stop] for array in block.state]


class Arena:
    """The parameters of one model (each once, however often it is shared) as few flat segments.

    Args:
        parameters: what the model holds, frozen ones included.
        slots: how many arrays the optimizer keeps per parameter, for example 2 for Adam.
        move: whether parameters may be laid into a common buffer; False leaves every array where it is.

    Parameters frozen or thawed later leave or join the segments at the next step, their optimizer state waits for them.
    """

    def __init__(self, parameters: Iterable[Parameter], slots: int = 0, move: bool = True) -> None:
        self.parameters = tuple(dict.fromkeys(parameters))
        self.slots = slots
        if move:
            for group in _by_dtype(p for p in self.parameters if _movable(p)):
                _move_together(group)
        self._blocks = [_own_block(run, slots) for run in _adjacent_runs(self.parameters)]
        self._segments: list[Segment] = []
        self._trainable: tuple[bool, ...] | None = None

    @property
    def segments(self) -> list[Segment]:
        """Flat views of everything trainable now, gradients nobody wrote being zero."""
        trainable = tuple(p.trainable for p in self.parameters)
        if trainable != self._trainable:
            self._segments = [segment for block in self._blocks for segment in _segments_of(block)]
            self._trainable = trainable
        for segment in self._segments:
            for p in segment.parameters:
                if not p._grad_written:
                    p.grad  # noqa: B018  (reading it fills it with zeros)
        return self._segments

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters:
            p.zero_grad()

    def state_of(self, parameter: Parameter) -> list[Array]:
        """The optimizer's arrays for one parameter, in its shape."""
        for block in self._blocks:
            start = 0
            for p in block.parameters:
                if p is parameter:
                    return [array[start : start + p.size].reshape(p.shape) for array in block.state]
                start += p.size
        raise KeyError(parameter.name)

    def __getstate__(self) -> dict[str, Any]:
        state = [[a.copy() for a in self.state_of(p)] for p in self.parameters]
        return {"parameters": self.parameters, "slots": self.slots, "state": state}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__init__(saved["parameters"], saved["slots"])  # type: ignore[misc]
        for p, arrays in zip(self.parameters, saved["state"]):
            for mine, theirs in zip(self.state_of(p), arrays):
                mine[...] = theirs


def _movable(p: Parameter) -> bool:
    """Whether only the parameter itself holds its array, so that moving it leaves no stale copy in someone's hands."""
    return p._block is None and all(
        array is None or (array.base is None and sys.getrefcount(array) - _HELD_BY_THIS_LOOP == 1)
        for array in (p._value, p._grad)
    )


_HELD_BY_THIS_LOOP = 3  # references while ``_movable`` looks: the tuple, the loop variable and getrefcount's argument


def _by_dtype(parameters: Iterable[Parameter]) -> Iterable[list[Parameter]]:
    groups: dict[Any, list[Parameter]] = {}
    for p in parameters:
        groups.setdefault((p.dtype, type(p._value)), []).append(p)
    return groups.values()


def _move_together(parameters: list[Parameter]) -> None:
    """Lay the parameters' values and gradients side by side and leave views of the buffer in their place."""
    xp = backends.array_namespace(parameters[0]._value)
    size = sum(p.size for p in parameters)
    block = Block(parameters, *(xp.empty(size, parameters[0].dtype) for _ in range(2)))
    start = 0
    for p in parameters:
        value, grad = (a[start : start + p.size].reshape(p.shape) for a in (block.value, block.grad))
        value[...] = p._value
        if p._grad is not None and p._grad_written:
            grad[...] = p._grad
        p._value, p._grad, p._block = value, grad, block
        start += p.size


def _adjacent_runs(parameters: Sequence[Parameter]) -> list[list[Parameter]]:
    """Cut the list where a parameter does not follow its predecessor in the same flat buffer."""
    runs: list[list[Parameter]] = []
    for p in parameters:
        follows = False
        if runs and p._block is not None and runs[-1][-1]._block is p._block:
            order = p._block.parameters
            follows = order.index(p) == order.index(runs[-1][-1]) + 1
        if follows:
            runs[-1].append(p)
        else:
            runs.append([p])
    return runs


def _own_block(run: list[Parameter], slots: int) -> Block:
    """Flat views of a run of neighbours, with optimizer state of this arena's own."""
    first = run[0]
    size = sum(p.size for p in run)
    if first._block is None:
        value, grad = first._value.reshape(-1), first._grad_array().reshape(-1)
    else:
        before = first._block.parameters[: first._block.parameters.index(first)]
        start = sum(p.size for p in before)
        value, grad = (a[start : start + size] for a in (first._block.value, first._block.grad))
    block = Block(run, value, grad)
    block.state = [backends.array_namespace(value).zeros_like(value) for _ in range(slots)]
    return block


def _segments_of(block: Block) -> list[Segment]:
    """The block's runs of trainable parameters."""
    segments, run, start, position = [], [], 0, 0
    for p in (*block.parameters, None):
        if p is not None and p.trainable:
            run.append(p)
        elif run:
            segments.append(Segment(block, run, start, position))
            run = []
        position += p.size if p is not None else 0
        if not run:
            start = position
    return segments
