"""Softmax or sigmoid and cross-entropy in one pass over the logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.dispatch import CPU
from minidl.backend.tape import again
from minidl.kernels.numba._jit import FLOATS, compiled, inner, replays
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import new_run
from minidl.kernels.numba._softmax import CHUNK, scratch_of, softmax_rows
from minidl.kernels.numba._vector import LANES, absolute, exp, load, log, log1p, splat, store, total, where

# What the logarithm of no probability is: minus infinity times a target of 0 would be NaN. Given to the kernels, as those that
# asked NumPy's finfo themselves would bring half of Numba along.
_LOWEST = {dtype: np.array([np.finfo(dtype).min]) for dtype in FLOATS}


@replays
def softmax_cross_entropy(logits: Any, targets: Any) -> Any:
    """Kernel of ``ops.cross_entropy.softmax_cross_entropy``."""
    if _misfit(logits) or targets.shape != logits.shape or targets.dtype != logits.dtype:
        return NotImplemented
    loss, p = CPU.pool.empty(logits.shape[:-1], logits.dtype), CPU.pool.empty(logits.shape, logits.dtype)
    arguments = logits.reshape(-1), targets.reshape(-1), loss.reshape(-1), p.reshape(-1), _LOWEST[p.dtype]
    _run(_dense_on_threads, logits, arguments)
    return loss, p


@replays
def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sparse_softmax_cross_entropy``."""
    if _misfit(logits) or labels.shape != logits.shape[:-1] or labels.dtype.kind not in "iu":
        return NotImplemented
    loss, p = CPU.pool.empty(labels.shape, logits.dtype), CPU.pool.empty(logits.shape, logits.dtype)
    arguments = logits.reshape(-1), _indices(labels), loss.reshape(-1), p.reshape(-1), _LOWEST[p.dtype]
    _run(_sparse_on_threads, logits, arguments)
    return loss, p


@replays
def softmax_cross_entropy_grad(probabilities: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.softmax_cross_entropy_grad``."""
    p, scales = probabilities, _scales(scale, probabilities)
    if _misfit(p) or scales is None or targets.shape != p.shape or targets.dtype != p.dtype:
        return NotImplemented
    dz = CPU.pool.empty(p.shape, p.dtype)
    _run(_dense_grad_on_threads, p, (p.reshape(-1), targets.reshape(-1), scales, dz.reshape(-1)))
    return dz


@replays
def sparse_softmax_cross_entropy_grad(probabilities: Any, labels: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sparse_softmax_cross_entropy_grad``."""
    p, scales = probabilities, _scales(scale, probabilities)
    if _misfit(p) or scales is None or labels.shape != p.shape[:-1] or labels.dtype.kind not in "iu":
        return NotImplemented
    dz = CPU.pool.empty(p.shape, p.dtype)
    _run(_sparse_grad_on_threads, p, (p.reshape(-1), _indices(labels), scales, dz.reshape(-1)))
    return dz


@replays
def sigmoid_cross_entropy(logits: Any, targets: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sigmoid_cross_entropy``."""
    if _misfit(logits) or targets.shape != logits.shape or targets.dtype != logits.dtype:
        return NotImplemented
    loss, p = CPU.pool.empty(logits.shape[:-1], logits.dtype), CPU.pool.empty(logits.shape, logits.dtype)
    _run(_sigmoid_on_threads, logits, (logits.reshape(-1), targets.reshape(-1), loss.reshape(-1), p.reshape(-1)))
    return loss, p


@replays
def sigmoid_cross_entropy_grad(probabilities: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sigmoid_cross_entropy_grad``."""
    p = probabilities
    if _misfit(p) or type(scale) not in (float, int) or targets.shape != p.shape or targets.dtype != p.dtype:
        return NotImplemented
    dz = CPU.pool.empty(p.shape, p.dtype)
    _run(_sigmoid_grad_on_threads, p, (p.reshape(-1), targets.reshape(-1), scale / p.shape[-1], dz.reshape(-1)))
    return dz


def _misfit(logits: Any) -> bool:
    return logits.dtype not in FLOATS or not logits.ndim or not logits.size


def _indices(labels: Any) -> Any:
    flat = labels.reshape(-1)
    return flat if flat.dtype == np.int64 else again(flat.astype, np.int64)


def _scales(scale: Any, p: Any) -> Any:
    """One number for all samples, or one for each, as a flat array of the type of p; None where it is neither."""
    if type(scale) in (float, int):  # not NumPy's own numbers, which bring a type with them
        return np.array([scale], p.dtype)
    fits = isinstance(scale, np.ndarray) and scale.shape == (*p.shape[:-1], 1) and scale.dtype == p.dtype
    return scale.reshape(-1) if fits else None


def _run(kernel: Any, rows_of: Any, arguments: tuple[Any, ...]) -> None:
    classes = rows_of.shape[-1]
    kernel(*arguments, classes, max(CHUNK // classes, 1))


@inner
def _dense_share(first, last, z, targets, loss, p, lowest, classes, rows):  # type: ignore[no-untyped-def]
    scratch, weights = scratch_of(z, rows, classes), new_run(rows, z.dtype)
    _, peaks, sums = scratch
    for block in range(first, last):
        begin, end = block * rows, min((block + 1) * rows, len(loss))
        softmax_rows(z, p, begin, end, classes, scratch)
        for row in range(begin, end):
            weight, product = splat(z, 0), splat(z, 0)
            for c in range(0, classes, LANES):
                t = load(targets, row * classes + c, classes - c, 0)
                v = load(z, row * classes + c, classes - c, 0) - peaks[row - begin]
                weight, product = weight + t, product + t * where(v < lowest[0], lowest[0], v)
            weights[row - begin], loss[row] = total(weight), total(product)
        for row in range(begin, end, LANES):
            of_sum = log(load(sums, row - begin, end - row, 1)) * load(weights, row - begin, end - row, 0)
            store(loss, row, end - row, of_sum - load(loss, row, end - row, 0))


@compiled
def _dense_on_threads(z, targets, loss, p, lowest, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_dense_share, (len(loss) + rows - 1) // rows, (z, targets, loss, p, lowest, classes, rows))


@inner
def _sparse_share(first, last, z, labels, loss, p, lowest, classes, rows):  # type: ignore[no-untyped-def]
    scratch = scratch_of(z, rows, classes)
    _, peaks, sums = scratch
    for block in range(first, last):
        begin, end = block * rows, min((block + 1) * rows, len(loss))
        softmax_rows(z, p, begin, end, classes, scratch)
        for row in range(begin, end):
            label = labels[row]
            if 0 <= label < classes:
                v = z[row * classes + label] - peaks[row - begin]
                loss[row] = lowest[0] if v < lowest[0] else v
            else:  # no class has a target; NaN stays
                loss[row], sums[row - begin] = 0, 0 * sums[row - begin] + 1
        for row in range(begin, end, LANES):
            count = end - row
            store(loss, row, count, log(load(sums, row - begin, count, 1)) - load(loss, row, count, 0))


@compiled
def _sparse_on_threads(z, labels, loss, p, lowest, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_sparse_share, (len(loss) + rows - 1) // rows, (z, labels, loss, p, lowest, classes, rows))


@inner
def _dense_grad_share(first, last, p, targets, scales, dz, classes, rows):  # type: ignore[no-untyped-def]
    few = classes % LANES
    for row in range(first * rows, min(last * rows, len(p) // classes)):
        scale, weight, stop = scales[row if len(scales) > 1 else 0], splat(p, 0), (row + 1) * classes - few
        for at in range(row * classes, stop, LANES):
            weight = weight + load(targets, at, LANES, 0)
        if few:
            weight = weight + load(targets, stop, few, 0)
        t_sum = total(weight)
        for at in range(row * classes, stop, LANES):
            store(dz, at, LANES, (load(p, at, LANES, 0) * t_sum - load(targets, at, LANES, 0)) * scale)
        if few:
            store(dz, stop, few, (load(p, stop, few, 0) * t_sum - load(targets, stop, few, 0)) * scale)


@compiled
def _dense_grad_on_threads(p, targets, scales, dz, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_dense_grad_share, (len(p) // classes + rows - 1) // rows, (p, targets, scales, dz, classes, rows))


@inner
def _sparse_grad_share(first, last, p, labels, scales, dz, classes, rows):  # type: ignore[no-untyped-def]
    one_scale = len(scales) == 1
    for block in range(first, last):
        begin, end = block * rows, min((block + 1) * rows, len(p) // classes)
        for part in range(begin, end, end - begin if one_scale else 1):  # all rows together, or one after another
            stop = end * classes if one_scale else (part + 1) * classes
            for at in range(part * classes, stop, LANES):
                store(dz, at, stop - at, load(p, at, stop - at, 0) * scales[0 if one_scale else part])
        for row in range(begin, end):
            if 0 <= labels[row] < classes:
                at = row * classes + labels[row]
                store(dz, at, 1, (load(p, at, 1, 0) - 1) * scales[0 if one_scale else row])


@compiled
def _sparse_grad_on_threads(p, labels, scales, dz, classes, rows):  # type: ignore[no-untyped-def]
    in_parallel(_sparse_grad_share, (len(p) // classes + rows - 1) // rows, (p, labels, scales, dz, classes, rows))


@inner
def _sigmoid_share(first, last, z, targets, loss, p, outputs, rows):  # type: ignore[no-untyped-def]
    parts = new_run(rows * outputs, z.dtype)  # of the losses of some rows, output by output
    for block in range(first, last):
        begin, end = block * rows, min((block + 1) * rows, len(loss))
        start, stop = begin * outputs, end * outputs
        for at in range(start, stop, LANES):
            count = stop - at
            v = load(z, at, count, 0)
            e = exp(-1 * absolute(v))
            divisor = 1 + e
            store(p, at, count, where(v >= 0, 1 / divisor, e / divisor))
            store(parts, at - start, count, where(v < 0, 0, v) - v * load(targets, at, count, 0) + log1p(e))
        for row in range(begin, end):
            sum_of_row = parts[(row - begin) * outputs]
            for j in range((row - begin) * outputs + 1, (row - begin + 1) * outputs):
                sum_of_row += parts[j]
            loss[row] = sum_of_row / outputs


@compiled
def _sigmoid_on_threads(z, targets, loss, p, outputs, rows):  # type: ignore[no-untyped-def]
    in_parallel(_sigmoid_share, (len(loss) + rows - 1) // rows, (z, targets, loss, p, outputs, rows))


@inner
def _sigmoid_grad_share(first, last, p, targets, factor, dz, outputs, rows):  # type: ignore[no-untyped-def]
    stop = min(last * rows * outputs, len(p))
    for at in range(first * rows * outputs, stop, LANES):
        store(dz, at, stop - at, (load(p, at, stop - at, 0) - load(targets, at, stop - at, 0)) * factor)


@compiled
def _sigmoid_grad_on_threads(p, targets, factor, dz, outputs, rows):  # type: ignore[no-untyped-def]
    tasks, number = (len(p) // outputs + rows - 1) // rows, p.dtype.type(factor)
    in_parallel(_sigmoid_grad_share, tasks, (p, targets, number, dz, outputs, rows))
