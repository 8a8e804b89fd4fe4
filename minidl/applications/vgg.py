"""VGG-16 (Simonyan and Zisserman 2015, configuration D): thirteen 3 x 3 convolutions and three dense layers.

Layers are called as in Keras, so that weights can be loaded by name.
"""

from __future__ import annotations

from typing import Any

from minidl.applications._parts import add_classifier, add_pooling, check_name, check_top, image_shape
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from minidl.models import Model

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # convolutions, filters


def VGG16(
    include_top: bool = True,
    weights: None = None,
    *,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Model:
    """Five blocks of convolutions with max pooling behind each, then 4096, 4096 and ``classes`` units.

    It has 138,357,544 parameters for images of 224 x 224 with the top, and 14,714,688 without.

    Args:
        include_top: whether it ends in classes; otherwise it gives the last 512 maps, or what ``pooling`` makes of them.
        weights: None.
        input_shape: of one image, at least 32 x 32; None: 224 x 224 with three channels, in the data format in force.
        pooling: without the top: ``"avg"`` or ``"max"`` give one number for each map, None gives the maps.
        classes: number of classes.
        classifier_activation: of the last layer; None gives its logits.
        name: of the model.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range or without effect.

    >>> VGG16().summary()  # doctest: +SKIP
    """
    check_name("VGG16", name)
    top = check_top("VGG16", include_top, weights, pooling, classes, classifier_activation, usual=1000)
    inputs = x = Input(image_shape("VGG16", input_shape, (224, 224, 3), 32))
    for block, (convolutions, filters) in enumerate(BLOCKS, start=1):
        for number in range(1, convolutions + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        for number in (1, 2):
            x = Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = add_classifier(x, top)
    else:
        x = add_pooling(x, top.pooling)
    return Model(inputs, x, name=name)
