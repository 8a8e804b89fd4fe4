"""The training step: the only one in the project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend import Array, number
from minidl.data import Batch
from minidl.errors import NotBuiltError
from minidl.layers.base import Layer
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.optimizers import Optimizer
from minidl.parameters import Arena
from minidl.training.memory import explain_out_of_memory
from minidl.training.plan import make_plan


class Step:
    """A network, a loss and an optimizer, bound together by ``compile``.

    Args:
        network: as the user wrote it.
        loss, optimizer, metrics: objects.
        fuse: whether the plan may compute neighbouring ops together.
    """

    def __init__(self, network: Layer, loss: Loss, optimizer: Optimizer, metrics: Sequence[Metric], fuse: bool = True) -> None:
        if network.input_shape is None:
            raise NotBuiltError("fit", "a model without an input shape", "a built model", "input_shape in the first layer")
        self.network, self.loss = make_plan(network, loss, fuse)
        self.output_shape = network.output_shape(network.input_shape)
        self.optimizer, self.metrics = optimizer, list(metrics)
        self.arena = Arena(network.parameters, optimizer.slots)
        optimizer.bind(self.arena)

    def train(self, batch: Batch, stop_at_nan: bool = False) -> tuple[Array, Array]:
        """One step: the batch's loss before it, and the prediction. ``stop_at_nan`` raises before the update.

        Raises OutOfMemoryError, the model being as before, where the batch does not fit.
        """
        return explain_out_of_memory(lambda: self._train(batch, stop_at_nan), batch.size)

    def _train(self, batch: Batch, stop_at_nan: bool) -> tuple[Array, Array]:
        self.arena.zero_grad()  # at the start: an exception in the last step cannot poison this one
        self.network.begin_step()
        prediction, saved = self.network.apply(batch.x, training=True)
        loss, loss_saved = self.loss.compute(prediction, batch.y, batch.weight)
        prediction = self.loss.prediction(prediction, loss_saved)
        pending = self.network.pending(saved)
        if stop_at_nan and not abs(number(loss)) < float("inf"):
            raise FloatingPointError(f"the loss became {number(loss)}")
        self.network.gradient(self.loss.gradient(loss_saved), saved, need_dx=False)
        self.optimizer.step(self.arena)
        self.network.commit(pending)  # running statistics and counters: only after a whole step
        return loss, prediction

    def test(self, batch: Batch) -> tuple[Array, Array]:
        """Loss and prediction of a batch in inference mode; changes nothing."""
        return explain_out_of_memory(lambda: self._test(batch), batch.size)

    def _test(self, batch: Batch) -> tuple[Array, Array]:
        prediction, _ = self.network.apply(batch.x, training=False, keep=False)
        loss, saved = self.loss.compute(prediction, batch.y, batch.weight)
        return loss, self.loss.prediction(prediction, saved)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "iterations": self.optimizer.iterations}

    def __setstate__(self, state: dict[str, Any]) -> None:
        iterations = state.pop("iterations")
        vars(self).update(state)
        self.optimizer.bind(self.arena)
        self.optimizer.iterations = iterations
