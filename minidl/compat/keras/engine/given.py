"""What scripts give ``fit`` and its kin, made into arrays as Keras 2.1 did: an array, or a list or dictionary of them, lists of
numbers, pandas tables, vectors in the place of columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, described


def columns(data: Any, names: Sequence[str], where: str, optional: bool = False) -> list[Any]:
    """The arrays of ``data`` in the order of ``names``, vectors as columns (n, 1).

    Args:
        data: an array, a list of numbers, a list or dictionary of arrays.
        names: of the inputs or outputs.
        where: how errors begin.
        optional: whether a dictionary may leave names out, which are None then.

    Raises ArgumentTypeError, ArgumentError or ShapeError for what is no such thing.

    >>> [column.tolist() for column in columns([0, 1], ["y"], "fit: y")]
    [[[0], [1]]]
    """
    if isinstance(data, Mapping):
        missing = [name for name in names if name not in data and not optional]
        if missing:
            raise ArgumentError(where, f"a dictionary without {missing[0]!r}", f"entries {', '.join(map(repr, names))}")
        found = [data.get(name) for name in names]
    elif isinstance(data, (list, tuple)) and any(hasattr(item, "shape") for item in data[:1]) and np.ndim(data[0]):
        if len(data) == len(names):
            found = list(data)
        elif len(names) == 1:
            found = [np.asarray(data)]  # a list of samples, each an array
        else:
            raise ArgumentError(where, f"{len(data)} arrays", f"{len(names)}: {', '.join(names)}")
    elif isinstance(data, (list, tuple)) and len(names) > 1:
        if len(data) != len(names):
            raise ArgumentError(where, f"a list of {len(data)}", f"{len(names)} arrays: {', '.join(names)}")
        found = list(data)
    else:
        if len(names) > 1:
            raise ArgumentTypeError(where, described(data), f"{len(names)} arrays: {', '.join(names)}")
        found = [data]
    return [None if item is None and optional else _column(item, where) for item in found]


def _column(item: Any, where: str) -> Any:
    """One array, at least (n, 1)."""
    if type(item) is not np.ndarray:
        if isinstance(item, (list, tuple)):
            try:
                item = np.asarray(item)
            except ValueError as error:
                fix = "pad_sequences, for sequences of different lengths"
                raise ShapeError(where, f"a list that makes no array ({error})", "rows of one length", fix) from None
        elif hasattr(item, "iloc"):
            item = np.asarray(item)
        elif not hasattr(item, "shape"):
            raise ArgumentTypeError(where, described(item), "an array, or a list of numbers")
    if item.dtype.kind in "OUS":
        item = _of_objects(item, where)
    return item[:, np.newaxis] if len(item.shape) == 1 else item


def _of_objects(item: np.ndarray, where: str) -> np.ndarray:
    """Numbers that pandas keeps as objects, or a table as texts."""
    try:
        return item.astype("float32")
    except (TypeError, ValueError):
        received = f"an array of {item.dtype} that are no numbers"
        raise ArgumentTypeError(where, received, "numbers", "pad_sequences, for sequences of different lengths") from None


def one_or_list(arrays: list[Any]) -> Any:
    """The only array, or the list: what minidl's verbs take."""
    return arrays[0] if len(arrays) == 1 else arrays


def weights_of(given: Any, names: Sequence[str], where: str) -> list[Any]:
    """Sample weights for each output, None where there are none."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping) and any(name in given for name in names):
        found = [given.get(name) for name in names]
    elif isinstance(given, (list, tuple)) and (len(names) > 1 or (len(given) == 1 and hasattr(given[0], "shape"))):
        found = list(given)
    elif len(names) > 1:
        raise ArgumentTypeError(where, described(given), f"a list or dictionary for {', '.join(names)}")
    else:
        found = [given]
    if len(found) != len(names):
        raise ArgumentError(where, f"{len(found)} arrays", f"{len(names)}, one for each output")
    return [None if item is None else np.asarray(item, "float32") for item in found]


def class_weights_of(given: Any, names: Sequence[str]) -> list[Any]:
    """Class weights for each output: a dictionary {class: weight}, or None."""
    if isinstance(given, (list, tuple)) and len(given) == len(names):
        return [item if isinstance(item, Mapping) else None for item in given]
    if not isinstance(given, Mapping):
        return [None] * len(names)
    if any(name in given for name in names):
        return [given.get(name) for name in names]
    return [given] if len(names) == 1 else [None] * len(names)


def weighted(y: np.ndarray, weight: Any, of_classes: Any, where: str) -> Any:
    """The weights of samples with targets ``y`` (n, ...): those given, else those of their classes; None for none."""
    if weight is not None or of_classes is None:
        return weight
    if y.ndim > 2:
        raise ShapeError(f"{where}: class_weight", f"targets of shape {y.shape}", "classes (n, 1) or one-hot rows")
    labels = y.argmax(axis=1) if y.shape[1] > 1 else y.reshape(-1)
    found, places = np.unique(labels, return_inverse=True)
    missing = [label.item() for label in found if label not in of_classes]
    if missing:
        expected = f"a weight for each class, also {', '.join(map(str, missing))}"
        raise ArgumentError(f"{where}: class_weight", f"weights of the classes {list(of_classes)}", expected)
    return np.array([of_classes[label] for label in found], "float32")[places.reshape(-1)]


def parts_of(item: Any, where: str) -> tuple[Any, Any, Any]:
    """x, y and weights of what a generator gives. Raises ArgumentTypeError for anything else."""
    if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
        raise ArgumentTypeError(where, described(item), "(x, y) or (x, y, sample_weight) from the generator")
    return (*item, None)[:3]


def rows_of(x: Any) -> int:
    """The samples of a batch: an array, or a list or dictionary of arrays."""
    if isinstance(x, Mapping):
        return len(next(iter(x.values())))
    return len(x[0]) if isinstance(x, (list, tuple)) and x and hasattr(x[0], "shape") else len(x)
