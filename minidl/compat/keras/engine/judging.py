"""What ``compile`` of Keras 2.1 meant by losses and metrics, output by output; the names mean what ``keras.losses`` and
``keras.metrics`` say.

Metrics are called by their functions: ``"mse"`` is ``mean_squared_error``, and ``"accuracy"`` is ``acc``. They do not look at
sample weights; those of ``weighted_metrics`` do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.compat.keras import losses, metrics
from minidl.compat.keras.engine.beside import NoLoss
from minidl.compat.keras.engine.step import Weighted
from minidl.errors import ArgumentError, ArgumentTypeError, closest, described
from minidl.metrics import Metric


def losses_of(given: Any, outputs: Sequence[str], others: bool = False) -> Any:
    """The loss for minidl's ``compile``, or a list of one for each of several outputs, None for one that is not trained.

    ``others``: whether layers or ``add_loss`` are parts of the loss, beside which there may be none of an output.
    """
    found: list[Any] = [] if given is None else of_outputs(given, outputs, "loss")
    if others and all(part is None for part in found):
        return NoLoss() if len(outputs) == 1 else [NoLoss() for _ in outputs]
    if given is None:
        raise ArgumentTypeError("compile", "no loss", "a loss or a name", "loss='categorical_crossentropy'")
    found = [None if part is None else losses.for_compile(part) for part in found]
    if all(part is None for part in found):
        raise ArgumentTypeError("compile", "no loss for any output", "a loss or a name", "loss='categorical_crossentropy'")
    return found[0] if len(outputs) == 1 else found


def metrics_of(given: Any, weighted: Any, parts: Sequence[Any], outputs: Sequence[str]) -> Any:
    """The metrics for minidl's ``compile``: a list, or a list for each of several outputs.

    Args:
        given, weighted: ``metrics`` and ``weighted_metrics``: a list for all outputs, or a dictionary by name.
        parts: the loss of each output, or None.
        outputs: their names.
    """
    found: list[list[Metric]] = []
    of_weights = lists_of(weighted, outputs, "weighted_metrics")
    for index, (entries, loss) in enumerate(zip(lists_of(given, outputs, "metrics"), parts)):
        if loss is None or isinstance(loss, NoLoss):  # nothing of this output is looked at
            found.append([])
            continue
        made = [metrics.as_metric(entry, loss) for entry in entries]
        made += [Weighted(metrics.as_metric(entry, loss), index) for entry in of_weights[index]]
        seen: dict[str, int] = {}
        for metric in made:  # the same one twice gets a number
            seen[metric.name] = count = seen.get(metric.name, 0) + 1
            if count > 1:
                metric.name = f"{metric.name}_{count}"
        found.append(made)
    return found[0] if len(outputs) == 1 else found


def of_outputs(given: Any, outputs: Sequence[str], argument: str) -> list[Any]:
    """An argument's part for each output: a dictionary by name, a list in their order, or one thing for all."""
    if isinstance(given, Mapping) and "class_name" not in given:
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


def lists_of(given: Any, outputs: Sequence[str], argument: str) -> list[list[Any]]:
    """A list for each output: the same for all, or by name."""
    if given is None:
        return [[] for _ in outputs]
    if isinstance(given, Mapping):
        return [_listed(part) for part in of_outputs(given, outputs, argument)]
    if not isinstance(given, (list, tuple)):
        raise ArgumentTypeError("compile", f"{argument}={described(given)}", "a list", f"{argument}=['accuracy']")
    if len(outputs) > 1 and any(isinstance(item, (list, tuple)) for item in given):
        return [_listed(part) for part in of_outputs(given, outputs, argument)]
    return [list(given) for _ in outputs]


def as_written(value: Any) -> Any:
    """Losses or metrics as files hold them: functions of ``keras.losses`` and ``keras.metrics`` by their names."""
    if isinstance(value, Mapping):
        return {name: as_written(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_written(part) for part in value]
    is_ours = callable(value) and str(getattr(value, "__module__", "")).startswith("minidl.compat")
    return value.__name__ if is_ours and isinstance(getattr(value, "__name__", None), str) else value


def _listed(part: Any) -> list[Any]:
    return [] if part is None else list(part) if isinstance(part, (list, tuple)) else [part]
