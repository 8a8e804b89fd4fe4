"""Batches of images without end, from arrays and from folders of pictures."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator as AnyIterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import config
from minidl.compat.keras.preprocessing.pictures import array_to_img, axis_order, img_to_array, load_img, pillow
from minidl.compat.keras.utils.sequences import Sequence
from minidl.compat.keywords import keywords_of_keras_1
from minidl.errors import ArgumentError, DataError, DataWarning, ShapeError, closest, warn

if TYPE_CHECKING:
    from minidl.compat.keras.preprocessing.image import ImageDataGenerator

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm")
_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class Iterator(Sequence):
    """Batches without end from ``next``, and the batches of one pass by their number.

    Args:
        n: samples of the data set.
        batch_size: samples of a batch; the last one of a pass may have fewer.
        shuffle: whether each pass has another order.
        seed: batch number b of all that were made is drawn after ``np.random.seed(seed + b)``; None leaves the state as it is.
    """

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        if n < 1:
            raise DataError(type(self).__name__, "no images", "at least one")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: np.ndarray | None = None
        self.index_generator = self._flow_index()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, idx: int) -> Any:
        if idx >= len(self):
            raise ArgumentError(type(self).__name__, f"batch {idx}", f"a number below {len(self)}, the batches there are")
        self._seed()
        self.total_batches_seen += 1
        return self._get_batches_of_transformed_samples(self._order()[self.batch_size * idx : self.batch_size * (idx + 1)])

    def __iter__(self) -> AnyIterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """The next batch; after the last one of a pass the first one of another."""
        with self.lock:
            index_array = next(self.index_generator)
        return self._get_batches_of_transformed_samples(index_array)

    def reset(self) -> None:
        """The next batch is the first one of a pass."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Another order for the batches by number."""
        self._set_index_array()

    @property
    def N(self) -> int:
        """The number of samples, as Keras 1 called it."""
        return self.n

    @property
    def nb_sample(self) -> int:
        """The number of samples, as Keras 1 called it."""
        return self.n

    def _flow_index(self) -> AnyIterator[np.ndarray]:
        """The samples of each batch."""
        self.reset()
        while True:
            self._seed()
            if self.batch_index == 0:
                self._set_index_array()
            start = (self.batch_index * self.batch_size) % self.n
            self.batch_index = self.batch_index + 1 if self.n > start + self.batch_size else 0
            self.total_batches_seen += 1
            yield self._order()[start : start + self.batch_size]

    def _seed(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002

    def _order(self) -> np.ndarray:
        if self.index_array is None:
            self._set_index_array()
        assert self.index_array is not None
        return self.index_array

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)  # noqa: NPY002

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError

    def _save(
        self, batch: np.ndarray, index_array: np.ndarray, folder: str, prefix: str, ending: str, axes: str, many: int
    ) -> None:
        """Write the images of a batch as pictures, for people to look at."""
        for image, index in zip(batch, index_array):
            name = f"{prefix}_{index}_{np.random.randint(many)}.{ending}"  # noqa: NPY002
            array_to_img(image, axes, scale=True).save(os.path.join(folder, name))


def check_images(x: np.ndarray, where: str, channel_axis: int, data_format: str) -> None:
    """Raise ShapeError unless these are images; warn of channels that are none of pictures."""
    if x.ndim != 4:
        fix = "x.reshape(len(x), 28, 28, 1), for grey images of 28 x 28" if x.ndim in (2, 3) else ""
        raise ShapeError(where, f"an array of shape {x.shape}", "images of four axes", fix)
    if x.shape[channel_axis] not in (1, 3, 4):
        received = f"{x.shape[channel_axis]} channels on axis {channel_axis} of images {x.shape}"
        warn(f"{where}: received {received}; {data_format} expects 1, 3 or 4 there", DataWarning)


class NumpyArrayIterator(Iterator):
    """Batches of the images in an array; see ``ImageDataGenerator.flow``.

    Args:
        x: images of four axes.
        y: their targets; None gives batches of images alone.
        image_data_generator: what changes them.
        batch_size, shuffle, seed: see ``Iterator``.
        data_format: "channels_last" or "channels_first".
        save_to_dir: a folder that all images are written to as they are made; needs Pillow.
        save_prefix, save_format: the beginning and the ending of their names.
    """

    @keywords_of_keras_1("NumpyArrayIterator", dim_ordering="data_format")
    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
    ) -> None:
        where = "ImageDataGenerator.flow"
        if y is not None and len(x) != len(y):
            raise DataError(where, f"{len(x)} images and {len(y)} targets", "as many targets as images")
        self.data_format = axis_order(where, data_format)
        self.x = np.asarray(x, config.dtype())
        check_images(self.x, where, 3 if self.data_format == "channels_last" else 1, self.data_format)
        self.y = None if y is None else np.asarray(y)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        batch = self.image_data_generator.batch_of(self.x[index_array])
        if self.save_to_dir:
            self._save(batch, index_array, self.save_to_dir, self.save_prefix, self.save_format, self.data_format, 10_000)
        return batch if self.y is None else (batch, self.y[index_array])


class DirectoryIterator(Iterator):
    """Batches of the pictures in a folder that has one folder for each class; see ``ImageDataGenerator.flow_from_directory``.

    Args:
        directory: the folder.
        image_data_generator: what changes the images.
        target_size: (height, width) that all are brought to.
        color_mode: "rgb" or "grayscale".
        classes: the names of the folders, in the order of their numbers; None takes all, sorted.
        class_mode: "categorical" gives one-hot rows, "binary" numbers as floats, "sparse" whole numbers, "input" the images
            themselves, None no targets.
        batch_size, shuffle, seed: see ``Iterator``.
        data_format: "channels_last" or "channels_first".
        save_to_dir, save_prefix, save_format: see ``NumpyArrayIterator``.
        follow_links: whether links to folders are followed.

    Attributes:
        class_indices: {name of the folder: number}.
        classes: the number of each picture's class.
        filenames: the path of each picture in the folder.
        samples, num_classes: how many pictures and classes there are.

    Needs Pillow.
    """

    @keywords_of_keras_1("flow_from_directory", dim_ordering="data_format")
    def __init__(
        self,
        directory: str,
        image_data_generator: ImageDataGenerator,
        target_size: Any = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: str | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
    ) -> None:
        where = "flow_from_directory"
        pillow(where)
        if color_mode not in ("rgb", "grayscale"):
            raise ArgumentError(where, f"color_mode={color_mode!r}", "'rgb' or 'grayscale'")
        if class_mode not in _CLASS_MODES:
            meant = closest(class_mode, [mode for mode in _CLASS_MODES if mode])
            raise ArgumentError(where, f"class_mode={class_mode!r}", ", ".join(map(repr, _CLASS_MODES)), meant=meant)
        self.directory, self.image_data_generator = directory, image_data_generator
        self.target_size, self.color_mode, self.class_mode = tuple(target_size), color_mode, class_mode
        self.data_format = axis_order(where, data_format)
        channels = (3 if color_mode == "rgb" else 1,)
        last = self.data_format == "channels_last"
        self.image_shape = self.target_size + channels if last else channels + self.target_size
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        names = list(classes or sorted(name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name))))
        self.num_classes = len(names)
        self.class_indices = {name: index for index, name in enumerate(names)}
        self.filenames: list[str] = []
        numbers: list[int] = []
        for index, name in enumerate(names):
            found = _pictures_in(os.path.join(directory, name), follow_links)
            self.filenames += [os.path.relpath(path, directory) for path in found]
            numbers += [index] * len(found)
        self.classes = np.array(numbers, np.int32)
        self.samples = len(numbers)
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    @property
    def nb_class(self) -> int:
        """The number of classes, as Keras 1 called it."""
        return self.num_classes

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        images = np.empty((len(index_array), *self.image_shape), config.dtype())
        for place, index in zip(images, index_array):
            path = os.path.join(self.directory, self.filenames[index])
            place[...] = img_to_array(load_img(path, self.color_mode == "grayscale", self.target_size), self.data_format)
        batch = self.image_data_generator.batch_of(images)
        if self.save_to_dir:
            self._save(batch, index_array, self.save_to_dir, self.save_prefix, self.save_format, self.data_format, 10_000_000)
        labels = self.classes[index_array]
        if self.class_mode is None:
            return batch
        if self.class_mode == "input":
            return batch, batch.copy()
        if self.class_mode == "sparse":
            return batch, labels
        if self.class_mode == "binary":
            return batch, labels.astype(config.dtype())
        return batch, np.eye(self.num_classes, dtype=config.dtype())[labels]


def _pictures_in(folder: str, follow_links: bool) -> list[str]:
    """The paths of all pictures in a folder and the folders in it, sorted."""
    walked = sorted(os.walk(folder, followlinks=follow_links), key=lambda found: found[0])
    return [os.path.join(root, name) for root, _, names in walked for name in sorted(names) if name.lower().endswith(_ENDINGS)]
