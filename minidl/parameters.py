"""What is trained: a Parameter owns its array and its gradient, a ParameterGroup is what one optimizer trains.

Hold the Parameter or hold its array: both stay true, for neither the value nor the gradient ever moves. An optimizer still
needs only one call of a kernel for all parameters, because it is given a table of their addresses (``ArrayTable``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array, ArrayTable
from minidl.errors import ArgumentTypeError, ShapeError


class Parameter:
    """An array that an optimizer may change, with its gradient.

    Args:
        value: the initial array; the parameter takes it over and copies only what it could not write to.
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
        self.regularizer: Any = None
        self.constraint: Any = None
        self.learning_rate_multiplier = 1.0
        if isinstance(value, np.generic):  # a number of NumPy's cannot be changed in place
            value = np.array(value)
        value = backends.backend_of(value).contiguous(value)
        self._value = value if getattr(value.flags, "behaved", True) else value.copy()  # kernels write by address
        self._grad: Array | None = None
        self._grad_written = False

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

    def add_grad(self, grad: Any) -> None:
        """Add an array of the parameter's shape to the gradient: what ``gradient`` of a layer of your own calls.

        A frozen parameter takes nothing. Raises ShapeError for another shape.

        >>> import numpy as np
        >>> p = Parameter(np.ones(2), "b")
        >>> p.add_grad(np.array([1.0, 2.0])); p.add_grad(np.array([1.0, 2.0])); p.grad
        array([2., 4.])
        """
        if self.trainable:
            self._add(backends.backend_of(self._value).asarray(grad, self._value.dtype, f"gradient of {self.name}"))

    def accumulate(self, function: Callable[..., Array], *args: Any) -> None:
        """Add ``function(*args)`` to the gradient, without an array in between where that is possible.

        The first addition since ``zero_grad`` calls ``function(*args, out=gradient)``: a function that writes to ``out`` and
        returns it saves a copy. What any other returns is copied. A frozen parameter computes nothing.
        Raises ShapeError or ArgumentTypeError, naming the parameter, where the result is no array of the parameter's shape.
        """
        if not self.trainable:
            return
        if self._grad_written:
            self._add(function(*args))
            return
        grad = self._grad_array()
        result = function(*args, out=grad)
        if result is grad:
            self._grad_written = True
        else:
            self._add(result)

    def _add(self, grad: Array) -> None:
        """Add to the gradient, or overwrite what nobody wrote."""
        if getattr(grad, "shape", None) != self._value.shape:
            where = f"gradient of {self.name or 'a parameter'}"
            if not hasattr(grad, "shape"):
                raise ArgumentTypeError(where, f"a {type(grad).__name__}", "an array", "return the gradient, or call add_grad")
            fix = "the gradient of a bias sums over the batch: dy.sum(axis=0)" if len(self.shape) == 1 else ""
            raise ShapeError(where, f"shape {grad.shape}", f"{self.shape}, the parameter's own", fix)
        if self._grad_written:
            self._grad_array()[...] += grad
        else:
            self._grad_array()[...] = grad
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
        # a copy of its own: what carried the state may keep it and change it
        self.__init__(state["value"].copy(), state["name"], state["trainable"])  # type: ignore[misc]


class ParameterGroup:
    """What one optimizer trains: parameters (each once, however often it is shared) and the optimizer's state for them.

    Args:
        parameters: what a model holds, frozen ones included.
        slots: how many arrays the optimizer keeps per parameter, for example 2 for Adam.

    Values stay where they are. Gradients that have no memory yet get theirs side by side, and so does the state, which
    starts at zero. Parameters frozen or thawed later leave or join the tables at the next step; their state waits for them.
    """

    def __init__(self, parameters: Iterable[Parameter], slots: int = 0) -> None:
        self.parameters = tuple(dict.fromkeys(parameters))
        self.slots = slots
        self._state: dict[Parameter, tuple[Array, ...]] = {}  # flat arrays
        for alike in self._alike(self.parameters):
            _lay_side_by_side([p for p in alike if p._grad is None])
            self._state |= _new_state(alike, slots)
        self._tables: list[ArrayTable] = []
        self._trainable: tuple[bool, ...] | None = None

    @property
    def weights(self) -> tuple[Parameter, ...]:
        """The parameters, under the name that ``access`` looks for."""
        return self.parameters

    @property
    def tables(self) -> list[ArrayTable]:
        """Everything trainable now, a table for each dtype: rows (value, gradient, state ...) of flat arrays.

        Gradients nobody wrote are zero.
        """
        trainable = tuple(p.trainable for p in self.parameters)
        if trainable != self._trainable:
            groups = self._alike(p for p in self.parameters if p.trainable)
            self._tables = [ArrayTable(list(map(self._row, g)), backends.backend_of(g[0].value)) for g in groups]
            self._trainable = trainable
        for p in self.parameters:
            if p.trainable and not p._grad_written:
                p.grad  # noqa: B018  (reading it fills it with zeros)
        return self._tables

    def penalty(self) -> Any:
        """None."""
        return None

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters:
            p.zero_grad()

    def state_of(self, parameter: Parameter) -> list[Array]:
        """The optimizer's arrays for one parameter, in its shape. Raises KeyError for a parameter of others."""
        return [array.reshape(parameter.shape) for array in self._state[parameter]]

    def _row(self, p: Parameter) -> tuple[Array, ...]:
        return p.value.reshape(-1), p._grad_array().reshape(-1), *self._state[p]

    @staticmethod
    def _alike(parameters: Iterable[Parameter]) -> Iterable[list[Parameter]]:
        """The parameters by dtype and device."""
        groups: dict[Any, list[Parameter]] = {}
        for p in parameters:
            groups.setdefault((p.dtype, type(p.value)), []).append(p)
        return groups.values()

    def __getstate__(self) -> dict[str, Any]:
        state = [[a.copy() for a in self._state[p]] for p in self.parameters]
        return {"parameters": self.parameters, "slots": self.slots, "state": state}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__init__(saved["parameters"], saved["slots"])  # type: ignore[misc]
        for p, arrays in zip(self.parameters, saved["state"]):
            for mine, theirs in zip(self._state[p], arrays):
                mine[...] = theirs


def _lay_side_by_side(parameters: Sequence[Parameter]) -> None:
    """Give these parameters, which have no memory for their gradients yet, parts of one buffer."""
    if parameters:
        flat = backends.array_namespace(parameters[0].value).empty(sum(p.size for p in parameters), parameters[0].dtype)
        for p, part in zip(parameters, _parts(flat, parameters)):
            p._grad = part.reshape(p.shape)


def _new_state(parameters: Sequence[Parameter], slots: int) -> dict[Parameter, tuple[Array, ...]]:
    """Zeros for each parameter, flat, side by side in a buffer for each slot."""
    xp = backends.array_namespace(parameters[0].value)
    buffers = [xp.zeros(sum(p.size for p in parameters), parameters[0].dtype) for _ in range(slots)]
    parts = [_parts(buffer, parameters) for buffer in buffers]
    return {p: tuple(part[i] for part in parts) for i, p in enumerate(parameters)}


def _parts(flat: Array, parameters: Sequence[Parameter]) -> list[Array]:
    """The buffer, cut into an array for each parameter."""
    ends = list(itertools.accumulate(p.size for p in parameters))
    return [flat[end - p.size : end] for p, end in zip(parameters, ends)]
