"""Recurrent networks on the GPU: for each time one matrix product and one pass over the gates.

A GRU without ``reset_after`` takes two of each, as its second product needs the first one's gates.
"""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda import linear
from minidl.kernels.cuda._module import Module, alike, blocks
from minidl.kernels.cuda._product import product

_module = Module("recurrent.cu")
_NAMES = ("linear", "sigmoid", "tanh", "relu", "softplus", "hard_sigmoid", "hard_sigmoid/5")
_CODES = {name: code for code, name in enumerate(_NAMES)}


def simple_rnn(x: Any, W: Any, U: Any, b: Any, h0: Any, activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.simple_rnn``."""
    units = U.shape[0]
    if not _takes((activation,), mask, x, W, U, b, h0):
        return NotImplemented
    if not U.shape[1] == W.shape[1] == units or h0.shape != (x.shape[0], units):
        return NotImplemented
    h = linear.dense(x, W, b)
    if h is NotImplemented:
        return NotImplemented
    n, steps, _ = x.shape
    for t in range(steps):
        product(h[:, t - 1] if t else h0, U, h[:, t], adding=True)
        _module("simple_step", x, blocks(n * units), h0, h, mask, n, steps, units, t, _CODES[activation])
    return h


def simple_rnn_grad(dh: Any, U: Any, h: Any, activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.simple_rnn_grad``."""
    if not _takes((activation,), mask, dh, U, h) or h.shape != dh.shape or U.shape != (dh.shape[2], dh.shape[2]):
        return NotImplemented
    n, steps, units = dh.shape
    dz, dh_later = backend_of(dh).empty(dh.shape, dh.dtype), _later(dh)
    for t in reversed(range(steps)):
        sizes = (n, steps, units, t, _CODES[activation], t == steps - 1)
        _module("simple_step_grad", dh, blocks(n * units), dh, dh_later, h, mask, dz, *sizes)
        product(dz[:, t], U.T, dh_later, adding=True)
    return dz, dh_later


def lstm(x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, activation: str, recurrent_activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.lstm``."""
    units = U.shape[0]
    if not _takes((activation, recurrent_activation), mask, x, W, U, b, h0, c0):
        return NotImplemented
    if U.shape[1] != 4 * units or W.shape[1] != 4 * units or not (x.shape[0], units) == h0.shape == c0.shape:
        return NotImplemented
    gates = linear.dense(x, W, b)
    if gates is NotImplemented:
        return NotImplemented
    n, steps, _ = x.shape
    h, c = (backend_of(x).empty((n, steps, units), x.dtype) for _ in range(2))
    codes = _CODES[activation], _CODES[recurrent_activation]
    for t in range(steps):
        product(h[:, t - 1] if t else h0, U, gates[:, t], adding=True)
        _module("lstm_step", x, blocks(n * units), gates, h0, c0, c, h, mask, n, steps, units, t, *codes)
    return h, c, gates


def lstm_grad(
    dh: Any, U: Any, c0: Any, c: Any, gates: Any, activation: str, recurrent_activation: str, dc: Any = None, mask: Any = None
) -> Any:
    """Kernel of ``ops.recurrent.lstm_grad``."""
    if not _takes((activation, recurrent_activation), mask, dh, U, c0, c, gates, dc):
        return NotImplemented
    n, steps, units = dh.shape
    if c.shape != dh.shape or gates.shape != (n, steps, 4 * units) or c0.shape != (n, units):
        return NotImplemented
    if U.shape != (units, 4 * units) or (dc is not None and dc.shape != c0.shape):
        return NotImplemented
    dz, dh_later, dc_later = backend_of(dh).empty(gates.shape, dh.dtype), _later(dh), _later(dh)
    if dc is not None:
        dc_later[...] = dc
    codes = _CODES[activation], _CODES[recurrent_activation]
    for t in reversed(range(steps)):
        sizes = (n, steps, units, t, *codes, t == steps - 1, dc is None)
        _module("lstm_step_grad", dh, blocks(n * units), dh, dh_later, gates, c0, c, mask, dc_later, dz, *sizes)
        product(dz[:, t], U.T, dh_later, adding=True)
    return dz, dh_later, dc_later


def gru(
    x: Any,
    W: Any,
    U: Any,
    b: Any,
    h0: Any,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Any = None,
) -> Any:
    """Kernel of ``ops.recurrent.gru``."""
    units = U.shape[0]
    if not _takes((activation, recurrent_activation), mask, x, W, U, b, h0):
        return NotImplemented
    if U.shape[1] != 3 * units or W.shape[1] != 3 * units or h0.shape != (x.shape[0], units):
        return NotImplemented
    if b is not None and b.shape != ((2, 3 * units) if reset_after else (3 * units,)):
        return NotImplemented
    of_x, of_h = (b[0], b[1]) if reset_after and b is not None else (b, None)
    gates = linear.dense(x, W, of_x)
    if gates is NotImplemented:
        return NotImplemented
    n, steps, _ = x.shape
    h, p, from_h = (backend_of(x).empty(shape, x.dtype) for shape in (*2 * [(n, steps, units)], (n, 3 * units)))
    a, s, grid, to_g = _CODES[activation], _CODES[recurrent_activation], blocks(n * units), 2 * units
    for t in range(steps):
        before, sizes = h[:, t - 1] if t else h0, (n, steps, units, t)
        if reset_after:
            product(before, U, from_h)
            _module("gru_step", x, grid, from_h, of_h, gates, h0, h, p, mask, *sizes, a, s)
        else:
            product(before, U[:, :to_g], gates[:, t, :to_g], adding=True)
            _module("gru_reset", x, grid, gates, h0, h, p, *sizes, s)
            product(p[:, t], U[:, to_g:], gates[:, t, to_g:], adding=True)
            _module("gru_candidate", x, grid, gates, h0, h, mask, *sizes, a)
    return h, gates, p


def gru_grad(
    dh: Any,
    U: Any,
    h0: Any,
    h: Any,
    gates: Any,
    p: Any,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Any = None,
) -> Any:
    """Kernel of ``ops.recurrent.gru_grad``."""
    if not _takes((activation, recurrent_activation), mask, dh, U, h0, h, gates, p):
        return NotImplemented
    n, steps, units = dh.shape
    if U.shape != (units, 3 * units) or h0.shape != (n, units) or not h.shape == p.shape == dh.shape:
        return NotImplemented
    if gates.shape != (n, steps, 3 * units):
        return NotImplemented
    backend, dh_later, grid, to_g = backend_of(dh), _later(dh), blocks(n * units), 2 * units
    of_x, dq = backend.empty(gates.shape, dh.dtype), backend.empty(h0.shape, dh.dtype)
    of_h = backend.empty(gates.shape, dh.dtype) if reset_after else of_x
    a, s = _CODES[activation], _CODES[recurrent_activation]
    for t in reversed(range(steps)):
        sizes = (n, steps, units, t)
        kept = gates, h0, h, (p if reset_after else None), mask
        _module("gru_step_grad", dh, grid, dh, dh_later, *kept, of_x, of_h, *sizes, a, s, t == steps - 1)
        if reset_after:
            product(of_h[:, t], U.T, dh_later, adding=True)
        else:
            product(of_x[:, t, to_g:], U[:, to_g:].T, dq)
            _module("gru_reset_grad", dh, grid, dq, dh_later, gates, h0, h, mask, of_x, *sizes, s)
            product(of_x[:, t, :to_g], U[:, :to_g].T, dh_later, adding=True)
    return of_x, of_h, dh_later


def _takes(names: tuple[str, ...], mask: Any, x: Any, *others: Any) -> bool:
    """Whether types, activations and the mask are what the kernels know."""
    if not alike(x, *others) or x.ndim != 3 or not set(names) <= set(_CODES):
        return False
    return mask is None or (mask.dtype == bool and mask.shape == x.shape[:2])


def _later(dh: Any) -> Any:
    """The gradient that a step hands to the one before it; where there are no steps it stays 0."""
    later = backend_of(dh).empty((dh.shape[0], dh.shape[2]), dh.dtype)
    if not dh.shape[1]:
        later[...] = 0
    return later
