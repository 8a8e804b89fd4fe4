"""``keras.datasets.imdb`` of Keras 2.1: 50,000 reviews of films as ranks of words, and whether they praise."""

from __future__ import annotations

import numpy as np

from minidl.compat.keras.datasets.cifar import Data
from minidl.compat.keras.datasets.texts import as_array, prepared, read_parts, shuffled
from minidl.compat.keras.datasets.texts import word_index as _word_index
from minidl.compat.keras.files import found_or_downloaded
from minidl.compat.keywords import keywords_of_keras_1

_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_MD5_OF_INDEX = "bfafd718b763782e994055a2d397834f"


@keywords_of_keras_1("imdb.load_data", nb_words="num_words")
def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Data:
    """``(x_train, y_train), (x_test, y_test)``: arrays (n,) of lists of words, and labels (n,), 1 for praise.

    Args:
        path: imdb.npz by its full path, or the name it has in a folder of data.
        num_words: only indices below are kept; None keeps all.
        skip_top: and only those from here on.
        maxlen: only reviews that are shorter are kept. The first 25,000 that are left are the training part, as they were.
        seed: of the order; it also seeds ``np.random``, as it did.
        start_char: stands in front of each review; None for nothing.
        oov_char: stands for words that are not kept; None leaves them out.
        index_from: is added to the rank of each word.

    Raises ArgumentError and DatasetError.
    """
    where = "imdb.load_data()"
    file = found_or_downloaded(where, path, "imdb", "imdb.npz", sha256=_SHA256, limit=30_000_000)
    x_train, y_train, x_test, y_test = read_parts(file, ("x_train", "y_train", "x_test", "y_test"))
    np.random.seed(seed)  # noqa: NPY002  (the state that scripts use)
    x_train, y_train = shuffled(x_train, y_train, str(file))
    x_test, y_test = shuffled(x_test, y_test, str(file))
    texts, labels = prepared(
        where,
        x_train + x_test,
        np.concatenate([y_train, y_test]),
        num_words,
        skip_top,
        maxlen,
        start_char,
        oov_char,
        index_from,
    )
    kept = len(x_train)
    return (as_array(texts[:kept]), np.array(labels[:kept])), (as_array(texts[kept:]), np.array(labels[kept:]))


@keywords_of_keras_1("imdb.get_word_index")
def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """{word: rank}; a word's index in ``load_data`` is ``index_from`` more. Raises DatasetError."""
    return _word_index("imdb.get_word_index()", path, "imdb", "imdb_word_index.json", _MD5_OF_INDEX)
