"""``Input``, ``InputLayer`` and what scripts take from ``keras.engine``: the places where data enters, and base classes."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

from minidl import layers as today
from minidl.compat.keras.layers.called import InputSpec as InputSpec
from minidl.compat.keras.layers.called import Layer as Layer
from minidl.compat.keras.layers.faces import old_symbols
from minidl.compat.keras.layers.options import old_names
from minidl.compat.keras.names import next_name
from minidl.compat.translation import Given, OldName
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers.symbol import Symbol

_batch_sizes: weakref.WeakKeyDictionary[Symbol, int] = weakref.WeakKeyDictionary()


class _OldInput(OldName):
    """``Input`` and ``InputLayer``: a symbol for a graph, or the first item of a ``Sequential``."""

    def __init__(self, name: str, signature: str, keras_1: Mapping[str, str]) -> None:
        super().__init__(name, today.Input, signature, keras_1=keras_1, spelled="Input")

    def adjusted(self, arguments: Given) -> Given:
        """Shape, name and type; the number of samples in a batch is kept aside."""
        for refused in ("sparse", "tensor", "input_tensor"):
            value = arguments.pop(refused, None)
            if value is not None and value is not False:
                received, expected = f"{refused}={value!r}", "data that comes as arrays"
                raise ArgumentError(self.__name__, received, expected, "toarray() of a sparse matrix, before fit")
        batch_size = arguments.pop("batch_size", None)
        shapes = [arguments.pop(name, None) for name in ("shape", "input_shape")]
        with_batch = [arguments.pop(name, None) for name in ("batch_shape", "batch_input_shape")]
        shape = next((shape for shape in shapes if shape is not None), None)
        for given in with_batch:
            if given is not None:
                batch_size, *rest = given
                shape = tuple(rest)
        if shape is None:
            raise ArgumentTypeError(self.__name__, "no shape", "shape, without the batch axis", "Input(shape=(784,))")
        named = {"name": arguments.get("name") or next_name("input")}
        dtype = {"dtype": arguments["dtype"]} if arguments.get("dtype") is not None else {}
        return {"shape": shape, **named, **dtype, "batch_size": batch_size}

    def __instancecheck__(self, thing: object) -> bool:
        """A place of a model, as its list of layers has it."""
        return isinstance(getattr(thing, "symbol", None), Symbol)

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The symbol."""
        arguments, _ = self.translated(positional, keywords)
        batch_size = arguments.pop("batch_size")
        symbol = today.Input(**arguments)
        if batch_size is not None:
            _batch_sizes[symbol] = batch_size
        return old_symbols(symbol)

    def text(self, arguments: Given) -> str:
        """The call of today, without the number of samples, which only summaries show."""
        return super().text({name: value for name, value in arguments.items() if name != "batch_size"})


def batch_size_of(symbol: Symbol) -> int | None:
    """The number of samples that ``Input(batch_shape=...)`` asked for, which summaries show; None where it did not."""
    return _batch_sizes.get(symbol)


Input = _OldInput(
    "Input", "shape=None, batch_shape=None, name=None, dtype=None, sparse=False, tensor=None", {"input_dtype": "dtype"}
)
InputLayer = _OldInput(
    "InputLayer",
    "input_shape=None, batch_size=None, batch_input_shape=None, dtype=None, input_tensor=None, sparse=False, name=None",
    {"input_dtype": "dtype"},
)

__all__ = [*old_names(globals()), "InputSpec", "Layer"]
