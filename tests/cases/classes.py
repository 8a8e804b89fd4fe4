"""The classes of each kind that come with minidl: tests and examples make classes of their own, in the same table."""

from __future__ import annotations

import sys

from minidl import declared


def classes(kind: str) -> dict[str, type]:
    """Names and classes of a kind, without those that a test, a page or an example in a docstring made."""
    return {name: cls for name, cls in declared.classes(kind).items() if _is_ours(cls)}


def _is_ours(cls: type) -> bool:
    return cls.__module__.startswith("minidl.") and getattr(sys.modules[cls.__module__], cls.__name__, None) is cls
