"""Which classes are taken for which, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ArgumentTypeError, DataError, closest, described
from minidl.metrics import confusion_matrix
from minidl.visual.figures import new_figure, plain

_WHERE = "visual.confusion"
_SIDES = (3.4, 15.0)  # inches of the matrix
_CELL = 0.52  # inches of a cell where there is room
_WITH_NUMBERS = 100  # classes up to which numbers can be read in the cells
_TICKS = 60  # classes up to which each has a label
_LONGEST = 24  # letters of a name
_SMALLEST = 4.0  # points of the type in a cell
_BY = {"true": "true class", "pred": "predicted class", "all": "all samples"}


def confusion(y_true: Any, y_pred: Any, classes: Sequence[Any] | None = None, normalize: Any = False) -> Any:
    """The confusion matrix: each row a true class, each column a predicted one, the number in the cell and as its colour.

    Args:
        y_true, y_pred: labels (n,), one-hot rows or probabilities (n, classes); or names of classes (n,).
        classes: the name of each class, in the order of the labels; by default the labels themselves.
        normalize: False shows counts. True (or ``"true"``) shows each row as parts of its true class, ``"pred"`` each column
            as parts of what was predicted, ``"all"`` parts of all samples; a part is between 0 and 1.

    A row without samples stays empty when it is normalized. Beyond 100 classes there are colours only.

    Returns a matplotlib Figure. Raises ShapeError for different lengths, DataError for labels without a name or no samples,
    ArgumentError for another ``normalize``, MissingPackageError without matplotlib.

    >>> figure = confusion([0, 0, 1, 1], [0, 1, 1, 1], classes=["cat", "dog"])  # doctest: +SKIP
    """
    by = "true" if normalize is True else normalize
    if by is not False and by not in _BY:
        expected = "False, True, 'true', 'pred' or 'all'"
        raise ArgumentError(_WHERE, f"normalize={normalize!r}", expected, meant=closest(normalize, _BY))
    names = None if classes is None else _names(classes)
    (y_true, y_pred), names = _labels(y_true, y_pred, names)
    counts = confusion_matrix(y_true, y_pred, None if names is None else len(names))
    samples = int(counts.sum())
    if not samples:
        raise DataError(_WHERE, "no samples", "at least one")
    shown = _normalized(counts, by)
    size = len(counts)
    side = float(np.clip(_CELL * size, *_SIDES))
    names = names or [str(label) for label in range(size)]
    type_size, turned = _ticks(names, 72 * side / size)
    room = 0.58 * max(len(plain(name, _LONGEST)) for name in names) * type_size / 72  # inches of the names beside the matrix
    figure = new_figure(side + 1.2 + room, side + 0.8 + (room if turned else 0))
    axes = figure.subplots()
    image = axes.imshow(shown, cmap="Blues", vmin=0, vmax=1 if by else max(float(shown.max()), 1))
    title_size = float(np.clip(1.6 * side, 10, 16))
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=20 if side < 8 else 40, pad=0.02)
    bar.set_label(f"part of {_BY[by]}" if by else "samples", fontsize=title_size)
    if not by:
        bar.locator.set_params(integer=True)
    if size <= _WITH_NUMBERS:
        _write_numbers(axes, image, shown, by, 72 * side * 0.95 / size)
    right = int(np.trace(counts))
    axes.set_xlabel("predicted class", fontsize=title_size)
    axes.set_ylabel("true class", fontsize=title_size)
    axes.set_title(f"{right:,} of {samples:,} right ({100 * right / samples:.1f} %)", fontsize=title_size)
    at = range(0, size, -(-size // _TICKS))
    labels = [plain(names[index], _LONGEST) for index in at]
    axes.set_xticks(at, labels, fontsize=type_size, rotation=90 if turned else 0)
    axes.set_yticks(at, labels, fontsize=type_size)
    return figure


def _normalized(counts: np.ndarray, by: Any) -> np.ndarray:
    """Counts, or parts of a row, a column or the whole; NaN where there is nothing to take parts of."""
    if not by:
        return counts
    whole = counts.sum(axis={"true": 1, "pred": 0, "all": None}[by], keepdims=True)
    return np.divide(counts, whole, out=np.full(counts.shape, np.nan), where=whole > 0)


def _write_numbers(axes: Any, image: Any, shown: np.ndarray, by: Any, cell: float) -> None:
    """A number in each cell of ``cell`` points, dark on light colours and light on dark ones; many zeros would be noise."""
    many = len(shown) > 20
    texts = [[_text(value, by, many) for value in row] for row in shown]
    longest = max(len(text) for row in texts for text in row)
    size = min(10.0, 0.9 * cell / (0.62 * longest), 0.7 * cell) if longest else 10.0
    if size < _SMALLEST:
        return
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            if text:
                red, green, blue, _ = image.cmap(image.norm(shown[i, j]))
                dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
                axes.text(j, i, text, ha="center", va="center", fontsize=size, color="white" if dark else "black")


def _text(value: float, by: Any, many: bool) -> str:
    if np.isnan(value) or (many and value == 0):
        return ""
    if not by:
        return str(int(value))
    return "0" if value == 0 else "1" if value == 1 else f"{value:.2f}".lstrip("0") if many else f"{value:.2f}"


def _ticks(names: list[str], cell: float) -> tuple[float, bool]:
    """Size of the names along the axes, in points, and whether they must be upright, as they would touch."""
    step = -(-len(names) // _TICKS)  # of very many classes every few have a label
    size = float(np.clip(0.75 * cell * step, 5, 10))
    return size, max(len(plain(name, _LONGEST)) for name in names[::step]) * 0.58 * size > 0.95 * cell * step


def _names(classes: Any) -> list[str]:
    if isinstance(classes, (str, bytes)) or not hasattr(classes, "__iter__"):
        raise ArgumentTypeError(_WHERE, f"classes={classes!r}", "a list with the name of each class", "classes=['cat', 'dog']")
    names = [str(name) for name in classes]
    if len(set(names)) < len(names) or not names:
        raise ArgumentError(_WHERE, f"classes={names}", "a different name for each class")
    return names


def _labels(y_true: Any, y_pred: Any, names: list[str] | None) -> tuple[tuple[Any, Any], list[str] | None]:
    """Labels that are texts become numbers, in the order of ``names`` or of the alphabet; others stay as they are."""
    texts = [_are_texts(y) for y in (y_true, y_pred)]
    if not any(texts):
        return (y_true, y_pred), names
    if not all(texts):
        kinds = ["names" if is_text else "numbers" for is_text in texts]
        raise ArgumentTypeError(_WHERE, f"{kinds[0]} as y_true and {kinds[1]} as y_pred", "names twice, or numbers twice")
    true, predicted = ([str(label) for label in y] for y in (y_true, y_pred))
    order = names or sorted({*true, *predicted})
    places = {name: index for index, name in enumerate(order)}
    for label in (*true, *predicted):
        if label not in places:
            raise DataError(_WHERE, f"the label {label!r}", f"one of {', '.join(order)}", meant=closest(label, order))
    return ([places[label] for label in true], [places[label] for label in predicted]), order


def _are_texts(y: Any) -> bool:
    """Whether labels are names of classes."""
    try:
        array = np.asarray(y)
    except Exception:
        return False  # an array of another library, or no array: the metric says what is wrong
    if array.ndim == 1 and array.dtype.kind in "UO" and array.size and all(isinstance(label, str) for label in array):
        return True
    if array.dtype.kind in "SO" and array.size:
        raise ArgumentTypeError(_WHERE, f"labels such as {described(array.flat[0])}", "whole numbers or texts")
    return False
