"""``keras.backend.tensorflow_backend``: the names of ``keras.backend``, and the stand-in for TensorFlow as ``tf``."""

from __future__ import annotations

from minidl.compat import tensorflow as tf
from minidl.compat.keras.backend import *  # noqa: F403
from minidl.compat.keras.backend import __all__ as _names


def _get_available_gpus() -> list[str]:
    """None: where minidl computes is said by ``minidl.set_backend``."""
    return []


__all__ = [*_names, "tf"]
