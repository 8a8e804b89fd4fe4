"""Several callbacks as one, and the beginnings and ends that reach each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from minidl.callbacks.base import MOMENTS, Callback, Logs
from minidl.callbacks.moments import check_moments, methods
from minidl.errors import ArgumentTypeError, StateError, described, object_of


class CallbackList:
    """Several callbacks as one; ``stop_training`` is the model's.

    Args:
        callbacks: the callbacks, in the order in which they are called.
        model, params: what each of them gets as ``self.model`` and ``self.params``.
        where: the call, for errors: ``"fit"``, ``"evaluate"`` or ``"predict"``.

    Raises ArgumentTypeError for what is no callback, or for one whose methods could not be called; nothing has begun then.
    """

    def __init__(self, callbacks: Sequence[Callback], model: Any, params: Mapping[str, Any], where: str = "fit") -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                fix = f"callbacks=[{object_of(callback, Callback, 'EarlyStopping()')}]"
                raise ArgumentTypeError(f"{where}: callbacks", described(callback), "a list of Callback objects", fix)
            check_moments(callback, where)
        self.callbacks, self.model = list(callbacks), model
        self._last_logs: dict[str, Any] = {}
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
            for name, value in (("model", model), ("params", params)):
                if getattr(callback, name) is not value:
                    received = f"a method set_{name} after which self.{name} is something else"
                    fix = f"call super().set_{name}({name}) in it"
                    raise StateError(f"{where}: {type(callback).__name__}", received, f"self.{name} as it was given", fix)
        # A moment that nobody overrides costs nothing, as a step of a small model takes 0.1 ms in all.
        self._methods = {moment: [m for c in self.callbacks for m in methods(c, moment)] for moment in MOMENTS}

    @property
    def stop_training(self) -> bool:
        """Whether a callback asked for the end."""
        return self.model.stop_training

    @property
    def look_at_each_batch(self) -> bool:
        """Whether a callback has to be called for each batch of training."""
        methods = (*self._methods["on_train_batch_begin"], *self._methods["on_train_batch_end"])
        return any(getattr(method, "each_batch", True) for method in methods)

    @contextmanager
    def _around(self, what: str, last: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """``on_..._begin`` and ``on_..._end``; the end reaches every callback that began, whatever was raised in between."""
        begun: list[Callback] = []
        try:
            for callback in self.callbacks:
                begun.append(callback)
                getattr(callback, f"on_{what}_begin")({})
            yield last
        except BaseException:
            for callback in begun:
                with suppress(Exception):  # the first exception is the one to be seen
                    getattr(callback, f"on_{what}_end")(last)
            raise
        first: BaseException | None = None
        for callback in begun:
            try:
                getattr(callback, f"on_{what}_end")(last)
            except BaseException as error:
                first = first or error
        if first is not None:
            raise first

    @contextmanager
    def around_training(self) -> Iterator[None]:
        """Begin and end of ``fit``; the end gets the logs of the last whole epoch."""
        self._last_logs = {}
        with self._around("train", self._last_logs):
            yield

    def around_testing(self) -> Any:
        """Begin and end of an evaluation: ``with ... as logs``; what is put into ``logs`` reaches ``on_test_end``."""
        return self._around("test", {})

    def around_predicting(self) -> Any:
        """Begin and end of a prediction."""
        return self._around("predict", {})

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_epoch_begin"]:
            method(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_epoch_end"]:
            method(epoch, logs)
        self._last_logs.clear()
        self._last_logs.update(logs)

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_train_batch_begin"]:
            method(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_train_batch_end"]:
            method(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_test_batch_begin"]:
            method(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_test_batch_end"]:
            method(batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_predict_batch_begin"]:
            method(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs) -> None:
        """Tell every callback."""
        for method in self._methods["on_predict_batch_end"]:
            method(batch, logs)
