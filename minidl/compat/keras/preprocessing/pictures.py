"""Pictures of Pillow as arrays and back, and the order of their axes. Pillow is imported when it is needed."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.values import data_format as _spelled
from minidl.compat.keywords import keywords_of_keras_1
from minidl.errors import ArgumentError, MissingPackageError, ShapeError, closest

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


@keywords_of_keras_1(dim_ordering="data_format")
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True) -> Any:
    """An image of three axes as a picture of PIL, grey or red, green and blue; ``scale`` spreads its values over 0 to 255."""
    pil = pillow("array_to_img")
    x = np.asarray(x, config.dtype())
    if x.ndim != 3:
        raise ShapeError("array_to_img", f"an array of shape {x.shape}", "one image: three axes")
    if axis_order("array_to_img", data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x + max(-np.min(x), 0)
        highest = np.max(x)
        x = x / highest * 255 if highest != 0 else x * 255
    if x.shape[2] not in (1, 3):
        raise ShapeError("array_to_img", f"{x.shape[2]} channels", "1 (grey) or 3 (red, green, blue)")
    return pil.fromarray((x if x.shape[2] == 3 else x[:, :, 0]).astype(np.uint8))


@keywords_of_keras_1(dim_ordering="data_format")
def img_to_array(img: Any, data_format: str | None = None) -> np.ndarray:
    """A picture of PIL as an array of three axes, with values as they are."""
    first = axis_order("img_to_array", data_format) == "channels_first"
    x = np.asarray(img, config.dtype())
    if x.ndim == 2:
        return x[np.newaxis] if first else x[..., np.newaxis]
    if x.ndim != 3:
        raise ShapeError("img_to_array", f"a picture of shape {x.shape}", "two or three axes")
    return x.transpose(2, 0, 1) if first else x


@keywords_of_keras_1()
def load_img(path: Any, grayscale: bool = False, target_size: Any = None, interpolation: str = "nearest") -> Any:
    """A picture of PIL from a file, in grey or in colours, and of ``target_size`` (height, width) where that is given."""
    pil = pillow("load_img")
    img = pil.open(path)
    img.load()  # closes the file
    mode = "L" if grayscale else "RGB"
    img = img if img.mode == mode else img.convert(mode)
    if target_size is not None and img.size != (target_size[1], target_size[0]):
        if interpolation not in _INTERPOLATIONS:
            expected = ", ".join(map(repr, _INTERPOLATIONS))
            meant = closest(interpolation, _INTERPOLATIONS)
            raise ArgumentError("load_img", f"interpolation={interpolation!r}", expected, meant=meant)
        img = img.resize((target_size[1], target_size[0]), getattr(pil, interpolation.upper()))
    return img


def list_pictures(directory: str, ext: str = "jpg|jpeg|bmp|png|ppm") -> list[str]:
    """The paths of all pictures in a folder and the folders in it."""
    pattern = re.compile(r"([\w]+\.(?:" + ext + "))")
    return [os.path.join(root, name) for root, _, names in os.walk(directory) for name in names if pattern.match(name)]


def pillow(where: str) -> Any:
    """The module PIL.Image. Raises MissingPackageError where Pillow is not installed."""
    try:
        from PIL import Image  # optional
    except ImportError as error:
        raise MissingPackageError(where, f"no Pillow ({error})", "Pillow, which reads pictures", "pip install pillow") from None
    return Image


def axis_order(where: str, data_format: Any) -> str:
    """The order of axes, in all its spellings."""
    value = _spelled(data_format)
    if value in (None, "default"):
        return config.data_format()
    if value not in ("channels_last", "channels_first"):
        raise ArgumentError(where, f"data_format={data_format!r}", "'channels_last' or 'channels_first'")
    return str(value)
