"""The lecture's network for hyperspectral pixels (Ghent 6): convolutions over the two axes of an image and its spectrum."""

from __future__ import annotations

from typing import Any

from minidl import config
from minidl.applications._parts import check_name, check_weights
from minidl.checks import check_integer
from minidl.errors import ShapeError
from minidl.geometry import check_shape
from minidl.layers import Activation, Conv3D, Dense, Flatten, Input, MaxPooling3D, ZeroPadding3D
from minidl.models import Sequential

SMALLEST = (7, 7, 22)  # what three convolutions, three pools and two paddings leave something of


def SpectralCNN(input_shape: Any = None, classes: int = 16, *, weights: None = None, name: str = "spectral_cnn") -> Sequential:
    """Which class the middle pixel of a window belongs to; 578,544 parameters for 9 x 9 pixels, 220 bands and 16 classes.

    Three convolutions with ReLU (48, 32 and 32 maps, 3 x 3 pixels and 5 bands) shrink the window to its middle. Behind each,
    max pooling takes 3, 3 and 2 bands together, and in front of the second and third two bands of zeros are put at either
    end of the spectrum. Two hidden layers of 128 ReLU units and a softmax follow. The lecture trains it with SGD of rate 1,
    decay 5e-6, on the mean squared error, in batches of 50.

    Args:
        input_shape: (height, width, bands, 1) of one window, at least 7 x 7 pixels and 22 bands; with channels_first the 1
            stands in front. None: 9 x 9 pixels with 220 bands, in the data format in force.
        classes: number of classes.
        weights: None.
        name: of the model.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range.

    >>> SpectralCNN().count_params()
    578544
    """
    check_weights("SpectralCNN", weights)
    classes = check_integer("SpectralCNN", "classes", classes)
    model = Sequential([Input(_window(input_shape))], name=check_name("SpectralCNN", name))
    for filters, bands, padded in ((48, 3, True), (32, 3, True), (32, 2, False)):
        model.add(Conv3D(filters, kernel_size=(3, 3, 5)))
        model.add(Activation("relu"))
        model.add(MaxPooling3D(pool_size=(1, 1, bands)))
        if padded:
            model.add(ZeroPadding3D((0, 0, 2)))
    model.add(Flatten())
    for _ in range(2):
        model.add(Dense(128))
        model.add(Activation("relu"))
    model.add(Dense(classes))
    model.add(Activation("softmax"))
    return model


def _window(input_shape: Any) -> tuple[int, ...]:
    last = config.data_format() == "channels_last"
    if input_shape is None:
        return (9, 9, 220, 1) if last else (1, 9, 9, 220)
    shape = check_shape(input_shape, "SpectralCNN")
    sizes = shape[:-1] if last else shape[1:]
    if len(sizes) != 3 or any(size < least for size, least in zip(sizes, SMALLEST)):
        order = "(height, width, bands, channels)" if last else "(channels, height, width, bands)"
        raise ShapeError("SpectralCNN", f"input_shape={input_shape!r}", f"{order} of at least 7 x 7 pixels and 22 bands")
    return shape
