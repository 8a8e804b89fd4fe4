"""Which pixels an output depends on: the gradient with respect to the input. Source: Simonyan et al. 2014."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.models import Model
from minidl.visual.figures import COLOURS, largest_magnitude, new_figure, number_text
from minidl.visual.samples import as_image, check_model, one_sample

_WHERE = "visual.saliency"


def saliency(model: Any, x: Any, target: Any = None) -> Any:
    """|d output / d input| of one sample, beside the sample: where it is bright, a small change moves the output most.

    Of a pixel with several channels the largest value is shown. The output is the model's own, so a softmax at its end
    belongs to it: where that is all but certain, all gradients are small, and the colours show which of them are less so.

    Args:
        model: a built Model with one input, a picture or a vector.
        x: one sample, with a batch axis of one or without.
        target: index of the output to look at (a tuple where outputs have several axes); None is the largest one, the class
            that the model predicts.

    Returns a matplotlib Figure. Raises ShapeError for x of another shape, ArgumentError for a target that is not there,
    MissingPackageError without matplotlib.

    >>> figure = saliency(model, x_test[0])  # doctest: +SKIP
    """
    check_model(_WHERE, model)
    batch = one_sample(_WHERE, model, x)
    y = model.predict(batch)[0]
    target = _target(target, y)
    slope = np.abs(_input_gradient(model, batch, target)[0])
    name = "output" if y.size == 1 else f"output {', '.join(map(str, target))}"
    title = f"{name} = {number_text(float(y[target]))}"
    if slope.ndim == 1:
        return _bars(batch[0], slope, name, title)
    picture, magnitude = as_image(batch[0]), as_image(slope)
    if picture is None or magnitude is None:
        raise ShapeError(_WHERE, f"samples of shape {slope.shape}", "pictures with 1 or 3 channels, or vectors")
    return _pictures(picture, magnitude.max(axis=-1) if magnitude.ndim == 3 else magnitude, name, title)


def _input_gradient(model: Model, x: np.ndarray, target: tuple[int, ...]) -> np.ndarray:
    """d output[target] / dx for a batch x of one sample, in inference."""
    score = np.zeros((1, *model.output_shape))
    score[(0, *target)] = 1
    return model.input_gradient(x, score)


def _target(target: Any, y: np.ndarray) -> tuple[int, ...]:
    """The index of one output; None is the largest."""
    if target is None:
        return tuple(int(i) for i in np.unravel_index(int(y.argmax()), y.shape))
    index = target if isinstance(target, (tuple, list)) else (target,)
    if not all(hasattr(i, "__index__") and not isinstance(i, (bool, np.bool_)) for i in index):
        raise ArgumentTypeError(_WHERE, f"target={target!r}", "an index of the output", "target=3")
    index = tuple(int(i) for i in index)
    if len(index) != y.ndim or not all(0 <= i < size for i, size in zip(index, y.shape)):
        limits = " x ".join(f"0..{size - 1}" for size in y.shape)
        raise ArgumentError(_WHERE, f"target={target!r}", f"an index of the outputs {limits}")
    return index


def _pictures(picture: np.ndarray, magnitude: np.ndarray, name: str, title: str) -> Any:
    high, wide = magnitude.shape
    side = 3.4
    figure = new_figure(2 * side + 1.2, float(np.clip(side * high / wide, 1.4, 6.0)) + 0.6)
    left, right = figure.subplots(1, 2)
    if picture.ndim == 3:
        low, extent = float(np.nanmin(picture)), float(np.nanmax(picture) - np.nanmin(picture))
        left.imshow(np.clip((picture - low) / (extent or 1), 0, 1), interpolation="nearest")
    else:
        left.imshow(picture, cmap="gray", interpolation="nearest")
    left.set_title("input", fontsize="medium")
    image = right.imshow(magnitude, cmap="inferno", vmin=0, vmax=largest_magnitude(magnitude), interpolation="nearest")
    right.set_title(title, fontsize="medium")
    figure.colorbar(image, ax=right, label=f"|d {name} / d pixel|", shrink=0.9)
    for axes in (left, right):
        axes.set_axis_off()
    return figure


def _bars(x: np.ndarray, slope: np.ndarray, name: str, title: str) -> Any:
    """For a vector: each feature's value, and below it how much the output depends on it."""
    figure = new_figure(6.4, 3.6)
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, values, colour, label in ((above, x, COLOURS[0], "input"), (below, slope, COLOURS[1], f"|d {name} / d input|")):
        if len(values) <= 256:
            axes.bar(range(len(values)), values, color=colour)
        else:
            axes.plot(values, color=colour, linewidth=0.8)
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    above.set_title(title, fontsize="medium")
    below.set(xlabel="feature", xlim=(-0.6, len(x) - 0.4))
    below.xaxis.get_major_locator().set_params(integer=True)
    return figure
