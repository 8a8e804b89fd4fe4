"""A loss is a pair of pure functions, like a layer: a value per sample averaged over the batch, and its gradient."""

from __future__ import annotations

import math
from functools import partial
from operator import mul
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl import config
from minidl.backend import Array
from minidl.backend.tape import again, again_unless_noted, as_type, noted
from minidl.declared import Declared
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, closest, described
from minidl.noticed import Noticed
from minidl.ops.mean import part_of_sum

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")
TWO_METHODS = (
    "per_sample(self, y_pred, targets), which returns the losses L_i and what gradient_of needs, and "
    "gradient_of(self, kept, targets, scale), which returns scale * dL_i/dy_pred"
)


class Loss(Noticed, Declared):
    """L = (1 / n) sum_i weight_i L_i over the n samples of a batch; subclasses define L_i.

    A loss of your own is a subclass with two methods: ``per_sample`` returns L_i and what the gradient needs, and
    ``gradient_of`` returns ``scale`` times dL_i/dy_pred. Targets come in the predictions' shape and dtype. Whether the
    gradient is right, ``minidl.testing.check_gradients(MyLoss(), y_pred, y_true)`` says.

    Args:
        reduction: what becomes of the weighted losses of a batch. ``"sum_over_batch_size"`` or ``"mean"``: their sum is
            divided by their number; ``"mean_with_sample_weight"``: by the sum of the weights, so that weights which are
            all alike change nothing; ``"sum"``: by nothing.
        name: how errors call the loss; None: by its class.

    Attributes:
        merges: the activation this loss can be computed together with (``"softmax"``, ``"sigmoid"``), or None.
        from_logits: whether predictions are taken before that activation.
        default_accuracy: which accuracy ``metrics=["accuracy"]`` means; None: decided by the shapes.
        checks_finite: whether ``check_data`` refuses targets that are NaN or infinite; others are reported by the model.

    >>> import numpy as np
    >>> class Quartic(Loss):
    ...     def per_sample(self, y_pred, targets):
    ...         return ((y_pred - targets) ** 4).mean(axis=-1), y_pred
    ...     def gradient_of(self, kept, targets, scale):
    ...         return 4 * (kept - targets) ** 3 * scale / kept.shape[-1]
    >>> value, saved = Quartic().apply(np.array([[3.0], [1.0]]), np.array([[1.0], [1.0]]))
    >>> float(value), Quartic().gradient(saved).tolist()
    (8.0, [[16.0], [0.0]])
    """

    table = "loss"
    merges: str | None = None
    from_logits = False
    default_accuracy: str | None = None
    checks_finite = False
    replays = False  # not inherited: ``per_sample`` and ``gradient_of`` call one op each and nothing else

    reduction = "sum_over_batch_size"  # for subclasses whose constructor does not call this one
    name: str | None = None

    def __init__(self, reduction: str = "sum_over_batch_size", name: str | None = None) -> None:
        where = type(self).__name__
        self.reduction = _check_reduction(where, reduction)
        if not isinstance(name, str | None):
            raise ArgumentTypeError(where, f"name={name!r} of type {type(name).__name__}", "a string or None")
        self.name = name

    # -- what a loss defines -------------------------------------------------------------------------------------------

    def per_sample(self, y_pred: Array, targets: Array) -> tuple[Array, Any]:
        """L_i, shape (n, ...), and what ``gradient_of`` needs beside the targets."""
        raise ArgumentTypeError(type(self).__name__, "a loss without the method per_sample", TWO_METHODS)

    def gradient_of(self, kept: Any, targets: Array, scale: Any) -> Array:
        """dL/dy_pred; ``scale`` is dL/dL_i, a number or an array (n, ..., 1)."""
        raise ArgumentTypeError(type(self).__name__, "a loss without the method gradient_of", TWO_METHODS)

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

    @noted
    def prepare(self, y_true: Array, y_pred: Array) -> Array:
        """Checked targets in the form ``per_sample`` takes: here the predictions' shape and dtype."""
        return as_type(y_true.reshape(y_pred.shape), y_pred.dtype)

    def prediction(self, y_pred: Array, saved: Any) -> Array:
        """What a person calls the prediction: the probabilities, where y_pred are logits."""
        return y_pred

    def shape_of_values(self, output_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of L_i for predictions of ``output_shape``: one number for each position, outputs being the last axis."""
        return output_shape[:-1]

    def where_counted(self, targets: Any, weights: Array) -> Any:
        """Targets (n, ...), and 1 in place of numbers whose weight is 0, which may be NaN: 0 NaN is NaN.

        ``weights`` have the shape of the losses. Targets of another form come back as they are.
        """
        places = getattr(targets, "shape", ())[: weights.ndim]
        if places != weights.shape or targets.dtype.kind != "f":
            return targets
        spread = weights.reshape(weights.shape + (1,) * (targets.ndim - weights.ndim))
        return backends.array_namespace(targets).where(spread != 0, targets, targets.dtype.type(1))

    # -- what users call -----------------------------------------------------------------------------------------------

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Array:
        """The loss of a batch, with the arguments in Keras's order; ``apply`` gives what ``gradient`` needs as well.

        >>> import minidl
        >>> float(minidl.losses.get("mse")([[1.0], [2.0]], [[1.0], [4.0]]))
        2.0
        """
        return self.apply(y_pred, y_true, sample_weight)[0]

    @np.errstate(all="ignore")
    def apply(self, y_pred: Any, y_true: Any, sample_weight: Any = None) -> tuple[Array, Any]:
        """The loss of a batch, and what ``gradient`` needs.

        Args:
            y_pred: predictions (n, ..., outputs).
            y_true: targets; their shape depends on the loss.
            sample_weight: None, or numbers (n,) or of the per-sample loss's shape.

        Raises ShapeError, DataError or ArgumentTypeError for targets that do not fit.
        """
        where = self.name or type(self).__name__
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

    def compute(self, y_pred: Array, y_true: Array, sample_weight: Any = None, mask: Any = None) -> tuple[Array, Any]:
        """``apply`` for arrays that were checked before, on their device, without waiting for it.

        ``mask``, True or 1 where a position counts, (n,) or of the losses' shape: what is left out is not in the number
        that a mean is divided by either. Where weight or mask is 0, targets may be NaN or infinite.
        """
        targets, shape = again_unless_noted(self.prepare, y_true, y_pred), y_pred.shape
        weights: Any = None
        if sample_weight is not None or mask is not None:
            weights, n = again(self._weights, self.shape_of_values(shape), y_pred, sample_weight, mask)
            targets = targets if self.checks_finite else again(self.where_counted, targets, weights)
        found = self.per_sample(y_pred, targets) if calls_ops_alone(self) else again(self.per_sample, y_pred, targets)
        try:
            values, kept = found
            as_usual = values.shape == shape[:-1]
        except (TypeError, ValueError, AttributeError):
            as_usual = False
        if not as_usual:
            self._check_values(found, shape)
        if weights is None:
            n = 1 if self.reduction == "sum" else values.size
            value = part_of_sum(values, n)
            value = value if value.dtype == y_pred.dtype else again(value.astype, y_pred.dtype)
            return value, (kept, targets, 1 / n, shape)
        value, scale = again(_weighted, values, weights, n, y_pred.dtype)
        return value, (kept, targets, scale.reshape(scale.shape + (1,) * (len(shape) - scale.ndim)), shape)

    def gradient(self, saved: Any) -> Array:
        """dL/dy_pred."""
        kept, targets, scale, shape = saved
        dy = (self.gradient_of if calls_ops_alone(self) else partial(again, self.gradient_of))(kept, targets, scale)
        try:
            if dy.shape == shape:
                return dy
        except AttributeError:
            pass
        received = f"gradient_of that returned {_what(dy)}"
        raise ShapeError(type(self).__name__, received, f"dL/dy_pred, an array of the predictions' shape {shape}")

    def weighted(self, saved: Any, weight: float) -> Any:
        """``saved`` of the loss times ``weight``."""
        kept, targets, scale, shape = saved
        return saved if weight == 1 else (kept, targets, again(mul, scale, weight), shape)

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

    # -- how it is done ------------------------------------------------------------------------------------------------

    def _weights(self, shape: tuple[int, ...], y_pred: Array, sample_weight: Any, mask: Any) -> tuple[Array, Any]:
        """What multiplies the losses of ``shape``, and the number their sum is divided by."""
        where, dtype, xp = self.name or type(self).__name__, y_pred.dtype, backends.array_namespace(y_pred)
        n: Any = math.prod(shape)
        weights = None if sample_weight is None else sample_weights(sample_weight, shape, dtype, where)
        if mask is not None:
            kept = sample_weights(mask, shape, dtype, where, "mask")
            n = _at_least_something(kept.sum(dtype=_DOUBLE), xp)
            weights = kept if weights is None else weights * kept
        assert weights is not None
        if self.reduction == "sum":
            n = 1
        elif self.reduction == "mean_with_sample_weight":
            n = _at_least_something(weights.sum(dtype=_DOUBLE), xp)
        return weights, n

    def _check_values(self, found: Any, output_shape: tuple[int, ...]) -> None:
        """Raise an error that explains what ``per_sample`` has to return; called where it returned something unusual."""
        where = type(self).__name__
        if type(found) is not tuple or len(found) != 2:
            fix = "return values, y_pred, where gradient_of needs the predictions and nothing else"
            received = f"per_sample that returned {_what(found)}"
            raise ArgumentTypeError(where, received, "a tuple of two: the losses L_i, and what gradient_of needs", fix)
        expected = self.shape_of_values(output_shape)
        if getattr(found[0], "shape", None) != expected:
            received = f"per_sample whose losses are {_what(found[0])}"
            fix = ""
            if getattr(found[0], "shape", None) == output_shape:
                fix = "values.mean(axis=-1) or values.sum(axis=-1), and the same factor in gradient_of"
            elif getattr(found[0], "shape", None) == ():
                fix = "the mean or sum over the last axis alone; the loss of the batch is made of the L_i by minidl"
            raise ShapeError(where, received, f"an array of shape {expected}, one loss for each position", fix)


_DOUBLE = np.dtype("float64")


def _weighted(values: Array, weights: Array, n: Any, dtype: Any) -> tuple[Any, Array]:
    """The weighted sum divided by n, and what the gradient of each loss is multiplied by."""
    value = ((values.astype(_DOUBLE) * weights).sum() / n).astype(dtype)
    return value, (weights / n).astype(dtype, copy=False)


_known: dict[type, bool] = {}  # what ``calls_ops_alone`` has found out


def calls_ops_alone(loss: Loss) -> bool:
    """Whether the classes that define ``per_sample`` and ``gradient_of`` say that these call an op and do nothing else."""
    cls, methods = type(loss), ("per_sample", "gradient_of")
    if cls not in _known:
        _known[cls] = all(next(vars(c).get("replays", False) for c in cls.__mro__ if m in vars(c)) for m in methods)
    return _known[cls]


def sample_weights(sample_weight: Any, shape: tuple[int, ...], dtype: Any, where: str, what: str = "sample_weight") -> Array:
    """Weights (n,) or of ``shape`` = (n, ...), as an array that multiplies per-sample losses of ``shape``."""
    weights = backends.current().asarray(sample_weight, dtype, f"{where}: {what}")
    if weights.shape != shape[: weights.ndim] or weights.ndim == 0:
        expected = f"({shape[0]},)" + (f" or {shape}" if len(shape) > 1 else "")
        raise ShapeError(where, f"{what} of shape {weights.shape}", expected)
    return backends.array_namespace(weights).broadcast_to(
        weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)), shape
    )


def defines_both_methods(loss: Loss) -> None:
    """Raise ArgumentTypeError, saying how to write it, for a loss that lacks its value or its gradient."""
    cls = type(loss)
    missing = [name for name in ("per_sample", "gradient_of") if getattr(cls, name) is getattr(Loss, name)]
    if missing and cls.compute is Loss.compute:
        received = f"a loss without {' and '.join(missing)}"
        if hasattr(cls, "call"):
            received += " (call is Keras's, which differentiates by itself; here the gradient is written by hand)"
        raise ArgumentTypeError(cls.__name__, received, TWO_METHODS)


def epsilon_of(y_pred: Array) -> float:
    """The project's epsilon, but never so small that it vanishes in the dtype of the predictions."""
    return max(config.epsilon(), float(np.finfo(y_pred.dtype).tiny))


def _at_least_something(number: Array, xp: Any) -> Array:
    """The number, or 1 where it is 0: a batch in which nothing counts has the loss 0."""
    return xp.where(number == 0, 1, number)


def _check_reduction(where: str, reduction: Any) -> str:
    if isinstance(reduction, str) and reduction in REDUCTIONS:
        return reduction
    names = ", ".join(map(repr, REDUCTIONS))
    if reduction is None or reduction == "none":
        fix = "loss.per_sample(y_pred, targets)[0], where you want the loss of each sample"
        raise ArgumentError(where, f"reduction={reduction!r}, which leaves no number to train with", f"one of {names}", fix)
    meant = closest(reduction, REDUCTIONS, {"batchmean": "mean", "average": "mean", "auto": "sum_over_batch_size"})
    raise ArgumentError(where, f"reduction={reduction!r}", f"one of {names}", meant=meant)


def _what(found: Any) -> str:
    """What a method returned, for errors."""
    if isinstance(found, tuple):
        return f"a tuple of {len(found)}"
    if hasattr(found, "shape"):
        return f"an array of shape {tuple(found.shape)}" if found.shape != () else "a single number"
    return described(found)


def _floating(y_pred: Any, where: str) -> Array:
    array = backends.current().asarray(y_pred, None, f"{where}: y_pred")
    return array if array.dtype in ("float32", "float64") else array.astype(config.dtype())
