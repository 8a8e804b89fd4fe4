"""What users give ``fit``, ``evaluate`` and ``predict``: arrays or a stream of batches, validated against the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from minidl.data import ArrayData, StreamData, class_weights, is_stream, refuse_beside_stream
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError
from minidl.geometry import is_known, is_several
from minidl.models.batches import each_of_size
from minidl.training.advice import about_data, about_metrics, about_targets, first_layer

_FORMS = (list, tuple, Mapping)  # in which the arrays of several inputs or outputs come, and so may the only one


def arrays(model: Any, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
    """x, y and weights as the model takes them: number, names, shapes and types; builds a model that has no shape yet."""
    network = model.network
    if network.input_shape is None and not any(True for _ in network.sublayers()):
        raise NotBuiltError(where, "a model without layers", "at least one", "model.add(Dense(10))")
    if (
        type(x) is not np.ndarray
        and isinstance(x, _FORMS)
        and network.input_shape is not None
        and not is_several(network.input_shape)
    ):
        x = _only(x, model.input_names, lambda array: array.ndim == 1 + len(network.input_shape))
    if network.input_shape is None:
        shape = getattr(x, "shape", None)
        network.ensure_built(tuple(shape[1:]) if isinstance(shape, tuple) else ArrayData(
            x, input_shape=None, dtype=network.dtype, where=where, nan="ignore").x[0].shape[1:])  # fmt: skip
    several, of_outputs = is_several(network.input_shape), ()
    dtypes, dtype = network.input_dtype, network.parameter_dtype
    if not isinstance(dtypes, tuple):  # a layer may say one for all
        dtypes = (dtypes,) * (len(network.input_shape) if several else 1)
    alone = nan == "ignore" and y is None and sample_weight is None and type(x) is np.ndarray and x.ndim > 0
    if alone and x.shape[1:] == network.input_shape and x.dtype == dtype == dtypes[0]:
        return ArrayData.of_valid(x)  # most predictions: that of one sample should take as long as its products
    if type(x) is type(y) is np.ndarray and sample_weight is None and nan in ("warn", "raise"):
        plain = x.dtype == dtype == dtypes[0] and y.dtype.kind in "iuf" and y.dtype.isnative and len(y.shape) > 0
        if plain and x.shape[1:] == network.input_shape and x.shape[:1] == y.shape[:1] and not is_several(model.output_shape):
            return ArrayData.of_valid(x, y, where, nan)  # most batches: the checks of a step should not take longer than it
    if y is not None or sample_weight is not None:
        output_shape = model.output_shape
        if is_several(output_shape):
            of_outputs = model.output_names
        elif (type(y) is not np.ndarray and isinstance(y, _FORMS)) or isinstance(sample_weight, _FORMS):
            axes, count = 1 + len(output_shape), len(x) if not several and hasattr(x, "__len__") else -1
            y, sample_weight = (
                _only(item, model.output_names, lambda array: array.ndim == axes or len(array) == count != 1)
                for item in (y, sample_weight)
            )
    data = ArrayData(
        x,
        y,
        sample_weight,
        input_shape=network.input_shape,
        dtype=dtype,
        input_dtypes=[dtype if d == network.dtype else d for d in dtypes],
        input_names=model.input_names if (several or isinstance(x, Mapping)) and model.has_named_inputs else (),
        output_names=of_outputs,
        untrained=_without_targets(model, of_outputs) if of_outputs and y is not None else (),
        where=where,
        nan=nan,
        taken_by=partial(first_layer, network),
    )
    if not is_known(network.input_shape):
        network.output_shape(data.sample_shape)  # raises where these lengths do not fit, naming the layer
    for index, (array, dtype) in enumerate(zip(data.x, data.input_dtypes)):
        if dtype.kind in "iu":
            place = f"{where}: x[{model.input_names[index]!r}]" if several else f"{where}: x"
            network.check_input(array, place, index)
    return data


def _only(given: Any, names: list[str], is_all: Callable[[Any], bool]) -> Any:
    """The array in a list or dictionary of one, for a model with one input or output; else what is given.

    ``is_all`` says of the array in a list whether it holds all samples, or is a single one.
    """
    if isinstance(given, Mapping):
        return given[names[0]] if list(given) == names else given
    only = given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else None
    if len(getattr(only, "shape", ())) and is_all(only):
        return only
    return given


def targets(model: Any, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
    """``arrays`` with targets and weights that fit the losses and metrics; nothing is computed yet."""
    step = model._step  # None before the first
    if (
        step is not None
        and step.form is not None
        and sample_weight is None
        and step.form == _form(x, y)
        and 0 < len(x) == len(y)
    ):
        data = ArrayData.of_valid(x, y, where, nan)
        (judged,) = step.judged
        shape = (len(x), *judged.shape)  # the numbers are always looked at
        judged.loss.check_data(y, shape, f"{where}: y")
        for metric in judged.metrics:
            metric.check(y, shape, f"{where}: metric {metric.name!r}")
        data.check_targets(where, nan, targets=not step.makes_masks and not judged.loss.checks_finite)
        return data
    data = arrays(model, x, y, sample_weight, where, nan)
    if len(data) == 0:
        raise DataError(where, "no samples", "at least one")
    if data.y is None:
        raise ArgumentTypeError(f"{where}: y", "None", "targets, one entry per sample")
    step = model._compiled_step()
    several, n = is_several(step.output_shape), len(data)
    ys, weights = (data.y, data.weight) if several else ((data.y,), (data.weight,))
    weights = weights if isinstance(weights, tuple) else (None,) * len(ys)
    judges = step.judged
    if not step.known:
        found = model.network.output_shape(data.sample_shape)  # the lengths are known now
        judges = [judged._replace(shape=shape) for judged, shape in zip(judges, found if several else (found,))]
    trained = []
    for index, (judged, target, weight, name) in enumerate(zip(judges, ys, weights, data.target_names)):
        loss, shape = judged.loss, (n, *judged.shape)
        trained.append(loss is not None or bool(judged.metrics))
        if not trained[index]:
            continue
        if target is None:
            fix = f"loss={{{model.output_names[index]!r}: None}} and no metrics for it, if this output is not trained"
            raise DataError(f"{where}: {name}", "no targets", "an array, one entry per sample", fix)
        if loss is not None:
            try:
                loss.check_data(target, shape, f"{where}: {name}", weight)
            except ShapeError as error:
                raise about_targets(error, target, model.network, judged.shape, index) from None
        for metric in judged.metrics:
            metric.check(target, shape, f"{where}: metric {metric.name!r}")
        if weight is not None and weight.shape != shape[:-1][: weight.ndim]:
            expected = f"({n},)" + (f" or {shape[:-1]}, one for each step" if len(shape) > 2 else "")
            fix = "sample_weight.reshape(-1)" if weight.shape == (n, 1) else ""
            raise ShapeError(f"{where}: sample_weight", f"shape {weight.shape}", expected, fix)
    checks = [
        used and not step.makes_masks and (judged.loss is None or not judged.loss.checks_finite)
        for used, judged in zip(trained, step.judged)
    ]
    data.check_targets(where, nan, targets=checks if several else checks[0])
    as_given = data.x[0] is x and data.y is y and sample_weight is None
    if as_given and data.is_plain and step.known and not several and step.judged[0].loss is not None:
        step.form = _form(x, y)
    return data


def _form(x: Any, y: Any) -> Any:
    """All that checks of shapes and types look at, beside the number of samples; None where there is more to it."""
    if type(x) is type(y) is np.ndarray and x.ndim and y.ndim:
        return x.shape[1:], x.dtype, y.shape[1:], y.dtype
    return None


def _without_targets(model: Any, names: Sequence[str]) -> list[str]:
    """The outputs with neither loss nor metrics."""
    judged = model._compiled_step().judged
    return [name for name, of in zip(names, judged) if of.loss is None and not of.metrics]


def given(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any,
    where: str,
    nan: str,
    opened: ExitStack,
    class_weight: Any = None,
    number: int = 0,
) -> ArrayData | StreamData:
    """Arrays, validated, or a stream whose first batch is; ``opened`` closes the stream in the end."""
    if not is_stream(x):
        data = targets(model, x, y, sample_weight, where, nan)
        if where == "fit":
            _advise(model, data)
        return data
    stream = StreamData(
        x, each_of_size(model.network, partial(targets, model)), where=where, nan=nan, class_weight=class_weight
    )
    opened.callback(stream.close)
    first = stream.first(number)
    stream.classes = classes_of(model)  # known now that the model is built
    if where == "fit":
        _advise(model, first)
    if class_weight is not None:
        class_weights(first.y, class_weight, first.weight, stream.classes)  # raises before anything is trained
    return stream


def validation_given(model: Any, data: Any, split: float, batch_size: int | None, nan: str, opened: ExitStack) -> Any:
    """The data to validate on, or None."""
    where = "fit: validation_data"
    if data is None:
        return None
    if split:
        raise ArgumentError("fit", "validation_split and validation_data", "one of them")
    if is_stream(data):
        refuse_beside_stream("fit", data, validation_batch_size=batch_size)
        return given(model, data, None, None, where, nan, opened)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ArgumentTypeError(where, f"a {type(data).__name__}", "(x, y), (x, y, sample_weight) or a stream of batches")
    x, y, weight = (*data, None)[:3]
    return given(model, x, y, weight, where, nan, opened)


def may_be_classes(model: Any) -> Any:
    """Whether targets may be classes, of which a split warns if some are not trained on; for each of several outputs."""
    parts = [model.loss.part(index) for index in range(len(model.outputs))]
    of_classes = [part is not None and part.default_accuracy is not None for part in parts]
    return of_classes if len(of_classes) > 1 else of_classes[0]


def classes_of(model: Any) -> int:
    """How many classes the result tells apart; for class weights, which are for one output only."""
    shape = model._compiled_step().output_shape
    return 2 if is_several(shape) else max(shape[-1], 2)


def _advise(model: Any, data: ArrayData) -> None:
    step = model._compiled_step()
    for judged, y in zip(step.judged, data.y if is_several(step.output_shape) else (data.y,)):
        if y is not None:
            about_metrics(judged.shape, y, judged.metrics)
    about_data(model.network, data.x)
