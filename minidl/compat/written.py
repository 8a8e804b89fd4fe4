"""Values of a script that is only read: each remembers how it is written, and can go through the tables of old names.

    Dense(WIDTH, input_dim=2 * n)    gives WIDTH, a number where the script sets it once, and 2 * n, of which nothing is known

What a table makes of them is written again with the script's own words, so that names and expressions stay.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from minidl.declared import Declared, classes


class Whole(int):
    """An integer."""

    text: str


class Number(float):
    """A number."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Text(str):
    """A text."""

    text: str


class Several(tuple):
    """A tuple or list whose items are known as far as they can be."""

    text: str


class Unknown(tuple):
    """Anything: it is a tuple of one thing, so that what makes a tuple of it makes ``(*it,)``."""

    text: str

    def __iter__(self) -> Iterator[Any]:
        starred = Unknown()
        starred.text = f"*{self.text}"
        return iter((starred,))

    def __bool__(self) -> bool:
        return True


def value_of(node: ast.expr, text: str, names: Mapping[str, ast.expr]) -> Any:
    """The value of an expression with its text, as far as literals and names that are set once say it."""
    known: Any
    if isinstance(node, ast.Name) and node.id in names:
        known = value_of(names[node.id], text, {})
        if isinstance(known, (Whole, Number, Text)):
            known.text = text
        return known if known is not None and not isinstance(known, bool) else _unknown(text)
    if isinstance(node, (ast.Tuple, ast.List)) and not any(isinstance(item, ast.Starred) for item in node.elts):
        known = Several(value_of(item, ast.unparse(item), names) for item in node.elts)
    else:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return _unknown(text)
        if value is None or isinstance(value, bool):
            return value
        kind = {int: Whole, float: Number, str: Text}.get(type(value))
        if kind is None:
            return _unknown(text)
        known = kind(value)
    known.text = text
    return known


def _unknown(text: str) -> Unknown:
    made = Unknown((None,))
    made.text = text
    return made


def as_text(value: Any) -> str:
    """How a value is written.

    >>> as_text((1, "a", None)), as_text([2.5])
    ("(1, 'a', None)", '[2.5]')
    """
    if isinstance(value, (Whole, Number, Text, Several, Unknown)):
        return value.text
    if isinstance(value, tuple):
        items = [as_text(item) for item in value]
        if len(items) == 1 and items[0].startswith("*"):
            return items[0][1:]  # (*shape,) is the shape
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(as_text, value))}]"
    if isinstance(value, Declared):
        text = repr(value)
        if text[:1] in "'\"":  # an initializer that is known by a name
            return text
        return qualified(text)
    return repr(value)


def qualified(text: str) -> str:
    """A call with the classes of minidl in it by their full names.

    >>> qualified("SGD(learning_rate=InverseTimeDecay(0.1, 1, 0.5))")
    'SGD(learning_rate=minidl.schedules.InverseTimeDecay(0.1, 1, 0.5))'
    """

    def full(found: re.Match[str]) -> str:
        place = next((place for kind, place in _PLACES.items() if found[1] in classes(kind)), None)
        return f"minidl.{place}.{found[0]}" if place else found[0]

    return re.sub(r"(?<![\w.])(\w+)\(", full, text)


_PLACES = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "layer": "layers",
    "schedule": "schedules",
}
