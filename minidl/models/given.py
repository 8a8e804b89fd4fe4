"""What users give ``fit``, ``evaluate`` and ``predict``: arrays or a stream of batches, validated against the model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from minidl.data import ArrayData, StreamData, class_weights, is_stream
from minidl.errors import ArgumentTypeError, DataError, NotBuiltError, ShapeError
from minidl.geometry import is_several
from minidl.training.advice import about_data, about_metrics, about_targets, first_layer


def arrays(model: Any, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
    """x, y and weights as the model takes them: number, names, shapes and types; builds a model that has no shape yet."""
    network = model.network
    if not any(True for _ in network.sublayers()):
        raise NotBuiltError(where, "a model without layers", "at least one", "model.add(Dense(10))")
    if network.input_shape is None:
        shape = getattr(x, "shape", None)
        network.ensure_built(tuple(shape[1:]) if isinstance(shape, tuple) else ArrayData(
            x, input_shape=None, dtype=network.dtype, where=where, nan="ignore").x[0].shape[1:])  # fmt: skip
    several, names = is_several(network.input_shape), model.output_names
    if not several:
        x = _alone(x, len(network.input_shape) + 1)
    if not is_several(model.output_shape):
        y, sample_weight = (_of_only_output(item, names[0], x) for item in (y, sample_weight))
    dtypes = network.input_dtype if several else (network.input_dtype,)
    data = ArrayData(
        x,
        y,
        sample_weight,
        input_shape=network.input_shape,
        dtype=network.parameter_dtype,
        input_dtypes=[network.parameter_dtype if d == network.dtype else d for d in dtypes],
        input_names=model.input_names if model.has_named_inputs else (),
        output_names=names if is_several(model.output_shape) else (),
        where=where,
        nan=nan,
        taken_by=partial(first_layer, network),
    )
    for index, (array, dtype) in enumerate(zip(data.x, data.input_dtypes)):
        if dtype.kind in "iu":
            place = f"{where}: x[{model.input_names[index]!r}]" if several else f"{where}: x"
            network.check_input(array, place, **({"index": index} if several else {}))
    return data


def _alone(given: Any, axes: int) -> Any:
    """The array of ``[array]``, where it has as many axes as a batch; anything else as it is."""
    only = given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else None
    return only if len(getattr(only, "shape", ())) == axes else given


def _of_only_output(given: Any, name: str, x: Any) -> Any:
    """The array of ``{name: array}`` or, with an entry for each sample, of ``[array]``; anything else as it is."""
    if isinstance(given, Mapping) and list(given) == [name]:
        return given[name]
    only = given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else None
    shape, rows = getattr(only, "shape", None), getattr(x, "shape", None)
    return only if shape and rows and shape[0] == rows[0] > 1 else given


def targets(model: Any, x: Any, y: Any, sample_weight: Any, where: str, nan: str) -> ArrayData:
    """``arrays`` with targets and weights that fit the losses and metrics; nothing is computed yet."""
    data = arrays(model, x, y, sample_weight, where, nan)
    if len(data) == 0:
        raise DataError(where, "no samples", "at least one")
    if data.y is None:
        raise ArgumentTypeError(f"{where}: y", "None", "targets, one entry per sample")
    step = model._compiled_step()
    several = is_several(step.output_shape)
    shapes = [(len(data), *shape) for shape in (step.output_shape if several else (step.output_shape,))]
    ys, weights = (data.y, data.weight) if several else ((data.y,), (data.weight,))
    weights = weights if isinstance(weights, tuple) else (None,) * len(shapes)
    for index, (target, shape, weight, name) in enumerate(zip(ys, shapes, weights, data.target_names)):
        loss = model.loss.part(index)
        if loss is None:
            continue
        try:
            loss.check_data(target, shape, f"{where}: {name}", weight)
        except ShapeError as error:
            raise about_targets(error, target, model.network, shape[1:], index) from None
        for at, metric in step.metric_pairs:
            if at in (None, index):
                metric.check(target, shape, f"{where}: metric {metric.name!r}")
        if weight is not None and weight.shape != shape[:-1][: weight.ndim]:
            places = f" or {shape[:-1]}, one for each step" if len(shape) > 2 else ""
            raise ShapeError(f"{where}: sample_weight", f"shape {weight.shape}", f"({shape[0]},){places}")
    parts = [model.loss.part(index) for index in range(len(shapes))]
    checks = [part is not None and not part.checks_finite for part in parts]
    data.check_targets(where, nan, targets=checks if several else checks[0])
    return data


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
    stream = StreamData(x, partial(targets, model), where=where, nan=nan, class_weight=class_weight)
    opened.callback(stream.close)
    first = stream.first(number)
    stream.classes = classes_of(model)  # known now that the model is built
    if where == "fit":
        _advise(model, first)
    if class_weight is not None:
        class_weights(first.y, class_weight, first.weight, stream.classes)  # raises before anything is trained
    return stream


def classes_of(model: Any) -> int:
    """How many classes the result tells apart; for class weights, which are for one output only."""
    shape = model._compiled_step().output_shape
    return 2 if is_several(shape) else max(shape[-1], 2)


def _advise(model: Any, data: ArrayData) -> None:
    step = model._compiled_step()
    several = is_several(step.output_shape)
    for index, shape in enumerate(step.output_shape if several else (step.output_shape,)):
        of_output = [metric for at, metric in step.metric_pairs if at in (None, index)]
        about_metrics(shape, data.y[index] if several else data.y, of_output)
    about_data(model.network, data.x)
