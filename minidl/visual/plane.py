"""What a model of two numbers says about every point of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.checks import check_integer, check_number
from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.metrics.confusion import as_labels
from minidl.models import Model
from minidl.visual.figures import COLOURS, DIVERGING, MARKERS, largest_magnitude, new_figure, plain
from minidl.visual.samples import check_model

_WHERE = "visual.decision_boundary"
_MARGIN = 0.08  # beyond the outermost points, in parts of their range
_MOST = 20  # classes that can be told apart


def decision_boundary(
    model: Any,
    x: Any,
    y: Any,
    classes: Sequence[Any] | None = None,
    *,
    threshold: float = 0.5,
    resolution: int = 200,
) -> Any:
    """The plane around the points x, coloured by what the model predicts there, with the points on top.

    With one output its value is the colour, and a line shows where it is ``threshold``. With several, each region has the
    colour of the class with the largest output. Points have the colour and marker of their true class.

    Args:
        model: a built Model of samples (2,) with one axis of outputs.
        x: points (n, 2).
        y: their classes: labels (n,) or (n, 1), or one-hot rows.
        classes: the name of each class for the legend, in the order of the labels.
        threshold: for one output, the value from which the second class is predicted.
        resolution: points of the grid along each side; resolution^2 samples are predicted.

    Returns a matplotlib Figure. Raises ShapeError for a model or points of other than two numbers, DataError for no points or
    labels without an output, MissingPackageError without matplotlib.

    >>> figure = decision_boundary(model, x, y)  # doctest: +SKIP
    """
    resolution = check_integer(_WHERE, "resolution", resolution, low=2)
    threshold = check_number(_WHERE, "threshold", threshold)
    check_model(_WHERE, model)
    points, labels = _points(model, x, y)
    outputs = model.output_shape[0]
    present = [int(label) for label in np.unique(labels)]
    names = _names(classes, present, outputs)
    (left, right), (low, high) = (_limits(points[:, axis]) for axis in (0, 1))
    across, up = np.linspace(left, right, resolution), np.linspace(low, high, resolution)
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    result = model.predict(grid.reshape(-1, 2)).reshape(resolution, resolution, outputs)
    if not np.isfinite(result).all():
        raise DataError(_WHERE, "a model that gives NaN or infinite numbers", "finite outputs", "a smaller learning rate")
    figure = new_figure(6.2, 4.8)
    axes = figure.subplots()
    second = {label: label > 0 if set(present) <= {-1, 0, 1} else index > 0 for index, label in enumerate(present)}
    if outputs == 1:
        _draw_values(figure, axes, across, up, result[..., 0], threshold)
        colour_of = {label: COLOURS[second[label]] for label in present}
    else:
        colour_of = {label: _colour(label) for label in range(outputs)}
        _draw_regions(axes, across, up, result.argmax(axis=-1), colour_of)
    drawn = []
    for label in present:
        at, marker = points[labels == label], MARKERS[(label if outputs > 1 else second[label]) % len(MARKERS)]
        style = {"color": colour_of[label], "edgecolors": "white", "linewidths": 0.7, "s": 26, "zorder": 3}
        drawn.append(axes.scatter(at[:, 0], at[:, 1], marker=marker, **style))
    place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "frameon": False, "fontsize": "small"}
    texts = [names[label] for label in present]
    columns = max(min(72 // (max(map(len, texts)) + 5), len(texts)), 1)
    axes.legend(drawn, texts, ncols=columns, columnspacing=1.2, handletextpad=0.3, **place)
    axes.set(xlabel="x[0]", ylabel="x[1]", xlim=(left, right), ylim=(low, high))
    return figure


def _draw_values(figure: Any, axes: Any, across: np.ndarray, up: np.ndarray, values: np.ndarray, threshold: float) -> None:
    """One output as colours around the threshold, which is white and has a line."""
    distance = largest_magnitude(values - threshold)
    if 0 < threshold < 1 and values.min() >= 0 and values.max() <= 1:
        distance = max(threshold, 1 - threshold)  # a probability: the scale does not depend on what was predicted
    scale = {"cmap": DIVERGING, "vmin": threshold - distance, "vmax": threshold + distance, "alpha": 0.7}
    image = axes.imshow(values, **_placed(across, up), interpolation="bilinear", **scale)
    if values.min() < threshold < values.max():
        axes.contour(across, up, values, levels=[threshold], colors="black", linewidths=1.4)
    bar = figure.colorbar(image, ax=axes, label=f"output (line: {threshold:g})")
    if distance == max(threshold, 1 - threshold) == 0.5:
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1])


def _draw_regions(axes: Any, across: np.ndarray, up: np.ndarray, winners: np.ndarray, colours: dict[int, str]) -> None:
    """The class with the largest output: pale colours, with a line between the regions."""
    palette = np.array([_rgb(colours[label]) for label in range(len(colours))])
    pixels = np.concatenate([palette[winners], np.full((*winners.shape, 1), 0.3)], axis=-1)
    axes.imshow(pixels, **_placed(across, up), interpolation="nearest")
    for label in range(len(colours)):
        inside = winners == label
        if inside.any() and not inside.all():
            axes.contour(across, up, inside, levels=[0.5], colors="#505050", linewidths=0.7)


def _placed(across: np.ndarray, up: np.ndarray) -> dict[str, Any]:
    """How an image lies so that the middle of each pixel is its point of the grid."""
    half_x, half_y = (across[1] - across[0]) / 2, (up[1] - up[0]) / 2
    extent = (across[0] - half_x, across[-1] + half_x, up[0] - half_y, up[-1] + half_y)
    return {"extent": extent, "origin": "lower", "aspect": "auto"}


def _colour(label: int) -> str:
    """Six colours that anybody can tell apart, then darker ones; markers differ too."""
    red, green, blue = _rgb(COLOURS[label % len(COLOURS)])
    part = (1.0, 0.6, 0.35, 0.2)[label // len(COLOURS) % 4]
    return "#" + "".join(f"{round(255 * part * c):02X}" for c in (red, green, blue))


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _points(model: Model, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) and labels (n,) on the host."""
    if model.input_shape != (2,) or len(model.output_shape) != 1:
        received = f"a model {model.input_shape} -> {model.output_shape}"
        raise ShapeError(_WHERE, received, "a model of samples (2,) with one axis of outputs")
    backend = backends.current()
    points = backend.to_numpy(backend.asarray(x, None, f"{_WHERE}: x"))
    if points.ndim != 2 or points.shape[1] != 2:
        raise ShapeError(f"{_WHERE}: x", f"an array of shape {points.shape}", "points (n, 2)")
    labels = as_labels(y, f"{_WHERE}: y")
    if len(labels) != len(points):
        raise ShapeError(_WHERE, f"{len(points)} points and {len(labels)} labels", "equal numbers")
    if not len(points):
        raise DataError(_WHERE, "no points", "at least one")
    if not np.isfinite(points).all():
        raise DataError(f"{_WHERE}: x", "points that are NaN or infinite", "finite numbers")
    outputs, different = model.output_shape[0], len(np.unique(labels))
    if outputs == 1 and different > 2:
        raise DataError(f"{_WHERE}: y", f"{different} classes", "two classes for a model with one output")
    if outputs > 1 and not 0 <= labels.min() <= labels.max() < outputs:
        raise DataError(f"{_WHERE}: y", f"labels from {labels.min()} to {labels.max()}", f"0 to {outputs - 1}")
    if outputs > _MOST:
        raise ArgumentError(_WHERE, f"{outputs} classes", f"at most {_MOST}, whose colours can be told apart")
    return points, labels


def _names(classes: Any, present: list[int], outputs: int) -> dict[int, str]:
    """Label -> name in the legend."""
    labels = present if outputs == 1 else list(range(outputs))
    if classes is None:
        return {label: f"class {label}" for label in labels}
    if outputs == 1 and len(present) < 2:
        labels = sorted({*present, 0, 1})
    names = [plain(name) for name in classes] if not isinstance(classes, str) else []
    if len(names) != len(labels):
        raise ArgumentError(_WHERE, f"classes={classes!r}", f"a list of {len(labels)} names, one for each class")
    return dict(zip(labels, names))
