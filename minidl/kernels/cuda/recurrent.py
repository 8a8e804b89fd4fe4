"""The LSTM on the GPU: for each time one matrix product and one pass over the gates."""

from __future__ import annotations

from typing import Any

from minidl.backend.dispatch import backend_of
from minidl.kernels.cuda import linear
from minidl.kernels.cuda._module import Module, alike, blocks
from minidl.kernels.cuda._product import product

_module = Module("recurrent.cu")
_NAMES = ("linear", "sigmoid", "tanh", "relu", "softplus", "hard_sigmoid", "hard_sigmoid/5")
_CODES = {name: code for code, name in enumerate(_NAMES)}


def lstm(x: Any, W: Any, U: Any, b: Any, h0: Any, c0: Any, activation: str, recurrent_activation: str, mask: Any = None) -> Any:
    """Kernel of ``ops.recurrent.lstm``; the reference takes a mask."""
    units = U.shape[0]
    if mask is not None or not alike(x, W, U, b, h0, c0) or not {activation, recurrent_activation} <= set(_CODES):
        return NotImplemented
    if x.ndim != 3 or U.shape[1] != 4 * units or W.shape[1] != 4 * units or not (x.shape[0], units) == h0.shape == c0.shape:
        return NotImplemented
    gates = linear.dense(x, W, b)
    if gates is NotImplemented:
        return NotImplemented
    n, steps, _ = x.shape
    backend = backend_of(x)
    h, c = backend.empty((n, steps, units), x.dtype), backend.empty((n, steps, units), x.dtype)
    codes = _CODES[activation], _CODES[recurrent_activation]
    for t in range(steps):
        product(h[:, t - 1] if t else h0, U, gates[:, t], adding=True)
        _module("lstm_step", x, blocks(n * units), gates, c0, c, h, n, steps, units, t, *codes)
    return h, c, gates


def lstm_grad(
    dh: Any, U: Any, c0: Any, c: Any, gates: Any, activation: str, recurrent_activation: str, dc: Any = None, mask: Any = None
) -> Any:
    """Kernel of ``ops.recurrent.lstm_grad``; the reference takes a mask."""
    if mask is not None or not alike(dh, U, c0, c, gates, dc) or not {activation, recurrent_activation} <= set(_CODES):
        return NotImplemented
    n, steps, units = dh.shape
    if c.shape != dh.shape or gates.shape != (n, steps, 4 * units) or c0.shape != (n, units):
        return NotImplemented
    if dc is not None and dc.shape != c0.shape:
        return NotImplemented
    backend = backend_of(dh)
    dz = backend.empty(gates.shape, gates.dtype)
    dh_later, dc_later = backend.empty((n, units), dh.dtype), backend.empty((n, units), dh.dtype)
    if dc is not None or not steps:
        dc_later[...] = 0 if dc is None else dc
    if not steps:
        dh_later[...] = 0
    codes = _CODES[activation], _CODES[recurrent_activation]
    for t in reversed(range(steps)):
        sizes = (n, steps, units, t, *codes, int(t == steps - 1), int(t == steps - 1 and dc is None))
        _module("lstm_step_grad", dh, blocks(n * units), dh, dh_later, gates, c0, c, dc_later, dz, *sizes)
        product(dz[:, t], U.T, dh_later)
    return dz, dh_later, dc_later
