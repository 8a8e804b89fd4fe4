"""Rows of the layers that join branches."""

from __future__ import annotations

from typing import Any

from minidl.layers import Add, Average, Dot, Layer, Maximum, Minimum, Multiply, Subtract
from tests.cases.case import Case

JOINING = (Add, Average, Multiply, Maximum, Minimum)

CASES: list[Case] = [
    *(Case(f"{cls.__name__.lower()}_two", lambda cls=cls: cls(), ((3,), (3,)), always=cls is not Add) for cls in JOINING),
    *(Case(f"{cls.__name__.lower()}_three", cls, ((2, 3), (2, 3), (2, 3)), always=False) for cls in JOINING if cls is not Add),
    *(Case(f"{cls.__name__.lower()}_steps", cls, ((1, 3), (4, 3)), always=cls is Multiply) for cls in JOINING),
    *(Case(f"{cls.__name__.lower()}_axes", cls, ((3,), (4, 1), (2, 4, 3)), always=cls is Add) for cls in JOINING),
    Case("subtract", lambda: Subtract(), ((2, 3), (2, 3))),
    Case("subtract_steps", lambda: Subtract(), ((4, 3), (1, 3)), always=False),
    Case("dot_vectors", lambda: Dot(1), ((4,), (4,))),
    Case("dot_last", lambda: Dot(-1), ((3, 4), (2, 4)), always=False),
    Case("dot_pair", lambda: Dot((2, 1)), ((3, 4), (4, 5))),
    Case("dot_four_axes", lambda: Dot((1, 2)), ((3, 2, 4), (5, 3)), always=False),
    Case("dot_vector_and_steps", lambda: Dot((1, 2)), ((4,), (3, 4)), always=False),
    Case("dot_normalized", lambda: Dot((1, -1), normalize=True), ((4, 3), (2, 4))),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    *((cls, {}) for cls in (Average, Maximum, Minimum, Multiply, Subtract)),
    (Dot, {"axes": (2, 1), "normalize": True}),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    **{cls.__name__: {} for cls in (Average, Maximum, Minimum, Multiply, Subtract)},
    "Dot": {"normalize": False},
}
