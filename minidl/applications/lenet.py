"""LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998), as it is built today.

The paper's own had trainable factors in its subsampling, not every map of the second convolution connected with every map
before it, and radial units at its end. Today average pooling, full connections and a softmax stand there: 61,706 parameters.
"""

from __future__ import annotations

from typing import Any

from minidl import config
from minidl.applications._parts import check_name, check_weights, image_shape
from minidl.checks import check_integer
from minidl.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input
from minidl.models import Sequential


def LeNet5(input_shape: Any = None, classes: int = 10, *, weights: None = None, name: str = "lenet5") -> Sequential:
    """Convolutions of 6 and 16 maps (5 x 5, tanh) with average pooling, then 120, 84 and ``classes`` units.

    The paper puts digits of 28 x 28 pixels into the middle of 32 x 32. A first convolution with padding "same" does it here
    where an image is smaller than 32 x 32; larger ones are convolved without padding.

    Args:
        input_shape: of one image, at least 12 x 12; None: 28 x 28 with one channel, in the data format in force.
        classes: number of classes.
        weights: None.
        name: of the model.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range.

    >>> LeNet5().count_params(), LeNet5((32, 32, 1)).count_params()
    (61706, 61706)
    """
    check_weights("LeNet5", weights)
    classes = check_integer("LeNet5", "classes", classes)
    shape = image_shape("LeNet5", input_shape, (28, 28, 1), 12)
    small = min(shape[:2] if config.data_format() == "channels_last" else shape[1:]) < 32
    return Sequential(
        [
            Input(shape),
            Conv2D(6, kernel_size=5, padding="same" if small else "valid", activation="tanh"),
            AveragePooling2D(pool_size=2),
            Conv2D(16, kernel_size=5, activation="tanh"),
            AveragePooling2D(pool_size=2),
            Flatten(),
            Dense(120, activation="tanh"),
            Dense(84, activation="tanh"),
            Dense(classes, activation="softmax"),
        ],
        name=check_name("LeNet5", name),
    )
