"""What people look at while a model trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import backend as backends
from minidl import losses
from minidl.backend import Array
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest, described, object_of
from minidl.losses import Loss
from minidl.metrics.accuracy import Accuracy as Accuracy
from minidl.metrics.accuracy import accuracy_score as accuracy_score
from minidl.metrics.base import Metric as Metric
from minidl.metrics.confusion import confusion_matrix as confusion_matrix

_ELSEWHERE = {  # accuracies of other libraries; which one is meant follows from the loss
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "binary_accuracy": "accuracy",
}


class OfFunction(Metric):
    """The mean of ``function(y_true, y_pred)``, which gives one number per sample."""

    def __init__(self, function: Callable[[Array, Array], Array]) -> None:
        super().__init__()
        self.function, self.name = function, getattr(function, "__name__", type(function).__name__)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """What the function says, of targets (n,) as a column where the output is one. Raises ShapeError for another length."""
        if y_true.shape == y_pred.shape[:-1] and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]  # (n,) and (n, 1) would broadcast to (n, n)
        values = backends.current().asarray(self.function(y_true, y_pred), None, f"metric {self.name!r}")
        if values.shape[:1] != y_pred.shape[:1]:
            raise ShapeError(f"metric {self.name!r}", f"shape {values.shape}", f"({len(y_pred)}, ...), a number per sample")
        return values


class OfLoss(Metric):
    """The mean of another loss."""

    def __init__(self, loss: Loss, name: str) -> None:
        super().__init__()
        self.loss, self.name = loss, name

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """As the loss does."""
        self.loss.check(y_true, output_shape, where)

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """The loss of each sample."""
        return self.loss.per_sample(y_pred, self.loss.prepare(y_true, y_pred))[0]


def get(identifier: Any, loss: Loss) -> Metric:
    """A metric by name (``"accuracy"`` fits the loss; names of losses), function of (y_true, y_pred), or itself.

    >>> get("accuracy", losses.get("sparse_categorical_crossentropy")).kind
    'sparse'
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier.lower() in ("accuracy", "acc"):
            return Accuracy(loss.default_accuracy)
        try:
            return OfLoss(losses.get(identifier), identifier)
        except ArgumentError as error:
            expected = "'accuracy', a loss's name, a Metric, or a function of (y_true, y_pred)"
            meant = closest(identifier, ["accuracy"], _ELSEWHERE) or error.meant
            raise ArgumentError("compile", f"metric {identifier!r}", expected, meant=meant) from None
    if callable(identifier) and not isinstance(identifier, type):  # a class would be called, and its object be the result
        return OfFunction(identifier)
    fix = f"metrics=[{object_of(identifier, Metric, repr('accuracy'))}]"
    raise ArgumentTypeError("compile", f"{described(identifier)} as metric", "a name, a Metric object or a function", fix)
