"""What an epoch or an evaluation adds up: mean losses and metrics, under the names that Keras gives them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.metrics.forms import as_column


def metrics_by_output(step: Any) -> list[tuple[int | None, Any]]:
    """The metrics of a step, each with the position of the output it looks at; None where there is one output."""
    return [metric if isinstance(metric, tuple) else (None, metric) for metric in step.metrics]


def names_of_logs(step: Any) -> list[str]:
    """What logs hold: ``loss``; ``<output>_loss`` of each of several with a loss; metrics, as ``<output>_<metric>``."""
    outputs = tuple(getattr(step, "output_names", ()))
    of_metrics = [m.name if at is None else f"{outputs[at]}_{m.name}" for at, m in metrics_by_output(step)]
    return ["loss", *(f"{outputs[at]}_loss" for at in outputs_with_loss(step)), *of_metrics]


def outputs_with_loss(step: Any) -> list[int]:
    """The positions of the outputs that are trained; none where there is one output, whose loss is the loss."""
    return [at for at in range(len(getattr(step, "output_names", ()))) if step.loss.part(at) is not None]


def _known(step: Any) -> tuple[list[str], list[int]]:
    """``names_of_logs`` and ``outputs_with_loss``; a step of a model keeps them for as long as its metrics stay."""
    kept = getattr(step, "logged", None)
    if kept is not None and kept[0] == step.metrics:
        return kept[1], kept[2]
    names, with_loss = names_of_logs(step), outputs_with_loss(step)
    if hasattr(step, "logged"):
        step.logged = [*step.metrics], names, with_loss
    return names, with_loss


class Running:
    """The mean losses so far and the metrics; sums stay on the device until ``logs`` is called.

    With several outputs, named by ``step.output_names``, a step's result has the loss of each, and ``step.metrics`` are pairs
    of an output's position and a metric.
    """

    def __init__(self, step: Any, watch: bool = False) -> None:
        self.total, self.samples, self.watch = 0.0, 0, watch  # watch: keep the losses for ``first_bad_batch``
        self.names, self._with_loss = _known(step)
        self.parts: list[Any] = [0.0 for _ in self._with_loss]
        self._losses: list[tuple[int, Array]] = []
        # Copies, as a callback may evaluate in the middle of an epoch.
        self.metrics = [(output, _fresh(metric)) for output, metric in metrics_by_output(step)]
        self.copies = not all(_lets_go(metric) for _, metric in self.metrics)
        for _, metric in self.metrics:
            metric.reset()

    def add(self, index: int, batch: Any, result: Any) -> None:
        """Take in one batch and the ``Result`` of its step."""
        loss, prediction, weights = result.loss, result.prediction, result.weight
        self.total = self.total + loss.astype(np.float64) * batch.size
        self.samples += batch.size
        if self.watch:
            self._losses.append((index, loss))
        for place, at in enumerate(self._with_loss):
            self.parts[place] = self.parts[place] + result.parts[at].astype(np.float64) * batch.size
        if self.copies:  # who keeps a prediction keeps an array that the next step writes to
            prediction = tuple([part.copy() for part in prediction]) if isinstance(prediction, tuple) else prediction.copy()
        for output, metric in self.metrics:
            if output is None:
                metric.update(as_column(batch.y, prediction), prediction, weights)
            else:
                weight = None if weights is None else weights[output]
                metric.update(as_column(batch.y[output], prediction[output]), prediction[output], weight)

    def add_several(self, index: int, size: int, losses: Array, predictions: Array | None, y: Array | None) -> None:
        """Take in the batches of several steps, from number ``index`` on: their losses, and what metrics look at."""
        for number, loss in enumerate(losses):
            self.total = self.total + loss.astype(np.float64) * size
            if self.watch:
                self._losses.append((index + number, loss))
        self.samples += size * len(losses)
        if predictions is not None and y is not None:
            y = y.reshape(len(losses), size, *y.shape[1:])
            for _, metric in self.metrics:
                metric.update_batches(as_column(y, predictions), predictions)

    def first_bad_batch(self) -> int | None:
        """The first batch since the last call whose loss was not finite."""
        losses, self._losses = self._losses, []
        for (index, _), loss in zip(losses, backends.numbers([loss for _, loss in losses])):
            if not abs(loss) < float("inf"):
                return index
        return None

    def logs(self, prefix: str = "") -> dict[str, Any]:
        """Name and value of the loss, of the losses of several outputs, and of the metrics, in this order."""
        return {f"{prefix}{name}": self.value(at) for at, name in enumerate(self.names)}

    def value(self, at: int) -> Any:
        """The value under ``names[at]`` so far; no other is computed."""
        sums = (self.total, *self.parts)
        if at >= len(sums):
            return self.metrics[at - len(sums)][1].result()
        total = backends.number(sums[at])
        return total / self.samples if self.samples else float("nan")


def _lets_go(metric: Any) -> bool:
    """Whether a metric is minidl's own and calls nothing of somebody else's: then it keeps nothing that it is given."""
    calls = [value for value in vars(metric).values() if callable(value)]
    ours = all(type(value).__module__.startswith("minidl.") for value in calls)
    return type(metric).__module__.startswith("minidl.metrics.") and ours and not hasattr(metric, "function")


def _fresh(metric: Any) -> Any:
    """A copy to add up in. One from outside minidl gets lists and arrays of its own, which it may empty in place."""
    if type(metric).__module__.startswith("minidl."):
        other = object.__new__(type(metric))
        vars(other).update(vars(metric))
        return other
    other = copy.copy(metric)
    own = {name: copy.copy(value) for name, value in vars(other).items() if isinstance(value, (list, dict, set, np.ndarray))}
    vars(other).update(own)
    return other


class LazyLogs(Mapping):
    """The running values of an epoch, each computed when somebody looks at it: a metric may be slow."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def __getitem__(self, key: str) -> Any:
        try:
            at = self._running.names.index(key)
        except ValueError:
            raise KeyError(key) from None
        return self._running.value(at)

    def __contains__(self, key: object) -> bool:
        return key in self._running.names

    def __iter__(self) -> Iterator[str]:
        return iter(self._running.names)

    def __len__(self) -> int:
        return len(self._running.names)
