"""Who uses which weights: any number of threads that read them, or one thread that changes them.

Training changes weights one after the other. A thread that predicted or saved meanwhile would see some from before a step and
some from after it, and nothing would tell. So whoever reads or changes weights says so here for as long as it takes. What
counts are the weights, not the model: two models may share a layer.

    beside, in another thread   predict, save ... (read)   set, load (write)   fit (train)
    read                        goes on                    waits               StateError
    write                       waits                      waits               StateError
    train                       waits                      waits               StateError

What waits has to wait for one call only, which is short beside training. Who begins to read lets a change that waits already
go first, for a second at most: it might be a helper of the very call that the change waits for. Within one thread everything
goes on, as callbacks need it; only a model is not trained within its own training.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Any

from minidl.errors import StateError

_READ, _WRITE, _TRAIN = "read", "write", "train"
_PATIENCE = 1.0  # seconds in which who begins to read lets a change go first
_LOOK_AGAIN = 0.1  # seconds after which who waits looks by itself: a use that ended by an interrupt tells nobody
_lock = threading.RLock()  # a signal's handler may use a model too, in the middle of what follows
_changed = threading.Condition(_lock)
# Weak references: where an interrupt keeps a use from taking itself out, it goes when its frame does.
_uses: set[weakref.ref[Use]] = set()  # of this moment, by all threads
_changes: set[weakref.ref[Use]] = set()  # those that change weights, or wait for it: mostly none, and a reader is through


class Use:
    """One use of weights; ``with`` makes it known.

    Args:
        kind: ``"read"``, ``"write"`` or ``"train"``.
        what: the call, for the error of others: ``"predict"``.
        owner: what has the weights: anything with an attribute ``weights``, a list of Parameters.

    Entering waits, or raises StateError, where a use of another thread does not go together with it.
    """

    __slots__ = ("__weakref__", "_me", "kind", "owner", "thread", "what")

    def __init__(self, kind: str, what: str, owner: Any) -> None:
        self.kind, self.what, self.owner, self.thread = kind, what, owner, threading.get_ident()
        self._me = weakref.ref(self)

    def __enter__(self) -> Use:
        try:
            with _lock:
                if _changes or self.kind != _READ:
                    self._wait()
                _uses.add(self._me)
        except BaseException:  # an interrupt too: what did not begin must not stay
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        with _lock:
            _uses.discard(self._me)
            if _changes:  # nobody waits where nobody changes anything
                _changes.discard(self._me)
                _changed.notify_all()

    def _wait(self) -> None:
        if self.kind != _READ:
            _changes.add(self._me)
        began = time.monotonic()
        while (other := self._in_the_way(time.monotonic() - began < _PATIENCE)) is not None:
            if other._me in _uses:  # and does not only wait itself
                mine_too = any(use.thread == self.thread and use.kind != _TRAIN for use in _alive(_uses))
                if other.kind == _TRAIN or mine_too:  # two threads that read and wait for each other would wait for ever
                    doing = {_READ: "using", _WRITE: "changing", _TRAIN: "training"}[other.kind]
                    received = f"weights that another thread is {doing} ({other.what})"
                    fix = "wait for it, or use a copy of the model"
                    raise StateError(self.what, received, f"the end of {other.what}", fix)
            _changed.wait(_LOOK_AGAIN)

    def _in_the_way(self, patient: bool) -> Use | None:
        """Another thread's use that does not go together with this one; of those that only wait, for a reader's patience."""
        mine: set[Any] | None = None
        others = _uses if self.kind != _READ else _changes
        if self.kind == _READ and (not patient or any(use.thread == self.thread for use in _alive(_uses))):
            others = _changes & _uses
        for other in _alive(others):
            if other.thread == self.thread:
                if self.kind == other.kind == _TRAIN and self.owner is other.owner:
                    raise StateError(self.what, "a model that is training", "one fit at a time", "wait for it, or train a copy")
                continue
            if mine is None:
                mine = set(self.owner.weights)
            if not mine.isdisjoint(other.owner.weights):
                return other
        return None


def _alive(references: set[weakref.ref[Use]]) -> list[Use]:
    """The uses that still are; the others are forgotten."""
    uses = []
    for reference in tuple(references):
        use = reference()
        if use is None:
            _uses.discard(reference)
            _changes.discard(reference)
        else:
            uses.append(use)
    return uses


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
        return any(use.kind == _TRAIN and use.owner is owner for use in _alive(_changes))


def _after_fork() -> None:
    """In a forked process only the thread that forked goes on; what the others were doing does not happen here."""
    global _lock, _changed
    _lock = threading.RLock()
    _changed = threading.Condition(_lock)
    here = {use._me for use in _alive(_uses) if use.thread == threading.get_ident()}
    for uses in (_uses, _changes):
        uses &= here


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
