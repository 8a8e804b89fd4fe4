"""Every error minidl raises on purpose: where it happened, what was received, what was expected, how to fix it.

Values and shapes are ValueErrors, wrong types are TypeErrors, wrong order of calls is a RuntimeError, so that code which
catches the built-in classes keeps working.
"""

from __future__ import annotations

LONGEST = 500  # characters of a message that quotes a file of unknown origin
_PARTS = (140, 160, 80, 80)  # where, received, expected and fix keep at least so many of them


class MinidlError(Exception):
    """Base of all of minidl's errors.

    Args:
        where: the layer, argument or file concerned, for example ``"dense_1 (Dense)"``.
        received: what was given.
        expected: what would have been accepted.
        fix: the next thing to try.

    >>> print(ArgumentError("Dense", received="units=0", expected="a positive integer", fix="Dense(10)"))
    Dense: received units=0; expected a positive integer. To fix it: Dense(10).
    """

    _quotes_files = False  # True: the message is printable and cut to ``LONGEST``; the attributes hold everything

    def __init__(self, where: str, received: str = "", expected: str = "", fix: str = "") -> None:
        self.where, self.received, self.expected, self.fix = where, received, expected, fix
        if self._quotes_files:
            where, received, expected, fix = _shortened(*map(printable, (where, received, expected, fix)))
        text = where
        if received:
            text += f": received {received}"
        if expected:
            text += f"{'; ' if received else ': '}expected {expected}"
        text += "."
        if fix:
            text += f" To fix it: {fix}."
        super().__init__(text)

    def __reduce__(self) -> tuple:
        return type(self), (self.where, self.received, self.expected, self.fix)


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
    """Data at the door of fit, evaluate or predict cannot be used: lengths, labels, emptiness."""


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


class OutOfMemoryError(MinidlError, MemoryError):
    """The device's memory is not enough for this batch; the model is as before the step."""


class NumericWarning(RuntimeWarning):
    """The numbers went wrong (NaN or infinity) but the computation goes on."""


class DataWarning(UserWarning):
    """The data can be used, but probably not as was meant."""
