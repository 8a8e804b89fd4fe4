"""``keras.datasets.reuters`` of Keras 2.1: 11,228 newswires as ranks of words, and which of 46 topics each has."""

from __future__ import annotations

import numpy as np

from minidl.compat.keras.datasets.cifar import Data
from minidl.compat.keras.datasets.texts import as_array, prepared, read_parts, shuffled
from minidl.compat.keras.datasets.texts import word_index as _word_index
from minidl.compat.keras.files import found_or_downloaded
from minidl.compat.keywords import keywords_of_keras_1

_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_MD5_OF_INDEX = "4d44cc38712099c9e383dc6e5f11a921"


@keywords_of_keras_1("reuters.load_data", nb_words="num_words")
def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Data:
    """``(x_train, y_train), (x_test, y_test)``: arrays (n,) of lists of words, and topics (n,) from 0 to 45.

    Args:
        path: reuters.npz by its full path, or the name it has in a folder of data.
        num_words: only indices below are kept; None keeps all.
        skip_top: and only those from here on.
        maxlen: only newswires that are shorter are kept.
        test_split: the part of what is kept that is the test.
        seed: of the order; it also seeds ``np.random``, as it did.
        start_char: stands in front of each newswire; None for nothing.
        oov_char: stands for words that are not kept; None leaves them out.
        index_from: is added to the rank of each word.

    Raises ArgumentError and DatasetError.
    """
    where = "reuters.load_data()"
    file = found_or_downloaded(where, path, "reuters", "reuters.npz", sha256=_SHA256, limit=5_000_000)
    x, y = read_parts(file, ("x", "y"))
    np.random.seed(seed)  # noqa: NPY002  (the state that scripts use)
    x, y = shuffled(x, y, str(file))
    texts, labels = prepared(where, x, y, num_words, skip_top, maxlen, start_char, oov_char, index_from)
    kept = int(len(texts) * (1 - test_split))
    return (as_array(texts[:kept]), np.array(labels[:kept])), (as_array(texts[kept:]), np.array(labels[kept:]))


@keywords_of_keras_1("reuters.get_word_index")
def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """{word: rank}; a word's index in ``load_data`` is ``index_from`` more. Raises DatasetError."""
    return _word_index("reuters.get_word_index()", path, "reuters", "reuters_word_index.json", _MD5_OF_INDEX)
