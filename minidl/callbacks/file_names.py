"""File names with fields, such as ``"epoch{epoch:02d}-{val_loss:.2f}.safetensors"``: only numbers get in, and no separators."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Real
from string import Formatter
from typing import Any

from minidl.errors import ArgumentError, ArgumentTypeError, closest, described

_SEPARATORS = ("/", "\\", "\0")


class FileName:
    """A pattern whose fields are names of numbers, with the formats of Python: ``{epoch:02d}``.

    A field is a name as a whole: no attribute or item of an object can be reached by it. Raises ArgumentError for a pattern
    that could not be filled in; what the names are is checked by ``check``.

    >>> FileName("epoch{epoch:02d}-{val_loss:.2f}", "ModelCheckpoint").path({"epoch": 3, "val_loss": 0.126})
    'epoch03-0.13'
    """

    def __init__(self, pattern: str, where: str) -> None:
        self.pattern, self._where = pattern, where
        example = "fields such as {epoch:02d} or {val_loss:.2f}"
        try:
            self._pieces = list(Formatter().parse(pattern))
        except ValueError as error:
            received = f"filepath={pattern!r} ({error})"
            raise ArgumentError(where, received, example, "write {{ and }} for braces that are no fields") from None
        self.fields = [field for _, field, _, _ in self._pieces if field is not None]
        for _, field, spec, conversion in self._pieces:
            if field is None:
                continue
            if not field or field.isdigit() or conversion or "{" in str(spec):
                shown = f"{{{field}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"
                raise ArgumentError(where, f"the field {shown} in filepath={pattern!r}", example)
            self._text(field, 1 if field in ("epoch", "batch") else 0.5, str(spec))

    @property
    def folder(self) -> str | None:
        """The folder, where it does not depend on the fields; "" is the current one."""
        first, *others = [literal for literal, _, _, _ in self._pieces] or [""]
        return None if any(os.path.dirname(f"x{literal}") for literal in others) else os.path.dirname(first)

    def check(self, names: Sequence[str], fix: str = "") -> None:
        """Raise ArgumentError for a field that is none of ``names``."""
        for field in self.fields:
            if field not in names:
                received, expected = f"the field {{{field}}} in filepath={self.pattern!r}", f"one of {', '.join(names)}"
                raise ArgumentError(self._where, received, expected, fix, closest(field, names))

    def path(self, values: Mapping[str, Any]) -> str:
        """The pattern with the values of its fields."""
        return "".join(
            literal + ("" if field is None else self._text(field, values[field], str(spec)))
            for literal, field, spec, _ in self._pieces
        )

    def _text(self, field: str, value: Any, spec: str) -> str:
        shown = f"the field {{{field}{f':{spec}' if spec else ''}}} in filepath={self.pattern!r}"
        if not isinstance(value, Real):  # a text could lead out of the folder
            raise ArgumentTypeError(self._where, f"{described(value)} for {shown}", "a number")
        try:
            text = format(value, spec)
        except ValueError as error:
            raise ArgumentError(
                self._where, f"{shown} ({error})", "a format of numbers", "{epoch:02d}, {val_loss:.2f}"
            ) from None
        if any(separator in text for separator in _SEPARATORS):
            raise ArgumentError(self._where, f"{shown}, which gives {text!r}", "a part of a file's name, without separators")
        return text
