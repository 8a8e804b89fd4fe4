"""Squared errors, a few rows at a time: each row's sum in the precision of the predictions."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import CPU
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._vector import LANES, load, splat, store, total

CHUNK = 1 << 14  # numbers of one task, about


@replays
def squared_error(p: Any, targets: Any) -> Any:
    """Kernel of ``ops.squared_error.squared_error``."""
    return _loss(p, targets, p.shape[-1] if p.ndim else 0)


@replays
def squared_error_grad(p: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.squared_error.squared_error_grad``."""
    return _gradient(p, targets, scale, p.shape[-1] if p.ndim else 0)


@replays
def sum_squared_error(p: Any, targets: Any) -> Any:
    """Kernel of ``ops.squared_error.sum_squared_error``."""
    return _loss(p, targets, 1)


@replays
def sum_squared_error_grad(p: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.squared_error.sum_squared_error_grad``."""
    return _gradient(p, targets, scale, 1)


def _loss(p: Any, targets: Any, divisor: int) -> Any:
    if _misfit(p, targets):
        return NotImplemented
    loss, k = CPU.pool.empty(p.shape[:-1], p.dtype), p.shape[-1]
    _loss_on_threads(p.reshape(-1), targets.reshape(-1), loss.reshape(-1), k, p.dtype.type(divisor), max(CHUNK // k, LANES))
    return loss


def _gradient(p: Any, targets: Any, scale: Any, divisor: int) -> Any:
    if _misfit(p, targets) or type(scale) not in (float, int):  # of samples with weights it is an array
        return NotImplemented
    dp = CPU.pool.empty(p.shape, p.dtype)
    _gradient_on_threads(p.reshape(-1), targets.reshape(-1), dp.reshape(-1), 2.0 * scale / divisor)
    return dp


def _misfit(p: Any, targets: Any) -> bool:
    return p.dtype not in FLOATS or not p.ndim or not p.size or (targets.shape, targets.dtype) != (p.shape, p.dtype)


@inner
def _loss_share(first, last, p, targets, loss, k, divisor, rows):  # type: ignore[no-untyped-def]
    begin, end = first * rows, min(last * rows, len(loss))
    if k == 1:  # rows of one number fill vectors together
        for row in range(begin, end, LANES):
            difference = load(p, row, end - row, 0) - load(targets, row, end - row, 0)
            store(loss, row, end - row, difference * difference)
        return
    for row in range(begin, end):
        squares, stop = splat(p, 0), (row + 1) * k
        for at in range(row * k, stop, LANES):
            difference = load(p, at, stop - at, 0) - load(targets, at, stop - at, 0)
            squares = squares + difference * difference
        loss[row] = total(squares) / divisor


@compiled
def _loss_on_threads(p, targets, loss, k, divisor, rows):  # type: ignore[no-untyped-def]
    in_parallel(_loss_share, (len(loss) + rows - 1) // rows, (p, targets, loss, k, divisor, rows))


@inner
def _gradient_share(first, last, p, targets, dp, factor):  # type: ignore[no-untyped-def]
    end = min(last * CHUNK, len(p))
    for at in range(first * CHUNK, end, LANES):
        store(dp, at, end - at, (load(p, at, end - at, 0) - load(targets, at, end - at, 0)) * factor)


@compiled
def _gradient_on_threads(p, targets, dp, factor):  # type: ignore[no-untyped-def]
    number = p.dtype.type(factor)  # here, where one that is too large is infinite without a word
    in_parallel(_gradient_share, (len(p) + CHUNK - 1) // CHUNK, (p, targets, dp, number))
