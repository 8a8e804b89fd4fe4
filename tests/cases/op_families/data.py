"""Cases of the ops for data: images through a map of their pixels, and random words by address."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.op_case import Arguments, add, normal

_FAR = 40  # so far away that every border is crossed several times


def _warp_cases(size: str, shape: tuple[int, ...], order: int, mode: str, kind: str = "", moved: bool = False) -> None:
    def make(rng: np.random.Generator, dtype: Any) -> Arguments:
        n, h, w, _ = shape
        x = rng.integers(0, 256, shape).astype("uint8") if kind == "uint8" else normal(rng, dtype, *shape)
        matrix = np.concatenate([rng.normal(size=(n, 2, 2)), rng.normal(size=(n, 2, 1)) * max(h, w)], axis=2)
        if kind == "far":
            matrix[:, :, 2] += rng.choice([-1, 1], (n, 2)) * _FAR
        displacement = rng.normal(size=(n, 2, h, w)) if moved else None
        return (x, matrix, displacement, order, mode, 0.25, np.dtype(dtype).name), {}

    note = " displaced" if moved else ""
    add("resample.warp", f"{shape} order {order} {mode} {kind}{note}", make, size)


for _mode in ("nearest", "reflect", "wrap", "constant"):
    for _order in (0, 1):
        _warp_cases("tiny", (2, 3, 5, 1), _order, _mode)
        _warp_cases("tiny", (1, 1, 4, 2), _order, _mode, "uint8")
        _warp_cases("small", (3, 7, 6, 3), _order, _mode, "far")
        _warp_cases("small", (2, 5, 9, 2), _order, _mode, "uint8", moved=True)
    _warp_cases("medium", (33, 31, 29, 3), 1, _mode, moved=True)
_warp_cases("tiny", (0, 3, 3, 1), 1, "nearest")
_warp_cases("medium", (17, 28, 28, 1), 0, "constant", "uint8")


def _word_cases(size: str, rows: int, count: int) -> None:
    def make(rng: np.random.Generator, dtype: Any) -> Arguments:
        addresses = rng.integers(0, 2**63, (rows, 2)).astype("uint64")
        return (addresses, (int(rng.integers(2**63)), 5), 3, count), {}

    add("addressed.words_at", f"{rows} rows of {count}", make, size)


for _rows, _count in ((1, 1), (3, 7), (5, 16), (2, 17), (0, 4)):
    _word_cases("tiny", _rows, _count)
_word_cases("medium", 500, 33)
