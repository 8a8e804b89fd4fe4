"""``tf.train``: the optimizers of TensorFlow whose rules are those of Keras 2.1, for ``tf.keras``."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras import optimizers
from minidl.compat.tensorflow.names import instead, refusing


def GradientDescentOptimizer(learning_rate: float, use_locking: bool = False, name: str | None = None) -> Any:
    """Plain descent: ``SGD``."""
    return optimizers.SGD(learning_rate)


def MomentumOptimizer(
    learning_rate: float, momentum: float, use_locking: bool = False, name: str | None = None, use_nesterov: bool = False
) -> Any:
    """``SGD`` with momentum."""
    return optimizers.SGD(learning_rate, momentum, nesterov=use_nesterov)


def AdamOptimizer(
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    use_locking: bool = False,
    name: str | None = None,
) -> Any:
    """``Adam``."""
    return optimizers.Adam(learning_rate, beta1, beta2, epsilon)


__getattr__ = refusing("tf.train", instead)
