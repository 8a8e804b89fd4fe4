"""``keras.preprocessing.image`` of Keras 2.1: images changed at random, standardised, and given in batches without end.

Random numbers come from ``np.random`` in the order in which Keras 2.1 drew them, for each image: rotation, shift of rows, of
columns, shear, zoom of rows and of columns, a shift for each channel, flip of columns, of rows; each only where it is wanted.
``minidl.data.ImageAugmentation`` is what to use today: the mean of four pixels instead of the nearest one, the middle in the
middle, and the same images whatever batch they are in.
"""

from __future__ import annotations

import inspect
import os
import re
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import config
from minidl.compat.keras.preprocessing.batches import DirectoryIterator as DirectoryIterator
from minidl.compat.keras.preprocessing.batches import Iterator as Iterator
from minidl.compat.keras.preprocessing.batches import NumpyArrayIterator as NumpyArrayIterator
from minidl.compat.keras.preprocessing.batches import check_images
from minidl.compat.keras.preprocessing.maps import apply_transform as apply_transform
from minidl.compat.keras.preprocessing.maps import flip_axis as flip_axis
from minidl.compat.keras.preprocessing.maps import matrices_of, pair_of, seen_through, zooms
from minidl.compat.keras.preprocessing.maps import random_channel_shift as random_channel_shift
from minidl.compat.keras.preprocessing.maps import random_rotation as random_rotation
from minidl.compat.keras.preprocessing.maps import random_shear as random_shear
from minidl.compat.keras.preprocessing.maps import random_shift as random_shift
from minidl.compat.keras.preprocessing.maps import random_zoom as random_zoom
from minidl.compat.keras.preprocessing.maps import transform_matrix_offset_center as transform_matrix_offset_center
from minidl.compat.keras.preprocessing.pictures import array_to_img as array_to_img
from minidl.compat.keras.preprocessing.pictures import axis_order
from minidl.compat.keras.preprocessing.pictures import img_to_array as img_to_array
from minidl.compat.keras.preprocessing.pictures import list_pictures as list_pictures
from minidl.compat.keras.preprocessing.pictures import load_img as load_img
from minidl.compat.keywords import keywords_of_keras_1
from minidl.compat.spelling import call_text, told
from minidl.errors import ArgumentError, DataWarning, ShapeError, closest, warn
from minidl.ops.resample import MODES

__all__ = [  # what a star import gave, modules too
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_transform",
    "array_to_img",
    "flip_axis",
    "img_to_array",
    "list_pictures",
    "load_img",
    "np",
    "os",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "re",
    "threading",
    "transform_matrix_offset_center",
    "warnings",
]  # fmt: skip

SMALL = 1e-7  # added to standard deviations


class ImageDataGenerator:
    """Random changes of images and their standardisation, in batches.

    Args:
        featurewise_center: minus the mean of each channel over the images of ``fit``.
        samplewise_center: each image minus its mean.
        featurewise_std_normalization: divided by the standard deviation of each channel over the images of ``fit``.
        samplewise_std_normalization: each image divided by its standard deviation.
        zca_whitening: whitened by the images of ``fit``.
        zca_epsilon: added to the variances.
        rotation_range: up to so many degrees to either side.
        width_shift_range: up to this part of the width to either side.
        height_shift_range: up to this part of the height.
        shear_range: up to so many radians.
        zoom_range: z draws factors from 1 - z to 1 + z; or a pair (low, high).
        channel_shift_range: up to so much is added to each channel, within the range of the image's values.
        fill_mode: what lies beyond the border: "nearest", "reflect", "wrap" or "constant".
        cval: the number for "constant".
        horizontal_flip: left and right are exchanged in half of the images.
        vertical_flip: top and bottom are.
        rescale: a factor, before everything else of the standardisation but ``preprocessing_function``.
        preprocessing_function: a function of one image that returns one of the same shape, after the random changes.
        data_format: "channels_last" or "channels_first"; None is ``keras.backend.image_data_format()``.

    Attributes:
        mean, std, principal_components: what ``fit`` measured.

    >>> np.random.seed(0)
    >>> images = np.arange(12.0).reshape(1, 3, 4, 1)
    >>> flow = ImageDataGenerator(horizontal_flip=True).flow(images, batch_size=1)
    >>> [next(flow)[0, 0, :, 0].tolist() for _ in range(2)]
    [[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 2.0, 3.0]]
    """

    mean: np.ndarray | None
    std: np.ndarray | None
    principal_components: np.ndarray | None

    @keywords_of_keras_1("ImageDataGenerator", dim_ordering="data_format")
    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0.0,
        width_shift_range: float = 0.0,
        height_shift_range: float = 0.0,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], Any] | None = None,
        data_format: str | None = None,
    ) -> None:
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.shear_range = rotation_range, shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode, self.cval = fill_mode, cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        pair = (1 - zoom_range, 1 + zoom_range) if np.ndim(zoom_range) == 0 else zoom_range
        self.zoom_range = list(pair_of(pair))
        if fill_mode not in MODES:
            expected = " or ".join(map(repr, MODES))
            raise ArgumentError("ImageDataGenerator", f"fill_mode={fill_mode!r}", expected, meant=closest(fill_mode, MODES))
        self.data_format = axis_order("ImageDataGenerator", data_format)
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if self.data_format == "channels_first" else (3, 1, 2)
        self.mean = self.std = self.principal_components = None
        given = {name: getattr(self, name) for name in _TODAY} | {"zoom_range": zoom_range, "data_format": data_format}
        old = {name: value for name, value in given.items() if not _same(value, _DEFAULTS[name])}
        new = {_TODAY[name]: value for name, value in old.items()}
        if "shear" in new:
            new["shear"] = round(float(np.rad2deg(new["shear"])), 4)
        told(call_text("ImageDataGenerator", (), old), call_text("data.ImageAugmentation", (), new))

    @keywords_of_keras_1("ImageDataGenerator.flow", X="x")
    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
    ) -> NumpyArrayIterator:
        """Batches without end of the images ``x`` with their targets; see ``NumpyArrayIterator``."""
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, seed, self.data_format, save_to_dir, save_prefix, save_format
        )

    def flow_from_directory(
        self,
        directory: str,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
    ) -> DirectoryIterator:
        """Batches without end of the pictures in a folder with one folder for each class; see ``DirectoryIterator``."""
        return DirectoryIterator(
            directory,
            self,
            target_size,
            color_mode,
            classes,
            class_mode,
            batch_size,
            shuffle,
            seed,
            self.data_format,
            save_to_dir,
            save_prefix,
            save_format,
            follow_links,
        )

    def standardize(self, x: Any) -> np.ndarray:
        """An image, or several as if they were one, standardised: an array of floats is changed in place, as it was."""
        return self._standardized(np.asarray(x), None)

    def random_transform(self, x: Any, seed: int | None = None) -> np.ndarray:
        """An image of three axes changed at random; the one given stays as it is."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002  (the state that scripts seed)
        x = np.asarray(x)
        if x.ndim != 3:
            raise ShapeError("ImageDataGenerator.random_transform", f"an array of shape {x.shape}", "one image: three axes")
        kind = x.dtype if x.dtype in (np.float32, np.float64) else np.dtype(config.dtype())
        made = self._transformed(x[np.newaxis].astype(kind), [self._drawn(x.shape)])[0]
        return made if self.channel_shift_range else made.astype(x.dtype, copy=False)

    @keywords_of_keras_1("ImageDataGenerator.fit", X="x")
    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure what featurewise centring, featurewise scaling and ZCA need.

        Args:
            x: training images, of four axes.
            augment: measure the images as they are after random changes.
            rounds: how often each is changed then.
            seed: of ``np.random``; None leaves it as it is.
        """
        x = np.array(x, config.dtype())
        check_images(x, "ImageDataGenerator.fit", self.channel_axis, self.data_format)
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002
        if augment:
            x = np.stack([self.random_transform(image) for _ in range(rounds) for image in x])
        axes, shape = (0, self.row_axis, self.col_axis), [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        if self.featurewise_center:
            self.mean = x.mean(axis=axes, dtype=np.float64).astype(x.dtype).reshape(shape)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=axes, dtype=np.float64).astype(x.dtype).reshape(shape)
            x /= self.std + x.dtype.type(SMALL)
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            spectrum, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64) / len(flat))
            scale = 1 / np.sqrt(np.maximum(spectrum, 0) + self.zca_epsilon)
            self.principal_components = ((vectors * scale) @ vectors.T).astype(x.dtype)

    # -- inside --------------------------------------------------------------------------------------------------------

    def batch_of(self, images: np.ndarray) -> np.ndarray:
        """Images (n, ...) changed at random and standardised, in a new array.

        All of them at once, unless a subclass has its own methods or a function of the script is called in between, which
        may draw random numbers too.
        """
        own = type(self).random_transform is not ImageDataGenerator.random_transform
        if own or type(self).standardize is not ImageDataGenerator.standardize or self.preprocessing_function is not None:
            made = np.empty(images.shape, config.dtype())
            for place, image in zip(made, images):
                place[...] = self.standardize(self.random_transform(image.copy()))
            return made
        drawn = [self._drawn(images.shape[1:]) for _ in images]
        return self._standardized(self._transformed(images.copy(), drawn), (1, 2, 3))

    def _drawn(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """The random parameters of one image."""
        uniform = np.random.uniform
        drawn: dict[str, Any] = {}
        if self.rotation_range:
            drawn["theta"] = np.pi / 180 * uniform(-self.rotation_range, self.rotation_range)
        if self.height_shift_range:
            drawn["tx"] = uniform(-self.height_shift_range, self.height_shift_range) * shape[self.row_axis - 1]
        if self.width_shift_range:
            drawn["ty"] = uniform(-self.width_shift_range, self.width_shift_range) * shape[self.col_axis - 1]
        if self.shear_range:
            drawn["shear"] = uniform(-self.shear_range, self.shear_range)
        if self.zoom_range != [1, 1]:
            drawn["zx"], drawn["zy"] = zooms(self.zoom_range)
        if self.channel_shift_range:
            reach, channels = self.channel_shift_range, shape[self.channel_axis - 1]
            drawn["channels"] = [uniform(-reach, reach) for _ in range(channels)]
        if self.horizontal_flip:
            drawn["left_right"] = np.random.random() < 0.5  # noqa: NPY002
        if self.vertical_flip:
            drawn["up_down"] = np.random.random() < 0.5  # noqa: NPY002
        return drawn

    def _transformed(self, x: np.ndarray, drawn: list[dict[str, Any]]) -> np.ndarray:
        """Images of floats with these changes; they may be written to."""
        names = drawn[0].keys() if drawn else ()
        of_all = {name: np.array([one[name] for one in drawn]) for name in names}
        if of_all.keys() & _GEOMETRY.keys():
            parameters = {name: of_all.get(name, np.full(len(x), value)) for name, value in _GEOMETRY.items()}
            height, width = x.shape[self.row_axis], x.shape[self.col_axis]
            matrices = transform_matrix_offset_center(matrices_of(**parameters), height, width)
            if self.channel_axis == 1:  # each channel a picture of its own
                flat = x.reshape(-1, height, width, 1)
                x = seen_through(flat, np.repeat(matrices, x.shape[1], axis=0), self.fill_mode, self.cval).reshape(x.shape)
            else:
                x = seen_through(x, matrices, self.fill_mode, self.cval)
        if "channels" in of_all and x.size:
            shape = [len(x), 1, 1, 1]
            shape[self.channel_axis] = x.shape[self.channel_axis]
            low, high = x.min(axis=(1, 2, 3), keepdims=True), x.max(axis=(1, 2, 3), keepdims=True)
            x = np.clip(x + of_all["channels"].reshape(shape).astype(x.dtype), low, high)
        for name, axis in (("left_right", self.col_axis), ("up_down", self.row_axis)):
            if name in of_all:
                x[of_all[name]] = np.flip(x[of_all[name]], axis)
        return x

    def _standardized(self, x: np.ndarray, axes: tuple[int, ...] | None) -> np.ndarray:
        """Images standardised, in place where they are of floats; ``axes`` are those of one image, None: all."""
        if self.preprocessing_function is not None:
            x = np.asarray(self.preprocessing_function(x))
        if x.dtype.kind != "f" or not x.flags.writeable:
            x = x.astype(x.dtype if x.dtype.kind == "f" else config.dtype())
        if self.rescale:
            x *= x.dtype.type(self.rescale)
        if self.samplewise_center:
            x -= np.mean(x, axis=axes, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, axis=axes, keepdims=True) + x.dtype.type(SMALL)
        if self.featurewise_center and self._is_fitted(self.mean, "featurewise_center"):
            x -= self.mean
        if self.featurewise_std_normalization and self._is_fitted(self.std, "featurewise_std_normalization"):
            x /= self.std + x.dtype.type(SMALL)
        if self.zca_whitening and self._is_fitted(self.principal_components, "zca_whitening"):
            flat = x.reshape(-1, int(np.prod(x.shape[-3:])))
            x = (flat @ self.principal_components).reshape(x.shape)
        return x

    def _is_fitted(self, measured: np.ndarray | None, name: str) -> bool:
        if measured is None:
            warn(f"ImageDataGenerator: {name} does nothing before fit(x_train), which measures the images", DataWarning)
        return measured is not None


_GEOMETRY = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
_TODAY = {
    "featurewise_center": "featurewise_center",
    "samplewise_center": "samplewise_center",
    "featurewise_std_normalization": "featurewise_std",
    "samplewise_std_normalization": "samplewise_std",
    "zca_whitening": "zca",
    "zca_epsilon": "zca_epsilon",
    "rotation_range": "rotation",
    "width_shift_range": "width_shift",
    "height_shift_range": "height_shift",
    "shear_range": "shear",
    "zoom_range": "zoom",
    "channel_shift_range": "channel_shift",
    "fill_mode": "fill_mode",
    "cval": "fill_value",
    "horizontal_flip": "horizontal_flip",
    "vertical_flip": "vertical_flip",
    "rescale": "rescale",
    "preprocessing_function": "preprocessing",
    "data_format": "data_format",
}
_DEFAULTS = {name: p.default for name, p in inspect.signature(ImageDataGenerator).parameters.items()}


def _same(value: Any, default: Any) -> bool:
    return value is default or (np.isscalar(value) and bool(value == default))
