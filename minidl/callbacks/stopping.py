"""Stopping before the last epoch."""

from __future__ import annotations

import math
import sys

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.progress import write
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, closest


class EarlyStopping(Callback):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs, and say so.

    Args:
        monitor: a name in the logs, such as ``"val_loss"`` or ``"val_accuracy"``.
        min_delta: improvements up to this size do not count.
        patience: epochs without improvement that are put up with.
        verbose: 1 prints when and why training was stopped and which weights were put back, 0 prints nothing; None means
            0 where ``fit`` runs with ``verbose=0``, else 1.
        mode: ``"min"``, ``"max"``, or ``"auto"``: max for accuracies, else min.
        restore_best_weights: put the weights of the best epoch back at the end.

    Raises ArgumentError when training begins and ``monitor`` will not be in the logs. Source: deck 003.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int | None = None,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        self.monitor = monitor
        self.min_delta = check_number("EarlyStopping", "min_delta", min_delta, 0)
        self.patience = check_integer("EarlyStopping", "patience", patience, low=0)
        if verbose not in (None, 0, 1):
            fix = f"mode={verbose!r}" if isinstance(verbose, str) else ""
            raise ArgumentError("EarlyStopping", f"verbose={verbose!r}", "0, 1 or None (as fit)", fix)
        self.verbose = verbose
        if mode not in ("auto", "min", "max"):
            meant = closest(mode, ("auto", "min", "max"))
            raise ArgumentError("EarlyStopping", f"mode={mode!r}", "'auto', 'min' or 'max'", meant=meant)
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
            validated = any(name.startswith("val_") for name in names)
            wants_validation = str(self.monitor).startswith("val_") and not validated
            fix = "validation_split=0.2 or validation_data in fit" if wants_validation else ""
            meant = "" if wants_validation else closest(self.monitor, names, {"acc": "accuracy", "val_acc": "val_accuracy"})
            meant = meant if meant in names else ""
            expected = f"one of {', '.join(names)}"
            raise ArgumentError("EarlyStopping", f"monitor={self.monitor!r}", expected, fix, meant)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch."""
        value = self._sign * logs[self.monitor]
        if value > self._best + self.min_delta:
            # The weights first: should Ctrl-C come while they are copied, the epoch before stays the best one.
            weights = self.model.get_weights() if self.restore_best_weights else None
            self._best, self._waited, self.best_epoch, self._best_weights = value, 0, epoch, weights
            return
        self._waited += 1
        if self._waited >= max(self.patience, 1):
            self.stopped_epoch = epoch
            self.model.stop_training = True
            self._say(f"training ends after epoch {epoch + 1}: {self._reason(logs[self.monitor])}")

    def on_train_end(self, logs: Logs) -> None:
        """Put the best weights back."""
        if self.restore_best_weights and self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            self._say(f"the weights are those of epoch {self.best_epoch + 1} again, the best ({self._best_text()})")

    def _reason(self, value: float) -> str:
        epochs = f"{self._waited} epoch{'s' if self._waited > 1 else ''}"
        if self._best == -math.inf:
            return f"{self.monitor} was never a finite number in {epochs}, it is {value:.6g}"
        by = f" by more than {self.min_delta:g}" if self.min_delta else ""
        best = f"{self._best_text()} in epoch {self.best_epoch + 1}"
        return f"{self.monitor} has not improved{by} for {epochs} (best: {best}; now {value:.6g})"

    def _best_text(self) -> str:
        return f"{self.monitor} {self._sign * self._best:.6g}"

    def _say(self, text: str) -> None:
        if self.params.get("verbose", 1) if self.verbose is None else self.verbose:
            write(sys.stdout, f"EarlyStopping: {text}.\n")


class TerminateOnNaN(Callback):
    """Stop after the step whose running loss is NaN or infinite; looking waits for the device at every step."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Look at the loss."""
        if not math.isfinite(logs["loss"]):
            write(sys.stdout, f"TerminateOnNaN: the loss is {logs['loss']} after batch {batch + 1}; training stops.\n")
            self.model.stop_training = True
