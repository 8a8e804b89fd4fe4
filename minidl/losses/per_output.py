"""The loss of a model with several outputs: a weighted sum of one loss for each.

L = sum_k weight_k L_k(y_pred_k, y_true_k)        dy_k = weight_k dL_k/dy_pred_k
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minidl.backend import Array
from minidl.backend.tape import again
from minidl.checks import check_number
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, described
from minidl.losses.base import Loss


class _Saved(NamedTuple):
    """What ``PerOutput.compute`` keeps: the losses by themselves, and what the gradient of each needs."""

    values: tuple[Array | None, ...]
    parts: tuple[Any, ...]


class PerOutput:
    """L = sum_k weight_k L_k over the outputs of a model; arrays come and go as tuples, one entry for each output.

    Args:
        losses: a Loss for each output, or None for one that is not trained: it needs no targets, has no value and no gradient.
        weights: a number for each output; None: 1 for all.
        names: of the outputs, as errors call them; none: by their numbers.

    Raises ArgumentError where the numbers of them differ, ArgumentTypeError for anything that is no Loss.

    >>> import numpy as np
    >>> from minidl.losses import MeanAbsoluteError, MeanSquaredError
    >>> loss = PerOutput([MeanSquaredError(), MeanAbsoluteError()], weights=[1.0, 10.0])
    >>> y_pred = np.array([[3.0]]), np.array([[2.0]])
    >>> total, saved = loss.compute(y_pred, (np.array([[1.0]]), np.array([[1.0]])))
    >>> float(total), [float(value) for value in loss.values(saved)], [dy.tolist() for dy in loss.gradient(saved)]
    (14.0, [4.0, 1.0], [[[4.0]], [[10.0]]])
    """

    def __init__(
        self, losses: Sequence[Loss | None], weights: Sequence[float] | None = None, names: Sequence[str] = ()
    ) -> None:
        self.losses: tuple[Loss | None, ...] = tuple(losses)
        for loss in self.losses:
            if not isinstance(loss, Loss | None):
                raise ArgumentTypeError("compile", f"{described(loss)} as loss", "a Loss object or None for each output")
        if not any(loss is not None for loss in self.losses):
            raise ArgumentError("compile", "no loss for any output", "a loss for at least one")
        given = [1.0] * len(self.losses) if weights is None else list(weights)
        self.names = tuple(names)
        for what, numbers in (("loss_weights", given), ("names", self.names or given)):
            if len(numbers) != len(self.losses):
                raise ArgumentError("compile", f"{len(numbers)} {what} for {len(self.losses)} outputs", "one for each")
        self.weights = tuple(check_number("compile", f"loss_weights[{self._key(k)}]", w) for k, w in enumerate(given))

    # -- what the training step calls, as it does with a Loss ----------------------------------------------------------

    def compute(
        self, y_pred: Sequence[Array], y_true: Sequence[Array], sample_weight: Any = None, mask: Any = None
    ) -> tuple[Array, _Saved]:
        """The weighted sum of the losses, and what ``gradient`` needs; sample weights and masks: None, or one for each."""
        values: list[Array | None] = []
        parts: list[Any] = []
        total: Any = 0.0
        for k, (loss, weight) in enumerate(zip(self.losses, self.weights)):
            value = saved = None
            if loss is not None:
                of_samples, of_mask = (None if given is None else given[k] for given in (sample_weight, mask))
                value, saved = loss.compute(y_pred[k], y_true[k], of_samples, of_mask)
                total = again(_added, total, weight, value)
            values.append(value)
            parts.append(saved)
        dtype = next(value.dtype for value in values if value is not None)
        return again(_as_type, total, dtype), _Saved(tuple(values), tuple(parts))

    def gradient(self, saved: _Saved) -> tuple[Array | None, ...]:
        """dL/dy_pred of each output; None where there is no loss."""
        return tuple(
            None if loss is None else loss.gradient(loss.weighted(part, weight))
            for loss, part, weight in zip(self.losses, saved.parts, self.weights)
        )

    def part(self, k: int) -> Loss | None:
        """The loss of output ``k``, or None."""
        return self.losses[k]

    def parts(self, saved: _Saved) -> list[Array | None]:
        """As ``values``: what logs show beside the total."""
        return self.values(saved)

    def values(self, saved: _Saved) -> list[Array | None]:
        """L_k of each output, not weighted, on its device; None where there is no loss."""
        return list(saved.values)

    def prediction(self, y_pred: Sequence[Array], saved: _Saved) -> tuple[Array, ...]:
        """What a person calls the prediction of each output: the probabilities, where y_pred are logits."""
        return tuple(y if loss is None else loss.prediction(y, part) for loss, y, part in zip(self.losses, y_pred, saved.parts))

    def check_data(
        self, y_true: Sequence[Any], output_shapes: Sequence[tuple[int, ...]], where: str, weight: Any = None
    ) -> None:
        """``check_data`` of each loss, with the output's name in errors: ``fit: y['digit']``.

        Raises DataError for targets of another number than there are outputs, and where one is missing.
        """
        if len(y_true) != len(self.losses):
            fix = f"a dictionary of {', '.join(map(repr, self.names))}" if self.names else ""
            raise DataError(where, f"targets for {len(y_true)} outputs", f"for {len(self.losses)}, one array for each", fix)
        for k, loss in enumerate(self.losses):
            if loss is None:
                continue
            place = f"{where}[{self._key(k)}]"
            if y_true[k] is None:
                fix = f"loss={{{self._key(k)}: None}} in compile, if this output is not trained"
                raise DataError(place, "no targets", "an array, one entry per sample", fix)
            loss.check_data(y_true[k], output_shapes[k], place, None if weight is None else weight[k])

    # -- what plan and model ask -----------------------------------------------------------------------------------------

    @property
    def merges(self) -> tuple[str | None, ...]:
        """The activation that each loss can be computed together with, or None."""
        return tuple(None if loss is None else loss.merges for loss in self.losses)

    @property
    def from_logits(self) -> tuple[bool, ...]:
        """Whether each loss takes predictions before that activation."""
        return tuple(loss is not None and loss.from_logits for loss in self.losses)

    @property
    def checks_finite(self) -> tuple[bool, ...]:
        """Whether each loss refuses targets that are NaN or infinite; an output without a loss has no targets to look at."""
        return tuple(loss is None or loss.checks_finite for loss in self.losses)

    @property
    def default_accuracy(self) -> tuple[str | None, ...]:
        """Which accuracy ``"accuracy"`` means for each output."""
        return tuple(None if loss is None else loss.default_accuracy for loss in self.losses)

    def with_logits_at(self, k: int) -> PerOutput:
        """The same, output ``k`` being taken before the activation that its loss merges."""
        losses = list(self.losses)
        loss = losses[k]
        if loss is None:
            raise ArgumentError("with_logits_at", f"output {self._key(k)}, which has no loss", "one that has")
        losses[k] = loss.with_logits()
        return PerOutput(losses, self.weights, self.names)

    def _key(self, k: int) -> str:
        """Output ``k`` as one writes it in brackets."""
        return repr(self.names[k]) if self.names else str(k)

    def __repr__(self) -> str:
        names = f", names={list(self.names)}" if self.names else ""
        return f"PerOutput({list(self.losses)}, weights={list(self.weights)}{names})"


def _added(total: Any, weight: float, value: Array) -> Any:
    return total + weight * value.astype("float64")


def _as_type(total: Any, dtype: Any) -> Any:
    return total.astype(dtype)
