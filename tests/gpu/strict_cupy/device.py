"""The stand-in's device: it lends fenced and poisoned memory, counts what passes to and fro, and can run out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from tests.gpu import on_cpu
from tests.gpu.on_cpu import SANITIZED

FENCE = 0 if SANITIZED else 64  # bytes in front of and behind each block; the sanitizer has fences of its own
POISON, MARK = 0xFF, 0xA5


class OutOfMemoryError(MemoryError):
    """As ``cupy.cuda.memory.OutOfMemoryError``."""


class Waited(AssertionError):
    """The program waited for the device where it must not."""


class Device:
    """Counters, and what is forbidden at the moment."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.allocations = self.downloads = self.uploads = self.waits = 0
        self.fails_at: int | None = None  # the number of the allocation that fails
        self.waiting_forbidden = False
        self.free = 2_000_000_000  # bytes, as memGetInfo says
        self.given_back_early = 0  # pinned memory from which a copy was still to be made
        self.released = 0  # how often the pool was asked to give memory back

    def allocate(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Memory with NaN in it, and a fence around."""
        self.allocations += 1
        if self.allocations == self.fails_at:
            nbytes = prod(shape) * np.dtype(dtype).itemsize
            raise OutOfMemoryError(f"Out of memory allocating {nbytes:,} bytes (allocated so far: 1,000 bytes).")
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        raw = np.full(size + 2 * FENCE, POISON, np.uint8)
        raw[:FENCE] = raw[FENCE + size :] = MARK if FENCE else POISON
        return np.frombuffer(raw, dtype, prod(shape), FENCE).reshape(shape)

    def wait(self, why: str) -> None:
        """The program waits for the device."""
        self.unrecordable(why)
        if self.waiting_forbidden:
            raise Waited(f"{why} waits for the device")
        self.waits += 1

    def unrecordable(self, what: str) -> None:
        """Something CUDA cannot put into a graph."""
        if on_cpu.recording is not None:
            raise RuntimeError(f"{what} is not permitted while a stream is being recorded")

    @contextmanager
    def no_waiting(self) -> Iterator[None]:
        """Inside, whatever waits raises."""
        before, self.waiting_forbidden = self.waiting_forbidden, True
        try:
            yield
        finally:
            self.waiting_forbidden = before

    @contextmanager
    def out_of_memory_at(self, n: int) -> Iterator[None]:
        """The n-th allocation from now fails, once."""
        self.fails_at = self.allocations + n
        try:
            yield
        finally:
            self.fails_at = None


device = Device()
