"""What attention layers share: masks of several inputs, and the way from scores to weights."""

from __future__ import annotations

from typing import Any, Unpack

from minidl import backend as backends
from minidl.backend.random import check_seed
from minidl.checks import check_flag, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described
from minidl.geometry import agree, is_known
from minidl.layers.base import Layer, LayerOptions
from minidl.layers.context import Context
from minidl.layers.dropout import Dropout
from minidl.ops.attention import masked_softmax
from minidl.ops.softmax import softmax, softmax_grad


class AttentionOptions(LayerOptions, total=False):
    """The arguments that these layers take by keyword, for ``**options: Unpack[AttentionOptions]``."""

    use_causal_mask: bool
    return_attention_scores: bool


class AttentionLayer(Layer, abstract=True):
    """Base of attention layers: inputs [query, value] or [query, value, key], of which the value is the key as well.

    Args:
        dropout: fraction of the weights that are dropped in training, 0 <= dropout <= 1.
        seed: of the dropout; None takes a stream of ``minidl.set_seed``.
        use_causal_mask: a query at place i sees the keys at places j <= i only.
        return_attention_scores: y is a pair then: the result, and the weights it was made with.
    """

    takes_many = True

    def __init__(
        self,
        dropout: float = 0.0,
        seed: int | None = None,
        *,
        use_causal_mask: bool = False,
        return_attention_scores: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        where = type(self).__name__
        self.dropout = check_number(where, "dropout", dropout, 0.0)
        if self.dropout > 1:
            raise ArgumentError(where, f"dropout={dropout!r}", "0 <= dropout <= 1")
        self.seed = None if seed is None else check_seed(seed, where)
        self.use_causal_mask = check_flag(where, "use_causal_mask", use_causal_mask)
        self.return_attention_scores = check_flag(where, "return_attention_scores", return_attention_scores)
        self._dropping = Dropout(self.dropout, seed=self.seed, dtype=self.dtype) if self.dropout else None

    def build(self, input_shape: Any) -> None:
        """Take a random stream for the dropout."""
        if self._dropping is not None:
            self._dropping.ensure_built(())

    def _checked(self, input_shape: Any) -> tuple[Any, Any, Any]:
        """The shapes of query, value and key. Raises ShapeError for other numbers of inputs."""
        if not input_shape or not isinstance(input_shape[0], tuple) or len(input_shape) not in (2, 3):
            expected, fix = "[query, value] or [query, value, key]", "layer([x, x]) where a sequence attends to itself"
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", expected, fix)
        query, value, key = (*input_shape, input_shape[1])[:3]
        if None in (query[-1:] or (None,)) + value[-1:] + key[-1:]:
            raise ShapeError(self.label, f"inputs of shapes {input_shape}", "features, on the last axis, whose number is known")
        if agree([value[:-1], key[:-1]]) is None:
            raise ShapeError(self.label, f"values of shape {value} and keys of shape {key}", "a key for each value")
        if 0 in value[:-1]:
            raise ShapeError(self.label, f"values of shape {value}", "at least one step that can be looked at")
        return query, value, key

    def _check_lengths(self, x: Any) -> None:
        """Raise ShapeError for arrays that do not fit, where lengths were not known before."""
        if not is_known(self.input_shape):
            self.output_shape(tuple(tuple(part.shape[1:]) for part in x))

    def _masks(self, mask: Any, x: Any) -> list[Any]:
        """The masks of query, value and key, each (batch, time) or None. Raises for what does not fit the inputs."""
        if mask is None:
            return [None] * 3
        if not isinstance(mask, (tuple, list)) or len(mask) != len(x):
            received = f"{len(mask)} masks" if isinstance(mask, (tuple, list)) else f"{described(mask)} as mask"
            fix = "mask=(query_mask, value_mask), either of which may be None"
            raise ArgumentTypeError(self.label, received, f"a mask or None for each of the {len(x)} inputs", fix)
        for part, of in zip(mask, x):
            if part is not None and getattr(part, "shape", None) != of.shape[:2]:
                received = f"a mask of shape {getattr(part, 'shape', None)} for an input of shape {of.shape}"
                raise ShapeError(self.label, received, f"{of.shape[:2]}, a truth value for each step")
        return [*(None if part is None else part != 0 for part in mask), None][:3]

    def _weights(self, s: Any, seen: Any, context: Context) -> tuple[Any, Any, Any]:
        """p, p after dropout, and what the gradient of the dropout needs; ``seen`` says which keys count, None: all."""
        p = softmax(s) if seen is None else masked_softmax(s, seen)
        if self._dropping is None:
            return p, p, None
        return (p, *self._dropping.apply(p, context))

    def _weights_grad(self, d_dropped: Any, d_p: Any, p: Any, of_dropout: Any) -> Any:
        """ds, from the gradients of the weights behind the dropout and of those before it, None where there is none."""
        dp = d_dropped if self._dropping is None else self._dropping.gradient(d_dropped, of_dropout)
        return softmax_grad(dp if d_p is None else dp + d_p, p)

    def output_mask(self, x: Any, mask: Any) -> Any:
        """That of the query; the weights have none."""
        of_query = self._masks(mask, x)[0]
        return (of_query, None) if self.return_attention_scores and of_query is not None else of_query


def both(a: Any, b: Any) -> Any:
    """Where two masks are True, of which either may be None: everything."""
    return b if a is None else a if b is None else a & b


def namespace(x: Any) -> Any:
    """The array library of several inputs."""
    return backends.array_namespace(x[0])
