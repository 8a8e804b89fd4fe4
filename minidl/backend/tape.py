"""Recorded steps on the CPU: the kernels that a training step calls are noted once, and called again for the next batches.

A step of a small model spends half of its time in Python between its kernels. For batches of one shape it calls the same
kernels with the same arguments each time, where these are arrays that stay where they are: then a list of calls is all that is
left of it. What is noted:

    compiled functions    with their arguments; the code around them, which shares out work and memory, is left out.
                          Those that follow each other become one call
    other computations    by ``again``: made anew each time, and what comes out is put where it came out the first time
    ops without a kernel  in the same way

What Python decides by looking at numbers would not be decided again, so only layers that say ``replays`` are recorded. And
nothing is trusted: the first step that is replayed is also computed, and where a single bit differs the model goes on as it is
and is not recorded. An input that has been the same in both of these steps (all samples at once, labels that happen to be
equal) has proven nothing: the step is tried once more with inputs turned around, of which nothing remains. Where they are the
same even then, the step in which they are others for the first time is computed as well.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, suppress
from operator import methodcaller
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from minidl.backend.memory import Pool

Method = TypeVar("Method", bound=Callable[..., Any])
Calls = list[tuple[Callable[..., Any], tuple[Any, ...]]]

WARM_UP = 2  # steps that run as they are, in which kernels are compiled
LARGEST = 12 << 20  # bytes that only a recording holds on to; what has more spends its time in kernels
MOST = 16  # recordings of one model, for batches of different shapes
COPIED = 1 << 15  # bytes of an input up to which a copy is quicker than to look where it stands
REASONS_KEPT = 100

_BYTE = ctypes.c_char
_NOWHERE = np.empty(0)  # no input is this array

reasons: list[str] = []  # why steps of this process were not recorded, for the doctor
forks = 0  # how often this process was forked off another: threads of kernels that were noted before do not exist here
tapes: dict[int, Tape] = {}  # of the threads that record now; nearly always empty, which is what kernels ask


def _after_fork() -> None:
    global forks
    forks += 1
    tapes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _one_by_one(calls: Calls, looking_at: Callable[[np.ndarray], Any]) -> Calls:
    return calls


in_one_call: Callable[..., Calls] = _one_by_one  # ``dispatch``, which knows where kernels are, puts their way here


def _none_at_once(*arguments: Any) -> Any:
    raise NotImplementedError


several_of: Callable[..., Any] = _none_at_once  # makes several steps of a recorded one; from the same place


class CannotBeReplayed(Exception):
    """A step does something that is not the same each time."""


class Tape:
    """The calls of one step in their order: functions with their arguments.

    Args:
        inputs: what the step is given, and what is given in its place later: nothing writes to it.
        held: arrays that are there anyway, as state and gradients are.

    Attributes:
        memory: bytes of all other arrays that the calls hold on to. Above ``LARGEST`` nothing is noted any more, or held.
    """

    def __init__(self, inputs: Sequence[np.ndarray] = (), held: Sequence[np.ndarray] = ()) -> None:
        self.calls: Calls = []
        self.memory, self.inputs = 0, inputs
        self._counted = {_whole(array).ctypes.data for array in held}

    def __enter__(self) -> Tape:
        tapes[threading.get_ident()] = self
        return self

    def __exit__(self, *error: object) -> None:
        tapes.pop(threading.get_ident(), None)

    def unheard(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """``function(*args, **kwargs)``, which is noted as a whole: not the calls that it makes."""
        del tapes[threading.get_ident()]
        try:
            return function(*args, **kwargs)
        finally:
            tapes[threading.get_ident()] = self

    def note(self, function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """A call of a compiled function that has been made; one that gives Python a number cannot be replayed."""
        if result is None:
            self._keep(len(self.calls), function, args)
        else:
            self.calls.append((refuse, (f"{function.__name__} returns what Python looks at",)))

    def note_again(self, mark: int, function: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> Any:
        """In place of what was noted since ``mark``: the whole computation; returns its result, which later ones write to."""
        owner = getattr(function, "__self__", None)
        if isinstance(owner, np.ndarray):  # which may be an input: then it is another array in the next step
            function, args = getattr(np.ndarray, function.__name__), (owner, *args)
        result = self._in_memory(result)
        if result is None and not kwargs:
            self._keep(mark, function, args)
        elif isinstance(result, np.ndarray) and not kwargs:
            self._keep(mark, compute_array_again, (function, args, result))
        else:
            self._keep(mark, _compute_again, (function, args, kwargs, result))
        return result

    def _keep(self, mark: int, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """The call in place of those from ``mark`` on."""
        if self.memory > LARGEST:
            return
        for array in map(_whole, _arrays(args)):
            if array.ctypes.data not in self._counted:
                self._counted.add(array.ctypes.data)
                self.memory += array.nbytes
        self.calls[mark:] = [(function, args)]
        if self.memory > LARGEST:
            self.calls.clear()

    def _in_memory(self, result: Any) -> Any:
        """``result`` with numbers, inputs, and views that cannot be written to, as arrays that can."""
        if isinstance(result, np.ndarray):
            fixed = not result.flags.writeable or any(np.may_share_memory(result, given) for given in self.inputs)
            return result.copy() if fixed else result
        if type(result) in (tuple, list):
            return type(result)(self._in_memory(part) for part in result)
        return np.array(result) if isinstance(result, np.generic) else result

    @property
    def objection(self) -> str:
        """Why this step cannot be replayed; empty where it can."""
        return next((args[0] for function, args in self.calls if function is refuse), "")


def current() -> Tape | None:
    """The tape of this thread."""
    return tapes.get(threading.get_ident()) if tapes else None


def refuse(reason: str) -> None:
    """The step that is being noted cannot be replayed. Without a tape nothing happens."""
    tape = current()
    if tape is not None:
        tape.calls.append((refuse, (reason,)))


def again(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``; in a recorded step it is computed anew each time, as NumPy alone is seen by no tape.

    It may change arrays in place and return None, or return new arrays, alone or in tuples.
    """
    tape = current()
    if tape is None:
        return function(*args)
    return tape.note_again(len(tape.calls), function, args, {}, tape.unheard(function, args, {}))


def write(place: Any, value: Any) -> None:
    """``place[...] = value``: the numbers are moved, and with ``again`` nothing but moved."""
    place[...] = value


def add_to(total: Any, value: Any) -> None:
    """``total += value``."""
    total += value


def count(number: Any) -> None:
    """``number += 1``."""
    number += 1


def as_type(array: Any, dtype: Any) -> Any:
    """``array`` in this type: itself where it has it. A recorded step casts numbers and truth values without Python."""
    return array if array.dtype == dtype else again(_as_type, array, np.dtype(dtype))


def _as_type(array: Any, dtype: np.dtype) -> Any:
    return array.astype(dtype)


def cast_of(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """From where to where numbers go in a call that was noted for ``as_type``; None for any other."""
    if function is not compute_array_again or args[0] is not _as_type:
        return None
    return args[1][0], args[2]


def noted(method: Method) -> Method:
    """Mark a method that need not be noted as a whole: it computes by ops, ``as_type`` and ``again``, which note themselves.

    Beside them it may make views, such as ``reshape`` makes of an array in C order.
    """
    method.noted = True  # type: ignore[attr-defined]
    return method


def again_unless_noted(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``, which is ``noted`` piece by piece if it says so; else ``again``."""
    return function(*args) if getattr(function, "noted", False) else again(function, *args)


def op_on_tape(
    tape: Tape, reference: Callable[..., Any], op: Callable[..., Any], by_kernel: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    """``op(*args, **kwargs)`` while a tape runs: the compiled functions its kernel calls are noted, or else the op as a whole.

    ``by_kernel`` gives NotImplemented where the kernel declines, and None where there is one that does not say ``replays``.
    """
    mark = len(tape.calls)
    if all(a.flags.c_contiguous for a in _arrays((args, tuple(kwargs.values())))):  # others are copied for the kernel
        result = by_kernel(args, kwargs)
        if result is NotImplemented:  # now and for ever, as shapes and types stay: what is left of the op is its reference
            return tape.note_again(mark, reference, args, kwargs, tape.unheard(op, args, kwargs))
        if result is not None:
            return result
    return tape.note_again(mark, op, args, kwargs, tape.unheard(op, args, kwargs))


def _compute_again(function: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> None:
    _put(result, function(*args, **kwargs))


def compute_array_again(function: Callable[..., Any], args: Any, result: np.ndarray) -> None:
    """The usual case, in as few words as possible."""
    value = function(*args)
    if value is not result:
        if getattr(value, "shape", None) == result.shape and value.dtype is result.dtype:
            result[...] = value
        else:
            _put(result, value)


def _put(place: Any, value: Any) -> None:
    """Write ``value`` where later calls expect it. Raises CannotBeReplayed for one of another form."""
    if isinstance(place, np.ndarray):
        if place.shape != getattr(value, "shape", None) or place.dtype != getattr(value, "dtype", None):
            raise CannotBeReplayed("a result of another shape or type than before")
        if value is not place:
            place[...] = value
    elif isinstance(place, (tuple, list)):
        if type(value) is not type(place) or len(value) != len(place):
            raise CannotBeReplayed("another number of results than before")
        for of_place, of_value in zip(place, value):
            _put(of_place, of_value)
    elif place is not value and place != value:
        raise CannotBeReplayed(f"{value!r} where {place!r} was before")


def _arrays(values: Any) -> list[np.ndarray]:
    """All arrays within tuples and lists."""
    found = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += _arrays(value)
    return found


def _whole(array: np.ndarray) -> np.ndarray:
    """The array that has the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _View(NamedTuple):
    """An array that looks at the memory of input number ``place``: what stands for it in a call is made of what is given."""

    place: int
    whole: bool  # it is the input as it stands
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    strides: tuple[int, ...]

    def of(self, given: Sequence[np.ndarray]) -> np.ndarray:
        """The same view of what is given now."""
        array = given[self.place]
        return array if self.whole else np.ndarray(self.shape, self.dtype, array, self.offset, self.strides)


class _Recorded:
    """A tape with what goes in and what comes out; trusted once a replayed step equalled the computed one.

    Large inputs are not copied: the few calls that look at them are made for where they stand.
    """

    def __init__(self, tape: Tape, inputs: list[np.ndarray], outputs: Any, quiet: bool = False) -> None:
        self.tape, self.outputs, self.trusted = tape, outputs, False
        self._given = inputs
        self._small = [place for place, a in enumerate(inputs) if a.nbytes <= COPIED]
        self._large = [place for place, a in enumerate(inputs) if a.nbytes > COPIED]
        # What was recorded, of inputs that were never another in a step that agreed.
        self.unproven = {place: a.copy() if place in self._small else a for place, a in enumerate(inputs)}
        self._calls = in_one_call(tape.calls, lambda array: _looking_at(array, inputs))
        self._runs = [function for function, _ in self._calls if hasattr(function, "look_at")]
        self._quiet = quiet and len(self._runs) < len(self._calls)  # else there is nothing of NumPy that could warn
        self._looking: list[tuple[int, Any]] = []  # (position, its arguments)
        for position, (_, args) in enumerate(self._calls):
            template = _looking_at(args, inputs)
            if template is not None:
                self._looking.append((position, template))
        self._out = _looking_at(outputs, inputs)
        self._form: Any = None  # of the data that several steps were made for last, and where these stand
        self._several: Any = None
        self._forms = [(a.shape, a.dtype) for a in inputs]
        self._places: dict[int, np.ndarray] = {}  # of large inputs of several steps

    def proven_for(self, arrays: Sequence[np.ndarray]) -> bool:
        """Whether it has agreed with a computed step in which the inputs were as new as these."""
        return all(_same_bits(arrays[place], first) for place, first in self.unproven.items())

    def agreed(self, arrays: Sequence[np.ndarray]) -> None:
        """It has, in a step with these inputs."""
        self.trusted = True
        self.unproven = {place: first for place, first in self.unproven.items() if _same_bits(arrays[place], first)}

    def replay(self, arrays: Sequence[np.ndarray]) -> Any:
        """The step for these inputs."""
        given = self._given
        for place in self._small:
            given[place][...] = arrays[place]
        for place in self._large:
            if arrays[place] is not given[place]:
                self._look_at(arrays)
                break
        if self._quiet:
            with np.errstate(all="ignore"):
                _make(self._calls)
        else:
            _make(self._calls)
        return self.outputs

    def several(self, rows: Rows, steps: int, fetched: Sequence[Fetched], kept: int) -> tuple[int, list[np.ndarray]]:
        """Up to ``steps`` steps in one call: how many were made, and for the first ``kept`` results a row for each of them.

        They end before one that has to be made by itself, as its numbers are not finite or a kernel found no memory.
        """
        made = self._made_for(rows, [place for place, _ in fetched], kept)
        if made is None or not (rows.order is None or (rows.order.dtype == np.int64 and rows.order.flags.carray)):
            return 0, []
        found = [np.empty((steps, *out.shape), out.dtype) for out in _arrays_of(self.outputs)[:kept]]
        done = made(rows.order, rows.start, rows.size, steps, [table for _, table in fetched], found)
        for place in self._large:  # a replay has to look anew
            self._given[place] = _NOWHERE
        return done, [table[:done] for table in found]

    def _made_for(self, rows: Rows, fetched: list[np.ndarray], kept: int) -> Any:
        """What makes several steps with rows of these arrays; None where nothing does."""
        places = [(a.ctypes.data, a.dtype, a.shape, a.strides) for a in (*rows.data, *fetched)]  # whoever's arrays they are
        form = places, rows.order is not None, rows.finite, kept
        if form != self._form:
            self._form, self._several = form, None
            if len(self._calls) == 1 == len(self._runs) and self._out is None:
                outputs = _arrays_of(self.outputs)[:kept]
                with suppress(NotImplementedError):
                    self._several = several_of(self._runs[0], self._taken(rows), rows.order is not None, fetched, outputs)
        return self._several

    def _taken(self, rows: Rows) -> list[tuple[int, np.ndarray, np.ndarray | None, bool]]:
        """For each input where its rows come from, where they are written (None: nowhere), and whether they must be finite."""
        found: list[tuple[int, np.ndarray, np.ndarray | None, bool]] = []
        for place, (data, finite) in enumerate(zip(rows.data, rows.finite)):
            if not data.flags.c_contiguous or not data.dtype.isnative:
                raise NotImplementedError
            target: np.ndarray | None = self._given[place]
            if place in self._large:
                shape, dtype = self._forms[place]
                stand = rows.order is None and data.dtype == dtype and not finite
                target = None if stand else self._places.setdefault(place, Pool().empty(shape, dtype))
            found.append((place, data, target, finite))
        return found

    def _look_at(self, arrays: Sequence[np.ndarray]) -> None:
        """Have the calls made for large inputs where they stand now."""
        given = self._given
        for place in self._large:
            given[place] = arrays[place] if arrays[place].flags.carray else arrays[place].copy()
            there: Any = given[place]
            address = ctypes.addressof(_BYTE.from_buffer(there))  # five times as quick as ``there.ctypes.data``
            for run in self._runs:
                run.look_at(place, address)
        for position, template in self._looking:
            self._calls[position] = self._calls[position][0], template.of(given)
        if self._out is not None:
            self.outputs = self._out.of(given)


def _make(calls: Calls) -> None:
    for function, args in calls:
        function(*args)


class _Around(NamedTuple):
    """A tuple in which some parts look at inputs."""

    kind: type
    parts: tuple[Any, ...]
    looking: list[tuple[int, Any]]  # (position, _View or _Around)

    def of(self, given: Sequence[np.ndarray]) -> Any:
        """The tuple with views of what is given now."""
        parts = list(self.parts)
        for position, part in self.looking:
            parts[position] = part.of(given)
        return tuple(parts) if self.kind is tuple else self.kind(*parts)


def _looking_at(value: Any, inputs: Sequence[np.ndarray]) -> Any:
    """A ``_View`` for an array that looks at an input, an ``_Around`` for a tuple or list with such in it; else None."""
    if isinstance(value, np.ndarray):
        for place, array in enumerate(inputs):
            offset = value.ctypes.data - array.ctypes.data
            if array.size and 0 <= offset < array.nbytes:
                form = value.shape, value.dtype, value.strides
                whole = form == (array.shape, array.dtype, array.strides)
                return _View(place, whole, value.shape, value.dtype, offset, value.strides)
    elif isinstance(value, (tuple, list)):
        looking = [(position, found) for position, part in enumerate(value) if (found := _looking_at(part, inputs)) is not None]
        if looking:
            return _Around(tuple if type(value) in (tuple, list) else type(value), tuple(value), looking)
    return None


class Rows(NamedTuple):
    """Where the inputs of several steps come from.

    Attributes:
        data: for each input an array (n, ...).
        finite: for each whether its rows have to be finite; a step with others is not made.
        order: indices of all samples, or None: as they stand.
        start: which sample of it is the first one.
        size: samples of a step.
    """

    data: tuple[np.ndarray, ...]
    finite: tuple[bool, ...]
    order: np.ndarray | None
    start: int
    size: int


Fetched = tuple[np.ndarray, np.ndarray]  # an array that steps read, and for each step the numbers that it then has


class Steps(Protocol):
    """What a recorder asks about the steps that it records.

    Attributes:
        quiet: whether NumPy is not to warn of infinities and NaN in them.
    """

    quiet: bool

    def objection(self) -> str:
        """Why they cannot be recorded; empty where they can."""

    def state(self) -> list[np.ndarray]:
        """All arrays that a step changes and does not return: parameters, and what optimizer and layers keep."""

    def aside(self) -> AbstractContextManager[Any]:
        """A step that is computed within it is not counted; its state is put back by who asks."""

    def held(self) -> list[np.ndarray]:
        """Arrays that are there anyway, as state and gradients are, and cost nothing more."""


class Recorder:
    """Runs a step, by its tape where it has one: what ``backend/graphs.py`` is for the GPU."""

    gave_up = False  # as nothing of these steps can be recorded, whatever the batch
    copy = staticmethod(methodcaller("copy"))  # of a result, which the next replay overwrites

    def __init__(self) -> None:
        self._steps: dict[Hashable, int | _Recorded | None] = {}  # steps so far; the tape; None where it cannot be had
        self._forks = forks

    def run(
        self,
        key: Hashable,
        compute: Callable[[list[Any]], Any],
        arrays: Sequence[Any],
        replayed: Callable[[], None],
        steps: Steps,
    ) -> Any:
        """``compute(arrays)``. Steps of one ``key`` differ in nothing but the numbers in memory.

        ``replayed`` does what ``compute`` does on the host besides, counting the step.
        """
        if self._forks != forks:
            self.forget()
            self._forks = forks
        known = self._steps.get(key, 0)
        if isinstance(known, _Recorded):
            if known.trusted and (not known.unproven or known.proven_for(arrays)):
                try:
                    result = known.replay(arrays)
                except CannotBeReplayed as error:  # by what is computed before the update, which ends a step
                    self._steps[key] = None
                    return self._refuse(str(error), compute(list(arrays)))
                replayed()
                return result
            return self._try(key, known, compute, arrays, steps)
        if known is None or (known == 0 and len(self._steps) >= MOST):
            return compute(list(arrays))
        if known < WARM_UP:
            self._steps[key] = known + 1
            return compute(list(arrays))
        return self._record(key, compute, arrays, steps)

    def run_several(
        self, key: Hashable, rows: Rows, steps: int, fetched: Sequence[Fetched], kept: int
    ) -> tuple[int, list[np.ndarray]]:
        """As many steps of ``key`` as can be made at once, see ``_Recorded.several``; 0 where they are made one by one."""
        known = self._steps.get(key)
        if self._forks != forks or not isinstance(known, _Recorded) or not known.trusted or known.unproven:
            return 0, []
        return known.several(rows, steps, fetched, kept)

    def refused(self, key: Hashable) -> bool:
        """Whether steps of this key were found not to be recorded."""
        return self._steps.get(key, 0) is None

    def forget(self) -> None:
        """Drop all recordings, as something else than the numbers in memory has changed."""
        self._steps.clear()

    def _record(self, key: Hashable, compute: Callable[[list[Any]], Any], arrays: Sequence[Any], steps: Steps) -> Any:
        """Compute a step, and note it."""
        self._steps[key] = None
        objection = steps.objection()
        if objection:
            self.gave_up = True
            return self._refuse(objection, compute(list(arrays)))
        inputs = [a.copy() for a in arrays]
        with Tape(inputs, steps.held()) as tape:
            outputs = compute(inputs)
        if tape.memory > LARGEST:
            return self._refuse(f"more than {LARGEST >> 10} KiB, which is what a recording may hold on to", outputs)
        if tape.objection:
            self.gave_up = True
            return self._refuse(tape.objection, outputs)
        self._steps[key] = _Recorded(tape, inputs, outputs, steps.quiet)
        return outputs

    def _try(
        self, key: Hashable, known: _Recorded, compute: Callable[[list[Any]], Any], arrays: Sequence[Any], steps: Steps
    ) -> Any:
        """Replay a step, put everything back and compute it; from now on it is replayed if both gave the same bits."""
        self._steps[key] = None
        of_others = ""
        if not known.trusted:  # inputs that never change would prove nothing, and be looked at in every step
            with suppress(Exception), steps.aside():  # of a batch that nobody gave
                of_others = _both_ways(known, compute, [_turned_around(a) for a in arrays], steps, made_up=True)[1]
        result, reason = _both_ways(known, compute, arrays, steps)
        if reason or of_others:
            return self._refuse(reason or of_others, result)
        self._steps[key] = known
        return result

    @staticmethod
    def _refuse(reason: str, result: Any) -> Any:
        if len(reasons) < REASONS_KEPT:
            reasons.append(reason)
        return result


def _both_ways(
    known: _Recorded, compute: Callable[[list[Any]], Any], arrays: Sequence[Any], steps: Steps, made_up: bool = False
) -> tuple[Any, str]:
    """The step replayed, undone and computed: its result, and how the two differ (empty: in no bit).

    Of inputs that are made up nothing remains: what was computed is undone, too.
    """
    state = steps.state()
    before = [a.copy() for a in state]
    replayed, what = None, ""
    try:
        replayed = [a.copy() for a in (*_arrays_of(known.replay(arrays)), *state)]
    except Exception as error:
        what = str(error) or type(error).__name__
    finally:  # also where the step was interrupted
        _put_back(state, before)
    try:
        result = compute(list(arrays))
        if replayed is None:
            return result, what
        computed = [*_arrays_of(result), *state]
        if len(computed) != len(replayed) or not all(map(_same_bits, computed, replayed)):
            return result, "a replayed step differed from a computed one"
    finally:
        if made_up:
            _put_back(state, before)
    known.agreed(arrays)
    return result, ""


def _put_back(state: Sequence[np.ndarray], before: Sequence[np.ndarray]) -> None:
    for array, old in zip(state, before):
        array[...] = old


def _turned_around(a: np.ndarray) -> np.ndarray:
    """The numbers of an array from the last to the first."""
    return a.reshape(-1)[::-1].reshape(a.shape)


def _arrays_of(result: Any) -> list[np.ndarray]:
    """Everything that a step gives back, in its order."""
    return [np.asarray(a) for a in _leaves(result) if a is not None]


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, (tuple, list)) else [value]


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.nbytes < 1 << 12 or not (a.flags.c_contiguous and b.flags.c_contiguous) or a.nbytes % 8:
        return a.tobytes() == b.tobytes()
    return bool((a.reshape(-1).view(np.int64) == b.reshape(-1).view(np.int64)).all())
