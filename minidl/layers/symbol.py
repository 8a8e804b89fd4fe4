"""Symbols: what layers give when they are called before there is any data, and where data will enter."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from minidl.checks import check_integer
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.geometry import check_shape, is_several

_DTYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")


class Node:
    """One use of a layer in a graph.

    Attributes:
        layer: the layer, or None for a place where data enters.
        inputs: the symbols that it is applied to.
        several: whether it gives several results.
        model: the model whose network the layer is, where a model was called; else None.
    """

    __slots__ = ("__weakref__", "inputs", "layer", "model", "several")

    def __init__(self, layer: Any, inputs: Sequence[Symbol] = (), several: bool = False, model: Any = None) -> None:
        self.layer, self.inputs, self.several, self.model = layer, tuple(inputs), several, model

    @property
    def many(self) -> bool:
        """Whether the layer is given a tuple here: as it always is, or with initial states."""
        return self.layer.takes_many or len(self.inputs) > 1


class Symbol:
    """A result in a graph that has not run yet: its shape, and the node that gives it.

    Attributes:
        shape: of one sample, without the batch axis.
        node: the use of a layer that gives it.
        index: which of the node's results it is.
        name: of an input; None for others.
        dtype: of an input, where it was given; else None.
        batch_size: the number of samples in every batch, where an ``Input`` says it; else None.
    """

    __slots__ = ("__weakref__", "batch_size", "dtype", "index", "name", "node", "shape")

    def __init__(
        self,
        shape: Any,
        node: Node,
        index: int = 0,
        name: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.shape, self.node, self.index, self.name, self.dtype = shape, node, index, name, dtype
        self.batch_size = batch_size

    @property
    def layer(self) -> Any:
        """The layer whose result it is; None for an input."""
        return self.node.layer

    @property
    def inputs(self) -> tuple[Symbol, ...]:
        """What that layer is applied to."""
        return self.node.inputs

    def __repr__(self) -> str:
        return f"<Symbol {self.shape} of {self.layer.label if self.layer else self.name or 'Input'}>"

    def __iter__(self) -> Any:
        raise ArgumentTypeError(
            repr(self), "one result to be taken apart", "a layer with several results, such as return_state=True"
        )

    def __reduce__(self) -> Any:
        raise ArgumentTypeError(repr(self), "a symbol to be copied or pickled by itself", "the model it belongs to")


def Input(
    shape: Any = None, batch_size: int | None = None, *, name: str | None = None, dtype: Any = None, batch_shape: Any = None
) -> Symbol:
    """A place where data enters a graph.

    Args:
        shape: that of one sample, without the batch axis.
        batch_size: the number of samples in every batch; the model then refuses batches of another size. None: any number.
        name: for inputs that are given in a dictionary, and for errors.
        dtype: of the data as it enters, for example ``"int32"`` for ids; None: what the layers behind it take.
        batch_shape: in place of ``shape`` and ``batch_size``: both in one, (None, ...) for batches of any size.

    >>> Input((28, 28, 1)).shape
    (28, 28, 1)
    >>> Input(batch_shape=(16, 20, 3)).batch_size
    16
    """
    if (shape is None) == (batch_shape is None):
        raise ArgumentTypeError("Input", f"shape={shape!r}, batch_shape={batch_shape!r}", "one of them", "Input((28, 28, 1))")
    if batch_shape is not None:
        if not isinstance(batch_shape, (tuple, list)) or not batch_shape:
            expected = "a tuple: a number of samples, or None for any, and the shape of one sample"
            raise ArgumentError("Input", f"batch_shape={batch_shape!r}", expected, "Input(shape)")
        if batch_size is not None:
            received = f"batch_size={batch_size!r}, batch_shape={batch_shape!r}"
            raise ArgumentTypeError("Input", received, "one of them", f"Input({tuple(batch_shape[1:])}, {batch_size!r})")
        batch_size, shape = batch_shape[0], tuple(batch_shape[1:])
    if batch_size is not None:
        batch_size = check_integer("Input", "batch_size", batch_size)
    if name is not None and (not isinstance(name, str) or not name):
        raise ArgumentTypeError("Input", f"name={name!r}", "a non-empty string")
    return Symbol(check_shape(shape, "Input"), Node(None), 0, name, checked_dtype(dtype), batch_size)


def checked_dtype(dtype: Any) -> str | None:
    """The name of an input's type, or None. Raises ArgumentError for anything else."""
    given = getattr(dtype, "__name__", None) or getattr(dtype, "name", None) or dtype
    if given is not None and not (isinstance(given, str) and given in _DTYPES):
        raise ArgumentError("Input", f"dtype={dtype!r}", f"one of {', '.join(_DTYPES)}")
    return given


def agreed(where: str, sizes: Iterable[int | None]) -> int | None:
    """The batch size that several inputs and models declare; None where none does. Raises ArgumentError for two sizes."""
    found = sorted({size for size in sizes if size is not None})
    if len(found) > 1:
        received = f"batches of {' and '.join(map(str, found))} samples"
        raise ArgumentError(where, received, "one size for all inputs", "the same batch_size in each Input, or None")
    return found[0] if found else None


def connect(layer: Any, x: Any, model: Any = None) -> Any:
    """``layer(symbol)``: build the layer for the symbol's shape; its result as a symbol, or a tuple of them."""
    several = isinstance(x, (tuple, list))
    inputs = tuple(x) if several else (x,)
    if not all(isinstance(item, Symbol) for item in inputs):
        raise ArgumentTypeError(layer.label, "arrays and symbols together", "only symbols, or only arrays")
    if several and len(inputs) == 1 and not layer.takes_many:
        several = False
    many = layer.takes_many or (several and layer.takes_states)
    if several != many:
        expected = "a list of symbols" if layer.takes_many else "one symbol"
        raise ArgumentTypeError(layer.label, f"{len(inputs)} symbols" if layer.takes_many else "a list", expected)
    shape = tuple(item.shape for item in inputs) if many else inputs[0].shape
    layer.ensure_built(shape)
    return results(layer, inputs, layer.output_shape(shape), model)


def results(layer: Any, inputs: Sequence[Symbol], output_shape: Any, model: Any = None) -> Any:
    """The symbols of a new use of ``layer``, which remembers them for ``layer.output``."""
    several = is_several(output_shape)
    node = Node(layer, inputs, several, model)
    batch_size = agreed(layer.label, (layer.declared_batch_size, *(symbol.batch_size for symbol in inputs)))
    symbols = [
        layer.symbol_class(shape, node, index) for index, shape in enumerate(output_shape if several else (output_shape,))
    ]
    for symbol in symbols:
        symbol.batch_size = batch_size
    layer._symbols = [reference for reference in layer._symbols if reference() is not None]
    layer._symbols += [weakref.ref(symbol) for symbol in symbols]
    return tuple(symbols) if several else symbols[0]
