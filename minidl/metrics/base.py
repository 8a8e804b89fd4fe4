"""A metric sums numbers over batches on the device where they arise; only ``result`` brings them to the host."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from minidl import backend as backends
from minidl.backend import Array
from minidl.declared import Declared, arguments_of, snake_case
from minidl.errors import ArgumentTypeError, DataError, ShapeError, described
from minidl.metrics.forms import as_column, check_values, spread


class Metric(Declared):
    """The weighted mean of a number per sample, over all samples since the last ``reset``.

    A metric of your own that is such a mean defines ``per_sample`` (or is a plain function of y_true and y_pred). Any other
    defines ``reset``, which makes its sums, ``update``, which adds a batch to them, and ``result``.

    Whatever the batches, the result is that of all samples together. A sample whose weight is 0 counts as absent, whatever
    it holds; NaN in the predictions of any other sample makes the result NaN; so does a pass without samples.

    Attributes:
        direction: whether ``"max"`` or ``"min"`` is best, for callbacks that wait for a better number; None: unknown.

    Args:
        name: the key in logs and ``history``; None: the attribute ``name`` of the class, or the class name in snake case.

    >>> import numpy as np
    >>> from minidl.metrics import Accuracy
    >>> metric = Accuracy("sparse")
    >>> metric.update(np.array([1, 0]), np.array([[0.2, 0.8], [0.1, 0.9]]))
    >>> metric.result()
    0.5
    """

    table = "metric"
    direction: ClassVar[str | None] = None
    name: str
    total: Any
    count: Any

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(type(self).__name__, f"name={described(name)}", "a string", f"name={str(name)!r}")
        self.name = name or _default_name(type(self))
        self.reset()

    # -- what a metric defines -----------------------------------------------------------------------------------------

    def per_sample(self, y_true: Array, y_pred: Array) -> Array:
        """One number per sample, (n,), or per place of a sequence, (n, ...).

        Where predictions have one output, (n, ..., 1), targets have that axis too.
        """
        raise NotImplementedError

    def check(self, y_true: Any, output_shape: tuple[int, ...], where: str) -> None:
        """Raise ShapeError or DataError for targets (a host array) that do not fit predictions of ``output_shape`` = (n, ...).

        A model asks once for a whole data set, before training.
        """

    @np.errstate(all="ignore")
    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch of arrays that were checked and are on their device, without waiting for it; see ``update_state``."""
        values = self.per_sample(y_true, y_pred)
        check_values(values, y_pred, f"metric {self.name!r}")
        if sample_weight is None:
            xp = backends.array_namespace(values)
            self.total = self.total + (xp.count_nonzero(values) if values.dtype.kind == "b" else values.sum(dtype="float64"))
            self.count += values.size
        else:
            weights = spread(sample_weight, values.shape, f"metric {self.name!r}")
            xp = backends.array_namespace(values)
            self.total = self.total + xp.where(weights != 0, values * weights, 0.0).sum()
            self.count = self.count + weights.sum()

    def update_batches(self, y_true: Array, y_pred: Array) -> None:
        """``update`` for one batch after the other, all of one size: y_true and y_pred are (batches, n, ...)."""
        for of_batch, predicted in zip(y_true, y_pred):
            self.update(of_batch, predicted)

    def result(self) -> Any:
        """The mean so far, a float; NaN before the first sample."""
        total, count = on_host(self.total, self.count)
        return total / count if count else float("nan")

    def reset(self) -> None:
        """Start again: make all sums anew. Copies of a metric share nothing after it."""
        self.total = 0.0
        self.count = 0

    # -- what users call, with anything array-like -----------------------------------------------------------------------

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """``update`` with lists or arrays, checked first.

        Args:
            y_true: targets, in a form the metric takes.
            y_pred: predictions (n, ..., outputs), or (n,) where there is one output.
            sample_weight: None, a number >= 0, or numbers >= 0 of shape (n,) or (n, ...).

        Raises ShapeError, DataError or ArgumentTypeError for what does not fit.

        >>> from minidl.metrics import Precision
        >>> metric = Precision()
        >>> metric.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> metric.result()
        0.6666666666666666
        """
        backend, where = backends.current(), f"metric {self.name!r}"
        y_pred = backend.asarray(y_pred, None, f"{where}: y_pred")
        y_true = backend.asarray(y_true, None, f"{where}: y_true")
        if y_pred.ndim == 0 or y_true.ndim == 0:
            raise ShapeError(where, f"y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}", "arrays of samples")
        if len(y_true) != len(y_pred):
            raise ShapeError(where, f"{len(y_true)} targets and {len(y_pred)} predictions", "equal numbers")
        y_pred = y_pred[:, None] if y_pred.ndim == 1 else y_pred
        self.check(backend.to_numpy(y_true), y_pred.shape, f"{where}: y_true")
        if sample_weight is not None:
            weights = backend.asarray(sample_weight, "float64", f"{where}: sample_weight")
            if weights.ndim == 0:
                weights = backend.xp.broadcast_to(weights, y_pred.shape[:1])
            if weights.shape != y_pred.shape[:-1][: weights.ndim]:
                places = y_pred.shape[:-1]
                expected = f"({places[0]},)" + (f" or {places}" if len(places) > 1 else "")
                raise ShapeError(f"{where}: sample_weight", f"shape {weights.shape}", expected)
            smallest = backend.to_numpy(weights).min(initial=0)
            if not smallest >= 0:
                raise DataError(f"{where}: sample_weight", f"a weight of {smallest}", "numbers >= 0")
            sample_weight = weights
        self.update(as_column(y_true, y_pred), y_pred, sample_weight)

    def add_weight(self, *args: Any, **kwargs: Any) -> None:
        """Keras's way to make a sum, which is not used here. Raises ArgumentTypeError that says how sums are made."""
        fix = "self.total = 0.0 in reset(self), self.total = self.total + ... in update(self, y_true, y_pred, sample_weight)"
        raise ArgumentTypeError(type(self).__name__, "a call of Keras's add_weight", "sums that are attributes", fix)

    def reset_state(self) -> None:
        """``reset``, by the name Keras has for it."""
        self.reset()


class Deciding(Metric, abstract=True):
    """Base of metrics that compare predictions with a threshold or with each other: NaN is neither more nor less.

    What they count is never NaN, so that they note it by themselves.
    """

    nan: Any

    def note_nan(self, y_pred: Array, sample_weight: Array | None) -> None:
        """Remember NaN among the predictions of samples that count."""
        if y_pred.dtype.kind != "f":
            return
        if sample_weight is None:
            numbers = y_pred.ravel()
            squares = numbers.dot(numbers)  # NaN if one of them is: squares cannot cancel
            self.nan = self.nan | (squares != squares)
        else:
            weights = spread(sample_weight, y_pred.shape, f"metric {self.name!r}")
            self.nan = self.nan | ((y_pred != y_pred) & (weights != 0)).any()

    def update(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> None:
        """Add a batch."""
        super().update(y_true, y_pred, sample_weight)
        self.note_nan(y_pred, sample_weight)

    def result(self) -> Any:
        """The mean so far."""
        nan, total, count = on_host(self.nan, self.total, self.count)
        return total / count if count and not nan else float("nan")

    def reset(self) -> None:
        """Start again."""
        super().reset()
        self.nan = False


def on_host(*values: Any) -> list[float]:
    """Single numbers, of which any may be a plain one; those on a device are fetched together."""
    away = [value for value in values if not isinstance(value, (int, float, np.generic))]
    fetched = iter(backends.numbers(away) if away else ())
    return [float(value) if isinstance(value, (int, float, np.generic)) else next(fetched) for value in values]


def host_array(x: Any) -> np.ndarray:
    """Sums of one or several thresholds or classes, on the host."""
    if isinstance(x, (int, float)):
        return np.asarray([float(x)])
    return np.atleast_1d(backends.backend_of(x).to_numpy(x)).astype("float64")


def _default_name(cls: type[Metric]) -> str:
    argument = arguments_of(cls).get("name")
    for name in (getattr(argument, "default", None), getattr(cls, "name", None)):
        if isinstance(name, str):
            return name
    return snake_case(cls.__name__)
