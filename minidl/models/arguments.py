"""The arguments of ``compile`` and ``fit``, checked and made into objects before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl import backend as backends
from minidl import losses
from minidl import metrics as metrics_module
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, BackendError, closest, described
from minidl.losses import Loss
from minidl.losses.per_output import PerOutput
from minidl.metrics import Metric


def make_loss(loss: Any, weights: Any, outputs: Sequence[str]) -> Any:
    """The loss of a model: of its one output, or of each of several, weighted.

    ``loss`` is one (for every output), a list in the order of the outputs, or a dictionary by their names; a part may be None
    for an output that is not trained.
    """
    if loss is None:
        raise ArgumentTypeError("compile", "no loss", "a Loss or a name", "loss='categorical_crossentropy'")
    if len(outputs) == 1:
        if isinstance(loss, (list, tuple, Mapping)) and not _is_config(loss):
            (loss,) = per_output(loss, outputs, "loss")
        if weights is not None:
            raise ArgumentError("compile", "loss_weights for a model with one output", "no weights")
        return losses.get(loss)
    parts = per_output(loss, outputs, "loss", for_all=True)
    numbers = [1.0] * len(outputs) if weights is None else per_output(weights, outputs, "loss_weights", missing=1.0)
    checked = [check_number("compile", f"loss_weights of {name!r}", w) for name, w in zip(outputs, numbers)]
    return PerOutput([None if part is None else losses.get(part) for part in parts], checked, list(outputs))


def make_metrics(metrics: Any, loss: Loss, outputs: Sequence[str]) -> list[Any]:
    """The metrics of a model: Metrics, or pairs (index of the output, Metric) where there are several outputs."""
    if isinstance(metrics, str) or not isinstance(metrics, (list, tuple, Mapping, type(None))):
        raise ArgumentTypeError("compile", f"metrics={metrics!r}", "a list", "metrics=['accuracy']")
    if len(outputs) == 1:
        if isinstance(metrics, Mapping):
            (metrics,) = per_output(metrics, outputs, "metrics")
        if isinstance(metrics, (list, tuple)) and len(metrics) == 1 and isinstance(metrics[0], (list, tuple)):
            (metrics,) = metrics  # a list for each output, as with several
        made = [metrics_module.get(m, loss) for m in _listed(metrics)]
        _check_names(["loss", *(m.name for m in made)])
        return made
    if isinstance(metrics, (list, tuple)) and len(metrics) != len(outputs):
        received = f"{len(metrics)} metrics for {len(outputs)} outputs"
        fix = f"metrics={{{outputs[0]!r}: ['accuracy']}}"
        raise ArgumentError("compile", received, "an entry for each output, in a list or by name", fix)
    pairs: list[tuple[int, Metric]] = []
    for index, of_output in enumerate(per_output(metrics, outputs, "metrics") if metrics is not None else []):
        part = loss.part(index)
        made = [metrics_module.get(m, part) for m in _listed(of_output)]
        _check_names(["loss", *(m.name for m in made)])
        pairs += [(index, metric) for metric in made]
    return pairs


def per_output(given: Any, outputs: Sequence[str], argument: str, *, for_all: bool = False, missing: Any = None) -> list[Any]:
    """An argument's part for each output, from a list or a dictionary by name; ``for_all``: one thing means every output."""
    if isinstance(given, Mapping) and not _is_config(given):
        for name in given:
            if name not in outputs:
                meant = closest(name, outputs)
                raise ArgumentError("compile", f"{argument} of {name!r}", f"the outputs {', '.join(outputs)}", meant=meant)
        return [given.get(name, missing) for name in outputs]
    if isinstance(given, (list, tuple)):
        if len(given) != len(outputs):
            received = f"{len(given)} entries in {argument}"
            raise ArgumentError("compile", received, f"{len(outputs)}, one for each output ({', '.join(outputs)})")
        return list(given)
    if for_all:
        return [given] * len(outputs)
    received = f"{described(given)} as {argument}"
    raise ArgumentTypeError("compile", received, f"a list or dictionary for the outputs {', '.join(outputs)}")


def _is_config(given: Any) -> bool:
    return isinstance(given, Mapping) and "class_name" in given


def _listed(metrics: Any) -> list[Any]:
    return [] if metrics is None else list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]


def _check_names(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise ArgumentError("compile", f"metrics {names[1:]}", "different names, none of them 'loss'")


def check_precision(precision: Any) -> None:
    """Raise ArgumentError for a name that means nothing, BackendError for what this device does not offer."""
    offered = backends.current().precisions
    if precision in offered:
        return
    if precision not in ("float32", "tf32", "bf16"):
        names = ("float32", "tf32", "bf16")
        meant = closest(precision, names, {"fp32": "float32", "bfloat16": "bf16"})
        raise ArgumentError("compile", f"precision={precision!r}", "'float32', 'tf32' or 'bf16'", meant=meant)
    device, fix = backends.current().device, "minidl.set_backend('cupy') on a machine with an NVIDIA GPU"
    raise BackendError("compile", f"precision={precision!r} on the {device}", " or ".join(map(repr, offered)), fix)


def check_verbose(where: str, verbose: Any) -> int:
    """0, 1 or 2."""
    if verbose not in (0, 1, 2):
        raise ArgumentError(where, f"verbose={verbose!r}", "0, 1 or 2")
    return int(verbose)


def check_callbacks(where: str, callbacks: Any) -> None:
    """Raise ArgumentTypeError unless callbacks are a list."""
    if not isinstance(callbacks, (list, tuple, type(None))):
        raise ArgumentTypeError(f"{where}: callbacks", f"a {type(callbacks).__name__}", "a list", "callbacks=[EarlyStopping()]")


def check_counts(where: str, **counts: Any) -> None:
    """Raise unless each is a positive integer or None."""
    for name, value in counts.items():
        if value is not None:
            check_integer(where, name, value)
