"""Texts and sequences of old scripts, by formulas and loops; random choices by Python's ``random`` in their order."""

# ruff: noqa: NPY002  (the state that scripts seed)

import random
from collections import OrderedDict
from math import log

import numpy as np
import pytest

from minidl import data as today
from minidl.compat.keras.preprocessing import sequence, text
from minidl.compat.keras.preprocessing.sequence import TimeseriesGenerator, make_sampling_table, pad_sequences, skipgrams
from minidl.compat.keras.preprocessing.text import Tokenizer, base_filter, hashing_trick, one_hot, text_to_word_sequence
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")

TEXTS = ["The cat sat on the mat.", "The dog sat on the log!", "Dogs & cats, living together", "the Cat"]


# -- words --------------------------------------------------------------------------------------------------------------


def test_words_of_a_text():
    assert text_to_word_sequence("To be, or\tnot to be!") == ["to", "be", "or", "not", "to", "be"]
    assert text_to_word_sequence("To be, or not", lower=False) == ["To", "be", "or", "not"]
    assert text_to_word_sequence("a,b c", filters="") == ["a,b", "c"]
    assert text_to_word_sequence("a-b-c d", filters=" ", split="-") == ["a", "b", "c", "d"]
    assert text_to_word_sequence("don't stop") == ["don't", "stop"]


def test_hashed_words():
    assert one_hot("To be, or not to be", 50) == [hash(w) % 49 + 1 for w in ["to", "be", "or", "not", "to", "be"]]
    assert one_hot("To be", 50, filters="", lower=False, split=" ") == [hash(w) % 49 + 1 for w in ["To", "be"]]
    assert hashing_trick("to be", 7) == one_hot("to be", 7)
    assert hashing_trick("to be or not to be", 50, "md5") == [15, 5, 8, 36, 15, 5]
    assert hashing_trick("to be,or", 10, hash_function=len, filters=",", split=" ") == [3, 3, 3]
    with pytest.raises(ArgumentError, match="n=1"):
        one_hot("to be", 1)


def test_the_filter_of_keras_1():
    assert sorted(base_filter()) == sorted(set(today.text.FILTERS))
    assert Tokenizer(filters=base_filter()).filters == base_filter()


def test_counts_of_a_tokenizer():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    words = [[w.strip(".!,&").lower() for w in t.split() if w.strip(".!,&")] for t in TEXTS]
    every = [w for row in words for w in row]
    order = list(dict.fromkeys(every))
    assert isinstance(tokenizer.word_counts, OrderedDict)
    assert list(tokenizer.word_counts.items()) == [(w, every.count(w)) for w in order]
    assert tokenizer.word_docs == {w: sum(w in row for row in words) for w in order}
    ranked = sorted(order, key=every.count, reverse=True)
    assert tokenizer.word_index == {w: i for i, w in enumerate(ranked, 1)}
    assert tokenizer.index_docs == {tokenizer.word_index[w]: n for w, n in tokenizer.word_docs.items()}
    assert tokenizer.document_count == 4
    assert isinstance(tokenizer, today.Tokenizer)


def test_a_second_fit_adds_words_and_counts_texts_anew():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    tokenizer.fit_on_texts(t for t in ["b c", "b"])
    assert (tokenizer.word_counts["b"], tokenizer.document_count) == (3, 2)
    assert tokenizer.word_index["b"] == 1


def test_sequences_of_texts():
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_texts(TEXTS)
    index = tokenizer.word_index
    given = ["the mat sat on a Cat", "xyz", ""]
    expected = [[index[w] for w in t.lower().split() if index.get(w, 99) < 4] for t in given]
    assert tokenizer.texts_to_sequences(given) == expected
    assert list(tokenizer.texts_to_sequences_generator(iter(given))) == expected
    known = Tokenizer(oov_token="?")
    known.fit_on_texts(["a b"])
    assert known.word_index == {"?": 1, "a": 2, "b": 3}
    assert known.texts_to_sequences(["b x"]) == [[3, 1]]
    empty = Tokenizer()
    with pytest.raises(NotBuiltError):
        empty.texts_to_sequences(["a"])
    empty.fit_on_texts(["", "!"])
    assert empty.texts_to_sequences(["a", "b"]) == [[], []]


def test_characters_are_taken_as_they_are():
    tokenizer = Tokenizer(char_level=True)
    tokenizer.fit_on_texts(["aA!", "a a"])
    assert tokenizer.word_counts == {"a": 3, "A": 1, "!": 1, " ": 1}
    assert tokenizer.texts_to_sequences(["A a"]) == [[2, 4, 1]]
    letters = Tokenizer(char_level=True)
    letters.fit_on_texts("abba")
    assert letters.document_count == 4
    assert letters.texts_to_sequences("ba") == [[2], [1]]


@pytest.mark.parametrize("num_words", [None, 5])
@pytest.mark.parametrize("mode", ["binary", "count", "freq", "tfidf"])
def test_matrices(num_words, mode):
    tokenizer = Tokenizer(num_words=num_words)
    tokenizer.fit_on_texts(TEXTS)
    columns = num_words or len(tokenizer.word_index) + 1
    rows = tokenizer.texts_to_sequences(["the cat the dog", "on", "", "log the"])
    rows[3].append(11)  # beyond num_words=5: not in the matrix, but of the length
    expected = np.zeros((4, columns))
    for row, line in zip(rows, expected):
        for word in {w for w in row if w < columns}:
            c = row.count(word)
            tfidf = (1 + log(c)) * log(1 + 4 / (1 + tokenizer.index_docs.get(word, 0)))
            line[word] = {"binary": 1, "count": c, "freq": c / len(row), "tfidf": tfidf}[mode]
    found = tokenizer.sequences_to_matrix(rows, mode=mode)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.dtype == np.float64
    direct = tokenizer.texts_to_matrix(["the cat the dog", "on"], mode=mode)
    np.testing.assert_allclose(direct, expected[:2], rtol=1e-12)
    assert tokenizer.texts_to_matrix(["on on"]).max() == 1


def test_matrices_of_sequences_alone():
    tokenizer = Tokenizer(num_words=6)
    tokenizer.fit_on_sequences([[1, 2], [2, 2], [5]])
    assert tokenizer.document_count == 3
    assert tokenizer.index_docs == {1: 1, 2: 2, 5: 1}
    found = tokenizer.sequences_to_matrix([[2, 2, 5]], mode="tfidf")
    np.testing.assert_allclose(found, [[0, 0, (1 + log(2)) * log(1 + 3 / 3), 0, 0, log(1 + 3 / 2)]])
    tokenizer.fit_on_sequences([[4]])
    assert tokenizer.index_docs == {4: 1}
    ragged = np.empty(2, object)
    ragged[:] = [[1, 2, 9], [3]]  # as reuters.load_data gives them
    assert tokenizer.sequences_to_matrix(ragged).tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]]
    with pytest.raises(NotBuiltError, match="known words"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(NotBuiltError, match="mode='tfidf' before fit"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], mode="tfidf")
    with pytest.raises(ArgumentError, match=r"mode='tf-idf'.*Did you mean 'tfidf'"):
        tokenizer.sequences_to_matrix([[1]], mode="tf-idf")


@pytest.mark.filterwarnings("default::minidl.compat.spelling.OldSpellingWarning")
def test_old_spellings_are_told():
    with pytest.warns(OldSpellingWarning, match=r"Tokenizer\(nb_words=3\) is written Tokenizer\(num_words=3\) in minidl"):
        tokenizer = Tokenizer(nb_words=3)
    assert tokenizer.num_words == 3
    with pytest.warns(OldSpellingWarning, match=r"fit_on_texts\(texts\) is written fit\(texts\)"):
        tokenizer.fit_on_texts(["a b"])
    with pytest.warns(OldSpellingWarning, match=r"fit_sequences"):
        tokenizer.fit_on_sequences([[1]])
    for call, written in (
        (lambda: text_to_word_sequence("a"), r"data\.text_to_words\(text\)"),
        (lambda: one_hot("a", 5), r"data\.hash_words\(text, 5\)"),
        (lambda: hashing_trick("a", 5, "md5"), r"data\.hash_words\(text, 5\)"),
        (lambda: make_sampling_table(5), r"data\.sampling_table\(5\)"),
        (lambda: skipgrams([1, 2], 5), r"data\.skip_grams\(vocabulary_size=5"),
    ):
        with pytest.warns(OldSpellingWarning, match=written):
            call()
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'num_word'.*Did you mean 'num_words'"):
        Tokenizer(num_word=3)
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'filter'.*Did you mean 'filters'"):
        text_to_word_sequence("a", filter="")


# -- sequences ----------------------------------------------------------------------------------------------------------


def padded(rows, maxlen, padding, truncating, value):
    found = []
    for row in rows:
        row = list(row[-maxlen:] if truncating == "pre" else row[:maxlen]) if len(row) > maxlen else list(row)
        fill = [value] * (maxlen - len(row))
        found.append(fill + row if padding == "pre" else row + fill)
    return found


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("value", [0.0, -1])
def test_padding(padding, truncating, value):
    rows = [[1], [2, 3, 4, 5], [], (6, 7), np.array([8, 9, 10])]
    for maxlen in (None, 1, 2, 3, 6):
        found = pad_sequences(rows, maxlen, padding=padding, truncating=truncating, value=value)
        assert found.tolist() == padded(rows, maxlen or 4, padding, truncating, value)
        assert found.dtype == np.int32


def test_padding_of_other_types():
    assert pad_sequences([[1.9, -2.9], [300]]).tolist() == [[1, -2], [0, 300]]
    assert pad_sequences([[300, -1]], dtype="uint8").tolist() == [[44, 255]]
    assert pad_sequences([[0.5]], 2, "float32", value=0.25).tolist() == [[0.25, 0.5]]
    assert pad_sequences([["a"], ["b", "c"]], dtype=object, value="").tolist() == [["", "a"], ["b", "c"]]
    steps = pad_sequences([[[1, 2]], [[3, 4], [5, 6]], []], value=9)
    assert steps.tolist() == [[[9, 9], [1, 2]], [[3, 4], [5, 6]], [[9, 9], [9, 9]]]
    assert pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    ragged = np.empty(2, object)
    ragged[:] = [[1], [2, 3]]
    assert pad_sequences(ragged).tolist() == [[0, 1], [2, 3]]
    assert pad_sequences([]).shape == (0, 0)


def test_what_cannot_be_padded():
    with pytest.raises(ArgumentError, match="padding='before'"):
        pad_sequences([[1]], padding="before")
    with pytest.raises(ArgumentError, match=r"truncating='Post'.*Did you mean 'post'"):
        pad_sequences([[1]], truncating="Post")
    with pytest.raises(ArgumentTypeError, match="a list of sequences"):
        pad_sequences(iter([[1]]))
    with pytest.raises(ValueError, match="2 at position 1"):
        pad_sequences([[1], 2])
    with pytest.raises(ShapeError, match="sequence 1"):
        pad_sequences([[[1, 2]], [[1, 2, 3]]])
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'max_len'.*Did you mean 'maxlen'"):
        pad_sequences([[1]], max_len=3)


def test_long_sequences_are_left_out():
    assert sequence._remove_long_seq(3, [[1], [1, 2, 3], [1, 2]], [5, 6, 7]) == ([[1], [1, 2]], [5, 7])


def test_the_sampling_table():
    rank = np.maximum(np.arange(50), 1)
    f = 1e-3 * (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    np.testing.assert_allclose(make_sampling_table(50, sampling_factor=1e-3), np.minimum(1, f / np.sqrt(f)), rtol=1e-12)
    assert make_sampling_table(3)[0] == make_sampling_table(3)[1]


def pairs(words, size, window, negative, shuffle, categorical, table, seed):
    """Skip-grams with Python's ``random``, as Keras 2.1 drew them."""
    couples, labels = [], []
    for i, w in enumerate(words):
        if w == 0 or (table is not None and table[w] < random.random()):
            continue
        near = [words[j] for j in range(len(words)) if j != i and abs(j - i) <= window and words[j] != 0]
        couples += [[w, other] for other in near]
        labels += [[0, 1] if categorical else 1] * len(near)
    if negative > 0:
        heads = [c[0] for c in couples]
        random.shuffle(heads)
        for k in range(int(len(labels) * negative)):
            couples.append([heads[k % len(heads)], random.randint(1, size - 1)])
        labels += [[1, 0] if categorical else 0] * (len(couples) - len(labels))
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        random.seed(seed)
        random.shuffle(couples)
        random.seed(seed)
        random.shuffle(labels)
    return couples, labels


GRAMS = [
    {},
    {"window_size": 1},
    {"negative_samples": 0.0},
    {"negative_samples": 2.5},
    {"shuffle": False},
    {"categorical": True},
    {"sampling_table": np.linspace(0, 1, 30)},
    {"seed": 4},
    {"seed": 4, "categorical": True, "negative_samples": 0.5, "window_size": 2},
]


@pytest.mark.parametrize("options", GRAMS, ids=str)
def test_skipgrams(options):
    words = [3, 0, 7, 12, 3, 29, 0, 1]
    names = {"negative_samples": "negative", "window_size": "window", "sampling_table": "table"}
    given = {"window": 4, "negative": 1.0, "shuffle": True, "categorical": False, "table": None, "seed": None}
    given |= {names.get(name, name): value for name, value in options.items()}
    random.seed(11)
    expected = pairs(words, 30, **given)
    after = random.random()
    random.seed(11)
    found = skipgrams(words, 30, **options)
    assert found == expected
    assert isinstance(found[0], list)
    assert random.random() == after
    assert skipgrams([], 30) == ([], [])


def test_windows_of_a_series():
    series, targets = np.arange(50).reshape(25, 2), np.arange(100, 125)
    for options in (
        {},
        {"sampling_rate": 2},
        {"stride": 3},
        {"start_index": 5, "end_index": 20},
        {"reverse": True, "batch_size": 4},
        {"batch_size": 3, "stride": 2, "sampling_rate": 3},
    ):
        rows = list(range(options.get("start_index", 0) + 6, options.get("end_index", 24) + 1, options.get("stride", 1)))
        generator = TimeseriesGenerator(series, targets, length=6, **options)
        batches = [generator[i] for i in range(len(generator))]
        x, y = (np.concatenate(parts) for parts in zip(*batches))
        assert y.tolist() == [100 + row for row in rows]
        windows = [series[row - 6 : row : options.get("sampling_rate", 1)] for row in rows]
        assert (x == [window[::-1] if options.get("reverse") else window for window in windows]).all()
        assert len(batches[0][1]) == min(options.get("batch_size", 128), len(rows))
    np.random.seed(1)
    x, y = TimeseriesGenerator(series, targets, length=6, shuffle=True, batch_size=7)[0]
    assert y.tolist() == (100 + np.random.RandomState(1).randint(6, 25, 7)).tolist()
    with pytest.raises(ArgumentError, match="length=25"):
        TimeseriesGenerator(series, targets, length=25)


def test_sequences_of_wrong_words_are_refused():
    with pytest.raises(DataError, match="-1 at index 0"):
        Tokenizer(num_words=3).sequences_to_matrix([[-1]])


def test_star_imports_give_what_they_gave():
    names: dict = {}
    for module in ("sequence", "text", "image"):
        exec(f"from minidl.compat.keras.preprocessing.{module} import *", names)
    assert {"pad_sequences", "skipgrams", "Tokenizer", "one_hot", "ImageDataGenerator", "load_img", "np", "os"} <= names.keys()
    assert not {"config", "told", "today", "Any", "warn"} & names.keys()
    assert hasattr(text, "text_to_word_sequence")
