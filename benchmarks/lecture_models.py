"""The lectures' three models in figures, and their weights drawn by NumPy; every side builds them in its own words."""

from __future__ import annotations

import numpy as np

CLASSES = 10
IMAGE = (28, 28, 1)

# Shapes of the weights in Keras's order and layouts: kernels (height, width, in, out), dense layers (in, out).
WEIGHTS: dict[str, list[tuple[int, ...]]] = {
    "softmax": [(784, 10), (10,)],
    "mlp": [(784, 128), (128,), (128, 128), (128,), (128, 10), (10,)],
    "cnn": [(5, 5, 1, 20), (20,), (5, 5, 20, 50), (50,), (2450, 500), (500,), (500, 10), (10,)],
}
OPTIMIZER = {"softmax": "sgd", "mlp": "sgd", "cnn": "adam"}
RATE = {"sgd": 0.01, "adam": 0.001}
EPSILON = 1e-7  # Adam's, given to every side


def weights(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Kernels of a usual size, and biases that are not zero."""
    drawn = []
    for shape in WEIGHTS[name]:
        scale = 0.05 if len(shape) == 1 else float(np.prod(shape[:-1])) ** -0.5
        drawn.append((scale * rng.standard_normal(shape)).astype(np.float32))
    return drawn
