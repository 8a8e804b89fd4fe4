"""Figures leave the program as it was: no pyplot, no window, no setting, and a clear word where matplotlib is missing."""

import gc
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from minidl import visual
from minidl.errors import MinidlError, MissingPackageError
from minidl.layers import Dense
from minidl.models import Sequential

ROOT = Path(__file__).parents[2]
HISTORY = {"loss": [0.5, 0.25], "val_loss": [0.75, 0.5]}


def test_nothing_global_changes_and_pyplot_is_not_imported():
    pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')
    code = """
import io, sys, matplotlib
settings = lambda: {name: dict.__getitem__(matplotlib.rcParams, name) for name in matplotlib.rcParams}
before = settings()  # without asking for the backend, which would import pyplot
from minidl import visual
visual.curves({"loss": [0.5, 0.25]}).savefig(io.BytesIO(), format="png")
visual.confusion([0, 1], [0, 1])
assert settings() == before
print("matplotlib.pyplot" in sys.modules)
"""  # the other pictures get their figures from the same function, and no other file may import matplotlib (test_house.py)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_notebooks_show_figures_and_nobody_keeps_them():
    pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')
    figure = visual.curves(HISTORY)
    assert figure._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    assert pickle.loads(pickle.dumps(figure))._repr_png_()[:4] == b"\x89PNG"
    gone = weakref.ref(figure)
    del figure
    gc.collect()
    assert gone() is None


def test_inputs_stay_as_they_are():
    pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')
    labels, history = np.array([0, 1, 1]), {"loss": np.array([0.5, np.nan])}
    visual.confusion(labels, labels, normalize=True)
    visual.curves(history)
    assert labels.tolist() == [0, 1, 1]
    assert np.isnan(history["loss"][1])


def test_without_matplotlib_the_fix_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r'expected matplotlib. To fix it: pip install "minidl\[plot\]"'):
        visual.curves(HISTORY)
    assert issubclass(MissingPackageError, ImportError)
    assert issubclass(MissingPackageError, MinidlError)
    assert visual.graph(Sequential([Dense(1, input_shape=(2,))])).svg.startswith("<svg")
