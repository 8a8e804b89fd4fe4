"""Attention by several heads, each with projections of its own; the mathematics stands in ``minidl/ops/attention.py``."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple, Unpack

from minidl import constraints, initializers, regularizers
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError
from minidl.geometry import agree
from minidl.layers._attention import AttentionLayer, AttentionOptions, both, namespace
from minidl.layers.activity import penalty, penalty_grad
from minidl.layers.context import INFERENCE, Context
from minidl.ops.attention import dot_scores, dot_scores_grad, near_keys, weighted_mean, weighted_mean_grad
from minidl.ops.linear import bias_grad, dense, dense_grad_W, dense_grad_x
from minidl.parameters import Parameter


class Axes(NamedTuple):
    """The axes of an array with its batch: those that attention runs over, and those whose places are apart."""

    attended: tuple[int, ...]
    apart: tuple[int, ...]


class MultiHeadAttention(AttentionLayer):
    """Each head h attends with projections of its own; a last projection puts the heads together.

        q = x_q W_query + b_query     k = x_k W_key + b_key     v = x_v W_value + b_value         for each head
        p = softmax(q k^T / sqrt(key_dim))    z = p v           y = sum over the heads of z W_output + b_output

    Inputs are [query, value] or [query, value, key]; the key is the value where it is not given. A sequence attends to itself
    by ``layer([x, x])``. Weights, in this order: W_query (d, heads, key_dim), b_query (heads, key_dim), W_key, b_key,
    W_value (d, heads, value_dim), b_value, W_output (heads, value_dim, out), b_output (out,).

    Args:
        num_heads: how many heads.
        key_dim: features of q and k in each head.
        value_dim: of v, by default ``key_dim``.
        dropout: fraction of the weights p that are dropped in training.
        use_bias: whether the four projections have a b.
        output_shape: features of y, an integer or several; by default as many as the query has.
        attention_axes: the axes that attention runs over, counted with the batch axis; by default all between the batch and
            the features. The other axes are taken apart, as the samples of a batch are.
        sliding_window: a query at place i sees the keys with |i - j| < sliding_window only.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: of the
            four W and the four b, as for ``Dense``; ``activity_regularizer`` of the four projections' results.
        seed: of the dropout; None takes a stream of ``minidl.set_seed``.
        use_causal_mask: a query at place i sees the keys at places j <= i only. (In Keras this and the next are arguments of
            a call.)
        return_attention_scores: the result is a pair: y, and the weights p (batch, heads, queries, keys) before dropout.

    Shapes: (batch, queries, d), (batch, keys, e), (batch, keys, d') -> (batch, queries, out).
    A step counts for a pair of query and key where it does in all masks; a query that sees no key has z = 0.
    Raises ShapeError for inputs that do not fit, StateError for masks of samples with more axes than time and features.
    Source: Vaswani et al. 2017.

    >>> layer = MultiHeadAttention(num_heads=2, key_dim=3)
    >>> layer.build(((5, 4), (7, 4))); layer.output_shape(((5, 4), (7, 4))), layer.count_params()
    ((5, 4), 118)
    """

    W_query: Parameter
    W_key: Parameter
    W_value: Parameter
    W_output: Parameter
    b_query: Parameter | None
    b_key: Parameter | None
    b_value: Parameter | None
    b_output: Parameter | None

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        *,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        seed: int | None = None,
        **options: Unpack[AttentionOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        where = type(self).__name__
        self.num_heads = check_integer(where, "num_heads", num_heads)
        self.key_dim = check_integer(where, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else check_integer(where, "value_dim", value_dim)
        self.use_bias = check_flag(where, "use_bias", use_bias)
        self._features = None if output_shape is None else _integers(where, "output_shape", output_shape, 1)
        self.attention_axes = None if attention_axes is None else _integers(where, "attention_axes", attention_axes)
        self.sliding_window = None if sliding_window is None else check_integer(where, "sliding_window", sliding_window)
        self.kernel_initializer = initializers.get(kernel_initializer, f"{where}: kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, f"{where}: bias_initializer")
        self.kernel_regularizer = regularizers.get(kernel_regularizer, f"{where}: kernel_regularizer")
        self.bias_regularizer = regularizers.get(bias_regularizer, f"{where}: bias_regularizer")
        self.activity_regularizer = regularizers.get(activity_regularizer, f"{where}: activity_regularizer")
        self.kernel_constraint = constraints.get(kernel_constraint, f"{where}: kernel_constraint")
        self.bias_constraint = constraints.get(bias_constraint, f"{where}: bias_constraint")

    def _arguments(self) -> dict[str, Any]:
        """``output_shape`` is the name of a method too."""
        return super()._arguments() | {"output_shape": self._features}

    def _shown_arguments(self) -> dict[str, Any]:
        """``key_dim`` is what None means."""
        shown = super()._shown_arguments()
        return shown | ({"value_dim": None} if self.value_dim == self.key_dim else {})

    def build(self, input_shape: Any) -> None:
        """Make W and b of query, key, value and output."""
        super().build(input_shape)
        query, value, key = self._checked(input_shape)
        heads, features = self.num_heads, self._features or query[-1:]
        self.W_query, self.b_query = self._projection("query", query[-1:], (heads, self.key_dim))
        self.W_key, self.b_key = self._projection("key", key[-1:], (heads, self.key_dim))
        self.W_value, self.b_value = self._projection("value", value[-1:], (heads, self.value_dim))
        self.W_output, self.b_output = self._projection("output", (heads, self.value_dim), features)

    def _projection(self, name: str, inputs: Any, outputs: Any) -> tuple[Parameter, Parameter | None]:
        W = self.new_parameter(f"W_{name}", (*inputs, *outputs), self.kernel_initializer, **self.terms("kernel"))
        if not self.use_bias:
            return W, None
        return W, self.new_parameter(f"b_{name}", tuple(outputs), self.bias_initializer, **self.terms("bias"))

    def output_shape(self, input_shape: Any) -> Any:
        """(queries, d), (keys, e), (keys, d') -> (queries, out); with the weights (heads, queries, keys) where asked for."""
        query, value, key = self._checked(input_shape)
        axes = self._axes(len(query) + 1)
        alike = [tuple(shape[axis - 1] for axis in axes.apart) for shape in (query, value) if len(shape) == len(query)]
        if len(alike) < 2 or agree(alike) is None:
            received = f"a query of shape {query} and values of shape {value}"
            raise ShapeError(self.label, received, "samples that differ along the axes of attention and in features only")
        if self.input_shape is not None:
            built = self._checked(self.input_shape)
            if any(now[-1] != then[-1] for now, then in zip((query, value, key), built)):
                expected = f"the features it was built for, {', '.join(str(shape[-1]) for shape in built)}"
                raise ShapeError(self.label, f"query, value and key of shapes {query}, {value}, {key}", expected)
        y = (*query[:-1], *(self._features or query[-1:]))
        if not self.return_attention_scores:
            return y
        lengths = [[shape[axis - 1] for axis in axes.attended] for shape in (query, key)]
        return y, (*(query[axis - 1] for axis in axes.apart), self.num_heads, *lengths[0], *lengths[1])

    def _axes(self, rank: int) -> Axes:
        """The axes of inputs with so many, the batch and the features included."""
        between = tuple(range(1, rank - 1))
        if self.attention_axes is None:
            attended = between
        else:
            attended = tuple(axis + rank if axis < 0 else axis for axis in self.attention_axes)
        if not attended or len(set(attended)) < len(attended) or not set(attended) <= set(between):
            received = f"attention_axes={self.attention_axes} for inputs with {rank} axes"
            raise ShapeError(self.label, received, "axes between the batch (0) and the features (the last), each once")
        if len(attended) > 1 and (self.use_causal_mask or self.sliding_window is not None):
            received = f"use_causal_mask or sliding_window, with attention over the axes {attended}"
            raise ShapeError(self.label, received, "a single axis, along which places have an order", "attention_axes=-2")
        return Axes(attended, tuple(axis for axis in between if axis not in attended))

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the inputs, the projections in heads, and the weights."""
        self._check_lengths(x)
        x_q, x_v, x_k = (*x, x[1])[:3]
        axes = self._axes(x_q.ndim)
        q = self._heads(x_q, self.W_query, self.b_query, axes)
        k = self._heads(x_k, self.W_key, self.b_key, axes)
        v = self._heads(x_v, self.W_value, self.b_value, axes)
        seen = self._seen(x, q.shape[-2], k.shape[-2], context.mask)
        p, dropped, of_dropout = self._weights(dot_scores(q * self._scale, k), seen, context)
        z = _joined(weighted_mean(dropped, v), x_q.shape, axes)
        W, b = self.W_output, self.b_output
        y = dense(z, _matrix(W, z), None if b is None else b.value.reshape(-1))
        y = y.reshape(*x_q.shape[:-1], *W.shape[2:])
        penalized = self.activity_regularizer is not None
        if penalized:
            context.penalize(sum(penalty(self, part) for part in (q, k, v, y)))
        kept_y = y if penalized and context.penalties else None
        saved = (x, q, k, v, p, dropped, of_dropout, z, kept_y) if context.keep else None
        return ((y, self._shown_weights(p, x_q.shape, x_k.shape, axes)) if self.return_attention_scores else y), saved

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx for each input."""
        x, q, k, v, p, dropped, of_dropout, z, y = saved
        x_q, x_v, x_k = (*x, x[1])[:3]
        axes = self._axes(x_q.ndim)
        dy, d_weights = dy if self.return_attention_scores else (dy, None)
        if y is not None:
            dy = dy + penalty_grad(self, y)
        rows = dy.reshape(*z.shape[:-1], prod(self.W_output.shape[2:]))
        self.W_output.accumulate(_kernel_grad, z, rows, self.W_output.shape)
        if self.b_output is not None:
            self.b_output.accumulate(_bias_grad, rows, self.b_output.shape)
        dz = _apart(dense_grad_x(rows, _matrix(self.W_output, z)), self.num_heads, axes)
        d_dropped, dv = weighted_mean_grad(dz, dropped, v)
        d_p = None if d_weights is None else d_weights.reshape(p.shape)
        ds = self._weights_grad(d_dropped, d_p, p, of_dropout)
        dq, dk = dot_scores_grad(ds, q * self._scale, k)
        dq = dq * self._scale
        if y is not None:
            dq, dk, dv = (d + penalty_grad(self, part) for d, part in ((dq, q), (dk, k), (dv, v)))
        dx_q = self._heads_grad(x_q, dq, self.W_query, self.b_query, axes, need_dx)
        dx_k = self._heads_grad(x_k, dk, self.W_key, self.b_key, axes, need_dx)
        dx_v = self._heads_grad(x_v, dv, self.W_value, self.b_value, axes, need_dx)
        if not need_dx:
            return None
        return (dx_q, dx_v, dx_k) if len(x) == 3 else (dx_q, dx_v + dx_k)

    @property
    def _scale(self) -> float:
        return float(self.key_dim**-0.5)

    def _heads(self, x: Any, W: Parameter, b: Parameter | None, axes: Axes) -> Any:
        """x W + b as (batch, axes apart, heads, places, features of a head)."""
        z = dense(x, _matrix(W, x), None if b is None else b.value.reshape(-1))
        return _apart(z, self.num_heads, axes)

    def _heads_grad(self, x: Any, dz: Any, W: Parameter, b: Parameter | None, axes: Axes, need_dx: bool) -> Any:
        """dx where it is needed; adds to the gradients of W and b."""
        dz = _joined(dz, x.shape, axes)
        W.accumulate(_kernel_grad, x, dz, W.shape)
        if b is not None:
            b.accumulate(_bias_grad, dz, b.shape)
        return dense_grad_x(dz, _matrix(W, x)) if need_dx else None

    def _seen(self, x: Any, queries: int, keys: int, mask: Any) -> Any:
        """Which keys each query may see, broadcast to (batch, heads, queries, keys); None: all."""
        near = near_keys(namespace(x), queries, keys, self.use_causal_mask, self.sliding_window)
        if mask is None:
            return near
        if x[0].ndim != 3:
            received = f"masks for inputs with {x[0].ndim} axes"
            raise StateError(self.label, received, "(batch, time, features), whose steps a mask can leave out")
        of_query, of_value, of_key = self._masks(mask, x)
        of_keys = both(of_value, of_key)
        seen = both(None if of_query is None else of_query[:, None, :, None], near)
        return both(seen, None if of_keys is None else of_keys[:, None, None, :])

    def _shown_weights(self, p: Any, query: Any, key: Any, axes: Axes) -> Any:
        """p with an axis for each axis of attention."""
        return p.reshape(*p.shape[:-2], *(shape[axis] for shape in (query, key) for axis in axes.attended))


def _apart(z: Any, heads: int, axes: Axes) -> Any:
    """(batch, ..., heads * features) as (batch, axes apart, heads, places, features)."""
    z = z.reshape(*z.shape[:-1], heads, z.shape[-1] // heads)
    z = z.transpose(0, *axes.apart, z.ndim - 2, *axes.attended, z.ndim - 1)
    before = 2 + len(axes.apart)
    return z.reshape(*z.shape[:before], prod(z.shape[before:-1]), z.shape[-1])


def _joined(z: Any, shape: Any, axes: Axes) -> Any:
    """The way back, for an input of ``shape``: (batch, ..., heads * features)."""
    heads, features = z.shape[-3], z.shape[-1]
    z = z.reshape(*z.shape[:-2], *(shape[axis] for axis in axes.attended), features)
    order = (0, *axes.apart, len(shape) - 1, *axes.attended, len(shape))  # of the axes of the result in z
    z = z.transpose([order.index(axis) for axis in range(len(order))])
    return z.reshape(*shape[:-1], heads * features)


def _matrix(W: Parameter, x: Any) -> Any:
    """The kernel for rows of x as a matrix (features of x, results)."""
    return W.value.reshape(x.shape[-1], W.size // x.shape[-1])


def _kernel_grad(x: Any, dz: Any, shape: tuple[int, ...], out: Any = None) -> Any:
    """``dense_grad_W`` for a kernel whose rows or columns stand in several axes."""
    flat = None if out is None else out.reshape(x.shape[-1], dz.shape[-1])
    dW = dense_grad_W(x, dz, out=flat)
    return dW.reshape(shape) if out is None else out


def _bias_grad(dz: Any, shape: tuple[int, ...], out: Any = None) -> Any:
    """``bias_grad`` for a bias that stands in several axes."""
    db = bias_grad(dz, out=None if out is None else out.reshape(-1))
    return db.reshape(shape) if out is None else out


def _integers(where: str, name: str, value: Any, low: int | None = None) -> tuple[int, ...]:
    """One integer or several as a tuple."""
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    expected = "an integer, or several" if low is None else f"an integer >= {low}, or several"
    if any(isinstance(item, bool) or not hasattr(item, "__index__") for item in items):
        raise ArgumentTypeError(where, f"{name}={value!r}", expected)
    if not items or (low is not None and min(items) < low):
        raise ArgumentError(where, f"{name}={value!r}", expected)
    return tuple(int(item) for item in items)
