"""Notebooks: the cells of an .ipynb file, in their order, and the lines of Jupyter that are no Python.

``%matplotlib inline`` and other settings of a notebook do nothing in a program. ``%time f(x)`` runs ``f(x)``. Commands for a
shell, such as ``!pip install keras``, and all other magics are left out, and a line on stderr says so.
"""

from __future__ import annotations

import json
import linecache
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from minidl.errors import DataError

SETTINGS = {  # of a notebook and its pictures: nothing that a program could miss
    *("matplotlib", "config", "load_ext", "reload_ext", "autoreload", "env", "precision", "pdb", "xmode", "colors", "who"),
    *("whos", "tensorflow_version", "reset", "pprint", "logstart", "watermark"),
}
RUNNERS = ("time", "timeit", "prun", "capture", "memit", "mprun", "lprun")  # what stands behind them runs
_PYLAB = "import numpy, matplotlib; from pylab import *; np = numpy; plt = matplotlib.pyplot"


class Part(NamedTuple):
    """Text of a program, and the name of its file as tracebacks show it."""

    source: str | bytes
    file: str


def cells_of(path: str) -> list[Part]:
    """The cells of code of a notebook (format 3 or 4).

    Raises DataError for what is no notebook.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        cells = content["cells"] if "cells" in content else [c for sheet in content["worksheets"] for c in sheet["cells"]]
        texts = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"]
        sources = [text if isinstance(text, str) else "".join(text) for text in texts]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(path, f"a file that cannot be read as a notebook ({error!r})", "a notebook of Jupyter") from None
    parts = [Part(f"{source}\n", f"{path}, cell {number}") for number, source in enumerate(sources, 1)]
    for source, file in parts:  # where tracebacks look for the lines
        assert isinstance(source, str)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return parts


def without_magic(text: str, number: int, tell: Callable[[int, str], None]) -> str | None:
    """The text with Python in line ``number`` in place of what is Jupyter's; None where that line is none of it.

    >>> without_magic("x = 1\\n  %time fit(x)\\n", 2, print)
    'x = 1\\n  fit(x)\\n'
    >>> without_magic("!pip install keras\\n", 1, print)
    1 !pip install keras
    'pass\\n'
    """
    lines = text.splitlines(keepends=True)
    if not 1 <= number <= len(lines):
        return None
    line = lines[number - 1]
    indent, body, end = re.fullmatch(r"(\s*)(.*?)(\s*)", line, re.DOTALL).groups()  # type: ignore[union-attr]
    if body.startswith("%%"):
        name = body[2:].split(maxsplit=1)[0] if body[2:].split() else ""
        if name in RUNNERS:
            return "".join([*lines[: number - 1], end, *lines[number:]])
        tell(number, body)  # a cell in another language
        return "".join([*lines[: number - 1], *(["\n"] * (len(lines) - number + 1))])
    if body.startswith("%"):
        name, _, rest = body[1:].partition(" ")
        if name in RUNNERS and _statement(rest):
            new = _statement(rest)
        elif name == "pylab":
            new = _PYLAB
        else:
            new = "pass"
            if name not in SETTINGS:
                tell(number, body)
    elif body.startswith("!"):
        new = "pass"
        tell(number, body)
    elif body.startswith("?") or re.fullmatch(r"[\w.]+\?{1,2}", body):
        new = "pass"
    else:
        return None
    lines[number - 1] = indent + new + end
    return "".join(lines)


def _statement(text: str) -> str:
    """What a magic runs, without the magic's own options."""
    return re.sub(r"^(\s*-\w+(\s*\d+)?\s+)*", "", text).strip()


class Shell:
    """What ``get_ipython()`` gives in an exported notebook.

    Args:
        namespace: of the program.
        tell: what is done about a command that is left out.
    """

    def __init__(self, namespace: dict[str, Any], tell: Callable[[str], None]) -> None:
        self.user_ns, self._tell = namespace, tell

    def run_line_magic(self, name: str, line: str = "", *rest: Any) -> None:
        """``%name line``."""
        if name in RUNNERS:
            exec(_statement(line), self.user_ns)
        elif name == "pylab":
            exec(_PYLAB, self.user_ns)
        elif name not in SETTINGS:
            self._tell(f"%{name} {line}".rstrip())

    def magic(self, text: str) -> None:
        """``%text``."""
        name, _, line = text.lstrip("%").partition(" ")
        self.run_line_magic(name, line)

    def run_cell_magic(self, name: str, line: str, cell: str) -> None:
        """``%%name line`` above a cell."""
        if name in RUNNERS:
            exec(cell, self.user_ns)
        else:
            self._tell(f"%%{name} {line}".rstrip())

    def system(self, command: str) -> None:
        """``!command``."""
        self._tell(f"!{command}")

    def getoutput(self, command: str) -> list[str]:
        """``lines = !command``: it is left out, and there are no lines."""
        self._tell(f"!{command}")
        return []
