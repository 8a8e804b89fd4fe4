"""What is wrong with a callback that a user wrote, said before training: otherwise a moment would fail late, or never come."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from minidl.callbacks.base import MOMENTS, OF_OTHER_LIBRARIES, OLDER_NAMES, Callback
from minidl.errors import ArgumentTypeError, closest

_ALIKE = 0.8  # a name that is less like a moment is a callback's own


def methods(callback: Callback, moment: str) -> list[Callable[..., Any]]:
    """What has to be called at a moment: the callback's method, or nothing where it has only the base's empty one."""
    names = (moment, OLDER_NAMES.get(moment, moment))  # the base's method calls the older name
    return [getattr(callback, moment)] if any(_is_overridden(callback, name) for name in names) else []


def check_moments(callback: Callback, where: str) -> None:
    """Raise ArgumentTypeError for a moment that cannot be called with its arguments, or whose name is misspelt."""
    name = type(callback).__name__
    for moment in dir(callback):
        if not moment.startswith("on_") or (moment in MOMENTS and not _is_overridden(callback, moment)):
            continue
        method = getattr(callback, moment)
        if moment in MOMENTS:
            _check_method(method, moment, f"{where}: {name}")
        elif callable(method) and (meant := closest(moment, MOMENTS, OF_OTHER_LIBRARIES, _ALIKE)):
            received = f"a method {moment}, which is never called"
            fix = f"rename it; a method of your own needs a name that is less like {meant}"
            raise ArgumentTypeError(f"{where}: {name}", received, "the names of Callback's methods", fix, meant)


def _is_overridden(callback: Callback, moment: str) -> bool:
    return moment in vars(callback) or getattr(type(callback), moment) is not getattr(Callback, moment)


def _check_method(method: Any, moment: str, where: str) -> None:
    arguments = list(inspect.signature(getattr(Callback, moment)).parameters)[1:]
    wanted = f"{moment}(self, {', '.join(arguments)})"
    if not callable(method):
        raise ArgumentTypeError(where, f"{moment} = {method!r}", f"a method {wanted}")
    if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        kind = "an async function" if inspect.iscoroutinefunction(method) else "a function with yield"
        raise ArgumentTypeError(where, f"{kind} as {moment}, whose body would never run", f"a method {wanted}")
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # some functions written in C do not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        own = [] if getattr(method, "__self__", None) is None else ["self"]
        given = str(signature.replace(return_annotation=inspect.Signature.empty))[1:-1]
        texts = ", ".join([*own, *([given] if given else [])])
        expected = f"{', '.join(arguments)}{' behind self' if own else ''}"
        fix = f"def {wanted}:" if own else f"lambda {', '.join(arguments)}: ..."
        raise ArgumentTypeError(where, f"{moment}({texts})", f"the arguments {expected}", fix) from None
