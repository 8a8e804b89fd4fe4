"""One seed, one result, bit for bit, in any process; and memory that does not grow."""

import gc
import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl.layers import Activation, BatchNormalization, Dense, Dropout
from minidl.models import Sequential

ROOT = Path(minidl.__file__).parents[1]
PROGRAM = """
import hashlib, sys
import numpy as np
import minidl
from minidl.layers import BatchNormalization, Dense, Dropout
from minidl.models import Sequential

minidl.set_seed(int(sys.argv[1]))
x = np.random.default_rng(0).normal(size=(64, 6))
y = np.arange(64) % 3
layers = [Dense(16, activation="relu", input_shape=(6,)), BatchNormalization(), Dropout(0.3), Dense(3, activation="softmax")]
model = Sequential(layers)
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
history = model.fit(x, y, 10, epochs=3, validation_split=0.25, verbose=0).history
print([value.hex() for values in history.values() for value in values])
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
print(hashlib.sha256(model.predict(x).tobytes()).hexdigest())
"""


def output_of(seed):
    result = subprocess.run([sys.executable, "-c", PROGRAM, str(seed)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stderr.splitlines() if not line.startswith("minidl: compiling its kernels")]
    assert not said  # but for that line, where this process is the first to need a kernel
    return result.stdout.splitlines()


def test_two_processes_with_one_seed_agree_to_the_last_bit():
    first, second, other = output_of(11), output_of(11), output_of(12)
    assert first == second
    assert not any(a == b for a, b in zip(first, other))


def small_model():
    layers = [
        Dense(16, input_shape=(8,)),
        BatchNormalization(),
        Activation("relu"),
        Dropout(0.2),
        Dense(3, activation="softmax"),
    ]
    model = Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 8)).astype(np.float32), np.arange(64) % 3


def digest(model):
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


DRAWS = {
    "weights": small_model,
    "dropout": lambda: Dropout(0.5).forward(X),
    "NumPy's": lambda: np.random.default_rng().permutation(9),
}


@pytest.mark.parametrize("what", DRAWS)
def test_other_draws_in_between_change_nothing(what):
    """Every draw has an address: what else the program draws does not move it."""

    def run(disturb):
        minidl.set_seed(3)
        model = small_model()
        for _ in range(3):
            if disturb:
                DRAWS[what]()
            model.fit(X, Y, 16, verbose=0)
        return digest(model)

    assert run(False) == run(True)


ALLOWED = 60_000  # bytes: the caches of Python and NumPy fill up to some 20,000


def growth(work, warm_up, times):
    """Bytes still held after ``times`` calls beyond those after ``warm_up``."""
    for _ in range(warm_up):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        work()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_stays_flat_over_two_thousand_steps():
    model = small_model()
    assert growth(lambda: model.train_on_batch(X[:8], Y[:8]), 20, 2000) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("nan", ["warn", "ignore"])
def test_memory_stays_flat_within_a_long_epoch(nan):
    """One epoch of 2,000 steps holds no more at its end than near its beginning."""
    model, held = small_model(), {}

    def look(batch, logs):
        if batch in (100, 1950):
            gc.collect()
            held[batch] = tracemalloc.get_traced_memory()[0]

    x, y = np.tile(X, (63, 1))[:4000], np.tile(Y, 63)[:4000]
    model.fit(X, Y, 2, verbose=0)
    tracemalloc.start()
    try:
        callback = minidl.callbacks.LambdaCallback(on_train_batch_end=look)
        model.fit(x, y, 2, verbose=0, nan=nan, callbacks=[callback])
    finally:
        tracemalloc.stop()
    assert held[1950] - held[100] < ALLOWED


@pytest.mark.more
def test_memory_stays_flat_over_a_hundred_fits():
    model = small_model()
    assert growth(lambda: model.fit(X, Y, 32, validation_split=0.25, verbose=0), 5, 100) < ALLOWED


@pytest.mark.more
def test_models_that_are_gone_leave_nothing_behind():
    def use_one():
        model = small_model()
        model.fit(X, Y, 32, verbose=0)
        model.predict(X)

    assert growth(use_one, 5, 40) < ALLOWED
