"""Saving the model while it is trained."""

from __future__ import annotations

import errno
import os
import shutil
from typing import Any

from minidl.callbacks.base import Logs
from minidl.callbacks.file_names import FileName
from minidl.callbacks.monitor import Monitor, direction
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, StateError, described

_AT_LEAST = 4  # bytes that a number takes in a file


class ModelCheckpoint(Monitor):
    """Save the model, or its weights, after every epoch, every few batches, or whenever ``monitor`` is better than ever.

    Args:
        filepath: the file, replaced whole or not at all. Fields are filled in: ``{epoch:02d}``, counted from 1, the names in
            the logs, such as ``{val_loss:.2f}``, and ``{batch}`` where ``save_freq`` is a number. Missing folders are made.
        monitor: a name in the logs, such as ``"val_loss"``.
        verbose: 1 prints a line for each file, 0 prints nothing.
        save_best_only: save only where ``monitor`` is better than it ever was.
        save_weights_only: write with ``model.save_weights``, not with ``model.save``.
        mode: ``"min"``, ``"max"``, or ``"auto"``: the direction follows from the name.
        save_freq: ``"epoch"``, or a number of batches, counted on from epoch to epoch.
        initial_value_threshold: what the first value has to be better than.
        restore_best_weights: put the best saved weights back when training ends.

    Attributes:
        best, best_epoch: the best value, and its epoch counted from 0; None before there is one.
        best_path: the file of the best value; None also where a later file took its name.
        saved_path: the file that was written last.

    An epoch without a value that the name or ``save_best_only`` needs, as ``validation_freq`` makes them, is not saved.
    Another ``fit`` of the same model goes on: what is best so far stays. With another model the callback starts anew.
    Raises before training: ArgumentError for an unknown field or monitor, OSError where the file could not be written.

    >>> import tempfile, os, numpy as np
    >>> from minidl.models import Sequential
    >>> from minidl.layers import Dense
    >>> model = Sequential([Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = ModelCheckpoint(os.path.join(folder, "{epoch}.safetensors"), monitor="loss", save_weights_only=True)
    ...     history = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[checkpoint])
    ...     checkpoint.restore()
    ...     sorted(os.listdir(folder)), os.path.basename(checkpoint.best_path)
    (['1.safetensors', '2.safetensors'], '2.safetensors')
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode)
        where = "ModelCheckpoint"
        if not isinstance(filepath, (str, os.PathLike)) or not os.fspath(filepath):
            raise ArgumentTypeError(where, f"filepath={described(filepath)}", "the name of a file")
        self.filepath = os.fsdecode(filepath)
        self._name = FileName(self.filepath, where)
        if verbose not in (0, 1):
            raise ArgumentError(where, f"verbose={verbose!r}", "0 or 1")
        self.verbose = verbose
        self.save_best_only = check_flag(where, "save_best_only", save_best_only)
        self.save_weights_only = check_flag(where, "save_weights_only", save_weights_only)
        if isinstance(save_freq, str):
            if save_freq != "epoch":
                raise ArgumentError(where, f"save_freq={save_freq!r}", "'epoch' or a number of batches")
            self.save_freq: str | int = save_freq
            if "batch" in self._name.fields:
                received = f"the field {{batch}} in filepath={self.filepath!r}, with save_freq='epoch'"
                raise ArgumentError(where, received, "a file for each epoch", "save_freq=100, for example, or {epoch}")
        else:
            self.save_freq = check_integer(where, "save_freq", save_freq)
        threshold = initial_value_threshold
        self.initial_value_threshold = None if threshold is None else check_number(where, "initial_value_threshold", threshold)
        self.restore_best_weights = check_flag(where, "restore_best_weights", restore_best_weights)
        if restore_best_weights and not save_best_only and not self._name.fields:
            received = "restore_best_weights=True, but every file takes the place of the one before"
            raise ArgumentError(where, received, "a file of the best weights", "save_best_only=True, or {epoch} in filepath")
        self._of: Any = None
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = self.initial_value_threshold
        self.best_epoch: int | None = None
        self.best_path: str | None = None
        self.saved_path: str | None = None
        self._batches, self._trained = 0, False

    def restore(self) -> None:
        """Load the best weights that were saved into the model.

        Raises StateError where there are none, what ``load_weights`` raises where the file was changed meanwhile.
        """
        if self.best_path is None:
            received = "no file with the weights of the best epoch"
            if self.best_epoch is not None:
                received = f"a file of the best epoch ({self.best_epoch + 1}) that a later one took the place of"
            fix = "save_best_only=True, or {epoch} in filepath" if self.best_epoch is not None else ""
            raise StateError("ModelCheckpoint.restore", received, f"a saved epoch with {self.monitor} in its logs", fix)
        self.model.load_weights(self.best_path)

    def on_train_begin(self, logs: Logs) -> None:
        """Check what can be known before the first epoch."""
        self._trained = False
        if self._of is not self.model:
            self._forget()
            self._of = self.model
        names, fix = list(self.params["metrics"]), ""
        own = ["epoch"]
        if self.save_freq != "epoch":  # validation comes at the end of an epoch
            names = [name for name in names if not name.startswith("val_")]
            own, fix = ["epoch", "batch"], "save_freq='epoch'"
        validation = "validation_split=0.2 or validation_data in fit"
        missing = [field for field in self._name.fields if field not in (*own, *names)]
        unvalidated = bool(missing) and missing[0].startswith("val_") and not any(n.startswith("val_") for n in names)
        self._name.check([*own, *names], fix or (validation if unvalidated else ""))
        if self.save_best_only or self.restore_best_weights:
            self._check_monitor(names, fix if self.monitor.startswith("val_") else "")
        else:
            known = self.monitor in names
            self._sign = direction(self.monitor, self.mode, getattr(self.model, "metrics", None) or ()) if known else 0.0
        self._check_folder()

    def _check_folder(self) -> None:
        """Raise OSError where a file could not be written."""
        folder = self._name.folder
        if folder is None:
            return
        if folder:
            os.makedirs(folder, exist_ok=True)
        if not self._name.fields and os.path.isdir(path := self._name.path({})):
            raise IsADirectoryError(errno.EISDIR, "ModelCheckpoint needs the name of a file, this is a folder", path)
        if not os.access(folder or ".", os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "ModelCheckpoint cannot write into this folder", folder or ".")
        free, needed = shutil.disk_usage(folder or ".").free, self.model.count_params() * _AT_LEAST
        if free < needed:
            text = f"ModelCheckpoint needs {needed:,} bytes for each file, but only {free:,} are free"
            raise OSError(errno.ENOSPC, text, folder or ".")

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Remember the epoch for files that are written within it."""
        self._epoch, self._trained = epoch, True

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Save every ``save_freq`` batches."""
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save, unless it is done by batches."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def on_train_end(self, logs: Logs) -> None:
        """Put the best weights back, where that is wanted."""
        if self.restore_best_weights and self._trained and self.best_path is not None and self.best_epoch is not None:
            self.restore()
            if self.verbose:
                self._say(f"the weights are those of epoch {self.best_epoch + 1} again ({self.monitor} {self.best:.6g})")

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        value = self._value(logs) if self._sign else None
        better = value is not None and self._is_better(value, self.best)
        if self.save_best_only and not better:
            if self.verbose and value is not None:
                than = "" if self.best is None else f" from {self.best:.6g}"
                self._say(f"{_moment(epoch, batch)}: {self.monitor} did not improve{than} (now {value:.6g})")
            return
        numbers = {"epoch": epoch + 1, "batch": None if batch is None else batch + 1}
        fields = {field: numbers.get(field) or logs.get(field) for field in self._name.fields}
        if None in fields.values():  # an epoch without validation
            if self.verbose:
                missing = ", ".join(field for field, number in fields.items() if number is None)
                self._say(f"{_moment(epoch, batch)}: not saved, as the name of the file needs {missing}")
            return
        path = self._name.path(fields)
        if folder := os.path.dirname(path):
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        self.saved_path = path
        if self.verbose:
            than = "" if self.best is None else f" from {self.best:.6g}"
            improved = f"{self.monitor} improved{than} to {value:.6g}, " if better and self.save_best_only else ""
            self._say(f"{_moment(epoch, batch)}: {improved}saved to {path}")
        if better:
            self.best, self.best_epoch, self.best_path = value, epoch, path
        elif path == self.best_path:
            self.best_path = None


def _moment(epoch: int, batch: int | None) -> str:
    return f"epoch {epoch + 1}" + ("" if batch is None else f", batch {batch + 1}")
