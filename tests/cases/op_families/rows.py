"""Cases of ``minidl/ops/layer_normalization.py``: rows of every width, around zero and far from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.op_case import WIDTHS, Arguments, add, normal, op_function

EPSILON = 1e-3
ROWS: list[tuple[str, tuple[int, ...], float]] = [
    *(("tiny", (2, n), 0.0) for n in WIDTHS),
    ("tiny", (5,), 0.0),
    ("tiny", (3, 1, 2), -2.0),
    ("small", (3, 5, 17), 3.0),
    ("small", (40, 33), 0.0),
    ("small", (2, 600), 100.0),
    ("medium", (700, 129), 0.0),
    ("medium", (16, 31, 512), 5.0),
    ("medium", (3, 20001), -3.0),
]


def _cases(size: str, shape: tuple[int, ...], offset: float) -> None:
    c, name = shape[-1], f"{shape} around {offset}"

    def reference(op: str, *args: Any) -> Any:
        return op_function(f"layer_normalization.{op}").reference(*args)

    def numbers(rng: np.random.Generator, dtype: Any) -> np.ndarray:
        return offset + normal(rng, dtype, *shape)

    def of_channels(rng: np.random.Generator, dtype: Any, which: str) -> tuple[Any, Any]:
        return tuple(normal(rng, dtype, c) if name in which else None for name in ("gamma", "beta"))  # type: ignore[return-value]

    def forwards(rng: np.random.Generator, dtype: Any, which: str) -> Arguments:
        return (numbers(rng, dtype), *of_channels(rng, dtype, which), EPSILON), {}

    def backwards(rng: np.random.Generator, dtype: Any, which: str) -> Arguments:
        x, (gamma, _) = numbers(rng, dtype), of_channels(rng, dtype, which)
        _, mean, r = reference("layer_normalize", x, None, None, EPSILON)
        return (normal(rng, dtype, *shape), x, mean, r, gamma), {}

    def of_h(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *shape), *reference("standardize", numbers(rng, dtype), EPSILON)), {}

    add("layer_normalization.standardize", name, lambda r, d: ((numbers(r, d), EPSILON), {}), size, "unit")
    add("layer_normalization.standardize_grad", name, of_h, size, "unit")
    for which in ("gamma and beta", "gamma", "beta", "neither"):
        note = f"{name}, {which}"
        add("layer_normalization.layer_normalize", note, lambda r, d, w=which: forwards(r, d, w), size, "unit")
        if "beta" in which:
            add("layer_normalization.layer_normalize_grad", note, lambda r, d, w=which: backwards(r, d, w), size, "unit")


for _row in ROWS:
    _cases(*_row)
for _shape in ((0, 3), (2, 0, 3)):
    _cases("tiny", _shape, 0.0)


def _constant(rng: np.random.Generator, dtype: Any) -> np.ndarray:
    return np.full((3, 7), 0.1, dtype)


add("layer_normalization.standardize", "constant", lambda r, d: ((_constant(r, d), EPSILON), {}), "tiny", "unit")
