"""Placeholder."""

from __future__ import annotations

from typing import Any

from minidl.backend import Array, array_namespace
from minidl.declared import Declared, find


class Regularizer(Declared):
    """Base."""

    table = "regularizer"

    def value(self, w: Array) -> Array:
        """R."""
        raise NotImplementedError

    def gradient(self, w: Array) -> Array:
        """dR."""
        raise NotImplementedError


class L1L2(Regularizer):
    """L1L2."""

    aliases = ("l1_l2",)

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = float(l1), float(l2)

    def value(self, w: Array) -> Array:
        """R."""
        xp = array_namespace(w)
        return self.l1 * xp.abs(w).sum() + self.l2 * (w * w).sum()

    def gradient(self, w: Array) -> Array:
        """dR."""
        return self.l1 * array_namespace(w).sign(w) + 2 * self.l2 * w


def get(identifier: Any, where: str) -> Any:
    """None stays."""
    return None if identifier is None else find("regularizer", identifier, where, "regularizer", example="L2(0.01)")
