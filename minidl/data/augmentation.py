"""Training images changed at random, so that a network sees other ones in every epoch.

    augmentation = ImageAugmentation(rotation=15, width_shift=0.1, height_shift=0.1, horizontal_flip=True)
    model.fit(augmentation.flow(x_train, y_train, batch_size=32, seed=7), epochs=10)

For each image parameters are drawn, all geometry is put into one map of its pixels and done in one pass (ops/resample.py);
then colours are changed, then the image is standardised:

    1  flips, shift, rotation, shear, zoom (data/affine.py), elastic displacements
    2  channel shift     x + a, not beyond the darkest and the brightest value of the image
    3  brightness        b x
    4  noise             x + e, e normal
    5  cutout            a square of ``fill_value``
    6  standardisation   data/standardize.py

The parameters of image i in epoch e are random words at the address (seed, e, i), the same whatever batch, thread or order
it is in. Elastic displacements d = a G e H' smooth normal numbers e along both axes; the rows of G and H are Gaussian
curves of unit length, so that every d(i, j) has the standard deviation a.
Source: ImageDataGenerator of Keras 2; Simard, Steinkraus, Platt 2003 (elastic); DeVries, Taylor 2017 (cutout).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend.random import Stream, check_seed, new_stream
from minidl.checks import check_flag, check_integer, check_number
from minidl.data.affine import affine_matrices
from minidl.data.convert import to_host
from minidl.data.dataset import Dataset
from minidl.data.ranges import around_one, check_pair, check_shift, one_of, shifts
from minidl.data.standardize import Standardization
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest
from minidl.ops.addressed import words_at
from minidl.ops.resample import MODES, warp

PARAMETERS, DISPLACEMENT, NOISE = 3, 4, 5  # the last counter word, as those of backend/random.py
# The words of an image, each always the same one, so that an option changes nothing but itself.
(_ROTATION, _DOWN, _DOWN_SIGN, _RIGHT, _RIGHT_SIGN, _SHEAR, _ZOOM_ROWS, _ZOOM_COLUMNS, _FLIP_COLUMNS, _FLIP_ROWS) = range(10)
_CHANNELS, _BRIGHTNESS, _CUT_ROW, _CUT_COLUMN = range(10, 14)
_WORDS = 16

Shift = float | int | Sequence[float]


class ImageAugmentation:
    """Random changes of images (n, h, w, channels), or (n, channels, h, w), and their standardisation.

    Args:
        rotation: up to so many degrees to either side.
        width_shift: below 1: up to this part of the width to either side; a float from 1 on: so many pixels; an integer k:
            a whole number of pixels below k; several numbers: one of them, to either side (pixels, or parts where all are
            below 1).
        height_shift: the same for the height.
        shear: up to so many degrees.
        zoom: z draws both factors, for rows and columns, from 1 - z to 1 + z; or a pair (low, high). Above 1 objects shrink.
        horizontal_flip: left and right are exchanged in half of the images.
        vertical_flip: top and bottom are.
        elastic: standard deviation of the displacement of pixels, in pixels.
        elastic_smoothness: how far displacements are alike: standard deviation of the smoothing, in pixels.
        channel_shift: up to so much is added to all channels, within the range of the image's values.
        brightness: b draws a factor from 1 - b to 1 + b; or a pair (low, high).
        noise: standard deviation of what is added to each value.
        cutout: side of a square that is blotted out; in pixels, or below 1 as a part of the shorter side. Its centre is any
            pixel, so that it may reach over the border.
        fill_mode: what lies beyond the border: "nearest", "reflect", "wrap" or "constant".
        fill_value: the number for "constant", and of the square of ``cutout``.
        interpolation_order: 1 takes the mean of four pixels by their distance, 0 the nearest one.
        value_range: (low, high), within which brightness and noise keep values; None: 0 to 255 for bytes, any for others.
        preprocessing: a function of one image that returns one of the same shape.
        rescale: a factor, such as 1 / 255.
        samplewise_center: each image minus its mean.
        samplewise_std: and divided by its standard deviation; it is centred too.
        featurewise_center: minus the mean of each channel over the images of ``fit``.
        featurewise_std: and divided by their standard deviation; centred too.
        zca: whitening by the images of ``fit``; centred too. It is a product of matrices for a whole batch, so the last digits
            of an image may depend on the others in it.
        zca_epsilon: added to the variances.
        data_format: "channels_last" or "channels_first".
        dtype: of the result.
        seed: None continues the random numbers of ``minidl.set_seed``.

    Raises ArgumentError and ArgumentTypeError.

    >>> images = np.arange(12.0).reshape(1, 3, 4, 1)
    >>> flip = ImageAugmentation(horizontal_flip=True, seed=0)
    >>> [flip(images, epoch=epoch)[0, 0, :, 0].tolist() for epoch in range(2)]
    [[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]]
    """

    def __init__(
        self,
        *,
        rotation: float = 0.0,
        width_shift: Shift = 0.0,
        height_shift: Shift = 0.0,
        shear: float = 0.0,
        zoom: float | tuple[float, float] = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        elastic: float = 0.0,
        elastic_smoothness: float = 4.0,
        channel_shift: float = 0.0,
        brightness: float | tuple[float, float] | None = None,
        noise: float = 0.0,
        cutout: float = 0.0,
        fill_mode: str = "nearest",
        fill_value: float = 0.0,
        interpolation_order: int = 1,
        value_range: tuple[float, float] | None = None,
        preprocessing: Callable[[np.ndarray], Any] | None = None,
        rescale: float | None = None,
        samplewise_center: bool = False,
        samplewise_std: bool = False,
        featurewise_center: bool = False,
        featurewise_std: bool = False,
        zca: bool = False,
        zca_epsilon: float = 1e-6,
        data_format: str = "channels_last",
        dtype: Any = "float32",
        seed: int | None = None,
    ) -> None:
        where = "ImageAugmentation"
        self.rotation = check_number(where, "rotation", rotation, 0)
        self.width_shift = check_shift(where, "width_shift", width_shift)
        self.height_shift = check_shift(where, "height_shift", height_shift)
        self.shear = check_number(where, "shear", shear, 0)
        self.zoom, self._zoom = zoom, around_one(where, "zoom", zoom)
        if self._zoom[0] <= 0:
            raise ArgumentError(where, f"zoom={zoom!r}", "factors above 0", "a number below 1, or a pair such as (0.5, 2)")
        self.horizontal_flip = check_flag(where, "horizontal_flip", horizontal_flip)
        self.vertical_flip = check_flag(where, "vertical_flip", vertical_flip)
        self.elastic = check_number(where, "elastic", elastic, 0)
        self.elastic_smoothness = check_number(where, "elastic_smoothness", elastic_smoothness, 0)
        if not self.elastic_smoothness:
            raise ArgumentError(where, f"elastic_smoothness={elastic_smoothness!r}", "a number of pixels above 0")
        self.channel_shift = check_number(where, "channel_shift", channel_shift, 0)
        self.brightness = brightness
        self._brightness = None if brightness is None else around_one(where, "brightness", brightness)
        self.noise = check_number(where, "noise", noise, 0)
        self.cutout = check_number(where, "cutout", cutout, 0)
        self.fill_mode = one_of(where, "fill_mode", fill_mode, MODES)
        self.fill_value = check_number(where, "fill_value", fill_value)
        if interpolation_order not in (0, 1) or isinstance(interpolation_order, bool):
            expected = "0 (the nearest pixel) or 1 (the mean of four)"
            raise ArgumentError(where, f"interpolation_order={interpolation_order!r}", expected)
        self.interpolation_order = int(interpolation_order)
        self.value_range = None if value_range is None else check_pair(where, "value_range", value_range)
        if preprocessing is not None and not callable(preprocessing):
            raise ArgumentTypeError(where, f"preprocessing={preprocessing!r}", "a function of one image")
        self.preprocessing = preprocessing
        self.rescale = None if rescale is None else check_number(where, "rescale", rescale)
        self.samplewise_center = check_flag(where, "samplewise_center", samplewise_center)
        self.samplewise_std = check_flag(where, "samplewise_std", samplewise_std)
        self.featurewise_center = check_flag(where, "featurewise_center", featurewise_center)
        self.featurewise_std = check_flag(where, "featurewise_std", featurewise_std)
        self.zca = check_flag(where, "zca", zca)
        self.zca_epsilon = check_number(where, "zca_epsilon", zca_epsilon, 0)
        self.data_format = one_of(where, "data_format", data_format, ("channels_last", "channels_first"))
        self.dtype = np.dtype(dtype).name
        self._dtype = np.dtype(dtype)
        if self._dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise ArgumentError(where, f"dtype={dtype!r}", "float32 or float64")
        self.seed = None if seed is None else check_seed(seed, where)
        self._stream = new_stream() if seed is None else Stream(check_seed(seed, where), 0)
        self._first = self.data_format == "channels_first"
        self.standardization = Standardization(
            preprocessing=preprocessing,
            rescale=self.rescale,
            of_each=(self.samplewise_center or self.samplewise_std, self.samplewise_std),
            of_all=(self.featurewise_center or self.featurewise_std or self.zca, self.featurewise_std),
            whiten=self.zca,
            epsilon=self.zca_epsilon,
            channel_axis=1 if self._first else 3,
            dtype=self._dtype,
            where=where,
        )

    # -- what users call -----------------------------------------------------------------------------------------------

    def __call__(self, images: Any, *, seed: int | None = None, epoch: int = 0, indices: Any = None) -> np.ndarray:
        """Images changed at random, as they are in ``epoch``, and standardised; those given stay as they are.

        Args:
            images: (n, h, w, channels), or (n, channels, h, w).
            seed: None takes that of the constructor.
            epoch: which epoch.
            indices: the number (n,) of each image in its data set; None: 0, 1, ...

        Raises ShapeError for other shapes, NotBuiltError before ``fit`` where it is needed.
        """
        images = self._images(images, "ImageAugmentation")
        drawn = self.draw(images.shape[1:], count=len(images), seed=seed, epoch=epoch, indices=indices)
        return self.standardize(self.transform(images, drawn))

    def fit(self, x: Any, *, augment: bool = False, rounds: int = 1, seed: int | None = None) -> ImageAugmentation:
        """Measure what featurewise centring, featurewise scaling and ZCA need; returns itself.

        Args:
            x: training images.
            augment: measure the images as they are after random changes, in epochs 0 to ``rounds`` - 1.
            rounds: how often each image is changed.
            seed: None takes that of the constructor.
        """
        where = "ImageAugmentation.fit"
        x, augment = self._images(x, where), check_flag(where, "augment", augment)
        rounds = check_integer(where, "rounds", rounds)
        key = self._key(seed, where)

        def pieces(size: int) -> Iterator[np.ndarray]:
            for epoch in range(rounds if augment else 1):
                for start in range(0, len(x), size):
                    piece = x[start : start + size]
                    if augment:
                        addresses = _addresses(epoch, np.arange(start, start + len(piece)))
                        piece = self.transform(piece, self._draw(x.shape[1:], addresses, key))
                    yield piece

        self.standardization.fit(pieces, len(x) * (rounds if augment else 1))
        return self

    def flow(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        workers: int = 0,
    ) -> Dataset:
        """Batches of changed images with their targets, for ``model.fit``: another order and other changes in each epoch.

        The same as ``Dataset.from_arrays(x, y).shuffle(len(x)).batch(batch_size).augment(self)``. ``workers`` threads make
        batches in advance, in their order; 0 makes each when it is needed.
        """
        data = Dataset.from_arrays(x, y, sample_weight)
        if check_flag("ImageAugmentation.flow", "shuffle", shuffle):
            data = data.shuffle(max(len(data), 1), seed=self.seed if seed is None else seed)
        return data.batch(batch_size).augment(self, seed=seed, workers=workers)

    # -- the parts -----------------------------------------------------------------------------------------------------

    def draw(
        self, image_shape: Sequence[int], *, count: int = 1, seed: int | None = None, epoch: int = 0, indices: Any = None
    ) -> dict[str, np.ndarray]:
        """The random parameters of ``count`` images: arrays of n entries by name, for ``transform``.

        Only what this augmentation changes is in the dictionary: "rotation" and "shear" in degrees, "tx" (rows) and "ty"
        (columns) in pixels, factors "zx" and "zy", "flip_rows", "flip_columns", "displacement" (n, 2, h, w),
        "channel_shift", "brightness", "noise" (the shape of the images), "cut_row" and "cut_column".
        """
        where = "ImageAugmentation"
        epoch = check_integer(where, "epoch", epoch, low=0)
        numbers = np.arange(count) if indices is None else np.asarray(indices)
        if numbers.shape != (count,) or (numbers.dtype.kind not in "iu" and numbers.size) or (numbers < 0).any():
            raise ShapeError(where, f"indices of shape {numbers.shape}", f"{count} whole numbers from 0 on, one for each image")
        return self._draw(tuple(image_shape), _addresses(epoch, numbers), self._key(seed, where))

    def transform(self, images: Any, parameters: dict[str, np.ndarray]) -> np.ndarray:
        """Images changed by these parameters (see ``draw``), before any standardisation."""
        given = self._images(images, "ImageAugmentation.transform")
        if given.dtype not in (np.uint8, self._dtype):
            given = given.astype(self.dtype)
        parameters = {name: np.asarray(values) for name, values in parameters.items()}
        _check_parameters(given, parameters)
        x = self._warped(given, parameters)
        each = (len(x), 1, 1, 1)
        if "channel_shift" in parameters and x.size:
            low, high = x.min(axis=(1, 2, 3), keepdims=True), x.max(axis=(1, 2, 3), keepdims=True)
            x = np.clip(x + parameters["channel_shift"].astype(self.dtype).reshape(each), low, high)
        if "brightness" in parameters:
            x = x * parameters["brightness"].astype(self.dtype).reshape(each)
        if "noise" in parameters:
            x = x + parameters["noise"].astype(self.dtype, copy=False)
        if "brightness" in parameters or "noise" in parameters:
            limits = (0, 255) if self.value_range is None and given.dtype == np.uint8 else self.value_range
            x = x if limits is None else np.clip(x, *limits)
        if "cut_row" in parameters:
            self._cut(x, parameters["cut_row"], parameters["cut_column"])
        return x

    def standardize(self, images: Any) -> np.ndarray:
        """Images standardised and not changed at random: for validation and prediction.

        Raises NotBuiltError before ``fit`` where it is needed.
        """
        given = self._images(images, "ImageAugmentation.standardize")
        x = self.standardization.apply(given)
        return x.copy() if np.may_share_memory(x, given) and given is images else x

    def __repr__(self) -> str:
        options = {name: getattr(self, name) for name in _DEFAULTS}
        changed = [f"{name}={value!r}" for name, value in options.items() if repr(value) != repr(_DEFAULTS[name])]
        return f"ImageAugmentation({', '.join(changed)})"

    # -- inside --------------------------------------------------------------------------------------------------------

    def _key(self, seed: int | None, where: str) -> tuple[int, int]:
        return self._stream.key if seed is None else (check_seed(seed, where), 0)

    def _images(self, images: Any, where: str) -> np.ndarray:
        array = to_host(images, where)
        if array.ndim != 4:
            form = "(n, channels, h, w)" if self._first else "(n, h, w, channels)"
            fix = "x[:, np.newaxis]" if self._first else "x[..., np.newaxis]"
            raise ShapeError(where, f"images of shape {array.shape}", form, fix if array.ndim == 3 else "")
        if array.dtype.kind == "c":
            raise ArgumentTypeError(where, f"images of type {array.dtype}", "real numbers")
        return array

    def _draw(self, shape: tuple[int, ...], addresses: np.ndarray, key: tuple[int, int]) -> dict[str, np.ndarray]:
        """The parameters at addresses (n, 2), pairs (epoch, index), of images of one shape."""
        height, width = shape[1:] if self._first else shape[:2]
        uniform = (words_at(addresses, key, PARAMETERS, _WORDS) + 0.5) / 2.0**32  # between 0 and 1, never either
        drawn: dict[str, np.ndarray] = {}

        def between(low: float, high: float, word: int) -> np.ndarray:
            return low + (high - low) * uniform[:, word]

        if self.rotation:
            drawn["rotation"] = between(-self.rotation, self.rotation, _ROTATION)
        if self.height_shift != 0.0:
            drawn["tx"] = shifts(self.height_shift, height, uniform[:, _DOWN], uniform[:, _DOWN_SIGN])
        if self.width_shift != 0.0:
            drawn["ty"] = shifts(self.width_shift, width, uniform[:, _RIGHT], uniform[:, _RIGHT_SIGN])
        if self.shear:
            drawn["shear"] = between(-self.shear, self.shear, _SHEAR)
        if self._zoom != (1.0, 1.0):
            drawn["zx"], drawn["zy"] = between(*self._zoom, _ZOOM_ROWS), between(*self._zoom, _ZOOM_COLUMNS)
        if self.vertical_flip:
            drawn["flip_rows"] = uniform[:, _FLIP_ROWS] < 0.5
        if self.horizontal_flip:
            drawn["flip_columns"] = uniform[:, _FLIP_COLUMNS] < 0.5
        if self.elastic:
            drawn["displacement"] = self._displacements(key, addresses, height, width)
        if self.channel_shift:
            drawn["channel_shift"] = between(-self.channel_shift, self.channel_shift, _CHANNELS)
        if self._brightness is not None:
            drawn["brightness"] = between(*self._brightness, _BRIGHTNESS)
        if self.noise:
            normal = [_generator(key, address, NOISE).standard_normal(shape, self._dtype) for address in addresses]
            drawn["noise"] = np.array(normal, self.dtype).reshape(-1, *shape) * self._dtype.type(self.noise)
        if self.cutout:
            drawn["cut_row"] = np.floor(uniform[:, _CUT_ROW] * height).astype(np.int64)
            drawn["cut_column"] = np.floor(uniform[:, _CUT_COLUMN] * width).astype(np.int64)
        return drawn

    def _displacements(self, key: tuple[int, int], addresses: np.ndarray, height: int, width: int) -> np.ndarray:
        rows, columns = _smoothing(height, self.elastic_smoothness), _smoothing(width, self.elastic_smoothness)
        found = np.empty((len(addresses), 2, height, width))
        for image, address in zip(found, addresses):
            for axis in (0, 1):
                normal = _generator(key, address, DISPLACEMENT, axis).standard_normal((height, width))
                image[axis] = self.elastic * (rows @ normal @ columns.T)
        return found

    def _warped(self, images: np.ndarray, parameters: dict[str, np.ndarray]) -> np.ndarray:
        """The geometry, in one pass; else a copy in the right dtype."""
        if not parameters.keys() & _GEOMETRY:
            return images.astype(self.dtype)
        n, (height, width) = len(images), images.shape[2:] if self._first else images.shape[1:3]
        given = {name: parameters.get(name, np.full(n, default)) for name, default in _GEOMETRY.items() if default is not None}
        matrices, displacement = affine_matrices(height, width, **given), parameters.get("displacement")
        options = self.interpolation_order, self.fill_mode, self.fill_value, self.dtype
        if not self._first:
            return warp(images, matrices, displacement, *options)
        channels = images.shape[1]  # each a picture of its own, all of an image by the same map
        matrices = np.repeat(matrices, channels, axis=0)
        displacement = None if displacement is None else np.repeat(displacement, channels, axis=0)
        flat = images.reshape(n * channels, height, width, 1)
        return warp(flat, matrices, displacement, *options).reshape(images.shape)

    def _cut(self, x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
        """Blot out a square of each image, in place."""
        pictures = np.moveaxis(x, 1, -1) if self._first else x
        height, width = pictures.shape[1:3]
        side = max(1, round(self.cutout * min(height, width) if self.cutout < 1 else self.cutout))
        for picture, row, column in zip(pictures, rows.tolist(), columns.tolist()):
            top, left = row - side // 2, column - side // 2
            picture[max(top, 0) : top + side, max(left, 0) : left + side] = self.fill_value


_GEOMETRY: dict[str, Any] = {
    "rotation": 0.0,
    "tx": 0.0,
    "ty": 0.0,
    "shear": 0.0,
    "zx": 1.0,
    "zy": 1.0,
    "flip_rows": False,
    "flip_columns": False,
    "displacement": None,
}
_OTHERS = ("channel_shift", "brightness", "noise", "cut_row", "cut_column")
_DEFAULTS = {name: option.default for name, option in inspect.signature(ImageAugmentation).parameters.items()}


def _generator(key: tuple[int, int], address: np.ndarray, use: int, part: int = 0) -> np.random.Generator:
    """A generator of its own for each image; ``part`` tells several of one use apart."""
    epoch, index = address.tolist()
    return Stream(*key).generator(use + (part << 8), step=epoch, call=index)


def _addresses(epoch: int, indices: np.ndarray) -> np.ndarray:
    """The addresses (n, 2) of images in an epoch."""
    return np.stack([np.full(len(indices), epoch, np.uint64), indices.astype(np.uint64)], axis=1)


def _smoothing(n: int, spread: float) -> np.ndarray:
    """Rows (n, n), Gaussian curves of unit length about each pixel: G e has the variance of e."""
    distance = np.arange(n)[:, np.newaxis] - np.arange(n)
    curves = np.exp(-0.5 * (distance / spread) ** 2)
    return curves / np.sqrt((curves**2).sum(axis=1, keepdims=True))


def _check_parameters(images: np.ndarray, parameters: dict[str, np.ndarray]) -> None:
    where = "ImageAugmentation.transform"
    for name, value in parameters.items():
        if name not in _GEOMETRY and name not in _OTHERS:
            meant = closest(name, (*_GEOMETRY, *_OTHERS))
            raise ArgumentError(where, f"the parameter {name!r}", "those that draw gives", meant=meant)
        if np.shape(value)[:1] != (len(images),):
            received = f"{name} of shape {np.shape(value)} for {len(images)} images"
            raise ShapeError(where, received, "an array with an entry for each image")
