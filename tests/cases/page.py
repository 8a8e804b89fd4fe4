"""The blocks of code of a page; as a program, ``python -m tests.cases.page PAGE``, it runs them.

A block's info string, the words behind its three backticks, says what is asked of it:

    python                          runs, after the blocks before it in the file and in one namespace with them
    output                          what the python block above it prints, to the letter
    python file=minidl/ops/x.py     stands in that file as it stands here; a line ``# ...`` marks where something is left out
    python if=torch,pandas          runs where these are installed
    python no-run                   cannot run here; there must be few of these
    anything else                   is read by people only

For each page a process starts, so this file imports little.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Block(NamedTuple):
    """Three backticks, an info string, some text and three backticks."""

    line: int
    info: str
    text: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, lines = [], text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = number
        else:
            found.append(Block(start + 1, lines[start][3:].strip(), "\n".join(lines[start + 1 : number]) + "\n"))
            start = None
    assert start is None, f"the block that begins in line {start} has no end"
    return found


def run(blocks: list[Block], name: str) -> None:
    """Execute the python blocks in one namespace, and compare what they print with the output blocks."""
    namespace = {"__name__": "__main__"}
    printed = ""
    for block in blocks:
        if block.info == "python" or (block.info.startswith("python if=") and _installed(block)):
            stream = io.StringIO()
            code = compile("\n" * block.line + block.text, name, "exec")  # errors then name the line of the page
            with contextlib.redirect_stdout(stream):
                exec(code, namespace)
            printed = stream.getvalue()
        elif block.info == "output":
            assert printed.strip() == block.text.strip(), f"{name}:{block.line}: it prints\n{printed}"


def _installed(block: Block) -> bool:
    return all(importlib.util.find_spec(name) for name in block.info.partition("=")[2].split(","))


if __name__ == "__main__":
    run(blocks_of(Path(sys.argv[1]).read_text()), name_of(Path(sys.argv[1])))
