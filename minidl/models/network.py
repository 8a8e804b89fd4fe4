"""What a model is: a network with names, weights, files and texts. How it is trained stands in ``base.py``."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl import access
from minidl.backend import backend_of
from minidl.checks import check_flag, check_integer
from minidl.declared import Declared
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, closest
from minidl.layers.base import Layer, take_over
from minidl.layers.context import Context
from minidl.layers.symbol import Symbol, connect
from minidl.models.batches import check_given
from minidl.models.configuration import checked_names
from minidl.models.saliency import input_gradient
from minidl.models.summary import summary_html, summary_text
from minidl.parameters import Parameter
from minidl.training.nodes import leaves
from minidl.training.plan import for_inference
from minidl.training.recorded_calls import RecordedCalls

FEW = 32  # samples up to which the time between kernels counts, and calls are recorded


class Network(Declared):
    """The part of ``Model`` that needs neither a loss nor data.

    Attributes:
        network: the layer that computes, a chain or a graph; a model is a face for it.
    """

    table = "model"
    is_shared = True
    network: Any
    _fuse: bool
    _given_names: tuple[Any, Any]  # of inputs and outputs, where dictionaries gave them
    _planned: tuple[list[tuple[Layer, Any]], tuple[Layer, RecordedCalls | None]] | None  # layers, activations; the plan

    # -- its parts -----------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The model's name."""
        return self.network.name

    @property
    def layers(self) -> list[Any]:
        """The layers, each once; a model within the model is that model."""
        return list(dict.fromkeys(self.network.models.get(layer, layer) for layer in self.network.sublayers()))

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer (or model within the model) of this name, or number ``index``. Raises ArgumentError where there is none."""
        layers = self.layers
        if (name is None) == (index is None):
            raise ArgumentTypeError("get_layer", f"name={name!r}, index={index!r}", "one of them", "get_layer('dense_1')")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ArgumentError("get_layer", f"index={index}", f"0 to {len(layers) - 1}")
            return layers[index]
        found = [layer for layer in layers if layer.name == name]
        if not found:
            names = [layer.name for layer in layers]
            raise ArgumentError("get_layer", f"name={name!r}", f"one of {', '.join(names)}", meant=closest(name, names))
        return found[0]

    @property
    def inputs(self) -> list[Symbol]:
        """The symbols of the inputs."""
        self._check_built("inputs")
        return list(self.network.inputs)

    @property
    def outputs(self) -> list[Symbol]:
        """The symbols of the results."""
        self._check_built("outputs")
        return list(self.network.outputs)

    @property
    def input(self) -> Any:
        """The symbol of the input; a list where there are several: for ``Model(model.input, layer.output)``."""
        return self.inputs if self.network.takes_many else self.inputs[0]

    @property
    def output(self) -> Any:
        """The symbol of the result; a list where there are several."""
        return self.outputs if len(self.outputs) > 1 else self.outputs[0]

    @property
    def input_names(self) -> list[str]:
        """How dictionaries and errors call the inputs."""
        return self._given_names[0] or _numbered([symbol.name or "input" for symbol in self.inputs])

    @property
    def has_named_inputs(self) -> bool:
        """Whether people gave the inputs names, so that data may come in a dictionary."""
        return self._given_names[0] is not None or all(symbol.name for symbol in self.inputs)

    @property
    def output_names(self) -> list[str]:
        """How dictionaries, logs and errors call the results: as the layers that give them."""
        return self._given_names[1] or _numbered([symbol.layer.name if symbol.layer else "output" for symbol in self.outputs])

    @property
    def input_shape(self) -> Any:
        """Shape of one sample, None before it is known."""
        return self.network.input_shape

    @property
    def output_shape(self) -> Any:
        """Shape of one result; a tuple of shapes where there are several."""
        self._check_built("output_shape")
        return self.network.output_shape(self.network.input_shape)

    def reset_states(self) -> None:
        """Forget the states that recurrent layers with ``stateful=True`` carry from batch to batch."""
        self.network.reset_states()

    def build(self, input_shape: Any) -> None:
        """Make all parameters for samples of this shape (no batch axis)."""
        self.network.build(input_shape)

    # -- its weights ---------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> list[Parameter]:
        """Everything that can be trained, shared parameters once."""
        return self.network.parameters

    @property
    def weights(self) -> list[Parameter]:
        """Parameters and state, in the order of ``get_weights``: layer by layer, a layer's parameters before its state."""
        return self.network.weights

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs such as ``("dense_1.W", parameter)``."""
        return self.network.named_parameters()

    @property
    def trainable(self) -> bool:
        """False freezes every layer."""
        return self.network.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.network.trainable = value

    def count_params(self) -> int:
        """Number of elements in all weights."""
        self._check_built("count_params")
        return self.network.count_params()

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as NumPy arrays, in Keras's order."""
        return self.network.get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights; nothing changes where number or shapes do not fit."""
        self.network.set_weights(weights)

    # -- files ---------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one safetensors file: layers, weights, and how it was compiled; ``load_model`` reads it.

        The file is replaced whole or not at all. Raises NotBuiltError for a model without weights, ArgumentTypeError for a
        layer whose arguments cannot be written, OSError naming ``path`` where nothing can be written.
        """
        self._check_built("save")
        with access.reading("save", self.network):
            from minidl.models.whole import save_model  # files and texts wait until somebody wants one

            save_model(self, path)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write all weights, running statistics included, to a safetensors file, which is replaced whole or not at all.

        Raises NotBuiltError for a model without weights, OSError naming ``path`` where nothing can be written.
        """
        self._check_built("save_weights")
        with access.reading("save_weights", self.network):
            from minidl.models.weights import save_weights

            save_weights(self.network, path)

    def load_weights(
        self, path: str | os.PathLike[str], strict: bool = True, *, by_name: bool = False, skip_mismatch: bool = False
    ) -> list[str]:
        """Read what ``save_weights`` or ``save`` wrote into a model of the same architecture; float32 and float64 may differ.

        Args:
            path: the file.
            strict: False loads what fits and leaves everything else as it is.
            by_name: True finds weights by the names of their layers, not by their places, for a model that has some of the
                same layers. Layers that only the file or only the model has are left out.
            skip_mismatch: True leaves out arrays of another shape.

        Returns what was not loaded, a line for each name: nothing, unless an argument allows file and model to differ.
        Raises CheckpointError for a damaged, foreign or unfitting file, OSError where there is none; the model is then
        as before.
        """
        self._check_built("load_weights")
        with access.writing("load_weights", self.network):
            flags = {"strict": strict, "by_name": by_name, "skip_mismatch": skip_mismatch}
            flags = {name: check_flag("load_weights", name, flag) for name, flag in flags.items()}
            from minidl.models.weights import load_weights

            return load_weights(self.network, path, **flags)

    def to_json(self, **options: Any) -> str:
        """The configuration as a JSON text, for ``model_from_json``; ``options`` are those of ``json.dumps``."""
        import json

        return json.dumps(Declared._plain(self), **options)

    # -- what it computes ----------------------------------------------------------------------------------------------

    def forward(self, x: Any, training: bool = True) -> Any:
        """y of a batch, remembering what ``backward`` needs: training by hand."""
        if self.network.declared_batch_size is not None:
            check_given("forward", self.network, x)
        return self.network.forward(x, training)

    def backward(self, dy: Any) -> Any:
        """dx of the last ``forward``; adds to the parameters' gradients."""
        return self.network.backward(dy)

    @np.errstate(all="ignore")
    def __call__(self, x: Any, mask: Any = None) -> Any:
        """Inference on a batch; on symbols, the model as a layer of a larger graph."""
        x = self._in_order(x)
        if isinstance(x, Symbol) or (isinstance(x, (tuple, list)) and any(isinstance(item, Symbol) for item in x)):
            return self._by_name(connect(self.network, x, self))
        if self.network.declared_batch_size is not None:
            check_given("model(x)", self.network, x)
        return self._by_name(self._infer("model(x)", self.network.validated(x), mask))

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch as NumPy arrays, without the loop of ``predict``."""
        y = self(x)
        if isinstance(y, dict):
            return {name: backend_of(part).to_numpy(part) for name, part in y.items()}
        return [backend_of(part).to_numpy(part) for part in y] if isinstance(y, tuple) else backend_of(y).to_numpy(y)

    def input_gradient(self, x: Any, output: Any = None, batch_size: int | None = None) -> Any:
        """d score / d x for each sample, in inference mode: how much each number of x moves the result (saliency).

        Args:
            x: samples, as for ``predict``; a list of arrays for several inputs.
            output: which number of each result is the score: an index; None: the largest; or an array of the results' shape
                with the weight of each number.
            batch_size: samples that are computed together; None: 128, or what the model's ``Input`` says.

        Returns an array of the shape of x (a list of them for several inputs). Gradients of the parameters stay as they are.
        """
        self._check_built("input_gradient")
        with access.writing("input_gradient", self.network):
            size = None if batch_size is None else check_integer("input_gradient", "batch_size", batch_size)
            return input_gradient(self.network, x, output, size)

    def _in_order(self, x: Any) -> Any:
        """The entries of a dictionary in the order of the inputs; anything else as it is."""
        if isinstance(x, np.ndarray) or not isinstance(x, Mapping):  # the first is the usual case, and quickly seen
            return x
        self._check_built("a dictionary of inputs")
        names = self.input_names
        if not self.has_named_inputs or set(x) != set(names):
            expected = (
                f"the names of the inputs: {', '.join(map(repr, names))}" if self.has_named_inputs else "a list of arrays"
            )
            raise ArgumentError(self.name, f"a dictionary of {', '.join(map(repr, x))}", expected)
        return [x[name] for name in names] if self.network.takes_many else x[names[0]]

    def _by_name(self, results: Any) -> Any:
        """The results in a dictionary, where the model was made with a dictionary of outputs."""
        names = self._given_names[1]
        return results if names is None else dict(zip(names, results if self.network.gives_many else (results,), strict=True))

    def _for_inference(self) -> tuple[Layer, RecordedCalls | None]:
        """The network as ``predict`` computes it: planned again when a layer was added or has another activation.

        Beside it what records calls with few samples, where that can be.
        """
        if not self._fuse:
            return self.network, None
        found = [(layer, getattr(layer, "activation", None)) for layer in leaves(self.network)]
        if self._planned is None or self._planned[0] != found:
            network = for_inference(self.network)
            calls = RecordedCalls(network)
            self._planned = found, (network, calls if calls.possible and not network.carried() else None)
        return self._planned[1]

    def _infer(self, what: str, x: Any, mask: Any = None) -> Any:
        """The network's results for x, as the network takes it."""
        with access.reading(what, self.network):
            network, calls = self._for_inference()
            if calls is not None and mask is None and len(x[0] if isinstance(x, tuple) else x) <= FEW:
                return calls.apply(x)
            context = Context(keep=False, mask=mask)
            y, _ = network.apply(x, context)
        take_over(what, self.network, context)
        return y

    # -- texts and copies ----------------------------------------------------------------------------------------------

    def summary(self, print_fn: Any = print) -> None:
        """Print the layers with their shapes, parameters and the memory each keeps for its gradient."""
        self._check_built("summary")
        print_fn(summary_text(self.network))

    def _repr_html_(self) -> str:
        """The summary as a table, in a notebook."""
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>" if self.input_shape is None else summary_html(self.network)

    def _check_built(self, what: str) -> None:
        if self.network.input_shape is None:
            fix = "input_shape in the first layer, model.build(input_shape), or fit first"
            raise NotBuiltError(what, "a model without an input shape", "a built model", fix)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        with access.reading("deepcopy", self.network):  # until all of it is copied
            memo[id(self)] = other = object.__new__(type(self))
            vars(other).update(copy.deepcopy(vars(self), memo))
        return other

    def __getstate__(self) -> dict[str, Any]:
        with access.reading("pickle", self.network):  # refuses while another thread trains; what it does later is not seen
            return vars(self).copy()

    def __repr__(self) -> str:
        shape = "not built" if self.input_shape is None else f"{self.input_shape} -> {self.output_shape}"
        return f"<{type(self).__name__} {self.name!r}: {len(self.layers)} layers, {shape}>"


def named(given: Any) -> tuple[Any, list[str] | None]:
    """Inputs or outputs, one or a list, with their names, where they came in a dictionary."""
    names = None
    if isinstance(given, Mapping):
        given, names = list(given.values()), checked_names(list(given))
    return (given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else given), names


def _numbered(names: list[str]) -> list[str]:
    """The names, those that come again with a number that makes them no other's."""
    taken, found = set(names), dict.fromkeys(names, 0)
    result: list[str] = []
    seen: set[str] = set()
    for name in names:
        new = name
        while new in seen or (new != name and new in taken):
            found[name] += 1
            new = f"{name}_{found[name]}"
        seen.add(new)
        result.append(new)
    return result
