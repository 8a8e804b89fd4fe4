"""An encoder and a decoder: trained as one model, used as two that share its layers, written to files and read again."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.layers import GRU, LSTM, Dense, Embedding, Input
from minidl.models import Model, clone_model, load_model

SYMBOLS, LENGTH, UNITS = 6, 4, 24


def networks(kind):
    """The model that is trained, the encoder, and the decoder for one step."""
    minidl.set_seed(2)
    states = 2 if kind is LSTM else 1
    source, target = Input((LENGTH,), dtype="int32"), Input((LENGTH,), dtype="int32")
    embed, encoder = Embedding(SYMBOLS, 8, mask_zero=True), kind(UNITS, return_state=True)
    decoder, say = kind(UNITS, return_sequences=True, return_state=True), Dense(SYMBOLS, activation="softmax")
    _, *between = encoder(embed(source))
    y, *_ = decoder(embed(target), initial_state=between)
    training = Model([source, target], say(y))
    encoding = Model(source, between)
    one, given = Input((1,), dtype="int32"), [Input((UNITS,)) for _ in range(states)]
    y, *after = decoder(embed(one), initial_state=given)
    decoding = Model([one, *given], [say(y), *after])
    return training, encoding, decoding


def sequences(n, seed=0):
    """Ids to be said backwards; the decoder is given what it has said, behind a start of SYMBOLS - 1."""
    source = np.random.default_rng(seed).integers(1, SYMBOLS - 1, (n, LENGTH))
    said = source[:, ::-1]
    return source, np.concatenate([np.full((n, 1), SYMBOLS - 1), said[:, :-1]], axis=1), said


def spoken(encoding, decoding, source):
    """Greedy decoding, one symbol after the other."""
    states = encoding.predict(source)
    states = states if isinstance(states, list) else [states]
    symbol, said = np.full((len(source), 1), SYMBOLS - 1), []
    for _ in range(LENGTH):
        y, *states = decoding.predict([symbol, *states])
        symbol = y.argmax(axis=-1)
        said.append(symbol)
    return np.concatenate(said, axis=1)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_an_encoder_and_a_decoder_learn_to_say_it_backwards(kind, tmp_path):
    training, encoding, decoding = networks(kind)
    source, given, said = sequences(256)
    training.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    training.optimizer.learning_rate = 0.02
    training.fit([source, given], said, batch_size=32, epochs=14, verbose=0)
    other, _, expected = sequences(40, seed=1)
    assert (spoken(encoding, decoding, other) == expected).mean() > 0.9

    training.save(tmp_path / "training.safetensors")
    loaded = load_model(tmp_path / "training.safetensors")
    probabilities = training.predict([source[:5], given[:5]])
    np.testing.assert_array_equal(loaded.predict([source[:5], given[:5]]), probabilities)
    again = clone_model(training)
    again.set_weights(training.get_weights())
    np.testing.assert_array_equal(again.predict([source[:5], given[:5]]), probabilities)
    decoding.save(tmp_path / "decoding.safetensors")
    encoding.save(tmp_path / "encoding.safetensors")
    found = spoken(load_model(tmp_path / "encoding.safetensors"), load_model(tmp_path / "decoding.safetensors"), other)
    np.testing.assert_array_equal(found, spoken(encoding, decoding, other))
    assert loaded.count_params() == training.count_params()
    loaded.summary(print_fn=lambda text: None)
