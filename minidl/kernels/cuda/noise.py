"""Random words on the GPU: drawn there, the same as on the CPU; nothing waits for the counter."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.backend.random import NOISE
from minidl.kernels.cuda._module import Module, blocks

_module = Module("noise.cu")


def random_words(step: Any, key: tuple[int, int], call: int, count: int) -> Any:
    """Kernel of ``ops.noise.random_words``."""
    if step.dtype != "int64" or step.size != 1:
        return NotImplemented
    backend = backend_of(step)
    words = backend.empty((count,), "uint32")
    _module("random_words", step, blocks(-(-count // 8)), words, step, *key, call, NOISE, count, real="float32")
    return words
