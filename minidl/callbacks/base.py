"""The moments of training, evaluation and prediction that a callback can hook into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from minidl.declared import Declared
from minidl.errors import ArgumentTypeError, closest, described

Logs = Mapping[str, float]
Method = TypeVar("Method", bound=Callable[..., Any])


def now_and_then(moment: Method) -> Method:
    """Mark ``on_train_batch_begin`` or ``on_train_batch_end`` of a callback that need not be called for each batch.

    Then ``fit`` may make many short steps in a row, for some hundredths of a second: the beginning of the first one and the end
    of the last one are told. For one method that is not marked it stops at each of them. A method that overrides a marked one
    is not marked.

    >>> class Dots(Callback):
    ...     @now_and_then
    ...     def on_train_batch_end(self, batch, logs):
    ...         print(".", end="")
    """
    moment.each_batch = False  # type: ignore[attr-defined]
    return moment


class Callback(Declared):
    """Base of callbacks; override the moments you care about.

    Attributes:
        model: the model that is trained; a callback may read and write its weights and set ``model.stop_training = True``.
        params: ``epochs``, ``steps``, ``batch_size``, ``samples``, ``validation_samples``, ``verbose``,
            ``device`` and the ``metrics`` that logs will hold.
            A callback that adds a value to the logs of an epoch appends its name to ``metrics`` in ``on_train_begin``.

    What a moment returns is not used; what it raises ends training, after the last whole step. ``fit`` refuses a moment with
    the wrong arguments before the first step, and a misspelt one too.

    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         print(f"epoch {epoch + 1}: {logs['loss']:.2f}")
    >>> PrintLoss().on_epoch_end(0, {"loss": 0.25})
    epoch 1: 0.25
    """

    table = "callback"
    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Before the first moment: sets ``self.model``."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Before the first moment: sets ``self.params``."""
        self.params = params

    # -- fit -----------------------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch; ``logs`` is empty."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, also where training ended by an exception; ``logs`` are those of the last whole epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch, counted from 0; ``logs`` is empty."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch; ``logs`` holds loss and metrics, and with ``val_`` in front those of validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a step, counted from 0 within the epoch; ``logs`` is empty."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a whole step; ``logs`` computes the running means when it is read."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """The older name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """The older name of ``on_train_batch_end``."""

    # -- evaluate, and the validation within fit -----------------------------------------------------------------------

    def on_test_begin(self, logs: Logs) -> None:
        """Before evaluation or validation; ``logs`` is empty."""

    def on_test_end(self, logs: Logs) -> None:
        """After an evaluation, also one that ended by an exception; ``logs`` holds loss and metrics, without ``val_``."""

    def on_test_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch of evaluation or validation; ``logs`` is empty."""

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch of evaluation or validation; ``logs`` computes the running means when it is read."""

    # -- predict -------------------------------------------------------------------------------------------------------

    def on_predict_begin(self, logs: Logs) -> None:
        """Before prediction; ``logs`` is empty."""

    def on_predict_end(self, logs: Logs) -> None:
        """After prediction, also where an exception ended it; ``logs`` is empty."""

    def on_predict_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch of prediction; ``logs`` is empty."""

    def on_predict_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch of prediction; ``logs`` holds ``"outputs"``, the results of the batch."""


MOMENTS = tuple(name for name in vars(Callback) if name.startswith("on_"))
OLDER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
OF_OTHER_LIBRARIES = {
    "on_epoch_start": "on_epoch_begin",
    "on_train_start": "on_train_begin",
    "on_fit_start": "on_train_begin",
    "on_fit_end": "on_train_end",
    "on_train_epoch_start": "on_epoch_begin",
    "on_train_epoch_end": "on_epoch_end",
    "on_batch_start": "on_train_batch_begin",
    "on_train_batch_start": "on_train_batch_begin",
    "on_step_begin": "on_train_batch_begin",
    "on_step_end": "on_train_batch_end",
    "on_validation_start": "on_test_begin",
    "on_validation_begin": "on_test_begin",
    "on_validation_end": "on_test_end",
    "on_evaluate": "on_test_end",
}


class LambdaCallback(Callback):
    """A callback of functions, each with the arguments of its moment.

    Args:
        on_epoch_begin, on_epoch_end: functions of (epoch, logs).
        on_train_begin, on_train_end: functions of (logs).
        on_train_batch_begin, on_train_batch_end: functions of (batch, logs).
        functions: those of other moments, by name.

    Raises TypeError for a moment that does not exist. A file cannot hold functions: ``get_config`` refuses them.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs["loss"])).on_epoch_end(0, {"loss": 0.25})
    0.25
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **functions: Callable[..., Any] | None,
    ) -> None:
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **functions,
        }
        self._functions: dict[str, Callable[..., Any]] = {}
        for name, function in given.items():
            if name not in MOMENTS:
                meant = closest(name, MOMENTS, OF_OTHER_LIBRARIES)
                expected = f"one of {', '.join(MOMENTS)}"
                raise ArgumentTypeError("LambdaCallback", f"the moment {name!r}", expected, meant=meant)
            if function is None:
                continue
            if not callable(function):
                raise ArgumentTypeError("LambdaCallback", f"{name}={described(function)}", "a function")
            self._functions[name] = function
            setattr(self, name, function)

    def get_config(self) -> dict[str, Any]:
        """Nothing where there is no function; raises ArgumentTypeError for functions, which no file can hold."""
        if self._functions:
            received = f"the function {next(iter(self._functions))}"
            raise ArgumentTypeError("LambdaCallback: get_config", received, "a class derived from Callback")
        return {}

    def __repr__(self) -> str:
        texts = [f"{name}={getattr(function, '__name__', '...')}" for name, function in self._functions.items()]
        return f"LambdaCallback({', '.join(texts)})"
