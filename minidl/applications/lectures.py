"""The lectures' networks for handwritten digits, layer by layer as the slides have them.

Sources: Lecture 2018, Practical 2020, Ghent 1; the convolutional network is LeCun et al. 1998's idea in Keras's words.
"""

from __future__ import annotations

from typing import Any

from minidl.applications._parts import check_name, check_weights, image_shape
from minidl.checks import check_integer
from minidl.layers import Activation, Conv2D, Dense, Flatten, Input, MaxPooling2D
from minidl.models import Sequential


def SoftmaxPerceptron(
    input_shape: Any = (784,), classes: int = 10, *, weights: None = None, name: str = "softmax_perceptron"
) -> Sequential:
    """p = softmax(x W + b): one layer, no hidden one; 7,850 parameters for 784 pixels and 10 classes.

    Args:
        input_shape: of one sample; what has several axes is flattened first.
        classes: number of classes.
        weights: None.
        name: of the model.

    Raises ArgumentError and ArgumentTypeError for arguments out of range.

    >>> SoftmaxPerceptron().count_params()
    7850
    """
    return _dense("SoftmaxPerceptron", input_shape, (), classes, weights, name)


def MLP(input_shape: Any = (784,), classes: int = 10, *, weights: None = None, name: str = "mlp") -> Sequential:
    """Two hidden layers of 128 ReLU units and a softmax; 118,282 parameters for 784 pixels and 10 classes.

    Arguments as for ``SoftmaxPerceptron``.

    >>> MLP().count_params()
    118282
    """
    return _dense("MLP", input_shape, (128, 128), classes, weights, name)


def _dense(where: str, input_shape: Any, hidden: tuple[int, ...], classes: Any, weights: Any, name: Any) -> Sequential:
    check_weights(where, weights)
    classes = check_integer(where, "classes", classes)
    x = Input(input_shape)
    model = Sequential([x], name=check_name(where, name))
    if len(x.shape) > 1:
        model.add(Flatten())
    for units in hidden:
        model.add(Dense(units))
        model.add(Activation("relu"))
    model.add(Dense(classes))
    model.add(Activation("softmax"))
    return model


def CNN(input_shape: Any = None, classes: int = 10, *, weights: None = None, name: str = "cnn") -> Sequential:
    """Two convolutions (20 and 50 maps, 5 x 5, "same") with max pooling, 500 hidden units, a softmax; 1,256,080 parameters.

    Args:
        input_shape: of one image, at least 4 x 4; None: 28 x 28 with one channel, in the data format in force.
        classes: number of classes.
        weights: None.
        name: of the model.

    Raises ArgumentError, ArgumentTypeError and ShapeError for arguments out of range.

    >>> CNN().count_params()
    1256080
    """
    check_weights("CNN", weights)
    classes = check_integer("CNN", "classes", classes)
    model = Sequential([Input(image_shape("CNN", input_shape, (28, 28, 1), 4))], name=check_name("CNN", name))
    for filters in (20, 50):
        model.add(Conv2D(filters, kernel_size=5, padding="same"))
        model.add(Activation("relu"))
        model.add(MaxPooling2D(pool_size=(2, 2), strides=(2, 2)))
    model.add(Flatten())
    model.add(Dense(500))
    model.add(Activation("relu"))
    model.add(Dense(classes))
    model.add(Activation("softmax"))
    return model
