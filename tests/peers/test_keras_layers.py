"""Penalties, constraints and masks of layers against Keras 3 itself, on PyTorch, where Keras is the definition.

That backend rounds some means and what a constraint gives to single precision, so the two agree to 1e-6; exact to 1e-11 are
``tests/layers/test_penalties.py`` and the judge beside this file. Keras takes seconds to load: these tests are slow ones.
"""

import importlib.util

import numpy as np
import pytest

import minidl.layers
from minidl import constraints, regularizers
from minidl.layers import LSTM, ActivityRegularization, BatchNormalization, Conv2D, Dense, Embedding
from minidl.models import Sequential
from minidl.optimizers import SGD

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the libraries beneath Keras
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ("keras", "torch"))), reason="Keras 3 or PyTorch is not installed"
    ),
]
RATE, STEPS, BATCH, CLOSE = 0.1, 5, 6, 2e-6


def terms(regularizers, constraints, *parameters):
    """A penalty and a constraint for each of these parameters, and a penalty on the result."""
    of_parameters = {f"{of}_regularizer": regularizers.L1L2(0.02, 0.03) for of in parameters}
    of_parameters |= {f"{of}_constraint": constraints.MaxNorm(0.8) for of in parameters}
    return of_parameters


CASES = {  # class, arguments, the parameters that are penalised, shape of a sample, number of ids
    "dense": (Dense, {"units": 3, "activation": "tanh"}, ("kernel", "bias"), (4,), 0),
    "dense_3d": (Dense, {"units": 3}, ("kernel",), (2, 4), 0),
    "convolution": (Conv2D, {"filters": 2, "kernel_size": 2, "activation": "tanh"}, ("kernel", "bias"), (3, 4, 2), 0),
    "lstm": (LSTM, {"units": 3}, ("kernel", "recurrent", "bias"), (4, 2), 0),
    "lstm_sequences": (LSTM, {"units": 3, "return_sequences": True}, ("recurrent",), (4, 2), 0),
    "batch_normalization": (BatchNormalization, {}, ("gamma", "beta"), (3,), 0),
    "embedding": (Embedding, {"input_dim": 5, "output_dim": 3}, ("embeddings",), (4,), 5),
    "activity_regularization": (ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (), (3, 2), 0),
}


@pytest.mark.parametrize("activity", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_training_steps(keras, name, activity):
    cls, arguments, parameters, shape, ids = CASES[name]
    if activity and cls in (BatchNormalization, ActivityRegularization):
        return
    mine, theirs = (
        {**arguments, **terms(r, c, *parameters), **({"activity_regularizer": r.L1L2(0.05, 0.04)} if activity else {})}
        for r, c in ((regularizers, constraints), (keras.regularizers, keras.constraints))
    )
    model = Sequential([cls(**mine, input_shape=shape)])
    layer = getattr(keras.layers, cls.__name__)(**theirs)
    other = keras.Sequential([keras.Input(shape, dtype="int64" if ids else "float64"), layer])
    rng = np.random.default_rng(0)
    model.set_weights([abs(w) + 0.5 if "variance" in p.name else rng.normal(size=w.shape) for p, w in named(model)])
    other.set_weights(model.get_weights())
    model.compile(SGD(RATE), "mse")
    other.compile(keras.optimizers.SGD(RATE), "mse")
    for _ in range(STEPS):
        x = rng.integers(0, ids, (BATCH, *shape)) if ids else rng.normal(size=(BATCH, *shape))
        y = rng.normal(size=(BATCH, *np.ravel(model.output_shape)))
        np.testing.assert_allclose(model.train_on_batch(x, y), other.train_on_batch(x, y), rtol=CLOSE)
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), other.evaluate(x, y, verbose=0), rtol=CLOSE)
        for w, expected in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(w, expected, rtol=10 * CLOSE, atol=CLOSE)


def named(model):
    return zip(model.network.weights, model.get_weights(), strict=True)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_padded_sequences(keras, weighted, pooled):
    """A mask in the loss, in the metric and in the mean over time; weights of samples beside it."""

    def layers(of):
        return [of.Embedding(6, 3, mask_zero=True), of.Dense(4, activation="tanh")] + pooled * [of.GlobalAveragePooling1D()]

    rng = np.random.default_rng(1)
    model = Sequential([*layers(minidl.layers), Dense(2)])
    model.build((5,))
    other = keras.Sequential([keras.Input((5,), dtype="int64"), *layers(keras.layers), keras.layers.Dense(2)])
    other.set_weights(model.get_weights())
    model.compile(SGD(RATE), "mse", ["mae"])
    other.compile(keras.optimizers.SGD(RATE), "mse", weighted_metrics=["mae"])
    for _ in range(STEPS):
        ids = rng.integers(0, 6, (BATCH, 5)) * (np.arange(5) < rng.integers(1, 6, (BATCH, 1)))
        ids[:, 0] += ids[:, 0] == 0
        y = rng.normal(size=(BATCH, 2) if pooled else (BATCH, 5, 2))
        weight = rng.uniform(0.5, 2, BATCH) if weighted else None
        of_steps = weight if weight is None or pooled else np.repeat(weight[:, None], 5, axis=1)  # Keras does not spread them
        found, expected = model.train_on_batch(ids, y, weight), other.train_on_batch(ids, y, of_steps)
        np.testing.assert_allclose(found, expected, rtol=CLOSE)
        for w, v in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(w, v, rtol=10 * CLOSE, atol=CLOSE)
