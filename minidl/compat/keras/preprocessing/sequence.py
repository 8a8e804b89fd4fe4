"""``keras.preprocessing.sequence`` of Keras 2.1.

Random choices come from Python's ``random``, as they did: a script that seeds it gets the pairs it got.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from minidl import data as today
from minidl.compat.keras.utils.sequences import Sequence
from minidl.compat.keywords import keywords_of_keras_1
from minidl.compat.spelling import call_text, told
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError, closest

__all__ = ["TimeseriesGenerator", "make_sampling_table", "np", "pad_sequences", "random", "skipgrams"]


@keywords_of_keras_1()
def pad_sequences(
    sequences: Any,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array (n, maxlen, ...), as ``minidl.data.pad_sequences`` makes it.

    But numbers that ``dtype`` cannot hold are cut, as NumPy's ``astype`` cuts them: 2.7 becomes 2.

    >>> pad_sequences([[1], [2, 3, 4.7]], maxlen=2).tolist()
    [[0, 1], [3, 4]]
    """
    where = "pad_sequences"
    if not hasattr(sequences, "__len__"):
        raise ArgumentTypeError(
            where, f"sequences of type {type(sequences).__name__}", "a list of sequences", "list(sequences)"
        )
    for name, choice in (("padding", padding), ("truncating", truncating)):
        if choice not in ("pre", "post"):
            raise ArgumentError(where, f"{name}={choice!r}", "'pre' or 'post'", meant=closest(choice, ("pre", "post")))
    for at, row in enumerate(sequences):
        if not hasattr(row, "__len__"):
            raise ArgumentError(where, f"{row!r} at position {at}", "a list of sequences", "[sequence], for a single one")
    length = max((len(row) for row in sequences), default=0) if maxlen is None else int(maxlen)
    dtype = np.dtype(dtype)
    shape: tuple[int, ...] = next((np.shape(row)[1:] for row in sequences if len(row)), ())
    found = np.full((len(sequences), length, *shape), np.asarray(value).astype(dtype), dtype)
    for at, row in enumerate(sequences):
        kept = np.asarray(row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length])
        if not len(kept):
            continue
        if kept.shape[1:] != shape:
            raise ShapeError(f"{where}: sequence {at}", f"steps of shape {kept.shape[1:]}", f"those of the first, {shape}")
        found[at, slice(length - len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return found


@keywords_of_keras_1()
def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability (size,) with which ``skipgrams`` keeps the word of each rank."""
    told(f"make_sampling_table({size!r})", f"data.sampling_table({size!r})")
    return today.sampling_table(size, sampling_factor)


@keywords_of_keras_1()
def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words as lists, and whether they stand near each other; see ``minidl.data.skip_grams``.

    The order of draws from ``random`` is that of Keras 2.1: one for each word with ``sampling_table``, a shuffle of the first
    words, one word for each negative sample, the seed where there is none, and two shuffles with it.

    >>> skipgrams([1, 2], 4, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1]], [1, 1])
    """
    options = {"negative_samples": negative_samples, "shuffle": shuffle, "categorical": categorical}
    told("skipgrams(sequence, ...)", call_text("data.skip_grams", (), {"vocabulary_size": vocabulary_size, **options}))
    couples: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        window = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in window if j != i and sequence[j]]
    near, far = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list[Any] = [near] * len(couples)
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [far] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for items in (couples, labels):
            random.seed(seed)
            random.shuffle(items)
    return couples, [list(label) for label in labels] if categorical else labels


def _remove_long_seq(maxlen: int, seq: Any, label: Any) -> tuple[list[Any], list[Any]]:
    """The sequences that are shorter than ``maxlen``, and their labels.

    >>> _remove_long_seq(2, [[1], [1, 2], []], ["a", "b", "c"])
    ([[1], []], ['a', 'c'])
    """
    kept = [(x, y) for x, y in zip(seq, label) if len(x) < maxlen]
    return [x for x, _ in kept], [y for _, y in kept]


class TimeseriesGenerator(Sequence):
    """Batches of windows of a series with their targets; of Keras 2.1.3, for scripts that have it.

    Args:
        data: the series (steps, ...).
        targets: (steps, ...); the target of a window is that of the step behind it.
        length: steps from the beginning of a window to its target.
        sampling_rate: every so many steps one is taken into the window.
        stride: from one window's target to the next.
        start_index, end_index: the first and the last step that is used.
        shuffle: whether windows are drawn at random from ``np.random``.
        reverse: whether the steps of a window run backwards.
        batch_size: windows of a batch.

    >>> series = np.arange(6)
    >>> x, y = TimeseriesGenerator(series, series, length=3, batch_size=2)[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3]], [3, 4])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        self.data, self.targets = np.asarray(data), np.asarray(targets)
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(self.data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            received = f"length={length} for the steps {start_index} to {self.end_index}"
            raise ArgumentError("TimeseriesGenerator", received, "a window that fits into them")

    def __len__(self) -> int:
        windows = (self.end_index - self.start_index + self.stride) // self.stride
        return -(-windows // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)  # noqa: NPY002
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        steps = rows[:, np.newaxis] + np.arange(-self.length, 0, self.sampling_rate)
        windows = self.data[steps]
        return (windows[:, ::-1] if self.reverse else windows), self.targets[rows]
