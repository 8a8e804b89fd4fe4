"""What the pictures of a model ask of it: that it is a model, and that x is one sample for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend as backends
from minidl.errors import ArgumentTypeError, NotBuiltError, ShapeError, described
from minidl.geometry import agree, is_several
from minidl.models import Model


def check_model(where: str, model: Any) -> Model:
    """``model``, if it is one and its shapes are known."""
    if not isinstance(model, Model):
        raise ArgumentTypeError(where, described(model), "a Model or Sequential")
    if model.input_shape is None:
        fix = "input_shape in the first layer, model.build(input_shape), or fit first"
        raise NotBuiltError(where, "a model without an input shape", "a built model", fix)
    return model


def one_sample(where: str, model: Model, x: Any) -> np.ndarray:
    """x as a batch of one sample (1, *input_shape) on the host; x may come with the batch axis or without."""
    shape = model.input_shape
    if is_several(shape):
        raise ArgumentTypeError(where, f"a model with {len(shape)} inputs", "a model with one input")
    backend = backends.current()
    array = backend.to_numpy(backend.asarray(x, None, f"{where}: x"))
    if agree([array.shape, shape]) is not None:
        return array[np.newaxis]
    if agree([array.shape, (1, *shape)]) is not None:
        return array
    fix = "x[0], one of the samples" if array.shape[1:] == tuple(shape) else ""
    if (*array.shape, 1) == tuple(shape):
        fix = "x[..., None], which adds the channel axis"
    raise ShapeError(f"{where}: x", f"an array of shape {array.shape}", f"one sample of shape {tuple(shape)}", fix)


def as_image(array: np.ndarray) -> np.ndarray | None:
    """A sample as a picture: (height, width) if grey, (height, width, 3) if in colours; None where it is neither.

    >>> as_image(np.zeros((28, 28, 1))).shape, as_image(np.zeros((3, 8, 9))).shape, as_image(np.zeros(5))
    ((28, 28), (8, 9, 3), None)
    """
    if array.ndim == 2:
        return array
    if array.ndim != 3:
        return None
    if array.shape[-1] not in (1, 3) and array.shape[0] in (1, 3):  # channels first
        array = np.moveaxis(array, 0, -1)
    if array.shape[-1] == 1:
        return array[..., 0]
    return array if array.shape[-1] == 3 else None
