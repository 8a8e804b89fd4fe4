"""What goes down a network together with x: the mode of the pass, the mask of x, and everything the pass would change.

A layer's ``apply(x, context)`` changes nothing. Random numbers have addresses, which the context counts out; new state is
announced to it and taken over by ``commit`` after a whole step, or dropped with the context. The same context therefore gives
the same bits, however often: ``again`` makes one for a pass that is to be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.tape import again, refuse, write
from minidl.errors import ShapeError, StateError
from minidl.layers.state import Carried, State


class Address(NamedTuple):
    """Where a layer's random numbers of this use stand; see ``minidl/backend/random.py``."""

    key: tuple[int, int]  # (seed, stream)
    step: Array  # integers (1,) on the device, so that a recorded step can be replayed
    call: int  # which use of the layer within the pass


class Context:
    """One pass through a network.

    Args:
        training: whether layers behave as in training (dropout, statistics of the batch).
        keep: whether ``apply`` returns what ``gradient`` will need; False saves the memory.
        mask: of x: True where a time step counts, (batch, time); None: all count. A tuple for several inputs.
        step: which training step this is: an integer, or integers (1,) on the device. It is part of every random address.
        penalties: whether penalties that layers announce are part of what the gradient is taken of: then ``gradient`` adds
            theirs. False where the gradient of y alone is wanted, such as a saliency.

    Attributes:
        mask: during ``apply`` the mask of x; behind a container's ``apply`` that of y.

    >>> context = Context(training=True)
    >>> context.training, context.keep, context.mask
    (True, True, None)
    """

    __slots__ = ("_once", "_penalties", "_shared", "_step", "_updates", "_uses", "keep", "mask", "penalties", "training")

    def __init__(
        self, training: bool = False, keep: bool = True, mask: Any = None, step: Any = 0, penalties: bool = True
    ) -> None:
        self.training, self.keep, self.mask, self.penalties = training, keep, mask, penalties
        self._step, self._shared = step, False
        self._once: dict[Any, Any] | None = None  # what was made in the first step of a loop over time
        self._uses: dict[Any, int] = {}
        self._updates: dict[State | Carried, Array] = {}
        self._penalties: list[Array] = []

    def random(self, layer: Any) -> Address:
        """The address of the next random numbers of ``layer`` in this pass."""
        if self._shared:  # by all threads: nothing is counted, and the numbers are the same each time
            return Address(layer.stream.key, backends.current().asarray(np.zeros(1, np.int64)), 0)
        call = self._uses.get(layer, 0)
        self._uses[layer] = call + 1
        if isinstance(self._step, int):
            self._step = backends.current().asarray(np.array([self._step], np.int64))
        return Address(layer.stream.key, self._step, call)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """``make()``; within a loop over time what it gave in the first step, such as a dropout mask for all steps."""
        if self._once is None:
            return make()
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]

    @contextmanager
    def loop(self) -> Iterator[None]:
        """Around a loop over time within a layer: its steps have no mask, and make once what is the same in all."""
        mask, once, self.mask, self._once = self.mask, self._once, None, {}
        try:
            yield
        finally:
            self.mask, self._once = mask, once

    def value(self, state: State | Carried) -> Any:
        """The value of ``state`` as this pass will leave it: what was announced last, or what the last step left."""
        return self._updates.get(state, state.value)

    def update(self, state: State | Carried, value: Any) -> None:
        """Announce a new value of ``state``, which ``commit`` takes over; None begins anew what is carried from batch to batch.

        Raises StateError for what ``new_state`` did not make: parameters are changed by an optimizer only.
        """
        if not isinstance(state, (State, Carried)):
            received = f"a {type(state).__name__} to update"
            raise StateError("context.update", received, "state of a layer", "self.mean = self.new_state('mean', shape)")
        if isinstance(state, State):  # what is carried may be of any size
            held = state.value
            if getattr(value, "dtype", None) is not held.dtype or value.shape != held.shape:
                _check_value(state, value)
        if not self._shared:
            self._updates[state] = value

    def penalize(self, value: Array) -> None:
        """Add a number to the loss of this pass, such as an activity penalty; its gradient is the layer's own business."""
        if getattr(value, "shape", ()) != ():
            received, fix = f"numbers of shape {tuple(value.shape)}", "their sum divided by the number of samples, len(x)"
            raise ShapeError("context.penalize", received, "one number, which is added to the loss of the batch", fix)
        refuse("a layer adds a penalty on its result to the loss")
        if self.penalties and not self._shared:
            self._penalties.append(value)

    @property
    def penalty(self) -> Any:
        """The sum of all penalties of this pass; None where there are none."""
        return sum(self._penalties[1:], self._penalties[0]) if self._penalties else None

    @property
    def has_updates(self) -> bool:
        """Whether ``commit`` would change anything."""
        return bool(self._updates)

    def commit(self) -> None:
        """Take over all new state. In place: a step that is nearly done may not run out of memory."""
        if not self._updates:
            return
        new: Any = self._updates.values()
        own = {id(state.value) for state in self._updates}
        if any(id(value) in own or getattr(value, "base", None) is not None for value in new):
            new = [again(value.copy) if hasattr(value, "copy") else value for value in new]  # it may be part of a state
        for state, value in zip(self._updates, new):
            if isinstance(state, Carried):
                state.take(value)
            else:
                again(write, state.value, value)
        self._updates.clear()

    def again(self, keep: bool = True) -> Context:
        """A context in the state this one is in now, for the same pass once more; what it announces stays with it."""
        other = Context(self.training, keep, self.mask, self._step, self.penalties)
        other._uses, other._updates = dict(self._uses), dict(self._updates)
        return other

    def own(self) -> Context:
        """This context, or a new one in place of ``INFERENCE``, which all share: what containers begin ``apply`` with."""
        return Context() if self._shared else self


def _check_value(state: State, value: Any) -> None:
    """Raise ShapeError or StateError for a value that the array of ``state`` cannot hold as it is."""
    where, shape = f"context.update: state {state.name}", getattr(value, "shape", ())
    if shape != state.shape:
        raise ShapeError(where, f"a value of shape {tuple(shape)}", f"{state.shape}, the state's own")
    dtype = value.dtype if hasattr(value, "dtype") else np.result_type(value)
    if state.dtype.kind in "iub" and dtype.kind not in "iub":
        fix = "new_state(..., dtype='float32') for fractions"
        raise StateError(where, f"numbers of {dtype}", f"{state.dtype}, the state's own", fix)


INFERENCE = Context()
"""The context of ``layer.apply(x)``: inference, and nothing is announced."""
INFERENCE._shared = True
