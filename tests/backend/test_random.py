"""The one random generator: pinned to Philox 4x64-10 written out in whole numbers, and addressed, never drawn "next"."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.backend import random
from minidl.backend.dispatch import CPU
from minidl.backend.random import DROP, INITIALISE, SHUFFLE, Stream, get_seed, new_stream, set_seed, words
from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.ops.dropout import dropout
from tests.ops import naive


@pytest.fixture(autouse=True)
def seed_as_before() -> Iterator[None]:
    """Leave the process's seed as it was."""
    before = random._seed, random._numbers
    yield
    random._seed, random._numbers = before


def test_the_published_test_vectors() -> None:
    """Random123's known answers for philox4x64-10."""
    assert naive.philox((0, 0), (0, 0, 0, 0)) == (
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    )
    ones = 2**64 - 1
    assert naive.philox((ones, ones), (ones,) * 4) == (
        0x87B092C3013FE90B,
        0x438C3C67BE8D0224,
        0x9CC7D7C69CD777B6,
        0xA09CAEBF594F0BA0,
    )


word64 = st.integers(0, 2**64 - 1)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.tuples(word64, word64), st.tuples(word64, word64, word64), st.integers(0, 40))
def test_words_are_philox(key: tuple[int, int], counter: tuple[int, int, int], count: int) -> None:
    found = words(key, counter, count)
    assert found.dtype == np.uint32
    np.testing.assert_array_equal(found, naive.words(key, counter, count))


def test_words_of_today_and_of_every_version_to_come() -> None:
    """Every recorded figure depends on these."""
    assert words((1671, 0), (0, 0, DROP), 4).tolist() == [1056571342, 4043118335, 3179621298, 2569646692]
    assert (DROP, INITIALISE, SHUFFLE) == (0, 1, 2)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 31, 1000])
def test_a_longer_draw_begins_with_the_shorter(count: int) -> None:
    np.testing.assert_array_equal(words((3, 4), (5, 6, 7), 1001)[:count], words((3, 4), (5, 6, 7), count))


def test_every_part_of_the_address_counts() -> None:
    addresses = [((1, 2), (3, 4, 0)), ((9, 2), (3, 4, 0)), ((1, 9), (3, 4, 0)), ((1, 2), (9, 4, 0))]
    addresses += [((1, 2), (3, 9, 0)), ((1, 2), (3, 4, 9))]
    draws = [words(*address, 64) for address in addresses]
    for i, a in enumerate(draws):
        for b in draws[:i]:
            assert not np.intersect1d(a, b).size


def test_neighbouring_streams_and_steps_are_uncorrelated() -> None:
    draws = [words((7, stream), (step, 0, DROP), 4096) / 2**32 for stream in range(3) for step in range(3)]
    correlation = np.corrcoef(draws) - np.eye(9)
    assert np.abs(correlation).max() < 5 / 4096**0.5


@pytest.mark.parametrize("bits", range(0, 32, 8))
def test_words_are_uniform(bits: int) -> None:
    """Chi-square over the 256 values of each byte: 255 degrees of freedom, mean 255, standard deviation 22.6."""
    counts = np.bincount((words((1671, 1), (0, 0, DROP), 200_000) >> bits) & 255, minlength=256)
    expected = 200_000 / 256
    assert 255 - 5 * 22.6 < ((counts - expected) ** 2 / expected).sum() < 255 + 5 * 22.6


@pytest.mark.one_in(3)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
def test_dropout_drops_as_many_as_it_says(rate: float) -> None:
    n = 100_000
    _, mask = dropout(np.ones(n, np.float32), rate, (1671, 0), np.array([0]), 0, (n,))
    assert abs((1 - mask.mean()) - rate) < 5 * (rate * (1 - rate) / n) ** 0.5


def test_the_mask_does_not_depend_on_dtype_or_layout() -> None:
    x = np.random.default_rng(0).standard_normal((13, 17))
    address = (0.5, (1671, 3), np.array([2]), 1, (13, 17))
    masks = [dropout(a, *address)[1] for a in (x, x.astype(np.float32), np.asfortranarray(x), x[::-1][::-1])]
    for mask in masks[1:]:
        np.testing.assert_array_equal(mask, masks[0])


def test_the_backend_gives_the_same_words() -> None:
    np.testing.assert_array_equal(CPU.random_words((1, 2), (3, 4, 5), 9), words((1, 2), (3, 4, 5), 9))


def test_set_seed_starts_again() -> None:
    set_seed(1671)
    first = [new_stream() for _ in range(3)]
    set_seed(1671)
    assert [new_stream() for _ in range(3)] == first == [Stream(1671, n) for n in range(3)]
    set_seed(1672)
    assert new_stream() == Stream(1672, 0)
    assert get_seed() == 1672


def test_generators_at_one_address_agree_and_at_others_differ() -> None:
    stream = Stream(5, 1)
    draw = stream.generator(INITIALISE).normal(size=50)
    np.testing.assert_array_equal(stream.generator(INITIALISE).normal(size=50), draw)
    others = [stream.generator(SHUFFLE), stream.generator(INITIALISE, step=1), stream.generator(INITIALISE, call=1)]
    others += [Stream(5, 2).generator(INITIALISE), Stream(6, 1).generator(INITIALISE)]
    for generator in others:
        assert not np.isin(generator.normal(size=50), draw).any()


def test_without_a_seed_one_is_drawn_and_kept() -> None:
    random._seed = None
    seed = get_seed()
    assert get_seed() == seed
    assert 0 <= seed < 2**64
    assert new_stream().seed == seed
    drawn = {seed}
    for _ in range(8):
        random._seed = None
        drawn.add(get_seed())
    assert len(drawn) > 1


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**64 - 1, np.int64(7)])
def test_seeds_that_are_taken(seed: int) -> None:
    set_seed(seed)
    assert get_seed() == seed
    assert words(new_stream().key, (0, 0, 0), 3).tolist() == naive.words((int(seed), 0), (0, 0, 0), 3).tolist()


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range(seed: int) -> None:
    with pytest.raises(ArgumentError, match="2\\*\\*64"):
        set_seed(seed)


@pytest.mark.parametrize("seed", [1.0, "7", None, True])
def test_seeds_of_another_kind(seed: object) -> None:
    with pytest.raises(ArgumentTypeError, match="integer"):
        set_seed(seed)


def test_streams_are_handed_out_once_to_many_threads() -> None:
    set_seed(3)
    taken: list[Stream] = []
    threads = [threading.Thread(target=lambda: taken.extend(new_stream() for _ in range(200))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stream.number for stream in taken) == list(range(1000))
