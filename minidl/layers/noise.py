"""Noise in training; the mathematics stands in ``minidl/ops/noise.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.backend.random import Stream, check_seed, new_stream
from minidl.checks import check_number
from minidl.errors import ShapeError
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.noise import alpha_dropout, alpha_dropout_grad, gaussian_dropout, gaussian_noise


class Noise(Layer, abstract=True):
    """Base of the layers that draw random numbers in training; in inference y = x."""

    seed: int | None

    def build(self, input_shape: Shape) -> None:
        """Take a random stream."""
        self._stream = new_stream() if self.seed is None else Stream(self.seed, 0)


class GaussianNoise(Noise):
    """In training y = x + stddev z, where z are standard normal numbers; else y = x.

    Args:
        stddev: of the noise, at least 0.
        seed: None takes the layer's own stream of ``minidl.set_seed``.

    Source: Bishop 1995.

    >>> import numpy as np
    >>> layer = GaussianNoise(0.1, seed=1)
    >>> y = layer.forward(np.zeros((1, 1000)), training=True)
    >>> bool(abs(y.std() - 0.1) < 0.01), layer(np.zeros((1, 3))).tolist()
    (True, [[0.0, 0.0, 0.0]])
    """

    def __init__(self, stddev: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.stddev = check_number("GaussianNoise", "stddev", stddev, 0)
        self.seed = None if seed is None else check_seed(seed, "GaussianNoise")

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; nothing to keep."""
        if not context.training or self.stddev == 0:
            return x, None
        return gaussian_noise(x, self.stddev, *context.random(self)), None

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy."""
        return dy


class GaussianDropout(Noise):
    """In training y = x (1 + sqrt(rate / (1 - rate)) z), where z are standard normal numbers; else y = x.

    The factor has the mean and the variance that dropout's has.

    Args:
        rate: as that of ``Dropout``, 0 <= rate < 1.
        seed: None takes the layer's own stream of ``minidl.set_seed``.

    Source: Srivastava et al. 2014.

    >>> import numpy as np
    >>> y = GaussianDropout(0.5, seed=1).forward(np.ones((1, 1000)), training=True)
    >>> bool(abs(y.mean() - 1) < 0.1 and abs(y.std() - 1) < 0.1)
    True
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.rate = check_number("GaussianDropout", "rate", rate, 0, 1)
        self.seed = None if seed is None else check_seed(seed, "GaussianDropout")

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the factor."""
        if not context.training or self.rate == 0:
            return x, None
        y, factor = gaussian_dropout(x, self.rate, *context.random(self))
        return y, (factor if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = dy times the factor."""
        if saved is None:
            return dy
        return dy * saved if need_dx else None


class AlphaDropout(Noise):
    """Dropout for networks of SELUs: what is dropped takes their lowest value, and the mean 0 and the variance 1 are kept.

    In training y = a (x mask + q (1 - mask)) + b; else y = x. See ``minidl/ops/noise.py`` for q, a and b.

    Args:
        rate: fraction to drop, 0 <= rate < 1.
        noise_shape: shape of the mask, with the batch axis, as that of ``Dropout``.
        seed: None takes the layer's own stream of ``minidl.set_seed``.

    Source: Klambauer et al. 2017.

    >>> import numpy as np
    >>> AlphaDropout(0.2, seed=1)(np.ones((1, 3)))
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.rate = check_number("AlphaDropout", "rate", rate, 0, 1)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = None if seed is None else check_seed(seed, "AlphaDropout")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        if self.noise_shape is not None:
            sizes = self.noise_shape[1:]
            if len(sizes) != len(input_shape) or any(n not in (1, None, m) for n, m in zip(sizes, input_shape)):
                received = f"noise_shape={self.noise_shape} for samples of shape {tuple(input_shape)}"
                raise ShapeError(self.label, received, "(batch, ...) with 1, None or the input's size on each axis")
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the mask."""
        if not context.training or self.rate == 0:
            return x, None
        shape = x.shape
        if self.noise_shape is not None:
            shape = tuple(m if n is None else n for n, m in zip(self.noise_shape, x.shape))
        y, mask = alpha_dropout(x, self.rate, *context.random(self), shape)
        return y, (mask if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx = a dy mask."""
        if saved is None:
            return dy
        return alpha_dropout_grad(dy, saved, self.rate) if need_dx else None
