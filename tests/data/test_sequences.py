"""pad_sequences, sequence_windows, skip_grams and sampling_table: worked examples, loops, every option, refusals."""

import numpy as np
import pytest

import minidl
from minidl.data import pad_sequences, sampling_table, sequence_windows, skip_grams
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError

LISTS = [[1], [2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
        ({"maxlen": 4, "value": -7}, [[-7, -7, -7, 1], [-7, -7, 2, 3], [-7, 4, 5, 6]]),
        ({"maxlen": 0}, [[], [], []]),
        ({"dtype": "float64", "value": 0.5}, [[0.5, 0.5, 1], [0.5, 2, 3], [4, 5, 6]]),
    ],
)
def test_padding(options, expected):
    found = pad_sequences(LISTS, **options)
    assert found.tolist() == expected
    assert found.dtype == options.get("dtype", "int32")
    assert pad_sequences([np.array(row) for row in LISTS], **options).tolist() == expected
    assert pad_sequences(iter(LISTS), **options).tolist() == expected


def test_sequences_of_vectors_text_and_nothing():
    found = pad_sequences([[], np.ones((2, 3)), np.zeros((1, 3))], dtype="float32", value=9)
    assert found.shape == (3, 2, 3)
    assert found[0].tolist() == [[9, 9, 9]] * 2
    assert found[2].tolist() == [[9, 9, 9], [0, 0, 0]]
    assert pad_sequences([["a"], ["b", "cd"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "cd"]]
    assert pad_sequences([]).shape == (0, 0)
    assert pad_sequences([[], []]).shape == (2, 0)
    assert pad_sequences([[], []], maxlen=2, value=3).tolist() == [[3, 3], [3, 3]]


@pytest.mark.parametrize(
    "error, words, sequences, options",
    [
        (ArgumentError, "Did you mean 'post'", LISTS, {"padding": "pst"}),
        (ArgumentError, "truncating", LISTS, {"truncating": "both"}),
        (ArgumentError, "maxlen", LISTS, {"maxlen": -1}),
        (ArgumentTypeError, "single one", [1, 2], {}),
        (ArgumentTypeError, "single one", np.arange(3), {}),
        (ArgumentTypeError, "list of sequences", "text", {}),
        (ArgumentTypeError, "list of sequences", 3, {}),
        (ArgumentTypeError, "dtype=object", LISTS, {"value": "x"}),
        (ArgumentTypeError, "sequence 0", [["a"]], {}),
        (ArgumentTypeError, "one shape", [[[1], [2, 3]]], {}),
        (DataError, "1.5 at index 1", [[1, 1.5]], {}),
        (DataError, "nan", [[np.nan]], {}),
        (DataError, "300", [[300]], {"dtype": "uint8"}),
        (DataError, "-1", [[-1]], {"dtype": "uint8"}),
        (DataError, "value", LISTS, {"value": 0.5}),
        (ShapeError, "those of the first", [np.ones((2, 3)), np.ones((2, 2))], {}),
    ],
)
def test_padding_refuses(error, words, sequences, options):
    with pytest.raises(error, match=words):
        pad_sequences(sequences, **options)


# -- windows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 3, 9])
@pytest.mark.parametrize("step", [1, 2, 4])
def test_windows_and_what_comes_next(length, step):
    numbers = np.random.default_rng(0).integers(0, 50, 10)
    x, y = sequence_windows(numbers, length, step=step)
    starts = range(0, 10 - length, step)
    assert x.tolist() == [numbers[s : s + length].tolist() for s in starts]
    assert y.tolist() == [numbers[s + 1 : s + length + 1].tolist() for s in starts]
    assert sequence_windows(numbers, length, step=step, targets="last")[1].tolist() == [numbers[s + length] for s in starts]
    assert np.may_share_memory(x, numbers)
    assert not x.flags.writeable


def test_windows_refuse():
    for error, arguments, options in (
        (DataError, ([1, 2, 3], 3), {}),
        (DataError, ([1, -2, 3], 1), {}),
        (ArgumentTypeError, ([0.5, 1.0], 1), {}),
        (ShapeError, ([[1, 2], [3, 4]], 1), {}),
        (ArgumentError, ([1, 2, 3], 0), {}),
        (ArgumentError, ([1, 2, 3], 1), {"step": 0}),
        (ArgumentError, ([1, 2, 3], 1), {"targets": "next"}),
    ):
        with pytest.raises(error):
            sequence_windows(*arguments, **options)


# -- skip-grams --------------------------------------------------------------------------------------------------------


def neighbours(words, size):
    """All pairs, place by place."""
    found = []
    for i, word in enumerate(words):
        window = range(max(0, i - size), min(len(words), i + size + 1))
        found += [[word, words[j]] for j in window if j != i and word and words[j]]
    return found


TEXT = [3, 1, 0, 2, 4, 4, 1, 0, 0, 5, 1]


@pytest.mark.parametrize("size", [1, 2, 4, 20])
def test_pairs_of_neighbours(size):
    pairs, labels = skip_grams(TEXT, 6, window_size=size, negative_samples=0, shuffle=False)
    assert pairs.tolist() == neighbours(TEXT, size)
    assert labels.tolist() == [1] * len(pairs)
    assert pairs.dtype == np.int64


def test_negative_samples():
    pairs, labels = skip_grams(TEXT, 6, window_size=2, negative_samples=2.5, shuffle=False, seed=3)
    near = neighbours(TEXT, 2)
    assert pairs[: len(near)].tolist() == near
    assert labels.tolist() == [1] * len(near) + [0] * int(2.5 * len(near))
    negative = pairs[len(near) :]
    assert set(negative[:, 0].tolist()) <= {word for word, _ in near}
    assert set(negative[:, 1].tolist()) == {1, 2, 3, 4, 5}
    twice = skip_grams(TEXT, 6, window_size=2, negative_samples=2.0, shuffle=False)[0][len(near) :, 0]
    assert np.bincount(twice).tolist() == (2 * np.bincount([word for word, _ in near])).tolist()


def test_shuffling_keeps_pairs_and_labels_together():
    plain, labels = skip_grams(TEXT, 6, seed=1, shuffle=False)
    pairs, mixed = skip_grams(TEXT, 6, seed=1)
    assert sorted(zip(pairs.tolist(), mixed)) == sorted(zip(plain.tolist(), labels))
    assert pairs.tolist() != plain.tolist()
    _, rows = skip_grams(TEXT, 6, seed=1, categorical=True)
    assert rows.tolist() == [[1 - label, label] for label in mixed.tolist()]


def test_a_seed_decides():
    found = [skip_grams(TEXT, 6, seed=seed)[0].tolist() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    minidl.set_seed(8)
    first = skip_grams(TEXT, 6)[0].tolist()
    minidl.set_seed(8)
    assert skip_grams(TEXT, 6)[0].tolist() == first != skip_grams(TEXT, 6)[0].tolist()


def test_a_sampling_table_leaves_out_words_in_the_middle():
    words = np.random.default_rng(2).integers(1, 4, 3000)
    pairs, _ = skip_grams(words, 4, 1, 0, False, sampling_table=[0, 0.0, 0.5, 1.0], seed=4)
    centre, other = np.bincount(pairs[:, 0], minlength=4), np.bincount(pairs[:, 1], minlength=4)
    assert centre[1] == 0
    assert 0.4 < centre[2] / centre[3] < 0.6
    assert other[1:].min() > 0.8 * other[1:].max()


def test_the_sampling_table_is_the_formula():
    found = sampling_table(1000)
    rank = 700
    frequency = 1 / (rank * (np.log(rank) + 0.577) + 0.5 - 1 / (12 * rank))
    assert found[rank] == pytest.approx(np.sqrt(1e-5 / frequency))
    assert found[0] == found[1]
    assert (np.diff(found[1:]) > 0).all()
    assert sampling_table(10, 1e3).tolist() == [1.0] * 10


def test_no_pairs():
    for words in ([], [0, 0], [1], [1, 0]):
        pairs, labels = skip_grams(words, 3, window_size=1)
        assert pairs.shape == (0, 2)
        assert labels.shape == (0,)
        assert skip_grams(words, 3, window_size=1, categorical=True)[1].shape == (0, 2)


@pytest.mark.parametrize(
    "error, options",
    [
        (DataError, {"vocabulary_size": 5}),
        (DataError, {"sequence": [-1, 1]}),
        (ArgumentTypeError, {"sequence": [0.5]}),
        (ShapeError, {"sequence": [[1]]}),
        (ArgumentError, {"window_size": 0}),
        (ArgumentError, {"negative_samples": -1}),
        (ArgumentTypeError, {"shuffle": 1}),
        (ArgumentTypeError, {"categorical": 0}),
        (ShapeError, {"sampling_table": [0.5]}),
        (ArgumentError, {"seed": -1}),
    ],
)
def test_skip_grams_refuse(error, options):
    with pytest.raises(error):
        skip_grams(**{"sequence": TEXT, "vocabulary_size": 6} | options)
    for arguments in ((0,), (3, -1.0)):
        with pytest.raises(ArgumentError):
            sampling_table(*arguments)
