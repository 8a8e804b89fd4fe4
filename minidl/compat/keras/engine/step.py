"""The training step as Keras 2.1 understood it: what is trained is decided by ``compile``, not by what is set afterwards.

    discriminator.compile(...)              # trains all of it
    discriminator.trainable = False
    combined.compile(...)                   # trains the rest
    discriminator.train_on_batch(...)       # still trains the discriminator

A step puts the flags of the parameters back to what they were at ``compile`` for as long as it takes. Where nobody changed any,
which one number tells, that costs nothing. Batch normalisation uses the statistics of the batch in training, frozen or not.

Metrics do not look at sample weights, but for those that are ``Weighted``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.compat.keras.engine.beside import Beside
from minidl.data import Batch
from minidl.layers.base import Layer
from minidl.layers.normalization import BatchNormalization
from minidl.metrics import Metric
from minidl.parameters.parameter import _settings
from minidl.training.masks import masked
from minidl.training.running import Running
from minidl.training.step import Result, Step


class OldStep(Step):
    """``Step`` with the rules of Keras 2.1.

    Attributes:
        collected: the parameters that were trainable at ``compile``.
        beside: what the losses read beside targets and predictions.
        keeps_last: whether to remember the last batch, for ``of_last``.
    """

    keeps_last = False
    last: tuple[Batch, Result] | None = None
    weight: Any = None  # of the samples of the last batch

    def __init__(self, *arguments: Any, beside: Beside | None = None) -> None:
        self.beside = beside
        super().__init__(*arguments)
        self.collected = frozenset(p for p in self.root.parameters if p.trainable)
        every = dict.fromkeys(_within(self.root))
        self._flags = [(layer, layer._trainable or isinstance(layer, BatchNormalization)) for layer in every]
        self._others: list[tuple[Any, bool]] = []  # parameters and layers whose flag is another one now
        self._seen_changes = -1
        for _, metric in self.metric_pairs:
            if isinstance(metric, Weighted):
                metric.step = self

    def _plan(self, network: Layer, loss: Any, fuse: bool) -> tuple[Layer, Any]:
        """With what the loss reads as further outputs."""
        if self.beside is None or self.beside.network is None:
            return super()._plan(network, loss, fuse)
        return super()._plan(self.beside.network, self.beside.around(loss), fuse)  # type: ignore[arg-type]

    def train(self, batch: Batch, stop_at_nan: bool = False) -> Result:
        """One step, training what was trainable at ``compile``."""
        if _settings.changes != self._seen_changes:
            self._look()
        if not self._others:
            result = super().train(batch, stop_at_nan)
        else:
            try:
                for thing, wanted in self._others:
                    thing._trainable = wanted
                result = super().train(batch, stop_at_nan)
            finally:
                for thing, wanted in self._others:
                    thing._trainable = not wanted
        if self.keeps_last:
            self.last = batch, result
        return result

    def of_last(self) -> dict[str, Any]:
        """Loss and metrics of the last batch alone."""
        assert self.last is not None
        running = Running(self)
        running.add(0, *self.last)
        return running.logs()

    def _run(self, batch: Batch, compute: Any, *args: Any) -> Result:
        if self.beside is not None and self.beside.objection is not None:
            raise self.beside.objection
        return super()._run(batch, compute, *args)

    def _look(self) -> None:
        """Find the flags that are not those of ``compile``."""
        flags: list[tuple[Any, bool]] = [*self._flags, *((p, p in self.collected) for p in self.root.parameters)]
        self._others = [(thing, wanted) for thing, wanted in flags if thing._trainable != wanted]
        self._seen_changes = _settings.changes

    def _judge(self, prediction: Any, batch: Batch, context: Any) -> tuple[Result, Any]:
        if self.beside is not None and self.beside.network is not None and context.mask is not None:
            masks = context.mask[: self.beside.count]
            context.mask = None if all(m is None for m in masks) else masks[0] if self.beside.single else masks
        result, saved = super()._judge(prediction, batch, context)
        self.weight = result.weight  # for weighted metrics
        if batch.weight is not None:
            result = result._replace(weight=None if context.mask is None else masked(None, context.mask))
        return result, saved

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "last": None, "weight": None, "_seen_changes": -1}


def _within(layer: Layer) -> Iterator[Layer]:
    """The layer, and all within it."""
    yield layer
    for part in layer.sublayers():
        yield from _within(part)


class Weighted(Metric, abstract=True):
    """A metric in which samples count by their weights: what ``compile(weighted_metrics=...)`` means.

    Args:
        metric: the metric itself.
        index: of the output, where there are several.
    """

    step: OldStep | None = None

    def __init__(self, metric: Metric, index: int | None = None) -> None:
        self.metric, self.index = metric, index
        super().__init__(f"weighted_{metric.name}")

    def update(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        weight = None if self.step is None else self.step.weight
        if isinstance(weight, tuple):
            weight = weight[self.index or 0]
        self.metric.update(y_true, y_pred, weight)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """As the metric does."""
        self.metric.check(y_true, output_shape, where)

    def reset(self) -> None:
        """Start again; a copy gets a metric of its own."""
        other = object.__new__(type(self.metric))
        vars(other).update(vars(self.metric))
        self.metric = other
        self.metric.reset()

    def result(self) -> Any:
        """That of the metric."""
        return self.metric.result()
