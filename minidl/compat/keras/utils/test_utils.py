"""``keras.utils.test_utils`` of Keras 2.1: data for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.compat.keywords import Refused, keywords_of_keras_1

Pair = tuple[np.ndarray, np.ndarray]


@keywords_of_keras_1(nb_train="num_train", nb_test="num_test", nb_class="num_classes")
def get_test_data(
    num_train: int = 1000,
    num_test: int = 500,
    input_shape: Any = (10,),
    output_shape: Any = (2,),
    classification: bool = True,
    num_classes: int = 2,
) -> tuple[Pair, Pair]:
    """``(x_train, y_train), (x_test, y_test)``, drawn from ``np.random``: normal numbers about each sample's target.

    Args:
        num_train, num_test: how many samples.
        input_shape: of a sample.
        output_shape: of its target; without ``classification`` only.
        classification: targets are classes (n,); else numbers.
        num_classes: how many classes.
    """
    samples, drawn = num_train + num_test, np.random
    x = np.zeros((samples, *input_shape))
    if classification:
        y = drawn.randint(0, num_classes, size=(samples,))
        for i in range(samples):
            x[i] = drawn.normal(loc=y[i], scale=0.7, size=input_shape)
    else:
        middle, y = drawn.random((samples,)), np.zeros((samples, *output_shape))
        for i in range(samples):
            x[i] = drawn.normal(loc=middle[i], scale=0.7, size=input_shape)
            y[i] = drawn.normal(loc=middle[i], scale=0.7, size=output_shape)
    return (x[:num_train], y[:num_train]), (x[num_train:], y[num_train:])


def keras_test(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: there is no session to be cleared behind it."""
    return func


layer_test = Refused("keras.utils.test_utils.layer_test", "a backend of symbols", "minidl.testing.check_gradients(layer, ...)")
