"""A ParameterGroup is what one optimizer trains: parameters, and what the optimizer keeps for each of them.

Values stay where they are. An optimizer still needs only one call of a kernel for all parameters, because it is given a table
of their addresses (``ArrayTable``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.backend import Array, ArrayTable, RowTable
from minidl.backend.tape import again, write
from minidl.declared import is_own
from minidl.errors import ShapeError, described
from minidl.ops import gradients
from minidl.ops.penalty import add_penalty
from minidl.parameters.parameter import _NAMES, Parameter, _settings

_LINE = 16  # numbers: 64 bytes of single precision


class Segment(NamedTuple):
    """Parameters that a step treats alike.

    Attributes:
        rows: (value, gradient, state ...) of each.
        learning_rate_multiplier: of all of them.
        values: the values alone, where weight decay is meant for them.
        key: what tells segments of a step apart: dtype, type of the arrays, multiplier, and ``by_row``.
        by_row: the parameter, the only one, where a step adds to single rows of its gradient; else None.
    """

    rows: ArrayTable
    learning_rate_multiplier: float
    values: ArrayTable | None
    key: tuple[Any, ...]
    by_row: Parameter | None


class ParameterGroup:
    """What one optimizer trains: parameters (each once, however often it is shared) and the optimizer's state for them.

    Args:
        parameters: what a model holds, frozen ones included.
        slots: the arrays that the optimizer keeps for each parameter: their names (``("mean", "square")``), how many
            (they are called ``slot_0``, ``slot_1`` ...), or their names with the number they start from.

    Values stay where they are. Gradients that have no memory yet get theirs side by side, and so does the state, which
    starts at zero. Parameters frozen or thawed later leave or join the tables at the next step; their state waits for them.
    """

    def __init__(self, parameters: Iterable[Parameter], slots: int | Sequence[str] | Mapping[str, float] = 0) -> None:
        self.parameters = tuple(dict.fromkeys(parameters))
        self.slots = slots
        self._starts = named(slots)
        self._state: dict[Parameter, tuple[Array, ...]] = {}  # flat arrays
        for alike in self._alike(self.parameters):
            _lay_side_by_side([p for p in alike if p._grad is None])
            self._state |= _new_state(alike, list(self._starts.values()))
        self.undecayed: frozenset[str] | None = None  # names that weight decay spares; None without weight decay
        self.arrangement = 0  # another number whenever the tables are made anew: what a recorded step was recorded for
        self._settings: tuple[Any, Any] = (None, None)  # those that the tables are made for
        self._seen_changes = -1
        self._trained: list[Parameter] = []
        self._penalized: list[Parameter] = []
        self._constrained: list[Parameter] = []
        self._segments: list[Segment] = []
        self._coefficients: list[tuple[float, float] | None] = []
        self._penalties: list[tuple[ArrayTable, Array]] = []
        self._values: list[tuple[ArrayTable, Array]] = []
        self._valued: list[Any] = []  # the coefficients they were made for

    @property
    def weights(self) -> tuple[Parameter, ...]:
        """The parameters, under the name that ``access`` looks for."""
        return self.parameters

    @property
    def tables(self) -> list[ArrayTable]:
        """Everything trainable now: rows (value, gradient, state ...) of flat arrays, in a table for each segment.

        Gradients nobody wrote are zero.
        """
        return [segment.rows for segment in self.segments]

    @property
    def segments(self) -> list[Segment]:
        """Everything trainable now, cut by dtype and by settings; usually one segment, which a kernel walks in one call.

        Gradients nobody wrote are zero.
        """
        found = self.segments_of_a_step()
        for p in self._trained:
            p.grad  # noqa: B018  (who is given the arrays may write to them at any time)
        return found

    def segments_of_a_step(self) -> list[Segment]:
        """``segments`` for a step that knows of ``Segment.by_row``, and asks ``rows_of`` or ``touched`` for such tables."""
        self._look()
        for p in self._trained:
            if not p._grad_written:
                p._filled()
        return self._segments

    @staticmethod
    def rows_of(segment: Segment, writes: bool = False) -> ArrayTable:
        """``segment.rows``, all of the gradient in its array; ``writes``: by somebody who may write to any number of it."""
        if segment.by_row is not None:
            segment.by_row._whole() if writes else segment.by_row._filled()
        return segment.rows

    def touched(self, segment: Segment) -> ArrayTable:
        """The rows of a segment whose gradient may not be 0: all, where that may be any."""
        p = segment.by_row
        if p is None or (p._aside is None and p._rows is None):
            return segment.rows
        numbers, grad = p._aside or (p._rows, p._grad_array()[p._rows])
        return RowTable(p._value, numbers, grad, self.state_of(p))

    @property
    def trained(self) -> list[Parameter]:
        """The parameters that are trainable now."""
        self._look()
        return self._trained

    @property
    def penalized(self) -> bool:
        """Whether a trainable parameter has a penalty."""
        self._look()
        return bool(self._penalized)

    @property
    def constrained(self) -> bool:
        """Whether a trainable parameter has a constraint."""
        self._look()
        return bool(self._constrained)

    def penalty(self) -> Array | None:
        """The sum of the penalties of all trainable parameters, on the device; None where there are none.

        That of a frozen parameter is not counted, as in Keras: nothing can be done about it.
        """
        self._look()
        if not self._penalized:
            return None
        xp = backends.array_namespace(self._penalized[0].value)
        total = xp.empty((), np.float64)
        again(write, total, xp.zeros((), np.float64))
        for table, factors in self._tables_of_values():
            add_penalty(table, factors, total)
        for p in self._penalized:
            if _coefficients(p.regularizer) is None:
                total = again(add, total, again(p.regularizer.value, p.value))
        return total

    def add_penalty_gradients(self) -> None:
        """Add the gradients of the penalties to those of the parameters in ``segments``: L1 and L2 in one pass.

        Other regularizers by their ``gradient``. Raises what they raise, and ShapeError for what is no gradient.
        """
        self.arrange_penalties()
        for p in self._penalized:
            p._whole()  # the penalty is one on every number
        for table, coefficients in self._penalties:
            gradients.penalize(table, coefficients)
        for p, found in zip(self._penalized, self._coefficients):
            if found is None:
                with np.errstate(all="ignore"):
                    p._add(again(p.regularizer.gradient, p.value))

    def apply_constraints(self) -> None:
        """Make the values of the parameters in ``segments`` fulfil their constraints, in place."""
        with np.errstate(all="ignore"):
            for p in self._constrained:
                p._value[...] = p.constraint.apply(p._value)

    def is_untouched(self) -> bool:
        """Whether no setting of any parameter was assigned since somebody looked."""
        return _settings.changes == self._seen_changes

    def _look(self) -> None:
        """See what is trainable and what settings hold; make the tables anew where that has changed."""
        changes = _settings.changes
        if changes == self._seen_changes and self._settings[1] == self.undecayed:
            return  # the usual case, in as few words as possible: this is part of every step
        settings = [(p.trainable, *[getattr(p, name) for name in _NAMES]) for p in self.parameters], self.undecayed
        if settings != self._settings:
            self._arrange()
        self._settings, self._seen_changes = settings, changes

    def _arrange(self) -> None:
        """Tables for what is trainable now. Raises where a constraint gives no array of the parameter's shape."""
        trained = [p for p in self.parameters if p.trainable]
        constrained = [p for p in trained if p.constraint is not None]
        for p in constrained:  # tried before any step: one that fails in the middle of a step would leave it half done
            with np.errstate(all="ignore"):
                found = p.constraint.apply(p._value.copy())
            if getattr(found, "shape", None) != p.shape:
                what = f"shape {found.shape}" if hasattr(found, "shape") else described(found)
                raise ShapeError(f"constraint of {p.name or 'a parameter'}", what, f"{p.shape}, the parameter's own")
        penalized = [p for p in trained if p.regularizer is not None]
        for p in penalized:
            if _coefficients(p.regularizer) is None:
                _try_penalty(p)
        segments = []
        for (*key, decays), alike in _by(trained, self._treatment).items():
            backend = backends.backend_of(alike[0].value)
            values = ArrayTable([(p.value.reshape(-1),) for p in alike], backend) if decays else None
            multiplier, by_row = alike[0].learning_rate_multiplier, alike[0] if alike[0]._by_row else None
            rows = ArrayTable(list(map(self._row, alike)), backend)
            segments.append(Segment(rows, multiplier, values, tuple(key), by_row))
        self._trained, self._constrained, self._segments = trained, constrained, segments
        self._penalized, self._coefficients, self._penalties, self._valued = penalized, [], [], []
        self.arrangement += 1

    def arrange_penalties(self) -> None:
        """Tables of L1 and L2, by coefficients; anew where somebody has changed a regularizer's. ``segments`` comes first."""
        if not self._penalized and not self._coefficients:
            return  # the usual case, in as few words as possible
        coefficients = [_coefficients(p.regularizer) for p in self._penalized]
        if coefficients == self._coefficients:
            return
        of = dict(zip(self._penalized, coefficients))
        self._penalties = []
        for (dtype, _, found), alike in _by(self._penalized, lambda p: (p.dtype, type(p.value), of[p])).items():
            if found is not None:
                backend = backends.backend_of(alike[0].value)
                numbers = backend.asarray(np.array([found[0], 2 * found[1]], dtype))
                table = ArrayTable([(p.value.reshape(-1), p._grad_array().reshape(-1)) for p in alike], backend)
                self._penalties.append((table, numbers))
        self._tables_of_values()  # too: numbers do not travel to a device within a step that is recorded
        self._coefficients = coefficients
        self.arrangement += 1

    def _tables_of_values(self) -> list[tuple[ArrayTable, Array]]:
        """The parameters with L1 and L2, by coefficients, and these: l1 and l2."""
        coefficients = [_coefficients(p.regularizer) for p in self._penalized]
        if coefficients != self._valued:
            of, self._values = dict(zip(self._penalized, coefficients)), []
            for (_, _, found), alike in _by(self._penalized, lambda p: (p.dtype, type(p.value), of[p])).items():
                if found is not None:
                    backend = backends.backend_of(alike[0].value)
                    table = ArrayTable([(p.value.reshape(-1),) for p in alike], backend)
                    self._values.append((table, backend.asarray(np.array(found, np.float64))))
            self._valued = coefficients
        return self._values

    def _treatment(self, p: Parameter) -> tuple[Any, ...]:
        """What a step does alike with: dtype, type of the array, learning rate, a parameter by itself, weight decay or not."""
        decays = self.undecayed is not None and p.weight_decay and p.name not in self.undecayed
        return p.dtype, type(p.value), p.learning_rate_multiplier, (p if p._by_row else None), decays

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters:
            p._grad_written = False  # what p.zero_grad() does, in every step

    def state_of(self, parameter: Parameter) -> list[Array]:
        """The optimizer's arrays for one parameter, in its shape. Raises KeyError for a parameter of others."""
        return [array.reshape(parameter.shape) for array in self._state[parameter]]

    @property
    def state(self) -> dict[Parameter, dict[str, Array]]:
        """The optimizer's arrays by parameter, in the order of ``parameters``, and by name; each in the parameter's shape."""
        return {p: dict(zip(self._starts, self.state_of(p))) for p in self.parameters}

    def _row(self, p: Parameter) -> tuple[Array, ...]:
        return p.value.reshape(-1), p._grad_array().reshape(-1), *self._state[p]

    @staticmethod
    def _alike(parameters: Iterable[Parameter]) -> Iterable[list[Parameter]]:
        """The parameters by dtype and device."""
        return _by(parameters, lambda p: (p.dtype, type(p.value))).values()

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
        flat = backends.backend_of(parameters[0].value).empty((_room(parameters),), parameters[0].dtype)
        for p, part in zip(parameters, _parts(flat, parameters)):
            p._grad = part.reshape(p.shape)


def named(slots: int | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """The names of the arrays that ``slots`` of an optimizer or a group mean, with what each starts from.

    >>> named(2), named(("mean",)), named({"square_sum": 0.1})
    ({'slot_0': 0.0, 'slot_1': 0.0}, {'mean': 0.0}, {'square_sum': 0.1})
    """
    if isinstance(slots, Mapping):
        return dict(slots)
    return dict.fromkeys([f"slot_{i}" for i in range(slots)] if isinstance(slots, int) else slots, 0.0)


def _by(parameters: Iterable[Parameter], key: Callable[[Parameter], Any]) -> dict[Any, list[Parameter]]:
    """The parameters with the same key together, in their order."""
    groups: dict[Any, list[Parameter]] = {}
    for p in parameters:
        groups.setdefault(key(p), []).append(p)
    return groups


def _coefficients(regularizer: Any) -> tuple[float, float] | None:
    """l1 and l2 of one of minidl's penalties l1 sum |w| + l2 sum w^2; None for any other, a subclass of theirs too."""
    if is_own(type(regularizer)) and hasattr(regularizer, "l1") and hasattr(regularizer, "l2"):
        return float(regularizer.l1), float(regularizer.l2)
    return None


def _try_penalty(p: Parameter) -> None:
    """Raise ShapeError unless a regularizer of somebody's own gives a number, and a gradient of the parameter's shape."""
    name = p.name or "a parameter"
    with np.errstate(all="ignore"):
        value, gradient = p.regularizer.value(p.value), p.regularizer.gradient(p.value)
    if not isinstance(value, (int, float)) and getattr(value, "shape", None) != ():
        what = f"an array of shape {value.shape}" if hasattr(value, "shape") else described(value)
        fix = "a sum over all axes: (w**2).sum()"
        raise ShapeError(f"regularizer: value of {name}", what, "one number for all weights together", fix)
    if getattr(gradient, "shape", None) != p.shape:
        what = f"shape {gradient.shape}" if hasattr(gradient, "shape") else described(gradient)
        raise ShapeError(f"regularizer: gradient of {name}", what, f"{p.shape}, the parameter's own")


def _new_state(parameters: Sequence[Parameter], starts: Sequence[float]) -> dict[Parameter, tuple[Array, ...]]:
    """The state as it begins, for each parameter, flat, side by side in a buffer for each slot."""
    xp = backends.array_namespace(parameters[0].value)
    buffers = [xp.zeros(_room(parameters), parameters[0].dtype) for _ in starts]
    for buffer, start in zip(buffers, starts):
        if start:
            buffer[...] = start
    parts = [_parts(buffer, parameters) for buffer in buffers]
    return {p: tuple(part[i] for part in parts) for i, p in enumerate(parameters)}


def _parts(flat: Array, parameters: Sequence[Parameter]) -> list[Array]:
    """The buffer, cut into an array for each parameter, which starts where a line of memory does."""
    starts = itertools.accumulate(map(_lines, parameters), initial=0)
    return [flat[start : start + p.size] for p, start in zip(parameters, starts)]


def _room(parameters: Sequence[Parameter]) -> int:
    """How many numbers the buffer for all of them has."""
    return sum(map(_lines, parameters))


def _lines(p: Parameter) -> int:
    """The size of a parameter in whole lines: cores that write to different parts of one line wait for each other."""
    return -(-p.size // _LINE) * _LINE
