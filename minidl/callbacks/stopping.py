"""Stopping before the last epoch."""

from __future__ import annotations

import math
import sys

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.monitor import Monitor
from minidl.callbacks.progress import write
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, StateError


class EarlyStopping(Monitor):
    """Stop when ``monitor`` has not improved by more than ``min_delta`` for ``patience`` epochs, and say so.

    Args:
        monitor: a name in the logs, such as ``"val_loss"`` or ``"val_accuracy"``.
        min_delta: improvements up to this size do not count.
        patience: epochs without improvement that are put up with.
        verbose: 1 prints when and why training was stopped and which weights were put back, 0 prints nothing; None means
            0 where ``fit`` runs with ``verbose=0``, else 1.
        mode: ``"min"``, ``"max"``, or ``"auto"``: the direction follows from the name.
        baseline: only an epoch that is better than this number as well ends the waiting.
        restore_best_weights: put the weights of the best epoch back at the end.
        start_from_epoch: epochs before this one, counted from 0, are not looked at.

    Attributes:
        best, best_epoch: the best value and its epoch, counted from 0.
        stopped_epoch: the epoch that was the last one, None where training was not stopped.

    Each ``fit`` starts anew. An epoch without the value, as ``validation_freq`` makes them, is not counted. Raises
    ArgumentError when training begins and ``monitor`` will not be in the logs, or where its direction is unknown.
    Source: Prechelt, Early stopping - but when? (1998).

    >>> EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    EarlyStopping(monitor='val_accuracy', patience=3, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int | None = None,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        if verbose not in (None, 0, 1):
            fix = f"mode={verbose!r}" if isinstance(verbose, str) else ""
            raise ArgumentError("EarlyStopping", f"verbose={verbose!r}", "0, 1 or None (as fit)", fix)
        super().__init__(monitor, mode, min_delta)
        self.patience = check_integer("EarlyStopping", "patience", patience, low=0)
        self.verbose = verbose
        self.baseline = None if baseline is None else check_number("EarlyStopping", "baseline", baseline)
        self.restore_best_weights = check_flag("EarlyStopping", "restore_best_weights", restore_best_weights)
        self.start_from_epoch = check_integer("EarlyStopping", "start_from_epoch", start_from_epoch, low=0)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch, self._last_epoch, self._waited = 0, 0, 0
        self.stopped_epoch: int | None = None
        self._best_weights: list | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Forget earlier fits."""
        self._forget()
        self._check_monitor(self.params["metrics"])

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch."""
        self._last_epoch, value = epoch, self._value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self._waited += 1
        if self._is_better(value, self.best):
            # The weights first: should Ctrl-C come while they are copied, the epoch before stays the best one.
            weights = self.model.get_weights() if self.restore_best_weights else None
            self.best, self.best_epoch, self._best_weights = value, epoch, weights
            if self.baseline is None or self._is_better(value, self.baseline):
                self._waited = 0
            return  # a better epoch is never the last one, even where the baseline is out of reach
        if self._waited >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self._speaks():
                self._say(f"training ends after epoch {epoch + 1}: {self._reason(value)}")

    def on_train_end(self, logs: Logs) -> None:
        """Put the best weights back."""
        if self.restore_best_weights and self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            if self._speaks():
                best = f"the best ({self._best_text()})"
                restored = f"the weights are those of epoch {self.best_epoch + 1} again, {best}"
                self._say(f"the last epoch was {best}" if self.best_epoch == self._last_epoch else restored)

    def _reason(self, value: float) -> str:
        epochs = f"{self._waited} epoch{'s' if self._waited > 1 else ''}"
        if self.best is None:
            return f"{self.monitor} was never a finite number in {epochs}, it is {value:.6g}"
        by = f" by more than {self.min_delta:g}" if self.min_delta else ""
        best = f"best: {self._best_text()} in epoch {self.best_epoch + 1}; now {value:.6g}"
        if self.baseline is not None and not self._is_better(self.best, self.baseline):
            return f"{self.monitor} was not better than the baseline {self.baseline:g}{by} for {epochs} ({best})"
        return f"{self.monitor} has not improved{by} for {epochs} ({best})"

    def _best_text(self) -> str:
        return f"{self.monitor} {self.best:.6g}"

    def _speaks(self) -> bool:
        return bool(self.params.get("verbose", 1) if self.verbose is None else self.verbose)


class TerminateOnNaN(Callback):
    """Stop after the step whose running loss is NaN or infinite; looking waits for the device at every step.

    Args:
        raise_error: raise StateError instead of ending ``fit`` as usual.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = check_flag("TerminateOnNaN", "raise_error", raise_error)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Look at the loss."""
        if not math.isfinite(loss := logs["loss"]):
            if self.raise_error:
                received = f"a loss that is {loss} after batch {batch + 1}"
                raise StateError("TerminateOnNaN", received, "a finite loss", "a smaller learning rate")
            write(sys.stdout, f"TerminateOnNaN: the loss is {loss} after batch {batch + 1}; training stops.\n")
            self.model.stop_training = True
