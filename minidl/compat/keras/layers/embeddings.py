"""``keras.layers.embeddings`` of Keras 2.1."""

from __future__ import annotations

from typing import Any

from minidl import layers as today
from minidl.compat.keras.layers.options import OldLayer, old_names
from minidl.compat.keras.layers.own import DroppingEmbedding
from minidl.compat.translation import Given

_SIGNATURE = (
    "input_dim, output_dim, embeddings_initializer='uniform', embeddings_regularizer=None, activity_regularizer=None, "
    "embeddings_constraint=None, mask_zero=False, input_length=None"
)
_KERAS_1 = {
    "init": "embeddings_initializer",
    "W_regularizer": "embeddings_regularizer",
    "W_constraint": "embeddings_constraint",
}


class _OldEmbedding(OldLayer):
    """``Embedding``, which is always ready to be the first layer: for ``input_length`` ids, or for any number of them."""

    def adjusted(self, arguments: Given) -> Given:
        """With the shape of its input."""
        length = arguments.pop("input_length", None)
        arguments.setdefault("input_shape", tuple(length) if isinstance(length, (tuple, list)) else (length,))
        return super().adjusted(arguments)

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The layer; with ``dropout``, which only Keras 1 had, one that leaves out words."""
        if keywords.get("dropout") and self is not _dropping:
            return _dropping(*positional, **keywords)
        if self is not _dropping:
            keywords.pop("dropout", None)  # none, or a rate of 0
        return super().__call__(*positional, **keywords)


_ORDER_1 = "input_dim output_dim init input_length W_regularizer activity_regularizer W_constraint mask_zero weights dropout"
Embedding = _OldEmbedding("Embedding", today.Embedding, _SIGNATURE, keras_1=_KERAS_1, order_1=_ORDER_1)
_dropping = _OldEmbedding(
    "Embedding", DroppingEmbedding, f"{_SIGNATURE}, dropout=0.0", keras_1=_KERAS_1, order_1=_ORDER_1, class_name="Embedding"
)

__all__ = old_names(globals())
