"""``cupy.cuda`` of the stand-in: one stream on which everything is done at once, and what asks about the device."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.gpu.strict_cupy.device import OutOfMemoryError, device


class Stream:
    """Does everything at once; waiting for it counts."""

    def __init__(self, non_blocking: bool = False) -> None:
        self.ptr = 0

    def synchronize(self) -> None:
        device.wait("Stream.synchronize")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: Any) -> None:
        pass


_stream = Stream()
runtime = SimpleNamespace(
    getDeviceProperties=lambda number: {"name": b"stand-in", "major": 9, "minor": 0},
    memGetInfo=lambda: (2_000_000_000, 8_000_000_000),
)
cuda = SimpleNamespace(
    Stream=Stream,
    get_current_stream=lambda: _stream,
    is_available=lambda: True,
    Device=lambda *number: SimpleNamespace(id=0),
    runtime=runtime,
    memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
)
