"""``keras.preprocessing.text`` of Keras 2.1, and ``base_filter`` of Keras 1."""

from __future__ import annotations

import hashlib
import string
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.checks import check_integer
from minidl.compat.keywords import keywords_of_keras_1
from minidl.compat.spelling import call_text, told
from minidl.data import text as today

__all__ = ["Tokenizer", "base_filter", "hashing_trick", "np", "one_hot", "string", "text_to_word_sequence"]

FILTERS = today.FILTERS


@keywords_of_keras_1()
def text_to_word_sequence(text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text: ``minidl.data.text_to_words``.

    >>> text_to_word_sequence("To be, or not to be!")
    ['to', 'be', 'or', 'not', 'to', 'be']
    """
    told("text_to_word_sequence(text)", "data.text_to_words(text)")
    return today.text_to_words(text, filters, lower, split)


@keywords_of_keras_1()
def one_hot(text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number from 1 to n - 1 for each word, by Python's ``hash``, which is another in every run."""
    told(f"one_hot(text, {n!r})", f"data.hash_words(text, {n!r})")
    return _hashed(text, n, hash, filters, lower, split)


@keywords_of_keras_1()
def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """A number from 1 to n - 1 for each word, by Python's ``hash``, by a function of the word, or by ``"md5"``.

    >>> hashing_trick("to be or not to be", 50, "md5")
    [15, 5, 8, 36, 15, 5]
    """
    told(call_text("hashing_trick", ("text", n), {"hash_function": hash_function}), f"data.hash_words(text, {n!r})")
    function = hash if hash_function is None else _md5 if hash_function == "md5" else hash_function
    return _hashed(text, n, function, filters, lower, split)  # type: ignore[arg-type]


def _hashed(text: str, n: int, function: Callable[[str], int], filters: str, lower: bool, split: str) -> list[int]:
    n = check_integer("hashing_trick", "n", n, low=2)
    return [function(word) % (n - 1) + 1 for word in today.text_to_words(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


def base_filter() -> str:
    """What separates words: all punctuation but the apostrophe, tabs and line breaks. Of Keras 1.0.

    >>> len(base_filter()), "'" in base_filter()
    (33, False)
    """
    return string.punctuation.replace("'", "") + "\t\n"


class Tokenizer(today.Tokenizer):
    """``minidl.data.Tokenizer`` with the methods of Keras 2.1.

    Of several calls of ``fit_on_texts`` the words are added up and the number of texts is that of the last one. With
    ``char_level``, a text is taken as it is: ``filters`` and ``lower`` are for words. ``oov_token`` is that of Keras 2.2.

    >>> tokenizer = Tokenizer(num_words=4)
    >>> tokenizer.fit_on_texts(["To be or not to be", "to do"])
    >>> tokenizer.word_index
    {'to': 1, 'be': 2, 'or': 3, 'not': 4, 'do': 5}
    >>> tokenizer.texts_to_sequences(["to see or not"]), tokenizer.texts_to_matrix(["to be to"], mode="count").tolist()
    ([[1, 3]], [[0.0, 2.0, 1.0, 0.0]])
    """

    @keywords_of_keras_1("Tokenizer", nb_words="num_words")
    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
    ) -> None:
        super().__init__(num_words or None, filters, bool(lower), split, bool(char_level), oov_token)
        self.word_counts = OrderedDict()

    def fit_on_texts(self, texts: Any) -> None:
        """Count the words of a list of texts, or of those that a generator gives, and number them by how often they occur."""
        told("fit_on_texts(texts)", "fit(texts)")
        self.document_count = 0
        self.fit(list(texts) if isinstance(texts, str) else texts)

    def fit_on_sequences(self, sequences: Any) -> None:
        """Count in how many of these lists of indices each one occurs, anew."""
        told("fit_on_sequences(sequences)", "fit_sequences(sequences)")
        self.document_count, self.index_docs = 0, {}
        self.fit_sequences(sequences)

    def texts_to_sequences(self, texts: Any) -> list[list[int]]:
        """The index of each word of each text; words that are not known or too rare are left out."""
        texts = list(texts) if isinstance(texts, str) else texts  # a single text was the list of its letters
        if self.document_count and not self.word_index:  # texts without words
            return [[] for _ in texts]
        return super().texts_to_sequences(texts)

    def texts_to_sequences_generator(self, texts: Any) -> Iterator[list[int]]:
        """The same, one after the other."""
        for text in texts:
            yield from self.texts_to_sequences([text])

    def texts_to_matrix(self, texts: Any, mode: str = "binary", dtype: Any = "float64") -> np.ndarray:
        """A row of weights for each text."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode, dtype)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary", dtype: Any = "float64") -> np.ndarray:
        """A row of weights (n, ``num_words``) for each list of indices: "binary", "count", "freq" or "tfidf"."""
        return super().sequences_to_matrix(sequences, mode, dtype)

    def _words(self, text: Any) -> list[str]:
        return list(text) if self.char_level else super()._words(text)
