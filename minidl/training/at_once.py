"""Short steps of ``fit`` that follow each other without Python in between, where nobody wants to look at each of them.

They last some hundredths of a second together: then Ctrl-C, callbacks and other threads have their turn. How many these are
follows from how long the ones before took; where a single step takes that long, steps are made one by one.
"""

from __future__ import annotations

import time
from typing import Any

from minidl.callbacks import CallbackList
from minidl.data.batches import Batches
from minidl.training.running import Running

LONGEST = 0.02  # seconds, about
FEWEST, MOST = 4, 4096  # steps
_LONGEST_WAIT = 50  # steps, after tries in vain
_KEPT = 1 << 22  # bytes of results that are kept until metrics have seen them


class AtOnce:
    """Makes steps at once, as many as are made in a short time.

    Args:
        step: the training step.
        callbacks: those of ``fit``.
    """

    def __init__(self, step: Any, callbacks: CallbackList) -> None:
        self._step, self._steps = step, FEWEST
        self._tries, self._wait = 0, 0  # how often in vain, and calls until the next try
        self._ended = time.perf_counter()
        self._wanted = hasattr(step, "train_several") and not callbacks.look_at_each_batch

    def train(self, batches: Batches | None, running: Running, index: int) -> int:
        """Train with the next batches and add them to ``running``, the first as number ``index``; returns how many."""
        if not self._wanted or batches is None or running.copies:
            return 0
        if self._wait:
            self._wait -= 1
            return 0
        ahead = batches.ahead()
        if ahead is None:
            return 0
        began, look = time.perf_counter(), bool(running.metrics)
        alone, self._ended = began - self._ended, began  # how long the step took that was just made by itself
        if alone > LONGEST / 2:
            return 0
        steps = min(self._steps, ahead.left)
        done, found = self._step.train_several(ahead, steps, look)
        if not done:  # not yet, or never
            self._wait = min(self._tries, _LONGEST_WAIT)
            self._tries += 1
            return 0
        self._tries = 0
        batches.skip(done)
        end = ahead.start + done * ahead.size
        which = slice(ahead.start, end) if ahead.order is None else ahead.order[ahead.start : end]
        running.add_several(index, ahead.size, found[0], *((found[1], ahead.y[which]) if look else (None, None)))
        self._ended = time.perf_counter()
        self._adapt(self._ended - began, found[-1][0].nbytes)
        return int(done)

    def _adapt(self, seconds: float, kept: int) -> None:
        """Choose how many steps are made next time, after some that took so long; each keeps so many bytes of results."""
        if seconds < LONGEST / 2:
            self._steps = min(2 * self._steps, MOST, max(_KEPT // max(kept, 1), 1))
        elif seconds > LONGEST:
            self._steps = max(self._steps // 2, 1)
