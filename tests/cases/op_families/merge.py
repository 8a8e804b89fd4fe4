"""Cases of ``minidl/ops/merge.py`` and ``unit_normalization.py``: branches of one shape, and of length 1 along some axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases.op_case import WIDTHS, Arguments, add, extremes, normal, op_function

SHAPES: list[tuple[str, tuple[tuple[int, ...], ...]]] = [
    *(("tiny", ((n,), (n,))) for n in WIDTHS),
    ("tiny", ((0, 3), (0, 3), (0, 3))),
    ("tiny", ((2, 1, 3), (2, 4, 3))),
    ("tiny", ((2, 4, 3), (2, 1, 1), (2, 4, 1))),
    ("small", ((3, 5, 7), (3, 5, 7), (3, 5, 7), (3, 5, 7))),
    ("small", ((2, 1, 5, 3), (2, 4, 1, 3), (2, 4, 5, 1))),
    ("medium", ((64, 129), (64, 129), (64, 129))),
    ("medium", ((3, 64, 257), (3, 64, 257))),
    ("medium", ((16, 1, 65), (16, 33, 65))),
]
JOINING = ("add", "average", "multiply", "maximum", "minimum")


def _drawn(shapes: tuple[tuple[int, ...], ...], whole: bool) -> Callable[..., tuple[np.ndarray, ...]]:
    def draw(rng: np.random.Generator, dtype: Any) -> tuple[np.ndarray, ...]:
        return tuple(rng.integers(-1, 2, s).astype(dtype) if whole else normal(rng, dtype, *s) for s in shapes)

    return draw


def _cases(size: str, shapes: tuple[tuple[int, ...], ...], whole: bool) -> None:
    """``whole``: small whole numbers, with zeros and ties."""
    name, out = f"{' '.join(map(str, shapes))}{', ties' * whole}", np.broadcast_shapes(*shapes)
    draw = _drawn(shapes, whole)
    for op in JOINING:
        if (op, whole) != ("add", False) or len(set(shapes)) > 1:
            add(f"merge.{op}", name, lambda rng, dtype: (draw(rng, dtype), {}), size)

    def backwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *out), *draw(rng, dtype)), {}

    def chosen(op: str) -> Callable[..., Arguments]:
        def make(rng: np.random.Generator, dtype: Any) -> Arguments:
            xs = draw(rng, dtype)
            return (normal(rng, dtype, *out), op_function(f"merge.{op}").reference(*xs), *xs), {}

        return make

    add("merge.multiply_grad", name, backwards, size)
    for op in ("maximum", "minimum"):
        add("merge.first_equal_grad", f"{name}, {op}", chosen(op), size, "elementwise")
    if not whole:
        for shape in dict.fromkeys(shapes):
            add("merge.sum_to", f"{out} to {shape} of {shapes}", lambda r, d, s=shape: ((normal(r, d, *out), s), {}), size)


for _size, _shapes in SHAPES:
    _cases(_size, _shapes, False)
    if _size != "medium":
        _cases(_size, _shapes, True)
for _op in ("maximum", "minimum"):
    add(
        f"merge.{_op}",
        "extremes",
        lambda rng, dtype: ((extremes(dtype), extremes(dtype)[::-1].copy()), {}),
        "tiny",
        "elementwise",
    )


# --- vectors of length 1 -----------------------------------------------------------------------------------------------

_EPSILON = 1e-12
_ROWS = [("tiny", (2, n)) for n in WIDTHS] + [("tiny", (0, 3)), ("small", (2, 5, 7)), ("medium", (64, 257))]


def _unit_cases(size: str, shape: tuple[int, ...], scale: float, note: str) -> None:
    def forwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return ((scale * normal(rng, dtype, *shape)).astype(dtype), _EPSILON), {}

    def backwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        (x, _), _ = forwards(rng, dtype)
        with np.errstate(all="ignore"):
            y, r = op_function("unit_normalization.unit_normalize").reference(x, _EPSILON)
        return (normal(rng, dtype, *shape), y, r, _EPSILON), {}

    add("unit_normalization.unit_normalize", f"{shape}{note}", forwards, size)
    add("unit_normalization.unit_normalize_grad", f"{shape}{note}", backwards, size)


for _size, _shape in _ROWS:
    _unit_cases(_size, _shape, 1.0, "")
for _scale in (0.0, 1e-13, 1e-30, 1e30):
    _unit_cases("small", (3, 5), _scale, f" times {_scale}")
