"""Words and characters as numbers and back: Tokenizer, text_to_words, hash_words, Characters."""

import json

import numpy as np
import pytest

from minidl.data import Characters, Tokenizer, hash_words, text_to_words
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, NotBuiltError, ShapeError

TEXTS = ["The cat sat on the mat.", "The dog!", "A cat; a dog, a mat", ""]


def test_words():
    assert text_to_words("Don't stop -- NOW!") == ["don't", "stop", "now"]
    assert text_to_words("A b", lower=False) == ["A", "b"]
    assert text_to_words("a-b c", filters="") == ["a-b", "c"]
    assert text_to_words("a, b", filters=",", split="|") == ["a", " b"]
    assert text_to_words("tab\there\nthere") == ["tab", "here", "there"]
    assert text_to_words("") == []
    for arguments, error in (((3,), ArgumentTypeError), (("a", "", True, ""), ArgumentError)):
        with pytest.raises(error):
            text_to_words(*arguments)


def test_hashes_are_the_same_in_every_run():
    assert hash_words("a b a", 1000) == [560, 455, 560]
    assert set(hash_words(" ".join(map(str, range(500))), 5)) == {1, 2, 3, 4}
    assert hash_words("A.b", 1000, filters="", lower=False) == hash_words("A.b", 1000, filters="", lower=False, split="x")
    with pytest.raises(ArgumentError):
        hash_words("a", 1)


def test_frequent_words_come_first_and_ties_in_order():
    tokenizer = Tokenizer().fit(TEXTS)
    assert tokenizer.word_index == {"the": 1, "a": 2, "cat": 3, "mat": 4, "dog": 5, "sat": 6, "on": 7}
    assert tokenizer.index_word[3] == "cat"
    assert tokenizer.word_counts == {"the": 3, "cat": 2, "sat": 1, "on": 1, "mat": 2, "dog": 2, "a": 3}
    assert tokenizer.word_docs == {"the": 2, "cat": 2, "sat": 1, "on": 1, "mat": 2, "dog": 2, "a": 1}
    assert tokenizer.index_docs == {1: 2, 3: 2, 6: 1, 7: 1, 4: 2, 5: 2, 2: 1}
    assert tokenizer.document_count == 4
    assert repr(tokenizer) == "<Tokenizer: 7 words from 4 texts>"


def test_fit_goes_on():
    at_once, bit_by_bit = Tokenizer().fit(TEXTS), Tokenizer()
    for text in TEXTS:
        bit_by_bit.fit([text])
    assert bit_by_bit.get_config() == at_once.get_config()
    assert bit_by_bit.word_index == at_once.word_index


def test_sequences_and_back():
    tokenizer = Tokenizer().fit(TEXTS)
    assert tokenizer.texts_to_sequences(["the dog sees a cat", ""]) == [[1, 5, 2, 3], []]
    assert tokenizer.sequences_to_texts([[1, 5, 2, 3], [99, 0, 4], []]) == ["the dog a cat", "mat", ""]


def test_unknown_words_and_rare_ones():
    rare = Tokenizer(num_words=4).fit(TEXTS)
    assert rare.texts_to_sequences(["the dog sees a cat"]) == [[1, 2, 3]]
    assert rare.sequences_to_texts([[1, 5, 2]]) == ["the a"]
    assert len(rare.word_index) == 7
    marked = Tokenizer(num_words=4, oov_token="<?>").fit(TEXTS)
    assert marked.word_index["<?>"] == 1
    assert marked.word_index["the"] == 2
    assert marked.texts_to_sequences(["the dog sees a cat"]) == [[2, 1, 1, 3, 1]]
    assert marked.sequences_to_texts([[2, 6, 3]]) == ["the <?> a"]
    twice = Tokenizer(oov_token="cat").fit(TEXTS)
    assert twice.word_index["cat"] == 1
    assert sorted(twice.word_index.values()) == list(range(1, 8))


def test_options():
    assert Tokenizer(lower=False).fit(["A a"]).word_index == {"A": 1, "a": 2}
    assert Tokenizer(filters="").fit(["a. b"]).word_index == {"a.": 1, "b": 2}
    assert Tokenizer(filters=None).fit(["a. b"]).word_index == {"a.": 1, "b": 2}
    assert Tokenizer(split="|", filters="").fit(["x y|z"]).word_index == {"x y": 1, "z": 2}
    letters = Tokenizer(char_level=True).fit(["Abba b"])
    assert letters.word_index == {"b": 1, "a": 2, " ": 3}
    assert letters.texts_to_sequences(["BA"]) == [[1, 2]]
    assert Tokenizer(char_level=True, lower=False).fit(["Aa"]).word_index == {"A": 1, "a": 2}
    assert Tokenizer().fit([["To Be", "or"]]).word_index == {"to be": 1, "or": 2}
    assert Tokenizer(lower=False).fit([["To", "to"]]).word_index == {"To": 1, "to": 2}
    by_comma = Tokenizer(analyzer=lambda text: text.split(","))
    assert by_comma.fit(["a b,c"]).texts_to_sequences(["c,a b"]) == [[2, 1]]


def test_matrices():
    tokenizer = Tokenizer().fit(TEXTS)
    text = ["the cat and the dog"]
    columns = {"the": 1, "cat": 3, "dog": 5}

    def row(**weights):
        expected = np.zeros(8)
        for word, weight in weights.items():
            expected[columns[word]] = weight
        return expected

    idf = np.log(1 + 4 / (1 + 2))
    for mode, expected in (
        ("binary", row(the=1, cat=1, dog=1)),
        ("count", row(the=2, cat=1, dog=1)),
        ("freq", row(the=0.5, cat=0.25, dog=0.25)),
        ("tfidf", row(the=(1 + np.log(2)) * idf, cat=idf, dog=idf)),
    ):
        found = tokenizer.texts_to_matrix(text, mode=mode)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[None], rtol=1e-6)
        np.testing.assert_allclose(tokenizer.sequences_to_matrix([[1, 3, 1, 5]], mode, "float64"), expected[None])
    np.testing.assert_array_equal(tokenizer.texts_to_matrix(text), tokenizer.texts_to_matrix(text, "binary"))


def test_matrices_of_few_words():
    few = Tokenizer(num_words=3).fit(TEXTS)
    assert few.texts_to_matrix(["the cat", ""], "freq").tolist() == [[0, 1, 0], [0, 0, 0]]
    assert few.sequences_to_matrix([[1, 1, 7, 2]], "freq").tolist() == [[0, 0.5, 0.25]]
    alone = Tokenizer(num_words=4)
    assert alone.sequences_to_matrix([[3, 3, 0]], "count").tolist() == [[1, 0, 0, 2]]
    alone.fit_sequences([[1, 1], [1, 2]])
    assert alone.document_count == 2
    expected = [0, np.log(1 + 2 / 3), np.log(1 + 2 / 2), 0]
    np.testing.assert_allclose(alone.sequences_to_matrix([[1, 2]], "tfidf")[0], expected, rtol=1e-6)
    assert alone.sequences_to_matrix([], "count").shape == (0, 4)


def test_configuration_through_json():
    tokenizer = Tokenizer(num_words=5, filters="!", lower=False, split="-", oov_token="?").fit(["a-b-b!", "c"])
    twin = Tokenizer.from_config(json.loads(json.dumps(tokenizer.get_config())))
    assert twin.get_config() == tokenizer.get_config()
    assert twin.word_index == tokenizer.word_index
    assert twin.texts_to_matrix(["a-b-x"], "tfidf").tolist() == tokenizer.texts_to_matrix(["a-b-x"], "tfidf").tolist()
    for config in ({}, {"num_words": 3}, tokenizer.get_config() | {"word_counts": 3}, tokenizer.get_config() | {"other": 3}):
        with pytest.raises(DataError):
            Tokenizer.from_config(config)


@pytest.mark.parametrize(
    "error, call",
    [
        (ArgumentError, lambda: Tokenizer(num_words=0)),
        (ArgumentTypeError, lambda: Tokenizer(lower=1)),
        (ArgumentTypeError, lambda: Tokenizer(char_level="yes")),
        (ArgumentTypeError, lambda: Tokenizer(split=None)),
        (ArgumentTypeError, lambda: Tokenizer(oov_token=3)),
        (ArgumentTypeError, lambda: Tokenizer(analyzer="split")),
        (ArgumentTypeError, lambda: Tokenizer().fit("a text")),
        (ArgumentTypeError, lambda: Tokenizer().fit([3])),
        (NotBuiltError, lambda: Tokenizer().texts_to_sequences(["a"])),
        (NotBuiltError, lambda: Tokenizer().sequences_to_matrix([[1]])),
        (NotBuiltError, lambda: Tokenizer(num_words=3).sequences_to_matrix([[1]], "tfidf")),
        (ArgumentError, lambda: Tokenizer().fit(["a"]).texts_to_matrix(["a"], "tf-idf")),
        (DataError, lambda: Tokenizer().fit(["a"]).sequences_to_matrix([[-1]])),
        (ArgumentTypeError, lambda: Tokenizer().fit(["a"]).texts_to_sequences("a")),
    ],
)
def test_refusals(error, call):
    with pytest.raises(error):
        call()


def test_characters_there_and_back():
    text = "Zwölf Boxkämpfer 👍 jagen\n"
    characters = Characters(text)
    assert characters.alphabet == "".join(sorted(set(text)))
    assert len(characters) == len(set(text))
    indices = characters.encode(text)
    assert indices.dtype == np.int64
    assert indices.tolist() == [characters.alphabet.index(c) for c in text]
    assert characters.decode(indices) == text
    assert characters.decode([]) == "" == characters.decode(characters.encode(""))
    assert repr(characters) == f"<Characters: {len(characters)} of them>"


def test_unknown_characters():
    marked = Characters("bca", unknown="#")
    assert marked.alphabet == "abc#"
    assert marked.encode("azb").tolist() == [0, 3, 1]
    assert marked.decode([0, 3, 1]) == "a#b"
    known = Characters("ba", unknown="a")
    assert known.encode("bxa").tolist() == [1, 0, 0]
    with pytest.raises(DataError, match="'x' at index 1"):
        Characters("ab").encode("axb")
    with pytest.raises(DataError, match="0 known"):
        Characters("").encode("a")
    for call, error in (
        (lambda: Characters(["a"]), ArgumentTypeError),
        (lambda: Characters("a", unknown="ab"), ArgumentError),
        (lambda: Characters("a").encode(3), ArgumentTypeError),
        (lambda: Characters("ab").decode([2]), DataError),
        (lambda: Characters("ab").decode([[0]]), ShapeError),
    ):
        with pytest.raises(error):
            call()
