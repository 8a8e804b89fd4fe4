"""Known networks of Keras 2.1 as functions of then: minidl's own, and VGG-19; with weights that a script trains or loads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import applications as today
from minidl import config
from minidl.applications._parts import add_classifier, add_pooling, check_top, image_shape
from minidl.compat.keras.engine.training import faced
from minidl.compat.keras.names import next_name
from minidl.compat.keras.seeding import draw_seed
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from minidl.models import Model
from minidl.profile import KERAS_2_1


def old(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
    """The function of Keras 2.1 that makes this network."""

    def network(
        include_top: bool = True,
        weights: str | None = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
    ) -> Any:
        if weights is not None:
            fix = f"{name}(weights=None), and model.load_weights(file) with weights that minidl has saved"
            raise ArgumentError(name, f"weights={weights!r}", "None: the weights of ImageNet are no part of minidl", fix)
        if input_tensor is not None:
            fix = f"{name}(weights=None, input_shape={tuple(getattr(input_tensor, 'shape', ()))})"
            raise ArgumentTypeError(name, "input_tensor", "input_shape", fix)
        draw_seed()
        with config.use_profile(KERAS_2_1):
            pooling = None if include_top else pooling  # which Keras 2.1 did not look at with the top
            model = make(include_top, None, input_shape=input_shape, pooling=pooling, classes=classes)
        model.inputs[0].name = next_name("input")
        return faced(model)

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f"Keras 2.1's {name}, with weights=None. Raises ArgumentError for weights='imagenet', its default."
    return network


def missing(name: str) -> Callable[..., Any]:
    """A network that minidl does not have: its function says so."""

    def network(*arguments: Any, **keywords: Any) -> Any:
        raise ArgumentTypeError(name, "a call", "a network that minidl has: VGG16, VGG19, ResNet50", "ResNet50(weights=None)")

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f"Refused: minidl does not have {name}."
    return network


def _vgg19(include_top: bool, weights: None, *, input_shape: Any, pooling: str | None, classes: int) -> Model:
    """VGG-16 with a fourth convolution in each of the last three blocks (Simonyan and Zisserman 2015, configuration E)."""
    top = check_top("VGG19", include_top, weights, pooling, classes, "softmax", usual=1000)
    inputs = x = Input(image_shape("VGG19", input_shape, (224, 224, 3), 32))
    for block, (convolutions, filters) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)), start=1):
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
    return Model(inputs, x, name="vgg19")


VGG16 = old("VGG16", today.VGG16)
VGG19 = old("VGG19", _vgg19)
ResNet50 = old("ResNet50", today.ResNet50)
InceptionV3 = missing("InceptionV3")
InceptionResNetV2 = missing("InceptionResNetV2")
Xception = missing("Xception")
MobileNet = missing("MobileNet")
