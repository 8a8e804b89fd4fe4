"""``IPython.display``, where IPython is not installed: pictures and pages have no browser to be seen in."""

from __future__ import annotations

from typing import Any


class DisplayObject:
    """What a notebook would show.

    >>> display(SVG("<svg/>"), "text")
    <SVG object>
    text
    """

    def __init__(self, data: Any = None, **options: Any) -> None:
        self.data = data
        self.options = options

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object>"


class SVG(DisplayObject):
    """A drawing."""


class Image(DisplayObject):
    """A picture."""


class HTML(DisplayObject):
    """A page."""


class Markdown(DisplayObject):
    """A text."""


def display(*objects: Any, **options: Any) -> None:
    """Print the objects."""
    for thing in objects:
        print(thing)


def clear_output(wait: bool = False) -> None:
    """A terminal keeps what was printed."""
