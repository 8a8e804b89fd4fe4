"""Embedding with more rows than ids, whose gradient is kept as rows, beside the rows of ``tests/cases/layers.py``."""

from __future__ import annotations

from typing import Any

from minidl.layers import Add, Dense, Embedding, Input, Layer
from minidl.layers.graph import Graph
from tests.cases.case import Case


def read_twice() -> Layer:
    """One table at two places."""
    table, x = Embedding(60, 3), Input((4,), dtype="int64")
    return Graph(x, Add()([table(x), Dense(3, activation="tanh")(table(x))]))


CASES = [
    Case("embedding_few_of_many", lambda: Embedding(40, 3), (5,), ids=40),
    Case("embedding_read_twice", read_twice, (4,), ids=60),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = []
