"""Attention and MultiHeadAttention with every option, on sequences of odd and unequal lengths."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import RandomNormal
from minidl.layers import (
    AdditiveAttention,
    Attention,
    Concatenate,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    Layer,
    MultiHeadAttention,
    Reshape,
)
from minidl.layers.graph import Graph
from minidl.regularizers import L1L2
from tests.cases.case import Case


def with_weights(make: Any, *shapes: tuple[int, ...]) -> Layer:
    """Both results of a layer, the weights behind the values."""
    inputs = [Input(shape) for shape in shapes]
    y, weights = make(return_attention_scores=True)(inputs)
    weights = Reshape((weights.shape[-2], -1))(weights) if len(weights.shape) > 2 else weights
    return Graph(inputs, Concatenate()([y, weights]))


def itself(layer: Layer, length: int) -> Layer:
    """A sequence that attends to itself."""
    x = Input((length, 4))
    return Graph(x, layer([x, x]))


def padded(layer: Layer) -> Layer:
    """Ids of which 0 is padding, attending to themselves."""
    x = Input((5,), dtype="int64")
    h = Embedding(4, 3, mask_zero=True)(x)
    return Graph(x, GlobalAveragePooling1D()(layer([h, h])))


def heads(**options: Any) -> MultiHeadAttention:
    return MultiHeadAttention(2, 3, **options)


QV = ((3, 4), (5, 4))  # query and value, (time, features)
QVK = ((3, 4), (5, 2), (5, 4))
APART = ((2, 3, 4), (2, 5, 4))  # an axis along which everything is taken apart
PLANE = ((2, 3, 4), (1, 4, 4))  # places in a plane
_MODES: list[tuple[str, Any]] = [
    ("dot", Attention),
    ("scaled", lambda **o: Attention(use_scale=True, **o)),
    ("concat", lambda **o: Attention(score_mode="concat", **o)),
    ("concat_scaled", lambda **o: Attention(True, "concat", **o)),
    ("additive", AdditiveAttention),
    ("additive_unscaled", lambda **o: AdditiveAttention(use_scale=False, **o)),
]
CASES = [
    *(Case(f"attention_{name}", make, QV) for name, make in _MODES),
    *(Case(f"attention_{name}_key", make, QVK, always=False) for name, make in _MODES),
    *(
        Case(f"attention_{name}_causal", lambda make=make: make(use_causal_mask=True), QV, always=False)
        for name, make in _MODES
        if name != "dot"
    ),
    Case("attention_causal", lambda: Attention(use_causal_mask=True), QVK),
    Case("attention_causal_more_queries", lambda: Attention(use_causal_mask=True), ((5, 2), (3, 2)), always=False),
    Case("attention_dropout", lambda: Attention(dropout=0.4, seed=3), QV),
    Case("attention_dropout_inference", lambda: Attention(dropout=0.4, seed=3), QV, training=False, always=False),
    Case("attention_one_key", lambda: Attention(use_scale=True), ((3, 2), (1, 2)), always=False),
    Case("attention_weights", lambda: with_weights(Attention, *QV), QV),
    Case("attention_weights_dropout", lambda: with_weights(lambda **o: Attention(dropout=0.4, seed=3, **o), *QV), QV),
    Case("attention_padded", lambda: padded(Attention(use_causal_mask=True)), (5,), ids=4),
    Case("additive_attention_padded", lambda: padded(AdditiveAttention()), (5,), ids=4, always=False),
    Case("attention_itself", lambda: itself(Attention(True, "concat"), 3), (3, 4)),
    # several heads
    Case("multi_head", heads, QV),
    Case("multi_head_key", lambda: heads(value_dim=2), QVK),
    Case("multi_head_no_bias", lambda: heads(use_bias=False), QV),
    Case("multi_head_output_shape", lambda: heads(output_shape=5), QV),
    Case("multi_head_output_shape_2d", lambda: heads(output_shape=(3, 2)), QV, always=False),
    Case("multi_head_causal", lambda: heads(use_causal_mask=True), QV),
    Case("multi_head_window", lambda: heads(sliding_window=2), QV),
    Case("multi_head_causal_window", lambda: heads(sliding_window=2, use_causal_mask=True), QV, always=False),
    Case("multi_head_dropout", lambda: heads(dropout=0.4, seed=3), QV),
    Case("multi_head_penalised", lambda: heads(activity_regularizer=L1L2(0.1, 0.2)), QV),
    Case("multi_head_weights", lambda: with_weights(lambda **o: heads(dropout=0.4, seed=3, **o), *QV), QV),
    Case("multi_head_itself", lambda: itself(heads(use_causal_mask=True), 3), (3, 4)),
    Case("multi_head_padded", lambda: padded(heads(use_causal_mask=True)), (5,), ids=4),
    Case("multi_head_axis", lambda: heads(attention_axes=2, use_causal_mask=True), APART),
    Case("multi_head_first_axis", lambda: heads(attention_axes=1), ((3, 2, 4), (5, 2, 4)), always=False),
    Case("multi_head_plane", lambda: heads(), PLANE, always=False),
    Case("multi_head_plane_turned", lambda: heads(attention_axes=(2, 1)), PLANE, always=False),
]

_SHARED = {"dropout": 0.3, "seed": 4, "use_causal_mask": True, "return_attention_scores": True}
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (Attention, {"use_scale": True, "score_mode": "concat", **_SHARED}),
    (AdditiveAttention, {"use_scale": False, **_SHARED}),
    (
        MultiHeadAttention,
        {
            "num_heads": 3,
            "key_dim": 2,
            "value_dim": 4,
            "use_bias": False,
            "output_shape": (5,),
            "attention_axes": (1,),
            "sliding_window": 2,
            "kernel_initializer": RandomNormal(0.5, 0.2, seed=3),
            "bias_initializer": "ones",
            "activity_regularizer": L1L2(0.2, 0.3),
            **{f"{of}_regularizer": L1L2(0.1, 0.2) for of in ("kernel", "bias")},
            **{f"{of}_constraint": MaxNorm(1.5, axis=-1) for of in ("kernel", "bias")},
            **_SHARED,
        },
    ),
]

_CALL = {"use_causal_mask": False, "return_attention_scores": False, "seed": None}
_TERMS = {f"{of}_{name}": None for of in ("kernel", "bias") for name in ("regularizer", "constraint")}
DEFAULTS: dict[str, dict[str, Any]] = {
    "Attention": {"use_scale": False, "score_mode": "dot", "dropout": 0.0, **_CALL},
    "AdditiveAttention": {"use_scale": True, "dropout": 0.0, **_CALL},
    "MultiHeadAttention": {
        "value_dim": None,
        "dropout": 0.0,
        "use_bias": True,
        "output_shape": None,
        "attention_axes": None,
        "sliding_window": None,
        "kernel_initializer": "glorot_uniform",
        "bias_initializer": "zeros",
        "activity_regularizer": None,
        **_TERMS,
        **_CALL,
    },
}
