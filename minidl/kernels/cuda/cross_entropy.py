"""Cross-entropy of logits on the GPU, loss and probabilities in one pass; that of probabilities is left to the reference."""

from __future__ import annotations

from math import prod
from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda._module import Module, alike, blocks, width
from minidl.kernels.cuda._rows import lanes, row_blocks

_module = Module("cross_entropy.cu")


def softmax_cross_entropy(logits: Any, targets: Any) -> Any:
    """Kernel of ``ops.cross_entropy.softmax_cross_entropy``."""
    return _forward("softmax_cross_entropy", logits, targets) if _same(logits, targets) else NotImplemented


def softmax_cross_entropy_grad(probabilities: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.softmax_cross_entropy_grad``."""
    if not _same(probabilities, targets):
        return NotImplemented
    return _backward("softmax_cross_entropy_grad", probabilities, targets, scale, by_rows=True)


def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sparse_softmax_cross_entropy``."""
    if not _labelled(logits, labels):
        return NotImplemented
    return _forward("sparse_softmax_cross_entropy", logits, labels.astype("int64", copy=False))


def sparse_softmax_cross_entropy_grad(probabilities: Any, labels: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sparse_softmax_cross_entropy_grad``."""
    if not _labelled(probabilities, labels):
        return NotImplemented
    numbers = labels.astype("int64", copy=False)
    return _backward("sparse_softmax_cross_entropy_grad", probabilities, numbers, scale)


def sigmoid_cross_entropy(logits: Any, targets: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sigmoid_cross_entropy``."""
    return _forward("sigmoid_cross_entropy", logits, targets) if _same(logits, targets) else NotImplemented


def sigmoid_cross_entropy_grad(probabilities: Any, targets: Any, scale: Any) -> Any:
    """Kernel of ``ops.cross_entropy.sigmoid_cross_entropy_grad``."""
    if not _same(probabilities, targets):
        return NotImplemented
    return _backward("sigmoid_cross_entropy_grad", probabilities, targets, scale)


def _same(p: Any, targets: Any) -> bool:
    return alike(p, targets) and p.shape == targets.shape and bool(p.ndim and p.shape[-1])


def _labelled(p: Any, labels: Any) -> bool:
    return alike(p) and labels.dtype.kind in "iu" and labels.shape == p.shape[:-1] and bool(p.ndim and p.shape[-1])


def _forward(kernel: str, logits: Any, targets: Any) -> tuple[Any, Any]:
    backend, classes, rows = backend_of(logits), logits.shape[-1], prod(logits.shape[:-1])
    loss, p = backend.empty(logits.shape[:-1], logits.dtype), backend.empty(logits.shape, logits.dtype)
    together = lanes(classes)
    _module(kernel, logits, row_blocks(rows, together), logits, targets, loss, p, rows, classes, LANES=together)
    return loss, p


def _backward(kernel: str, p: Any, targets: Any, scale: Any, by_rows: bool = False) -> Any:
    """dz; ``scale`` is a number, or an array of one number a row."""
    classes, rows = p.shape[-1], prod(p.shape[:-1])
    number, scales = (scale, None) if isinstance(scale, (int, float)) else (0.0, scale)
    if scales is not None and (getattr(scales, "shape", None) != (*p.shape[:-1], 1) or not alike(p, scales)):
        return NotImplemented
    dz = backend_of(p).empty(p.shape, p.dtype)
    together, beside = lanes(classes), width((classes,), p, dz)
    grid = row_blocks(rows, together) if by_rows else blocks(p.size // beside)
    _module(kernel, p, grid, p, targets, number, scales, dz, rows, classes, LANES=together, WIDTH=beside)
    return dz
