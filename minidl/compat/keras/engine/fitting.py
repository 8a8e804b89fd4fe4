"""The moments of a training as Keras 2.1 told them: one callback of minidl that stands for all of a script's.

    fit    on_train_begin, then for each epoch on_epoch_begin, for each batch on_batch_begin and on_batch_end, then on_epoch_end

The logs of a batch hold ``batch``, ``size``, and loss and metrics of that batch alone; those of an epoch the means, what
validation gave coming first. The bar comes last, so that what callbacks print stands before the line that ends an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minidl import callbacks as today
from minidl.compat.keras.callbacks import Callback, History
from minidl.compat.keras.progress import Progbar


class Plan(NamedTuple):
    """What callbacks are told of a training before it begins, and what it takes to tell them the size of each batch.

    Attributes:
        params: of the callbacks.
        target: how much the bar counts to: samples, or batches of a generator.
        samples: of an epoch; None where batches are counted.
        batch_size: of each but the last; None for a generator.
        batches: the generator, which knows the size of its last batch; None for arrays.
        validation_data: what callbacks find under this name.
    """

    params: dict[str, Any]
    target: Any
    samples: int | None
    batch_size: int | None
    batches: Any
    validation_data: Any


class Moments(today.Callback, abstract=True):
    """All callbacks of one ``fit``, and its bar.

    Args:
        callbacks: the script's.
        model: the model they see.
        plan: what is trained on.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, plan: Plan) -> None:
        self.history = History()
        self.callbacks, self.face, self.plan = [*callbacks, self.history], model, plan
        self._begins = [c for c in self.callbacks if _looks(c, "on_batch_begin")]
        self._ends = [c for c in self.callbacks if _looks(c, "on_batch_end")]
        self._step = model._compiled_step()
        self._bar: Progbar | None = None

    def on_train_begin(self, logs: Any) -> None:
        """Tell everybody what is trained."""
        self._step.keeps_last = bool(self._ends)
        self.face.history = self.history
        for callback in self.callbacks:
            callback.set_model(self.face)
            callback.set_params(self.plan.params)
            callback.validation_data = self.plan.validation_data
        for callback in self.callbacks:
            callback.on_train_begin({})
        self.face.stop_training = False

    def on_train_end(self, logs: Any) -> None:
        """Tell everybody."""
        self._step.keeps_last, self._step.last = False, None
        for callback in self.callbacks:
            callback.on_train_end({})

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        """Tell everybody, and begin a bar."""
        self._seen = 0
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})
        verbose = self.plan.params["verbose"]
        if verbose:
            print(f"Epoch {epoch + 1}/{self.plan.params['epochs']}")
            self._bar = Progbar(self.plan.target, verbose=verbose)

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        """Tell everybody, and draw the last line."""
        told = {name: value for name, value in logs.items() if name.startswith("val_")}
        told |= {name: value for name, value in logs.items() if name not in told}
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, told)
        if self._bar is not None and self._bar.is_due(self._seen, force=True):
            self._bar.show(self._seen, [(name, told[name]) for name in self.plan.params["metrics"] if name in told])


class MomentsOfBatches(Moments, abstract=True):
    """With those of each batch: for a bar, or for callbacks that look at batches. ``fit`` is quicker where nobody does."""

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        """Tell those who look at batches."""
        if self._begins:
            told = {"batch": batch, "size": self._size(batch)}
            for callback in self._begins:
                callback.on_batch_begin(batch, told)

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        """Tell those who look at batches, and draw the bar; the last batch is left to the end of the epoch."""
        samples = self.plan.samples
        seen = self._seen = batch + 1 if samples is None else min((batch + 1) * (self.plan.batch_size or 32), samples)
        if self._ends:
            told = {"batch": batch, "size": self._size(batch), **self._step.of_last()}
            for callback in self._ends:
                callback.on_batch_end(batch, told)
        bar = self._bar
        if bar is not None and seen < self.plan.target and bar.is_due(seen):
            bar.show(seen, list(logs.items()))

    def _size(self, batch: int) -> int:
        if self.plan.batches is not None:
            return int(self.plan.batches.size)
        size = self.plan.batch_size or 32
        return size if self.plan.samples is None else min(size, self.plan.samples - batch * size)


class Nobody(today.Callback, abstract=True):
    """In the place of minidl's own bar, where ``Moments`` draws it."""

    def __init__(self, verbose: int = 1) -> None:
        self.verbose = verbose


def moments(callbacks: Sequence[Any], model: Any, plan: Plan) -> Moments:
    """What tells a script's callbacks, and draws the bar: about batches only where somebody looks at them."""
    looks = any(_looks(c, moment) for c in callbacks for moment in ("on_batch_begin", "on_batch_end"))
    return (MomentsOfBatches if looks or plan.params["verbose"] else Moments)(callbacks, model, plan)


def _looks(callback: Any, moment: str) -> bool:
    """Whether a callback does anything at a moment of each batch."""
    return moment in vars(callback) or getattr(type(callback), moment, None) is not getattr(Callback, moment)
