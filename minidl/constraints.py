"""Placeholder."""

from __future__ import annotations

from typing import Any

from minidl.declared import Declared, find


class Constraint(Declared):
    """Base."""

    table = "constraint"


def get(identifier: Any, where: str) -> Any:
    """None stays."""
    return None if identifier is None else find("constraint", identifier, where, "constraint", example="MaxNorm(2)")
