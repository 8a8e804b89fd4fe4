"""Rows of the layers that only old scripts have. They are in no table of names: tests/compat looks at their arguments."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras.layers.own import DroppingEmbedding, Highway, MaxoutDense
from tests.cases.case import Case

CASES: list[Case] = [
    Case("maxout_dense", lambda: MaxoutDense(2, nb_feature=3), (5,)),
    Case("maxout_dense_no_bias", lambda: MaxoutDense(3, bias=False, activity_regularizer="l2"), (4,), always=False),
    Case("highway", lambda: Highway(activation="tanh"), (4,)),
    Case("highway_no_bias", lambda: Highway(bias=False, activity_regularizer="l2"), (3,), always=False),
    Case("dropping_embedding", lambda: DroppingEmbedding(7, 3, 0.4, seed=1), (4,), ids=7),
]
ARGUMENTS: list[tuple[type, dict[str, Any]]] = []
