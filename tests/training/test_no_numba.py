"""Everything works, only slower, where numba is not installed or not wanted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import minidl

ROOT = Path(minidl.__file__).parents[1]

WITHOUT_NUMBA = """
import importlib.machinery

find = importlib.machinery.PathFinder.find_spec

def not_installed(name, path=None, target=None):
    return None if name.partition(".")[0] in ("numba", "llvmlite") else find(name, path, target)

importlib.machinery.PathFinder.find_spec = not_installed
try:
    import numba
except ImportError:
    pass
else:
    raise SystemExit("numba could be imported")
"""

PROGRAM = """
import sys
import numpy as np
import minidl
from minidl.layers import LSTM, BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape
from minidl.models import Sequential

minidl.set_seed(1)
rng = np.random.default_rng(0)
x, y = rng.normal(size=(40, 8, 8, 1)), np.arange(40) % 2
x[y == 1, 2:5] += 2
model = Sequential([
    Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 1)), BatchNormalization(), MaxPooling2D(2),
    Reshape((4, 16)), LSTM(6, return_sequences=True), Flatten(), Dropout(0.1), Dense(2, activation="softmax"),
])
model.compile(minidl.optimizers.Adam(0.02), "sparse_categorical_crossentropy", ["accuracy"])
history = model.fit(x, y, 8, epochs=8, validation_split=0.2, verbose=0).history
loss, accuracy = model.evaluate(x, y, verbose=0)
assert history["loss"][-1] < history["loss"][0], history
assert accuracy > 0.8, accuracy
assert model.predict(x).shape == (40, 2)
assert model.predict(x[:0]).shape == (0, 2)
print("numba" in sys.modules, f"{loss:.6f}")
"""


def run(before="", **environment):
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", before + PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    loaded, loss = result.stdout.split()
    return loaded == "True", float(loss)


@pytest.mark.parametrize(
    "before, environment",
    [(WITHOUT_NUMBA, {}), ("", {"MINIDL_KERNELS": "reference"})],
    ids=["not installed", "not wanted"],
)
def test_everything_works_without_numba(before, environment):
    loaded, loss = run(before, **environment)
    assert not loaded
    assert 0 <= loss < 0.7


def test_importing_minidl_loads_neither_numba_nor_cupy():
    program = "import sys, minidl, minidl.models, minidl.layers; print([m for m in ('numba', 'cupy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
