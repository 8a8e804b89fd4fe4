"""The training step: the only one in the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add
from typing import Any, NamedTuple

import numpy as np

from minidl import config
from minidl.backend import Array, number
from minidl.backend.tape import again
from minidl.data import Batch
from minidl.data.batches import Ahead
from minidl.errors import NotBuiltError
from minidl.geometry import is_known, is_several
from minidl.interrupts import only_at_end
from minidl.layers.base import Layer, take_over
from minidl.layers.context import Context
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.ops.penalty import with_penalty
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterGroup
from minidl.training.masks import makes_masks, masked
from minidl.training.memory import explain_out_of_memory
from minidl.training.plan import make_plan
from minidl.training.recorded import recorded_steps
from minidl.training.running import metrics_by_output


class Result(NamedTuple):
    """What a step gives: everything stays on the device.

    Attributes:
        loss: of the batch, penalties included.
        prediction: as a person calls it, probabilities and not logits; a tuple for several outputs.
        weight: of the samples or time steps, as metrics count them: the batch's, 0 where the mask leaves a step out.
        parts: the losses of the single outputs, where there are several.
    """

    loss: Array
    prediction: Any
    weight: Any
    parts: list[Array]


class Judged(NamedTuple):
    """What is done with one output: the shape of a sample of it, its loss (None where it is not trained) and its metrics."""

    shape: tuple[int, ...]
    loss: Loss | None
    metrics: list[Metric]


class Step:
    """A network, a loss and an optimizer, bound together by ``compile``.

    Args:
        network: as the user wrote it.
        loss, optimizer, metrics: objects.
        fuse: whether the plan may compute neighbouring ops together.
        precision: of the factors of matrix products, see ``config.precision``.
        output_names: of several outputs; () for one.

    Attributes:
        metrics: Metrics; for several outputs pairs (index of the output, Metric).
        judged: each output, as losses and metrics look at it.
        makes_masks: whether a layer may leave time steps out, whose targets do not count.
    """

    def __init__(
        self,
        network: Layer,
        loss: Loss,
        optimizer: Optimizer,
        metrics: Sequence[Any],
        fuse: bool = True,
        precision: str = "float32",
        output_names: tuple[str, ...] = (),
    ) -> None:
        if network.input_shape is None:
            raise NotBuiltError("fit", "a model without an input shape", "a built model", "input_shape in the first layer")
        self.root = network  # as the user wrote it
        self.network, self.loss = self._plan(network, loss, fuse)
        self.output_shape = network.output_shape(network.input_shape)
        self.optimizer, self.metrics, self.output_names = optimizer, list(metrics), output_names
        pairs, shapes = self.metric_pairs, self.output_shape if is_several(self.output_shape) else (self.output_shape,)
        self.judged = [
            Judged(shape, loss.part(index), [metric for at, metric in pairs if at in (None, index)])
            for index, shape in enumerate(shapes)
        ]
        self.group = ParameterGroup(network.parameters, optimizer.slots)
        self.precision = precision
        self.makes_masks = makes_masks(network)
        self.known = is_known(self.output_shape)  # or lengths come with the data
        self.form: Any = None  # of plain data that was checked last, see ``models/given.py``
        self.logged: Any = None  # see ``Running``
        optimizer.bind(self.group)
        self._record()

    def _plan(self, network: Layer, loss: Loss, fuse: bool) -> tuple[Layer, Loss]:
        """What is computed in a step."""
        return make_plan(network, loss, fuse)

    def _record(self) -> None:
        """Begin to record steps, where the device can."""
        self._recorded = recorded_steps(self.root, self.network, self.loss, self.optimizer, self.group)

    def train(self, batch: Batch, stop_at_nan: bool = False) -> Result:
        """One step: the batch's loss before it, and the prediction. ``stop_at_nan`` raises before the update.

        Raises OutOfMemoryError, the model being as before, where the batch does not fit.
        """
        if (
            self._recorded is None or self._recorded.recorder.gave_up or stop_at_nan
        ):  # which looks at the loss in the middle of the step
            return self._run(batch, self._train, batch, stop_at_nan)
        return self._run(batch, self._recorded.train, self._train, batch)

    def train_several(self, ahead: Ahead, steps: int, predictions: bool) -> tuple[int, list[Array]]:
        """Up to ``steps`` steps at once, see ``RecordedSteps.train_several``."""
        recorded = self._recorded
        if recorded is None or recorded.recorder.gave_up:
            return 0, []
        if type(self).train is not Step.train or "train" in vars(self) or not hasattr(recorded.recorder, "run_several"):
            return 0, []
        return recorded.train_several(ahead, steps, predictions)

    @np.errstate(all="ignore")  # infinities and NaN pass through and training reports them, whatever was set with np.seterr
    def _train(self, batch: Batch, stop_at_nan: bool = False) -> Result:
        self.group.zero_grad()  # at the start: an exception in the last step cannot poison this one
        context = Context(training=True, step=self.root.steps_done)
        prediction, saved = self.network.apply(batch.x, context)
        result, loss_saved = self._judge(prediction, batch, context)
        if stop_at_nan and not abs(number(result.loss)) < float("inf"):
            raise FloatingPointError(f"the loss became {number(result.loss)}")
        self.network.gradient(self.loss.gradient(loss_saved), saved, need_dx=False)
        only_at_end()  # Ctrl-C cannot be let through any more
        self.optimizer.step(self.group)
        context.commit()  # running statistics and carried states: only after a whole step
        self.root.count_step()
        return result

    def _judge(self, prediction: Any, batch: Batch, context: Context) -> tuple[Result, Any]:
        """The loss with all penalties, and what its gradient needs."""
        loss, saved = self.loss.compute(prediction, batch.y, batch.weight, context.mask)
        parts = self.loss.parts(saved)
        if context.penalty is not None:
            loss = again(add, loss, context.penalty)
        if self.group.penalized:
            loss = with_penalty(loss, self.group.penalty())
        weight = batch.weight if context.mask is None else masked(batch.weight, context.mask)
        return Result(loss, self.loss.prediction(prediction, saved), weight, parts), saved

    @property
    def metric_pairs(self) -> list[tuple[int | None, Metric]]:
        """The metrics, each with the index of its output; None where there is one output."""
        return metrics_by_output(self)

    def test(self, batch: Batch) -> Result:
        """Loss and prediction of a batch in inference mode; changes nothing but states that are carried on."""
        return self._run(batch, self._test, batch)

    @np.errstate(all="ignore")
    def _test(self, batch: Batch) -> Result:
        context = Context(keep=False)
        prediction, _ = self.network.apply(batch.x, context)
        result, _ = self._judge(prediction, batch, context)
        take_over("evaluate", self.root, context)
        return result

    def _run(self, batch: Batch, compute: Callable[..., Result], *args: Any) -> Result:
        """``compute(*args)`` in this model's precision, with words for a memory that is full."""
        if self.precision == config.precision():
            return explain_out_of_memory(compute, batch.size, *args)
        with config.use_precision(self.precision):
            return explain_out_of_memory(compute, batch.size, *args)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_recorded": None, "iterations": self.optimizer.iterations}

    def __setstate__(self, state: dict[str, Any]) -> None:
        iterations = state.pop("iterations")
        vars(self).update(state)
        self.optimizer.bind(self.group)
        self.optimizer.iterations = iterations
        self._record()
