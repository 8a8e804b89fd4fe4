"""Whether large or small values of a number in the logs are the good ones: by its metric, else by the words of its name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# fmt: off
_LARGER_IS_BETTER = {
    "acc", "accuracy", "auc", "dice", "f1", "fbeta", "iou", "jaccard", "kappa", "mcc", "precision", "r2", "recall",
    "sensitivity", "specificity",
}
_SMALLER_IS_BETTER = {
    "brier", "cosh", "crossentropy", "divergence", "entropy", "error", "errors", "hinge", "huber", "kld", "logcosh", "loss",
    "mae", "mape", "mse", "msle", "perplexity", "poisson", "rmse", "sse",
}
# fmt: on


def direction(name: str, mode: str = "auto", metrics: Iterable[Any] = ()) -> float:
    """1 where larger is better, -1 where smaller is, 0 where nobody knows.

    Args:
        name: the name in the logs.
        mode: ``"min"`` or ``"max"`` decide; ``"auto"`` looks at ``metrics``, then at the name.
        metrics: metric objects; one called like ``name`` may have an attribute ``direction``, ``"max"`` or ``"min"``.

    >>> direction("val_accuracy"), direction("output_1_loss"), direction("val_profit")
    (1.0, -1.0, 0.0)
    """
    plain = name.removeprefix("val_")
    of_metrics = [getattr(m, "direction", None) for m in metrics if f"_{plain}".endswith(f"_{getattr(m, 'name', None)}")]
    for found in (mode, *of_metrics):
        if found in ("min", "max"):
            return 1.0 if found == "max" else -1.0
    words = set(re.split(r"[^a-z0-9]+", plain.lower().replace("io_u", "iou")))  # the snake case of IoU
    words |= {word.rstrip("0123456789") for word in words}  # "loss2"
    larger, smaller = bool(words & _LARGER_IS_BETTER), bool(words & _SMALLER_IS_BETTER)
    return float(larger - smaller)
