"""``keras.backend.theano_backend``: the names of ``keras.backend``."""

from __future__ import annotations

from minidl.compat.keras.backend import *  # noqa: F403
from minidl.compat.keras.backend import __all__ as __all__
