"""Residual networks for small images: ResNet-20, -56 and others of depth 6 n + 2 (He, Zhang, Ren and Sun 2016, section 4.2).

    y = relu(x + F(x)),    F(x) = bn(W_2 * relu(bn(W_1 * x)))

with 3 x 3 convolutions without biases. Three stages of n blocks have 16, 32 and 64 maps, and each after the first begins
with a stride of 2. There the shape of F(x) is another one than that of x, and the shortcut is the paper's projection (its
option B), bn(W_s * x) with a 1 x 1 convolution of stride 2. The paper's CIFAR table has option A, zeros for the new maps,
which has 2,752 parameters less.
"""

from __future__ import annotations

from typing import Any

from minidl.applications._parts import add_classifier, add_pooling, check_name, check_top, image_shape, normalization
from minidl.checks import check_integer
from minidl.errors import ArgumentError
from minidl.layers import Activation, Add, Conv2D, Input
from minidl.models import Model

EPSILON, MOMENTUM = 1e-5, 0.9  # of the batch normalisation, as in the paper's own code


def ResNetCifar(
    depth: int,
    *,
    include_top: bool = True,
    weights: None = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """A residual network of ``depth`` = 6 n + 2 layers: 8, 14, 20, 32, 44, 56, 110 ...

    Args:
        depth: number of layers with weights, the projections aside.
        include_top: whether it ends in classes; otherwise it gives the last 64 maps, or what ``pooling`` makes of them.
        weights: None.
        input_shape: of one image, at least 4 x 4; None: 32 x 32 with three channels, in the data format in force.
        pooling: without the top: ``"avg"`` or ``"max"`` give one number for each map, None gives the maps.
        classes: number of classes.
        classifier_activation: of the last layer; None gives its logits.
        name: of the model; None: ``resnet20`` and so on.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range or without effect.

    >>> model = ResNetCifar(8); model.output_shape, model.count_params()
    ((10,), 78714)
    """
    depth = check_integer("ResNetCifar", "depth", depth)
    if depth < 8 or (depth - 2) % 6:
        raise ArgumentError("ResNetCifar", f"depth={depth}", "6 n + 2: 8, 14, 20, 32, 44, 56, 110 ...")
    where = f"ResNet{depth}"
    top = check_top(where, include_top, weights, pooling, classes, classifier_activation, usual=10)
    inputs = Input(image_shape(where, input_shape, (32, 32, 3), 4))
    name = check_name(where, f"resnet{depth}" if name is None else name)
    x = _convolution(inputs, 16, 3, 1, "conv1")
    x = Activation("relu", name="conv1_relu")(x)
    for stage, filters in enumerate((16, 32, 64), start=2):
        for block in range(1, (depth - 2) // 6 + 1):
            x = residual_block(x, filters, 2 if stage > 2 and block == 1 else 1, f"conv{stage}_block{block}")
    x = add_pooling(x, "avg" if include_top else top.pooling)
    return Model(inputs, add_classifier(x, top) if include_top else x, name=name)


def residual_block(x: Any, filters: int, strides: int, name: str) -> Any:
    """y = relu(shortcut(x) + F(x)); with a stride the shortcut is a projection, else x itself."""
    h = _convolution(x, filters, 3, strides, f"{name}_1")
    h = Activation("relu", name=f"{name}_1_relu")(h)
    h = _convolution(h, filters, 3, 1, f"{name}_2")
    shortcut = x if strides == 1 else _convolution(x, filters, 1, strides, f"{name}_0")
    return Activation("relu", name=f"{name}_out")(Add(name=f"{name}_add")([shortcut, h]))


def _convolution(x: Any, filters: int, size: int, strides: int, name: str) -> Any:
    """bn(W * x), where the normalisation makes a bias needless."""
    options = {"use_bias": False, "kernel_initializer": "he_normal", "name": f"{name}_conv"}
    x = Conv2D(filters, size, strides, "same", **options)(x)  # type: ignore[arg-type]
    return normalization(EPSILON, f"{name}_bn", MOMENTUM)(x)


def ResNet20(
    include_top: bool = True,
    weights: None = None,
    *,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str = "resnet20",
) -> Model:
    """``ResNetCifar(20)``: 274,042 parameters, 1,568 of them running statistics.

    >>> ResNet20().count_params()
    274042
    """
    return ResNetCifar(
        20,
        include_top=include_top,
        weights=weights,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )


def ResNet56(
    include_top: bool = True,
    weights: None = None,
    *,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: Any = "softmax",
    name: str = "resnet56",
) -> Model:
    """``ResNetCifar(56)``: 860,026 parameters, 4,256 of them running statistics.

    >>> ResNet56(include_top=False, pooling="avg").output_shape
    (64,)
    """
    return ResNetCifar(
        56,
        include_top=include_top,
        weights=weights,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
