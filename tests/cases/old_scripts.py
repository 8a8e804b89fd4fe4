"""Old scripts, run inside the test's process by the runner's machinery; behind each everything is as it was."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.backend import random
from minidl.backend.threads import use_threads
from minidl.compat.keras import names, seeding
from minidl.compat.modules import installed
from minidl.compat.notebooks import Part
from minidl.compat.runner import GREETING, Program, program_of, run
from minidl.compat.spelling import Notices, OldSpellingWarning

SCRIPTS = Path(__file__).parents[1] / "compat" / "scripts"
EXTRAS = ("matplotlib", "PIL", "sklearn")  # what old scripts ask for beside Keras
_SETTINGS = ("_dtype", "_epsilon", "_data_format", "_profile")


@contextmanager
def alone(greeting: str = "", quiet: bool = False) -> Iterator[Notices]:
    """Around an old script: what it changes in Python, in NumPy and in minidl is put back."""
    saved = {name: getattr(config, name).value for name in _SETTINGS}
    seed, numbers, state = random._seed, random._numbers, np.random.get_state()  # noqa: NPY002
    argv, path, modules, folder, environ = list(sys.argv), list(sys.path), dict(sys.modules), os.getcwd(), dict(os.environ)
    notices, of_graph = Notices(quiet), seeding._of_graph
    names.forget()
    np.random.seed(0)  # noqa: NPY002  (most scripts set none)
    try:
        with use_threads(config.threads()), installed(greeting), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("always", OldSpellingWarning)
            warnings.simplefilter("ignore", ResourceWarning)  # they leave files open
            warnings.showwarning = notices.show
            yield notices
    finally:
        for name, value in saved.items():
            getattr(config, name).value = value
        random._seed, random._numbers, seeding._of_graph = seed, numbers, of_graph
        np.random.set_state(state)  # noqa: NPY002
        sys.argv, sys.path[:] = argv, path
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.modules["__main__"] = modules["__main__"]
        for name in set(sys.modules) - set(modules):  # the script's own
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(SCRIPTS)):
                del sys.modules[name]
        names.forget()


@contextmanager
def or_skipped() -> Iterator[None]:
    """Around a test's script: where it asks for a package that is not installed here, the test is skipped."""
    try:
        yield
    except ImportError as error:
        missing = [package for package in EXTRAS if f"No module named '{package}" in str(error)]
        if missing and find_spec(missing[0]) is None:
            pytest.skip(f"{missing[0]} is not installed")
        raise


def run_script(path: Any, arguments: Sequence[str] = (), greeting: str = GREETING, quiet: bool = False) -> dict[str, Any]:
    """Run a file; returns its namespace."""
    return _run(program_of([str(path), *arguments]), greeting, quiet)


def run_text(text: str | bytes, file: str = "old.py", greeting: str = "", quiet: bool = False) -> dict[str, Any]:
    """Run a text."""
    return _run(Program([Part(text, file)], [file], ""), greeting, quiet)


def _run(program: Program, greeting: str, quiet: bool) -> dict[str, Any]:
    with alone(greeting, quiet) as notices:
        sys.path.insert(0, program.folder)
        return vars(run(program, notices.tell))
