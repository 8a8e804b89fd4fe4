"""Images brought to a common scale: by a function, a factor, their own mean, or what was measured on training images.

    1  preprocessing(x)                       5  x - mean              mean and std of each channel over the images of fit
    2  rescale x                              6  x / (std + 1e-6)
    3  x - mean of the image                  7  W x                   W = U (L + epsilon)^(-1/2) U', where
    4  x / (std of the image + 1e-6)             X' X / n = U L U' of the images of fit, centred and flattened: X (n, pixels)

The last one, ZCA whitening, removes the correlation of neighbouring pixels and changes the look of an image as little as is
possible then. Sums are taken in float64, in pieces: of the images of ``fit`` there is never a copy of all.
Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009, appendix A; Keras 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.errors import DataError, NotBuiltError, ShapeError

SMALL = 1e-6  # added to standard deviations, as Keras does
_PIECE = 1 << 24  # numbers of a piece of the images


class Standardization:
    """The seven steps, each where it is wanted, and what ``fit`` measures for the last three."""

    def __init__(
        self,
        *,
        preprocessing: Callable[[np.ndarray], Any] | None,
        rescale: float | None,
        of_each: tuple[bool, bool],
        of_all: tuple[bool, bool],
        whiten: bool,
        epsilon: float,
        channel_axis: int,
        dtype: np.dtype,
        where: str,
    ) -> None:
        self.preprocessing, self.rescale = preprocessing, rescale
        self.of_each, self.of_all = of_each, of_all  # (centre, divide by the standard deviation)
        self.whiten, self.epsilon = whiten, epsilon
        self.channel_axis, self.dtype, self.where = channel_axis, dtype, where
        self.mean: np.ndarray | None = None  # of each channel, (1, 1, channels) or (channels, 1, 1)
        self.std: np.ndarray | None = None
        self.whitening: np.ndarray | None = None  # (pixels, pixels)

    @property
    def needs_fit(self) -> bool:
        """Whether a step uses what ``fit`` measures."""
        return any(self.of_all) or self.whiten

    def apply(self, images: np.ndarray) -> np.ndarray:
        """All steps of images (n, ...), which may be written to where they are of the right dtype."""
        if self.needs_fit and self.mean is None:
            fix = "fit(x_train)"
            raise NotBuiltError(self.where, "images before fit", "the mean and deviation of the training images", fix)
        x = self._of_each(images)
        if self.needs_fit:
            assert self.mean is not None
            if self.mean.size != x.shape[self.channel_axis] or (
                self.whitening is not None and x[:1].size != len(self.whitening)
            ):
                raise ShapeError(self.where, f"images of shape {x.shape[1:]}", "the shape of those that fit has seen")
            x = self._of_all(x)
            if self.whitening is not None:
                x = (x.reshape(len(x), -1) @ self.whitening).reshape(x.shape)
        return x

    def fit(self, pieces: Callable[[int], Iterator[np.ndarray]], count: int) -> None:
        """Measure mean, deviation and correlation of ``count`` images, which ``pieces(size)`` gives in pieces of ``size``."""
        if not self.needs_fit:
            return
        if not count:
            raise DataError(f"{self.where}: fit", "no images", "at least one")
        first = next(pieces(1))
        size = max(1, min(_PIECE // max(first.size, 1), count))
        axes = tuple(axis for axis in range(4) if axis != self.channel_axis)
        each = count * first.size // first.shape[self.channel_axis]  # numbers of a channel

        def of_all(read: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
            return sum((read(self._of_each(piece).astype(np.float64)) for piece in pieces(size)), np.float64(0)) / each

        mean = of_all(lambda x: x.sum(axis=axes, keepdims=True)[0])
        variance = of_all(lambda x: ((x - mean) ** 2).sum(axis=axes, keepdims=True)[0])
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise DataError(f"{self.where}: fit", "images with NaN or infinity", "finite numbers")
        self.mean, self.std = mean.astype(self.dtype), np.sqrt(variance).astype(self.dtype)
        if self.whiten:
            flat = (self._of_all(self._of_each(piece)).reshape(len(piece), -1).astype(np.float64) for piece in pieces(size))
            correlation = sum((x.T @ x for x in flat), np.float64(0)) / count
            spectrum, vectors = np.linalg.eigh(correlation)
            scale = 1 / np.sqrt(np.maximum(spectrum, 0) + self.epsilon)
            self.whitening = ((vectors * scale) @ vectors.T).astype(self.dtype)

    def _of_each(self, images: np.ndarray) -> np.ndarray:
        """What depends on each image alone."""
        x = images.astype(self.dtype, copy=False)
        if self.preprocessing is not None:
            made = [np.asarray(self.preprocessing(image.copy()), self.dtype) for image in x]
            for image in made:
                if image.shape != x.shape[1:]:
                    received = f"an image of shape {image.shape} from preprocessing"
                    raise ShapeError(self.where, received, f"one of the shape it was given, {x.shape[1:]}")
            x = np.stack(made) if made else x
        if self.rescale is not None:
            x = x * self.dtype.type(self.rescale)
        centre, divide = self.of_each
        if centre and x.size:
            x = x - x.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float64).astype(self.dtype)
        if divide and x.size:
            x = x / (x.std(axis=(1, 2, 3), keepdims=True, dtype=np.float64) + SMALL).astype(self.dtype)
        return x

    def _of_all(self, x: np.ndarray) -> np.ndarray:
        centre, divide = self.of_all
        if centre:
            x = x - self.mean
        return x / (self.std + self.dtype.type(SMALL)) if divide else x
