"""What is said of programs written for Python 2: the line, and how Python 3 writes it. They are explained, never run.

What is certain to fail is found before anything runs: syntax, and names such as ``xrange`` where the program cannot but come
past them. The rest is explained where it fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

NAMES = {
    "xrange": "range(...)",
    "raw_input": "input(...)",
    "unicode": "str",
    "unichr": "chr(...)",
    "basestring": "str",
    "long": "int",
    "file": "open(...)",
    "execfile": "exec(open(path).read())",
    "reduce": "functools.reduce(...)",
    "reload": "importlib.reload(...)",
    "cmp": "(a > b) - (a < b)",
    "apply": "function(*arguments)",
    "buffer": "memoryview(...)",
}
METHODS = {
    "iteritems": "items()",
    "iterkeys": "keys()",
    "itervalues": "values()",
    "has_key": "key in dictionary",
    "next": "next(iterator)",
    "func_name": "__name__",
    "izip": "zip(...)",
    "imap": "map(...)",
    "maketrans": "str.maketrans(...)",
}
MODULES = {
    "cPickle": "import pickle",
    "cStringIO": "from io import StringIO",
    "StringIO": "from io import StringIO",
    "urllib2": "import urllib.request",
    "urlparse": "from urllib.parse import urlparse",
    "ConfigParser": "import configparser",
    "Queue": "import queue",
    "Tkinter": "import tkinter",
    "HTMLParser": "import html.parser",
    "httplib": "import http.client",
    "commands": "import subprocess",
    "__builtin__": "import builtins",
}
_RESULTS = {  # what Python says of things that were lists in Python 2
    r"'(dict_keys|dict_values|dict_items|map|filter|zip)' object is not subscriptable": "a list, as it was: list(...)[...]",
    r"object of type '(map|filter|zip)' has no len": "a list, as it was: len(list(...))",
    r"'(range)' object does not support item assignment": "a list, as it was: list(range(...))",
    r"'(float)' object cannot be interpreted as an integer": "a whole number: a // b, where a / b was one",
    r"unsupported operand type\(s\) for >>: 'builtin_function_or_method'": "print(text, file=stream)",
}
_SYNTAX = (  # (the line, what is said of it)
    (r"print\s*(>>)\s*(?P<stream>[^,]+),\s*(?P<rest>.*)", "print({rest}, file={stream})"),
    (r"print\s+(?P<rest>[^=\s(].*),$", 'print({rest}, end=" ")'),
    (r"print\s+(?P<rest>[^=\s].*)", "print({rest})"),
    (r"exec\s+(?P<rest>[^(].*)", "exec({rest})"),
    (r"except\s+(?P<rest>[^:]+?)\s*,\s*(?P<name>\w+)\s*:.*", "except {rest} as {name}:"),
    (r"raise\s+(?P<rest>[\w.]+)\s*,\s*(?P<name>.+)", "raise {rest}({name})"),
    (r".*<>.*", "a != b"),
    (r".*`.*`.*", "repr(x)"),
    (r".*\b0[0-7]+\b.*", "0o17, with the letter o, for numbers to the base 8"),
    (r".*\b\d+[lL]\b.*", "10, without the letter L"),
    (r".*\b(ur|UR|Ur|uR)['\"].*", "r'...'"),
    (r".*\blambda\s*\(.*|def\s+\w+\s*\((.*,\s*)?\(\w.*", "a name for each argument"),
)


def explain(error: BaseException) -> None:
    """Add to an error, where Python 2 is behind it, how Python 3 writes it; a syntax error says it first."""
    if isinstance(error, SyntaxError):
        line = (error.text or "").strip()
        today = _syntax_today(line) if type(error) is SyntaxError else ""
        if today and WHOLE_FILE not in getattr(error, "__notes__", ()):
            error.msg = f"this is Python 2; in Python 3: {today}"
            error.add_note(WHOLE_FILE)
        return
    today = _today(error)
    if today:
        error.add_note(f"This is Python 2; in Python 3: {today}")
    elif isinstance(error, TypeError):
        for pattern, needed in _RESULTS.items():
            if re.search(pattern, str(error)):
                error.add_note(f"Python 2 took this; Python 3 needs {needed}")


WHOLE_FILE = "The program was not run. `2to3 -w FILE` (with Python up to 3.12; or `futurize`) rewrites a whole file."


def _syntax_today(line: str) -> str:
    for pattern, today in _SYNTAX:
        found = re.fullmatch(pattern, line.partition("  #")[0].rstrip())
        if found and not (today == "print({rest})" and line.endswith((",", "(", "\\"))):
            return today.format(**found.groupdict())
        if found:
            return "print(...)"
    return ""


def _today(error: BaseException) -> str:
    name = getattr(error, "name", None) or ""
    if isinstance(error, ModuleNotFoundError):
        return MODULES.get(name.partition(".")[0], "")
    if isinstance(error, ImportError):
        wanted = re.match(r"cannot import name '(\w+)'", str(error))
        return METHODS.get(wanted[1], "") if wanted and name in ("itertools", "string") else ""
    if isinstance(error, AttributeError):
        iterates = hasattr(getattr(error, "obj", None), "__next__")
        return METHODS.get(name, "") if name != "next" or iterates else ""
    if isinstance(error, NameError):
        return NAMES.get(name, "")
    return ""


def certain_to_fail(tree: ast.Module, path: str, text: str) -> SyntaxError | None:
    """The first place that Python 3 cannot run and the program is sure to reach; None where there is none.

    >>> certain_to_fail(ast.parse("for i in xrange(3): pass"), "a.py", "for i in xrange(3): pass").msg
    'xrange is Python 2; in Python 3: range(...)'
    >>> source = "try: xrange\\nexcept NameError: xrange = range\\nfor i in xrange(3): pass"
    >>> certain_to_fail(ast.parse(source), "a.py", source)
    """
    bound = _bound(tree)
    lines = text.splitlines()
    for node in _certain(tree.body):
        said = ""
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and bound is not None:
            if node.id in NAMES and node.id not in bound:
                said = f"{node.id} is Python 2; in Python 3: {NAMES[node.id]}"
        elif isinstance(node, ast.Expr):
            first = node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value
            shifts = isinstance(first, ast.BinOp) and isinstance(first.op, ast.RShift)
            if isinstance(first, ast.BinOp) and shifts and isinstance(first.left, ast.Name) and first.left.id == "print":
                said = "print >> is Python 2; in Python 3: print(text, file=stream)"
        if said:
            line = lines[node.lineno - 1] if node.lineno <= len(lines) else ""
            error = SyntaxError(said, (path, node.lineno, node.col_offset + 1, f"{line}\n"))
            error.add_note(WHOLE_FILE)
            return error
    return None


def _bound(tree: ast.Module) -> set[str] | None:
    """Names that the program gives a meaning to anywhere; None where an ``import *`` may bring any."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            from_keras = isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in ("keras", "tensorflow")
            if "*" in found and not from_keras:
                return None
            found.discard("*")
    return found


def _certain(body: list[ast.stmt]) -> Iterator[Any]:
    """What runs, and runs wherever the end of the program is reached: no functions, branches or attempts."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try, ast.TryStar)):
            continue
        if isinstance(statement, ast.If):
            if ast.unparse(statement.test) in ("__name__ == '__main__'", "'__main__' == __name__"):
                yield from _certain(statement.body)
            continue
        if isinstance(statement, ast.For):
            yield from _evaluated(statement.iter)
        if isinstance(statement, (ast.For, ast.With, ast.ClassDef)):
            yield from _certain(statement.body)
        elif not isinstance(statement, ast.While):
            yield from _evaluated(statement)


def _evaluated(node: ast.AST) -> Iterator[Any]:
    """The parts of an expression that are computed whenever it is."""
    if isinstance(node, (ast.Lambda, ast.IfExp, ast.BoolOp)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _evaluated(child)
