"""Windows around the pixels of an image with many bands, as samples for a network that classifies pixels.

    scene = PixelWindows(cube, labels, size=9, exclude=[0])        # cube (h, w, bands), labels (h, w)
    train, test = scene.split(0.1, seed=7)                         # a tenth of each class
    train = train.standardized("band")
    test = test.standardized(train)
    model.fit(train, train.y, batch_size=50, epochs=10)            # a batch cuts its own windows
    everywhere = scene.everywhere().standardized(train)
    picture = everywhere.to_map(model.predict(everywhere).argmax(axis=-1))

A window of 9 x 9 pixels is 81 times what a pixel is, so the windows of a scene are cut batch by batch from one cube with a
border, and never held together. Mean and standard deviation are those of the training pixels alone: what is tested later
must not play a part. (Windows of neighbouring pixels overlap, so a test of pixels in the same scene flatters all the same.)

    x = (v - mean) / std          of each band, or of all bands together; a std of 0 counts as 1
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend.random import SHUFFLE, Stream, check_seed
from minidl.checks import check_flag, check_integer, check_number
from minidl.data.convert import to_host
from minidl.data.dataset import Dataset
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, closest

BORDERS = {"reflect": "symmetric", "nearest": "edge", "wrap": "wrap", "constant": "constant", "drop": ""}  # NumPy's names


class PixelWindows:
    """Windows (n, size, size, bands) around n pixels of a cube (h, w, bands), cut when they are asked for.

    ``fit``, ``evaluate`` and ``predict`` take it in place of an array, and so does ``windows[rows]``. Samples are the
    pixels row by row. The pixel is in the middle of its window, for an even size at ``size // 2``.

    Args:
        cube: numbers (h, w, bands).
        labels: whole numbers (h, w), or None for pixels without a class.
        size: pixels along a side of a window.
        border: what windows see beyond the cube: "reflect" (mirrored at the border), "nearest", "wrap", "constant"; "drop"
            leaves out the pixels whose window does not fit in.
        fill_value: the number for "constant".
        exclude: labels that are no class, such as 0 in scenes where it means "not known".
        volume: windows (size, size, bands, 1), for Conv3D.
        dtype: of the windows.

    Attributes:
        y: class (n,) of each window, from 0 to the number of classes - 1; None without labels.
        classes: the label of each class, in ascending order.
        rows, columns: where the pixels are, (n,).
        mean, std: what windows are standardised with, () or (bands,); None where they are not.

    Raises ShapeError, ArgumentError and ArgumentTypeError; DataError where no pixel is left.

    >>> cube = np.arange(24.0).reshape(3, 4, 2)
    >>> windows = PixelWindows(cube, [[0, 1, 1, 5], [0, 5, 0, 0], [0, 0, 0, 1]], size=3, exclude=[0])
    >>> windows.shape, windows.y.tolist(), windows.classes.tolist()
    ((5, 3, 3, 2), [0, 0, 1, 1, 0], [1, 5])
    >>> windows[3:4][0, :, :, 0].tolist()
    [[0.0, 2.0, 4.0], [8.0, 10.0, 12.0], [16.0, 18.0, 20.0]]
    """

    def __init__(
        self,
        cube: Any,
        labels: Any = None,
        *,
        size: int = 9,
        border: str = "reflect",
        fill_value: float = 0.0,
        exclude: Iterable[int] = (),
        volume: bool = False,
        dtype: Any = "float32",
    ) -> None:
        where = "PixelWindows"
        cube = to_host(cube, f"{where}: cube")
        if cube.ndim != 3 or not cube.size:
            fix = "cube[..., np.newaxis]" if cube.ndim == 2 else ""
            raise ShapeError(f"{where}: cube", f"shape {cube.shape}", "(height, width, bands)", fix)
        self.window = check_integer(where, "size", size)
        self.border, self.volume = border, check_flag(where, "volume", volume)
        if border not in BORDERS:
            expected = " or ".join(map(repr, BORDERS))
            raise ArgumentError(where, f"border={border!r}", expected, meant=closest(border, BORDERS))
        fill = check_number(where, "fill_value", fill_value)
        self.dtype = np.dtype(dtype)
        if self.dtype not in (np.dtype("float32"), np.dtype("float64")):
            raise ArgumentError(where, f"dtype={dtype!r}", "float32 or float64")
        height, width, self.bands = cube.shape
        self.scene = height, width
        before, after = self.window // 2, self.window - 1 - self.window // 2
        # One cube with a border, shared by all parts; windows are views of it until a batch copies them.
        if border == "drop" or self.window == 1:
            self._cube, self._before = cube, before
        else:
            around = ((before, after), (before, after), (0, 0))
            options: dict[str, Any] = {"constant_values": fill} if border == "constant" else {}
            if border == "constant" and cube.dtype.kind != "f":
                cube = cube.astype(self.dtype)
            self._cube, self._before = np.pad(cube, around, mode=BORDERS[border], **options), 0  # type: ignore[call-overload]
        wanted = np.ones((height, width), bool)
        if border == "drop":
            wanted[:before], wanted[height - after :] = False, False
            wanted[:, :before], wanted[:, width - after :] = False, False
        self._fits = wanted
        self.classes = np.zeros(0, np.int64)
        self.y: np.ndarray | None = None
        labels = None if labels is None else _labels(labels, (height, width), where)
        excluded = _excluded(exclude, where)
        if labels is None:
            if excluded:
                raise ArgumentError(where, f"exclude={excluded} without labels", "labels (h, w) beside it")
        else:
            wanted = wanted & ~np.isin(labels, excluded)
        self.rows, self.columns = np.nonzero(wanted)
        if not len(self.rows):
            raise DataError(where, "no pixel that has a class and a whole window", "at least one", "another border or exclude")
        if labels is not None:
            self.classes, y = np.unique(labels[wanted], return_inverse=True)
            self.y = y.reshape(-1).astype(np.int64)
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None

    # -- in place of an array --------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, size, size, bands), with a last 1 for ``volume``."""
        return len(self), self.window, self.window, self.bands, *((1,) if self.volume else ())

    @property
    def chunks(self) -> tuple[int, ...]:
        """Says that rows are made when they are asked for, as an array of h5py does."""
        return 1, *self.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> np.ndarray:
        """The windows at these places: a slice, or whole numbers; for one number one window."""
        rows, columns = self.rows[which] - self._before, self.columns[which] - self._before
        if len(self):
            views = np.lib.stride_tricks.sliding_window_view(self._cube, (self.window, self.window), axis=(0, 1))
            x = np.moveaxis(views[rows, columns], -3, -1).astype(self.dtype, order="C")
        else:  # a border narrower than a window has no views
            x = np.zeros((*rows.shape, self.window, self.window, self.bands), self.dtype)
        if self.mean is not None:
            x -= self.mean
            x /= self.std
        return x[..., np.newaxis] if self.volume else x

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def batches(self, size: int, *, shuffle: bool = True, seed: int | None = None, workers: int = 0) -> Dataset:
        """A ``Dataset`` of batches (x, y), or x without labels, each cut when it is needed or by threads in advance."""
        numbers = np.arange(len(self))
        data = Dataset.from_arrays(numbers, self.y)
        if check_flag("PixelWindows.batches", "shuffle", shuffle):
            data = data.shuffle(len(self), seed=seed)
        return data.batch(size).map(self._cut, workers=workers)

    def _cut(self, numbers: np.ndarray, *y: np.ndarray) -> Any:
        return (self[numbers], *y) if y else self[numbers]

    # -- parts -----------------------------------------------------------------------------------------------------------

    def select(self, which: Any) -> PixelWindows:
        """Some of the windows, by a slice, whole numbers or truth values; the cube is shared."""
        part = copy.copy(self)
        part.rows, part.columns = self.rows[which], self.columns[which]
        part.y = None if self.y is None else self.y[which]
        return part

    def split(self, amount: float, *, seed: int) -> tuple[PixelWindows, PixelWindows]:
        """Some windows of each class, drawn at random, and all others, both in the order of the pixels.

        Args:
            amount: below 1 the part of each class, rounded, but at least one; an integer is the number of each class.
            seed: the same seed gives the same windows.

        Raises DataError where a class has fewer windows than ``amount``, or where there are no labels.

        >>> windows = PixelWindows(np.zeros((4, 5, 2)), np.arange(20).reshape(4, 5) % 2, size=1)
        >>> train, test = windows.split(3, seed=1)
        >>> np.bincount(train.y).tolist(), len(test)
        ([3, 3], 14)
        """
        where = "PixelWindows.split"
        if self.y is None:
            raise DataError(where, "windows without labels", "a class for each window", "PixelWindows(cube, labels)")
        whole = hasattr(amount, "__index__") and not isinstance(amount, (bool, np.bool_))
        count = check_integer(where, "amount", amount) if whole else 0
        part = 0.0 if whole else check_number(where, "amount", amount, 0, 1)
        if not whole and not part:
            raise ArgumentError(where, f"amount={amount!r}", "a part between 0 and 1, or a number of pixels")
        draws = Stream(check_seed(seed, where), 0)
        chosen = np.zeros(len(self), bool)
        for number, label in enumerate(self.classes):
            members = np.flatnonzero(self.y == number)
            if not len(members):
                continue
            wanted = count if whole else max(1, round(part * len(members)))
            if wanted > len(members):
                received = f"{wanted} of class {label}, which has {len(members)} pixels"
                raise DataError(where, received, "at most as many", "a smaller amount, or exclude the class")
            chosen[draws.generator(SHUFFLE, call=number).permutation(members)[:wanted]] = True
        return self.select(chosen), self.select(~chosen)

    def everywhere(self) -> PixelWindows:
        """The windows of every pixel of the scene whose window fits, without classes, standardised as these are."""
        every = copy.copy(self)
        every.rows, every.columns = np.nonzero(self._fits)
        every.y = None
        return every

    def to_map(self, values: Any, fill: float = -1) -> np.ndarray:
        """One value for each window, put to its pixel: (h, w), ``fill`` where there is no window.

        >>> windows = PixelWindows(np.zeros((2, 3, 1)), [[7, 0, 7], [0, 8, 0]], size=1, exclude=[0])
        >>> windows.to_map(windows.y).tolist()
        [[0, -1, 0], [-1, 1, -1]]
        """
        given = to_host(values, "PixelWindows.to_map")
        if given.shape != (len(self),):
            raise ShapeError("PixelWindows.to_map", f"shape {given.shape}", f"({len(self)},), a value for each window")
        picture = np.full(self.scene, fill, given.dtype)
        picture[self.rows, self.columns] = given
        return picture

    # -- standardisation -------------------------------------------------------------------------------------------------

    def standardized(self, by: str | PixelWindows) -> PixelWindows:
        """These windows with mean 0 and standard deviation 1.

        Args:
            by: "band" measures each band, "whole" all bands together, over the pixels of these windows (their centres), each
                once; other windows hand on what they are standardised with, as those of the training part do.

        Raises ArgumentError where the others are not standardised, DataError for NaN and infinity.
        """
        where = "PixelWindows.standardized"
        new = copy.copy(self)
        if isinstance(by, PixelWindows):
            if by.mean is None or by.bands != self.bands:
                received = "windows of other bands" if by.mean is not None else "windows that are not standardised themselves"
                raise ArgumentError(
                    where, received, "standardised windows of the same bands", 'train = train.standardized("band")'
                )
            new.mean, new.std = by.mean, by.std
            return new
        if by not in ("band", "whole"):
            meant = closest(by, ("band", "whole"))
            raise ArgumentError(where, f"by={by!r}", "'band', 'whole' or standardised windows", meant=meant)
        if not len(self):
            raise DataError(where, "no windows", "at least one")
        middle = 0 if self.border == "drop" else self.window // 2
        pixels = self._cube[self.rows + middle, self.columns + middle].astype(np.float64)  # (n, bands)
        axis = 0 if by == "band" else None
        mean, std = pixels.mean(axis=axis), pixels.std(axis=axis)
        if not np.isfinite(std).all():
            raise DataError(where, "pixels with NaN or infinity", "finite numbers", "leave these pixels or bands out")
        new.mean, new.std = np.asarray(mean, self.dtype), np.where(std > 0, std, 1).astype(self.dtype)
        return new

    def __repr__(self) -> str:
        classes = f" of {len(self.classes)} classes" if self.y is not None else ""
        return f"<PixelWindows: {len(self)} windows{classes}, {' x '.join(map(str, self.shape[1:]))}>"


def _labels(labels: Any, shape: tuple[int, int], where: str) -> np.ndarray:
    array = to_host(labels, f"{where}: labels")
    if array.shape != shape:
        raise ShapeError(f"{where}: labels", f"shape {array.shape}", f"{shape}, a label for each pixel of the cube")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
        raise DataError(f"{where}: labels", "numbers that are not whole", "whole numbers")
    return array.astype(np.int64)


def _excluded(exclude: Any, where: str) -> list[int]:
    if isinstance(exclude, (str, bytes)) or not hasattr(exclude, "__iter__"):
        raise ArgumentTypeError(where, f"exclude={exclude!r}", "a list of labels", f"exclude=[{exclude!r}]")
    return [
        check_integer(where, "exclude", int(label) if isinstance(label, np.integer) else label, low=-(2**31))
        for label in exclude
    ]
