"""Rows of the layers that draw noise."""

from __future__ import annotations

from typing import Any

from minidl.layers import AlphaDropout, GaussianDropout, GaussianNoise, Layer
from tests.cases.case import Case

CASES: list[Case] = [
    Case("gaussian_noise", lambda: GaussianNoise(0.4, seed=1), (4, 3)),
    Case("gaussian_noise_0", lambda: GaussianNoise(0, seed=1), (4, 3), always=False),
    Case("gaussian_noise_inference", lambda: GaussianNoise(0.4, seed=1), (4, 3), training=False, always=False),
    Case("gaussian_dropout", lambda: GaussianDropout(0.4, seed=1), (5,)),
    Case("gaussian_dropout_inference", lambda: GaussianDropout(0.4, seed=1), (4, 3), training=False, always=False),
    Case("dropout_alpha", lambda: AlphaDropout(0.4, seed=1), (4, 3)),
    Case("dropout_alpha_0", lambda: AlphaDropout(0.0, seed=1), (4, 3), always=False),
    Case("dropout_alpha_noise_shape", lambda: AlphaDropout(0.5, noise_shape=(None, 1, 3), seed=2), (4, 3), always=False),
    Case("dropout_alpha_inference", lambda: AlphaDropout(0.4, seed=1), (4, 3), training=False, always=False),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (GaussianNoise, {"stddev": 0.3, "seed": 4}),
    (GaussianDropout, {"rate": 0.3, "seed": 4}),
    (AlphaDropout, {"rate": 0.3, "noise_shape": (None, 1), "seed": 4}),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    "GaussianNoise": {"seed": None},
    "GaussianDropout": {"seed": None},
    "AlphaDropout": {"noise_shape": None, "seed": None},
}
