"""What layers look for, and what they find: weights of the first layer and results of any layer as small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod, sqrt
from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.checks import check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError, ShapeError, closest, described
from minidl.layers import Conv2D, Dense
from minidl.layers.base import Layer
from minidl.models import Model
from minidl.visual.figures import COLOURS, DIVERGING, SEQUENTIAL, largest_magnitude, new_figure, plain
from minidl.visual.samples import as_image, check_model, one_sample

_GAP = 0.12  # between tiles, in parts of a tile
_LABEL = 0.22  # room for the number above a tile
_INCHES = (0.62, 1.3)  # width of a tile
_WIDTH = 8.0  # inches of the picture, where there are enough tiles


# -- what layers look for ----------------------------------------------------------------------------------------------


def filters(model_or_layer: Any, shape: Any = None, *, channel: int | None = None, limit: int = 64) -> Any:
    """The weights of the first Conv2D or Dense layer, a small picture for each filter or unit.

    Grey filters share one colour scale with 0 in its middle: red is positive, blue negative. Filters on three channels are
    shown as colours, with middle grey for 0: what a filter shows is what it answers to most.

    Args:
        model_or_layer: a Model, whose first layer with such weights is taken, or a Conv2D or Dense layer.
        shape: for Dense, the shape of the picture that its inputs are: (height, width) or with 1 or 3 channels; None takes
            the model's input shape where it has as many numbers.
        channel: the input channel to show, for Conv2D layers with other numbers of channels than 1 and 3.
        limit: filters to show at most; the title says how many there are.

    Returns a matplotlib Figure. Raises ArgumentTypeError for anything without such weights, ArgumentError where channels or
    shape do not make a picture, NotBuiltError for a layer without weights yet, MissingPackageError without matplotlib.

    >>> figure = filters(model)  # doctest: +SKIP
    """
    where = "visual.filters"
    limit = check_integer(where, "limit", limit)
    layer, implied = _layer_with_filters(where, model_or_layer)
    W = backends.backend_of(layer.W.value).to_numpy(layer.W.value)
    if isinstance(layer, Conv2D):
        if shape is not None:
            raise ArgumentError(where, f"shape={shape!r} for {layer.label}", "shape for Dense layers only")
        pictures, what = _of_convolution(where, layer, W, channel)
    else:
        if channel is not None:
            raise ArgumentError(where, f"channel={channel!r} for {layer.label}", "channel for Conv2D layers only")
        pictures, what = _of_dense(where, layer, W, implied if shape is None else shape)
    total, pictures = len(pictures), pictures[:limit]
    title = f"{plain(layer.label)}: {_counted(total, limit, what)}"
    if pictures.ndim == 4:
        return _tiles(_in_colours(pictures), title, "", {})
    largest = largest_magnitude(pictures)
    return _tiles(pictures, title, "weight", {"cmap": DIVERGING, "vmin": -largest, "vmax": largest})


def _layer_with_filters(where: str, given: Any) -> tuple[Any, Any]:
    """The layer, and the shape of a sample if it reaches the layer as it is, only scaled, normalized or flattened."""
    expected, implied = "a model, a Conv2D or a Dense layer", None
    if not isinstance(given, (Model, Layer)):
        raise ArgumentTypeError(where, described(given), expected)
    layers = list(_innermost(given.network if isinstance(given, Model) else given))
    found = next((layer for layer in layers if isinstance(layer, (Conv2D, Dense))), None)
    if found is None:
        raise ArgumentTypeError(where, f"{given!r}, which has none of these layers", expected)
    if found.input_shape is None:
        fix = "input_shape in the first layer, build(input_shape), or fit first"
        raise NotBuiltError(where, f"{found.label} without weights", "a built layer", fix)
    before = layers[: layers.index(found)]
    if isinstance(given, Model) and all(p.value.ndim < 2 for layer in before for p in layer.weights):
        implied = given.input_shape
    return found, implied


def _innermost(layer: Layer) -> Sequence[Layer]:
    """The layers themselves, without the models that hold them."""
    found, stack = [], [layer]
    while stack:
        layer = stack.pop()
        below = [] if isinstance(layer, (Conv2D, Dense)) else list(layer.sublayers())
        stack += below[::-1]
        if not below:
            found.append(layer)
    return found


def _of_convolution(where: str, layer: Any, W: np.ndarray, channel: int | None) -> tuple[np.ndarray, str]:
    """(filters, height, width) or (filters, height, width, 3) of W (height, width, channels, filters)."""
    height, width, channels, _ = W.shape
    what = f"filter~ of {height} x {width}"
    if channel is not None:
        if check_integer(where, "channel", channel, low=0) >= channels:
            raise ArgumentError(where, f"channel={channel}", f"0 to {channels - 1}, a channel that {layer.label} takes")
        return W[:, :, channel].transpose(2, 0, 1), f"{what}, channel {channel} of {channels}"
    if channels == 1:
        return W[:, :, 0].transpose(2, 0, 1), what
    if channels == 3:
        return W.transpose(3, 0, 1, 2), f"{what} in colours"
    raise ArgumentError(where, f"{layer.label} on {channels} channels", "1 or 3 channels, or one of them", "channel=0")


def _of_dense(where: str, layer: Any, W: np.ndarray, shape: Any) -> tuple[np.ndarray, str]:
    """(units, height, width), or with three channels, of W (inputs, units)."""
    inputs = W.shape[0]
    expected = f"(height, width) or (height, width, 1 or 3) with {inputs} numbers"
    side = round(sqrt(inputs))
    fix = f"shape=({side}, {side})" if side**2 == inputs else "shape=(height, width)"
    sizes = shape if isinstance(shape, (tuple, list)) else ()
    if not sizes or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes) or prod(sizes) != inputs:
        received = "no shape" if shape is None else f"shape={shape!r}"
        raise ArgumentError(where, f"{received} for {layer.label} on {inputs} numbers", expected, fix)
    pictures = [as_image(row.reshape(tuple(sizes))) for row in W.T]
    if pictures[0] is None:
        raise ArgumentError(where, f"shape={tuple(sizes)!r} for {layer.label}", expected, fix)
    return np.stack(pictures), f"unit~ on {pictures[0].shape[0]} x {pictures[0].shape[1]} pixels"  # type: ignore[arg-type]


def _in_colours(pictures: np.ndarray) -> np.ndarray:
    """(n, height, width, 4): 0 is middle grey, the largest weight 0 or 1; transparent where a weight is not finite."""
    finite = np.isfinite(pictures).all(axis=-1, keepdims=True)
    colours = 0.5 + 0.5 * np.where(finite, pictures, 0) / largest_magnitude(pictures)
    return np.concatenate([colours, finite], axis=-1)


# -- what layers find --------------------------------------------------------------------------------------------------


def feature_maps(model: Any, x: Any, layer: Any, *, limit: int = 64) -> Any:
    """What a layer makes of one sample, in inference: a picture for each channel, bars for a vector.

    All channels share one colour scale. It begins at 0, or has 0 (white) in its middle where some numbers are negative.

    Args:
        model: a built Model.
        x: one sample, with a batch axis of one or without.
        layer: the layer's name, its index in ``model.layers``, or the layer.
        limit: channels to show at most; the title says how many there are.

    Returns a matplotlib Figure. Raises ShapeError for x of another shape, ArgumentError for a layer that is not there,
    MissingPackageError without matplotlib.

    >>> figure = feature_maps(model, x_test[0], "conv2d_1")  # doctest: +SKIP
    """
    where = "visual.feature_maps"
    limit = check_integer(where, "limit", limit)
    check_model(where, model)
    layer = _layer_of(where, model, layer)
    y = _outputs_up_to(model, one_sample(where, model, x), layer)[0]
    if y.ndim == 1:
        return _bars(y, plain(layer.label))
    if y.ndim == 2:
        return _matrix(y, plain(layer.label))
    if y.ndim != 3:
        raise ShapeError(where, f"results of shape {y.shape} from {layer.label}", "one to three axes")
    pictures = y if _channels_first(model, layer) else np.moveaxis(y, -1, 0)
    total, pictures = len(pictures), pictures[:limit]
    what = f"map~ of {pictures.shape[1]} x {pictures.shape[2]}"
    title = f"{plain(layer.label)}: {_counted(total, limit, what)}"
    return _tiles(pictures, title, "output", _scale(pictures))


def _outputs_up_to(model: Model, x: np.ndarray, layer: Layer) -> np.ndarray:
    """What ``layer`` gives for the batch x in inference, where it is used first."""
    return Model(model.input, layer.get_output_at(0)).predict(x)


def _layer_of(where: str, model: Model, layer: Any) -> Layer:
    """The layer that a name, an index or the layer itself means."""
    layers = model.layers
    if isinstance(layer, Model):
        layer = layer.network
    if isinstance(layer, Layer) and layer in layers:
        return layer
    names = [each.name for each in layers]
    if isinstance(layer, str):
        if layer in names:
            return layers[names.index(layer)]
        raise ArgumentError(where, f"the layer {layer!r}", f"one of {', '.join(names)}", meant=closest(layer, names))
    if hasattr(layer, "__index__") and not isinstance(layer, (bool, np.bool_)):
        if -len(layers) <= int(layer) < len(layers):
            return layers[int(layer)]
        raise ArgumentError(where, f"the layer {int(layer)}", f"an index from 0 to {len(layers) - 1}")
    received = f"{layer.label}, which is not in the model" if isinstance(layer, Layer) else described(layer)
    raise ArgumentTypeError(where, received, f"a layer of the model, its index, or one of {', '.join(names)}")


def _channels_first(model: Model, layer: Layer) -> bool:
    """By the last layer up to this one that says so: an Activation between convolutions does not."""
    data_format = "channels_last"
    for each in model.layers:
        data_format = getattr(each, "data_format", data_format)
        if each is layer:
            break
    return data_format == "channels_first"


def _counted(total: int, limit: int, what: str) -> str:
    """How many there are, and of how many that is; ``~`` in ``what`` stands for the s of several.

    >>> _counted(1, 64, "filter~ of 5 x 5"), _counted(100, 64, "map~ of 7 x 7")
    ('1 filter of 5 x 5', 'the first 64 of 100 maps of 7 x 7')
    """
    return f"{'' if total <= limit else f'the first {limit} of '}{total} {what.replace('~', 's' * (total != 1))}"


# -- drawing -----------------------------------------------------------------------------------------------------------


def columns_of(count: int) -> int:
    """Columns of a grid for so many tiles: wider than high, and as few empty places as possible.

    >>> [columns_of(count) for count in (1, 3, 8, 10, 20, 32, 64)]
    [1, 3, 4, 5, 5, 8, 8]
    """
    candidates = range(ceil(sqrt(count)), max(ceil(sqrt(2.6 * count)), 3) + 1)
    return min((c for c in candidates if c <= count), key=lambda c: (-(-count // c) * c - count, c), default=count)


def _tiles(pictures: np.ndarray, title: str, unit: str, options: dict[str, Any]) -> Any:
    """A grid of pictures (n, height, width, ...) with their numbers, and a colour bar where colours are numbers."""
    count, high, wide = pictures.shape[:3]
    columns = columns_of(count)
    rows = -(-count // columns)
    ratio = float(np.clip(high / wide, 0.2, 5))  # of a tile
    across, down = 1 + _GAP, ratio + _GAP + _LABEL
    inches = float(np.clip(_WIDTH / columns, *_INCHES))
    width, height = columns * across * inches, rows * down * inches
    figure = new_figure(max(width + (1.1 if unit else 0.3), 0.085 * len(title) + 0.4), max(height + 0.5, 1.6))
    axes = figure.subplots()
    for index, picture in enumerate(pictures):
        left, top = index % columns * across, index // columns * down + _LABEL
        image = axes.imshow(picture, extent=(left, left + 1, top + ratio, top), interpolation="nearest", **options)
        axes.text(left + 0.5, top - 0.03, str(index), ha="center", va="bottom", fontsize=7)
    axes.set(xlim=(-0.02, columns * across - _GAP + 0.02), ylim=(rows * down - _GAP + 0.02, 0), aspect="equal")
    axes.set_axis_off()
    figure.suptitle(title, fontsize="medium")
    if unit:
        figure.colorbar(image, ax=axes, label=unit, shrink=0.9, aspect=max(12, 24 * height / 4))
    return figure


def _scale(values: np.ndarray) -> dict[str, Any]:
    """Colours from 0 upwards, or around 0 where there are negative numbers."""
    largest = largest_magnitude(values)
    if (values < 0).any():
        return {"cmap": DIVERGING, "vmin": -largest, "vmax": largest}
    return {"cmap": SEQUENTIAL, "vmin": 0, "vmax": largest}


def _bars(y: np.ndarray, title: str) -> Any:
    """A bar for each number of a vector; a line where they would be too thin."""
    figure = new_figure(6.4, 2.6)
    axes = figure.subplots()
    if len(y) <= 256:
        axes.bar(range(len(y)), y, color=COLOURS[0])
    else:
        axes.plot(y, color=COLOURS[0], linewidth=0.8)
    axes.set(xlabel="unit", ylabel="output", xlim=(-0.6, len(y) - 0.4))
    axes.set_title(f"{title}: {len(y)} numbers", fontsize="medium")
    if len(y) <= 20:
        axes.set_xticks(range(len(y)))
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _matrix(y: np.ndarray, title: str) -> Any:
    """Steps of a sequence against features."""
    figure = new_figure(6.4, 3.4)
    axes = figure.subplots()
    image = axes.imshow(y.T, aspect="auto", interpolation="nearest", **_scale(y))
    figure.colorbar(image, ax=axes, label="output")
    axes.set(xlabel="step", ylabel="feature")
    axes.set_title(f"{title}: {y.shape[0]} steps of {y.shape[1]} features", fontsize="medium")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(integer=True)
    return figure
