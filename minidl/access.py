"""Who uses which weights: any number of threads that read them, or one thread that changes them.

Training changes weights one after the other. A thread that predicted or saved meanwhile would see some from before a step and
some from after it, and nothing would tell. So whoever reads or changes weights says so here for as long as it takes. What
counts are the weights, not the model: two models may share a layer.

    beside, in another thread   predict, save ... (read)   set, load (write)   fit (train)
    read                        goes on                    waits               StateError
    write                       waits                      waits               StateError
    train                       waits                      waits               StateError

What waits has to wait for one call only, which is short beside training. Who reads comes behind a change that waits already.
Within one thread everything goes on, as callbacks need it; only a model is not trained within its own training.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from minidl.errors import StateError

_READ, _WRITE, _TRAIN = "read", "write", "train"
_lock = threading.Lock()  # entered by itself, which is quicker than through the condition
_changed = threading.Condition(_lock)
_uses: set[Use] = set()  # of this moment, by all threads
_changes: set[Use] = set()  # those that change weights, or wait for it: mostly none, and then a reader need not look further


class Use:
    """One use of weights; ``with`` makes it known.

    Args:
        kind: ``"read"``, ``"write"`` or ``"train"``.
        what: the call, for the error of others: ``"predict"``.
        owner: what has the weights: anything with an attribute ``weights``, a list of Parameters.

    Entering waits, or raises StateError, where a use of another thread does not go together with it.
    """

    __slots__ = ("kind", "owner", "thread", "what")

    def __init__(self, kind: str, what: str, owner: Any) -> None:
        self.kind, self.what, self.owner, self.thread = kind, what, owner, threading.get_ident()

    def __enter__(self) -> Use:
        try:
            with _lock:
                if _changes or self.kind != _READ:
                    self._wait()
                _uses.add(self)
        except BaseException:  # an interrupt too: what did not begin must not stay
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        with _lock:
            _uses.discard(self)
            if _changes:  # nobody waits where nobody changes anything
                _changes.discard(self)
                _changed.notify_all()

    def _wait(self) -> None:
        if self.kind != _READ:
            _changes.add(self)  # from now on nobody begins to read
        while (other := self._in_the_way()) is not None:
            mine_too = any(use.thread == self.thread for use in _uses)
            if other.kind == _TRAIN or mine_too:  # two threads that read and wait for each other would wait for ever
                doing = {_READ: "using", _WRITE: "changing", _TRAIN: "training"}[other.kind]
                received = f"weights that another thread is {doing} ({other.what})"
                raise StateError(self.what, received, f"the end of {other.what}", "wait for it, or use a copy of the model")
            _changed.wait()

    def _in_the_way(self) -> Use | None:
        """Another thread's use that does not go together with this one."""
        mine: set[Any] | None = None
        others = _uses if self.kind != _READ else _changes
        if self.kind == _READ and any(use.thread == self.thread for use in _uses):
            others = _changes & _uses  # what only waits, waits for this thread too
        for other in others:
            if other.thread == self.thread:
                if self.kind == other.kind == _TRAIN and self.owner is other.owner:
                    raise StateError(self.what, "a model that is training", "one fit at a time", "wait for it, or train a copy")
                continue
            if mine is None:
                mine = set(self.owner.weights)
            if not mine.isdisjoint(other.owner.weights):
                return other
        return None


def reading(what: str, owner: Any) -> Use:
    """A use that leaves the weights as they are."""
    return Use(_READ, what, owner)


def writing(what: str, owner: Any) -> Use:
    """A use that overwrites the weights, all at once."""
    return Use(_WRITE, what, owner)


def training(what: str, owner: Any) -> Use:
    """A use that changes the weights step by step; between two steps the same thread may use them, from a callback."""
    return Use(_TRAIN, what, owner)


def is_training(owner: Any) -> bool:
    """Whether any thread is training just this owner's weights."""
    with _lock:
        return any(use.kind == _TRAIN and use.owner is owner for use in _changes)


def _after_fork() -> None:
    """In a forked process only the thread that forked goes on; what the others were doing does not happen here."""
    global _lock, _changed
    _lock = threading.Lock()
    _changed = threading.Condition(_lock)
    for uses in (_uses, _changes):
        uses -= {use for use in uses if use.thread != threading.get_ident()}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
