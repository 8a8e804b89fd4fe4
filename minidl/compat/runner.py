"""``python -m minidl run script.py [arguments]``: a script written for Keras 1 or 2, unchanged.

The script runs as ``python script.py`` would run it: ``__name__``, ``__file__``, ``sys.argv``, ``sys.path``, ``__main__``, exit
code and traceback are its own. Only what it imports as ``keras`` (and a little of ``tensorflow`` and ``theano``) is minidl's.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import io
import os
import pkgutil
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from minidl.compat import python2
from minidl.compat.modules import FOR_CHILDREN, install
from minidl.compat.notebooks import Part, Shell, cells_of, without_magic
from minidl.compat.rewrite import main as rewrite
from minidl.compat.spelling import Notices
from minidl.errors import MinidlError, closest

GREETING = "Using minidl backend."
HELP = """usage: python -m minidl run [--quiet] [-u] (script.py | notebook.ipynb | -m module | -c text | -) [arguments]
       python -m minidl run --modern script.py [-o new.py]

Run a program written for Keras 1 or 2, unchanged, with minidl in place of Keras.

  script.py       a file, a notebook, or a folder with __main__.py; - is standard input
  -m module       a module, by its name
  -c text         the text of a program
  arguments       all that follows is the program's
  -q, --quiet     no word about old spellings
  -u              what the program prints is not held back
  --modern        run nothing; write the script in the words of today's minidl, to FILE (-o FILE) or to standard output
"""


@dataclass
class Program:
    """What is run, and what it finds in ``sys`` and in its own namespace.

    Attributes:
        parts: its text; a notebook has several.
        argv: ``sys.argv``.
        folder: the first place of ``sys.path``.
        names: names of its namespace beside ``__name__``.
    """

    parts: list[Part]
    argv: list[str]
    folder: str
    names: dict[str, Any] = field(default_factory=dict)


class CannotRunError(MinidlError, OSError):
    """There is no such program."""


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say, in this process and to its end; returns the exit code of a program that ended by itself."""
    left = list(arguments)
    switches = set()
    while left and left[0] in ("--quiet", "-q", "-u", "--modern", "-h", "--help"):
        switches.add(left.pop(0))
    if {"-h", "--help"} & switches or not left:
        (sys.stdout if left or switches else sys.stderr).write(HELP)
        return 0 if left or switches else 2
    try:
        if "--modern" in switches:
            return rewrite(left)
        program = program_of(left)
    except MinidlError as error:
        sys.stderr.write(f"{error}\n")
        return 1 if left[0] == "-m" else 2  # as python does
    notices = Notices(quiet="--quiet" in switches or "-q" in switches)
    if "-u" in switches:
        sys.stdout, sys.stderr = _unbuffered(sys.stdout), _unbuffered(sys.stderr)
    _choose_screen()
    install(greeting="" if notices.quiet else GREETING)
    warnings.showwarning = notices.show
    if not sys.flags.safe_path:  # the place of the script, where ``python -m minidl`` has put the working folder
        sys.path[0] = program.folder
    sys.path.insert(1, FOR_CHILDREN)
    try:
        run(program, notices.tell)
    except SystemExit:
        raise
    except BaseException as error:
        explain(error)
        sys.excepthook = _Hook(sys.excepthook)  # the one there is may be the program's
        raise
    return 0


# -- what is run -------------------------------------------------------------------------------------------------------


def program_of(arguments: Sequence[str]) -> Program:
    """The program that arguments name.

    Raises CannotRunError where there is none.
    """
    what, *rest = arguments
    if what in ("-c", "-m") and not rest:
        raise CannotRunError(
            "python -m minidl run", f"{what} and nothing behind it", "the text" if what == "-c" else "a module"
        )
    if what == "-c":
        return Program([Part(rest[0], "<string>")], ["-c", *rest[1:]], "")
    if what == "-m":
        return _module(rest[0], rest[1:])
    if what == "-":
        return Program(
            [Part(sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read(), "<stdin>")], ["-", *rest], ""
        )
    if what.startswith("-"):
        known = ("--quiet", "--modern", "-c", "-m", "-u")
        raise CannotRunError("python -m minidl run", f"the option {what}", ", ".join(known), meant=closest(what, known))
    path = os.path.abspath(what)
    if os.path.isdir(path) or path.endswith((".zip", ".pyz")):
        return _folder(path, [what, *rest])
    folder = os.path.dirname(os.path.realpath(path))
    try:
        parts = cells_of(path) if path.endswith(".ipynb") else [Part(Path(path).read_bytes(), path)]
    except OSError as error:
        raise CannotRunError("python -m minidl run", f"{path}: {error.strerror}", "a file that can be read") from None
    names = {"__file__": path, "__cached__": None, "__loader__": SourceFileLoader("__main__", path)}
    return Program(parts, [what, *rest], folder, names)


def _module(name: str, rest: Sequence[str]) -> Program:
    """A module, as ``python -m`` finds it; a package by its ``__main__``."""
    here = os.getcwd()
    if not sys.flags.safe_path and here not in sys.path:
        sys.path.insert(0, here)
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError):
        spec = None
    source: Any = getattr(spec.loader, "get_source", lambda name: None)(spec.name) if spec else None
    if spec is None or source is None:
        raise CannotRunError("python -m minidl run", f"-m {name}", "a module with a source that can be found")
    names = {"__file__": spec.origin, "__cached__": spec.cached, "__spec__": spec, "__loader__": spec.loader}
    return Program([Part(source, str(spec.origin))], [str(spec.origin), *rest], here, {**names, "__package__": spec.parent})


def _folder(path: str, argv: list[str]) -> Program:
    """A folder or a zip file with ``__main__.py``."""
    finder = pkgutil.get_importer(path)
    spec = finder.find_spec("__main__") if finder is not None and hasattr(finder, "find_spec") else None
    if spec is None or spec.loader is None:
        raise CannotRunError("python -m minidl run", path, "a folder or zip file with __main__.py")
    source = spec.loader.get_source("__main__")  # type: ignore[attr-defined]
    names = {"__file__": spec.origin, "__cached__": spec.cached, "__spec__": spec, "__loader__": spec.loader, "__package__": ""}
    return Program([Part(source, str(spec.origin))], argv, path, names)


# -- running it --------------------------------------------------------------------------------------------------------


def run(program: Program, tell: Callable[[str, int, str], None]) -> types.ModuleType:
    """Run a program as ``__main__``; returns its namespace. Whatever it raises goes on to the caller.

    Args:
        program: what is run.
        tell: called with file, line and text where a line of a notebook is left out.
    """
    sys.argv = program.argv
    module = types.ModuleType("__main__")
    vars(module).update(program.names)
    vars(module)["__builtins__"] = builtins
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    codes = [_compiled(part, tell) for part in program.parts]  # all of them, before any runs
    if any("get_ipython" in code.co_names for code in codes) or len(codes) != 1:
        shell = Shell(vars(module), lambda text: tell(*_line_of(codes), text))
        module.get_ipython = lambda: shell  # type: ignore[attr-defined]
        module.display = print  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    for code in codes:
        exec(code, vars(module))
    return module


def _compiled(part: Part, tell: Callable[[str, int, str], None]) -> types.CodeType:
    """The code; lines of Jupyter's are taken out, Python 2 is explained."""
    source, file = part
    while True:
        try:
            tree: Any = compile(source, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            break
        except SyntaxError as error:
            text = _text(source)
            cleared = without_magic(text, error.lineno or 0, lambda number, line: tell(file, number, line)) if text else None
            if cleared is None:
                raise
            source = cleared
    fault = python2.certain_to_fail(tree, file, _text(source))
    if fault is not None:
        raise fault
    return compile(source, file, "exec", dont_inherit=True)


def _text(source: str | bytes) -> str:
    """Text of bytes as Python reads them; "" where it cannot."""
    if isinstance(source, str):
        return source
    try:
        return importlib.util.decode_source(source)
    except (SyntaxError, UnicodeError):
        return ""


def _line_of(codes: list[types.CodeType]) -> tuple[str, int]:
    """The line of the program that is running now."""
    files = {code.co_filename for code in codes}
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename not in files:
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)


# -- its end -----------------------------------------------------------------------------------------------------------


def own_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback that begins with the program: without the frames of whatever started it."""
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


class _Hook:
    """``sys.excepthook``, which is not shown the runner's frames."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        trace = own_frames(trace)
        self.hook(kind, error.with_traceback(trace), trace)


def _is_ours(file: str) -> bool:
    return file == __file__ or file.startswith("<frozen ") or file == str(Path(__file__).parents[1] / "__main__.py")


def explain(error: BaseException) -> None:
    """Add a sentence to an error where there is one that helps: Python 2, and names that Keras 2.1 did not have."""
    python2.explain(error)
    if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] in ("keras", "minidl"):
        error.add_note("There was no such module in Keras 1 or 2, or it has no place in minidl; see docs/keras2.md")
    elif isinstance(error, ImportError) and str(error.name).startswith("minidl.compat."):
        wanted = str(error).partition("cannot import name '")[2].partition("'")[0]
        meant = closest(wanted, [name for name in vars(sys.modules[str(error.name)]) if not name.startswith("_")])
        error.add_note(f"Did you mean {meant!r}?" if meant else "Keras 2.1 had no such name there; see docs/keras2.md")
    elif isinstance(error, ModuleNotFoundError) and error.name == "matplotlib":
        error.add_note("It is not part of minidl: pip install matplotlib")


# -- around it ---------------------------------------------------------------------------------------------------------


def _choose_screen() -> None:
    """Where there is no display, matplotlib draws into memory: ``plt.show()`` goes on at once."""
    has_display = not sys.platform.startswith("linux") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not has_display and not os.environ.get("MPLBACKEND"):
        os.environ["MPLBACKEND"] = "Agg"


def _unbuffered(stream: Any) -> Any:
    """The stream, written at once, as ``python -u`` has it."""
    stream.flush()
    raw = open(stream.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115  (of Windows' console a writer that knows it)
    return io.TextIOWrapper(raw, stream.encoding, stream.errors, write_through=True)
