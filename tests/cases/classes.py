"""The classes of each kind that come with minidl: tests make classes of their own, which stand in the same table."""

from __future__ import annotations

from minidl import declared


def classes(kind: str) -> dict[str, type]:
    """Names and classes of a kind, without those that a test or a page made."""
    found = declared.classes(kind)
    return {name: cls for name, cls in found.items() if cls.__module__.startswith("minidl.")}
