"""Text and sequences against what Keras keeps of its old preprocessing."""

import numpy as np
import pytest

from minidl.data import Tokenizer, hash_words, pad_sequences, sampling_table, skip_grams, text_to_words

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TEXTS = ["It was the best of times; it was the worst of times,", "it was the age of WISDOM", "age of foolishness!", "best"]


@pytest.fixture
def old(keras):
    text = pytest.importorskip("keras.src.legacy.preprocessing.text")
    return text, pytest.importorskip("keras.src.legacy.preprocessing.sequence"), keras


@pytest.mark.parametrize(
    "options",
    [{}, {"num_words": 5}, {"oov_token": "?"}, {"num_words": 6, "oov_token": "?"}, {"char_level": True}, {"lower": False}],
)
def test_tokenizers_agree(old, options):
    ours, theirs = Tokenizer(**options).fit(TEXTS), old[0].Tokenizer(**options)
    theirs.fit_on_texts(TEXTS)
    assert ours.word_index == theirs.word_index
    assert ours.word_counts == dict(theirs.word_counts)
    new = [*TEXTS, "the worst wisdom never was"]
    sequences = ours.texts_to_sequences(new)
    assert sequences == theirs.texts_to_sequences(new)
    assert ours.sequences_to_texts(sequences) == theirs.sequences_to_texts(sequences)
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(ours.texts_to_matrix(new, mode, "float64"), theirs.texts_to_matrix(new, mode), rtol=1e-12)


def test_words_and_hashes_agree(old):
    for text in TEXTS:
        assert text_to_words(text) == old[0].text_to_word_sequence(text)
        assert hash_words(text, 100) == old[0].hashing_trick(text, 100, "md5")


def test_padding_agrees(old):
    rng = np.random.default_rng(0)
    for _ in range(50):
        rows = [rng.integers(0, 9, rng.integers(0, 6)).tolist() for _ in range(4)]
        options = {
            "maxlen": [None, 1, 3, 7][rng.integers(4)],
            **{name: ["pre", "post"][rng.integers(2)] for name in ("padding", "truncating")},
            "value": int(rng.integers(-3, 3)),
        }
        expected = old[2].utils.pad_sequences(rows, **options)
        np.testing.assert_array_equal(pad_sequences(rows, **options), expected, strict=True)


def test_pairs_agree(old):
    words = np.random.default_rng(1).integers(0, 20, 60).tolist()
    options = {"window_size": 3, "negative_samples": 0, "shuffle": False}
    expected, labels = old[1].skipgrams(words, 20, **options)
    found = skip_grams(words, 20, **options)
    assert found[0].tolist() == expected
    assert found[1].tolist() == labels
    np.testing.assert_allclose(sampling_table(200), old[1].make_sampling_table(200), rtol=1e-12)
