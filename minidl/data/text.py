"""Text as numbers and back: words by a ``Tokenizer``, characters by ``Characters``.

    tokenizer = Tokenizer(num_words=10_000).fit(texts)
    x = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=200)

    characters = Characters(text)
    x, y = sequence_windows(characters.encode(text), 100)

Index 0 is no word: it is left to padding. The weights of a matrix of texts (n, words), of a word that occurs c times in
a text of m words and in d of all D texts:

    binary  1        count  c        freq  c / m        tfidf  (1 + log c) log(1 + D / (1 + d))

Source: Keras 2, preprocessing/text.py, from which the results do not differ.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.checks import check_flag, check_integer
from minidl.data.sequences import indices_of
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, closest

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = ("binary", "count", "freq", "tfidf")


def text_to_words(text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text: what stands between ``split`` when all characters of ``filters`` are replaced by it.

    >>> text_to_words("To be, or not to be!")
    ['to', 'be', 'or', 'not', 'to', 'be']
    """
    if not isinstance(text, str):
        raise ArgumentTypeError("text_to_words", f"a {type(text).__name__}", "a text (str)")
    if not isinstance(split, str) or not split:
        raise ArgumentError("text_to_words", f"split={split!r}", "a text of at least one character")
    text = text.lower() if lower else text
    separated = text.translate({ord(c): split for c in filters})
    return [word for word in separated.split(split) if word]


def hash_words(text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number from 1 to n - 1 for each word, found without a vocabulary: different words may get the same.

    It is made of the word's MD5, so that it is the same in every run; Keras's ``one_hot``, which these numbers stand for, is
    not.

    >>> hash_words("to be or not to be", 50)
    [15, 5, 8, 36, 15, 5]
    """
    n = check_integer("hash_words", "n", n, low=2)
    words = text_to_words(text, filters, lower, split)
    return [int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16) % (n - 1) + 1 for word in words]


class Tokenizer:
    """Words, or characters, numbered by how often they occur: 1 is the most frequent one.

    Args:
        num_words: only indices below are used, so the ``num_words`` - 1 most frequent words; None uses all.
        filters: characters that separate words, as ``split`` does.
        lower: whether capitals are made small.
        split: what separates words.
        char_level: every character is a word.
        oov_token: stands for words that are not known, with index 1; None leaves them out.
        analyzer: a function that makes a list of words of a text, instead of ``text_to_words``.

    Attributes:
        word_index, index_word: dictionaries of all words seen, whatever ``num_words``; of words that occur equally often
            the first comes first.
        word_counts: how often each word occurs.
        word_docs, index_docs: in how many texts each word occurs, by word and by index.
        document_count: how many texts were seen.

    A text may also be a list of words.

    >>> tokenizer = Tokenizer(oov_token="?").fit(["To be or not to be", "to do"])
    >>> tokenizer.word_index
    {'?': 1, 'to': 2, 'be': 3, 'or': 4, 'not': 5, 'do': 6}
    >>> tokenizer.texts_to_sequences(["To see or not"]), tokenizer.sequences_to_texts([[2, 3]])
    ([[2, 1, 4, 5]], ['to be'])
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
    ) -> None:
        where = "Tokenizer"
        self.num_words = None if num_words is None else check_integer(where, "num_words", num_words)
        self.filters, self.split, self.oov_token, self.analyzer = filters, split, oov_token, analyzer
        self.lower = check_flag(where, "lower", lower)
        self.char_level = check_flag(where, "char_level", char_level)
        for name, value in (("filters", filters), ("split", split), ("oov_token", oov_token)):
            if not (isinstance(value, str) or (name != "split" and value is None)):
                raise ArgumentTypeError(where, f"{name}={value!r}", "a text (str)")
        if analyzer is not None and not callable(analyzer):
            raise ArgumentTypeError(where, f"analyzer={analyzer!r}", "a function of one text")
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: dict[int, int] = {}
        self.document_count = 0

    def fit(self, texts: Iterable[str | list[str]]) -> Tokenizer:
        """Count the words of the texts, beside those of earlier calls, and number them anew; returns itself."""
        for text in _several(texts, "Tokenizer.fit"):
            words = self._words(text)
            self.document_count += 1
            for word, count in Counter(words).items():
                self.word_counts[word] = self.word_counts.get(word, 0) + count
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        ranked = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        if self.oov_token is not None:
            ranked = [self.oov_token, *(word for word in ranked if word != self.oov_token)]
        self.word_index = {word: index for index, word in enumerate(ranked, 1)}
        self.index_word = {index: word for word, index in self.word_index.items()}
        self.index_docs = {self.word_index[word]: count for word, count in self.word_docs.items()}
        return self

    def fit_sequences(self, sequences: Iterable[Sequence[int]]) -> Tokenizer:
        """Count in how many of these lists of indices each one occurs, for "tfidf" without texts; returns itself."""
        for sequence in sequences:
            self.document_count += 1
            for index in set(sequence):
                self.index_docs[index] = self.index_docs.get(index, 0) + 1
        return self

    def texts_to_sequences(self, texts: Iterable[str | list[str]]) -> list[list[int]]:
        """The index of each word of each text; unknown words are left out, or 1 where there is an ``oov_token``.

        Raises NotBuiltError before ``fit``.
        """
        if not self.word_index:
            raise NotBuiltError("Tokenizer.texts_to_sequences", "texts before fit", "known words", "fit(texts)")
        limit, unknown = self._limit(), None if self.oov_token is None else self.word_index[self.oov_token]
        found = []
        for text in _several(texts, "Tokenizer.texts_to_sequences"):
            indices = [self.word_index.get(word) for word in self._words(text)]
            known = [index if index is not None and index < limit else unknown for index in indices]
            found.append([index for index in known if index is not None])
        return found

    def sequences_to_texts(self, sequences: Iterable[Sequence[int]]) -> list[str]:
        """The words of indices, with spaces between them; what is no word is left out, or the ``oov_token``."""
        limit = self._limit()
        found = []
        for sequence in sequences:
            words = [self.index_word.get(int(i), self.oov_token) if int(i) < limit else self.oov_token for i in sequence]
            found.append(" ".join(word for word in words if word is not None))
        return found

    def texts_to_matrix(self, texts: Iterable[str | list[str]], mode: str = "binary", dtype: Any = "float32") -> np.ndarray:
        """A row of weights for each text: (n, number of words); see ``sequences_to_matrix``."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode, dtype)

    def sequences_to_matrix(
        self, sequences: Iterable[Sequence[int]], mode: str = "binary", dtype: Any = "float32"
    ) -> np.ndarray:
        """A row of weights for each list of indices: (n, ``num_words``), or all words and index 0 where that is None.

        Args:
            sequences: lists of indices; those from ``num_words`` on are left out, but count as words of the text for "freq".
            mode: "binary", "count", "freq" or "tfidf".
            dtype: of the result.

        Raises NotBuiltError where the number of words, or for "tfidf" that of texts, is not known.
        """
        where = "Tokenizer.sequences_to_matrix"
        if mode not in MODES:
            raise ArgumentError(where, f"mode={mode!r}", " or ".join(map(repr, MODES)), meant=closest(mode, MODES))
        if self.num_words is None and not self.word_index:
            raise NotBuiltError(where, "sequences before fit", "known words", "fit(texts), or Tokenizer(num_words=...)")
        if mode == "tfidf" and not self.document_count:
            raise NotBuiltError(where, "mode='tfidf' before fit", "texts to count words in", "fit(texts)")
        columns = len(self.word_index) + 1 if self.num_words is None else self.num_words
        lists = [list(sequence) for sequence in sequences]
        matrix = np.zeros((len(lists), columns), dtype)
        for row, sequence in zip(matrix, lists):
            indices = indices_of(sequence, where)
            words, counts = np.unique(indices[indices < columns], return_counts=True)
            if mode == "binary":
                row[words] = 1
            elif mode == "count":
                row[words] = counts
            elif mode == "freq":
                row[words] = counts / max(len(indices), 1)
            else:
                in_texts = np.array([self.index_docs.get(word, 0) for word in words.tolist()])
                row[words] = (1 + np.log(counts)) * np.log(1 + self.document_count / (1 + in_texts))
        return matrix

    def get_config(self) -> dict[str, Any]:
        """Arguments and counts, which JSON can hold; not the ``analyzer``. See ``from_config``.

        >>> tokenizer = Tokenizer.from_config(Tokenizer().fit(["to be"]).get_config())
        >>> tokenizer.word_index
        {'to': 1, 'be': 2}
        """
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        return {
            **{name: getattr(self, name) for name in names},
            "word_counts": dict(self.word_counts),
            "word_docs": dict(self.word_docs),
            "index_docs": [[index, count] for index, count in self.index_docs.items()],  # keys of JSON are text
            "document_count": self.document_count,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], analyzer: Callable[[str], list[str]] | None = None) -> Tokenizer:
        """The tokenizer that ``get_config`` described. Raises DataError for anything else."""
        given = dict(config)
        try:
            counts, docs, index_docs, texts = (
                given.pop(n) for n in ("word_counts", "word_docs", "index_docs", "document_count")
            )
            tokenizer = cls(**given, analyzer=analyzer)
            tokenizer.word_counts = {str(word): int(count) for word, count in counts.items()}
            tokenizer.word_docs = {str(word): int(count) for word, count in docs.items()}
            tokenizer.fit([])
            tokenizer.index_docs = {int(index): int(count) for index, count in index_docs}
            tokenizer.document_count = int(texts)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError("Tokenizer.from_config", f"another dictionary ({error})", "what get_config gave") from None
        return tokenizer

    def _limit(self) -> float:
        return float("inf") if self.num_words is None else self.num_words

    def _words(self, text: Any) -> list[str]:
        if isinstance(text, list):
            return [word.lower() for word in text] if self.lower else text
        if not isinstance(text, str):
            raise ArgumentTypeError("Tokenizer", f"a {type(text).__name__} for a text", "a text (str) or a list of words")
        if self.char_level:
            return list(text.lower() if self.lower else text)
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_words(text, self.filters or "", self.lower, self.split)

    def __repr__(self) -> str:
        return f"<Tokenizer: {len(self.word_index)} words from {self.document_count} texts>"


def _several(texts: Any, where: str) -> Iterable[Any]:
    if isinstance(texts, (str, bytes)):
        raise ArgumentTypeError(where, "a single text", "a list of texts", "[text]")
    return texts


class Characters:
    """The characters of a text, numbered in their order: each distinct one has an index from 0 on.

    Args:
        text: its characters are the known ones.
        unknown: a character that stands for all others, and gets the last index if it is not among the known ones; None
            refuses others.

    >>> characters = Characters("to be or not")
    >>> characters.alphabet, len(characters)
    (' benort', 7)
    >>> characters.encode("be"), characters.decode([6, 4])
    (array([1, 2]), 'to')
    """

    def __init__(self, text: str, unknown: str | None = None) -> None:
        if not isinstance(text, str):
            raise ArgumentTypeError("Characters", f"a {type(text).__name__}", "a text (str)")
        if unknown is not None and (not isinstance(unknown, str) or len(unknown) != 1):
            raise ArgumentError("Characters", f"unknown={unknown!r}", "one character, or None")
        known = sorted(set(text))
        self.unknown = unknown
        self.alphabet = "".join(known) + (unknown if unknown is not None and unknown not in known else "")
        codes = _codes(self.alphabet)
        self._order = np.argsort(codes, kind="stable")
        self._sorted = codes[self._order]

    def __len__(self) -> int:
        return len(self.alphabet)

    def encode(self, text: str) -> np.ndarray:
        """The index of each character (n,). Raises DataError for one that is not known, where nothing stands for it."""
        if not isinstance(text, str):
            raise ArgumentTypeError("Characters.encode", f"a {type(text).__name__}", "a text (str)")
        codes = _codes(text)
        if not len(self):
            at, known = np.zeros(len(codes), np.int64), np.zeros(len(codes), bool)
        else:
            at = np.minimum(np.searchsorted(self._sorted, codes), len(self) - 1)
            known = self._sorted[at] == codes
        if not known.all() and self.unknown is None:
            place = int(np.argmin(known))
            received = f"{text[place]!r} at index {place}"
            fix = "Characters(text, unknown='?')"
            raise DataError("Characters.encode", received, f"one of the {len(self)} known characters", fix)
        if not len(codes):
            return np.zeros(0, np.int64)
        found = self._order[at]
        if not known.all():
            found = np.where(known, found, self.alphabet.index(str(self.unknown)))
        return found.astype(np.int64)

    def decode(self, indices: Any) -> str:
        """The text of indices (n,)."""
        return "".join(map(self.alphabet.__getitem__, indices_of(indices, "Characters.decode", len(self)).tolist()))

    def __repr__(self) -> str:
        return f"<Characters: {len(self)} of them>"


def _codes(text: str) -> np.ndarray:
    """The number of each character in Unicode."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
