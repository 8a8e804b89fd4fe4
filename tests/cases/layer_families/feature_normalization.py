"""Rows of Normalization."""

from __future__ import annotations

from typing import Any

from minidl.layers import Layer, Normalization
from tests.cases.case import Case

CASES: list[Case] = [
    Case("normalization", lambda: Normalization(), (2, 3)),
    Case("normalization_inverse", lambda: Normalization(invert=True), (2, 3), always=False),
    Case("normalization_all", lambda: Normalization(axis=None), (2, 3), always=False),
    Case("normalization_two_axes", lambda: Normalization(axis=(1, 3)), (2, 3, 4)),
    Case("normalization_given", lambda: Normalization(mean=[1.0, 2.0, 3.0], variance=[0.5, 4.0, 0.25]), (2, 3)),
    Case("normalization_given_number", lambda: Normalization((1, 2), 0.5, 4, invert=True), (2, 3), always=False),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (Normalization, {"axis": (1, 2), "mean": [1.0, 2.0], "variance": [0.5, 4.0], "invert": True}),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    "Normalization": {"axis": -1, "mean": None, "variance": None, "invert": False},
}
