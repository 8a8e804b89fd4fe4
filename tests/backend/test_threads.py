"""Processes and threads around compiled kernels: forked children, several callers, and a team that serves one at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cases.sample import only

ROOT = Path(__file__).parents[2]
pytest.importorskip("numba", reason="numba is not installed: there are no compiled kernels")

SETUP = """
import numpy as np, os, sys, threading
import minidl
from minidl.layers import Conv2D, MaxPooling2D, Flatten, Dense
from minidl.models import Sequential
minidl.set_seed(3)
model = Sequential([Conv2D(8, 3, activation="relu", input_shape=(16, 16, 3)), MaxPooling2D(), Flatten(), Dense(10)])
x = np.random.default_rng(0).random((64, 16, 16, 3), dtype=np.float32)
expected = model.predict(x)
"""


def run(program: str, **environment: str) -> str:
    """Run a program after the set-up in a process of its own; its output."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SETUP + textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_is_told_to_be_spawned_and_may_use_the_references() -> None:
    text = run("""
        pid = os.fork()
        if pid == 0:
            try:
                model.predict(x)
                os._exit(3)
            except minidl.errors.StateError as error:
                assert isinstance(error, RuntimeError) and "spawn" in str(error), error
            with minidl.config.use_kernels("reference"):
                close = np.allclose(model.predict(x), expected, atol=1e-5)
            os._exit(0 if close else 4)
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        assert (model.predict(x) == expected).all()
    """)
    assert "child ended with 0" in text


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_replays_no_step_of_its_parent() -> None:
    text = run("""
        x, y = np.random.default_rng(1).random((64, 40), dtype=np.float32), np.arange(64) % 10
        model = Sequential([Dense(32, activation="relu", input_shape=(40,)), Dense(10, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        for _ in range(6):
            model.train_on_batch(x, y)
        recorder = model._compiled_step()._recorded.recorder
        assert any(getattr(known, "trusted", False) for known in recorder._steps.values())
        pid = os.fork()
        if pid == 0:
            try:
                model.train_on_batch(x, y)
            except minidl.errors.StateError as error:
                os._exit(0 if "spawn" in str(error) else 4)
            os._exit(3)
        print("child ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        model.train_on_batch(x, y)
        assert any(getattr(known, "trusted", False) for known in recorder._steps.values())
    """)
    assert "child ended with 0" in text


@pytest.mark.more
@pytest.mark.one_in(2)
@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_several_threads_predict_with_one_model(layer: str) -> None:
    text = run(
        """
        wrong = []
        def predict():
            for _ in range(20):
                if not (model.predict(x) == expected).all():
                    wrong.append(1)
        threads = [threading.Thread(target=predict) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        import numba
        print("wrong:", len(wrong), "team:", numba.threading_layer())
        """,
        NUMBA_THREADING_LAYER=layer,
    )
    assert "wrong: 0" in text
    assert layer in ("default", text.split()[-1])


# Of a kernel, and of what kernels call by address.
@pytest.mark.slow
@pytest.mark.parametrize("names", only(["activation.*.code", "tile_*.code"], always=["tile_*.code"]))
def test_a_damaged_cache_of_kernels_is_made_anew(names: str, tmp_path: Path) -> None:
    """A full disk or a killed process can leave a file cut short; later runs must not die of it."""
    program = "import numpy as np; from minidl.ops.activation import relu; from minidl.ops.linear import dense\n"
    program += "dense(np.ones((20, 100)), np.ones((100, 40))); print(relu(np.array([-1.0, 2.0])))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", "MINIDL_HOME": str(tmp_path)}
    for attempt in range(3):
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stdout) == (0, "[0. 2.]\n"), done.stderr[-2000:]
        files = list(tmp_path.rglob(names))
        assert files
        if attempt == 0:
            halves = {file.name: file.read_bytes()[: file.stat().st_size // 2] for file in files}
            for file in files:
                file.write_bytes(halves[file.name])
        else:  # as good as new
            assert not [file.name for file in files if file.stat().st_size <= len(halves[file.name])]


@pytest.mark.slow
def test_kernels_run_where_nothing_can_be_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    text = run("print(model.predict(x).shape)", MINIDL_HOME=str(blocked / "home"))
    assert "(64, 10)" in text
    assert blocked.read_text() == "not a folder"
