"""The model facade: Keras's verbs over one network; no arithmetic happens here."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidl import access, losses, optimizers
from minidl import backend as backends
from minidl import metrics as metrics_module
from minidl.backend.random import Stream, new_stream
from minidl.callbacks import Callback, CallbackList, History, PassProgress, ProgressBar
from minidl.checks import check_flag, check_integer
from minidl.data import ArrayData, class_weights, split_last
from minidl.declared import Declared, register
from minidl.errors import (
    ArgumentError,
    ArgumentTypeError,
    BackendError,
    DataError,
    NotBuiltError,
    NumericWarning,
    ShapeError,
    StateError,
    closest,
    warn,
)
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer
from minidl.layers.context import Context
from minidl.layers.graph import Graph
from minidl.layers.symbol import Symbol, connect
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.models.configuration import describe_graph, symbols_of
from minidl.models.saliency import input_gradient
from minidl.models.summary import summary_text
from minidl.models.weights import load_weights, save_weights
from minidl.models.whole import save_model
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter
from minidl.training import loop
from minidl.training.advice import about_data, about_targets, first_layer
from minidl.training.nodes import leaves
from minidl.training.plan import for_inference, samples_at_once
from minidl.training.step import Step


class Model(Declared):
    """A network between ``Input`` symbols and an output, with training around it.

    Args:
        inputs: a symbol from ``Input``, or a list of them for a model that takes several arrays; a dictionary names them.
        outputs: the symbol of the result, or a list of them for a model that gives several; a dictionary names them.

    >>> from minidl.layers import Add, Dense, Input
    >>> x = Input((8,)); h = Dense(8, activation="relu")(x)
    >>> model = Model(x, Dense(1)(Add()([x, h])))
    >>> model.count_params()
    81
    """

    table = "model"
    _given_names: tuple[Any, ...]  # of inputs and outputs, where dictionaries gave them

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        names = [list(given) if isinstance(given, Mapping) else None for given in (inputs, outputs)]
        inputs, outputs = (list(given.values()) if isinstance(given, Mapping) else given for given in (inputs, outputs))
        if isinstance(inputs, (tuple, list)) and len({id(symbol) for symbol in inputs}) < len(inputs):
            raise ArgumentError("Model", "an input that is listed twice", "different inputs")
        self._start(Graph(inputs, outputs, name=name))
        self._given_names = tuple(names)

    def _start(self, network: Layer) -> None:
        self.network: Any = network
        self._given_names = (None, None)
        self.stop_training = False
        self.compile_arguments: dict[str, Any] = {}  # as files hold them
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self._metrics: list[Metric] = []
        self._fuse, self._precision = True, "float32"
        self._step: Step | None = None
        self._planned: tuple[tuple[tuple[Layer, Any], ...], Layer] | None = None  # layers and activations; the plan
        self._stream: Stream | None = None
        self._epochs_done = 0
        self.history: History | None = None  # of the last fit, also where it ended by an exception

    # -- the network ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The model's name."""
        return self.network.name

    @property
    def layers(self) -> list[Layer]:
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
    def output_names(self) -> list[str]:
        """How dictionaries, logs and errors call the results: as the layers that give them."""
        return self._given_names[1] or _numbered([symbol.layer.name if symbol.layer else "output" for symbol in self.outputs])

    @property
    def parameters(self) -> list[Parameter]:
        """Everything that can be trained, shared parameters once."""
        return self.network.parameters

    @property
    def input_shape(self) -> Any:
        """Shape of one sample, None before it is known."""
        return self.network.input_shape

    @property
    def output_shape(self) -> Any:
        """Shape of one result."""
        self._check_built("output_shape")
        return self.network.output_shape(self.network.input_shape)

    @property
    def trainable(self) -> bool:
        """False freezes every layer."""
        return self.network.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.network.trainable = value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Pairs such as ``("dense_1.W", parameter)``."""
        return self.network.named_parameters()

    def build(self, input_shape: Any) -> None:
        """Make all parameters for samples of this shape (no batch axis)."""
        self.network.build(input_shape)

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

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Write all weights, running statistics included, to a safetensors file, which is replaced whole or not at all.

        Raises NotBuiltError for a model without weights, OSError naming ``path`` where nothing can be written.
        """
        self._check_built("save_weights")
        with access.reading("save_weights", self.network):
            save_weights(self.network, path)

    def load_weights(self, path: str | os.PathLike[str], strict: bool = True) -> list[str]:
        """Read what ``save_weights`` wrote, into a model of the same architecture; float32 and float64 may differ.

        Returns what was not loaded, a line for each name: nothing, unless ``strict=False`` allows file and model to differ.
        Raises CheckpointError for a damaged, foreign or unfitting file, OSError where there is none; the model is then
        as before.
        """
        self._check_built("load_weights")
        with access.writing("load_weights", self.network):
            return load_weights(self.network, path, check_flag("load_weights", "strict", strict))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one safetensors file: layers, weights, and how it was compiled; ``load_model`` reads it.

        The file is replaced whole or not at all. Raises NotBuiltError for a model without weights, ArgumentTypeError for a
        layer whose arguments cannot be written, OSError naming ``path`` where nothing can be written.
        """
        self._check_built("save")
        with access.reading("save", self.network):
            save_model(self, path)

    def forward(self, x: Any, training: bool = True) -> Any:
        """y of a batch, remembering what ``backward`` needs: training by hand."""
        return self.network.forward(x, training)

    def backward(self, dy: Any) -> Any:
        """dx of the last ``forward``; adds to the parameters' gradients."""
        return self.network.backward(dy)

    @np.errstate(all="ignore")
    def __call__(self, x: Any) -> Any:
        """Inference on a batch; on symbols, the model as a layer of a larger graph."""
        if isinstance(x, Symbol) or (isinstance(x, (tuple, list)) and any(isinstance(item, Symbol) for item in x)):
            return connect(self.network, x, self)
        x = self.network.validated(x)
        with access.reading("model(x)", self.network):
            return self._for_inference().apply(x, Context(keep=False))[0]

    def get_config(self) -> dict[str, Any]:
        """The layers, their arguments and connections, without weights, as values that JSON can hold."""
        return {**describe_graph(self.network), "input_names": self._given_names[0], "output_names": self._given_names[1]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model of the same layers and connections with new weights."""
        inputs, outputs = symbols_of(config, custom_objects)
        model = cls(inputs, outputs, name=config.get("name"))
        model._given_names = tuple(_checked_names(config.get(key)) for key in ("input_names", "output_names"))
        return model

    def to_json(self, **options: Any) -> str:
        """The configuration as a JSON text, for ``model_from_json``; ``options`` are those of ``json.dumps``."""
        return json.dumps(Declared._plain(self), **options)

    def input_gradient(self, x: Any, output: Any = None, batch_size: int = 128) -> Any:
        """d score / d x for each sample, in inference mode: how much each number of x moves the result (saliency).

        Args:
            x: samples, as for ``predict``; a list of arrays for several inputs.
            output: which number of each result is the score: an index; None: the largest; or an array of the results' shape
                with the weight of each number.
            batch_size: samples that are computed together.

        Returns an array of the shape of x (a list of them for several inputs). Gradients of the parameters stay as they are.
        """
        self._check_built("input_gradient")
        with access.writing("input_gradient", self.network):
            return input_gradient(self.network, x, output, check_integer("input_gradient", "batch_size", batch_size))

    def summary(self, print_fn: Any = print) -> None:
        """Print the layers with their shapes, parameters and the memory each keeps for its gradient."""
        self._check_built("summary")
        print_fn(summary_text(self.network))

    # -- training ------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        *,
        fuse: bool = True,
        precision: str = "float32",
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: an Optimizer, or ``"sgd"``, ``"rmsprop"``, ``"adam"``.
            loss: a Loss, or its name.
            metrics: a list of ``"accuracy"`` (the one that fits the loss), names of losses, Metrics and functions of
                (y_true, y_pred) that give one number per sample.
            fuse: False computes every op by itself, softmax and cross-entropy included; results agree to rounding.
            precision: on a GPU, ``"tf32"`` or ``"bf16"`` lets its tensor cores round the factors of matrix products while
                training; weights, sums and everything else stay float32.
        """
        if loss is None:
            raise ArgumentTypeError("compile", "no loss", "a Loss or a name", "loss='categorical_crossentropy'")
        if isinstance(metrics, str) or not isinstance(metrics, (list, tuple, type(None))):
            raise ArgumentTypeError("compile", f"metrics={metrics!r}", "a list", "metrics=['accuracy']")
        new_loss, new_optimizer = losses.get(loss), optimizers.get(optimizer)
        new_metrics = [metrics_module.get(m, new_loss) for m in metrics or []]
        names = ["loss", *(m.name for m in new_metrics)]
        if len(set(names)) < len(names):
            raise ArgumentError("compile", f"metrics {names[1:]}", "different names, none of them 'loss'")
        check_flag("compile", "fuse", fuse)
        _check_precision(precision)
        if new_optimizer is not self.optimizer and new_optimizer._group is not None:
            raise StateError(
                "compile", "an optimizer that trains another model", "one of its own", f"{type(new_optimizer).__name__}()"
            )
        if access.is_training(self.network):
            raise StateError("compile", "a model that is training", "the end of fit")
        if new_optimizer is self.optimizer and self._step is not None:
            new_optimizer._group = None  # compiled again: its state starts anew, as in Keras
            new_optimizer.iterations = 0
        self.compile_arguments = {"optimizer": new_optimizer, "loss": loss, "metrics": metrics, "fuse": fuse}
        self.loss, self.optimizer, self._metrics = new_loss, new_optimizer, new_metrics
        self._fuse, self._precision, self._step = fuse, precision, None
        self._random_stream()  # taken now, so that copies of a compiled model shuffle alike
        if self.network.input_shape is not None:
            self._compiled_step()

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        nan: str = "warn",
    ) -> History:
        """Train on x (n, ...) and targets y (n, ...).

        Args:
            batch_size: samples per step; the last batch of an epoch may be smaller.
            epochs: train up to this epoch (from ``initial_epoch``).
            verbose: 1 a progress bar in a terminal and a line per epoch elsewhere, 2 a line per epoch, 0 nothing.
            callbacks: Callback objects.
            validation_split: this fraction of the samples, the last ones as they stand, is held back before shuffling.
            validation_data: (x, y) or (x, y, sample_weight) to validate on instead.
            shuffle: a new order of the samples in every epoch.
            class_weight: {class: weight}; classes not named weigh 1. Validation is not weighted by class.
            sample_weight: a weight for each sample.
            nan: ``"warn"`` once where data or loss are not finite, ``"raise"`` before the update, or ``"ignore"``.

        Returns the History of the epochs. Raises ShapeError, DataError, ArgumentError or ArgumentTypeError before anything
        is trained; after any exception the model is as after its last whole step.
        """
        self._check_compiled("fit")
        batch_size = check_integer("fit", "batch_size", batch_size)
        epochs = check_integer("fit", "epochs", epochs, low=0)
        initial_epoch = check_integer("fit", "initial_epoch", initial_epoch, low=0)
        verbose = _check_verbose("fit", verbose)
        check_flag("fit", "shuffle", shuffle)
        if not isinstance(callbacks, (list, tuple, type(None))):
            raise ArgumentTypeError("fit: callbacks", f"a {type(callbacks).__name__}", "a list", "callbacks=[EarlyStopping()]")
        data = self._data(x, y, sample_weight, "fit", nan)
        about_data(self.network, self._compiled_step().output_shape, data, self._metrics)
        weights = None if class_weight is None else class_weights(data.y, class_weight, data.weight)
        validation = None
        if validation_data is not None:
            if validation_split:
                raise ArgumentError("fit", "validation_split and validation_data", "one of them")
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise ArgumentTypeError(
                    "fit: validation_data", f"a {type(validation_data).__name__}", "(x, y) or (x, y, sample_weight)"
                )
            x_val, y_val, *weight_val = validation_data
            validation = self._data(x_val, y_val, weight_val[0] if weight_val else None, "fit: validation_data", nan)
        elif validation_split:
            data, validation = split_last(data, validation_split, not isinstance(self.loss, losses.MeanSquaredError))
        if weights is not None:
            data.weight = weights[: len(data)]  # validation is not weighted by class
        step = self._compiled_step()
        if step.group.parameters != tuple(self.network.parameters):
            received, fix = "a model whose parameters were replaced, added or removed after compile", "model.compile(...) again"
            raise StateError("fit", received, "the parameters it was compiled with", fix)
        history = History()
        every = [ProgressBar(verbose), *(callbacks or []), history]
        names = ["loss", *(m.name for m in self._metrics)]
        params = {
            "epochs": epochs,
            "steps": -(-len(data) // batch_size),
            "batch_size": batch_size,
            "samples": len(data),
            "validation_samples": len(validation) if validation is not None else 0,
            "verbose": verbose,
            "device": backends.current().device,
            "metrics": [*names, *(f"val_{name}" for name in names if validation is not None)],
        }
        with access.training("fit", self.network):
            self.stop_training, self.history = False, history
            try:
                loop.fit(
                    step,
                    data,
                    validation,
                    batch_size=batch_size,
                    epochs=range(initial_epoch, epochs),
                    shuffle=shuffle,
                    stream=self._random_stream(),
                    epochs_done=self._epochs_done,
                    callbacks=CallbackList(every, self, params),
                    nan=nan,
                )
            finally:
                self._epochs_done += len(history.epoch)
        return history

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int = 128,
        verbose: int = 1,
        sample_weight: Any = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Loss, or [loss, metrics...] where there are metrics, over all samples; a dictionary with ``return_dict``."""
        self._check_compiled("evaluate")
        batch_size = check_integer("evaluate", "batch_size", batch_size)
        data = self._data(x, y, sample_weight, "evaluate", "warn")
        progress = PassProgress("evaluate", len(data), batch_size, _check_verbose("evaluate", verbose))
        with access.reading("evaluate", self.network):
            logs = loop.evaluate(self._compiled_step(), data, batch_size, progress=progress.update)
        progress.finish(logs)
        if return_dict:
            return logs
        return list(logs.values()) if len(logs) > 1 else logs["loss"]

    def predict(self, x: Any, batch_size: int | None = None, verbose: int = 0) -> np.ndarray:
        """Outputs (n, ...) for x (n, ...) as a new NumPy array; n may be 0. Needs no ``compile``.

        ``batch_size`` samples are computed together; None: up to 1024, fewer where a layer's results are large.
        """
        if batch_size is not None:
            batch_size = check_integer("predict", "batch_size", batch_size)
        if self.network.input_shape is None:
            raise NotBuiltError(
                "predict", "a model without weights", "a built or trained model", "input_shape in the first layer"
            )
        data = self._arrays(x, None, None, "predict", "ignore")
        network = self._for_inference()
        if batch_size is None:
            batch_size = len(data) if 0 < len(data) <= 32 else samples_at_once(self.network)
        progress = PassProgress("predict", len(data), batch_size, _check_verbose("predict", verbose))
        with access.reading("predict", self.network):
            output = loop.predict(network, data, batch_size, progress=progress.update)
        progress.finish({})
        return output

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        """One step on one batch; the batch's loss before the step, or [loss, metrics...]."""
        return self._on_batch(x, y, sample_weight, "train_on_batch")

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
        """Loss, or [loss, metrics...], of one batch in inference mode."""
        return self._on_batch(x, y, sample_weight, "test_on_batch")

    # -- how it is done ------------------------------------------------------------------------------------------------

    def _on_batch(self, x: Any, y: Any, sample_weight: Any, what: str) -> Any:
        self._check_compiled(what)
        data = self._data(x, y, sample_weight, what, "warn")
        step = self._compiled_step()
        with (access.training if what == "train_on_batch" else access.reading)(what, self.network):
            (batch,) = loop.batches_of(data, len(data))
            running, guard = loop.Running(step), WholeSteps()
            with guard.installed(), guard.step():
                result = step.train(batch) if what == "train_on_batch" else step.test(batch)
            running.add(0, batch, result)
        logs = running.logs()
        if what == "train_on_batch" and not abs(logs["loss"]) < float("inf"):
            message = "train_on_batch: the loss became NaN or infinite"
            warn(f"{message}; try a smaller learning rate, or look for what is not finite in the data.", NumericWarning)
        return list(logs.values()) if len(logs) > 1 else logs["loss"]

    def _for_inference(self) -> Layer:
        """The network as ``predict`` computes it: planned again when a layer was added or has another activation."""
        if not self._fuse:
            return self.network
        found = tuple((layer, getattr(layer, "activation", None)) for layer in leaves(self.network))
        if self._planned is None or self._planned[0] != found:
            self._planned = found, for_inference(self.network)
        return self._planned[1]

    def _compiled_step(self) -> Step:
        if self._step is None:
            assert self.loss is not None
            assert self.optimizer is not None
            self._step = Step(self.network, self.loss, self.optimizer, self._metrics, self._fuse, self._precision)
        return self._step

    def _data(self, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
        """x, y and weights at the door of training: shapes, lengths, labels and emptiness checked, nothing computed."""
        data = self._arrays(x, y, sample_weight, where, nan)
        if len(data) == 0:
            raise DataError(where, "no samples", "at least one")
        if data.y is None:
            raise ArgumentTypeError(f"{where}: y", "None", "targets, one entry per sample")
        assert self.loss is not None
        shape = (len(data), *self._compiled_step().output_shape)
        try:
            self.loss.check_data(data.y, shape, f"{where}: y", data.weight)
        except ShapeError as error:
            raise about_targets(error, data.y, self.network, shape[1:]) from None
        for metric in self._metrics:
            metric.check(data.y, shape, f"{where}: metric {metric.name!r}")
        if data.weight is not None and data.weight.shape != shape[:-1][: data.weight.ndim]:
            raise ShapeError(f"{where}: sample_weight", f"shape {data.weight.shape}", f"({shape[0]},)")
        data.check_targets(where, nan, targets=not self.loss.checks_finite)
        return data

    def _arrays(self, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
        if not any(True for _ in self.network.sublayers()):
            raise NotBuiltError(where, "a model without layers", "at least one", "model.add(Dense(10))")
        if self.network.input_shape is None:
            self.network.ensure_built(backends.current().asarray(x, None, f"{where}: x").shape[1:])
        shape, dtype, network = self.network.input_shape, self.network.parameter_dtype, self.network
        taken_by = partial(first_layer, network)
        return ArrayData(x, y, sample_weight, input_shape=shape, dtype=dtype, where=where, nan=nan, taken_by=taken_by)

    def _random_stream(self) -> Stream:
        if self._stream is None:
            self._stream = new_stream()
        return self._stream

    def _check_built(self, what: str) -> None:
        if self.network.input_shape is None:
            fix = "input_shape in the first layer, model.build(input_shape), or fit first"
            raise NotBuiltError(what, "a model without an input shape", "a built model", fix)

    def _check_compiled(self, what: str) -> None:
        if self.optimizer is None:
            fix = "model.compile(optimizer='adam', loss='categorical_crossentropy')"
            raise NotBuiltError(what, "a model that was not compiled", "a compiled model", fix)

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


register(Model)


def _numbered(names: list[str]) -> list[str]:
    """The names, those that come again with a number."""
    found: list[str] = []
    for name in names:
        again = sum(other == name for other in names[: len(found)])
        found.append(f"{name}_{again}" if again else name)
    return found


def _checked_names(names: Any) -> list[str] | None:
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise ArgumentTypeError("from_config", f"the names {names!r}", "a list of texts")
    return names


def _check_precision(precision: Any) -> None:
    """Raise ArgumentError for a name that means nothing, BackendError for what this device does not offer."""
    offered = backends.current().precisions
    if precision in offered:
        return
    if precision not in ("float32", "tf32", "bf16"):
        names = ("float32", "tf32", "bf16")
        meant = closest(precision, names, {"fp32": "float32", "bfloat16": "bf16"})
        raise ArgumentError("compile", f"precision={precision!r}", "'float32', 'tf32' or 'bf16'", meant=meant)
    device, fix = backends.current().device, "minidl.set_backend('cupy') on a machine with an NVIDIA GPU"
    raise BackendError("compile", f"precision={precision!r} on the {device}", " or ".join(map(repr, offered)), fix)


def _check_verbose(where: str, verbose: Any) -> int:
    if verbose not in (0, 1, 2):
        raise ArgumentError(where, f"verbose={verbose!r}", "0, 1 or 2")
    return int(verbose)
