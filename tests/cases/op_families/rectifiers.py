"""Cases of ``minidl/ops/rectifier.py`` and ``prelu.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases.op_case import WIDTHS, Arguments, add, extremes, normal

OPTIONS: list[dict[str, Any]] = [
    {},
    {"slope": 0.3},
    {"threshold": 0.5},
    {"highest": 1.0},
    {"slope": 0.25, "threshold": 0.5, "highest": 1.0},
    {"threshold": 2.0, "highest": 1.0},
]


def _halves(rng: np.random.Generator, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of which many are at a corner."""
    return (rng.integers(-4, 5, shape) / 2).astype(dtype)


def _cases(size: str, shape: tuple[int, ...], options: dict[str, Any], draw: Callable[..., np.ndarray], note: str) -> None:
    name = f"{shape} {options}{note}"
    add("rectifier.rectify", name, lambda r, d: ((draw(r, d, shape),), dict(options)), size, "elementwise")
    add("rectifier.rectify_grad", name, lambda r, d: ((normal(r, d, *shape), draw(r, d, shape)), dict(options)), size)


for _options in OPTIONS:
    for _shape in [(n,) for n in WIDTHS] + [(0, 3), (2, 3, 5)]:
        _cases("tiny", _shape, _options, _halves, ", corners")
    _cases("small", (3, 17), _options, lambda r, d, s: normal(r, d, *s), "")
    _cases("medium", (64, 129), _options, lambda r, d, s: normal(r, d, *s), "")
    if not _options.get("slope"):  # infinity less the threshold
        _cases("tiny", extremes(np.float32).shape, _options, lambda r, d, s: extremes(d), ", extremes")


def _prelu_cases(size: str, shape: tuple[int, ...], of_alpha: tuple[int, ...]) -> None:
    def forwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (_halves(rng, dtype, shape), normal(rng, dtype, *of_alpha)), {}

    def backwards(rng: np.random.Generator, dtype: Any) -> Arguments:
        return (normal(rng, dtype, *shape), *forwards(rng, dtype)[0]), {}

    name = f"{shape} alpha {of_alpha}"
    add("prelu.prelu", name, forwards, size, "elementwise")
    add("prelu.prelu_grad", name, backwards, size)


for _width in WIDTHS:
    _prelu_cases("tiny", (2, _width), (_width,))
_prelu_cases("tiny", (0, 3), (3,))
_prelu_cases("tiny", (1, 2, 3), (1, 3))
_prelu_cases("small", (3, 4, 5, 7), (1, 1, 7))
_prelu_cases("small", (3, 4, 7), (4, 1))
_prelu_cases("small", (3, 4, 7), (1, 1))
_prelu_cases("medium", (32, 9, 129), (1, 129))
