"""``keras.engine.topology`` of Keras 2.1: what layers and graphs are made of."""

from __future__ import annotations

from typing import Any

from minidl.compat.keras.engine.training import Model as Container
from minidl.compat.keras.layers.merge import Merge as Merge
from minidl.compat.keras.layers.merge import merge as merge
from minidl.compat.keras.layers.topology import Input as Input
from minidl.compat.keras.layers.topology import InputLayer as InputLayer
from minidl.compat.keras.layers.topology import InputSpec as InputSpec
from minidl.compat.keras.layers.topology import Layer as Layer
from minidl.layers.symbol import Symbol

__all__ = ["Container", "Input", "InputLayer", "InputSpec", "Layer", "Merge", "get_source_inputs", "merge"]


def get_source_inputs(tensor: Symbol, layer: Any = None, node_index: Any = None) -> list[Symbol]:
    """The inputs that a result depends on, each once.

    >>> from minidl.compat.keras.layers import Dense
    >>> x = Input(shape=(3,))
    >>> get_source_inputs(Dense(2)(x)) == [x]
    True
    """
    found, seen, stack = dict[Symbol, None](), set[Any](), [tensor]
    while stack:
        symbol = stack.pop()
        if symbol.layer is None:
            found[symbol] = None
        elif symbol.node not in seen:
            seen.add(symbol.node)
            stack += reversed(symbol.inputs)
    return list(found)
