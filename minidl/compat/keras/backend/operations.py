"""The ops that functions of a script may be made of: each with its gradient for every argument, for NumPy and CuPy alike.

An op gets arrays and, by keyword, what is fixed when the function is traced. ``gradients`` holds for each argument a function
of dy, y and the arguments; an argument without one is not differentiated, such as the condition of ``switch``.

    elementwise     dx = dy f'(x), added up along the axes in which x was repeated to fit the other argument
    mean, sum       dx = dy repeated (divided by how many)
    max, min        dy to the largest numbers, shared by those that are equal
    prod            dx = dy y / x, by products of the others
    dot             dx = dy W^T,   dW = x^T dy
    moved numbers   the numbers of dy moved back; those that were used twice added

Source: Keras 2.1.1 (``keras/backend/tensorflow_backend.py``) for names and meanings; the derivatives are those of any textbook.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, prod
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import array_namespace
from minidl.ops import activation, softmax

Array = Any


class Op(NamedTuple):
    """An op: y = forward(*arrays, **fixed), and dx_i = gradients[i](dy, y, *arrays, **fixed).

    ``of_each``: one gradient for any number of arguments, which is given the number of the argument first.
    ``of_run``: forward is given the pass first, for its mode and its random numbers.
    """

    forward: Callable[..., Any]
    gradients: tuple[Callable[..., Any] | None, ...] = ()
    of_each: bool = False
    of_run: bool = False

    def gradient(self, index: int, dy: Array, y: Array, arrays: Any, fixed: dict[str, Any]) -> Array:
        """dx for argument number ``index``."""
        if self.of_each:
            assert self.gradients[0] is not None
            return self.gradients[0](index, dy, y, *arrays, **fixed)
        function = self.gradients[index]
        assert function is not None
        return function(dy, y, *arrays, **fixed)

    def has_gradient(self, index: int) -> bool:
        """Whether argument number ``index`` is differentiated."""
        return self.of_each or (index < len(self.gradients) and self.gradients[index] is not None)


def space(*arrays: Any) -> Any:
    """The array library of the first array."""
    for a in arrays:
        if hasattr(a, "ndim"):
            return array_namespace(a)
    return np


def fit(d: Array, like: Any) -> Array:
    """d added up to the shape of an argument that was repeated."""
    shape = np.shape(like) if not hasattr(like, "shape") else like.shape
    if d.shape == shape:
        return d
    d = d.sum(axis=tuple(range(d.ndim - len(shape)))) if d.ndim > len(shape) else d
    again = tuple(axis for axis, length in enumerate(shape) if length == 1 and d.shape[axis] != 1)
    return d.sum(axis=again, keepdims=True) if again else d


def _unary(f: Callable[[Any, Any], Any], slope: Callable[[Any, Any, Any], Any] | None) -> Op:
    """y = f(xp, x) and dx = dy slope(xp, x, y)."""
    gradients = () if slope is None else (lambda dy, y, x: dy * slope(space(x), x, y),)
    return Op(lambda x: f(space(x), x), gradients)


def _binary(f: Callable[[Any, Any, Any], Any], *slopes: Callable[..., Any]) -> Op:
    """y = f(xp, a, b); da = dy slopes[0](xp, a, b, y) and db likewise."""

    def gradient(index: int) -> Callable[..., Any]:
        return lambda dy, y, a, b: fit(dy * slopes[index](space(a, b), a, b, y), (a, b)[index])

    return Op(lambda a, b: f(space(a, b), a, b), tuple(gradient(i) for i in range(len(slopes))))


def _power_of_base(xp: Any, a: Any, b: Any, y: Any) -> Any:
    return b * xp.power(a, b - 1)


def _log_of_base(xp: Any, a: Any, b: Any, y: Any) -> Any:
    safe = xp.where(a > 0, a, 1)
    return xp.where(a > 0, y * xp.log(safe), 0 * y)


OPS: dict[str, Op] = {
    "negative": _unary(lambda xp, x: -x, lambda xp, x, y: -1),
    "abs": _unary(lambda xp, x: xp.abs(x), lambda xp, x, y: xp.sign(x)),
    "square": _unary(lambda xp, x: x * x, lambda xp, x, y: 2 * x),
    "sqrt": _unary(lambda xp, x: xp.sqrt(xp.maximum(x, 0)), lambda xp, x, y: xp.where(x > 0, 0.5 / xp.where(y > 0, y, 1), 0)),
    "exp": _unary(lambda xp, x: xp.exp(x), lambda xp, x, y: y),
    "log": _unary(lambda xp, x: xp.log(x), lambda xp, x, y: 1 / x),
    "sin": _unary(lambda xp, x: xp.sin(x), lambda xp, x, y: xp.cos(x)),
    "cos": _unary(lambda xp, x: xp.cos(x), lambda xp, x, y: -xp.sin(x)),
    "sign": _unary(lambda xp, x: xp.sign(x), None),
    "round": _unary(lambda xp, x: xp.rint(x), None),
    "not": _unary(lambda xp, x: xp.logical_not(x), None),
    "sigmoid": _unary(lambda xp, x: activation.sigmoid(x), lambda xp, x, y: y * (1 - y)),
    "tanh": _unary(lambda xp, x: xp.tanh(x), lambda xp, x, y: 1 - y * y),
    "softplus": _unary(lambda xp, x: activation.softplus(x), lambda xp, x, y: 1 - xp.exp(-y)),
    "softsign": _unary(lambda xp, x: x / (1 + xp.abs(x)), lambda xp, x, y: 1 / (1 + xp.abs(x)) ** 2),
    "add": _binary(lambda xp, a, b: a + b, lambda xp, a, b, y: 1, lambda xp, a, b, y: 1),
    "subtract": _binary(lambda xp, a, b: a - b, lambda xp, a, b, y: 1, lambda xp, a, b, y: -1),
    "multiply": _binary(lambda xp, a, b: a * b, lambda xp, a, b, y: b, lambda xp, a, b, y: a),
    "divide": _binary(lambda xp, a, b: a / b, lambda xp, a, b, y: 1 / b, lambda xp, a, b, y: -y / b),
    "pow": _binary(lambda xp, a, b: xp.power(a, b), _power_of_base, _log_of_base),
    "maximum": _binary(lambda xp, a, b: xp.maximum(a, b), lambda xp, a, b, y: a >= b, lambda xp, a, b, y: a < b),
    "minimum": _binary(lambda xp, a, b: xp.minimum(a, b), lambda xp, a, b, y: a <= b, lambda xp, a, b, y: a > b),
    "equal": _binary(lambda xp, a, b: a == b),
    "not_equal": _binary(lambda xp, a, b: a != b),
    "greater": _binary(lambda xp, a, b: a > b),
    "greater_equal": _binary(lambda xp, a, b: a >= b),
    "less": _binary(lambda xp, a, b: a < b),
    "less_equal": _binary(lambda xp, a, b: a <= b),
    "and": _binary(lambda xp, a, b: xp.logical_and(a, b)),
    "or": _binary(lambda xp, a, b: xp.logical_or(a, b)),
    "floor_divide": _binary(lambda xp, a, b: a // b),
    "mod": _binary(lambda xp, a, b: a % b),
    "stop_gradient": _unary(lambda xp, x: x, None),
}


def known(*gradients: Callable[..., Any] | None, name: str = "", **how: Any) -> Callable[[Callable[..., Any]], Any]:
    """Put a function into the table, with its gradients."""

    def add(forward: Callable[..., Any]) -> Callable[..., Any]:
        OPS[name or forward.__name__.strip("_")] = Op(forward, gradients, **how)
        return forward

    return add


def _same(dy: Array, y: Array, x: Array, **fixed: Any) -> Array:
    return dy


# -- element by element, with options ----------------------------------------------------------------------------------


def _clip_grad(dy: Array, y: Array, x: Array, low: Any, high: Any) -> Array:
    inside = True
    if low is not None:
        inside = x >= low
    if high is not None:
        inside = inside & (x <= high)
    return dy * inside


@known(_clip_grad)
def _clip(x: Array, low: Any, high: Any) -> Array:
    return x if low is None and high is None else space(x).clip(x, low, high)


def _relu_grad(dy: Array, y: Array, x: Array, alpha: float, max_value: Any) -> Array:
    slope = space(x).where(x > 0, 1, x.dtype.type(alpha))
    return dy * (slope if max_value is None else slope * (x < max_value))


@known(_relu_grad)
def _relu(x: Array, alpha: float, max_value: Any) -> Array:
    y = space(x).where(x > 0, x, x.dtype.type(alpha) * x)
    return y if max_value is None else space(x).minimum(y, max_value)


def _elu_grad(dy: Array, y: Array, x: Array, alpha: float) -> Array:
    return dy * space(x).where(x > 0, 1, y + x.dtype.type(alpha))


@known(_elu_grad)
def _elu(x: Array, alpha: float) -> Array:
    xp = space(x)
    return xp.where(x > 0, x, x.dtype.type(alpha) * xp.expm1(xp.minimum(x, 0)))


@known(lambda dy, y, x: softmax.softmax_grad(dy, y), name="softmax")
def _softmax(x: Array) -> Array:
    return softmax.softmax(x)


@known(_same)
def _cast(x: Array, kind: str) -> Array:
    if not hasattr(x, "astype"):  # a length
        return {"float": float, "int": int, "bool": bool}[kind](x)
    if kind == "float":
        return x if x.dtype.kind == "f" else x.astype(np.float32)
    return x.astype({"int": np.int64, "bool": np.bool_}[kind])


@known()
def _like(x: Array, value: float) -> Array:
    return space(x).full_like(x, value)


@known(None, lambda dy, y, c, a, b: fit(space(dy).where(_wide(c, y), dy, 0), a),
       lambda dy, y, c, a, b: fit(space(dy).where(_wide(c, y), 0, dy), b))  # fmt: skip
def _switch(condition: Array, a: Array, b: Array) -> Array:
    xp = space(condition, a, b)
    return xp.where(_wide(condition, a if np.ndim(a) >= np.ndim(b) else b), a, b)


def _wide(condition: Array, like: Array) -> Array:
    """A condition with axes of length 1 behind its own, as many as ``like`` has."""
    c = condition if hasattr(condition, "ndim") else np.asarray(condition)
    c = c if c.dtype.kind == "b" else c != 0
    return c.reshape(c.shape + (1,) * (np.ndim(like) - c.ndim)) if 0 < c.ndim < np.ndim(like) else c


# -- over axes ---------------------------------------------------------------------------------------------------------


def _spread(d: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    """What a reduction gave, with its axes again, so that it fits x."""
    if keepdims or axis is None:
        return d.reshape((1,) * x.ndim) if axis is None else d
    axes = axis if isinstance(axis, tuple) else (axis,)
    return d.reshape([1 if a in {b % x.ndim for b in axes} else n for a, n in enumerate(x.shape)])


def _count(x: Array, axis: Any) -> int:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return prod(x.shape[a] for a in axes)


def _repeated(d: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    return space(x).broadcast_to(_spread(d, x, axis, keepdims), x.shape)


@known(lambda dy, y, x, axis, keepdims: _repeated(dy, x, axis, keepdims), name="sum")
def _sum(x: Array, axis: Any, keepdims: bool) -> Array:
    return x.sum(axis=axis, keepdims=keepdims)


@known(lambda dy, y, x, axis, keepdims: _repeated(dy, x, axis, keepdims) / max(_count(x, axis), 1), name="mean")
def _mean(x: Array, axis: Any, keepdims: bool) -> Array:
    return (x if x.dtype.kind == "f" else x.astype(np.float32)).mean(axis=axis, keepdims=keepdims)


def _extreme_grad(dy: Array, y: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    best = x == _spread(y, x, axis, keepdims)
    return _spread(dy, x, axis, keepdims) * best / best.sum(axis=axis, keepdims=True)


@known(_extreme_grad, name="max")
def _max(x: Array, axis: Any, keepdims: bool) -> Array:
    return x.max(axis=axis, keepdims=keepdims)


@known(_extreme_grad, name="min")
def _min(x: Array, axis: Any, keepdims: bool) -> Array:
    return x.min(axis=axis, keepdims=keepdims)


def _prod_grad(dy: Array, y: Array, x: Array, axis: Any, keepdims: bool) -> Array:
    """The product of the others: that of all / x, or where one number is 0 that of the rest, for this number alone."""
    xp, zero = space(x), x == 0
    safe = xp.where(zero, 1, x)
    rest, zeros = safe.prod(axis=axis, keepdims=True), zero.sum(axis=axis, keepdims=True)
    others = xp.where(zeros == 0, rest / safe, xp.where((zeros == 1) & zero, rest, 0))
    return (_spread(dy, x, axis, keepdims) * others).astype(x.dtype, copy=False)


@known(_prod_grad, name="prod")
def _prod(x: Array, axis: Any, keepdims: bool) -> Array:
    return x.prod(axis=axis, keepdims=keepdims)


@known(lambda dy, y, x, axis, keepdims: _spread(dy, x, axis, keepdims) * space(x).exp(x - _spread(y, x, axis, keepdims)))
def _logsumexp(x: Array, axis: Any, keepdims: bool) -> Array:
    xp = space(x)
    top = x.max(axis=axis, keepdims=True)
    y = top + xp.log(xp.exp(x - top).sum(axis=axis, keepdims=True))
    return y if keepdims else y.reshape(x.sum(axis=axis).shape)


def _reverse_cumsum(d: Array, axis: int) -> Array:
    xp = space(d)
    return xp.flip(xp.cumsum(xp.flip(d, axis), axis=axis), axis)


@known(lambda dy, y, x, axis: _reverse_cumsum(dy, axis))
def _cumsum(x: Array, axis: int) -> Array:
    return space(x).cumsum(x, axis=axis)


@known(lambda dy, y, x, axis: _reverse_cumsum(dy * y, axis) / x)
def _cumprod(x: Array, axis: int) -> Array:
    return space(x).cumprod(x, axis=axis)


@known()
def _any(x: Array, axis: Any, keepdims: bool) -> Array:
    return (x != 0).any(axis=axis, keepdims=keepdims)


@known()
def _all(x: Array, axis: Any, keepdims: bool) -> Array:
    return (x != 0).all(axis=axis, keepdims=keepdims)


@known()
def _argmax(x: Array, axis: int) -> Array:
    return x.argmax(axis=axis)


@known()
def _argmin(x: Array, axis: int) -> Array:
    return x.argmin(axis=axis)


@known()
def _in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    """Whether fewer than k predictions are larger than that of the target."""
    rows = space(predictions).arange(len(predictions))
    own = predictions[rows, targets.astype(np.int64).reshape(-1)]
    return (predictions > own[:, None]).sum(axis=-1) < k


# -- numbers moved -----------------------------------------------------------------------------------------------------


@known(lambda dy, y, x, *lengths, shape: dy.reshape(x.shape))
def _reshape(x: Array, *lengths: Any, shape: tuple[Any, ...]) -> Array:
    return x.reshape(filled(shape, lengths))


def filled(shape: tuple[Any, ...], lengths: Any) -> tuple[int, ...]:
    """A shape whose None are the lengths that only the pass knows."""
    found = iter(lengths)
    return tuple(int(next(found)) if n is None else int(n) for n in shape)


@known()
def _length(x: Array, axis: int) -> int:
    return int(x.shape[axis])


@known(lambda dy, y, x, axis: dy.reshape(x.shape))
def _expand_dims(x: Array, axis: int) -> Array:
    return space(x).expand_dims(x, axis)


@known(lambda dy, y, x, axis: dy.reshape(x.shape))
def _squeeze(x: Array, axis: int) -> Array:
    return space(x).squeeze(x, axis)


@known(lambda dy, y, x, axes: dy.transpose([axes.index(a) for a in range(len(axes))]))
def _transpose(x: Array, axes: tuple[int, ...]) -> Array:
    return x.transpose(axes)


def _concatenate_grad(index: int, dy: Array, y: Array, *arrays: Array, axis: int) -> Array:
    start = sum(a.shape[axis] for a in arrays[:index])
    places: list[Any] = [slice(None)] * dy.ndim
    places[axis] = slice(start, start + arrays[index].shape[axis])
    return dy[tuple(places)]


@known(_concatenate_grad, of_each=True)
def _concatenate(*arrays: Array, axis: int) -> Array:
    return space(*arrays).concatenate(arrays, axis=axis)


@known(lambda index, dy, y, *arrays, axis: dy.take(index, axis=axis), of_each=True)
def _stack(*arrays: Array, axis: int) -> Array:
    return space(*arrays).stack(arrays, axis=axis)


def _take_grad(dy: Array, y: Array, x: Array, places: Any) -> Array:
    dx = space(x).zeros(x.shape, dy.dtype)
    dx[places] = dy
    return dx


@known(_take_grad)
def _take(x: Array, places: Any) -> Array:
    return x[places]


@known(lambda dy, y, x, axes: space(dy).flip(dy, axes))
def _reverse(x: Array, axes: Any) -> Array:
    return space(x).flip(x, axes)


def _tile_grad(dy: Array, y: Array, x: Array, *lengths: Any, counts: tuple[Any, ...]) -> Array:
    counts = filled(counts, lengths)
    counts = (1,) * (x.ndim - len(counts)) + counts
    parts = [n for pair in zip(counts, x.shape) for n in pair]
    return dy.reshape(parts).sum(axis=tuple(range(0, 2 * x.ndim, 2)))


@known(_tile_grad)
def _tile(x: Array, *lengths: Any, counts: tuple[Any, ...]) -> Array:
    return space(x).tile(x, filled(counts, lengths))


def _repeat_grad(dy: Array, y: Array, x: Array, times: int, axis: int) -> Array:
    axis %= x.ndim
    return dy.reshape(*x.shape[: axis + 1], times, *x.shape[axis + 1 :]).sum(axis=axis + 1)


@known(_repeat_grad)
def _repeat(x: Array, times: int, axis: int) -> Array:
    return space(x).repeat(x, times, axis)


@known(lambda dy, y, x, widths: dy[tuple(slice(a, n - b) for n, (a, b) in zip(dy.shape, widths))])
def _pad(x: Array, widths: Any) -> Array:
    return space(x).pad(x, widths)


@known()
def _one_hot(ids: Array, classes: int) -> Array:
    return (ids.astype(np.int64)[..., None] == space(ids).arange(classes)).astype(np.float32)


def _gather_grad(dy: Array, y: Array, table: Array, ids: Array) -> Array:
    xp = space(table)
    found = xp.zeros(table.shape, dy.dtype)
    xp.add.at(found, ids.astype(np.int64), dy)
    return found


@known(_gather_grad)
def _gather(table: Array, ids: Array) -> Array:
    return table[ids.astype(np.int64)]


# -- products ----------------------------------------------------------------------------------------------------------


def _dot_grad_x(dy: Array, y: Array, x: Array, w: Array) -> Array:
    kept = [a for a in range(w.ndim) if a != max(w.ndim - 2, 0)]
    behind = list(range(dy.ndim - len(kept), dy.ndim))
    return space(x).tensordot(dy, w, axes=(behind, kept))


def _dot_grad_w(dy: Array, y: Array, x: Array, w: Array) -> Array:
    xp, before = space(x), list(range(x.ndim - 1))
    return xp.moveaxis(xp.tensordot(x, dy, axes=(before, before)), 0, max(w.ndim - 2, 0))


@known(_dot_grad_x, _dot_grad_w)
def _dot(x: Array, w: Array) -> Array:
    return space(x).tensordot(x, w, axes=(x.ndim - 1, max(w.ndim - 2, 0)))


def _letters(x: Array, y: Array, axes: tuple[int, int]) -> tuple[str, str, str]:
    """Names of the axes of x, y and the result: the first is the batch's, and z is summed over."""
    of_x, of_y = list("abcdefg"[: x.ndim]), list("ahijklm"[: y.ndim])
    of_x[axes[0]] = of_y[axes[1]] = "z"
    return "".join(of_x), "".join(of_y), "".join(a for a in (*of_x, *of_y[1:]) if a != "z")


@known(lambda dy, r, x, y, axes: space(x).einsum(_swapped(x, y, axes, 0), dy, y),
       lambda dy, r, x, y, axes: space(x).einsum(_swapped(x, y, axes, 1), dy, x))  # fmt: skip
def _batch_dot(x: Array, y: Array, axes: tuple[int, int]) -> Array:
    a, b, c = _letters(x, y, axes)
    return space(x).einsum(f"{a},{b}->{c}", x, y)


def _swapped(x: Array, y: Array, axes: tuple[int, int], wanted: int) -> str:
    a, b, c = _letters(x, y, axes)
    return f"{c},{(b, a)[wanted]}->{(a, b)[wanted]}"


# -- what depends on the pass ------------------------------------------------------------------------------------------


@known(of_run=True, name="phase")
def _phase(run: Any) -> Array:
    """Whether the pass is one of training."""
    return run.space.asarray(run.training)


@known(of_run=True, name="random_normal")
def _random_normal(run: Any, *lengths: Any, shape: tuple[Any, ...], mean: float, stddev: float) -> Array:
    """Normal numbers by the polar method of Box and Muller, from the pass's own uniform ones."""
    u = run.uniform(filled((2, *shape), lengths))
    xp = space(u)
    return (mean + stddev * xp.sqrt(-2 * xp.log1p(-u[0])) * xp.cos(2 * pi * u[1])).astype(run.dtype)


@known(of_run=True, name="random_uniform")
def _random_uniform(run: Any, *lengths: Any, shape: tuple[Any, ...], low: float, high: float) -> Array:
    return (low + (high - low) * run.uniform(filled(shape, lengths))).astype(run.dtype)


@known(of_run=True, name="filled")
def _filled(run: Any, *lengths: Any, shape: tuple[Any, ...], value: float) -> Array:
    return run.space.full(filled(shape, lengths), value, run.dtype)


# -- losses ------------------------------------------------------------------------------------------------------------


@known(None, lambda dy, y, t, z: dy[..., None] * (softmax.softmax(z) * t.sum(axis=-1, keepdims=True) - t))
def _softmax_cross_entropy(targets: Array, logits: Array) -> Array:
    return (targets.sum(axis=-1) * _logsumexp(logits, -1, False)) - (targets * logits).sum(axis=-1)


@known(lambda dy, y, t, z: fit(-dy * z, t), lambda dy, y, t, z: fit(dy * (activation.sigmoid(z) - t), z))
def _sigmoid_cross_entropy(targets: Array, logits: Array) -> Array:
    xp = space(logits)
    return xp.maximum(logits, 0) - logits * targets + xp.log1p(xp.exp(-xp.abs(logits)))
