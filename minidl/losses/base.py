"""A loss is a pair of pure functions, like a layer: a value per sample averaged over the batch, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.declared import Declared
from minidl.errors import DataError, ShapeError


class Loss(Declared):
    """L = (1 / n) sum_i weight_i L_i over the n samples of a batch; subclasses define L_i.

    Attributes:
        merges: the activation this loss can be computed together with (``"softmax"``, ``"sigmoid"``), or None.
        from_logits: whether predictions are taken before that activation.
        default_accuracy: which accuracy ``metrics=["accuracy"]`` means; None: decided by the shapes.
        checks_finite: whether ``check_data`` refuses targets that are NaN or infinite; others are reported by the model.
    """

    table = "loss"
    merges: str | None = None
    from_logits = False
    default_accuracy: str | None = None
    checks_finite = False

    # -- what a loss defines -------------------------------------------------------------------------------------------

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i, shape (n, ...), and what ``gradient_of`` needs beside the targets."""
        raise NotImplementedError

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; ``scale`` is dL/dL_i, a number or an array (n, ..., 1)."""
        raise NotImplementedError

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Raise ShapeError or DataError unless targets (a host array) fit predictions of ``output_shape`` (with batch axis)."""
        column = y_true.shape == output_shape[:-1] and output_shape[-1] == 1  # one output: a column and a list mean the same
        if y_true.shape != output_shape and not column:
            raise ShapeError(where, f"targets of shape {y_true.shape}", f"{output_shape}, that of the predictions")

    def check_data(self, y_true: Any, output_shape: tuple[int, ...], where: str, weight: Any = None) -> None:
        """``check``, and what else a model asks of targets before it trains on them; raises as ``check`` does.

        ``weight`` are the samples' weights, if there are any: what weighs 0 need not make sense.
        """
        self.check(y_true, output_shape, where)

    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Checked targets in the form ``per_sample`` takes: here the predictions' shape and dtype."""
        return y_true.reshape(y_pred.shape).astype(y_pred.dtype, copy=False)

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """What a person calls the prediction: the probabilities, where y_pred are logits."""
        return y_pred

    # -- what users call -----------------------------------------------------------------------------------------------

    @np.errstate(all="ignore")
    def apply(self, y_pred: Any, y_true: Any, sample_weight: Any = None) -> tuple[Array, Any]:
        """The loss of a batch, and what ``gradient`` needs.

        Args:
            y_pred: predictions (n, ..., outputs).
            y_true: targets; their shape depends on the loss.
            sample_weight: None, or numbers (n,) or of the per-sample loss's shape.

        Raises ShapeError, DataError or ArgumentTypeError for targets that do not fit.
        """
        where = type(self).__name__
        y_pred = _floating(y_pred, where)
        if y_pred.ndim < 2:
            raise ShapeError(where, f"predictions of shape {y_pred.shape}", "(samples, ..., outputs)", "y_pred[:, None]")
        if y_pred.shape[0] == 0:
            raise DataError(where, "a batch without samples", "at least one")
        backend = backends.current()
        y_true = backend.asarray(y_true, None, f"{where}: y_true")
        self.check(backend.to_numpy(y_true), y_pred.shape, f"{where}: y_true")
        if sample_weight is not None:
            sample_weight = backend.asarray(sample_weight, None, f"{where}: sample_weight")
            smallest = backend.to_numpy(sample_weight).min(initial=0)
            if smallest < 0:
                raise DataError(f"{where}: sample_weight", f"a weight of {smallest}", "numbers >= 0")
        return self.compute(y_pred, y_true, sample_weight)

    def compute(self, y_pred: Array, y_true: Array, sample_weight: Any = None) -> tuple[Array, Any]:
        """``apply`` for arrays that were checked before, on their device, without waiting for it."""
        targets = self.prepare(y_true, y_pred)
        values, kept = self.per_sample(y_pred, targets)
        n, dtype = values.size, values.dtype
        # Summed in double precision: the sum of a batch may be too large for float32 where its mean is not.
        if sample_weight is None:
            return (values.sum(dtype="float64") / n).astype(dtype), (kept, targets, 1 / n)
        values = values.astype("float64")
        weights = sample_weights(sample_weight, values.shape, dtype, type(self).__name__)
        return ((values * weights).sum() / n).astype(dtype), (kept, targets, weights[..., None] / n)

    def gradient(self, saved: Any) -> Array:
        """dL/dy_pred."""
        return self.gradient_of(*saved)

    def with_logits(self) -> Loss:
        """The same loss, taking predictions before the activation it merges."""
        raise NotImplementedError

    def part(self, index: int) -> Loss | None:
        """The loss of output number ``index``: this one, unless it is that of a model with several outputs."""
        return self

    def with_logits_at(self, index: int) -> Loss:
        """``with_logits`` for one output."""
        return self.with_logits()

    def parts(self, saved: Any) -> list[Array]:
        """The losses of the single outputs, unweighted; empty where there is one output."""
        return []


def sample_weights(sample_weight: Any, shape: tuple[int, ...], dtype: Any, where: str) -> Array:
    """Weights (n,) or of ``shape`` = (n, ...), as an array that multiplies per-sample losses of ``shape``."""
    weights = backends.current().asarray(sample_weight, dtype, f"{where}: sample_weight")
    if weights.shape != shape[: weights.ndim] or weights.ndim == 0:
        expected = f"({shape[0]},)" + (f" or {shape}" if len(shape) > 1 else "")
        raise ShapeError(where, f"sample_weight of shape {weights.shape}", expected)
    return backends.array_namespace(weights).broadcast_to(
        weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)), shape
    )


def _floating(y_pred: Any, where: str) -> Array:
    array = backends.current().asarray(y_pred, None, f"{where}: y_pred")
    return array if array.dtype in ("float32", "float64") else array.astype(config.dtype())
