"""The loops over batches: fit, evaluate, predict."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.random import SHUFFLE, Stream
from minidl.callbacks import CallbackList
from minidl.data import ArrayData, Batch
from minidl.errors import DataError, NumericWarning, warn
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer
from minidl.layers.context import Context
from minidl.training.memory import explain_out_of_memory
from minidl.training.step import Result, Step

_LOOK_EVERY = 50  # steps between looks at the losses, each of which waits for the device


class Running:
    """The mean loss so far and the metrics; sums stay on the device until ``logs`` is called."""

    def __init__(self, step: Step, watch: bool = False) -> None:
        self.total, self.samples, self.watch = 0.0, 0, watch  # watch: keep the losses for ``first_bad_batch``
        self.metrics = [copy.copy(metric) for metric in step.metrics]  # a callback may evaluate in the middle of an epoch
        self._losses: list[tuple[int, Array]] = []
        for metric in self.metrics:
            metric.reset()

    def add(self, index: int, batch: Any, result: Result) -> None:
        """Take in one batch."""
        loss, prediction = result.loss, result.prediction
        self.total = self.total + loss.astype(np.float64) * batch.size
        self.samples += batch.size
        if self.watch:
            self._losses.append((index, loss))
        for metric in self.metrics:
            metric.update(batch.y, prediction, result.weight)

    def first_bad_batch(self) -> int | None:
        """The first batch since the last call whose loss was not finite."""
        losses, self._losses = self._losses, []
        for (index, _), loss in zip(losses, backends.numbers([loss for _, loss in losses])):
            if not abs(loss) < float("inf"):
                return index
        return None

    def logs(self, prefix: str = "") -> dict[str, float]:
        """Name and value of loss and metrics."""
        values = {f"{prefix}loss": backends.number(self.total) / self.samples if self.samples else float("nan")}
        for metric in self.metrics:
            values[f"{prefix}{metric.name}"] = metric.result()
        return values


class LazyLogs(Mapping):
    """The running values of an epoch, computed when somebody looks."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def _values(self) -> dict[str, float]:
        return self._running.logs()

    def __getitem__(self, key: str) -> float:
        return self._values()[key]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


def batches_of(data: ArrayData, batch_size: int, order: np.ndarray | None = None) -> Iterator[Batch]:
    """``data.batches``, whose way to the device may run out of memory too."""
    batches = data.batches(batch_size, order)
    while (batch := explain_out_of_memory(lambda: next(batches, None), batch_size)) is not None:
        yield batch


def fit(
    step: Step,
    data: ArrayData,
    validation: ArrayData | None,
    *,
    batch_size: int,
    epochs: range,
    shuffle: bool,
    stream: Stream,
    epochs_done: int,
    callbacks: CallbackList,
    nan: str,
) -> None:
    """Train for ``epochs``; epoch e of the model's life visits the samples in the order of (seed, model, e)."""
    guard, warned = WholeSteps(), False
    steps = -(-len(data) // batch_size)
    with guard.installed(), callbacks.around_training():
        for epoch in epochs:
            callbacks.on_epoch_begin(epoch, {})
            life = epochs_done + epoch - epochs.start
            order = stream.generator(SHUFFLE, step=life).permutation(len(data)) if shuffle else None
            running = Running(step, watch=nan != "ignore" and not warned)
            logs = LazyLogs(running)
            for index, batch in enumerate(batches_of(data, batch_size, order)):
                callbacks.on_train_batch_begin(index, {})
                with guard.step():
                    try:
                        result = step.train(batch, stop_at_nan=nan == "raise")
                    except FloatingPointError as error:
                        where = f"fit: epoch {epoch + 1}, batch {index + 1}"
                        raise DataError(where, str(error), "a finite loss", "a smaller learning rate") from None
                    running.add(index, batch, result)
                if running.watch and (index % _LOOK_EVERY == 0 or index == steps - 1):
                    bad = running.first_bad_batch()
                    if bad is not None:
                        warned, running.watch = True, False
                        warn(
                            f"fit: the loss became NaN or infinite in epoch {epoch + 1}, batch {bad + 1}; try a smaller "
                            "learning rate, nan='raise' (stops before the update) or the callback TerminateOnNaN.",
                            NumericWarning,
                        )
                callbacks.on_train_batch_end(index, logs)
                if callbacks.stop_training:
                    break
            values = running.logs()
            if validation is not None:
                values |= evaluate(step, validation, batch_size, prefix="val_")
            callbacks.on_epoch_end(epoch, values)
            if callbacks.stop_training:
                break


def evaluate(step: Step, data: ArrayData, batch_size: int, prefix: str = "", progress: Any = None) -> dict[str, float]:
    """Mean loss and metrics over the data, each sample counting once whatever the batches."""
    running = Running(step)
    for index, batch in enumerate(batches_of(data, batch_size)):
        running.add(index, batch, step.test(batch))
        if progress is not None:
            progress(index + 1, LazyLogs(running))
    return running.logs(prefix)


@np.errstate(all="ignore")
def predict(network: Layer, data: ArrayData, batch_size: int, progress: Any = None) -> np.ndarray:
    """Outputs (n, ...) for all samples, on the host, in memory of their own; batch by batch, so that any n fits."""
    backend = backends.current()
    output, start = None, 0
    for index, batch in enumerate(batches_of(data, batch_size)):
        y, _ = explain_out_of_memory(partial(network.apply, batch.x, Context(keep=False)), batch.size)
        if output is None:
            output = np.empty((len(data), *y.shape[1:]), data.dtype)
        output[start : start + batch.size] = backend.to_numpy(y)
        start += batch.size
        if progress is not None:
            progress(index + 1, {})
    return np.empty((0, *network.output_shape(network.input_shape)), data.dtype) if output is None else output
