"""Changing the learning rate from epoch to epoch: by a rule, or where training gets no further."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from minidl.callbacks.base import Callback, Logs
from minidl.callbacks.monitor import Monitor
from minidl.callbacks.progress import write
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, StateError, described

_NAME = "learning_rate"  # in the logs


def _begin(callback: Callback) -> None:
    """Announce the name in the logs. Raises StateError where the optimizer's rate is a schedule, which sets it itself."""
    schedule = getattr(callback.model.optimizer, "schedule", None)
    if schedule is not None:
        received, fix = (
            f"an optimizer whose learning rate is a schedule ({schedule!r})",
            "leave one out: learning_rate=0.01, or no callback",
        )
        raise StateError(type(callback).__name__, received, "a learning rate that is a number", fix)
    if _NAME not in callback.params["metrics"]:
        callback.params["metrics"].append(_NAME)


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch; the logs get it as ``"learning_rate"``.

    Args:
        schedule: a function of (epoch), or of (epoch, rate so far), that returns the rate. Epochs are counted from 0. A
            schedule object of minidl is one too: it is asked with the epoch where an optimizer asks with the step.
        verbose: 1 prints the rate at each epoch, 0 prints nothing.

    The rate stays as it is after training. Nothing is kept from one ``fit`` to the next. Raises StateError when training
    begins with an optimizer whose rate is a schedule.

    >>> from minidl.models import Sequential
    >>> from minidl.layers import Dense
    >>> model = Sequential([Dense(1, input_shape=(1,))])
    >>> model.compile("sgd", "mse")
    >>> halved = LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> model.fit([[1.0]], [[2.0]], epochs=3, verbose=0, callbacks=[halved]).history["learning_rate"]
    [0.005, 0.0025, 0.00125]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            fix = "LearningRateScheduler(lambda epoch: 0.01 * 0.9**epoch)"
            raise ArgumentTypeError("LearningRateScheduler", f"schedule={described(schedule)}", "a function", fix)
        if verbose not in (0, 1):
            raise ArgumentError("LearningRateScheduler", f"verbose={verbose!r}", "0 or 1")
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = _takes(schedule, 0, 0.0)
        if not self._takes_rate and not _takes(schedule, 0):
            received = f"a function of {inspect.signature(schedule)}"
            raise ArgumentTypeError("LearningRateScheduler", received, "a function of (epoch) or (epoch, rate)")

    def on_train_begin(self, logs: Logs) -> None:
        """Look at the optimizer."""
        _begin(self)

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Set the rate."""
        optimizer = self.model.optimizer
        arguments = (epoch, optimizer.learning_rate) if self._takes_rate else (epoch,)
        rate = check_number("LearningRateScheduler", f"schedule{arguments}", self.schedule(*arguments), 0)
        optimizer.learning_rate = rate
        if self.verbose:
            write(sys.stdout, f"LearningRateScheduler: epoch {epoch + 1}: the learning rate is {rate:.6g}.\n")

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        """Put the rate into the logs."""
        logs[_NAME] = self.model.optimizer.learning_rate


def _takes(function: Callable[..., Any], *arguments: Any) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # a function written in C that does not tell
        return len(arguments) == 1
    return True


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by ``factor`` where ``monitor`` has not improved for ``patience`` epochs.

    Args:
        monitor: a name in the logs, such as ``"val_loss"``.
        factor: 0 < factor < 1.
        patience: epochs without improvement, after which the rate is reduced.
        verbose: 1 prints a line where the rate is reduced, 0 prints nothing.
        mode: ``"min"``, ``"max"``, or ``"auto"``: the direction follows from the name.
        min_delta: improvements up to this size do not count.
        cooldown: epochs after a reduction in which none is counted.
        min_lr: the rate is never reduced below this.

    The logs get the rate of the epoch as ``"learning_rate"``. Each ``fit`` starts to count anew, with the rate as it is then.
    An epoch without the value is not counted. Raises, when training begins, ArgumentError for an unknown monitor or direction
    and StateError for an optimizer whose rate is a schedule.

    >>> ReduceLROnPlateau("val_loss", factor=0.5, patience=3)
    ReduceLROnPlateau(factor=0.5, patience=3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        where = "ReduceLROnPlateau"
        if verbose not in (0, 1):
            raise ArgumentError(where, f"verbose={verbose!r}", "0 or 1")
        super().__init__(monitor, mode, min_delta)
        self.factor = check_number(where, "factor", factor, 0, 1)
        if not self.factor:
            raise ArgumentError(where, "factor=0", "0 < factor < 1", "EarlyStopping, to end training instead")
        self.patience = check_integer(where, "patience", patience, low=0)
        self.verbose = verbose
        self.cooldown = check_integer(where, "cooldown", cooldown, low=0)
        self.min_lr = check_number(where, "min_lr", min_lr, 0)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.wait, self.cooldown_counter = 0, 0

    def on_train_begin(self, logs: Logs) -> None:
        """Forget earlier fits."""
        self._forget()
        self._check_monitor(self.params["metrics"])
        _begin(self)

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        """Compare with the best epoch."""
        optimizer = self.model.optimizer
        logs[_NAME] = rate = optimizer.learning_rate
        value = self._value(logs)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
        if self._is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                if self.verbose:
                    reason = f"{self.monitor} has not improved for {self.wait} epoch{'s' * (self.wait != 1)}"
                    self._say(f"epoch {epoch + 1}: {reason}; the learning rate is now {optimizer.learning_rate:.6g}")
                self.wait, self.cooldown_counter = 0, self.cooldown
