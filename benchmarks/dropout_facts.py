"""What two dropouts can agree on, each drawing its own mask: what the mask does, not where it is."""

from __future__ import annotations

import numpy as np


def dropout_facts(arrays: dict[str, np.ndarray], y: np.ndarray, dx: np.ndarray) -> dict[str, np.ndarray]:
    """Fraction kept (rounded), smallest and largest factor of what is kept, whether dx has the same mask and factor."""
    kept = y != 0
    factors = y[kept] / arrays["x"][kept]
    return {
        "fraction kept": np.array(round(float(kept.mean()), 1 if kept.size < 100_000 else 2)),
        "factor": np.array([factors.min(), factors.max()]),
        "dx agrees": np.array(float(np.allclose(dx, arrays["dy"] * kept * factors.mean(), rtol=1e-4))),
    }
