"""The loops over batches: fit, evaluate, predict."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing, nullcontext
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend.random import SHUFFLE, Stream
from minidl.callbacks import CallbackList
from minidl.data import ArrayData, StreamData
from minidl.errors import DataError, DataWarning, NumericWarning, warn
from minidl.geometry import is_several
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer, take_over
from minidl.layers.context import Context
from minidl.training.at_once import AtOnce
from minidl.training.epochs import Data, Epochs, one_pass, validates
from minidl.training.epochs import batches_of as batches_of
from minidl.training.memory import explain_out_of_memory
from minidl.training.running import LazyLogs as LazyLogs
from minidl.training.running import Running as Running
from minidl.training.step import Step

_NOBODY = CallbackList([], None, {})
_LOOK_EVERY = 50  # steps between looks at the losses, each of which waits for the device


def fit(
    step: Step,
    data: Data,
    validation: Data | None,
    *,
    batch_size: int | None,
    epochs: range,
    shuffle: bool,
    stream: Stream,
    epochs_done: int,
    callbacks: CallbackList,
    nan: str,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_freq: int | Collection[int] = 1,
    validation_batch_size: int | None = None,
) -> None:
    """Train for ``epochs``; epoch e of the model's life visits the samples in the order of (seed, model, e).

    A stream's batches come in its own order; only those of a Sequence are shuffled, like the samples of arrays.
    """
    guard, warned, at_once = WholeSteps(), False, AtOnce(step, callbacks)
    count = (data.shuffles if isinstance(data, StreamData) else len(data)) if shuffle else 0

    def order_of(life: int) -> np.ndarray:
        return stream.generator(SHUFFLE, step=life).permutation(count)

    passes = Epochs(data, batch_size, steps_per_epoch, order_of if count else None, epochs_done)
    with guard.installed(), closing(passes), callbacks.around_training():
        for epoch in epochs:
            callbacks.on_epoch_begin(epoch, {})
            running, steps, index = Running(step, watch=nan != "ignore" and not warned), passes.steps, -1
            logs, look = LazyLogs(running), 0  # look: the next step after which the losses are looked at
            with closing(passes.epoch()) as batches:
                for batch in batches:
                    index += 1
                    callbacks.on_train_batch_begin(index, {})
                    with guard.step():
                        try:
                            result = step.train(batch, stop_at_nan=nan == "raise")
                        except FloatingPointError as error:
                            where = f"fit: epoch {epoch + 1}, batch {index + 1}"
                            raise DataError(where, str(error), "a finite loss", "a smaller learning rate") from None
                        running.add(index, batch, result)
                        if nan != "raise":  # which has to see each loss before its update
                            index += at_once.train(passes.rows, running, index + 1)
                    if running.watch and (index >= look or index + 1 == steps):
                        look = index + _LOOK_EVERY
                        warned = _warn_of_bad_batch(running, epoch)
                    callbacks.on_train_batch_end(index, logs)
                    if callbacks.stop_training:
                        break
            if running.watch:  # the last steps, where nobody knew that they were the last
                warned = _warn_of_bad_batch(running, epoch)
            if passes.ended:
                _warn_of_end(data, epoch, index + 1, steps_per_epoch)
                if index < 0:  # an epoch without a step is none
                    break
            values = running.logs()
            if validation is not None and validates(epoch, validation_freq):
                size = validation_batch_size or batch_size or 32
                values |= evaluate(step, validation, size, prefix="val_", steps=validation_steps, callbacks=callbacks)
            callbacks.on_epoch_end(epoch, values)
            if callbacks.stop_training or passes.ended:
                break


def evaluate(
    step: Step,
    data: Data,
    batch_size: int | None,
    prefix: str = "",
    progress: Any = None,
    steps: int | None = None,
    callbacks: CallbackList | None = None,
) -> dict[str, float]:
    """Mean loss and metrics over the data, or its first ``steps`` batches, each sample counting once."""
    running, index, callbacks = Running(step), -1, callbacks or _NOBODY
    logs = LazyLogs(running)
    with callbacks.around_testing() as last, closing(one_pass(data, batch_size, steps)) as batches:
        for index, batch in enumerate(batches):
            callbacks.on_test_batch_begin(index, {})
            running.add(index, batch, step.test(batch))
            if progress is not None:
                progress(index + 1, logs)
            callbacks.on_test_batch_end(index, logs)
        last.update(running.logs())
    _check_steps("fit: validation_data" if prefix else "evaluate", data, index + 1, steps)
    return {f"{prefix}{name}": value for name, value in last.items()}


@np.errstate(all="ignore")
def predict(
    network: Layer,
    data: Data,
    batch_size: int | None,
    progress: Any = None,
    steps: int | None = None,
    callbacks: CallbackList | None = None,
) -> Any:
    """Outputs (n, ...) for all samples, on the host, in memory of their own; batch by batch, so that any n fits.

    A list of arrays for several outputs. Of a stream, the outputs of all its batches, or of the first ``steps``.
    """
    backend, index, callbacks = backends.current(), -1, callbacks or _NOBODY
    collected: list[_Rows] = []
    several = False
    known = len(data) if isinstance(data, ArrayData) and steps is None else None
    around = nullcontext() if callbacks is _NOBODY else callbacks.around_predicting()
    with around, closing(one_pass(data, batch_size, steps)) as batches:
        for index, batch in enumerate(batches):
            callbacks.on_predict_batch_begin(index, {})
            context = Context(keep=False)
            y, _ = explain_out_of_memory(network.apply, batch.size, batch.x, context)
            take_over("predict", network, context)
            several = isinstance(y, tuple)
            outputs = y if several else (y,)
            collected = collected or [_Rows(known) for _ in outputs]
            for rows, output in zip(collected, outputs):
                rows.add(backend.to_numpy(output))
            if progress is not None:
                progress(index + 1, {})
            callbacks.on_predict_batch_end(index, {"outputs": y})
    _check_steps("predict", data, index + 1, steps)
    if collected:
        results = [rows.result() for rows in collected]
    else:
        shapes = network.output_shape(data.sample_shape if isinstance(data, ArrayData) else network.input_shape)
        several = is_several(shapes)
        results = [np.empty((0, *shape), network.parameter_dtype) for shape in (shapes if several else (shapes,))]
    return results if several else results[0]


class _Rows:
    """Rows of batch after batch in one array, made at once where their number is known."""

    def __init__(self, samples: int | None) -> None:
        self._samples, self._filled = samples, 0
        self._whole: np.ndarray | None = None
        self._pieces: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        """Copy these rows, whose memory is used again."""
        if self._samples is None:
            if self._pieces and rows.shape[1:] != self._pieces[0].shape[1:]:
                received = f"results of shapes {self._pieces[0].shape[1:]} and {rows.shape[1:]}"
                raise DataError("predict", received, "one shape for all", "model.predict(x) for the batches of each length")
            self._pieces.append(np.array(rows))
            return
        if self._whole is None:
            self._whole = np.empty((self._samples, *rows.shape[1:]), rows.dtype)
        self._whole[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def result(self) -> np.ndarray:
        """All rows."""
        return np.concatenate(self._pieces) if self._whole is None else self._whole


# -- what is remarked upon ---------------------------------------------------------------------------------------------


def _warn_of_bad_batch(running: Running, epoch: int) -> bool:
    """Warn of the first batch whose loss was not finite, and look no further; returns whether there was one."""
    bad = running.first_bad_batch()
    if bad is None:
        return False
    running.watch = False
    warn(
        f"fit: the loss became NaN or infinite in epoch {epoch + 1}, batch {bad + 1}; try a smaller "
        "learning rate, nan='raise' (stops before the update) or the callback TerminateOnNaN.",
        NumericWarning,
    )
    return True


def _warn_of_end(data: Data, epoch: int, batches: int, steps: int | None) -> None:
    """Warn that a stream had fewer batches than the epoch was to have."""
    assert isinstance(data, StreamData)
    wanted = f" of {steps}" if steps else ""
    message = f"fit: {data.name} ended in epoch {epoch + 1} after {batches}{wanted} batches, and training ends with it"
    if data.once:
        again = "It can be gone through only once; Dataset.from_generator(function) begins again in each epoch."
    else:
        again = "It must give its batches again each time; a function for Dataset.from_generator returns a new iterator."
    warn(f"{message}. {again}", DataWarning)


def _check_steps(where: str, data: Data, batches: int, steps: int | None) -> None:
    """Raise DataError for a stream without any batch, warn of data that end before so many steps."""
    if isinstance(data, StreamData):
        where = data.where
        if not batches:
            raise data.empty()
    if steps is not None and batches < steps:
        name = data.name if isinstance(data, StreamData) else "the data"
        warn(f"{where}: {name} ended after {batches} of {steps} batches, and these count.", DataWarning)
