"""Asynchronous copies of batches to the GPU through pinned memory, overlapped with computation on the batch before.

A ring of three slots, each a block of pinned host memory and a block of device memory:

    host      rows -> pinned                        once the slot's last copy has left the pinned memory
    copies              pinned -> device            once the kernels that read the slot's last batch have run
    compute                            kernels      once the copy has arrived

Each "once" is an event, so that streams wait for each other and the host for neither, unless it is two batches ahead.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

SLOTS = 3


class _Slot:
    """Pinned and device memory for one batch, and how far its copies have got."""

    def __init__(self, xp: Any, nbytes: int) -> None:
        self.copied, self.read = xp.cuda.Event(), xp.cuda.Event()
        pinned = xp.cuda.alloc_pinned_memory(max(nbytes, 1))
        self.pinned = np.frombuffer(pinned, np.uint8, nbytes)
        self.device = xp.empty(nbytes, "uint8")

    def __del__(self) -> None:
        """CuPy lends pinned memory that is given back to the next who asks, whatever copy is still to be made from it."""
        if not sys.is_finalizing():
            self.copied.synchronize()


class Stager:
    """Sends arrays of one batch after another; what it returns may be used until two more batches have been sent.

    A batch somebody still holds by then is left alone: its slot gets new memory.
    """

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        self.copies = xp.cuda.Stream(non_blocking=True)
        self._ring: list[_Slot] = []
        self._last: _Slot | None = None

    def send(self, rows: np.ndarray) -> Any:
        """``rows`` on the device; the copy is under way when this returns, and the current stream waits for it."""
        compute = self.xp.cuda.get_current_stream()
        if self._last is not None:
            self._last.read.record(compute)  # by now all kernels that read the last batch have been queued
        slot = self._last = self._next(rows.nbytes)
        slot.copied.synchronize()
        pinned = slot.pinned[: rows.nbytes].view(rows.dtype).reshape(rows.shape)
        pinned[...] = rows
        target = slot.device[: rows.nbytes].view(rows.dtype).reshape(rows.shape)
        self.copies.wait_event(slot.read)
        target.set(pinned, stream=self.copies)
        slot.copied.record(self.copies)
        compute.wait_event(slot.copied)
        return target

    def _next(self, nbytes: int) -> _Slot:
        """A slot of at least this size that nobody holds a batch of."""
        if len(self._ring) == SLOTS:
            slot = self._ring.pop(0)
            if slot.device.nbytes >= nbytes and sys.getrefcount(slot.device) == _HELD_BY_ITS_SLOT:
                self._ring.append(slot)
                return slot
        slot = _Slot(self.xp, nbytes)
        slot.read.record(self.xp.cuda.get_current_stream())  # the memory may have been somebody else's a moment ago
        self._ring.append(slot)
        return slot


_HELD_BY_ITS_SLOT = 2  # references to a slot's memory that no view is left of: the slot's, and getrefcount's argument
