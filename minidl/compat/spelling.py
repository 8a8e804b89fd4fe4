"""What a script is told where it spells something in the way of Keras 1 or 2: the call of today, once for each line."""

from __future__ import annotations

from typing import Any

from minidl.declared import Declared
from minidl.errors import warn


class OldSpellingWarning(FutureWarning):
    """A call that was translated; it did what it did in Keras 2.1."""


def told(old: str, today: str) -> None:
    """Warn that ``old`` is written ``today`` in minidl, at the line of the script that wrote it."""
    warn(f"{old} is written {today} in minidl", OldSpellingWarning)


def call_text(name: str, positional: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    """A call as a script has it, with long values cut.

    >>> call_text("Dense", (10,), {"init": "uniform"})
    "Dense(10, init='uniform')"
    """
    parts = [_short(value) for value in positional]
    return f"{name}({', '.join([*parts, *(f'{key}={_short(value)}' for key, value in keywords.items())])})"


def _short(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return "array"
    if isinstance(value, (list, tuple)) and any(hasattr(item, "shape") for item in value):
        return "[arrays]"
    text, longest = repr(value), 500 if isinstance(value, Declared) else 60  # layers within layers are whole
    return text if len(text) <= longest and "\n" not in text else f"<{type(value).__name__}>"
