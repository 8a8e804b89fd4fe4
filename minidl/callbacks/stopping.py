"""Stopping before the last epoch."""

from __future__ import annotations

import math
import sys

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.progress import write
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError


class EarlyStopping(Callback):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs.

    Args:
        monitor: a name in the logs, such as ``"val_loss"`` or ``"val_accuracy"``.
        min_delta: improvements up to this size do not count.
        patience: epochs without improvement that are put up with.
        mode: ``"min"``, ``"max"``, or ``"auto"``: max for accuracies, else min.
        restore_best_weights: put the weights of the best epoch back at the end.

    Raises ArgumentError when training begins and ``monitor`` will not be in the logs. Source: deck 003.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self.monitor = monitor
        self.min_delta = check_number("EarlyStopping", "min_delta", min_delta, 0)
        self.patience = check_integer("EarlyStopping", "patience", patience, low=0)
        if mode not in ("auto", "min", "max"):
            raise ArgumentError("EarlyStopping", f"mode={mode!r}", "'auto', 'min' or 'max'")
        larger = mode == "max" or (mode == "auto" and "acc" in monitor)
        self._sign = 1.0 if larger else -1.0
        self.restore_best_weights = check_flag("EarlyStopping", "restore_best_weights", restore_best_weights)
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Forget earlier fits."""
        self._best, self._waited, self.best_epoch, self.stopped_epoch = -math.inf, 0, 0, None
        self._best_weights: list | None = None
        names = self.params["metrics"]
        if self.monitor not in names:
            fix = "validation_split=0.2 or validation_data in fit" if self.monitor.startswith("val_") else ""
            raise ArgumentError("EarlyStopping", f"monitor={self.monitor!r}", f"one of {', '.join(names)}", fix)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch."""
        value = self._sign * logs[self.monitor]
        if value > self._best + self.min_delta:
            self._best, self._waited, self.best_epoch = value, 0, epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            return
        self._waited += 1
        if self._waited >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        """Put the best weights back."""
        if self.restore_best_weights and self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class TerminateOnNaN(Callback):
    """Stop after the step whose running loss is NaN or infinite; looking waits for the device at every step."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Look at the loss."""
        if not math.isfinite(logs["loss"]):
            write(sys.stdout, f"TerminateOnNaN: the loss is {logs['loss']} after batch {batch + 1}; training stops.\n")
            self.model.stop_training = True
