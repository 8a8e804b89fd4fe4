"""``keras.applications.imagenet_utils``: images as the known networks take them, and names of their classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.values import data_format as today
from minidl.errors import ArgumentError, DatasetError, ShapeError

_MEANS = np.array([103.939, 116.779, 123.68])  # of blue, green and red over ImageNet
CLASS_INDEX_PATH = Path.home() / ".keras" / "models" / "imagenet_class_index.json"


def preprocess_input(
    x: Any, data_format: str | None = None, mode: str = "caffe", dim_ordering: str | None = None
) -> np.ndarray:
    """Images (n, height, width, 3) with numbers 0 to 255 as a network takes them; x itself is not changed.

    Args:
        x: one image or several, red first.
        data_format: where the channels are; None: as ``K.image_data_format`` says.
        mode: ``"caffe"``: blue first, and less the means of ImageNet; ``"tf"``: from -1 to 1.
        dim_ordering: Keras 1's name for ``data_format``.

    >>> preprocess_input(np.zeros((1, 1, 3))).tolist()
    [[[-103.939, -116.779, -123.68]]]
    """
    order = today(data_format or dim_ordering) or config.data_format()
    if order not in ("channels_last", "channels_first"):
        raise ArgumentError("preprocess_input", f"data_format={data_format!r}", "'channels_last' or 'channels_first'")
    if mode not in ("caffe", "tf"):
        raise ArgumentError("preprocess_input", f"mode={mode!r}", "'caffe' or 'tf'")
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(config.dtype())
    if mode == "tf":
        return (x / 127.5 - 1).astype(x.dtype)
    axis = -1 if order == "channels_last" else -3
    if x.ndim not in (3, 4) or x.shape[axis] != 3:
        raise ShapeError("preprocess_input", f"images of shape {x.shape}", f"three channels ({order})")
    means = _MEANS if axis == -1 else _MEANS[:, None, None]
    return (np.flip(x, axis) - means).astype(x.dtype)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[Any, ...]]]:
    """The likeliest classes of each sample: (WordNet id, name, probability).

    The names stand in imagenet_class_index.json, which Keras keeps in ~/.keras/models. Raises DatasetError where it is not
    there, ShapeError for predictions of another shape than (n, 1000).
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ShapeError("decode_predictions", f"predictions of shape {preds.shape}", "(samples, 1000)")
    if not CLASS_INDEX_PATH.exists():
        fix = f"put imagenet_class_index.json into {CLASS_INDEX_PATH.parent}"
        raise DatasetError("decode_predictions", "", f"the names of the classes in {CLASS_INDEX_PATH}", fix)
    names = json.loads(CLASS_INDEX_PATH.read_text(encoding="utf-8"))
    best = np.argsort(-preds, axis=1, kind="stable")[:, :top]
    return [[(*names[str(i)], row[i]) for i in order] for row, order in zip(preds, best)]
