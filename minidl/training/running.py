"""What an epoch or an evaluation adds up: mean losses and metrics, under the names that Keras gives them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.backend import Array


def metrics_by_output(step: Any) -> list[tuple[int | None, Any]]:
    """The metrics of a step, each with the position of the output it looks at; None where there is one output."""
    return [metric if isinstance(metric, tuple) else (None, metric) for metric in step.metrics]


def names_of_logs(step: Any) -> list[str]:
    """What logs hold: ``loss``; of several outputs ``<output>_loss`` of each that has one, and ``<output>_<metric>``."""
    outputs = tuple(getattr(step, "output_names", ()))
    of_metrics = [m.name if at is None else f"{outputs[at]}_{m.name}" for at, m in metrics_by_output(step)]
    return ["loss", *(f"{outputs[at]}_loss" for at in outputs_with_losses(step)), *of_metrics]


def outputs_with_losses(step: Any) -> list[int]:
    """The positions of those of several outputs that are trained; nothing for one output."""
    outputs = range(len(getattr(step, "output_names", ())))
    return [at for at in outputs if step.loss.part(at) is not None]


class Running:
    """The mean losses so far and the metrics; sums stay on the device until ``logs`` is called.

    With several outputs, named by ``step.output_names``, a step's result has the loss of each, and ``step.metrics`` are pairs
    of an output's position and a metric.
    """

    def __init__(self, step: Any, watch: bool = False) -> None:
        self.total, self.samples, self.watch = 0.0, 0, watch  # watch: keep the losses for ``first_bad_batch``
        self.names = names_of_logs(step)
        self.trained = outputs_with_losses(step)
        self.parts: list[Any] = [0.0 for _ in self.trained]  # losses of several outputs
        self._losses: list[tuple[int, Array]] = []
        # Copies, as a callback may evaluate in the middle of an epoch.
        self.metrics = [(output, _fresh(metric)) for output, metric in metrics_by_output(step)]
        for _, metric in self.metrics:
            metric.reset()

    def add(self, index: int, batch: Any, result: Any) -> None:
        """Take in one batch and the ``Result`` of its step."""
        loss, prediction, weights = result.loss, result.prediction, result.weight
        self.total = self.total + loss.astype(np.float64) * batch.size
        self.samples += batch.size
        if self.watch:
            self._losses.append((index, loss))
        if self.parts:
            parts = [result.parts[at].astype(np.float64) for at in self.trained]
            self.parts = [total + part * batch.size for total, part in zip(self.parts, parts)]
        for output, metric in self.metrics:
            if output is None:
                metric.update(batch.y, prediction, weights)
            else:
                weight = None if weights is None else weights[output]
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
        sums = [backends.number(total) for total in (self.total, *self.parts)]
        means = [total / self.samples if self.samples else float("nan") for total in sums]
        values = [*means, *(metric.result() for _, metric in self.metrics)]
        return {f"{prefix}{name}": value for name, value in zip(self.names, values)}


def _fresh(metric: Any) -> Any:
    """A copy to add up in. One from outside minidl gets lists and arrays of its own, which it may empty in place."""
    other = copy.copy(metric)
    if not type(metric).__module__.startswith("minidl."):
        own = {
            name: copy.copy(value) for name, value in vars(other).items() if isinstance(value, (list, dict, set, np.ndarray))
        }
        vars(other).update(own)
    return other


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
