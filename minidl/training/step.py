"""The training step: the only one in the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl import backend as backends
from minidl import config
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
        self.arena = Arena(network.parameters, optimizer.slots)
        self.precision, self._recorder = precision, backends.current().recorder()
        optimizer.bind(self.arena)

    def train(self, batch: Batch, stop_at_nan: bool = False) -> tuple[Array, Array]:
        """One step: the batch's loss before it, and the prediction. ``stop_at_nan`` raises before the update.

        Raises OutOfMemoryError, the model being as before, where the batch does not fit.
        """
        if self._recorder is None or stop_at_nan:  # which looks at the loss in the middle of the step
            return self._in_its_precision(lambda: self._train(batch, stop_at_nan), batch)
        return self._in_its_precision(lambda: self._train_recorded(batch), batch)

    def _in_its_precision(self, compute: Callable[[], tuple[Array, Array]], batch: Batch) -> tuple[Array, Array]:
        if self.precision == config.precision():
            return explain_out_of_memory(compute, batch.size)
        with config.use_precision(self.precision):
            return explain_out_of_memory(compute, batch.size)

    def _train_recorded(self, batch: Batch) -> tuple[Array, Array]:
        """The same step, as a recording where there is one for batches of this shape."""
        self.optimizer.prepare(self.arena)  # the step's numbers travel before it, as a copy from the host is not recorded
        arrays, rebuild = flat(batch)

        def compute(inputs: list[Array]) -> tuple[Array, Array]:
            before = self.optimizer.iterations
            try:
                return self._train(rebuild(inputs), stop_at_nan=False)
            except Exception:
                self.optimizer.iterations = before  # what could not be recorded was not done
                raise

        loss, prediction = self._recorder.run(self._what_is_fixed(arrays), compute, arrays, self.optimizer.count)
        return loss.copy(), prediction  # the next replay writes to the same place, and losses are collected

    def _what_is_fixed(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        """Everything a recording depends on beside the numbers in memory."""
        shapes = tuple((a.shape, a.dtype.name) for a in arrays)
        frozen = tuple(layer.trainable for layer in every_layer(self.network)) + tuple(
            p.trainable for p in self.arena.parameters
        )
        constants = {k: v for k, v in vars(self.optimizer).items() if isinstance(v, (int, float)) and k != "_learning_rate"}
        constants.pop("iterations")
        return shapes, frozen, tuple(constants.items()), config.kernels()

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
        return self._in_its_precision(lambda: self._test(batch), batch)

    def _test(self, batch: Batch) -> tuple[Array, Array]:
        prediction, _ = self.network.apply(batch.x, training=False, keep=False)
        loss, saved = self.loss.compute(prediction, batch.y, batch.weight)
        return loss, self.loss.prediction(prediction, saved)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_recorder": None, "iterations": self.optimizer.iterations}

    def __setstate__(self, state: dict[str, Any]) -> None:
        iterations = state.pop("iterations")
        vars(self).update(state)
        self.optimizer.bind(self.arena)
        self.optimizer.iterations = iterations


def flat(batch: Batch) -> tuple[list[Array], Callable[[list[Array]], Batch]]:
    """The arrays of a batch in a list, and the way back."""
    several = isinstance(batch.x, tuple)
    xs = list(batch.x) if several else [batch.x]

    def rebuild(arrays: list[Array]) -> Batch:
        x, rest = arrays[: len(xs)], iter(arrays[len(xs) :])
        y = None if batch.y is None else next(rest)
        return Batch(tuple(x) if several else x[0], y, None if batch.weight is None else next(rest), batch.size)

    return [*xs, *(a for a in (batch.y, batch.weight) if a is not None)], rebuild


def every_layer(layer: Layer) -> Iterator[Layer]:
    """The layer and all within it."""
    yield layer
    for part in layer.sublayers():
        yield from every_layer(part)
