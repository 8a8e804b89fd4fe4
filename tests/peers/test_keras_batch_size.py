"""Declared batch sizes, judged by Keras 3: where graphs carry them, and what summaries show."""

from __future__ import annotations

from typing import Any

import pytest

from minidl import layers as ours
from minidl import models


def _graph(layers: Any, model: Any) -> Any:
    a, b = layers.Input((5, 3), batch_size=4), layers.Input((5, 3))
    h = layers.LSTM(2, return_sequences=True)(layers.Add()([a, b]))
    return model([a, b], [layers.Dense(3)(h), layers.Dense(2)(layers.Flatten()(h))])


def _chain(layers: Any, model: Any) -> Any:
    return model([layers.Input(batch_shape=(4, 5, 3)), layers.LSTM(2, stateful=True), layers.Dense(3)])


@pytest.mark.parametrize(("make", "kind"), [(_graph, "Model"), (_chain, "Sequential")])
def test_graphs_carry_it_as_in_keras(keras: Any, make: Any, kind: str):
    theirs, own = make(keras.layers, getattr(keras, kind)), make(ours, getattr(models, kind))
    assert [symbol.shape for symbol in theirs.outputs] == [(symbol.batch_size, *symbol.shape) for symbol in own.outputs]
    assert [symbol.shape for symbol in theirs.inputs] == [(symbol.batch_size, *symbol.shape) for symbol in own.inputs]
    lines: list[str] = []
    own.summary(lines.append)
    for layer in theirs.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            assert str(tuple(layer.output.shape)) in lines[0]
