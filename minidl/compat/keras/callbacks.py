"""``keras.callbacks`` of Keras 2.1: what a script may be told while it trains, with the arguments, texts and logs of then.

Callbacks here are not those of ``minidl.callbacks``: ``engine/fitting.py`` calls their moments as that version did.
"""

from __future__ import annotations

import csv
import inspect
import math
import os
import warnings
from collections.abc import Callable as Function
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import callbacks as today
from minidl.compat.keras.progress import Progbar
from minidl.errors import ArgumentError, ArgumentTypeError, DataWarning, StateError, warn

__all__ = [
    "BaseLogger",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "TensorBoard",
    "TerminateOnNaN",
]
Logs = dict[str, Any]


class Callback:
    """Base of callbacks; override the moments you care about.

    Attributes:
        model: the model that is trained.
        params: ``batch_size``, ``epochs``, ``steps``, ``samples``, ``verbose``, ``do_validation``, ``metrics``;
            Keras 1 called two of them ``nb_epoch`` and ``nb_sample``.
        validation_data: [x ..., targets ..., weights ...] of a validation on arrays, else None.
    """

    model: Any = None
    params: Any = None
    validation_data: Any = None

    def set_params(self, params: Any) -> None:
        """Before the first moment."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Before the first moment."""
        self.model = model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch, with the means of loss and metrics, and with ``val_`` in front those of validation."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a step, with ``batch`` and ``size``."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step, with ``batch``, ``size``, and loss and metrics of this batch alone."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """After the last epoch."""


class CallbackList:
    """Several callbacks as one."""

    def __init__(self, callbacks: Iterable[Any] | None = None, queue_length: int = 10) -> None:
        self.callbacks, self.queue_length = list(callbacks or ()), queue_length

    def append(self, callback: Any) -> None:
        """One more."""
        self.callbacks.append(callback)

    def __iter__(self) -> Any:
        return iter(self.callbacks)

    def set_params(self, params: Any) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.set_model(model)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, {} if logs is None else logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_batch_begin(batch, {} if logs is None else logs)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_batch_end(batch, {} if logs is None else logs)

    def on_train_begin(self, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_train_begin({} if logs is None else logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_train_end({} if logs is None else logs)


class History(Callback):
    """What ``fit`` returns: ``history.history["loss"]`` has one value per epoch."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Start anew."""
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Append the epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class BaseLogger(Callback):
    """The means of an epoch, put into its logs; training does so without it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the sums."""
        self.seen, self.totals = 0, dict[str, Any]()

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Add a batch."""
        logs = logs or {}
        size = logs.get("size", 0)
        self.seen += size
        for name, value in logs.items():
            self.totals[name] = self.totals.get(name, 0) + value * size

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Put the means where others find them."""
        if logs is not None:
            logs |= {name: self.totals[name] / self.seen for name in self.params["metrics"] if name in self.totals}


class TerminateOnNaN(Callback):
    """End training where a batch's loss is NaN or infinite."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class ProgbarLogger(Callback):
    """The bar that ``fit(verbose=1)`` shows.

    Args:
        count_mode: whether ``"samples"`` or ``"steps"`` are counted.
    """

    def __init__(self, count_mode: str = "samples") -> None:
        if count_mode not in ("samples", "steps"):
            raise ArgumentError("ProgbarLogger", f"count_mode={count_mode!r}", "'samples' or 'steps'")
        self.use_steps = count_mode == "steps"

    def on_train_begin(self, logs: Any = None) -> None:
        """Look how much is to be shown."""
        self.verbose, self.epochs = self.params["verbose"], self.params["epochs"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Name the epoch and begin a bar."""
        self.seen, self.target = 0, self.params["steps" if self.use_steps else "samples"]
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.epochs}")
            self.progbar = Progbar(self.target, verbose=self.verbose)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Forget the values of the batch before."""
        if self.target is None or self.seen < self.target:
            self.log_values: list[tuple[str, Any]] = []

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Go on; the last batch is left to the end of the epoch."""
        logs = logs or {}
        self.seen += 1 if self.use_steps else logs.get("size", 0)
        self.log_values += [(name, logs[name]) for name in self.params["metrics"] if name in logs]
        if self.verbose and (self.target is None or self.seen < self.target):
            self.progbar.update(self.seen, self.log_values)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """The last line."""
        if self.verbose:
            found = [(name, logs[name]) for name in self.params["metrics"] if logs and name in logs]
            self.progbar.update(self.seen, self.log_values + found, force=True)


class _Watching(Callback):
    """Base of those who wait for a better number.

    Without ``mode`` names with "acc" in them are better when larger, all others when smaller.
    """

    upwards: tuple[str, ...] = ("acc",)

    def __init__(self, monitor: str, mode: str) -> None:
        self.monitor, self.mode = monitor, mode
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode {mode} is unknown, fallback to auto mode.", RuntimeWarning, stacklevel=3)
            self.mode = "auto"
        rises = self.mode == "max" or (self.mode == "auto" and any(part in monitor for part in self.upwards))
        self.monitor_op: Any = np.greater if rises else np.less
        self.best: Any = self._worst()

    def _worst(self) -> float:
        return -math.inf if self.monitor_op is np.greater else math.inf

    def _missing(self, what: str, logs: Any) -> None:
        text = f"{what} conditioned on metric `{self.monitor}` which is not available. Available metrics are: {','.join(logs)}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)


class ModelCheckpoint(_Watching):
    """Save the model after every epoch, or whenever ``monitor`` is better than ever.

    Args:
        filepath: the file; fields such as ``{epoch:02d}`` and ``{val_acc:.2f}`` are filled in.
        monitor, mode, save_best_only: with ``save_best_only`` only where ``monitor`` is better than it ever was.
        verbose: 1 prints a line for each file.
        save_weights_only: write with ``save_weights``, not with ``save``.
        period: epochs from one file to the next.
    """

    upwards = ("acc", "fmeasure")

    def __init__(
        self,
        filepath: str,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        period: int = 1,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath, self.verbose, self.period = os.fspath(filepath), verbose, period
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.epochs_since_last_save = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save where it is time for it."""
        logs = logs or {}
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            received, expected = f"the field {error} in filepath={self.filepath!r}", f"epoch, {', '.join(logs)}"
            raise ArgumentError("ModelCheckpoint", received, expected) from None
        text = f"saving model to {path}"
        if self.save_best_only:
            current = logs.get(self.monitor)
            if current is None:
                message = f"Can save best model only with {self.monitor} available, skipping."
                warnings.warn(message, RuntimeWarning, stacklevel=2)
                return
            if not self.monitor_op(current, self.best):
                self._say(f"Epoch {epoch + 1:05d}: {self.monitor} did not improve")
                return
            text = f"{self.monitor} improved from {self.best:0.5f} to {current:0.5f}, {text}"
            self.best = current
        self._say(f"Epoch {epoch + 1:05d}: {text}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _say(self, text: str) -> None:
        if self.verbose > 0:
            print(text)


class EarlyStopping(_Watching):
    """End training where ``monitor`` has not improved for ``patience`` epochs.

    Args:
        monitor, mode: what is watched, and which direction is better.
        min_delta: improvements up to this size do not count.
        patience: epochs without improvement, after which training ends.
        verbose: 1 prints a line at the end.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto"
    ) -> None:
        super().__init__(monitor, mode)
        self.patience, self.verbose = patience, verbose
        self.min_delta = min_delta if self.monitor_op is np.greater else -min_delta
        self.wait = self.stopped_epoch = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget earlier fits."""
        self.wait = self.stopped_epoch = 0
        self.best = self._worst()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare with the best epoch."""
        current = (logs or {}).get(self.monitor)
        if current is None:
            self._missing("Early stopping", logs or {})
            return
        if self.monitor_op(current - self.min_delta, self.best):
            self.best, self.wait = current, 0
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Say so."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1:05d}: early stopping")


class RemoteMonitor(Callback):
    """Refused: it sent the logs to a server."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        fix = "CSVLogger('log.csv'), or LambdaCallback(on_epoch_end=...) with a function that sends them"
        raise StateError("RemoteMonitor", "a callback that posts logs over the network", "logs kept here", fix)


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Args:
        schedule: a function of (epoch) that gives the rate; of (epoch, rate) as in later versions.
        verbose: 1 prints the rate.
    """

    def __init__(self, schedule: Function[..., float], verbose: int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set it."""
        optimizer = self.model.optimizer
        rate = self.schedule(epoch) if _takes_one(self.schedule) else self.schedule(epoch, optimizer.learning_rate)
        if not isinstance(rate, (float, np.floating)):
            raise ArgumentError("LearningRateScheduler", f"{rate!r} from the schedule", "a float", "return float(rate)")
        optimizer.learning_rate = float(rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1:05d}: LearningRateScheduler reducing learning rate to {rate}.")


def _takes_one(function: Any) -> bool:
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        return False
    except ValueError:  # a function written in C that does not tell
        return True
    return True


class ReduceLROnPlateau(_Watching):
    """Multiply the learning rate by ``factor`` where ``monitor`` has not improved for ``patience`` epochs.

    Args:
        monitor, mode: what is watched, and which direction is better.
        factor: below 1.
        patience: epochs without improvement, after which the rate is reduced.
        verbose: 1 prints a line where it is.
        epsilon: improvements up to this size do not count.
        cooldown: epochs after a reduction in which none is counted.
        min_lr: the rate is never reduced below this.

    The logs get the rate as ``"lr"``.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        epsilon: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
        **later: Any,
    ) -> None:
        if factor >= 1.0:
            raise ArgumentError("ReduceLROnPlateau", f"factor={factor}", "a factor below 1")
        epsilon = later.pop("min_delta", epsilon)  # its name from 2.1.6 on
        if later:
            raise ArgumentTypeError("ReduceLROnPlateau", f"the keyword {next(iter(later))!r}", "those of its signature")
        super().__init__(monitor, mode)
        self.factor, self.patience, self.verbose, self.epsilon = factor, patience, verbose, epsilon
        self.cooldown, self.min_lr = cooldown, min_lr
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget earlier fits."""
        self.cooldown_counter = self.wait = 0
        self.best = self._worst()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare with the best epoch."""
        logs = {} if logs is None else logs
        optimizer = self.model.optimizer
        logs["lr"] = rate = optimizer.learning_rate
        current = logs.get(self.monitor)
        if current is None:
            self._missing("Reduce LR on plateau", logs)
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        margin = self.epsilon if self.monitor_op is np.greater else -self.epsilon
        if self.monitor_op(current, self.best + margin):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            if self.wait >= self.patience and rate > self.min_lr * (1 + 1e-4):
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1:05d}: reducing learning rate to {optimizer.learning_rate}.")
                self.cooldown_counter, self.wait = self.cooldown, 0
            self.wait += 1

    def in_cooldown(self) -> bool:
        """Whether epochs are not counted."""
        return self.cooldown_counter > 0


class CSVLogger(Callback):
    """Write the values of each epoch to a CSV file.

    Args:
        filename: the file.
        separator: between the cells.
        append: whether to go on in a file that is there.
    """

    def __init__(self, filename: str, separator: str = ",", append: bool = False) -> None:
        self.filename, self.sep, self.append = filename, separator, append
        self.writer: Any = None
        self.keys: list[str] = []
        self.append_header = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        if self.append and os.path.exists(self.filename):
            with open(self.filename, encoding="utf-8") as file:
                self.append_header = not file.readline()
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115  (until training ends)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """One row."""
        logs = logs or {}
        if not self.writer:
            self.keys = sorted(logs)
            self.writer = csv.writer(self.csv_file, delimiter=self.sep)
            if self.append_header:
                self.writer.writerow(["epoch", *self.keys])
        self.writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self.csv_file.close()
        self.writer = None


def _cell(value: Any) -> Any:
    """A value as a cell holds it; several as a list in quotes."""
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'


class LambdaCallback(Callback):
    """A callback of functions: of (epoch, logs), (batch, logs) or (logs)."""

    def __init__(
        self,
        on_epoch_begin: Any = None,
        on_epoch_end: Any = None,
        on_batch_begin: Any = None,
        on_batch_end: Any = None,
        on_train_begin: Any = None,
        on_train_end: Any = None,
        **others: Any,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
        }
        vars(self).update(others)
        vars(self).update({name: function for name, function in given.items() if function is not None})


class TensorBoard(Callback):
    """Write the values of each epoch for TensorBoard, with the package tensorboardX.

    Args:
        log_dir: the folder.
        histogram_freq: epochs between histograms of the weights; 0 for none.
        batch_size: read and used by nothing: no activations are drawn.
        write_graph, write_grads, write_images, embeddings_freq, embeddings_layer_names, embeddings_metadata: none of this is
            written, which is said once.

    Training goes on without the package; that nothing is written is said once.
    """

    def __init__(
        self,
        log_dir: str = "./logs",
        histogram_freq: int = 0,
        batch_size: int = 32,
        write_graph: bool = True,
        write_grads: bool = False,
        write_images: bool = False,
        embeddings_freq: int = 0,
        embeddings_layer_names: Any = None,
        embeddings_metadata: Any = None,
        **later: Any,
    ) -> None:
        known = {"embeddings_data": None, "update_freq": "epoch"}
        for name in later:
            if name not in known:
                raise ArgumentTypeError("TensorBoard", f"the keyword {name!r}", "those of its signature")
        self.log_dir, self.histogram_freq, self.batch_size = log_dir, histogram_freq, batch_size
        self.write_graph, self.write_grads, self.write_images = write_graph, write_grads, write_images
        self.embeddings_freq, self.embeddings_layer_names = embeddings_freq, embeddings_layer_names
        self.embeddings_metadata = embeddings_metadata or {}
        wanted = {
            "the graph": write_graph,
            "gradients": write_grads,
            "images of weights": write_images,
            "embeddings": embeddings_freq,
        }
        left_out = [what for what, given in wanted.items() if given]
        if left_out:
            warn(f"TensorBoard: {', '.join(left_out)} not written; losses, metrics and weights are.", DataWarning)
        self._writer: _Scalars | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin a file."""
        try:
            self._writer = _Scalars(self.log_dir, histogram_freq=self.histogram_freq)
            self._writer.begin(self.model)
        except ImportError as error:
            warn(f"Nothing is written for TensorBoard, training goes on. {error}", DataWarning)
            self._writer = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the values."""
        if self._writer is not None:
            self._writer.write(epoch, logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.on_train_end({})
            self._writer = None


class _Scalars(today.TensorBoard, abstract=True):
    """The numbers of an epoch under their own names in one folder, as Keras 2.1 wrote them."""

    def begin(self, model: Any) -> None:
        """Open the file."""
        self.set_model(model)
        self._writer("")

    def write(self, epoch: int, logs: Any) -> None:
        """One epoch: its numbers, and the weights where it is time for them."""
        self._scalars("", logs, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._histograms("", epoch)
        self._writer("").flush()
