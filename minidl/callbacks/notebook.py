"""A place in a notebook whose content is replaced while a cell runs.

IPython is never imported here: where a notebook runs, its kernel has done so. A kernel is told from an IPython in a terminal by
its attribute ``kernel``.
"""

from __future__ import annotations

import io
import sys
from typing import Any


class Board:
    """What ``show`` gets replaces what it got before, in the output of the cell that showed first.

    Args:
        display: ``IPython.display.display``.
    """

    def __init__(self, display: Any) -> None:
        self._display, self._handle = display, None

    @property
    def shown(self) -> bool:
        """Whether anything was shown."""
        return self._handle is not None

    def show(self, text: str, done: int, steps: int | None) -> bool:
        """Show a line of text behind a bar (one that only moves where nobody knows the end); False where it was not shown."""
        import html  # for notebooks only

        place = f'value="{done}" max="{steps}" ' if steps else ""
        bar = f'<progress {place}style="vertical-align:middle"></progress>'
        line = f'<span style="font-family:monospace;white-space:pre-wrap">{html.escape(text)}</span>'
        content = {"text/plain": text, "text/html": f"<div>{bar} {line}</div>"}
        try:
            if self._handle is None:
                self._handle = self._display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)
        except Exception:  # a front end that is gone: not a reason to stop training
            return False
        return self._handle is not None


def board() -> Board | None:
    """A new place in the notebook that runs this program; None where none does, or where its output goes elsewhere.

    >>> board() is None  # not in a notebook
    True
    """
    try:
        shell = sys.modules["IPython"].get_ipython()
        display = sys.modules["IPython.display"].display
        is_kernel = getattr(shell, "kernel", None) is not None
    except (KeyError, AttributeError):
        return None
    if not is_kernel or isinstance(sys.stdout, (io.StringIO, io.TextIOWrapper)):  # the program put a text or file in its place
        return None
    return Board(display)
