"""Layers that only Keras 1 had, and minidl has no class for: maxout, highways, an embedding that drops words.

They are layers of minidl like all others. As they are in no table of names, a file that holds one is read with
``custom_objects=OWN``, which ``load_model`` and ``model_from_json`` of this room pass on.
"""

from __future__ import annotations

from typing import Any, Unpack

from minidl import constraints, initializers, regularizers
from minidl.backend import array_namespace
from minidl.backend.random import Stream, check_seed
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ShapeError
from minidl.layers import Embedding
from minidl.layers import activation as activations
from minidl.layers.activation import Activation
from minidl.layers.activity import penalty, penalty_grad
from minidl.layers.base import Layer, LayerOptions, Shape
from minidl.layers.context import INFERENCE, Context
from minidl.ops.activation import sigmoid, sigmoid_grad
from minidl.ops.dropout import dropout
from minidl.ops.linear import bias_grad, dense, dense_grad_W, dense_grad_x


class _Terms(Layer, abstract=True):
    """What both dense layers share: the arguments of W and b under the names of Keras 1."""

    def _take(self, init: Any, W_reg: Any, b_reg: Any, activity: Any, W_con: Any, b_con: Any, bias: Any) -> None:
        where = type(self).__name__
        self.init = initializers.get(init, f"{where}: init")
        self.W_regularizer = regularizers.get(W_reg, f"{where}: W_regularizer")
        self.b_regularizer = regularizers.get(b_reg, f"{where}: b_regularizer")
        self.activity_regularizer = regularizers.get(activity, f"{where}: activity_regularizer")
        self.W_constraint = constraints.get(W_con, f"{where}: W_constraint")
        self.b_constraint = constraints.get(b_con, f"{where}: b_constraint")
        self.bias = check_flag(where, "bias", bias)

    def _make(self, W_shape: Shape, b_shape: Shape) -> None:
        self.W = self.new_parameter("W", W_shape, self.init, **self.terms("W"))
        self.b = self.new_parameter("b", b_shape, "zeros", **self.terms("b")) if self.bias else None

    def _penalized(self, y: Any, context: Context) -> Any:
        """y where its penalty needs it on the way back, else None."""
        if self.activity_regularizer is None:
            return None
        context.penalize(penalty(self, y))
        return y if context.keep and context.penalties else None

    def _check_rank(self, input_shape: Shape) -> None:
        if len(input_shape) != 1:
            received = f"samples of shape {tuple(input_shape)}"
            raise ShapeError(self.label, received, "one axis of features", "Flatten() before it")
        if self.input_shape is not None and tuple(input_shape) != tuple(self.input_shape):
            raise ShapeError(self.label, f"samples of shape {tuple(input_shape)}", f"{self.input_shape}, as it was built for")


class MaxoutDense(_Terms, abstract=True):
    """y[n, u] = max over k of (x[n] W[k] + b[k])[u]: (batch, in) -> (batch, output_dim).

    dx = dy W[k]^T of the k that won, the first of equal ones; W is (nb_feature, in, output_dim), b (nb_feature, output_dim).

    Args:
        output_dim: number of outputs.
        nb_feature: how many linear functions there are for each.
        init, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint, bias: as Keras 1 called what
            ``Dense`` has for its kernel and bias.

    Source: Goodfellow et al. 2013.

    >>> layer = MaxoutDense(2, nb_feature=3)
    >>> layer.build((5,)); layer.output_shape((5,)), layer.count_params()
    ((2,), 36)
    """

    def __init__(
        self,
        output_dim: int,
        nb_feature: int = 4,
        init: Any = "glorot_uniform",
        W_regularizer: Any = None,
        b_regularizer: Any = None,
        activity_regularizer: Any = None,
        W_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.output_dim = check_integer("MaxoutDense", "output_dim", output_dim)
        self.nb_feature = check_integer("MaxoutDense", "nb_feature", nb_feature)
        self._take(init, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint, bias)

    def build(self, input_shape: Shape) -> None:
        """Make W and b."""
        features, count = input_shape[0], self.nb_feature
        self._make((count, features, self.output_dim), (count, self.output_dim))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(in,) -> (output_dim,)."""
        self._check_rank(input_shape)
        return (self.output_dim,)

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x and which function won."""
        xp = array_namespace(x)
        z = xp.stack([dense(x, self.W.value[k], self._bias(k)) for k in range(self.nb_feature)])
        winners = z.argmax(axis=0)[None]
        y = xp.take_along_axis(z, winners, axis=0)[0]
        penalized = self._penalized(y, context)
        return y, ((x, winners, penalized) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        x, winners, penalized = saved
        xp = array_namespace(dy)
        if penalized is not None:
            dy = dy + penalty_grad(self, penalized)
        each = [xp.where(winners[0] == k, dy, xp.zeros((), dy.dtype)) for k in range(self.nb_feature)]
        self.W.add_grad(xp.stack([dense_grad_W(x, dz) for dz in each]))
        if self.b is not None:
            self.b.add_grad(xp.stack([bias_grad(dz) for dz in each]))
        return sum(dense_grad_x(dz, self.W.value[k]) for k, dz in enumerate(each)) if need_dx else None

    def _bias(self, k: int) -> Any:
        return None if self.b is None else self.b.value[k]


class Highway(_Terms, abstract=True):
    """y = t f(x W + b) + (1 - t) x with the gate t = sigmoid(x W_carry + b_carry): (batch, in) -> (batch, in).

    With z = x W + b and dt = dy (f(z) - x):  dx = dy (1 - t) + (dy t f'(z)) W^T + (dt t (1 - t)) W_carry^T.
    b_carry begins at 1.

    Args:
        init: of W and W_carry, both (in, in).
        activation: f, as for ``Dense``.
        W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint, bias: of W, b and y, as Keras 1
            called them; W_carry and b_carry have none.

    Source: Srivastava et al. 2015.

    >>> layer = Highway(activation="relu")
    >>> layer.build((5,)); layer.output_shape((5,)), layer.count_params()
    ((5,), 60)
    """

    def __init__(
        self,
        init: Any = "glorot_uniform",
        activation: Any = None,
        W_regularizer: Any = None,
        b_regularizer: Any = None,
        activity_regularizer: Any = None,
        W_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.activation: Activation = activations.get(activation, "Highway")
        self._take(init, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint, bias)

    def _shown_arguments(self) -> dict[str, Any]:
        """The identity is what None means."""
        shown = super()._shown_arguments()
        return shown | ({"activation": None} if self.activation.is_linear else {})

    def build(self, input_shape: Shape) -> None:
        """Make W, W_carry, b and b_carry, in Keras's order."""
        (features,) = input_shape
        self.W = self.new_parameter("W", (features, features), self.init, **self.terms("W"))
        self.W_carry = self.new_parameter("W_carry", (features, features), self.init)
        self.b = self.new_parameter("b", (features,), "zeros", **self.terms("b")) if self.bias else None
        self.b_carry = self.new_parameter("b_carry", (features,), "ones") if self.bias else None

    def output_shape(self, input_shape: Shape) -> Shape:
        """Unchanged."""
        self._check_rank(input_shape)
        return input_shape

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps x, the gate and what f needs."""
        b, b_carry = (None if p is None else p.value for p in (self.b, self.b_carry))
        t = sigmoid(dense(x, self.W_carry.value, b_carry))
        f, of_f = self.activation.apply(dense(x, self.W.value, b), context)
        y = t * f + (1 - t) * x
        penalized = self._penalized(y, context)
        return y, ((x, t, f, of_f, penalized) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx."""
        x, t, f, of_f, penalized = saved
        if penalized is not None:
            dy = dy + penalty_grad(self, penalized)
        dz = self.activation.gradient(dy * t, of_f)
        d_carry = sigmoid_grad(dy * (f - x), t)
        for d, W, b in ((dz, self.W, self.b), (d_carry, self.W_carry, self.b_carry)):
            W.accumulate(dense_grad_W, x, d)
            if b is not None:
                b.accumulate(bias_grad, d)
        if not need_dx:
            return None
        dx = dy * (1 - t)
        return dx + dense_grad_x(dz, self.W.value) + dense_grad_x(d_carry, self.W_carry.value)


class DroppingEmbedding(Embedding, abstract=True):
    """An ``Embedding`` that leaves out words in training: all places of a word in the batch, or none.

    y[...] = m[id] W[id], with a number m[id] for each row of W: 0 with the probability ``dropout``, else 1 / (1 - dropout).
    Backwards the row of W receives m[id] dy[...].

    Args:
        dropout: fraction of the words, 0 <= dropout < 1.
        seed: None takes the layer's own stream of ``minidl.set_seed``.
        input_dim, output_dim and all others: as for ``Embedding``.

    Source: Gal and Ghahramani 2016; Keras 1 had it as an argument of ``Embedding``.

    >>> DroppingEmbedding(1000, 64, dropout=0.2).output_shape((12,))
    (12, 64)
    """

    _class_name = "Embedding"
    replays = False  # the numbers m are drawn and multiplied beside ops

    def __init__(self, input_dim: int, output_dim: int, dropout: float = 0.0, seed: int | None = None, **options: Any) -> None:
        super().__init__(input_dim, output_dim, **options)
        self.dropout = check_number("Embedding", "dropout", dropout, 0, 1)
        self.seed = None if seed is None else check_seed(seed, "Embedding")

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the ids and what their rows were multiplied by."""
        y, saved = super().apply(x, context)
        if not context.training or not self.dropout:
            return y, ((saved, None) if context.keep else None)
        xp, shape, address = array_namespace(y), (self.input_dim, 1), context.random(self)
        if self.seed is not None:
            address = address._replace(key=Stream(self.seed, 0).key)
        rows = dropout(xp.ones(shape, y.dtype), self.dropout, *address, shape)[0]
        factors = rows[x]
        return y * factors, ((saved, factors) if context.keep else None)

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """None: ids have no gradient."""
        of_embedding, factors = saved
        return super().gradient(dy if factors is None else dy * factors, of_embedding, need_dx)


OWN = {cls.__name__: cls for cls in (MaxoutDense, Highway, DroppingEmbedding)}
"""The classes by name, for ``custom_objects``."""
