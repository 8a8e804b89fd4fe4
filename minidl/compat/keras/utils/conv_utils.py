"""``keras.utils.conv_utils`` of Keras 2.1: lengths of convolutions, kernels between Theano and TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.values import data_format as _spelled
from minidl.compat.keywords import keywords_of_keras_1
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError


def normalize_tuple(value: Any, n: int, name: str) -> tuple[Any, ...]:
    """``n`` whole numbers, of one or of as many.

    >>> normalize_tuple(2, 3, "strides"), normalize_tuple([1, 2], 2, "strides")
    ((2, 2, 2), (1, 2))
    """
    if isinstance(value, (int, np.integer)):
        return (value,) * n
    numbers = tuple(value) if hasattr(value, "__iter__") and not isinstance(value, str) else ()
    if len(numbers) != n or not all(hasattr(number, "__index__") for number in numbers):
        raise ArgumentError(name, repr(value), f"a whole number, or a tuple of {n}")
    return numbers


def normalize_data_format(value: Any) -> str:
    """The order of axes, in any case of letters; None is the one that is set."""
    found = config.data_format() if value is None else _spelled(value.lower())
    if found not in ("channels_first", "channels_last"):
        raise ArgumentError("data_format", repr(value), "'channels_last' or 'channels_first'")
    return str(found)


def normalize_padding(value: str) -> str:
    """ "valid", "same" or "causal", in any case of letters."""
    if not isinstance(value, str):
        raise ArgumentTypeError("padding", repr(value), "'valid' or 'same'")
    if value.lower() not in ("valid", "same", "causal"):
        raise ArgumentError("padding", repr(value), "'valid' or 'same' (or 'causal', for Conv1D)")
    return value.lower()


@keywords_of_keras_1(dim_ordering="data_format")
def convert_kernel(kernel: Any, data_format: str | None = None) -> np.ndarray:
    """A kernel with its spatial axes reversed: what Theano called a convolution was one, TensorFlow's is a correlation.

    Args:
        kernel: (..., input channels, output channels); with ``data_format="th"`` of Keras 1, (output, input, ...).
        data_format: None and "tf" are the first order.
    """
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ShapeError("convert_kernel", f"a kernel of shape {kernel.shape}", "3 to 5 axes")
    first = _spelled(data_format) == "channels_first"
    return np.flip(kernel, tuple(range(2, kernel.ndim) if first else range(kernel.ndim - 2))).copy()


@keywords_of_keras_1(border_mode="padding")
def conv_output_length(input_length: int | None, filter_size: int, padding: str, stride: int, dilation: int = 1) -> int | None:
    """The length of a convolution's result; None where that of its input is not known.

    >>> [conv_output_length(10, 3, padding, 2) for padding in ("valid", "same", "causal", "full")]
    [4, 5, 5, 6]
    """
    _check(padding, ("valid", "same", "causal", "full"))
    if input_length is None:
        return None
    reach = (filter_size - 1) * dilation
    length = input_length + {"valid": -reach, "full": reach}.get(padding, 0)
    return (length + stride - 1) // stride


@keywords_of_keras_1(border_mode="padding")
def conv_input_length(output_length: int | None, filter_size: int, padding: str, stride: int) -> int | None:
    """The shortest input that gives a result of this length.

    >>> [conv_input_length(4, 3, padding, 2) for padding in ("valid", "same", "full")]
    [9, 7, 5]
    """
    _check(padding, ("valid", "same", "full"))
    if output_length is None:
        return None
    pad = {"valid": 0, "same": filter_size // 2, "full": filter_size - 1}[padding]
    return (output_length - 1) * stride - 2 * pad + filter_size


def deconv_length(dim_size: int | None, stride_size: int, kernel_size: int, padding: str) -> int | None:
    """The length of a transposed convolution's result.

    >>> [deconv_length(4, 2, 3, padding) for padding in ("valid", "same", "full")]
    [9, 8, 5]
    """
    _check(padding, ("valid", "same", "full"))
    if dim_size is None:
        return None
    if padding == "valid":
        return dim_size * stride_size + max(kernel_size - stride_size, 0)
    return dim_size * stride_size - (stride_size + kernel_size - 2 if padding == "full" else 0)


def _check(padding: str, known: tuple[str, ...]) -> None:
    if padding not in known:
        raise ArgumentError("padding", repr(padding), " or ".join(map(repr, known)))
