"""The examples that read and write texts, translate dates, and classify a scene: each learns what it promises."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

import minidl
from tests.examples.running import EXAMPLES, leave, number, succeed, succeed_with_picture


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


@pytest.mark.slow
def test_char_lstm_learns_and_writes(environment, tmp_path):
    printed = succeed_with_picture(environment, "char_lstm.py", tmp_path)
    assert printed.startswith("Text: what minidl says of itself")
    losses = [float(loss) for loss in re.findall(r"^epoch \d: loss [\d.]+, validation ([\d.]+)", printed, re.MULTILINE)]
    assert len(losses) == 2
    assert losses[1] < losses[0] < 3.4
    assert number(printed, "Validation loss") == losses[1] < 2.95  # how often each character occurs: above 3
    written = printed.partition("nats per character\n\n")[2].partition("Plot:")[0]
    assert 100 < len(written) <= 205


@pytest.mark.parametrize("arguments", [["--epochs", "0"], ["--temperature", "-1"], ["--length", "0"]])
def test_char_lstm_refuses(arguments):
    ran = leave("char_lstm.py", *arguments)
    assert ran.returncode == 2
    assert "at least 1" in ran.stderr.splitlines()[-1]


def test_windows_of_a_text_are_moved_by_one(example):
    char_lstm = example("char_lstm")
    x, y = char_lstm.windows(np.arange(200), offset=5)
    assert x.shape == y.shape == (3, 64)
    assert x[0, 0] == 5
    np.testing.assert_array_equal(y, x + 1)


def test_dates_are_written_and_read(example):
    seq2seq = example("seq2seq")
    day = seq2seq.date(1997, 3, 14)
    written = [seq2seq.as_written(day, form) for form in seq2seq.FORMS]
    assert written[:5] == ["14 March 1997", "March 14, 1997", "14. Mar 1997", "Friday, March 14 1997", "the 14th of March 1997"]
    assert written[5:] == ["Mar 14 1997", "14.3.1997", "14/Mar/1997", "1997 March 14"]
    assert seq2seq.ids_of(["ba", ""], ["a", "b"], 3).tolist() == [[2, 1, 0], [0, 0, 0]]
    texts, answers = seq2seq.pairs(50, np.random.default_rng(0))
    assert len(texts) == len(answers) == 50
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", answer) for answer in answers)


@pytest.mark.parametrize("beam", [1, 3])
def test_a_search_finds_what_the_decoder_says(example, beam):
    """A decoder that counts its steps in its state, and says one character after the other."""
    seq2seq = example("seq2seq")

    class Says:
        def predict(self, given):
            last, h, c = given
            told = np.where(last[:, 0] > 0, last[:, 0] - 1, -1)
            assert (told == h[:, 0] - 1).any()  # the state is that of the beginning it belongs to
            p = np.full((len(h), 1, len(seq2seq.WRITTEN)), 0.01)
            p[np.arange(len(h)), 0, h[:, 0].astype(int)] = 0.9
            return p, h + 1, c

    class Encoder:
        def predict(self, ids):
            return np.zeros((1, 2)), np.zeros((1, 2))

    assert seq2seq.translate(["a"], Encoder(), Says(), ["a"], 1, beam) == ["0123456789"]


def test_the_three_models_of_a_translation_share_their_layers(example):
    seq2seq = example("seq2seq")
    minidl.set_seed(3)
    trained, encoder, step = seq2seq.build(20, 11, 8)
    assert trained.count_params() == sum(p.size for p in trained.parameters)
    assert {id(p) for p in encoder.parameters} | {id(p) for p in step.parameters} == {id(p) for p in trained.parameters}
    text, before = np.array([[3, 4, 5, 0]]), np.array([[0, 2, 7]])
    expected, state, found = trained.predict([text, before]), encoder.predict(text), []
    for id_ in before[0]:  # one step after the other, each from the state before
        p, *state = step.predict([np.array([[id_]]), *state])
        found.append(p[:, 0])
    np.testing.assert_allclose(np.stack(found, axis=1), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_seq2seq_learns(environment):
    printed = succeed(environment, "seq2seq.py", "--quick", "--date", "the 14th of March 1997")
    assert printed.startswith("Data: 4000 dates, such as ")
    assert number(printed, "Characters right, on dates held back") > 60
    assert re.search(r"^    the 14th of March 1997 +\S{10}$", printed, re.MULTILINE)


@pytest.mark.slow
def test_a_scene_is_classified(environment, tmp_path):
    printed = succeed_with_picture(environment, "hyperspectral_conv3d.py", tmp_path)
    assert printed.startswith("Data: a scene that is made up")
    assert number(printed, "Overall") > 85
    assert number(printed, "Kappa") > 75
    assert len(re.findall(r"^    (soil|tree|water) +[\d.]+ % of \d+$", printed, re.MULTILINE)) == 3


def test_the_network_of_the_scene_is_the_lectures(example):
    model = example("hyperspectral_conv3d").build((7, 7, 40, 1), 3)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[:3] == ["Conv3D", "MaxPooling3D", "ZeroPadding3D"]
    assert [layer.filters for layer in model.layers if hasattr(layer, "filters")] == [48, 32, 32]
    assert model.output_shape == (3,)
