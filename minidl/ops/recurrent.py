"""Recurrent networks: what happens in one step of a simple network, of an LSTM and of a GRU, and the way through all times.

``x_t W`` of all times is one product before the loop, and ``dW = sum_t x_t^T dz_t`` one behind it; what stands here is the
rest. a is the activation, s that of the gates, and gates stand side by side in Keras's order.

Simple network:

    h_t = a(z_t)        z_t = x_t W + h_{t-1} U + b                   dz = dh a'(z)        dh_{t-1} = dz U^T

LSTM:

    [i f g o] = x_t W + h_{t-1} U + b        i, f, o through s,  g through a
    c_t = f c_{t-1} + i g                    the cell: what is remembered
    h_t = o a(c_t)                           the output

    do = dh a(c_t)        dc = dh o a'(c_t) + dc_{t+1} f_{t+1}        di = dc g     df = dc c_{t-1}     dg = dc i
    dz = [di s'(i), df s'(f), dg a'(g), do s'(o)]                     dh_{t-1} = dz U^T

GRU, with the parts [U_z U_r U_g] of U:

    z = s(x_t W_z + h_{t-1} U_z + b_z)       how much of the old state stays
    r = s(x_t W_r + h_{t-1} U_r + b_r)       what of it the candidate sees
    g = a(x_t W_g + b_g + q)                 the candidate
    q = r (h_{t-1} U_g + b'_g)               ``reset_after``: behind the product, which has biases b' of its own
    q = (r h_{t-1}) U_g                      else: before it
    h_t = z h_{t-1} + (1 - z) g

    dg = dh (1 - z) a'(g)        dz = dh (h_{t-1} - g) s'(z)        dr = s'(r) (dg p), p = h_{t-1} U_g + b'_g
                                                               or   dr = s'(r) (dg U_g^T h_{t-1})
    dh_{t-1} = dh z + [dz dr dg r] U^T       or   dh z + [dz dr] [U_z U_r]^T + r (dg U_g^T)

A mask (n, T) leaves steps out: h_t = h_{t-1} and c_t = c_{t-1} where it is False, and gradients pass by.

Backwards in time, dh_t is the gradient from above and that from t + 1. Shapes: x (n, T, c), W (c, k u), U (u, k u), b (k u,),
h and c (n, T, u), gates and dz (n, T, k u) with k = 1, 4, 3; b of a GRU with ``reset_after`` (2, 3 u).
Source: Elman 1990; Hochreiter and Schmidhuber 1997, Gers et al. 2000 (forget gate); Cho et al. 2014; Ghent 6; Keras's order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from minidl.backend import Array, array_namespace, op
from minidl.ops import activation as activations
from minidl.ops.linear import dense, dense_grad_x


class Curve(NamedTuple):
    """An activation in a step.

    Attributes:
        f: z to y, and what the gradient is a function of.
        gradient: of dy and that.
    """

    f: Callable[[Array], tuple[Array, Any]]
    gradient: Callable[[Array, Any], Array]


def curve(name: str) -> Curve:
    """The activation of this name, whose gradient is a function of y; ``"hard_sigmoid/5"`` is the one with the slope 1/5."""
    name, _, divisor = name.partition("/")
    f, gradient = getattr(activations, name), getattr(activations, f"{name}_grad")
    options = {"slope": 1 / int(divisor)} if divisor else {}

    def of_y(z: Array) -> tuple[Array, Array]:
        y = f(z, **options)
        return y, y

    return Curve(of_y, partial(gradient, **options))


# -- one step ----------------------------------------------------------------------------------------------------------


def lstm_step(z: Array, c_before: Array, a: Curve, s: Curve) -> tuple[Array, Array, Array, Any]:
    """h, c, the gates (n, 4u) and what the activations keep, of z = x_t W + h_{t-1} U + b."""
    i, f, g, o = parts(z, 4)
    (i, of_i), (f, of_f), (g, of_g), (o, of_o) = s.f(i), s.f(f), a.f(g), s.f(o)
    c = f * c_before + i * g
    a_of_c, of_c = a.f(c)
    return o * a_of_c, c, side_by_side(i, f, g, o), (of_i, of_f, of_g, of_o, a_of_c, of_c)


def lstm_step_grad(dh: Array, dc: Array, c_before: Array, gates: Array, kept: Any, a: Curve, s: Curve) -> tuple[Array, Array]:
    """dz, and the gradient of c_{t-1}."""
    i, f, g, o = parts(gates, 4)
    of_i, of_f, of_g, of_o, a_of_c, of_c = kept
    dc = a.gradient(dh * o, of_c) + dc
    di, df = s.gradient(dc * g, of_i), s.gradient(dc * c_before, of_f)
    dg, do = a.gradient(dc * i, of_g), s.gradient(dh * a_of_c, of_o)
    return side_by_side(di, df, dg, do), dc * f


def gru_step(
    from_x: Array, zr_from_h: Array, h_before: Array, inner: Callable[[Array], Array], a: Curve, s: Curve
) -> tuple[Array, Array, Any]:
    """h, the gates (n, 3u) and what the activations keep. ``inner(r)`` is q, ``zr_from_h`` (n, 2u) the state's part of z, r."""
    z, r, g = parts(from_x, 3)
    z_from_h, r_from_h = parts(zr_from_h, 2)
    (z, of_z), (r, of_r) = s.f(z + z_from_h), s.f(r + r_from_h)
    g, of_g = a.f(g + inner(r))
    return z * h_before + (1 - z) * g, side_by_side(z, r, g), (of_z, of_r, of_g)


def gru_step_grad(
    dh: Array, h_before: Array, gates: Array, kept: Any, dr_of: Callable[[Array], Array], a: Curve, s: Curve
) -> tuple[Array, Array]:
    """[dz dr dg], and what h_{t-1} is owed directly: dh z. ``dr_of(dg)`` is the gradient of r through q."""
    z, _, g = parts(gates, 3)
    of_z, of_r, of_g = kept
    dg = a.gradient(dh * (1 - z), of_g)
    dz = s.gradient(dh * (h_before - g), of_z)
    return side_by_side(dz, s.gradient(dr_of(dg), of_r), dg), dh * z


def parts(gates: Array, count: int) -> list[Array]:
    """The gates that stand side by side on the last axis."""
    units = gates.shape[-1] // count
    return [gates[..., k * units : (k + 1) * units] for k in range(count)]


def side_by_side(*gates: Array) -> Array:
    """The gates on one last axis."""
    return array_namespace(gates[0]).concatenate(gates, axis=-1)


# -- all times ---------------------------------------------------------------------------------------------------------


@op
def states_before(h0: Array, h: Array) -> Array:
    """h_{t-1} of all times: h0, and all of h but the last."""
    return array_namespace(h).concatenate((h0[:, None][:, : h.shape[1]], h[:, :-1]), axis=1)


@op
def simple_rnn(x: Array, W: Array, U: Array, b: Array | None, h0: Array, activation: str, mask: Array | None = None) -> Array:
    """h of all times."""
    a = curve(activation)
    h = dense(x, W, b)  # the input's part for all times at once
    before = h0
    for t in range(x.shape[1]):
        before = h[:, t] = _where(mask, t, a.f(h[:, t] + dense(before, U))[0], before)
    return h


@op
def simple_rnn_grad(dh: Array, U: Array, h: Array, activation: str, mask: Array | None = None) -> tuple[Array, Array]:
    """dz (n, T, u), and the gradient of h0."""
    xp, gradient = array_namespace(dh), curve(activation).gradient
    dz, later = xp.empty_like(h), xp.zeros((len(dh), dh.shape[2]), dh.dtype)
    for t in reversed(range(dh.shape[1])):
        dh_t = dh[:, t] + later
        dz[:, t] = _where(mask, t, gradient(dh_t, h[:, t]), 0)
        later = _where(mask, t, dense_grad_x(dz[:, t], U), dh_t)
    return dz, later


@op
def lstm(
    x: Array,
    W: Array,
    U: Array,
    b: Array | None,
    h0: Array,
    c0: Array,
    activation: str,
    recurrent_activation: str,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Outputs h, cells c, and the gates after their activations."""
    xp, a, s = array_namespace(x), curve(activation), curve(recurrent_activation)
    n, steps, _ = x.shape
    gates = dense(x, W, b)  # the input's part for all times at once
    h, c = xp.empty((n, steps, U.shape[0]), x.dtype), xp.empty((n, steps, U.shape[0]), x.dtype)
    h_before, c_before = h0, c0
    for t in range(steps):
        h_t, c_t, gates[:, t], _ = lstm_step(gates[:, t] + dense(h_before, U), c_before, a, s)
        h_before = h[:, t] = _where(mask, t, h_t, h_before)
        c_before = c[:, t] = _where(mask, t, c_t, c_before)
    return h, c, gates


@op
def lstm_grad(
    dh: Array,
    U: Array,
    c0: Array,
    c: Array,
    gates: Array,
    activation: str,
    recurrent_activation: str,
    dc: Array | None = None,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """dz (n, T, 4u), and the gradients of h0 and c0; dc (n, u) is that of the last cell, None for none."""
    xp, a, s = array_namespace(dh), curve(activation), curve(recurrent_activation)
    n, steps, units = dh.shape
    dz = xp.empty_like(gates)
    dh_later, dc_later = xp.zeros((n, units), dh.dtype), xp.zeros((n, units), dh.dtype) if dc is None else dc
    for t in reversed(range(steps)):
        dh_t, dc_t = dh[:, t] + dh_later, dc_later
        kept = (*parts(gates[:, t], 4), *a.f(c[:, t]))
        dz_t, dc_later = lstm_step_grad(dh_t, dc_t, c[:, t - 1] if t else c0, gates[:, t], kept, a, s)
        dz[:, t] = _where(mask, t, dz_t, 0)
        dh_later = _where(mask, t, dense_grad_x(dz[:, t], U), dh_t)
        dc_later = _where(mask, t, dc_later, dc_t)
    return dz, dh_later, dc_later if dc is None or dc_later is not dc else dc.copy()


@op
def gru(
    x: Array,
    W: Array,
    U: Array,
    b: Array | None,
    h0: Array,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Outputs h, the gates after their activations, and p (n, T, u): h_{t-1} U_g + b'_g, or r h_{t-1} without reset_after."""
    xp, a, s = array_namespace(x), curve(activation), curve(recurrent_activation)
    n, steps, _ = x.shape
    units = U.shape[0]
    gates = dense(x, W, b[0] if reset_after and b is not None else b)  # the input's part for all times at once
    h, p = xp.empty((n, steps, units), x.dtype), xp.empty((n, steps, units), x.dtype)
    U_zr, U_g = _gates_and_candidate(U)
    before = h0
    for t in range(steps):

        def inner(r: Array, t: int = t, h_before: Array = before) -> Array:
            if reset_after:
                return r * p[:, t]
            p[:, t] = r * h_before
            return dense(p[:, t], U_g)

        from_h = dense(before, U if reset_after else U_zr)
        if reset_after:
            from_h = from_h if b is None else from_h + b[1]
            p[:, t] = from_h[:, 2 * units :]
        h_t, gates[:, t], _ = gru_step(gates[:, t], from_h[:, : 2 * units], before, inner, a, s)
        before = h[:, t] = _where(mask, t, h_t, before)
    return h, gates, p


@op
def gru_grad(
    dh: Array,
    U: Array,
    h0: Array,
    h: Array,
    gates: Array,
    p: Array,
    activation: str,
    recurrent_activation: str,
    reset_after: bool = True,
    mask: Array | None = None,
) -> tuple[Array, Array, Array]:
    """[dz dr dg] (n, T, 3u) of the input's part, the same of the state's part (dg r in place of dg), and the gradient of h0.

    Without ``reset_after`` the two are equal, and dU_g = sum_t p_t^T dg_t.
    """
    xp, a, s = array_namespace(dh), curve(activation), curve(recurrent_activation)
    n, steps, units = dh.shape
    of_x, of_h = xp.empty_like(gates), xp.empty_like(gates)
    U_zr, U_g = _gates_and_candidate(U)
    later = xp.zeros((n, units), dh.dtype)
    for t in reversed(range(steps)):
        dh_t, before = dh[:, t] + later, h[:, t - 1] if t else h0
        z, r, g = parts(gates[:, t], 3)

        def dr_of(dg: Array, t: int = t, before: Array = before) -> Array:
            return dg * p[:, t] if reset_after else dense_grad_x(dg, U_g) * before

        d, direct = gru_step_grad(dh_t, before, gates[:, t], (z, r, g), dr_of, a, s)
        of_x[:, t] = of_h[:, t] = _where(mask, t, d, 0)
        dg = of_x[:, t, 2 * units :]
        if reset_after:
            of_h[:, t, 2 * units :] = _where(mask, t, dg * r, 0)
            through = dense_grad_x(of_h[:, t], U)
        else:
            through = dense_grad_x(of_h[:, t, : 2 * units], U_zr) + r * dense_grad_x(dg, U_g)
        later = _where(mask, t, direct + through, dh_t)
    return of_x, of_h, later


def _gates_and_candidate(U: Array) -> tuple[Array, Array]:
    """[U_z U_r] and U_g, as arrays of their own."""
    xp, width = array_namespace(U), U.shape[1] // 3 * 2
    return xp.ascontiguousarray(U[:, :width]), xp.ascontiguousarray(U[:, width:])


def _where(mask: Array | None, t: int, new: Array, old: Any) -> Any:
    """``new`` where step t counts."""
    return new if mask is None else array_namespace(new).where(mask[:, t, None], new, old)
