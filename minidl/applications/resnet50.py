"""ResNet-50 (He, Zhang, Ren and Sun 2016): sixteen residual blocks of three convolutions, the middle one 3 x 3.

    y = relu(shortcut(x) + bn(W_3 * relu(bn(W_2 * relu(bn(W_1 * x))))))

W_1 and W_3 are 1 x 1, and W_3 has four times as many maps. The first block of a stage has a projection as its shortcut,
bn(W_0 * x). The stride of 2 with which the later stages begin stands in W_1 and W_0, as in the paper; PyTorch has it in W_2.
Layers are called as in Keras, so that weights can be loaded by name.
"""

from __future__ import annotations

from typing import Any

from minidl.applications._parts import add_classifier, add_pooling, check_name, check_top, image_shape, normalization
from minidl.checks import check_flag
from minidl.layers import Activation, Add, Conv2D, Input, MaxPooling2D, ZeroPadding2D
from minidl.models import Model

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks, filters of the first two convolutions in each
EPSILON = 1.001e-5  # of the batch normalisation, as in Keras


def ResNet50(
    include_top: bool = True,
    weights: None = None,
    *,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    use_bias: bool = True,
    name: str = "resnet50",
) -> Model:
    """A residual network of 50 layers for images of 224 x 224.

    With the top and biases it has 25,636,712 parameters; 53,120 of them are running statistics. Without biases 25,610,152
    are left, and the 25,557,032 of them that are trained are PyTorch's.

    Args:
        include_top: whether it ends in classes; otherwise it gives the last 2048 maps, or what ``pooling`` makes of them.
        weights: None.
        input_shape: of one image, at least 32 x 32; None: 224 x 224 with three channels, in the data format in force.
        pooling: without the top: ``"avg"`` or ``"max"`` give one number for each map, None gives the maps.
        classes: number of classes.
        classifier_activation: of the last layer; None gives its logits.
        use_bias: whether the convolutions have biases, as in Keras. The normalisation behind them takes them out again.
        name: of the model.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range or without effect.

    >>> ResNet50().summary()  # doctest: +SKIP
    """
    check_name("ResNet50", name)
    top = check_top("ResNet50", include_top, weights, pooling, classes, classifier_activation, usual=1000)
    check_flag("ResNet50", "use_bias", use_bias)
    inputs = Input(image_shape("ResNet50", input_shape, (224, 224, 3), 32))
    x = ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = Conv2D(64, 7, strides=2, use_bias=use_bias, name="conv1_conv")(x)
    x = normalization(EPSILON, "conv1_bn")(x)
    x = Activation("relu", name="conv1_relu")(x)
    x = ZeroPadding2D(1, name="pool1_pad")(x)  # what stands there is not negative: 0 never wins alone
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, (blocks, filters) in enumerate(STAGES, start=2):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 2 and block == 1 else 1
            x = bottleneck(x, filters, strides, block == 1, use_bias, f"conv{stage}_block{block}")
    x = add_pooling(x, "avg" if include_top else top.pooling)
    return Model(inputs, add_classifier(x, top) if include_top else x, name=name)


def bottleneck(x: Any, filters: int, strides: int, projection: bool, use_bias: bool, name: str) -> Any:
    """y = relu(shortcut(x) + F(x)), where F goes through fewer maps than x and y have."""
    shortcut = x
    if projection:
        shortcut = Conv2D(4 * filters, 1, strides, use_bias=use_bias, name=f"{name}_0_conv")(x)
        shortcut = normalization(EPSILON, f"{name}_0_bn")(shortcut)
    x = Conv2D(filters, 1, strides, use_bias=use_bias, name=f"{name}_1_conv")(x)
    x = normalization(EPSILON, f"{name}_1_bn")(x)
    x = Activation("relu", name=f"{name}_1_relu")(x)
    x = Conv2D(filters, 3, padding="same", use_bias=use_bias, name=f"{name}_2_conv")(x)
    x = normalization(EPSILON, f"{name}_2_bn")(x)
    x = Activation("relu", name=f"{name}_2_relu")(x)
    x = Conv2D(4 * filters, 1, use_bias=use_bias, name=f"{name}_3_conv")(x)
    x = normalization(EPSILON, f"{name}_3_bn")(x)
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)
