"""The loops over batches: fit, evaluate, predict."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.backend.random import SHUFFLE, Stream
from minidl.callbacks import CallbackList
from minidl.checks import check_integer
from minidl.data import ArrayData, Batch, StreamData
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, DataWarning, NumericWarning, described, warn
from minidl.interrupts import WholeSteps
from minidl.layers.base import Layer
from minidl.training.memory import explain_out_of_memory
from minidl.training.step import Step

_LOOK_EVERY = 50  # steps between looks at the losses, each of which waits for the device


class Running:
    """The mean losses so far and the metrics; sums stay on the device until ``logs`` is called.

    With several outputs, named by ``step.output_names``, ``step.parts`` holds the loss of each output in the last step, and
    ``step.metrics`` are pairs of an output's position and a metric.
    """

    def __init__(self, step: Step, watch: bool = False) -> None:
        self.total, self.samples, self.watch = 0.0, 0, watch  # watch: keep the losses for ``first_bad_batch``
        self.step, self.outputs = step, tuple(getattr(step, "output_names", ()))
        self.parts: list[Any] = [0.0] * len(self.outputs)
        self._losses: list[tuple[int, Array]] = []
        # Copies, as a callback may evaluate in the middle of an epoch.
        self.metrics: list[Any] = [] if self.outputs else [copy.copy(metric) for metric in step.metrics]
        self.metrics_of: list[tuple[int, Any]] = []
        if self.outputs:
            self.metrics_of = [(output, copy.copy(metric)) for output, metric in step.metrics]  # type: ignore[misc]
        for metric in (*self.metrics, *(metric for _, metric in self.metrics_of)):
            metric.reset()

    def add(self, index: int, batch: Any, loss: Array, prediction: Any) -> None:
        """Take in one batch, directly after its step."""
        self.total = self.total + loss.astype(np.float64) * batch.size
        self.samples += batch.size
        if self.watch:
            self._losses.append((index, loss))
        for metric in self.metrics:
            metric.update(batch.y, prediction, batch.weight)
        if self.outputs:
            parts: Any = self.step.parts  # type: ignore[attr-defined]
            self.parts = [total + part.astype(np.float64) * batch.size for total, part in zip(self.parts, parts)]
            for output, metric in self.metrics_of:
                weight = None if batch.weight is None else batch.weight[output]
                metric.update(batch.y[output], prediction[output], weight)

    def first_bad_batch(self) -> int | None:
        """The first batch since the last call whose loss was not finite."""
        losses, self._losses = self._losses, []
        for (index, _), loss in zip(losses, backends.numbers([loss for _, loss in losses])):
            if not abs(loss) < float("inf"):
                return index
        return None

    def logs(self, prefix: str = "") -> dict[str, float]:
        """Name and value of the loss, of the losses of several outputs, and of the metrics, in this order."""
        values = {f"{prefix}loss": backends.number(self.total) / self.samples if self.samples else float("nan")}
        for output, part in zip(self.outputs, self.parts):
            values[f"{prefix}{output}_loss"] = backends.number(part) / self.samples if self.samples else float("nan")
        for metric in self.metrics:
            values[f"{prefix}{metric.name}"] = metric.result()
        for at, metric in self.metrics_of:
            values[f"{prefix}{self.outputs[at]}_{metric.name}"] = metric.result()
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


Data = ArrayData | StreamData


def batches_of(
    data: Data, batch_size: int | None, order: np.ndarray | None = None, number: int = 0
) -> Generator[Batch, None, None]:
    """The batches of pass ``number`` on the device, with words for a memory that is full on the way there."""
    if isinstance(data, StreamData):
        with closing(data.pieces(number, order)) as pieces:
            for piece in pieces:
                yield explain_out_of_memory(partial(data.send, piece), len(piece))
        return
    assert batch_size is not None
    batches = data.batches(batch_size, order)
    while (batch := explain_out_of_memory(lambda: next(batches, None), batch_size)) is not None:
        yield batch


class Epochs:
    """The batches of one epoch after the other.

    An epoch is one pass over the data. With ``steps`` it is so many batches instead: it goes on where the last one stopped,
    and where the data end the next pass begins, unless they are an iterator, which cannot begin again.

    Args:
        data: arrays or a stream.
        batch_size: of arrays.
        steps: batches of an epoch, or None.
        order_of: gives the order of pass p, for data whose order may be shuffled.
        first_pass: the number of the first pass.
    """

    def __init__(
        self,
        data: Data,
        batch_size: int | None,
        steps: int | None = None,
        order_of: Callable[[int], np.ndarray] | None = None,
        first_pass: int = 0,
    ) -> None:
        self.data, self.batch_size, self._steps, self._order_of = data, batch_size, steps, order_of
        self._pass = first_pass
        self._open: Generator[Batch, None, None] | None = None  # the pass that the last epoch stopped in
        self.ended = False  # whether the data gave fewer batches than the last epoch was to have

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        return self._steps or self.data.steps(self.batch_size)

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        if self._steps is None:
            with closing(self._next_pass()) as batches:
                empty = True
                for batch in batches:
                    empty = False
                    yield batch
            self.ended = empty
            return
        for _ in range(self._steps):
            batch = self._next_batch()
            if batch is None:
                self.ended = True
                return
            yield batch

    def close(self) -> None:
        """End the pass that the last epoch stopped in, and what the data have begun."""
        if self._open is not None:
            self._open.close()
            self._open = None
        if isinstance(self.data, StreamData):
            self.data.close()

    def _next_pass(self) -> Generator[Batch, None, None]:
        number, self._pass = self._pass, self._pass + 1
        order = None if self._order_of is None else self._order_of(number)
        return batches_of(self.data, self.batch_size, order, number)

    def _next_batch(self) -> Batch | None:
        """The next batch of this pass, or the first of the next one; None where there is none."""
        batch = None if self._open is None else next(self._open, None)
        if batch is None and not (self._open is not None and isinstance(self.data, StreamData) and self.data.once):
            self._open = self._next_pass()
            batch = next(self._open, None)
        return batch


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
    """Train for ``epochs``; epoch e of the model's life visits the samples in the order of (seed, model, e)."""
    guard, warned = WholeSteps(), False
    count = (data.shuffles if isinstance(data, StreamData) else len(data)) if shuffle else 0

    def order_of(life: int) -> np.ndarray:
        return stream.generator(SHUFFLE, step=life).permutation(count)

    passes = Epochs(data, batch_size, steps_per_epoch, order_of if count else None, epochs_done)
    with guard.installed(), closing(passes), callbacks.around_training():
        for epoch in epochs:
            callbacks.on_epoch_begin(epoch, {})
            running, steps = Running(step, watch=nan != "ignore" and not warned), passes.steps
            logs = LazyLogs(running)
            with closing(passes.epoch()) as batches:  # type: ignore[type-var]
                for index, batch in enumerate(batches):
                    callbacks.on_train_batch_begin(index, {})
                    with guard.step():
                        try:
                            loss, prediction = step.train(batch, stop_at_nan=nan == "raise")
                        except FloatingPointError as error:
                            where = f"fit: epoch {epoch + 1}, batch {index + 1}"
                            raise DataError(where, str(error), "a finite loss", "a smaller learning rate") from None
                        running.add(index, batch, loss, prediction)
                    if running.watch and (index % _LOOK_EVERY == 0 or index + 1 == steps):
                        warned = _warn_of_bad_batch(running, epoch)
                    callbacks.on_train_batch_end(index, logs)
                    if callbacks.stop_training:
                        break
            if running.watch:  # the last steps of an epoch that nobody knew to be the last
                warned = _warn_of_bad_batch(running, epoch)
            if passes.ended:
                _warn_of_end(data, epoch, running.samples, index + 1 if running.samples else 0, steps_per_epoch)
                if not running.samples:
                    break
            values = running.logs()
            if validation is not None and validates(epoch, validation_freq):
                size = validation_batch_size or batch_size
                values |= evaluate(step, validation, size, prefix="val_", steps=validation_steps)
            callbacks.on_epoch_end(epoch, values)
            if callbacks.stop_training or passes.ended:
                break


def check_validation_freq(value: Any) -> int | Collection[int]:
    """``validation_freq`` as ``fit`` takes it: every so many epochs, or a collection of epochs counted from 1."""
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [check_integer("fit", "validation_freq", epoch) for epoch in value]
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        fix = "validation_freq=2, or validation_freq=[1, 5, 10]"
        raise ArgumentTypeError("fit", f"validation_freq={described(value)}", "a positive integer, or a list of epochs", fix)
    return check_integer("fit", "validation_freq", value)


def validates(epoch: int, validation_freq: int | Collection[int]) -> bool:
    """Whether there is a validation after this epoch, which is counted from 0 here and from 1 in ``validation_freq``."""
    return (epoch + 1) % validation_freq == 0 if isinstance(validation_freq, int) else epoch + 1 in validation_freq


def check_passes(where: str, data: Data, passes: int, steps: int | None, name: str) -> None:
    """Raise ArgumentError for an iterator that is to be gone through more than once; ``name`` is the argument for steps."""
    if isinstance(data, StreamData) and data.once and passes > 1 and steps is None:
        received = f"a {type(data.source).__name__}, which can be gone through only once, for {passes} passes"
        fix = f"{name}=..., or Dataset.from_generator(function) with the function that makes it"
        raise ArgumentError(where, received, "how many batches a pass takes, or data that can begin again", fix)


def _warn_of_bad_batch(running: Running, epoch: int) -> bool:
    """Warn of the first batch whose loss was not finite, and look no further; whether there was one."""
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


def _warn_of_end(data: Data, epoch: int, samples: int, batches: int, steps: int | None) -> None:
    assert isinstance(data, StreamData)
    kind = type(data.source).__name__
    wanted = f" of {steps}" if steps else ""
    message = f"fit: the {kind} ended in epoch {epoch + 1} after {batches}{wanted} batches, and training ends with it"
    if data.once:
        again = "A generator can be gone through only once; Dataset.from_generator(function) begins again."
    else:
        again = "The function of Dataset.from_generator must return a new iterator each time it is called."
    warn(f"{message}. {again}", DataWarning)


def evaluate(
    step: Step,
    data: Data,
    batch_size: int | None,
    prefix: str = "",
    progress: Any = None,
    steps: int | None = None,
) -> dict[str, float]:
    """Mean loss and metrics over the data, or over its first ``steps`` batches, each sample counting once."""
    running, passes = Running(step), Epochs(data, batch_size, steps)
    with closing(passes), closing(passes.epoch()) as batches:  # type: ignore[type-var]
        for index, batch in enumerate(batches):
            loss, prediction = step.test(batch)
            running.add(index, batch, loss, prediction)
            if progress is not None:
                progress(index + 1, LazyLogs(running))
    _check_all_came(data, passes, steps, running.samples)
    return running.logs(prefix)


def _check_all_came(data: Data, passes: Epochs, steps: int | None, samples: int) -> None:
    """Raise DataError where a stream had no batch, warn where it ended before so many steps."""
    if not isinstance(data, StreamData) or not passes.ended:
        return
    if not samples:
        fix = "Dataset.from_generator(function), which begins again" if data.once else ""
        raise DataError(data.where, f"a {type(data.source).__name__} without any more batches", "at least one", fix)
    warn(f"{data.where}: the {type(data.source).__name__} ended before {steps} batches; those that came count.", DataWarning)


@np.errstate(all="ignore")
def predict(network: Layer, data: Data, batch_size: int | None, progress: Any = None, steps: int | None = None) -> Any:
    """Outputs (n, ...) for all samples, on the host, in memory of their own; batch by batch, so that any n fits.

    A list of arrays for several outputs. Of a stream, the outputs of all its batches or of the first ``steps``.
    """
    backend = backends.current()
    collected, passes, several = None, Epochs(data, batch_size, steps), False
    known = len(data) if isinstance(data, ArrayData) and steps is None else None
    with closing(passes), closing(passes.epoch()) as batches:  # type: ignore[type-var]
        for index, batch in enumerate(batches):
            y, _ = explain_out_of_memory(partial(network.apply, batch.x, training=False, keep=False), batch.size)
            several = isinstance(y, tuple)
            outputs = y if several else (y,)
            if collected is None:
                collected = [Collected(known) for _ in outputs]
            for one, array in zip(collected, outputs):
                one.add(backend.to_numpy(array))
            if progress is not None:
                progress(index + 1, {})
    _check_all_came(data, passes, steps, 1 if collected else 0)
    if collected is None:
        shape = network.output_shape(network.input_shape)
        several = bool(shape) and isinstance(shape[0], tuple)
        empty = [np.empty((0, *one), network.parameter_dtype) for one in (shape if several else (shape,))]
        return empty if several else empty[0]
    results = [one.result() for one in collected]
    return results if several else results[0]


class Collected:
    """Rows of batch after batch, in one array: made at once where their number is known, put together at the end else."""

    def __init__(self, samples: int | None) -> None:
        self._samples, self._filled = samples, 0
        self._whole: np.ndarray | None = None
        self._pieces: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        """Copy these rows, whose memory is used again."""
        if self._samples is None:
            self._pieces.append(np.array(rows))
            return
        if self._whole is None:
            self._whole = np.empty((self._samples, *rows.shape[1:]), rows.dtype)
        self._whole[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def result(self) -> np.ndarray:
        """All rows."""
        return np.concatenate(self._pieces) if self._whole is None else self._whole
