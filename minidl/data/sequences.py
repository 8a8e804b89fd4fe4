"""Sequences of whole numbers as arrays for training: padded to one length, cut into windows, paired with their neighbours.

Skip-grams (Mikolov et al. 2013): the word w_i and each word w_j at most ``window_size`` places away are a pair with label 1;
for each of them, ``negative_samples`` pairs of a word of the text and any word of the vocabulary have label 0. Index 0 is
no word. Frequent words may be left out: of rank r, whose frequency Zipf's law puts at f(r), one is kept with probability

    p(r) = min(1, sqrt(t / f(r)))          1 / f(r) = r (log r + 0.577) + 1/2 - 1 / (12 r)

Source: Keras 2, preprocessing/sequence.py, from which the results of ``pad_sequences`` and ``sampling_table`` do not differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl.backend.random import Stream, check_seed, new_stream
from minidl.checks import check_flag, check_integer, check_number
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError, closest

_KEEP, _NEGATIVE, _ORDER = 3, 4, 5  # the last counter word of each draw
_GAMMA = 0.577  # as Keras has it; Euler's constant is 0.5772...


def pad_sequences(
    sequences: Iterable[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array (n, maxlen, ...).

    Args:
        sequences: lists or arrays of numbers, or of samples (steps, ...) of one shape.
        maxlen: None is the length of the longest one.
        dtype: of the array; ``object`` for text.
        padding: "pre" fills in front of a sequence that is too short, "post" behind it.
        truncating: "pre" cuts the beginning of a sequence that is too long, "post" its end.
        value: what is filled in.

    Raises DataError for numbers that ``dtype`` cannot hold, ShapeError for steps of different shapes.

    >>> pad_sequences([[1], [2, 3, 4, 5]], maxlen=3)
    array([[0, 0, 1],
           [3, 4, 5]], dtype=int32)
    >>> pad_sequences([[1], [2, 3, 4, 5]], maxlen=3, padding="post", truncating="post", value=-1).tolist()
    [[1, -1, -1], [2, 3, 4]]
    """
    where = "pad_sequences"
    for name, choice in (("padding", padding), ("truncating", truncating)):
        if choice not in ("pre", "post"):
            raise ArgumentError(where, f"{name}={choice!r}", "'pre' or 'post'", meant=closest(choice, ("pre", "post")))
    if isinstance(sequences, (str, bytes)) or not hasattr(sequences, "__iter__"):
        raise ArgumentTypeError(where, f"sequences of type {type(sequences).__name__}", "a list of sequences")
    rows = list(sequences)
    for at, row in enumerate(rows):
        if not hasattr(row, "__len__") or getattr(row, "ndim", 1) == 0:
            raise ArgumentTypeError(where, f"{row!r} at position {at}", "a list of sequences", "[sequence], for a single one")
    length = max(map(len, rows), default=0) if maxlen is None else check_integer(where, "maxlen", maxlen, low=0)
    dtype = np.dtype(dtype)
    if isinstance(value, str) and dtype.kind in "biufc":
        raise ArgumentTypeError(where, f"value={value!r} for dtype {dtype}", "a number", "dtype=object")
    steps = [_steps(row, dtype, f"{where}: sequence {at}") for at, row in enumerate(rows)]
    shape = next((row.shape[1:] for row in steps if len(row)), ())
    found = np.full((len(rows), length, *shape), _steps([value], dtype, f"{where}: value")[0], dtype)
    for at, row in enumerate(steps):
        if len(row) and row.shape[1:] != shape:
            raise ShapeError(f"{where}: sequence {at}", f"steps of shape {row.shape[1:]}", f"those of the first, {shape}")
        kept = row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length]
        if len(kept):
            found[at, slice(length - len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return found


def _steps(row: Any, dtype: np.dtype, where: str) -> np.ndarray:
    """One sequence as an array of ``dtype``, unless numbers would change."""
    try:
        array = np.asarray(row)
        if array.dtype == dtype or not len(array) or dtype.kind not in "biu" or array.dtype.kind not in "biuf":
            return np.asarray(row, dtype)
        with np.errstate(all="ignore"):
            cast = array.astype(dtype)
        if not (cast == array).all():
            wrong = tuple(int(i) for i in np.argwhere(cast != array)[0])
            received = f"{array[wrong]} at index {wrong if len(wrong) > 1 else wrong[0]}"
            raise DataError(where, received, f"numbers that {dtype} can hold", 'dtype="float32", or another one')
        return cast
    except (ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise ArgumentTypeError(where, f"{type(row).__name__} ({error})", f"steps of {dtype}, all of one shape") from None


def sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability (size,) with which ``skip_grams`` keeps the word of each rank; ranks are counted from 1.

    ``sampling_factor`` is t of the formula: the smaller, the fewer frequent words are left.

    >>> sampling_table(4).round(4).tolist()
    [0.0032, 0.0032, 0.0055, 0.0074]
    """
    size = check_integer("sampling_table", "size", size)
    factor = check_number("sampling_table", "sampling_factor", sampling_factor, 0)
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + _GAMMA) + 0.5 - 1 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(factor * inverse_frequency))


def skip_grams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of words (n, 2) and whether they stand near each other, labels (n,).

    Args:
        sequence: a text as word indices below ``vocabulary_size``; 0 is no word.
        vocabulary_size: one more than the largest index.
        window_size: how many places away a neighbour may be.
        negative_samples: pairs with a word drawn from 1 to ``vocabulary_size`` - 1, for each pair of neighbours.
        shuffle: whether pairs are put in random order; else neighbours come first, in the order of the text.
        categorical: labels as one-hot rows (n, 2).
        sampling_table: probability (vocabulary_size,) of keeping a word in the middle of a window.
        seed: None continues the random numbers of ``minidl.set_seed``.

    Raises DataError for indices outside of the vocabulary.

    >>> pairs, labels = skip_grams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    >>> pairs.tolist(), labels.tolist()
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    where = "skip_grams"
    vocabulary_size = check_integer(where, "vocabulary_size", vocabulary_size)
    window_size = check_integer(where, "window_size", window_size)
    negative_samples = check_number(where, "negative_samples", negative_samples, 0)
    shuffle, categorical = check_flag(where, "shuffle", shuffle), check_flag(where, "categorical", categorical)
    stream = new_stream() if seed is None else Stream(check_seed(seed, where), 0)
    words = indices_of(sequence, where, vocabulary_size)
    middle = words != 0
    if sampling_table is not None:
        table = np.asarray(sampling_table, np.float64)
        if table.shape != (vocabulary_size,):
            raise ShapeError(f"{where}: sampling_table", f"shape {table.shape}", f"({vocabulary_size},), one for each word")
        middle &= table[words] >= stream.generator(_KEEP).random(len(words))
    places, around = np.arange(len(words))[:, None], np.r_[-window_size:0, 1 : window_size + 1]
    near = places + around  # (words, 2 window_size)
    inside = (near >= 0) & (near < len(words))
    other = words[np.where(inside, near, 0)] if len(words) else near
    is_pair = middle[:, None] & inside & (other != 0)
    first = np.broadcast_to(words[:, None], is_pair.shape)[is_pair]
    pairs = np.stack([first, other[is_pair]], axis=1)
    count = int(len(pairs) * negative_samples)
    draws = stream.generator(_NEGATIVE)
    repeated = draws.permutation(first)[np.arange(count) % max(len(first), 1)]  # every word as often as it can be
    negative = np.stack([repeated, draws.integers(1, max(vocabulary_size, 2), count)], axis=1)
    pairs = np.concatenate([pairs, negative]).astype(np.int64, copy=False)
    labels = np.repeat(np.array([1, 0]), [len(first), count])
    if shuffle:
        order = stream.generator(_ORDER).permutation(len(pairs))
        pairs, labels = pairs[order], labels[order]
    return pairs, np.stack([1 - labels, labels], axis=1) if categorical else labels


def sequence_windows(
    sequence: Sequence[int] | np.ndarray, length: int, *, step: int = 1, targets: str = "all"
) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a long sequence with what comes next, for a model that foretells the next character or word.

    Args:
        sequence: whole numbers (steps,), such as ``Characters.encode`` gives.
        length: steps of a window.
        step: how far the next window begins behind this one.
        targets: "all" gives the next number of every step (windows, length), "last" that of the last step (windows,).

    Returns:
        x (windows, length) and the targets. Both are views of the sequence that cannot be written to; a batch copies its
        own windows.

    >>> x, y = sequence_windows([5, 6, 7, 8, 9], 3)
    >>> x.tolist(), y.tolist()
    ([[5, 6, 7], [6, 7, 8]], [[6, 7, 8], [7, 8, 9]])
    >>> sequence_windows([5, 6, 7, 8, 9], 3, step=2, targets="last")[1].tolist()
    [8]
    """
    where = "sequence_windows"
    length, step = check_integer(where, "length", length), check_integer(where, "step", step)
    if targets not in ("all", "last"):
        raise ArgumentError(where, f"targets={targets!r}", "'all' or 'last'", meant=closest(targets, ("all", "last")))
    numbers = indices_of(sequence, where)
    if len(numbers) <= length:
        raise DataError(where, f"a sequence of {len(numbers)} steps", f"more than the length of a window, {length}")
    windows = np.lib.stride_tricks.sliding_window_view(numbers, length)
    x, y = windows[:-1:step], windows[1::step]
    return x, (y if targets == "all" else y[:, -1])


def indices_of(sequence: Any, where: str, size: int | None = None) -> np.ndarray:
    """Whole numbers (n,) from 0 to ``size`` - 1. Raises ShapeError, ArgumentTypeError or DataError for others."""
    array = np.asarray(sequence)
    if array.ndim != 1:
        raise ShapeError(where, f"a sequence of shape {array.shape}", "one axis of whole numbers")
    if not len(array):
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ArgumentTypeError(where, f"a sequence of {array.dtype}", "whole numbers")
    wrong = (array < 0) | (array >= size) if size is not None else array < 0
    if wrong.any():
        at = int(wrong.argmax())
        expected = "numbers from 0 on" if size is None else f"numbers from 0 to {size - 1}"
        raise DataError(where, f"{array[at]} at index {at}", expected)
    return array.astype(np.int64, copy=False)
