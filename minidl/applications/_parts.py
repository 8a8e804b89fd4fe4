"""What the networks share: the check of their arguments, the layers in front of a top, and the top."""

from __future__ import annotations

from typing import Any, NamedTuple

from minidl import config
from minidl.checks import check_flag, check_integer
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest
from minidl.geometry import check_shape
from minidl.layers import BatchNormalization, Dense, GlobalAveragePooling2D, GlobalMaxPooling2D
from minidl.layers import activation as activations

POOLINGS = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


class Top(NamedTuple):
    """How a network of images ends: in classes (``include_top``), or in features."""

    include_top: bool
    pooling: str | None
    classes: int
    activation: Any


def check_weights(where: str, weights: Any) -> None:
    """Raises ArgumentError for anything but None: there is nothing to be downloaded."""
    if weights is not None:
        raise ArgumentError(
            where,
            f"weights={weights!r}",
            "weights=None: minidl has no trained weights to download, every model begins with random ones",
            "a file of your own, by model.load_weights(path, by_name=True)",
        )


def check_top(where: str, include_top: Any, weights: Any, pooling: Any, classes: Any, activation: Any, usual: int) -> Top:
    """The arguments that say how the network ends; those that would be without effect are refused."""
    check_weights(where, weights)
    if check_flag(where, "include_top", include_top):
        if pooling is not None:
            received = f"pooling={pooling!r} beside include_top=True"
            raise ArgumentError(where, received, "no pooling: the top has its own", "include_top=False")
    else:
        if pooling is not None and pooling not in POOLINGS:
            meant = closest(pooling, POOLINGS) if isinstance(pooling, str) else ""
            raise ArgumentError(where, f"pooling={pooling!r}", "'avg', 'max' or None", meant=meant)
        if classes != usual or activation != "softmax":
            received = f"classes={classes!r}, classifier_activation={activation!r} beside include_top=False"
            raise ArgumentError(where, received, "neither: features have no classes", "a Dense layer on model.output")
    activations.get(activation, where)
    return Top(include_top, pooling, check_integer(where, "classes", classes), activation)


def add_pooling(x: Any, pooling: str | None) -> Any:
    """One number for each channel, or x as it is."""
    return x if pooling is None else POOLINGS[pooling](name=f"{pooling}_pool")(x)


def add_classifier(x: Any, top: Top) -> Any:
    """The layer that gives a probability to each class."""
    return Dense(top.classes, activation=top.activation, name="predictions")(x)


def image_shape(where: str, input_shape: Any, usual: tuple[int, int, int], smallest: int) -> tuple[int, ...]:
    """Shape of one image in the data format in force; ``usual`` has its channels last, and is that of None."""
    last = config.data_format() == "channels_last"
    if input_shape is None:
        return usual if last else (usual[2], *usual[:2])
    shape = check_shape(input_shape, where)
    if len(shape) != 3 or not all(isinstance(size, int) for size in shape):
        order = "(height, width, channels)" if last else "(channels, height, width)"
        raise ShapeError(where, f"input_shape={input_shape!r}", f"{order}, as the data format is {config.data_format()}")
    height, width = shape[:2] if last else shape[1:]
    if min(height, width) < smallest:
        raise ShapeError(where, f"images of {height} x {width} ({config.data_format()})", f"at least {smallest} x {smallest}")
    return shape


def check_name(where: str, name: Any) -> str:
    """The model's name."""
    if not isinstance(name, str) or not name:
        raise ArgumentTypeError(where, f"name={name!r}", "a non-empty string")
    return name


def normalization(epsilon: float, name: str | None = None, momentum: float = 0.99) -> BatchNormalization:
    """Batch normalisation over the channels, wherever the data format has them."""
    axis = -1 if config.data_format() == "channels_last" else 1
    return BatchNormalization(axis=axis, momentum=momentum, epsilon=epsilon, name=name)
