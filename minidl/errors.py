"""Every error minidl raises on purpose: where it happened, what was received, what was expected, how to fix it.

Values and shapes are ValueErrors, wrong types are TypeErrors, wrong order of calls is a RuntimeError, so that code which
catches the built-in classes keeps working.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 500  # characters of a message that quotes a file of unknown origin
_PARTS = (140, 160, 80, 80)  # where, received, expected and fix keep at least so many of them
_BETWEEN = ("minidl", "numpy", "contextlib")  # packages whose frames lie between a warning and the user's line


class MinidlError(Exception):
    """Base of all of minidl's errors.

    Args:
        where: the layer, argument or file concerned, for example ``"dense_1 (Dense)"``.
        received: what was given.
        expected: what would have been accepted.
        fix: the next thing to try.
        meant: the name that was probably meant, where a name is unknown; see ``closest``.

    >>> print(ArgumentError("Dense", received="units=0", expected="a positive integer", fix="Dense(10)"))
    Dense: received units=0; expected a positive integer. To fix it: Dense(10).
    """

    _quotes_files = False  # True: the message is printable and cut to ``LONGEST``; the attributes hold everything

    def __init__(self, where: str, received: str = "", expected: str = "", fix: str = "", meant: str = "") -> None:
        self.where, self.received, self.expected, self.fix, self.meant = where, received, expected, fix, meant
        if self._quotes_files:
            where, received, expected, fix = _shortened(*map(printable, (where, received, expected, fix)))
        text = where
        if received:
            text += f": received {received}"
        if expected:
            text += f"{'; ' if received else ': '}expected {expected}"
        text += "."
        if meant:
            text += f" Did you mean {meant!r}?"
        if fix:
            text += f" To fix it: {fix}."
        super().__init__(text)

    def __reduce__(self) -> tuple:
        return type(self), (self.where, self.received, self.expected, self.fix, self.meant)


def printable(text: str) -> str:
    """The text without anything that could move the cursor of a terminal.

    >>> printable("a\\x1b[2Jb")
    'a?[2Jb'
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _shortened(*parts: str) -> list[str]:
    """The parts of a message, cut in their middle where all of them together would be too long; what was received first."""
    excess = sum(map(len, parts)) + len(": received ; expected . To fix it: .") - LONGEST
    cut = list(parts)
    for index in (1, 0, 2, 3):
        if excess > 0 and len(parts[index]) > _PARTS[index]:
            keep = max(len(parts[index]) - excess, _PARTS[index])
            cut[index] = parts[index][: keep - keep // 2 - 5] + " ... " + parts[index][len(parts[index]) - keep // 2 :]
            excess -= len(parts[index]) - keep
    return cut


class ShapeError(MinidlError, ValueError):
    """An array or a layer has a shape that does not fit."""


class ArgumentError(MinidlError, ValueError):
    """An argument has a value outside its range."""


class ArgumentTypeError(MinidlError, TypeError):
    """An argument, or an array's element type, is of a kind that cannot be used."""


class DataError(MinidlError, ValueError):
    """Data given to fit, evaluate or predict cannot be used: lengths, labels, emptiness."""


class DatasetError(MinidlError, OSError):
    """A data set could not be found, downloaded or trusted."""

    _quotes_files = True


class CheckpointError(MinidlError, ValueError):
    """A file of weights is damaged, of another kind, or belongs to another model."""

    _quotes_files = True


class NotBuiltError(MinidlError, RuntimeError):
    """A layer or model was used before its input shape, its compilation or its forward pass was known."""


class StateError(MinidlError, RuntimeError):
    """Calls in an order that has no meaning: two fits at once, backward twice, an optimizer of another model."""


class BackendError(MinidlError, RuntimeError):
    """The device asked for cannot be used, or arrays of two devices met."""


class MissingPackageError(MinidlError, ImportError):
    """A library that only this function needs is not installed."""


class OutOfMemoryError(MinidlError, MemoryError):
    """The device's memory is not enough for this batch; the model is as before the step."""


class NumericWarning(RuntimeWarning):
    """The numbers went wrong (NaN or infinity) but the computation goes on."""


class DataWarning(UserWarning):
    """The data can be used, but probably not as was meant."""


def closest(name: Any, names: Iterable[str], aliases: Mapping[str, str] | None = None, alike: float = 0.6) -> str:
    """The one of ``names`` that ``name`` probably stands for; "" where none is near.

    ``aliases`` are names that other libraries use; ``alike``, from 0 to 1, is how near a name has to be.

    >>> closest("rleu", ["relu", "elu", "tanh"]), closest("Adam ", ["adam"]), closest("glorot", ["zeros", "glorot_uniform"])
    ('relu', 'adam', 'glorot_uniform')
    >>> closest("swoosh", ["relu", "elu", "tanh"])
    ''
    """
    if not isinstance(name, str):
        return ""
    plain = {_plain(key): value for key, value in (aliases or {}).items()} | {_plain(choice): choice for choice in names}
    wanted = _plain(name)
    if wanted in plain:
        return plain[wanted]
    from difflib import get_close_matches  # slow to import, and needed only where a name is misspelt

    near = get_close_matches(wanted, plain, n=1, cutoff=alike)
    if not near and len(wanted) > 2:
        near = [choice for choice in plain if wanted in choice][:1]
    return plain[near[0]] if near else ""


def _plain(name: str) -> str:
    """A name without what people most often get wrong: capitals, spaces, hyphens and underscores."""
    return "".join(letter for letter in name.lower() if letter not in " -_")


def described(value: Any) -> str:
    """What an error says was received: the name of a class, or the kind of an object.

    >>> described(int), described(3), described({})
    ('the class int', '3', 'an object of type dict')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    plain = value is None or isinstance(value, (str, int, float))
    return repr(value) if plain else f"an object of type {type(value).__name__}"


def object_of(value: Any, base: type, example: str) -> str:
    """The fix where an object of ``base`` is expected: an object of the class that was given, or ``example``.

    >>> object_of(OSError, Exception, "ValueError()"), object_of(3, Exception, "ValueError()")
    ('OSError()', 'ValueError()')
    """
    if not (isinstance(value, type) and issubclass(value, base)):
        return example
    import inspect  # slow to import

    parameters = list(inspect.signature(value.__init__).parameters.values())[1:]
    needed = any(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    return f"{value.__name__}({'...' if needed else ''})"


def warn(message: str, category: type[Warning]) -> None:
    """Warn, pointing to the line of the user's program that called minidl, however deep inside it the reason was noticed."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
