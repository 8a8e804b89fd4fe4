"""The model facade: Keras's verbs over one network; no arithmetic happens here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

import numpy as np

from minidl import access, optimizers
from minidl import backend as backends
from minidl.backend.random import Stream, new_stream
from minidl.callbacks import Callback, CallbackList, History, PassProgress, ProgressBar
from minidl.checks import check_flag, check_integer
from minidl.data import ArrayData, StreamData, class_weights, is_stream, refuse_beside_stream, split_last
from minidl.declared import register
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, NumericWarning, StateError, warn
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer
from minidl.layers.graph import Graph
from minidl.losses import Loss
from minidl.models.arguments import check_callbacks, check_counts, check_precision, check_verbose, make_loss, make_metrics
from minidl.models.batches import check_batch, each_of_size, size_of_batches
from minidl.models.configuration import checked_names, describe_graph, symbols_of
from minidl.models.given import arrays, classes_of, given, may_be_classes, targets, validation_given
from minidl.models.network import FEW, Network, named
from minidl.optimizers import Optimizer
from minidl.training import loop
from minidl.training.epochs import check_passes, check_validation_freq, steps_in_epoch, validates
from minidl.training.memory import explain_out_of_memory
from minidl.training.plan import samples_at_once
from minidl.training.running import names_of_logs
from minidl.training.step import Step


class Model(Network):
    """A network between ``Input`` symbols and an output, with training around it.

    Args:
        inputs: a symbol from ``Input``, or a list of them for a model that takes several arrays; a dictionary names them.
        outputs: the symbol of the result, or a list of them for a model that gives several; a dictionary names them.

    A list of one is the one: such a model gives one array. Data for one input or output may come in a list of one or by name.

    >>> from minidl.layers import Add, Dense, Input
    >>> x = Input((8,)); h = Dense(8, activation="relu")(x)
    >>> model = Model(x, Dense(1)(Add()([x, h])))
    >>> model.count_params()
    81
    """

    progress_bar: ClassVar[Any] = ProgressBar  # what shows people how training goes; other faces of a model have others
    pass_progress: ClassVar[Any] = PassProgress  # and how evaluate and predict do
    unused_inputs: ClassVar[bool] = False  # whether there may be inputs that no output depends on

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls):  # nothing would call it
            fix = "call the layers on Input(shape) and give Model the symbols; or a layer of your own, with apply and gradient"
            raise ArgumentTypeError(cls.__name__, "a model with Keras's method call", "Model(inputs, outputs)", fix)

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        (inputs, of_inputs), (outputs, of_outputs) = named(inputs), named(outputs)
        if isinstance(inputs, (tuple, list)) and len({id(symbol) for symbol in inputs}) < len(inputs):
            raise ArgumentError("Model", "an input that is listed twice", "different inputs")
        self._start(Graph(inputs, outputs, name=name, unused=self.unused_inputs))
        self._given_names = (of_inputs, of_outputs)

    def _start(self, network: Layer) -> None:
        self.network = network
        self._given_names = (None, None)
        self.stop_training = False
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.compile_arguments: dict[str, Any] = {}  # as files hold them
        self._metrics: list[Any] = []
        self._fuse, self._precision = True, "float32"
        self._step: Step | None = None
        self._planned = None
        self._stream: Stream | None = None
        self._epochs_done = 0
        self.history: History | None = None  # of the last fit, also where it ended by an exception

    def get_config(self) -> dict[str, Any]:
        """The layers, their arguments and connections, without weights, as values that JSON can hold."""
        return {**describe_graph(self.network), "input_names": self._given_names[0], "output_names": self._given_names[1]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model of the same layers and connections with new weights."""
        inputs, outputs = symbols_of(config, custom_objects)
        model = cls(inputs, outputs, name=config.get("name"))
        model._given_names = checked_names(config.get("input_names")), checked_names(config.get("output_names"))
        return model

    @property
    def metrics(self) -> list[Any]:
        """The metrics that ``compile`` made, of all outputs."""
        return [metric[1] if isinstance(metric, tuple) else metric for metric in self._metrics]

    # -- training ------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        *,
        fuse: bool = True,
        precision: str = "float32",
    ) -> None:
        """Choose how to train.

        Args:
            optimizer: an Optimizer, or its name, such as ``"sgd"``, ``"rmsprop"``, ``"adam"``.
            loss: a Loss, or its name; for several outputs also a list of them, or a dictionary by the outputs' names.
            metrics: a list of ``"accuracy"`` (the one that fits the loss), names of metrics and losses, Metrics and functions
                of (y_true, y_pred) that give one number per sample; for several outputs a list or dictionary of such lists.
            loss_weights: a number for each of several outputs: the loss is the weighted sum.
            fuse: False computes every op by itself, softmax and cross-entropy included; results agree to rounding.
            precision: on a GPU, ``"tf32"`` or ``"bf16"`` lets its tensor cores round the factors of matrix products while
                training; weights, sums and everything else stay float32.
        """
        outputs = self.output_names if self.network.input_shape is not None else ["output"]
        new_loss, new_optimizer = make_loss(loss, loss_weights, outputs), optimizers.get(optimizer)
        new_metrics = make_metrics(metrics, new_loss, outputs)
        check_flag("compile", "fuse", fuse)
        check_precision(precision)
        if new_optimizer is not self.optimizer and new_optimizer._group is not None:
            raise StateError(
                "compile", "an optimizer that trains another model", "one of its own", f"{type(new_optimizer).__name__}()"
            )
        if access.is_training(self.network):
            raise StateError("compile", "a model that is training", "the end of fit")
        if new_optimizer is self.optimizer and self._step is not None:
            new_optimizer._group = None  # compiled again: its state starts anew, as in Keras
            new_optimizer.iterations = 0
        self.compile_arguments = {"optimizer": new_optimizer, "loss": loss, "metrics": metrics, "loss_weights": loss_weights}
        self.compile_arguments["fuse"] = fuse
        self.loss, self.optimizer, self._metrics = new_loss, new_optimizer, new_metrics
        self._fuse, self._precision, self._step = fuse, precision, None
        self._random_stream()  # taken now, so that copies of a compiled model shuffle alike
        if self.network.input_shape is not None:
            self._compiled_step()

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int = 1,
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        nan: str = "warn",
    ) -> History:
        """Train on x (n, ...) and targets y (n, ...), or on a stream of batches.

        Args:
            x: an array, a list, a pandas table, a tensor (a list or dictionary of them for several inputs); or what gives
                batches (x, y) or (x, y, sample_weight): a generator, a ``minidl.data.Dataset``, a data loader.
            y: targets, for arrays (a list or dictionary for several outputs).
            batch_size: samples per step; None: 32, or what the model's ``Input`` says. The last batch of an epoch may be
                smaller, unless an ``Input`` says the size.
            epochs: train up to this epoch (from ``initial_epoch``).
            verbose: 1 a progress bar in a terminal and a line per epoch elsewhere, 2 a line per epoch, 0 nothing.
            callbacks: Callback objects.
            validation_split: this fraction of the samples, the last ones as they stand, is held back before shuffling.
            validation_data: (x, y), (x, y, sample_weight) or a stream to validate on instead.
            shuffle: a new order of the samples in every epoch.
            class_weight: {class: weight}; classes not named weigh 1. Validation is not weighted by class.
            sample_weight: a weight for each sample, or for each time step.
            steps_per_epoch: batches in an epoch; the next epoch goes on where it ends.
            validation_steps, validation_batch_size: batches of a validation, and samples in each.
            validation_freq: validate in every so many epochs, or in the epochs of this list, counted from 1.
            nan: ``"warn"`` once where data or loss are not finite, ``"raise"`` before the update, or ``"ignore"``.

        Returns the History of the epochs. Raises ShapeError, DataError, ArgumentError or ArgumentTypeError before anything
        is trained; after any exception the model is as after its last whole step.
        """
        self._check_compiled("fit")
        check_counts("fit", batch_size=batch_size, steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
        check_counts("fit", validation_batch_size=validation_batch_size)
        epochs = check_integer("fit", "epochs", epochs, low=0)
        initial_epoch = check_integer("fit", "initial_epoch", initial_epoch, low=0)
        verbose, validation_freq = check_verbose("fit", verbose), check_validation_freq(validation_freq)
        check_flag("fit", "shuffle", shuffle)
        check_callbacks("fit", callbacks)
        epochs_of_fit = range(initial_epoch, epochs)
        with ExitStack() as opened:
            if is_stream(x):
                of_arrays = {"sample_weight": sample_weight, "batch_size": batch_size, "validation_split": validation_split}
                refuse_beside_stream("fit", x, y=y, **of_arrays)
            data = given(self, x, y, sample_weight, "fit", nan, opened, class_weight, self._epochs_done)
            check_passes("fit: x", data, len(epochs_of_fit), steps_per_epoch, "steps_per_epoch")
            validation = validation_given(self, validation_data, validation_split, validation_batch_size, nan, opened)
            if validation is not None:
                validations = sum(validates(epoch, validation_freq) for epoch in epochs_of_fit)
                check_passes("fit: validation_data", validation, validations, validation_steps, "validation_steps")
            elif validation_split:
                assert isinstance(data, ArrayData)
                data, validation = split_last(data, validation_split, may_be_classes(self))
            if class_weight is not None and isinstance(data, ArrayData):  # after the split: validation is not weighted
                data.weight = class_weights(data.y, class_weight, data.weight, classes_of(self))
            total = None if steps_per_epoch is None else steps_per_epoch * len(epochs_of_fit)
            batch_size = size_of_batches("fit", self.network, data, batch_size, total, validation_split)
            if validation is not None:
                where, size = f"fit: validation_{'split' if validation_split else 'data'}", validation_batch_size or batch_size
                size = size_of_batches(where, self.network, validation, size, validation_steps, validation_split)
                validation_batch_size = size
            step, history = self._compiled_step(), History()
            if step.group.parameters != tuple(self.network.parameters):
                received = "a model whose parameters were replaced, added or removed after compile"
                raise StateError("fit", received, "the parameters it was compiled with", "model.compile(...) again")
            size = None if isinstance(data, StreamData) else batch_size or 32
            names = names_of_logs(step)
            params = {
                "epochs": epochs,
                "steps": steps_in_epoch(data, size, steps_per_epoch),
                "batch_size": size,
                "samples": len(data) if isinstance(data, ArrayData) else None,
                "validation_samples": len(validation) if isinstance(validation, ArrayData) else 0,
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
                        batch_size=size,
                        epochs=epochs_of_fit,
                        shuffle=shuffle,
                        stream=self._random_stream(),
                        epochs_done=self._epochs_done,
                        callbacks=CallbackList([self.progress_bar(verbose), *(callbacks or []), history], self, params),
                        nan=nan,
                        steps_per_epoch=steps_per_epoch,
                        validation_steps=validation_steps,
                        validation_freq=validation_freq,
                        validation_batch_size=validation_batch_size,
                    )
                finally:
                    self._epochs_done += len(history.epoch)
        return history

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int = 1,
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        *,
        return_dict: bool = False,
    ) -> Any:
        """Loss, or [loss, metrics...] where there are metrics, over all samples; a dictionary with ``return_dict``.

        ``batch_size`` is 128 where it is None, or what the model's ``Input`` says. x may be a stream of batches, as for
        ``fit``; ``steps`` are then how many.
        """
        self._check_compiled("evaluate")
        check_counts("evaluate", batch_size=batch_size, steps=steps)
        verbose = check_verbose("evaluate", verbose)
        check_callbacks("evaluate", callbacks)
        if is_stream(x):
            refuse_beside_stream("evaluate", x, y=y, sample_weight=sample_weight, batch_size=batch_size)
        with ExitStack() as opened:
            data = given(self, x, y, sample_weight, "evaluate", "warn", opened)
            size = size_of_batches("evaluate", self.network, data, batch_size, steps) or 128
            count, names = steps_in_epoch(data, size, steps), names_of_logs(self._compiled_step())
            params = {"steps": count, "batch_size": size, "verbose": verbose, "metrics": names}
            progress = self.pass_progress("evaluate", count, verbose)
            opened.enter_context(access.reading("evaluate", self.network))
            around = CallbackList(callbacks, self, params, "evaluate") if callbacks else None
            logs = loop.evaluate(self._compiled_step(), data, size, "", progress.update, steps, around)
        progress.finish(logs)
        return logs if return_dict else _in_list(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int = 0,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
    ) -> Any:
        """Outputs (n, ...) for x (n, ...) as a new NumPy array; n may be 0. Needs no ``compile``.

        A list of arrays for several outputs, a dictionary where the model was made with one. ``batch_size`` samples are
        computed together; None: what the model's ``Input`` says, else up to 1024, fewer where a layer's results are large.
        x may be a stream of batches; ``steps`` are then how many.
        """
        check_counts("predict", batch_size=batch_size, steps=steps)
        verbose = check_verbose("predict", verbose)
        check_callbacks("predict", callbacks)
        if self.network.input_shape is None:
            raise NotBuiltError(
                "predict", "a model without weights", "a built or trained model", "input_shape in the first layer"
            )
        data: Any
        if is_stream(x):
            refuse_beside_stream("predict", x, batch_size=batch_size)
            check = each_of_size(self.network, lambda x, y, w, where, nan: arrays(self, x, None, None, where, nan))
            data = StreamData(x, check, where="predict")
            data.nan = "ignore"
        else:
            data = arrays(self, x, None, None, "predict", "ignore")
            if self.network.declared_batch_size is not None:
                batch_size = size_of_batches("predict", self.network, data, batch_size, steps)
            if 0 < len(data) <= min(FEW, batch_size or FEW) and not verbose and not callbacks and steps is None:
                return self._predict_few(data)
            if batch_size is None:
                batch_size = len(data) if 0 < len(data) <= 32 else samples_at_once(self.network, data.sample_shape)
        network, _ = self._for_inference()
        count = steps_in_epoch(data, batch_size, steps)
        params: dict[str, Any] = {"steps": count, "batch_size": batch_size, "verbose": verbose, "metrics": []}
        progress = self.pass_progress("predict", count, verbose) if verbose else None
        with access.reading("predict", self.network):
            around = CallbackList(callbacks, self, params, "predict") if callbacks else None
            output = loop.predict(network, data, batch_size, progress and progress.update, steps, around)
        if progress:
            progress.finish({})
        return self._by_name(output)

    @np.errstate(all="ignore")
    def _predict_few(self, data: ArrayData) -> Any:
        """``predict`` of one batch, without the loop."""
        y = explain_out_of_memory(self._infer, len(data), "predict", data.whole([]).x)
        several, backend = isinstance(y, tuple), backends.current()
        results = [backend.to_numpy(part).copy() for part in (y if several else (y,))]  # a layer may give x itself
        return self._by_name(results if several else results[0])

    def train_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None, *, return_dict: bool = False
    ) -> Any:
        """One step on one batch; the batch's loss before the step, or [loss, metrics...]; a dictionary with ``return_dict``."""
        logs = self._on_batch(x, y, sample_weight, "train_on_batch", class_weight)
        return logs if return_dict else _in_list(logs)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, *, return_dict: bool = False) -> Any:
        """Loss, or [loss, metrics...], of one batch in inference mode; a dictionary with ``return_dict``."""
        logs = self._on_batch(x, y, sample_weight, "test_on_batch")
        return logs if return_dict else _in_list(logs)

    # -- how it is done ------------------------------------------------------------------------------------------------

    def _on_batch(self, x: Any, y: Any, sample_weight: Any, what: str, class_weight: Any = None) -> dict[str, Any]:
        self._check_compiled(what)
        data = targets(self, x, y, sample_weight, what, "warn")
        if self.network.declared_batch_size is not None:
            check_batch(what, self.network.declared_batch_size, len(data))
        if class_weight is not None:
            data.weight = class_weights(data.y, class_weight, data.weight, classes_of(self))
        step = self._compiled_step()
        with (access.training if what == "train_on_batch" else access.reading)(what, self.network):
            batch = explain_out_of_memory(data.whole, len(data), [])
            running, guard = loop.Running(step), WholeSteps()
            with guard.installed(), guard.step():
                running.add(0, batch, step.train(batch) if what == "train_on_batch" else step.test(batch))
        logs = running.logs()
        if what == "train_on_batch" and not abs(logs["loss"]) < float("inf"):
            message = "train_on_batch: the loss became NaN or infinite"
            warn(f"{message}; try a smaller learning rate, or look for what is not finite in the data.", NumericWarning)
        return logs

    def _compiled_step(self) -> Step:
        if self._step is None:
            assert self.loss is not None
            assert self.optimizer is not None
            names = tuple(self.output_names) if len(self.outputs) > 1 else ()
            self._step = Step(self.network, self.loss, self.optimizer, self._metrics, self._fuse, self._precision, names)
        return self._step

    def _random_stream(self) -> Stream:
        if self._stream is None:
            self._stream = new_stream()
        return self._stream

    def _check_compiled(self, what: str) -> None:
        if self.optimizer is None:
            fix = "model.compile(optimizer='adam', loss='categorical_crossentropy')"
            raise NotBuiltError(what, "a model that was not compiled", "a compiled model", fix)


def _in_list(logs: dict[str, Any]) -> Any:
    """The loss, or [loss, metrics...] where there are metrics."""
    return list(logs.values()) if len(logs) > 1 else logs["loss"]


register(Model)
