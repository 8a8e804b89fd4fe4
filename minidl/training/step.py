"""The training step: the only one in the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array, number
from minidl.data import Batch
from minidl.errors import NotBuiltError
from minidl.interrupts import only_at_end
from minidl.layers.base import Layer
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterGroup
from minidl.training.memory import explain_out_of_memory
from minidl.training.plan import make_plan
from minidl.training.recorded import RecordedSteps


class Step:
    """A network, a loss and an optimizer, bound together by ``compile``.

    Args:
        network: as the user wrote it.
        loss, optimizer, metrics: objects.
        fuse: whether the plan may compute neighbouring ops together.
        precision: of the factors of matrix products, see ``config.precision``.
    """

    def __init__(
        self,
        network: Layer,
        loss: Loss,
        optimizer: Optimizer,
        metrics: Sequence[Metric],
        fuse: bool = True,
        precision: str = "float32",
    ) -> None:
        if network.input_shape is None:
            raise NotBuiltError("fit", "a model without an input shape", "a built model", "input_shape in the first layer")
        self.network, self.loss = make_plan(network, loss, fuse)
        self.output_shape = network.output_shape(network.input_shape)
        self.optimizer, self.metrics = optimizer, list(metrics)
        self.group = ParameterGroup(network.parameters, optimizer.slots)
        self.precision = precision
        optimizer.bind(self.group)
        recorder = backends.current().recorder()
        self._recorded = recorder and RecordedSteps(recorder, self._train, self.network, optimizer, self.group)

    def train(self, batch: Batch, stop_at_nan: bool = False) -> tuple[Array, Array]:
        """One step: the batch's loss before it, and the prediction. ``stop_at_nan`` raises before the update.

        Raises OutOfMemoryError, the model being as before, where the batch does not fit.
        """
        if self._recorded is None or stop_at_nan:  # which looks at the loss in the middle of the step
            return self._run(partial(self._train, batch, stop_at_nan), batch)
        return self._run(partial(self._recorded.train, batch), batch)

    def _train(self, batch: Batch, stop_at_nan: bool = False) -> tuple[Array, Array]:
        self.group.zero_grad()  # at the start: an exception in the last step cannot poison this one
        self.network.begin_step()
        prediction, saved = self.network.apply(batch.x, training=True)
        loss, loss_saved = self.loss.compute(prediction, batch.y, batch.weight)
        prediction = self.loss.prediction(prediction, loss_saved)
        pending = self.network.pending(saved)
        if stop_at_nan and not abs(number(loss)) < float("inf"):
            raise FloatingPointError(f"the loss became {number(loss)}")
        self.network.gradient(self.loss.gradient(loss_saved), saved, need_dx=False)
        only_at_end()  # Ctrl-C cannot be let through any more
        self.optimizer.step(self.group)
        self.network.commit(pending)  # running statistics and counters: only after a whole step
        return loss, prediction

    def test(self, batch: Batch) -> tuple[Array, Array]:
        """Loss and prediction of a batch in inference mode; changes nothing."""
        return self._run(partial(self._test, batch), batch)

    def _test(self, batch: Batch) -> tuple[Array, Array]:
        prediction, _ = self.network.apply(batch.x, training=False, keep=False)
        loss, saved = self.loss.compute(prediction, batch.y, batch.weight)
        return loss, self.loss.prediction(prediction, saved)

    @np.errstate(all="ignore")  # infinities and NaN pass through and training reports them, whatever was set with np.seterr
    def _run(self, compute: Callable[[], tuple[Array, Array]], batch: Batch) -> tuple[Array, Array]:
        """``compute()`` in this model's precision, with words for a memory that is full."""
        if self.precision == config.precision():
            return explain_out_of_memory(compute, batch.size)
        with config.use_precision(self.precision):
            return explain_out_of_memory(compute, batch.size)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_recorded": None, "iterations": self.optimizer.iterations}

    def __setstate__(self, state: dict[str, Any]) -> None:
        iterations = state.pop("iterations")
        vars(self).update(state)
        self.optimizer.bind(self.group)
        self.optimizer.iterations = iterations
