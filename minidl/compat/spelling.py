"""What a script is told where it spells something in the way of Keras 1 or 2: the call of today, once for each line."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

from minidl.declared import Declared
from minidl.errors import warn


class OldSpellingWarning(FutureWarning):
    """A call that was translated; it did what it did in Keras 2.1."""


def told(old: str, today: str) -> None:
    """Warn that ``old`` is written ``today`` in minidl, at the line of the script that wrote it."""
    warn(f"{old} is written {today} in minidl", OldSpellingWarning)


class Notices:
    """Warnings as the runner shows them: one line for each line of the script with an old spelling; others as Python does.

    Args:
        quiet: no word about old spellings.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._seen: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def show(
        self, message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
    ) -> None:
        """Stands in for ``warnings.showwarning``."""
        if issubclass(category, OldSpellingWarning):
            if "sklearn" in Path(filename).parts:  # a copy of an estimator, whose call in the script was told
                return
            self._write(filename, lineno, str(message), file)
        else:
            stream = sys.stderr if file is None else file
            if stream is not None:
                stream.write(warnings.formatwarning(message, category, filename, lineno, line))

    def tell(self, filename: str, lineno: int, text: str) -> None:
        """Say that a line of a notebook is left out."""
        self._write(filename, lineno, f"left out: {text}", None)

    def _write(self, filename: str, lineno: int, text: str, file: Any) -> None:
        with self._lock:
            if self.quiet or (filename, lineno) in self._seen:
                return
            self._seen.add((filename, lineno))
        stream = sys.stderr if file is None else file
        if stream is not None:
            stream.write(f"{_near(filename)}:{lineno}: {text}\n")


def _near(filename: str) -> str:
    """A path as it is seen from the working folder, where it is inside."""
    try:
        near = os.path.relpath(filename)
    except (ValueError, OSError):  # another drive; the folder is gone
        return filename
    return near if os.path.isabs(filename) and not near.startswith("..") else filename


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
