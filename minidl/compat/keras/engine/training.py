"""What models of Keras 2.1 do in other words than minidl's: compile, fit, evaluate, predict, generators, files, texts.

``Verbs`` translates arguments and data; the loops, the step and the files are minidl's. Keras 1's keywords are taken with a
notice that says how the call is written today.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, cast

import numpy as np

from minidl import callbacks as today
from minidl import config, models
from minidl.compat.keras import optimizers
from minidl.compat.keras.backend.settings import check_phase
from minidl.compat.keras.backend.tracing import refuse_values
from minidl.compat.keras.engine import files, given
from minidl.compat.keras.engine.beside import Added, Beside, NoLoss, values_of
from minidl.compat.keras.engine.fitting import Nobody, Plan, moments
from minidl.compat.keras.engine.generators import Batches, gives_batches
from minidl.compat.keras.engine.judging import as_written, lists_of, losses_of, metrics_of, of_outputs
from minidl.compat.keras.engine.orders import OrderOfBatches
from minidl.compat.keras.engine.places import asked_by_minidl, batch_size_of, batched, things_of
from minidl.compat.keras.engine.step import OldStep
from minidl.compat.keras.engine.table import print_summary
from minidl.compat.keras.engine.twins import twin_of
from minidl.compat.keras.layers.faces import face_within, old_symbols
from minidl.compat.keras.names import next_name
from minidl.compat.keras.progress import PassBar
from minidl.compat.keras.seeding import draw_seed
from minidl.compat.spelling import call_text, told
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, ShapeError, closest, described, warn
from minidl.layers.dropout import Dropout
from minidl.layers.noise import Noise
from minidl.layers.normalization import BatchNormalization
from minidl.layers.symbol import Symbol
from minidl.profile import KERAS_2_1
from minidl.training.nodes import leaves
from minidl.training.plan import samples_at_once
from minidl.training.running import names_of_logs


class Verbs(models.Model, abstract=True):
    """The methods of a model of Keras 2.1.

    Attributes:
        metrics_names: what ``evaluate`` gives, in its order.
    """

    progress_bar = Nobody
    unused_inputs = True  # a loss may read them

    def __call__(self, x: Any, mask: Any = None) -> Any:
        """As of every model."""
        refuse_values(self.name, x)
        return old_symbols(super().__call__(x, mask))

    @property
    def inputs(self) -> list[Symbol]:
        """The symbols of the inputs."""
        return cast(list[Symbol], old_symbols(super().inputs))

    @property
    def outputs(self) -> list[Symbol]:
        """The symbols of the results."""
        return cast(list[Symbol], old_symbols(super().outputs))

    # -- compile -------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        sample_weight_mode: Any = None,
        weighted_metrics: Any = None,
        target_tensors: Any = None,
        **old: Any,
    ) -> None:
        """Choose how to train. What is trainable now is what ``fit`` and ``train_on_batch`` will train.

        Args:
            optimizer: an optimizer or its name; one object may serve several models.
            loss: a name or loss; a list or dictionary of them for several outputs.
            metrics: a list of names and metrics for every output; a dictionary by name.
            loss_weights: numbers, for several outputs.
            sample_weight_mode: changes nothing: the weights themselves show whether they are of samples or time steps.
            weighted_metrics: metrics in which samples count by their weights.
            target_tensors: refused.
            old: ``class_mode`` of Keras 0, which changes nothing.
        """
        class_mode = old.pop("class_mode", None)
        if class_mode is not None:
            self._told("compile", {"class_mode": class_mode}, {"metrics": ["accuracy"]})
        _no_more("compile", old, "optimizer, loss, metrics, loss_weights, sample_weight_mode, weighted_metrics")
        if target_tensors is not None:
            raise ArgumentTypeError("compile", "target_tensors", "targets given to fit as arrays", "fit(x, y)")
        draw_seed()
        if self.network.input_shape is None:
            self._compile_later(optimizer, loss, metrics)
            return
        outputs = self.output_names
        with config.use_profile(KERAS_2_1):
            made = losses_of(loss, outputs, self._has_other_losses())
            of_losses = made if len(outputs) > 1 else [made]
            chosen = metrics_of(metrics, weighted_metrics, of_losses, outputs)
            optimizer = optimizers.get(optimizer)
            steps = optimizer.iterations
            if optimizer is not self.optimizer and optimizer._group is not None:
                optimizer = twin_of(optimizer)
            weights = self._loss_weights(loss_weights, outputs)
            super().compile(optimizer, made, chosen, weights)
            optimizer.iterations = steps  # the optimizer's own, whatever model it trains
        written = metrics if len(outputs) == 1 or metrics is None else lists_of(metrics, outputs, "metrics")
        self.compile_arguments |= {"loss": as_written(loss), "metrics": as_written(written), "loss_weights": weights}
        self.loss_weights, self.sample_weight_mode, self.weighted_metrics = loss_weights, sample_weight_mode, weighted_metrics

    def _compile_later(self, optimizer: Any, loss: Any, metrics: Any) -> None:
        """For a model whose shapes only the data will tell: minidl's own choice of metrics."""
        with config.use_profile(KERAS_2_1):
            made = losses_of(loss, ["output"])
            super().compile(optimizers.get(optimizer), made, metrics_of(metrics, None, [made], ["output"]))

    def _loss_weights(self, weights: Any, outputs: Sequence[str]) -> Any:
        if weights is None or len(outputs) > 1:
            return weights
        (weight,) = of_outputs(weights, outputs, "loss_weights")
        if weight in (None, 1, 1.0):
            return None
        raise ArgumentError("compile", f"loss_weights={weights!r} for one output", "none", "a learning rate in their place")

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Numbers computed with results of layers, one or a list, that are added to the loss; before ``compile``."""
        added = [*self._added(), *values_of(losses)]
        Added(added)
        self._added_losses = added

    def _added(self) -> list[Any]:
        return list(vars(self).get("_added_losses") or ())

    def _has_other_losses(self) -> bool:
        """Whether the loss has parts that are no output's: of ``add_loss``, or of layers."""
        within = leaves(self.network)
        return bool(self._added()) or any(
            getattr(layer, "activity_regularizer", None) is not None or getattr(layer, "announces_2_1", False)
            for layer in within
        )

    @property
    def _is_untrained(self) -> bool:
        """Whether no output has a loss, so that there are no targets."""
        return self.loss is not None and all(isinstance(self.loss.part(i), NoLoss) for i in range(len(self.network.outputs)))

    def _compiled_step(self) -> OldStep:
        if self._step is None:
            assert self.loss is not None
            names = tuple(self.output_names) if len(self.outputs) > 1 and not self._is_untrained else ()
            shapes = [symbol.shape for symbol in self.network.outputs]
            beside = Beside(self.network, self.loss, self._added(), shapes)
            of_all = self.network, self.loss, self.optimizer, self._metrics, self._fuse, self._precision, names
            self._step = OldStep(*of_all, beside=beside if beside.anything else None)
        assert isinstance(self._step, OldStep)
        return self._step

    @property
    def metrics_names(self) -> list[str]:
        """``["loss", "acc"]``: what ``evaluate`` and ``train_on_batch`` give, in this order."""
        self._check_compiled("metrics_names")
        return names_of_logs(self._compiled_step())

    # -- fit -----------------------------------------------------------------------------------------------------------

    def _check_compiled(self, what: str) -> None:
        super()._check_compiled(what)
        if what.startswith(("fit", "train", "evaluate", "test")):  # and not what only reads
            check_phase(what, training=what.startswith(("fit", "train")))

    def fit(  # type: ignore[override]
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        epochs: Any = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: Any = None,
        validation_steps: Any = None,
        **old: Any,
    ) -> Any:
        """Train on arrays or lists.

        Args:
            x, y: arrays, lists of numbers; lists or dictionaries of arrays for several inputs or outputs.
            batch_size: samples of a step, 32 where it is None.
            epochs: train up to this epoch (from ``initial_epoch``).
            verbose: 1 a bar, 2 a line per epoch, 0 nothing.
            callbacks: of ``keras.callbacks``.
            validation_split: this part of the samples, the last ones as they stand, is held back.
            validation_data: (x, y) or (x, y, sample_weight) instead.
            shuffle: a new order in every epoch; ``"batch"``: of the batches, whose samples stay together.
            class_weight: {class: weight}, where there is no ``sample_weight``.
            sample_weight: a weight for each sample or time step.
            steps_per_epoch, validation_steps: batches in an epoch, and of a validation.
            old: ``nb_epoch`` and ``show_accuracy`` of Keras 1 and 0.

        Returns the History.
        """
        epochs = self._keras_1("fit", old, {"nb_epoch": "epochs"}).get("epochs", epochs)
        self._show_accuracy("fit", old)
        _no_more("fit", old, "x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle")
        self._check_compiled("fit")
        arrays = self._arrays(x, y, sample_weight, class_weight, "fit")
        validation = self._validation(validation_data, "fit: validation_data")
        if validation is None and validation_split:
            arrays, validation = self._split(arrays, validation_split)
        size, epochs, steps = int(batch_size or 32), _whole("epochs", epochs), _steps(steps_per_epoch)
        self._check_batches("fit", arrays[0], size)
        if validation is not None:
            self._check_batches("fit: validation_data", validation[0], size)
        count, verbose = given.rows_of(arrays[0]), int(verbose)
        if verbose and validation is not None:
            print(f"Train on {count} samples, validate on {given.rows_of(validation[0])} samples")
        params = self._params(epochs, verbose, validation is not None, False)
        params |= {"batch_size": None if steps else size, "steps": steps, "samples": count, "nb_sample": count}
        plan = Plan(params, steps or count, None if steps else count, size, None, self._for_callbacks(validation))
        before, self._order = vars(self).get("_order"), size if shuffle == "batch" else None
        try:
            return self._fit(plan, callbacks, arrays, batch_size=size, epochs=epochs, shuffle=bool(shuffle),
                             validation_data=validation, initial_epoch=int(initial_epoch), steps_per_epoch=steps,
                             validation_steps=_steps(validation_steps))  # fmt: skip
        finally:
            self._order = before

    def _fit(self, plan: Plan, callbacks: Any, arrays: Sequence[Any], **options: Any) -> Any:
        callbacks = _callbacks(callbacks)
        own = [callback for callback in callbacks if isinstance(callback, today.Callback)]
        told = moments([callback for callback in callbacks if callback not in own], self, plan)
        x, y, weight = (*arrays, None, None)[:3]
        with config.use_profile(KERAS_2_1):
            super().fit(x, y, sample_weight=weight, verbose=0, callbacks=[*own, told], **options)
        self.history = told.history  # type: ignore[assignment]
        return told.history

    def _params(self, epochs: int, verbose: int, validates: bool, always: bool) -> dict[str, Any]:
        """What callbacks know; Keras 1's names are among it."""
        names = self.metrics_names
        metrics = [*names, *(f"val_{name}" for name in names if validates or always)]
        numbers = {"epochs": epochs, "nb_epoch": epochs, "verbose": verbose}
        return {**numbers, "do_validation": validates, "metrics": metrics}

    def _for_callbacks(self, validation: Any) -> Any:
        """What callbacks find as ``validation_data``: a list of all inputs, targets and weights."""
        if validation is None:
            return None
        x, y, weight = validation
        xs, ys = (part if isinstance(part, list) else [part] for part in (x, y))
        weights = weight if isinstance(weight, list) else [weight]
        ones = [np.ones(len(target), "float32") if w is None else w for target, w in zip(ys, weights * len(ys))]
        return [*xs, *ys, *ones, *([0.0] if self.uses_learning_phase else [])]

    # -- evaluate and predict ------------------------------------------------------------------------------------------

    def evaluate(  # type: ignore[override]
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Any = None,
        verbose: Any = 1,
        sample_weight: Any = None,
        steps: Any = None,
        **old: Any,
    ) -> Any:
        """Loss, or [loss, metrics ...], over all samples; see ``metrics_names``."""
        self._show_accuracy("evaluate", old)
        _no_more("evaluate", old, "x, y, batch_size, verbose, sample_weight, steps")
        self._check_compiled("evaluate")
        xs, ys, weight = self._arrays(x, y, sample_weight, None, "evaluate")
        size = self._size(batch_size) or 128
        self._check_batches("evaluate", xs, size)
        self._shown = self._pass_bar(xs, batch_size, size, steps, verbose)
        return super().evaluate(xs, ys, size, 0, weight, _steps(steps))

    def predict(self, x: Any, batch_size: Any = None, verbose: Any = 0, steps: Any = None) -> Any:  # type: ignore[override]
        """Outputs (n, ...) for x; a list of arrays for several outputs."""
        check_phase("predict", training=False)
        xs = self._inputs(x, "predict")
        size = self._size(batch_size)
        if size is not None and given.rows_of(xs) > size:
            self._check_batches("predict", xs, size)
        if size is None and verbose == 1:
            size = max(samples_at_once(self.network) // 32 * 32, 32)  # the bar counts whole batches of Keras 2.1
        self._shown = self._pass_bar(xs, batch_size, size, steps, verbose)
        return super().predict(xs, size, int(verbose == 1), _steps(steps))

    def pass_progress(self, what: str, steps: int | None, verbose: int) -> Any:
        """The bar that was made for this call."""
        return self._shown

    def _pass_bar(self, xs: Any, batch_size: Any, size: int | None, steps: Any, verbose: Any) -> PassBar:
        if steps is not None:
            return PassBar(int(steps), None, verbose)
        return PassBar(given.rows_of(xs), size, verbose, 32 if batch_size is None else None)

    def _size(self, batch_size: Any) -> int | None:
        """Samples of a batch: 32 where states go on from batch to batch; None where it makes no difference."""
        if batch_size is not None:
            return int(batch_size)
        return 32 if self.network.carried() or self._samples() else None

    def _samples(self) -> int | None:
        """How many samples a batch has to have, where a layer's function says a number."""
        found = (getattr(layer, "samples_2_1", None) for layer in leaves(self.network))
        return next((count for count in found if count is not None), None)

    def _check_batches(self, where: str, xs: Any, size: int) -> None:
        """Raise ShapeError, before anything is trained, where a batch would not have the samples that a layer needs."""
        if not (self.network.carried() or self._samples()):
            return
        count, needed = given.rows_of(xs), self._samples()
        if needed is not None and size != needed:
            raise ShapeError(
                where, f"batches of {size} samples", f"{needed}, which a layer's function says", f"batch_size={needed}"
            )
        if count % size:
            received = f"{count} samples in batches of {size}, of which the last would be smaller"
            raise ShapeError(
                where,
                received,
                "a whole number of batches",
                f"the first {count // size * size} samples: x[:{count // size * size}]",
            )

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None, **old: Any) -> Any:
        """One step on one batch; its loss before the step, or [loss, metrics ...]."""
        self._show_accuracy("train_on_batch", old)
        _no_more("train_on_batch", old, "x, y, sample_weight, class_weight")
        self._check_compiled("train_on_batch")
        xs, ys, weight = self._arrays(x, y, sample_weight, class_weight, "train_on_batch")
        return super().train_on_batch(xs, ys, weight)

    def test_on_batch(self, x: Any, y: Any, sample_weight: Any = None, **old: Any) -> Any:
        """Loss, or [loss, metrics ...], of one batch in inference mode."""
        self._show_accuracy("test_on_batch", old)
        _no_more("test_on_batch", old, "x, y, sample_weight")
        self._check_compiled("test_on_batch")
        xs, ys, weight = self._arrays(x, y, sample_weight, None, "test_on_batch")
        return super().test_on_batch(xs, ys, weight)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch."""
        check_phase("predict_on_batch", training=False)
        return super().predict_on_batch(self._inputs(x, "predict_on_batch"))

    # -- generators ----------------------------------------------------------------------------------------------------

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: Any = None,
        epochs: Any = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: Any = None,
        class_weight: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        shuffle: Any = True,
        initial_epoch: int = 0,
        **old: Any,
    ) -> Any:
        """Train on batches (x, y) or (x, y, sample_weight) of a generator or a ``keras.utils.Sequence``.

        Args:
            generator: gives batches without end, or is a Sequence.
            steps_per_epoch: batches in an epoch; of a Sequence all.
            validation_data: arrays, or a generator with ``validation_steps``.
            max_queue_size, workers, use_multiprocessing: change nothing: batches are made when they are needed.
            shuffle: a new order of a Sequence's batches in every epoch.
            old: words of Keras 1: ``samples_per_epoch``, ``nb_epoch``, ``nb_val_samples``, ``max_q_size``, ``nb_worker`` and
                ``pickle_safe``; numbers of samples become numbers of batches.
        """
        batches, given_batches = Batches(self, generator, class_weight, "fit_generator"), None
        if validation_data is not None and gives_batches(validation_data):
            given_batches = Batches(self, validation_data, None, "fit_generator: validation_data")
        samples = {"samples_per_epoch": "steps_per_epoch", "nb_val_samples": "validation_steps"}
        counted = {"samples_per_epoch": batches, "nb_val_samples": given_batches}
        found = self._keras_1("fit_generator", old, {**samples, "nb_epoch": "epochs", **_QUEUE_1}, counted)
        self._show_accuracy("fit_generator", old)
        old.pop("nb_val_worker", None)
        _no_more("fit_generator", old, "generator, steps_per_epoch, epochs, verbose, callbacks, validation_data")
        self._check_compiled("fit_generator")
        epochs = _whole("epochs", found.get("epochs", epochs))
        steps = batches.count(_steps(found.get("steps_per_epoch", steps_per_epoch)), "steps_per_epoch")
        options = {"epochs": epochs, "initial_epoch": int(initial_epoch), "shuffle": bool(shuffle)}
        options["steps_per_epoch"] = batches.in_passes(steps)
        if given_batches is not None:
            of_validation = _steps(found.get("validation_steps", validation_steps))
            options["validation_steps"] = given_batches.count(of_validation, "validation_steps")
            validation, for_callbacks = given_batches.source(), None
        else:
            validation = self._validation(validation_data, "fit_generator: validation_data")
            for_callbacks = self._for_callbacks(validation)
        params = {**self._params(epochs, int(verbose), validation is not None, True), "steps": steps}
        plan = Plan(params, steps, None, None, batches, for_callbacks)
        return self._fit(plan, callbacks, [batches.source()], validation_data=validation, **options)

    def evaluate_generator(
        self,
        generator: Any,
        steps: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        **old: Any,
    ) -> Any:
        """Loss, or [loss, metrics ...], over ``steps`` batches; of Keras 1 ``val_samples``, a number of samples."""
        self._check_compiled("evaluate_generator")
        batches = Batches(self, generator, None, "evaluate_generator")
        steps = self._generator_steps("evaluate_generator", steps, batches, old)
        self._show_accuracy("evaluate_generator", old)
        old.pop("verbose", None)
        _no_more("evaluate_generator", old, "generator, steps, max_queue_size, workers, use_multiprocessing")
        self._shown = PassBar(steps, None, 0)
        return super().evaluate(batches.source(), steps=steps, verbose=0)

    def predict_generator(
        self,
        generator: Any,
        steps: Any = None,
        max_queue_size: int = 10,
        workers: int = 1,
        use_multiprocessing: bool = False,
        verbose: Any = 0,
        **old: Any,
    ) -> Any:
        """Outputs for ``steps`` batches of x, (x, y) or (x, y, sample_weight)."""
        check_phase("predict_generator", training=False)
        batches = Batches(self, generator, None, "predict_generator", only_x=True)
        steps = self._generator_steps("predict_generator", steps, batches, old)
        _no_more("predict_generator", old, "generator, steps, max_queue_size, workers, use_multiprocessing, verbose")
        self._shown = PassBar(steps, None, verbose)
        return super().predict(batches.source(), None, int(verbose == 1), steps)

    def _generator_steps(self, verb: str, steps: Any, batches: Batches, old: dict[str, Any]) -> int:
        found = self._keras_1(verb, old, {"val_samples": "steps", **_QUEUE_1}, {"val_samples": batches})
        return batches.count(_steps(found.get("steps", steps)), "steps")

    # -- data ----------------------------------------------------------------------------------------------------------

    def _inputs(self, x: Any, where: str) -> Any:
        if self.network.input_shape is None:  # which the data tell
            (only,) = given.columns(x, ["x"], f"{where}: x")
            self.network.ensure_built(tuple(only.shape[1:]))
            return only
        if type(x) is np.ndarray and x.ndim > 1 and x.dtype.kind in "fiub":  # as nearly all scripts have it
            return x
        return given.one_or_list(given.columns(x, self.input_names, f"{where}: x"))

    def _arrays(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, where: str) -> tuple[Any, Any, Any]:
        """x, y and weights for minidl's verbs."""
        xs = self._inputs(x, where)
        if y is None and self._is_untrained:
            y = np.zeros((given.rows_of(xs), 1), "float32")  # which nobody looks at
            y = [y] * len(self.network.outputs) if len(self.network.outputs) > 1 else y
            weights = given.weights_of(sample_weight, self.output_names, f"{where}: sample_weight")
            return xs, y, None if all(w is None for w in weights) else given.one_or_list(weights)
        if y is None:
            raise ArgumentTypeError(f"{where}: y", "None", "targets, one entry per sample")
        names = self.output_names
        if type(y) is np.ndarray and y.ndim > 1 and y.dtype.kind in "fiub" and sample_weight is None and class_weight is None:
            return xs, y, None
        ys = given.columns(y, names, f"{where}: y", optional=True)
        weights = given.weights_of(sample_weight, names, f"{where}: sample_weight")
        if class_weight is not None:
            of_classes = given.class_weights_of(class_weight, names)
            if not any(of_classes):
                message = f"{where}: class_weight is {described(class_weight)}, which Keras 2.1 did not look at"
                warn(f"{message}; a dictionary {{class: weight}} has an effect.", DataWarning)
            weights = [w if t is None else given.weighted(t, w, c, where) for t, w, c in zip(ys, weights, of_classes)]
        weight = None if all(w is None for w in weights) else given.one_or_list(weights)
        return xs, given.one_or_list(ys), weight

    def _validation(self, data: Any, where: str) -> Any:
        if data is None or (isinstance(data, (list, tuple)) and not data):
            return None
        if self._is_untrained and hasattr(data, "shape"):
            data = (data, None)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ArgumentTypeError(where, described(data), "(x, y) or (x, y, sample_weight)")
        x, y, weight = (*data, None)[:3]
        return self._arrays(x, y, weight, None, where)

    def _split(self, arrays: tuple[Any, Any, Any], part: float) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
        """The first samples, and the last ``part`` of them, as they stand."""
        count = given.rows_of(arrays[0])
        cut = int(count * (1.0 - part))
        if not 0 < part < 1 or not 0 < cut < count:
            received = f"validation_split={part!r} of {count} samples"
            raise ArgumentError("fit", received, "at least one sample in each part", "validation_split=0.2")
        first, last = (tuple(_cut(column, where) for column in arrays) for where in (slice(0, cut), slice(cut, None)))
        return first, last

    def _random_stream(self) -> Any:
        stream, size = super()._random_stream(), vars(self).get("_order")
        return stream if size is None else OrderOfBatches(stream, size)

    # -- old words -----------------------------------------------------------------------------------------------------

    def _keras_1(
        self, verb: str, old: dict[str, Any], names: Mapping[str, str], of: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Keywords of Keras 1 as those of 2.1, with one notice; numbers of samples become numbers of batches."""
        found, given_old = {}, {name: old.pop(name) for name in names if name in old}
        for name, value in given_old.items():
            batches = (of or {}).get(name)
            found[names[name]] = value if batches is None or value is None else batches.steps_for(value)
        if given_old:
            self._told(verb, given_old, {name: found[name] for name in found if name not in _CHANGES_NOTHING})
        return found

    def _told(self, verb: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        before = call_text(f"model.{verb}", ("...",), old).replace("'...'", "...")
        told(before, call_text(f"model.{verb}", ("...",), new).replace("'...'", "..."))

    def _show_accuracy(self, verb: str, old: dict[str, Any]) -> None:
        """``show_accuracy=True`` of Keras 0 in a verb: the accuracy joins the metrics."""
        wanted = {name: old.pop(name) for name in ("show_accuracy", "accuracy") if name in old}
        if not any(wanted.values()):
            return
        self._told("compile", {}, {"metrics": ["accuracy"]})
        if "acc" in self.metrics_names:
            return
        step, loss = self._compiled_step(), self.loss
        assert loss is not None
        chosen = metrics_of(["accuracy"], None, [loss.part(i) for i in range(len(self.outputs))], self.output_names)
        if len(self.outputs) > 1:
            chosen = [(index, metric) for index, of_output in enumerate(chosen) for metric in of_output]
        self._metrics += chosen
        for metric in chosen:
            step.metrics.append(metric)
            index, metric = metric if isinstance(metric, tuple) else (0, metric)
            step.judged[index].metrics.append(metric)

    # -- its parts -----------------------------------------------------------------------------------------------------

    @property
    def _sample_shape(self) -> Any:
        return self.network.output_shape(self.network.input_shape)

    @property
    def input_shape(self) -> Any:
        """With the batch axis: (None, 784); a list of shapes for several inputs; None before it is known. minidl's own modules,
        which read it too, get it without."""
        shape = self.network.input_shape
        return shape if shape is None or asked_by_minidl() else batched(shape, batch_size_of(self.network))

    @property
    def output_shape(self) -> Any:
        """With the batch axis: (None, 10); a list of shapes for several outputs; for minidl's own modules without."""
        self._check_built("output_shape")
        return self._sample_shape if asked_by_minidl() else batched(self._sample_shape, batch_size_of(self.network))

    @property
    def layers(self) -> list[Any]:
        """The layers; in a graph its inputs too. The same list each time: what is taken off it stays off it."""
        if vars(self).get("_layers_2_1") is None:
            self._layers_2_1: list[Any] | None = self._things()
        assert self._layers_2_1 is not None
        return self._layers_2_1

    def _things(self) -> list[Any]:
        return things_of(self)

    def _forget_layers(self) -> None:
        self._layers_2_1 = None

    @property
    def built(self) -> bool:
        """Whether the shapes are known."""
        return self.network.input_shape is not None

    @property
    def trainable_weights(self) -> list[Any]:
        """The parameters that are trainable now."""
        return [p for p in self.network.parameters if p.trainable]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """All other weights."""
        trainable = set(self.trainable_weights)
        return [p for p in self.network.weights if p not in trainable]

    @property
    def losses(self) -> list[float]:
        """The penalties of the weights, as they are now."""
        return [float(p.regularizer.value(p.value)) for p in self.network.parameters if p.regularizer is not None]

    @property
    def stateful(self) -> bool:
        """Whether states go on from batch to batch."""
        return bool(self.network.carried())

    @property
    def uses_learning_phase(self) -> bool:
        """Whether a layer does something else in training."""
        return any(isinstance(layer, _OF_TRAINING) for layer in leaves(self.network))

    def _count_trainable(self) -> tuple[int, int]:
        """Weights that training changes, as ``compile`` decided or as is set now, and those that are frozen now."""
        step = self._step
        collected = self.trainable_weights if step is None else step.collected  # type: ignore[attr-defined]
        return sum(p.size for p in collected), sum(p.size for p in self.non_trainable_weights)

    # -- texts and files -----------------------------------------------------------------------------------------------

    def summary(self, line_length: Any = None, positions: Any = None, print_fn: Any = print) -> None:  # type: ignore[override]
        """Print the table of the layers, a call of ``print_fn`` for each line."""
        self._check_built("summary")
        print_summary(self, line_length, positions, print_fn)

    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write the whole model to a file of any name, in minidl's own format; see ``load_model``."""
        if not files.may_be_written(filepath, overwrite):
            return
        optimizer = self.optimizer
        try:
            self.optimizer = optimizer if include_optimizer else None
            super().save(filepath)
        finally:
            self.optimizer = optimizer

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write all weights to a file of any name, in minidl's own format."""
        if files.may_be_written(filepath, overwrite):
            super().save_weights(filepath)

    def load_weights(self, filepath: Any, by_name: bool = False) -> None:  # type: ignore[override]
        """Read weights by their order, or by the names of their layers. Raises CheckpointError for what does not fit."""
        files.refuse_hdf5(filepath, "load_weights", "model.save_weights")
        if by_name:
            super().load_weights(filepath, by_name=True)
            return
        self._check_built("load_weights")
        files.load_in_order(self.network, filepath)

    def to_yaml(self, **options: Any) -> str:
        """The configuration as YAML, for ``model_from_yaml``: a JSON text, which is YAML too."""
        return json.dumps(json.loads(self.to_json()), indent=2)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model of the same layers with new weights."""
        model = super().from_config(config, custom_objects)
        _face_within(model)
        return model

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_added_losses": None, **dict.fromkeys(_NOT_COPIED)}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        kept = {name: vars(self).pop(name, None) for name in ("_added_losses", *_NOT_COPIED)}
        try:
            return super().__deepcopy__(memo)
        finally:
            vars(self).update(kept)


class Model(Verbs, models.Model, abstract=True):
    """minidl's ``Model`` as Keras 2.1 has it.

    Args:
        inputs, outputs: a symbol or a list of them; Keras 1 called them ``input`` and ``output``.
        name: by default ``model_1``, ``model_2`` ...
    """

    written_as = models.Model

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None, **old: Any) -> None:
        given_old = {key: old.pop(key) for key in ("input", "output") if key in old}
        _no_more("Model", old, "inputs, outputs, name")
        if given_old:
            told("Model(input=..., output=...)", "Model(inputs, outputs)")
        inputs, outputs = given_old.get("input", inputs), given_old.get("output", outputs)
        if inputs is None or outputs is None:
            raise ArgumentTypeError("Model", f"no {'inputs' if inputs is None else 'outputs'}", "symbols", "Model(x, y)")
        refuse_values("Model: outputs", outputs)
        super().__init__(inputs, outputs, name=name or next_name("Model"))
        _face_within(self)


def slice_X(X: Any, start: Any = None, stop: Any = None) -> Any:
    """``X[start:stop]`` of an array, or of each in a list; ``X[start]`` where ``start`` is a list of indices.

    >>> slice_X([np.arange(3), np.arange(4)], 1, 3)
    [array([1, 2]), array([1, 2])]
    """
    if isinstance(X, list):
        return [slice_X(part, start, stop) for part in X]
    return X[np.asarray(start)] if hasattr(start, "__len__") else X[start:stop]


_slice_arrays = slice_X  # its name in Keras 2


def faced(model: Any) -> Any:
    """A model of minidl as one of Keras 2.1, sharing everything; the models within it too."""
    if isinstance(model, Verbs):
        return model
    cls = next(c for c in _faces(Verbs) if vars(c).get("written_as") is type(model))
    other: Any = object.__new__(cls)
    vars(other).update(vars(model))
    if cls is not Model:
        other._first = None
    _face_within(other)
    return other


def _faces(cls: Any) -> list[Any]:
    return [found for below in cls.__subclasses__() for found in (below, *_faces(below))]


def _face_within(model: Any) -> None:
    face_within(model.network)
    within = getattr(model.network, "models", {})
    for layer, inner in list(within.items()):
        within[layer] = faced(inner)


def _callbacks(given_callbacks: Any) -> list[Any]:
    if given_callbacks is None:
        return []
    if not isinstance(given_callbacks, (list, tuple)):
        received = described(given_callbacks)
        raise ArgumentTypeError("fit: callbacks", received, "a list", "callbacks=[EarlyStopping()]")
    return [callback for callback in given_callbacks if callback is not None]


def _cut(column: Any, where: slice) -> Any:
    if isinstance(column, list):
        return [_cut(part, where) for part in column]
    return None if column is None else column[where]


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or value != int(value):
        raise ArgumentTypeError("fit", f"{name}={value!r}", "a whole number")
    return int(value)


def _steps(value: Any) -> int | None:
    """A number of batches; parts of one count as one, as where a script divides without rounding."""
    return None if value is None else max(ceil(value), 0)


def _no_more(verb: str, old: Mapping[str, Any], known: str) -> None:
    for name in old:
        expected = f"the arguments {known}"
        raise ArgumentTypeError(verb, f"the keyword {name!r}", expected, meant=closest(name, known.split(", ")))


_NOT_COPIED = ("_layers_2_1", "_places_2_1", "_shown")
_QUEUE_1 = {"max_q_size": "max_queue_size", "nb_worker": "workers", "pickle_safe": "use_multiprocessing"}
_CHANGES_NOTHING = tuple(_QUEUE_1.values())
_OF_TRAINING = (Dropout, Noise, BatchNormalization)
