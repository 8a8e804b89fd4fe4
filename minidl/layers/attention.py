"""Attention by a dot product or by a small network; the mathematics stands in ``minidl/ops/attention.py``."""

from __future__ import annotations

from typing import Any, Unpack

from minidl.checks import check_flag
from minidl.errors import ArgumentError, ShapeError, closest
from minidl.layers._attention import AttentionLayer, AttentionOptions, both, namespace
from minidl.layers.context import INFERENCE, Context
from minidl.ops.attention import (
    additive_scores,
    additive_scores_grad,
    dot_scores,
    dot_scores_grad,
    near_keys,
    weighted_mean,
    weighted_mean_grad,
)
from minidl.parameters import Parameter


class _ScoredAttention(AttentionLayer, abstract=True):
    """y_i = sum_j p_ij v_j with p = softmax(s) over the keys; a subclass says how query and key give the scores s."""

    scale: Parameter | None = None

    def output_shape(self, input_shape: Any) -> Any:
        """(queries, d), (keys, e), (keys, d) -> (queries, e); with the weights (queries, keys) behind it where asked for."""
        query, value, key = self._checked(input_shape)
        if len(query) != 2 or len(value) != 2 or query[-1] != key[-1]:
            received = f"a query of shape {query} and keys of shape {key}"
            raise ShapeError(self.label, received, "(queries, d) and (keys, d), sequences with equally many features")
        y = (query[0], value[-1])
        return (y, (query[0], key[0])) if self.return_attention_scores else y

    def apply(self, x: Any, context: Context = INFERENCE) -> tuple[Any, Any]:
        """y; keeps the inputs, the weights, and what the scores need."""
        self._check_lengths(x)
        q, v, k = (*x, x[1])[:3]
        of_query, of_value, _ = self._masks(context.mask, x)
        xp = namespace(x)
        s, of_scores = self._scores(q, k)
        near = near_keys(xp, q.shape[1], k.shape[1], self.use_causal_mask)
        p, dropped, of_dropout = self._weights(s, both(None if of_value is None else of_value[:, None], near), context)
        y = weighted_mean(dropped, v)
        if of_query is not None:
            y = xp.where(of_query[..., None], y, xp.zeros((), y.dtype))
        saved = (x, p, dropped, of_dropout, of_query, of_scores) if context.keep else None
        return ((y, dropped) if self.return_attention_scores else y), saved

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        """dx for each input."""
        x, p, dropped, of_dropout, of_query, of_scores = saved
        q, v, k = (*x, x[1])[:3]
        dy, d_weights = dy if self.return_attention_scores else (dy, None)
        if of_query is not None:
            xp = namespace(x)
            dy = xp.where(of_query[..., None], dy, xp.zeros((), dy.dtype))
        d_dropped, dv = weighted_mean_grad(dy, dropped, v)
        if d_weights is not None:
            d_dropped = d_dropped + d_weights
        dq, dk = self._scores_grad(self._weights_grad(d_dropped, None, p, of_dropout), q, k, of_scores)
        if not need_dx:
            return None
        return (dq, dv, dk) if len(x) == 3 else (dq, dv + dk)

    def _scores(self, q: Any, k: Any) -> tuple[Any, Any]:
        """s, and what ``_scores_grad`` needs."""
        raise NotImplementedError

    def _scores_grad(self, ds: Any, q: Any, k: Any, saved: Any) -> tuple[Any, Any]:
        """dq and dk; adds to the gradients of the parameters."""
        raise NotImplementedError


class Attention(_ScoredAttention):
    """y_i = sum_j p_ij v_j,  p = softmax over j of the scores s_ij of query i and key j; inputs [query, value(, key)].

    Score ``"dot"``: s_ij = a q_i . k_j. Score ``"concat"``: s_ij = c sum_d tanh(a (q_id + k_jd)).

    Args:
        use_scale: whether a is trained, beginning with 1; else it is 1.
        score_mode: ``"dot"`` or ``"concat"``; then c is trained, beginning with 1.
        dropout: fraction of the weights p that are dropped in training.
        seed: of the dropout; None takes a stream of ``minidl.set_seed``.
        use_causal_mask: query i sees the keys j <= i only. (In Keras this and the next are arguments of a call.)
        return_attention_scores: the result is a pair: y (batch, queries, e), and the weights (batch, queries, keys).

    Shapes: query (batch, queries, d), value (batch, keys, e), key (batch, keys, d), by default the value.
    Steps that the value's mask leaves out are not seen; where a query sees none, or its own mask leaves it out, y is 0.
    Raises ShapeError for sequences that do not fit. Source: Luong et al. 2015.

    >>> import numpy as np
    >>> query, value = np.zeros((1, 1, 2)), np.array([[[1.0, 0.0], [0.0, 3.0]]])
    >>> Attention()([query, value]).tolist()
    [[[0.5, 1.5]]]
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[AttentionOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        self.use_scale = check_flag("Attention", "use_scale", use_scale)
        if score_mode not in ("dot", "concat"):
            meant = closest(score_mode, ("dot", "concat"))
            raise ArgumentError("Attention", f"score_mode={score_mode!r}", "'dot' or 'concat'", meant=meant)
        self.score_mode = score_mode

    def build(self, input_shape: Any) -> None:
        """Make a and c, single numbers, where they are trained."""
        super().build(input_shape)
        self.scale = self.new_parameter("scale", (), "ones") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.new_parameter("concat_score_weight", (), "ones") if concat else None

    def _scores(self, q: Any, k: Any) -> tuple[Any, Any]:
        q = self._scaled(q)
        if self.concat_score_weight is None:
            return dot_scores(q, k), None
        return additive_scores(q, self._scaled(k), self._every_w(q))

    def _scores_grad(self, ds: Any, q: Any, k: Any, saved: Any) -> tuple[Any, Any]:
        c, a = self.concat_score_weight, self.scale
        if c is None:
            dq, dk = dot_scores_grad(ds, self._scaled(q), k)
        else:
            dq, dk, dw = additive_scores_grad(ds, saved, self._every_w(q))
            c.add_grad(dw.sum())
        if a is None:
            return dq, dk
        of_a = (dq * q).sum()  # dq is that of a q still
        if c is None:
            a.add_grad(of_a)
            return dq * a.value, dk
        a.add_grad(of_a + (dk * k).sum())
        return dq * a.value, dk * a.value

    def _scaled(self, x: Any) -> Any:
        """a x."""
        return x if self.scale is None else x * self.scale.value

    def _every_w(self, q: Any) -> Any:
        """c for each feature."""
        assert self.concat_score_weight is not None
        return namespace([q]).ones(q.shape[-1], q.dtype) * self.concat_score_weight.value


class AdditiveAttention(_ScoredAttention):
    """y_i = sum_j p_ij v_j,  p = softmax over j of s_ij = sum_d w_d tanh(q_id + k_jd); inputs [query, value(, key)].

    Args:
        use_scale: whether w (d,) is trained; else it is 1.
        dropout, seed, use_causal_mask, return_attention_scores: as for ``Attention``.

    Shapes, masks and errors are those of ``Attention``. The tanh takes memory for batch x queries x keys x d numbers.
    Source: Bahdanau et al. 2015.

    >>> layer = AdditiveAttention()
    >>> layer.build(((3, 8), (5, 8))); layer.output_shape(((3, 8), (5, 8))), layer.count_params()
    ((3, 8), 8)
    """

    def __init__(
        self,
        use_scale: bool = True,
        dropout: float = 0.0,
        *,
        seed: int | None = None,
        **options: Unpack[AttentionOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        self.use_scale = check_flag("AdditiveAttention", "use_scale", use_scale)

    def build(self, input_shape: Any) -> None:
        """Make w (d,), where it is trained."""
        super().build(input_shape)
        self.scale = self.new_parameter("scale", input_shape[0][-1:], "glorot_uniform") if self.use_scale else None

    def _scores(self, q: Any, k: Any) -> tuple[Any, Any]:
        return additive_scores(q, k, self._w(q))

    def _scores_grad(self, ds: Any, q: Any, k: Any, saved: Any) -> tuple[Any, Any]:
        dq, dk, dw = additive_scores_grad(ds, saved, self._w(q))
        if self.scale is not None:
            self.scale.add_grad(dw)
        return dq, dk

    def _w(self, q: Any) -> Any:
        """w, or as many ones."""
        return namespace([q]).ones(q.shape[-1], q.dtype) if self.scale is None else self.scale.value
