"""``keras.layers.merge`` of Keras 2.1, and the older ``Merge(layers, mode=...)`` and ``merge(inputs, mode=...)``."""

from __future__ import annotations

from typing import Any

from minidl import layers as today
from minidl.compat.keras.layers.faces import faced
from minidl.compat.keras.layers.lambda_ import Lambda
from minidl.compat.keras.layers.options import OldLayer, old_names
from minidl.compat.keras.names import next_name
from minidl.compat.spelling import told
from minidl.compat.translation import Given, OldName
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, closest, described, warn
from minidl.layers.containers import Chain
from minidl.layers.symbol import Symbol
from minidl.models import Model

Add = OldLayer("Add", today.Add, "")
Subtract = OldLayer("Subtract", today.Subtract, "")
Multiply = OldLayer("Multiply", today.Multiply, "")
Average = OldLayer("Average", today.Average, "")
Maximum = OldLayer("Maximum", today.Maximum, "")
Minimum = OldLayer("Minimum", today.Minimum, "")
Concatenate = OldLayer("Concatenate", today.Concatenate, "axis=-1")
Dot = OldLayer("Dot", today.Dot, "axes, normalize=False")


def _as_function(name: str, old: OldLayer) -> Any:
    """``add([a, b])``: the layer, applied."""

    def function(inputs: Any, *positional: Any, **keywords: Any) -> Any:
        layer = old(*positional, **keywords)
        told(f"{name}([...])", f"{_shown(layer, keywords)}([...])")
        return layer(inputs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Keras 2.1's ``{name}``: minidl's ``{old.spelled}()``, applied to a list of symbols."
    return function


def _shown(layer: Any, keywords: Given) -> str:
    """The layer as a call, with the name that a script gave it."""
    text = repr(layer)
    return text if "name" in keywords else text.replace(f"name={layer.name!r}", "").replace("(, ", "(").replace(", )", ")")


add = _as_function("add", Add)
subtract = _as_function("subtract", Subtract)
multiply = _as_function("multiply", Multiply)
average = _as_function("average", Average)
maximum = _as_function("maximum", Maximum)
minimum = _as_function("minimum", Minimum)
concatenate = _as_function("concatenate", Concatenate)
dot = _as_function("dot", Dot)


# -- Keras 1 -----------------------------------------------------------------------------------------------------------

_MODES = {"sum": today.Add, "mul": today.Multiply, "concat": today.Concatenate, "ave": today.Average, "max": today.Maximum}
_OF_TWO = ("dot", "cos")


class MergedModels(Model, abstract=True):
    """What ``Merge([left, right])`` is today: a model of all the inputs, which joins the results of its models.

    Attributes:
        sources: for each input the one that it stands for, of the model that was merged.
    """

    written_as = Model
    sources: tuple[Symbol, ...]


MergedModels.__name__ = "Merge"  # as summaries have it


HARMLESS = ("node_indices", "tensor_indices")  # which of a layer's results, of which a model here has one


class _OldMerge(OldName):
    """``Merge``: a layer that joins what it is called on; or, for a list of models, a model of all of them."""

    def __init__(self) -> None:
        signature = (
            "layers=None, mode='sum', concat_axis=-1, dot_axes=-1, output_shape=None, output_mask=None, arguments=None, "
            "node_indices=None, tensor_indices=None, name=None"
        )
        super().__init__("Merge", MergedModels, signature, harmless=HARMLESS)

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """The layer or the model."""
        given, _ = self.translated(positional, keywords)
        name = given.pop("name", None) or next_name("Merge")
        branches = given.pop("layers", None)
        inner = _merging(**given)
        shown = _call_of(inner)
        if branches is None:
            told("Merge(...)", shown)
            inner.given_name = name
            return faced(inner)
        told("Merge([...])", f"Model([inputs of all models], {shown}([their outputs]))")
        return _joined(branches, inner, name)

    def _is_old(self, args: tuple[Any, ...], keywords: Given, arguments: Given) -> bool:
        return False  # told above, with the mode


def _merging(
    mode: Any = "sum",
    concat_axis: Any = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    output_mask: Any = None,
    arguments: Any = None,
) -> Any:
    """The layer of a mode; a function of the script is one by itself."""
    if callable(mode):
        return Lambda(mode, output_shape, output_mask, arguments)
    if mode == "concat":
        return today.Concatenate(concat_axis)
    if mode in _OF_TWO:
        return today.Dot(_of_samples(dot_axes), normalize=mode == "cos")
    if mode not in _MODES:
        known = [*_MODES, *_OF_TWO]
        raise ArgumentError("Merge", f"mode={mode!r}", f"one of {', '.join(known)}", meant=closest(mode, known))
    return _MODES[mode]()


def _call_of(layer: Any) -> str:
    return "Lambda(function)" if isinstance(layer, Lambda.make) else repr(layer)


def _of_samples(axes: Any) -> Any:
    """``dot_axes`` without the batch axis: some scripts counted the axes of a sample from 0."""
    pair = tuple(axes) if isinstance(axes, (tuple, list)) else (axes, axes)
    pair = tuple(axis[0] if isinstance(axis, (tuple, list)) and len(axis) == 1 else axis for axis in pair)
    if pair == (0, 0):
        warn("dot_axes=0 is the axis of the batch, along which samples are not summed: axis 1 is meant.", DataWarning)
        pair = (1, 1)
    return pair[0] if len(set(pair)) == 1 else pair


def _joined(branches: Any, inner: Any, name: str) -> Any:
    """A model of all branches, with the layer behind them; an input that several branches begin with is asked for once."""
    expected, fix = "a list of two or more models", "Merge([left, right], mode='sum'); merge([a, b], mode='sum') for symbols"
    if not isinstance(branches, (tuple, list)) or len(branches) < 2:
        raise ArgumentTypeError("Merge", described(branches), expected, fix)
    inputs: dict[Symbol, Symbol] = {}  # by their sources
    results: dict[int, Any] = {}
    for branch in branches:
        if not isinstance(branch, Model):
            raise ArgumentTypeError("Merge", f"{described(branch)} in the list", expected, fix)
        if id(branch) not in results:
            own = []
            for symbol, source in zip(branch.inputs, sources_of(branch), strict=True):
                if source not in inputs:
                    inputs[source] = today.Input(symbol.shape, name=next_name("input"), dtype=symbol.dtype)
                own.append(inputs[source])
            results[id(branch)] = branch(own if branch.network.takes_many else own[0])
    model = MergedModels(list(inputs.values()), inner([results[id(branch)] for branch in branches]), name=name)
    model.sources = tuple(inputs)
    return model


def sources_of(model: Model) -> tuple[Symbol, ...]:
    """The inputs of a model; where it begins with merged ones, those of the models that were merged."""
    if isinstance(model, MergedModels):
        return model.sources
    chain = model.network
    first = chain.models.get(chain.layers[0]) if isinstance(chain, Chain) and chain.layers else None
    return tuple(model.inputs) if first is None else sources_of(first)


def merge(
    inputs: Any,
    mode: Any = "sum",
    concat_axis: Any = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    output_mask: Any = None,
    arguments: Any = None,
    name: str | None = None,
) -> Any:
    """Keras 1's ``merge([a, b], mode=...)``: a layer of minidl, applied to a list of symbols."""
    layer = _merging(mode, concat_axis, dot_axes, output_shape, output_mask, arguments)
    told("merge([...])", f"{_call_of(layer)}([...])")
    layer.given_name = name or next_name("Merge")
    return faced(layer)(list(inputs))


Merge = _OldMerge()

FUNCTIONS = (add, subtract, multiply, average, maximum, minimum, concatenate, dot)
__all__ = [*old_names(globals()), *(function.__name__ for function in FUNCTIONS), "merge"]
