"""Batch normalisation on the GPU."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike, blocks, width
from minidl.kernels.cuda._reduce import add_shares, column_shares, partial_sums

_module = Module("normalization.cu")


def moments(x: Any) -> Any:
    """Kernel of ``ops.normalization.moments``; declines a batch without samples."""
    if not alike(x) or not x.size:
        return NotImplemented
    channels = x.shape[-1]
    rows = x.size // channels
    grid = column_shares(rows, channels)
    partial = partial_sums(x, grid, channels)
    mean, variance = (backend_of(x).empty((channels,), x.dtype) for _ in range(2))
    _module("sums", x, grid, x, partial, rows, channels)
    add_shares(_module, partial, mean, rows)
    _module("centred_squares", x, grid, x, mean, partial, rows, channels)
    add_shares(_module, partial, variance, rows)
    return mean, variance


def normalize(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, activation: str = "linear") -> Any:
    """Kernel of ``ops.normalization.normalize``."""
    if not _fit(x, mean, variance, gamma, beta):
        return NotImplemented
    y = backend_of(x).empty(x.shape, x.dtype)
    relu, channels = activation == "relu", x.shape[-1]
    together = width((channels,), x, y)
    groups, arrays = x.size // together, (x, mean, variance, gamma, beta, y)
    _module("normalize", x, blocks(groups), *arrays, epsilon, relu, groups, channels // together, WIDTH=together)
    return y


def normalize_grad(
    dy: Any,
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any,
    epsilon: float,
    of_batch: bool,
    beta: Any = None,
    activation: str = "linear",
) -> Any:
    """Kernel of ``ops.normalization.normalize_grad``."""
    if not _fit(x, mean, variance, gamma, beta) or not alike(x, dy) or dy.shape != x.shape or not x.size:
        return NotImplemented
    channels = x.shape[-1]
    rows = x.size // channels
    grid = column_shares(rows, channels)
    partial_beta, partial_gamma = partial_sums(x, grid, channels), partial_sums(x, grid, channels)
    dgamma, dbeta = (backend_of(x).empty((channels,), x.dtype) for _ in range(2))
    given, relu = (dy, x, mean, variance, gamma, beta), activation == "relu"
    _module("normalize_grad_sums", x, grid, *given, partial_beta, partial_gamma, epsilon, relu, rows, channels)
    add_shares(_module, partial_beta, dbeta)
    add_shares(_module, partial_gamma, dgamma)
    dx = backend_of(x).empty(x.shape, x.dtype)
    together = width((channels,), dy, x, dx)
    groups, each = x.size // together, 1 / rows if of_batch else 0.0
    arrays = *given, dgamma, dbeta, dx
    _module("normalize_grad", x, blocks(groups), *arrays, epsilon, each, relu, groups, channels // together, WIDTH=together)
    return dx, dgamma, dbeta


def _fit(x: Any, *of_channels: Any) -> bool:
    return alike(x, *of_channels) and x.ndim > 1 and all(a is None or a.shape == x.shape[-1:] for a in of_channels)
