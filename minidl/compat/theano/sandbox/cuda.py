"""``theano.sandbox.cuda``: ``use("gpu0")`` is without effect; where minidl computes is said by ``minidl.set_backend``."""

from __future__ import annotations

from typing import Any

cuda_available = cuda_enabled = False


def use(device: str = "", **options: Any) -> None:
    """Without effect."""
