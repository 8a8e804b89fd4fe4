"""Objects whose assignments are noticed: what was worked out from their attributes may be out of date after one.

>>> class Lamp(Noticed):
...     brightness = 1
>>> lamp, before = Lamp(), last_assignment()
>>> last_assignment() is before
True
>>> lamp.brightness = 2; last_assignment() is before
False
"""

from __future__ import annotations

from typing import Any

_last = object()  # another object after each assignment: two threads that assign at once cannot make the same


class Noticed:
    """Base of classes of which an assignment to any attribute of any object is noticed."""

    def __setattr__(self, name: str, value: Any) -> None:
        global _last
        super().__setattr__(name, value)
        _last = object()

    def __delattr__(self, name: str) -> None:
        global _last
        super().__delattr__(name)
        _last = object()


def last_assignment() -> object:
    """An object that stands for the last assignment: the same one as long as there was no other."""
    return _last
