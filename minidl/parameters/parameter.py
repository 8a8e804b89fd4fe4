"""A Parameter is what is trained: an array and its gradient.

Hold the Parameter or hold its array: both stay true, for neither the value nor the gradient ever moves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.tape import add_to, again, refuse, write
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentTypeError, ShapeError, described
from minidl.ops.embedding import embed_grad_rows, embed_grad_W


class _Settings:
    """How often a setting of any parameter was assigned: whoever works by settings looks at them again after a change."""

    changes = 0


_settings = _Settings()
_NAMES = ("_learning_rate_multiplier", "_regularizer", "_constraint", "_weight_decay", "_by_row")  # of the settings


class Parameter:
    """An array that an optimizer may change, with its gradient.

    Args:
        value: the initial array; the parameter takes it over and copies only what it could not write to.
        name: the letter the formulas use, for example ``"W"``.
        trainable: False for arrays that are kept but not trained, and for frozen ones.

    Attributes, which may be assigned at any time; the next step follows them:
        learning_rate_multiplier: what an optimizer multiplies its learning rate by here.
        regularizer: a penalty on the value (``minidl.regularizers``), or None; its gradient joins ``grad`` in each step.
        constraint: what the value is made to fulfil after each step (``minidl.constraints``), or None.
        weight_decay: False where an optimizer's ``weight_decay`` is not meant for this parameter.

    >>> import numpy as np
    >>> p = Parameter(np.ones((2, 2)), "W")
    >>> p.accumulate(lambda out=None: np.multiply(3.0, np.ones((2, 2)), out=out)); p.grad[0, 0]
    np.float64(3.0)
    >>> p.zero_grad(); p.grad[0, 0]
    np.float64(0.0)
    """

    def __init__(self, value: Array, name: str = "", trainable: bool = True) -> None:
        self.name, self._trainable = name, trainable
        if isinstance(value, np.generic):  # a number of NumPy's cannot be changed in place
            value = np.array(value)
        value = backends.backend_of(value).contiguous(value)
        self._value = value if getattr(value.flags, "behaved", True) else value.copy()  # kernels write by address
        self._grad: Array | None = None
        self._grad_written = False
        self._grad_seen = False  # whether somebody was given the gradient's array, and may write to it at any time
        self._rows: Array | None = None  # those of the gradient's array that may not be 0; None: all
        self._by_row = False  # whether ``accumulate_rows`` has left rows alone: such a parameter is a segment of its own
        self._aside: tuple[Array, Array] | None = None  # rows and sums that are the gradient, while its array is not
        self._learning_rate_multiplier = 1.0
        self._regularizer: Any = None
        self._constraint: Any = None
        self._weight_decay = True

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
        self._grad_seen = True
        return self._whole()

    @grad.setter
    def grad(self, new: Any) -> None:
        self.grad[...] = new

    def arrays(self) -> list[Array]:
        """The memory that it has: the value, and the gradient where there is one. To be looked at, not to be kept."""
        return [self._value] if self._grad is None else [self._value, self._grad]

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

    @property
    def trainable(self) -> bool:
        """Whether an optimizer may change the value."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        _settings.changes += 1

    @property
    def learning_rate_multiplier(self) -> float:
        """What an optimizer multiplies its learning rate by for this parameter."""
        return self._learning_rate_multiplier

    @learning_rate_multiplier.setter
    def learning_rate_multiplier(self, value: float) -> None:
        where = f"parameter {self.name}"
        self._learning_rate_multiplier = check_number(where, "learning_rate_multiplier", value, 0.0)
        _settings.changes += 1

    @property
    def regularizer(self) -> Any:
        """The penalty on the value, with ``value(w)`` and ``gradient(w)``; None for none."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, regularizer: Any) -> None:
        self._check_has(regularizer, "regularizer", ("value", "gradient"))
        self._regularizer = regularizer
        _settings.changes += 1

    @property
    def constraint(self) -> Any:
        """What the value fulfils after each step, with ``apply(w)``; None for nothing."""
        return self._constraint

    @constraint.setter
    def constraint(self, constraint: Any) -> None:
        self._check_has(constraint, "constraint", ("apply",))
        self._constraint = constraint
        _settings.changes += 1

    @property
    def weight_decay(self) -> bool:
        """Whether an optimizer's ``weight_decay`` is meant for this parameter."""
        return self._weight_decay

    @weight_decay.setter
    def weight_decay(self, value: bool) -> None:
        self._weight_decay = check_flag(f"parameter {self.name}", "weight_decay", value)
        _settings.changes += 1

    def _check_has(self, found: Any, what: str, methods: tuple[str, ...]) -> None:
        if found is not None and (isinstance(found, type) or not all(callable(getattr(found, m, None)) for m in methods)):
            expected = f"an object with the methods {' and '.join(methods)}, or None"
            raise ArgumentTypeError(f"parameter {self.name}", f"{described(found)} as {what}", expected)

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
        grad = self._to_write()
        self._take(function(*args, out=grad), grad)

    def _to_write(self) -> Array | None:
        """The gradient's array for whoever can write to it; None where that would be wrong."""
        if not self.trainable or self._grad_written:
            return None
        self._rows = self._aside = None
        return self._grad_array()

    def _take(self, result: Any, grad: Array | None) -> None:
        """Add a result, which may stand in the gradient's array already."""
        if not self.trainable:
            return
        if grad is not None and result is grad:
            self._grad_written = True
        else:
            self._add(result)

    def accumulate_rows(self, ids: Array, dy: Array) -> None:
        """Add each dy (..., units) to the row that its id (...) names: ``accumulate(embed_grad_W, ids, dy, rows)``.

        Where few rows are named no other is touched, neither here nor by an optimizer that leaves numbers without a gradient
        alone. What comes out is the same. On devices that Python would have to wait for, all rows are written.

        >>> import numpy as np
        >>> p = Parameter(np.ones((6, 2)), "W")
        >>> p.accumulate_rows(np.array([4, 1, 4]), np.array([[1.0, 2], [3, 4], [5, 6]])); p.grad[[1, 4]].tolist()
        [[3.0, 4.0], [6.0, 8.0]]
        """
        if not (self._trainable and self._few_rows(ids)):
            self.accumulate(embed_grad_W, ids, dy, len(self._value))
            return
        refuse("which rows of a gradient there are is seen by looking at ids")
        if not self._grad_written:
            self._aside = None  # gives its memory back, for the new sums
            self._aside = embed_grad_rows(ids, dy, len(self._value))
            self._grad_written = True
            if not self._by_row:
                self._by_row = True
                _settings.changes += 1
        elif self._aside is not None:
            xp, more = backends.array_namespace(dy), embed_grad_rows(ids, dy, len(self._value))
            rows, sums = (xp.concatenate(both) for both in zip(self._aside, more))
            self._aside = embed_grad_rows(rows, sums, len(self._value))
        else:
            rows, sums = embed_grad_rows(ids, dy, len(self._value))
            self._grad_array()[rows] += sums
            if self._rows is not None:
                self._rows = backends.array_namespace(rows).union1d(self._rows, rows)
        if self._grad_seen:  # whoever was given the array may look at it now
            self._whole()

    def _few_rows(self, ids: Array) -> bool:
        """Whether ids name few rows, on a device where Python can know which without waiting."""
        return backends.backend_of(self._value).immediate and 2 * ids.size <= len(self._value)

    def _filled(self) -> Array:
        """The gradient's array with the gradient in it, zero where nothing was added."""
        if not self._grad_written:
            again(self._clear)
            self._aside, self._grad_written = None, True
        elif self._aside is not None:
            self._clear()
            self._rows, sums = self._aside
            self._grad_array()[self._rows] = sums
            self._aside = None
        return self._grad_array()

    def _whole(self) -> Array:
        """``_filled``, of which any number may be other than 0 from now on, as far as is known."""
        grad = self._filled()
        self._rows = None
        return grad

    def _clear(self) -> None:
        """Make all of the gradient's array 0: where other rows are known to be, only those that were written."""
        grad = self._grad_array()
        if self._rows is None:
            grad[...] = 0
            return
        grad[self._rows] = 0
        self._rows = self._rows[:0]

    def _add(self, grad: Array) -> None:
        """Add to the gradient, or overwrite what nobody wrote."""
        if getattr(grad, "shape", None) != self._value.shape:
            where = f"gradient of {self.name or 'a parameter'}"
            if not hasattr(grad, "shape"):
                raise ArgumentTypeError(where, f"a {type(grad).__name__}", "an array", "return the gradient, or call add_grad")
            fix = "the gradient of a bias sums over the batch: dy.sum(axis=0)" if len(self.shape) == 1 else ""
            raise ShapeError(where, f"shape {grad.shape}", f"{self.shape}, the parameter's own", fix)
        if self._grad_written:
            again(add_to, self._whole(), grad)
        else:
            self._rows = self._aside = None
            again(write, self._grad_array(), grad)
            self._grad_written = True

    def _grad_array(self) -> Array:
        if self._grad is None:
            self._grad = backends.array_namespace(self._value).empty_like(self._value)
        return self._grad

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", frozen"
        return f"Parameter({self.name!r}, shape={self.shape}, dtype={self.dtype}{frozen})"

    def __getstate__(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in _NAMES}
        return {
            "name": self.name,
            "trainable": self.trainable,
            "value": self._value.copy(),
            **settings,
        }  # a copy owns its array

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy of its own: what carried the state may keep it and change it
        self.__init__(state["value"].copy(), state["name"], state["trainable"])  # type: ignore[misc]
        for name in _NAMES:
            setattr(self, name, state[name])


def accumulate_all(parameters: Sequence[Parameter], function: Callable[..., Sequence[Array]], *args: Any) -> None:
    """Add the results of ``function(*args)``, one for each parameter, to their gradients: ``accumulate`` for several at once.

    The function is called with ``out``: for each parameter the array to write to, or None. If all are frozen it is not called.

    >>> import numpy as np
    >>> W, b = Parameter(np.ones((2, 1)), "W"), Parameter(np.ones(1), "b")
    >>> accumulate_all((W, b), lambda x, dy, out: (x.T @ dy, dy.sum(axis=0)), np.ones((3, 2)), np.ones((3, 1)))
    >>> W.grad.tolist(), b.grad.tolist()
    ([[3.0], [3.0]], [3.0])
    """
    if not any(p.trainable for p in parameters):
        return
    several = len({id(p) for p in parameters}) < len(parameters)  # one of them twice: both results are added
    out = tuple([None if several else p._to_write() for p in parameters])
    for parameter, result, grad in zip(parameters, function(*args, out=out), out, strict=True):
        parameter._take(result, grad)
