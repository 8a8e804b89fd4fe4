"""``python -m minidl run script.py [arguments]``: a script written for Keras 1 or 2, unchanged.

The script runs as ``python script.py`` would run it: ``__name__``, ``__file__``, ``sys.argv``, ``sys.path``, exit code and
traceback are its own. Only what it imports as ``keras`` (and a little of ``tensorflow`` and ``theano``) is minidl's.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidl.compat.modules import installed
from minidl.compat.spelling import OldSpellingWarning


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m minidl run", description="Run a script written for Keras 1 or 2.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("script", nargs="?", help="the file")
    what.add_argument("-c", dest="command", help="program text")
    what.add_argument("-m", dest="module", help="a module, by its name")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="arguments of the script")
    chosen = parser.parse_args(arguments)
    sys.argv = [chosen.script, *chosen.rest]
    sys.path[0] = str(Path(chosen.script).resolve().parent)
    print("Using minidl backend.", file=sys.stderr)
    with installed(), warnings.catch_warnings():
        warnings.showwarning = _shown
        return run_file(chosen.script)


def run_file(path: str) -> int:
    """Run a file as ``__main__``."""
    source = Path(path).read_bytes()
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    try:
        exec(compile(source, path, "exec"), vars(module))
    except SystemExit:
        raise
    except BaseException as error:
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        traceback.print_exception(type(error), error, frames)
        return 1
    return 0


def _shown(
    message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: str | None = None
) -> None:
    """A translated call in one line; other warnings as Python prints them."""
    if issubclass(category, OldSpellingWarning):
        text = f"{filename}:{lineno}: {message}\n"
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)
