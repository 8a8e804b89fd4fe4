"""Sides that know nothing but arithmetic: right, wrong in different ways, slow, missing, fragile."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numpy as np

from benchmarks.prepared import CannotError, Prepared

SECONDS = {"slow": 0.02, "fast": 0.004}
ASYNCHRONOUS = 0.02  # seconds that pass in ``wait`` for each ``run`` of the variant of this name
AWAKE = 0.3  # seconds for which a thread of the variant "stays awake" computes on


def versions() -> dict[str, str]:
    return {"fake": "1.0"}


def threads() -> int:
    return 1


def variants(work: dict[str, Any]) -> list[str]:
    return work["variants"]


def prepare(work: dict[str, Any], arrays: dict[str, np.ndarray], variant: str) -> Prepared:
    print("noise on stdout, which is no answer")
    y, dx = np.maximum(arrays["x"], 0), arrays["dy"] * (arrays["x"] > 0)
    if variant == "cannot":
        raise CannotError("there is no compiler")
    if variant == "raises":
        raise ValueError("broken\nin two lines")
    given = {"y": y, "dx": dx}
    if variant == "wrong number":
        given["dx"] = dx.copy()
        given["dx"].flat[np.abs(dx).argmax()] *= 1.001
    if variant == "wrong shape":
        given["y"] = y[:1]
    if variant == "nan":
        given["y"] = y * np.nan
    if variant == "forgets":
        del given["dx"]

    pending: list[float] = []

    def run() -> None:
        if variant == "dies":
            os._exit(3)
        if variant == "stays awake":
            threading.Thread(target=_spin, daemon=True).start()
        if variant == "asynchronous":
            pending.append(ASYNCHRONOUS)
        else:
            time.sleep(SECONDS.get(variant, 0.001))

    def wait() -> None:
        time.sleep(sum(pending))
        pending.clear()

    reference = (lambda: {"y": y, "dx": dx}) if work.get("defined") else None
    return Prepared(run, lambda: given, reference, wait=wait)


def _spin() -> None:
    end = time.perf_counter() + AWAKE
    while time.perf_counter() < end:
        pass
