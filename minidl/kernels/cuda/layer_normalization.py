"""Layer normalisation on the GPU: a warp for each row, or a block where rows are wide."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike
from minidl.kernels.cuda._reduce import add_shares, column_shares, partial_sums
from minidl.kernels.cuda._rows import teams

_module = Module("layer_normalization.cu")


def standardize(x: Any, epsilon: float) -> Any:
    """Kernel of ``ops.layer_normalization.standardize``."""
    found = layer_normalize(x, None, None, epsilon)
    return NotImplemented if found is NotImplemented else (found[0], found[2])


def standardize_grad(dh: Any, h: Any, r: Any) -> Any:
    """Kernel of ``ops.layer_normalization.standardize_grad``."""
    return _grad_x(dh, h, None, r, None) if _fit(h) and _of_rows(h, r) and _alike(h, dh) else NotImplemented


def layer_normalize(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Kernel of ``ops.layer_normalization.layer_normalize``."""
    if not _fit(x, gamma, beta):
        return NotImplemented
    rows, columns = prod(x.shape[:-1]), x.shape[-1]
    y, mean, r = (backend_of(x).empty(shape, x.dtype) for shape in (x.shape, *2 * [(*x.shape[:-1], 1)]))
    grid, wide = teams(rows, columns)
    _module("layer_normalize", x, grid, x, gamma, beta, y, mean, r, epsilon, wide, rows, columns)
    return y, mean, r


def layer_normalize_grad(dy: Any, x: Any, mean: Any, r: Any, gamma: Any) -> Any:
    """Kernel of ``ops.layer_normalization.layer_normalize_grad``."""
    if not _fit(x, gamma) or not _of_rows(x, mean, r) or not _alike(x, dy):
        return NotImplemented
    rows, columns = r.size, x.shape[-1]
    grid = column_shares(rows, columns)
    partial_beta, partial_gamma = partial_sums(x, grid, columns), partial_sums(x, grid, columns)
    dgamma, dbeta = (backend_of(x).empty((columns,), x.dtype) for _ in range(2))
    _module("layer_normalize_grad_sums", x, grid, dy, x, mean, r, partial_beta, partial_gamma, rows, columns)
    add_shares(_module, partial_beta, dbeta)
    add_shares(_module, partial_gamma, dgamma)
    return _grad_x(dy, x, mean, r, gamma), dgamma, dbeta


def _grad_x(dy: Any, x: Any, mean: Any, r: Any, gamma: Any) -> Any:
    """dx; without a mean x is h already."""
    rows, columns = r.size, x.shape[-1]
    dx = backend_of(x).empty(x.shape, x.dtype)
    grid, wide = teams(rows, columns)
    _module("layer_normalize_grad", x, grid, dy, x, mean, r, gamma, dx, wide, rows, columns)
    return dx


def _fit(x: Any, *of_columns: Any) -> bool:
    return (
        alike(x, *of_columns)
        and x.ndim > 0
        and x.shape[-1] > 0
        and all(a is None or a.shape == x.shape[-1:] for a in of_columns)
    )


def _of_rows(x: Any, *arrays: Any) -> bool:
    return alike(x, *arrays) and all(a.shape == (*x.shape[:-1], 1) for a in arrays)


def _alike(x: Any, dy: Any) -> bool:
    return alike(x, dy) and dy.shape == x.shape
