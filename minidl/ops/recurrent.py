"""The LSTM cell unrolled over time; the four gates stand side by side in Keras's order input, forget, cell, output.

    [i f g o] = x_t W + h_{t-1} U + b        i, f, o through the recurrent activation s,  g through the activation a
    c_t = f c_{t-1} + i g                    the cell: what is remembered
    h_t = o a(c_t)                           the output

Backwards in time, with dh_t = (gradient from above) + (gradient from t + 1):

    do = dh a(c_t)        dc = dh o a'(c_t) + dc_{t+1} f_{t+1}        di = dc g     df = dc c_{t-1}     dg = dc i
    dz = [di s'(i), df s'(f), dg a'(g), do s'(o)]                     dh_{t-1} = dz U^T
    dx = dz W^T     dW = sum_t x_t^T dz_t     dU = sum_t h_{t-1}^T dz_t     db = sum_t dz_t

Shapes: x (n, T, c), W (c, 4u), U (u, 4u), b (4u,), h and c (n, T, u), gates and dz (n, T, 4u).
Source: Hochreiter and Schmidhuber 1997, Gers et al. 2000 (forget gate); Ghent 6; Keras's gate order.
"""

from __future__ import annotations

from minidl.backend import Array, array_namespace, op
from minidl.ops import activation as activations
from minidl.ops.linear import dense


@op
def lstm(
    x: Array, W: Array, U: Array, b: Array | None, h0: Array, c0: Array, activation: str, recurrent_activation: str
) -> tuple[Array, Array, Array]:
    """Outputs h, cells c, and the gates after their activations."""
    xp = array_namespace(x)
    a, s = getattr(activations, activation), getattr(activations, recurrent_activation)
    n, steps, _ = x.shape
    units = U.shape[0]
    gates = dense(x, W, b)  # the input's part for all times at once
    h = xp.empty((n, steps, units), x.dtype)
    c = xp.empty_like(h)
    h_before, c_before = h0, c0
    for t in range(steps):
        z = gates[:, t] + h_before @ U
        i, f, g, o = (z[:, k * units : (k + 1) * units] for k in range(4))
        i, f, g, o = s(i), s(f), a(g), s(o)
        c_before = f * c_before + i * g
        h_before = o * a(c_before)
        c[:, t], h[:, t] = c_before, h_before
        gates[:, t] = xp.concatenate((i, f, g, o), axis=1)
    return h, c, gates


@op
def lstm_grad(dh: Array, U: Array, c0: Array, c: Array, gates: Array, activation: str, recurrent_activation: str) -> Array:
    """dz (n, T, 4u), the gradient before the gates' activations; the products above give all other gradients from it."""
    xp = array_namespace(dh)
    a = getattr(activations, activation)
    a_grad, s_grad = getattr(activations, f"{activation}_grad"), getattr(activations, f"{recurrent_activation}_grad")
    n, steps, units = dh.shape
    dz = xp.empty_like(gates)
    dh_later, dc_later = xp.zeros((n, units), dh.dtype), xp.zeros((n, units), dh.dtype)
    for t in reversed(range(steps)):
        i, f, g, o = (gates[:, t, k * units : (k + 1) * units] for k in range(4))
        c_before = c[:, t - 1] if t else c0
        a_of_c = a(c[:, t])
        dh_t = dh[:, t] + dh_later
        dc = a_grad(dh_t * o, a_of_c) + dc_later
        parts = s_grad(dc * g, i), s_grad(dc * c_before, f), a_grad(dc * i, g), s_grad(dh_t * a_of_c, o)
        dz[:, t] = xp.concatenate(parts, axis=1)
        dh_later, dc_later = dz[:, t] @ U.T, dc * f
    return dz
