"""The moments of training a callback can hook into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from minidl.declared import Declared
from minidl.errors import ArgumentTypeError, described, object_of

Logs = Mapping[str, float]


class Callback(Declared):
    """Base of callbacks; override the moments you care about.

    Attributes:
        model: the model being trained; a callback may read and write its weights and set ``model.stop_training``.
        params: ``epochs``, ``steps``, ``batch_size``, ``samples``, ``verbose`` and the ``metrics`` that logs will hold.
    """

    table = "callback"
    model: Any = None
    params: Mapping[str, Any] = {}

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, also where training ended by an exception."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch; ``logs`` holds loss, metrics and their ``val_`` twins."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a step, counted from 0 within the epoch."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a whole step; ``logs`` computes the running means when it is read."""


MOMENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """A callback of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"]))``.

    Raises TypeError for a moment that does not exist.
    """

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            if name not in MOMENTS:
                raise TypeError(f"LambdaCallback has no moment {name!r}; it has {', '.join(MOMENTS)}.")
            if not callable(function):
                raise ArgumentTypeError("LambdaCallback", f"{name}={function!r}", "a function")
            setattr(self, name, function)


class CallbackList:
    """Several callbacks as one; ``stop_training`` is the model's."""

    def __init__(self, callbacks: Sequence[Callback], model: Any, params: Mapping[str, Any]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                fix = f"callbacks=[{object_of(callback, Callback, 'EarlyStopping()')}]"
                raise ArgumentTypeError("fit: callbacks", described(callback), "a list of Callback objects", fix)
        self.callbacks, self.model = list(callbacks), model
        for callback in self.callbacks:
            callback.model, callback.params = model, params

    @property
    def stop_training(self) -> bool:
        """Whether a callback asked for the end."""
        return self.model.stop_training

    @contextmanager
    def around_training(self) -> Iterator[None]:
        """Begin and end of training; the end reaches every callback, whatever was raised in between."""
        begun: list[Callback] = []
        try:
            for callback in self.callbacks:
                begun.append(callback)
                callback.on_train_begin({})
            yield
        except BaseException:
            for callback in begun:
                with suppress(Exception):  # the first exception is the one to be seen
                    callback.on_train_end({})
            raise
        first: BaseException | None = None
        for callback in begun:
            try:
                callback.on_train_end({})
            except BaseException as error:
                first = first or error
        if first is not None:
            raise first

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs)
