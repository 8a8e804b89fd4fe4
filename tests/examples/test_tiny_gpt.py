"""The small GPT: it learns, it writes, and it does not look ahead."""

from __future__ import annotations

import importlib
import itertools
import re

import numpy as np
import pytest

import minidl
from tests.examples.running import EXAMPLES, leave, number, succeed


@pytest.fixture
def tiny_gpt(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("tiny_gpt")


@pytest.mark.slow
def test_it_learns_and_writes(environment):
    printed = succeed({**environment, "MINIDL_KERNELS": "reference"}, "tiny_gpt.py", "--quick")
    assert printed.startswith("Text: what minidl says of itself")
    assert number(printed, "Validation loss") < 3.0 < 4.0 < number(printed, "Before training")  # 3.3: frequencies alone
    assert re.search(r"^Validation loss: \d\.\d{3} nats per character, after 150 steps in ", printed, re.MULTILINE)
    written = printed.partition("What it writes\n\n")[2]
    assert 100 < len(written) <= 152


@pytest.mark.parametrize(
    "arguments, words", [(["--steps", "0"], "0 is not positive"), (["--temperature", "0"], "not positive")]
)
def test_wrong_arguments(arguments, words):
    ran = leave("tiny_gpt.py", *arguments)
    assert ran.returncode == 2
    assert words in ran.stderr.splitlines()[-1]
    assert ran.stdout == ""


def test_no_place_sees_what_comes_later(tiny_gpt):
    minidl.set_seed(0)
    model = tiny_gpt.build(5, 8, 2, 1)
    ids = np.random.default_rng(0).integers(0, 5, (2, tiny_gpt.LENGTH))
    later = ids.copy()
    later[:, 20:] = 4 - later[:, 20:]
    a, b = model.predict(ids), model.predict(later)
    np.testing.assert_array_equal(a[:, :20], b[:, :20])
    assert (a[:, 20:] != b[:, 20:]).any(axis=-1).all()


def test_windows_are_moved_by_one(tiny_gpt):
    x, y = tiny_gpt.windows(np.arange(200), np.array([3, 100]))
    assert x.shape == y.shape == (2, tiny_gpt.LENGTH)
    np.testing.assert_array_equal(x[:, 0], [3, 100])
    np.testing.assert_array_equal(y, x + 1)


class Echo:
    """Expects the same character again, and others a little."""

    def predict(self, x):
        return 0.7 * np.eye(3)[x] + 0.1


def test_writing_goes_on_from_its_own_guesses(tiny_gpt):
    rng = np.random.default_rng(0)
    assert tiny_gpt.write(Echo(), "b", "abc", 100, 0.01, rng) == "b" * 101  # it dares nothing
    text = tiny_gpt.write(Echo(), "b", "abc", 500, 1.0, rng)
    same = np.mean([a == b for a, b in itertools.pairwise(text)])
    assert same == pytest.approx(0.8, abs=0.06)
