"""Weights that training cannot see: arrays, Parameters and layers that a layer holds where nobody looks for them.

A layer's weights are the Parameters among its attributes and those of its ``sublayers()``. Whatever else it holds, at any
depth of lists, dictionaries and objects, is no weight for minidl; whether it is one all the same, y tells: it changes with
the numbers. Arrays that ``apply`` writes before it reads them (a mask, a copy of x) change nothing and are left alone.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from minidl import backend as backends
from minidl.layers.base import Layer
from minidl.layers.symbol import Symbol
from minidl.parameters import Parameter
from minidl.testing.subject import Run, host

_OWN = (
    "_made",
    "_constants",
    "_remembered",
    "_symbols",
    "symbols",
    "inputs",
    "outputs",
    "uses",
    "_of_layers",
)  # the base class's memory, which is no way of holding a weight


class _Held(NamedTuple):
    """Something outside a layer's weights: where it is, its arrays, and the sentence if y depends on them."""

    arrays: list[Any]
    sentence: str


def hidden_weights(run: Run) -> list[str]:
    """A sentence for everything that y depends on, and that is held where training does not see it."""
    if run.network is None:
        return []
    held = list(_held(run.network))
    y = run.value()
    if not held or not _depends(run, [array for thing in held for array in thing.arrays], y):
        return []
    return [thing.sentence for thing in held if _depends(run, thing.arrays, y)]


def _held(network: Layer) -> Iterator[_Held]:
    """What layers hold beside their weights."""
    known = dict.fromkeys(_all_layers(network))
    weights = {id(p) for layer in known for p in (*layer.weights, *layer.state)}
    seen = {id(layer) for layer in known}
    for layer in known:
        owner = "self" if layer is network else f"in {layer.label}, self"
        stack = [(f"{owner}.{name}", value) for name, value in list(_attributes(layer).items()) if name not in _OWN]
        while stack:
            path, value = stack.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, Parameter):
                if id(value) not in weights:
                    fix = "give it an attribute of its own"
                    yield _Held([value.value], f"{_big(path)}, a Parameter, is in no list of parameters: {fix}.")
            elif isinstance(value, Layer):
                arrays = [p.value for p in value.weights if id(p) not in weights]
                fix = "hold it as an attribute or in a list of layers, or name it in sublayers()"
                yield _Held(arrays, f"{_big(path)}, the layer {value.label}, is not among the sublayers: {fix}.")
            elif _is_array(value):
                if value.dtype.kind == "f" and value.ndim and value.size:
                    yield _Held([value], _sentence(path, value))
                elif value.dtype.kind == "O" and isinstance(value, np.ndarray):
                    stack += [(f"{path}[{i}]", item) for i, item in enumerate(value.flat)]
            else:
                stack += [(path + step, item) for step, item in _parts(value)]


def _sentence(path: str, array: Any) -> str:
    name = path.rpartition(".")[2]
    if not name.isidentifier():
        name = "W"
    make = f"self.{name} = self.new_parameter({name!r}, {tuple(array.shape)})"
    return (
        f"{_big(path)}, an array of shape {tuple(array.shape)}, changes y but is not a Parameter: it is neither trained nor "
        f"saved. Write {make}, with trainable=False if it is a constant."
    )


def _big(path: str) -> str:
    return path[0].upper() + path[1:] if path.startswith("in ") else path


def _all_layers(layer: Layer) -> Iterator[Layer]:
    yield layer
    for below in layer.sublayers():
        yield from _all_layers(below)


def _attributes(layer: Layer) -> dict[str, Any]:
    """The layer's attributes; what could hold arrays in its class is copied into it first, as others share the class."""
    for cls in type(layer).__mro__:
        for name, value in vars(cls).items() if issubclass(cls, Layer) and cls is not Layer else ():
            if name not in vars(layer) and (isinstance(value, (Parameter, Layer, list, tuple, dict)) or _is_array(value)):
                setattr(layer, name, copy.deepcopy(value))
    return vars(layer)


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What a container or an object holds, each with the way to it."""
    if isinstance(value, dict):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [("{...}", item) for item in value]
    if isinstance(value, (type, ModuleType, FunctionType, MethodType, Symbol)):
        return []
    return [(f".{name}", item) for name, item in getattr(value, "__dict__", {}).items()]


def _is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, backends.current().array_type))


def _depends(run: Run, arrays: list[Any], y: np.ndarray) -> bool:
    """Whether y changes with these arrays, which are restored."""
    before = []
    try:
        for array in arrays:
            old = host(array).copy()
            locked = isinstance(array, np.ndarray) and not array.flags.writeable
            if locked:
                try:
                    array.flags.writeable = True
                except ValueError:  # a view of what others own
                    continue
            before.append((array, old, locked))
            size = float(np.abs(old[np.isfinite(old)]).max(initial=0)) or 1.0
            array[...] = backends.current().asarray((0.875 * old + 0.25 * size).astype(old.dtype))
        return not np.array_equal(run.value(), y, equal_nan=True)
    except Exception:  # the layer checks the numbers, so it uses them
        return True
    finally:
        for array, old, locked in reversed(before):
            array[...] = backends.current().asarray(old)
            if locked:
                array.flags.writeable = False
