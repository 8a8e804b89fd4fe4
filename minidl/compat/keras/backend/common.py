"""``keras.backend.common``: what holds for the whole program."""

from __future__ import annotations

from minidl.compat.keras.backend.settings import *  # noqa: F403
from minidl.compat.keras.backend.settings import __all__ as __all__
