"""The models that are timed, in figures, and their weights drawn by NumPy; every side builds them in its own words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Blueprint(NamedTuple):
    """A classifier: convolutions with a 2 x 2 max pool behind each, then dense layers; a softmax ends it.

    Attributes:
        shape: of one sample.
        kernels: shapes in Keras's order and layouts, (height, width, in, out) and (in, out); a bias (out,) follows each.
        optimizer: "sgd" or "adam".
        hidden: the activation of every layer but the last.
        paddings: of each convolution.
    """

    shape: tuple[int, ...]
    kernels: list[tuple[int, ...]]
    optimizer: str
    hidden: str = "relu"
    paddings: tuple[str, ...] = ()

    @property
    def classes(self) -> int:
        """Units of the last layer."""
        return self.kernels[-1][-1]

    def flattened(self) -> tuple[int, ...]:
        """Height, width and channels of what the first dense layer reads."""
        height, width, channels = self.shape
        for (taps, _, _, filters), padding in zip(self.kernels, self.paddings):
            lost = taps - 1 if padding == "valid" else 0
            height, width, channels = (height - lost) // 2, (width - lost) // 2, filters
        return height, width, channels


MODELS = {
    "softmax": Blueprint((784,), [(784, 10)], "sgd"),
    "mlp": Blueprint((784,), [(784, 128), (128, 128), (128, 10)], "sgd"),
    "cnn": Blueprint((28, 28, 1), [(5, 5, 1, 20), (5, 5, 20, 50), (2450, 500), (500, 10)], "adam", paddings=("same", "same")),
    "lenet5": Blueprint(
        (28, 28, 1),
        [(5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, 10)],
        "adam",
        paddings=("same", "valid"),
    ),
    # for images of the size of Fashion-MNIST's: two convolutions of 50 filters
    "fashion": Blueprint((28, 28, 1), [(3, 3, 1, 50), (3, 3, 50, 50), (2450, 10)], "adam", paddings=("same", "same")),
    # two of the page of SimpleChains.jl
    "24-8-2": Blueprint((24,), [(24, 8), (8, 2)], "sgd", "tanh"),
    "4-32-16-4": Blueprint((4,), [(4, 32), (32, 16), (16, 4)], "sgd", "tanh"),
}
RATE = {"sgd": 0.01, "adam": 0.001}
EPSILON = 1e-7  # Adam's, given to every side


def weights(name: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Kernels of a usual size, and biases that are not zero."""
    drawn = []
    for kernel in MODELS[name].kernels:
        for shape in (kernel, kernel[-1:]):
            scale = 0.05 if len(shape) == 1 else float(np.prod(shape[:-1])) ** -0.5
            drawn.append((scale * rng.standard_normal(shape)).astype(np.float32))
    return drawn
