"""What ``compile`` of Keras 2.1 meant by its losses and metrics, as objects of minidl under the names of then.

``"accuracy"`` is called ``acc`` and is, output by output: binary where there is one number or the loss is the binary cross-entropy,
sparse where the loss is, else categorical. Other metrics are called by their function: ``"mse"`` is ``mean_squared_error``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl import metrics, optimizers
from minidl.backend import array_namespace
from minidl.compat.keras.engine.step import Weighted
from minidl.compat.translation import OldName
from minidl.declared import snake_case
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.losses import BinaryCrossentropy, Loss, SparseCategoricalCrossentropy
from minidl.metrics import Accuracy, Metric
from minidl.metrics.forms import like_predictions

_SHORT = {  # other names in Keras 2.1 for a function
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kullback_leibler_divergence",
    "cosine": "cosine_proximity",
}


class RoundedAccuracy(Metric, abstract=True):
    """The part of the numbers that are equal to their targets once rounded: the accuracy of a single output in Keras 2.1."""

    direction = "max"

    def __init__(self, name: str = "acc") -> None:
        super().__init__(name)

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """As the binary accuracy does."""
        Accuracy("binary").check(y_true, output_shape, where)

    def per_sample(self, y_true: Any, y_pred: Any) -> Any:
        """Of each sample, the mean over its numbers."""
        xp = array_namespace(y_pred)
        return (like_predictions(y_true, y_pred) == xp.round(y_pred)).mean(axis=-1)


def named_2_1(identifier: Any) -> Any:
    """How Keras 2.1 calls a loss or metric, given as a name or as one of its functions; anything else as it is.

    >>> named_2_1("MSE"), named_2_1("binary_crossentropy")
    ('mean_squared_error', 'binary_crossentropy')
    """
    if not isinstance(identifier, (str, Loss, Metric)) and _is_ours(identifier):
        identifier = identifier.__name__
    if not isinstance(identifier, str):
        return identifier
    name = snake_case(identifier) if identifier[:1].isupper() and not identifier.isupper() else identifier.lower()
    return _SHORT.get(name, name)


def loss_of(identifier: Any) -> Any:
    """A loss for minidl's ``compile``: names as they are written today, functions of ``keras.losses`` as losses."""
    made = getattr(identifier, "loss_of_today", None)
    if made is not None:
        return made()
    if isinstance(identifier, OldName):
        return identifier()
    return named_2_1(identifier)


def optimizer_of(identifier: Any) -> Any:
    """An optimizer for minidl's ``compile``: an object, or the one of a name with the numbers of Keras 2.1."""
    return optimizers.get(identifier)


def of_outputs(given: Any, outputs: Sequence[str], argument: str) -> list[Any]:
    """An argument's part for each output: a dictionary by name, a list in their order, or one thing for all."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in outputs:
                expected = f"the outputs {', '.join(outputs)}"
                raise ArgumentError("compile", f"{argument} of {name!r}", expected, meant=closest(name, outputs))
        return [given.get(name) for name in outputs]
    if isinstance(given, (list, tuple)):
        if len(given) != len(outputs):
            raise ArgumentError("compile", f"{len(given)} entries in {argument}", f"{len(outputs)}, one for each output")
        return list(given)
    return [given] * len(outputs)


def metrics_of(given: Any, weighted: Any, parts: Sequence[Any], shapes: Sequence[Any], outputs: Sequence[str]) -> Any:
    """The metrics for minidl's ``compile``: a list, or a list for each of several outputs.

    Args:
        given, weighted: ``metrics`` and ``weighted_metrics``: a list for all outputs, or a dictionary by name.
        parts: the loss of each output, or None.
        shapes: of a sample of each output.
        outputs: their names.
    """
    found: list[list[Metric]] = []
    for index, (of_output, of_weighted, loss, shape) in enumerate(
        zip(_lists(given, outputs, "metrics"), _lists(weighted, outputs, "weighted_metrics"), parts, shapes)
    ):
        if loss is None:  # nothing of this output is looked at
            found.append([])
            continue
        made = [_metric(item, loss, shape) for item in of_output]
        made += [Weighted(_metric(item, loss, shape), index) for item in of_weighted]
        seen: dict[str, int] = {}
        for metric in made:  # the same one twice gets a number
            seen[metric.name] = count = seen.get(metric.name, 0) + 1
            if count > 1:
                metric.name = f"{metric.name}_{count}"
        found.append(made)
    return found[0] if len(outputs) == 1 else found


def _lists(given: Any, outputs: Sequence[str], argument: str) -> list[list[Any]]:
    if given is None:
        return [[] for _ in outputs]
    if isinstance(given, Mapping):
        return [_listed(part) for part in of_outputs(given, outputs, argument)]
    if isinstance(given, str):
        raise ArgumentTypeError("compile", f"{argument}={given!r}", "a list", f"{argument}=[{given!r}]")
    if isinstance(given, (list, tuple)) and len(outputs) > 1 and any(isinstance(item, (list, tuple)) for item in given):
        return [_listed(part) for part in of_outputs(given, outputs, argument)]
    if not isinstance(given, (list, tuple)):
        raise ArgumentTypeError("compile", f"{argument}={described(given)}", "a list", f"{argument}=['accuracy']")
    return [list(given) for _ in outputs]


def _listed(part: Any) -> list[Any]:
    return [] if part is None else list(part) if isinstance(part, (list, tuple)) else [part]


def _metric(identifier: Any, loss: Loss, shape: tuple[int, ...]) -> Metric:
    if isinstance(identifier, Metric):
        return identifier
    made = getattr(identifier, "metric_of_today", None)
    if made is not None:
        return made()  # type: ignore[no-any-return]
    name = named_2_1(identifier)
    if name in ("accuracy", "acc"):
        if shape[-1] == 1 or isinstance(loss, BinaryCrossentropy):
            return RoundedAccuracy()
        return Accuracy("sparse" if isinstance(loss, SparseCategoricalCrossentropy) else "categorical", name="acc")
    if name == "binary_accuracy":
        return RoundedAccuracy(name)
    if not isinstance(name, str):
        return metrics.get(identifier, loss)
    metric = metrics.get(name, loss)
    metric.name = name
    return metric


def _is_ours(thing: Any) -> bool:
    """Whether a function or name is one of ``keras.losses`` or ``keras.metrics``."""
    return isinstance(getattr(thing, "__name__", None), str) and str(getattr(thing, "__module__", "")).startswith("minidl.compat")
