"""Who uses which weights: any number of threads that read them, or one thread that changes them.

Training changes weights one after the other. A thread that predicted or saved meanwhile would see some from before a step and
some from after it, and nothing would tell. So whoever reads or changes weights says so here for as long as it takes, and what
does not go together is refused with a sentence. What counts are the weights, not the model: two models may share a layer.

    in another thread  reads   changes        in the same thread, as from a callback
    read               yes     no             yes
    change             no      no             yes, but no model is trained within its own training
"""

from __future__ import annotations

import os
import threading
from typing import Any

from minidl.errors import StateError

_READ, _WRITE, _TRAIN = "read", "write", "train"
_lock = threading.Lock()
_uses: set[Use] = set()  # of this moment, by all threads
_changes: set[Use] = set()  # those among them that change weights: mostly none, and then a reader need not look further


class Use:
    """One use of weights; ``with`` makes it known.

    Args:
        kind: ``"read"``, ``"write"`` or ``"train"``.
        what: the call, for the error of others: ``"predict"``.
        owner: what has the weights: anything with an attribute ``weights``, a list of Parameters.

    Entering raises StateError where a use of another thread does not go together with it.
    """

    __slots__ = ("kind", "owner", "thread", "what")

    def __init__(self, kind: str, what: str, owner: Any) -> None:
        self.kind, self.what, self.owner, self.thread = kind, what, owner, threading.get_ident()

    def __enter__(self) -> Use:
        try:
            with _lock:
                if _changes or self.kind != _READ:
                    self._check()
                _uses.add(self)
                if self.kind != _READ:
                    _changes.add(self)
        except BaseException:  # an interrupt too: what did not begin must not stay
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        with _lock:
            _uses.discard(self)
            _changes.discard(self)

    def _check(self) -> None:
        mine: set[Any] | None = None
        for other in _changes if self.kind == _READ else _uses:
            if other.thread == self.thread:
                if self.kind == other.kind == _TRAIN and self.owner is other.owner:
                    raise StateError(self.what, "a model that is training", "one fit at a time", "wait for it, or train a copy")
                continue
            if mine is None:
                mine = set(self.owner.weights)
            if mine.isdisjoint(other.owner.weights):
                continue
            doing = {_READ: "using", _WRITE: "changing", _TRAIN: "training"}[other.kind]
            received = f"weights that another thread is {doing} ({other.what})"
            raise StateError(self.what, received, f"the end of {other.what}", "wait for it, or use a copy of the model")


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
    global _lock
    _lock = threading.Lock()
    for uses in (_uses, _changes):
        uses -= {use for use in uses if use.thread != threading.get_ident()}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
