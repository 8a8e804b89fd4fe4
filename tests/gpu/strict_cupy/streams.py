"""``cupy.cuda`` of the stand-in: kernels run at once, copies on another stream as late as events allow, pinned memory.

A copy is made when somebody waits for it and not before: who forgets to wait reads poison, and who overwrites pinned memory
before its copy is over sends the wrong numbers. Who gives pinned memory back without having waited for its copy on the host is
counted (``device.given_back_early``). ``log`` says which stream did what and waited for whom.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from tests.gpu import on_cpu
from tests.gpu.strict_cupy.device import OutOfMemoryError, device

log: list[tuple[str, str]] = []


class Stream:
    """Work in order; on the null stream, where kernels run, there is never any left."""

    def __init__(self, non_blocking: bool = False, name: str = "copies") -> None:
        self.ptr, self.name = (0 if name == "compute" else 1), name
        self.left: list[Callable[[], None]] = []
        self.done = 0
        self.known_to_be_done = 0  # on the host

    def put(self, work: Callable[[], None]) -> None:
        self.left.append(work)
        if self.name == "compute":
            self.run_to(self.position)

    @property
    def position(self) -> int:
        return self.done + len(self.left)

    def run_to(self, position: int) -> None:
        while self.done < position:
            self.left.pop(0)()
            self.done += 1

    def wait_event(self, event: Event) -> None:
        log.append((self.name, f"waits for {event.what}"))
        event.arrive()

    def synchronize(self) -> None:
        device.wait("Stream.synchronize")
        self.run_to(self.position)
        self.known_to_be_done = self.done

    def begin_capture(self) -> None:
        assert self.name != "compute", "the default stream cannot be recorded"
        assert current[-1] is self, "work would go to another stream"
        assert pools, "memory of a graph is a pool's of its own"
        on_cpu.recording = []

    def end_capture(self) -> Graph:
        graph, on_cpu.recording = Graph(on_cpu.recording or []), None
        return graph

    def __enter__(self) -> Stream:
        current.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        current.pop()


class Graph:
    """Launches in order, on the memory they were recorded with."""

    launched = 0

    def __init__(self, work: list[Callable[[], None]]) -> None:
        self.work = work

    def launch(self, stream: Stream) -> None:
        Graph.launched += 1
        for launch in self.work:
            launch()


class MemoryPool:
    """Only its use is seen."""

    def malloc(self, nbytes: int) -> None:
        raise NotImplementedError


@contextmanager
def using_allocator(allocator: Callable[[int], None]) -> Iterator[None]:
    pools.append(allocator)
    try:
        yield
    finally:
        pools.pop()


class Event:
    """A place in a stream."""

    def __init__(self, disable_timing: bool = False) -> None:
        self.stream: Stream | None = None
        self.position = 0
        self.what = "nothing"

    def record(self, stream: Stream) -> None:
        self.stream, self.position, self.what = stream, stream.position, f"{stream.name} {stream.position}"

    def arrive(self) -> None:
        if self.stream is not None:
            self.stream.run_to(self.position)

    def synchronize(self) -> None:
        if self.stream is not None and self.stream.name == "compute":
            device.wait("Event.synchronize")
        self.arrive()
        if self.stream is not None:
            self.stream.known_to_be_done = max(self.stream.known_to_be_done, self.position)


def copy_to(target: np.ndarray, host: np.ndarray, stream: Stream | None) -> None:
    """``ndarray.set``."""
    stream = stream or compute
    device.uploads += 1
    _read_by[_owner(host)] = stream, stream.position + 1

    def copy() -> None:
        log.append((stream.name, "copies"))
        target[...] = host

    stream.put(copy)


_read_by: dict[int, tuple[Stream, int]] = {}  # pinned memory: the last copy from it


def _owner(host: np.ndarray) -> int:
    while isinstance(host.base, np.ndarray):
        host = host.base
    return id(host.base.obj) if isinstance(host.base, memoryview) else id(host)


def _given_back(owner: int) -> None:
    stream, position = _read_by.pop(owner, (compute, 0))
    device.given_back_early += stream.known_to_be_done < position


def pinned(nbytes: int) -> memoryview:
    """``cupy.cuda.alloc_pinned_memory``: a little more than was asked for."""
    block = np.full(nbytes + 512, 0xFF, np.uint8)
    weakref.finalize(block, _given_back, id(block)).atexit = False
    return memoryview(block)


compute = Stream(name="compute")
current = [compute]
pools: list[Callable[[int], None]] = []
runtime = SimpleNamespace(
    getDeviceProperties=lambda number: {"name": b"stand-in", "major": 9, "minor": 0},
    memGetInfo=lambda: (device.free, 8_000_000_000),
    driverGetVersion=lambda: 13000,
    runtimeGetVersion=lambda: 13000,
    getDeviceCount=lambda: 1,
)
cuda = SimpleNamespace(
    Stream=Stream,
    Event=Event,
    get_current_stream=lambda: current[-1],
    MemoryPool=MemoryPool,
    using_allocator=using_allocator,
    is_available=lambda: True,
    Device=lambda *number: SimpleNamespace(id=0, compute_capability="90"),
    runtime=runtime,
    nvrtc=SimpleNamespace(getVersion=lambda: (13, 0)),
    alloc_pinned_memory=pinned,
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
)
