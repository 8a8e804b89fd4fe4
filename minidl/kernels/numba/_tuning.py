"""Choices by measurement: of several ways to the same bits, the one that this machine is quickest with.

A table made from a model of processors says which way is tried first. Where it is not known yet what is true here, each way
does the very work at hand some times, by turns; another than the table's is taken only where it is clearly quicker. What was
found is kept beside the kernels, in one file for each processor, and holds for all later runs.

All ways must give the same bits, so that no result depends on how busy a machine was when it was measured.
``config.set_tuning("fixed")``, or ``MINIDL_TUNING=fixed`` in the environment, takes the table's ways and measures nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from minidl import config
from minidl.kernels.numba import _private
from minidl.kernels.numba._folder import FOLDER, Folder

Way = TypeVar("Way")

GAIN = 0.96  # of the table's time: what another way may take at most, to be taken
LONGEST = 0.02  # seconds; work that takes longer is not repeated to save a few per cent of it
ROUNDS, BUDGET = (2, 12), 0.01  # twice: how often each way is tried, at least and at most, and seconds for all in between
TOGETHER = 0.9  # of one thread's time: what several threads may take at most, where they really have cores of their own
EVEN = 1.1  # the quickest time of one half of the rounds, at most, in terms of that of the other half


class Choice(NamedTuple):
    """What was measured: the way's place in the table, and seconds of the table's first way and of this one."""

    place: int
    of_table: float
    seconds: float


class Choices:
    """All choices of this process, and the file in which they are kept.

    Args:
        folder: of the file.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._found: dict[str, Choice] | None = None  # None: not read yet
        self._measuring = threading.Lock()

    def quickest(self, name: str, ways: Sequence[Way], run: Callable[[Way], Any], alone: Way | None = None) -> Way:
        """One of ``ways``, the first of which is the table's; ``run(way)`` does the work, which may be repeated.

        ``name`` is the key under which the choice is kept: it must hold everything that the times and the list depend on.
        ``alone``: of ways for several threads, one that needs a single thread. Where that is as quick, nothing is learnt:
        other programs have the processor's other cores.
        """
        if config.tuning() == "fixed" or len(ways) < 2:
            return ways[0]
        known = self._known().get(name)
        if known is not None and known.place < len(ways):
            return ways[known.place]
        if not self._measuring.acquire(blocking=False):  # another thread measures: two at once would disturb each other
            return ways[0]
        try:
            choice = _measured(ways, run, alone)
            if choice is None:  # a later run of the program may find a quiet moment
                return ways[0]
            self._known()[name] = choice
            self._keep()
        finally:
            self._measuring.release()
        return ways[choice.place]

    def known(self) -> dict[str, Choice]:
        """All that is known, by name."""
        return dict(self._known())

    def _known(self) -> dict[str, Choice]:
        if self._found is None:
            self._found = _choices_in(self._folder.read(_file_name()))
        return self._found

    def _keep(self) -> None:
        """Write all down, with what other processes have found meanwhile."""
        kept = {**_choices_in(self._folder.read(_file_name())), **self._known()}
        self._folder.write(_file_name(), json.dumps(kept).encode())


CHOICES = Choices(FOLDER)


def quickest(name: str, ways: Sequence[Way], run: Callable[[Way], Any], alone: Way | None = None) -> Way:
    """``Choices.quickest`` of this process."""
    return CHOICES.quickest(name, ways, run, alone)


def _measured(ways: Sequence[Any], run: Callable[[Any], Any], alone: Any) -> Choice | None:
    """The quickest of all, or the first where that takes long; None where other programs made the times too uneven to tell."""
    first = min(_seconds(run, ways[0]), _seconds(run, ways[0]))
    if first > LONGEST:
        return Choice(0, first, first)
    for way in ways[1:]:
        run(way)
    rounds = min(max(int(BUDGET / max(first * len(ways), 1e-9)), ROUNDS[0]), ROUNDS[1])
    times = [[_seconds(run, way) for way in ways] for _ in range(2 * rounds)]
    best = [min(of_way) for of_way in zip(*times)]
    place = min(range(len(ways)), key=best.__getitem__)
    place = place if best[place] < GAIN * best[0] else 0
    halves = [[min(of_way) for of_way in zip(*half)] for half in (times[:rounds], times[rounds:])]
    for way in (0, place):  # each half of the rounds must find the same
        quicker, slower = sorted(half[way] for half in halves)
        if slower > EVEN * quicker:
            return None
    if alone is not None and best[place] > TOGETHER * min(_seconds(run, alone) for _ in range(rounds)):
        return None
    return Choice(place, best[0], best[place])


def _seconds(run: Callable[[Any], Any], way: Any) -> float:
    start = time.perf_counter()
    run(way)
    return time.perf_counter() - start


def _file_name() -> str:
    processor = _private.processor() if _private.has("keeping") else ()
    return f"choices-{hashlib.sha256(repr(processor).encode()).hexdigest()[:32]}.json"


def _choices_in(content: bytes | None) -> dict[str, Choice]:
    """The choices of a file; nothing of one that is not as ``_keep`` writes it."""
    try:
        found = {name: Choice(*values) for name, values in json.loads(content or b"{}").items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return found if all(map(_is_written_here, found.values())) else {}


def _is_written_here(choice: Choice) -> bool:
    return type(choice.place) is int and choice.place >= 0 and {type(choice.of_table), type(choice.seconds)} == {float}
