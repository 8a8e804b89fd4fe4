"""While kernels compile: the collector rests, Ctrl-C is let through between passes, and a long wait is announced."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed")

from numba.core import event

import minidl
from minidl import interrupts
from minidl.kernels.numba import _compiling, _jit
from minidl.kernels.numba._compiling import _Compilations, between_passes, compiling
from minidl.layers import Dense, Layer
from minidl.models import Sequential
from minidl.optimizers import SGD

ROOT = Path(minidl.__file__).parents[1]
compiles = pytest.mark.skipif(_jit.DISABLED, reason="nothing is compiled")


@pytest.fixture
def collects() -> Iterator[None]:
    before = gc.isenabled()
    yield
    gc.enable() if before else gc.disable()


@pytest.mark.usefixtures("collects")
@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_as_before_after_the_last_of_overlapping_compilations(on: bool) -> None:
    gc.enable() if on else gc.disable()
    first, second = compiling(), compiling()
    first.__enter__()
    second.__enter__()
    assert not gc.isenabled()
    first.__exit__(None, None, None)
    assert not gc.isenabled()  # the second one still runs
    second.__exit__(None, None, None)
    assert gc.isenabled() is on
    with pytest.raises(KeyError), compiling(), compiling():
        raise KeyError
    assert gc.isenabled() is on


class Clock:
    """Compilations whose time the test makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(_compiling, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.compilations = _Compilations()

    def compile(self, seconds: float, passes: int = 10) -> None:
        self.compilations.enter()
        for _ in range(passes):
            self.compilations.work()
            self.now += seconds / passes
        self.compilations.work()
        self.compilations.leave()


LINE = "minidl: compiling its kernels for this machine, "


def test_a_second_of_compilation_is_announced_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock(monkeypatch)
    clock.compile(0.6)
    assert capsys.readouterr().err == ""
    clock.now += 0.5  # what the first kernel computed
    clock.compilations.enter()
    clock.compilations.work()
    clock.now += 0.5
    assert capsys.readouterr().err == ""
    clock.compilations.work()
    said = capsys.readouterr().err  # while it compiles
    assert said.startswith(LINE)
    assert said.endswith("\n")
    clock.compilations.leave()
    clock.compile(5)
    assert capsys.readouterr().err == ""


def test_short_compilations_and_kept_kernels_are_not_announced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(monkeypatch)
    for _ in range(5):
        clock.compile(0.6)
        clock.now += 1.5
        clock.compilations.enter()  # a kernel that is kept, on a slow disk
        clock.now += 3
        clock.compilations.leave()
        clock.compilations.work()  # a kernel of the user's
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("stream", ["none", "closed", "terminal"])
def test_the_line_needs_no_stream(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    if stream == "closed":
        file.close()
    if stream == "terminal":
        monkeypatch.setattr(file, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", None if stream == "none" else file)
    Clock(monkeypatch).compile(2)
    if stream == "terminal":
        assert file.getvalue().startswith("\r" + LINE)  # over the bar of progress
        assert file.getvalue().endswith("\x1b[K\n")


class PressesAtPass(event.Listener):
    """Ctrl-C when the compiler begins its n-th pass over what ``new_kernels`` makes."""

    def __init__(self, n: int) -> None:
        self.left, self.held = n, False

    def on_start(self, happening: Any) -> None:
        self.left -= new_kernels.__name__ in happening.data["name"]
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
            self.held = True  # not raised at once, wherever the compiler is

    def on_end(self, happening: Any) -> None:
        pass


@pytest.fixture
def to_press(request: pytest.FixtureRequest) -> Iterator[PressesAtPass]:
    listener = PressesAtPass(request.param)
    event.register("numba:run_pass", listener)
    yield listener
    event.unregister("numba:run_pass", listener)


def new_kernels() -> Any:
    @_jit.inner
    def half(x: float) -> float:
        return x / 2

    @_jit.compiled
    def halved_and_one(x: float) -> float:
        return half(x) + 1

    return halved_and_one


@compiles
@pytest.mark.parametrize("to_press", [1, 5, 20], indirect=True)
def test_a_compilation_that_was_interrupted_can_be_made_again(to_press: PressesAtPass) -> None:
    kernel, handler, collects = new_kernels(), signal.getsignal(signal.SIGINT), gc.isenabled()
    with pytest.raises(KeyboardInterrupt):
        kernel(3.0)
    assert to_press.held
    assert to_press.left in (0, -1)  # at most one pass later
    assert kernel.overloads == {}
    assert signal.getsignal(signal.SIGINT) is handler
    assert gc.isenabled() is collects
    assert kernel(3.0) == 2.5


class Compiles(Layer):
    """The identity; compiles a kernel in its first training step."""

    kernel: Any = None

    def apply(self, x: Any, context: Any) -> tuple[Any, Any]:
        if context.training and self.kernel is not None:
            self.kernel(3.0)
        return x, ()

    def gradient(self, dy: Any, saved: Any, need_dx: bool = True) -> Any:
        return dy


class CompilesInUpdate(SGD):
    """SGD whose update, half done, compiles a kernel."""

    kernel: Any = None

    def update(self, rows: Any, scalars: Any) -> None:
        super().update(rows, scalars)
        if self.kernel is not None:
            self.kernel(3.0)


def trained(kernel: Any, where: str) -> Sequential:
    minidl.set_seed(5)
    layer, optimizer = Compiles(), CompilesInUpdate(0.1)
    model = Sequential([layer, Dense(2, input_shape=(3,))])
    model.build((3,))
    model.compile(optimizer, "mean_squared_error")
    model.train_on_batch(X, Y)
    if where == "apply":
        layer.kernel = kernel
    else:
        optimizer.kernel = kernel
    return model


X = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
Y = X[:, :2]


@compiles
@pytest.mark.parametrize("to_press", [5], indirect=True)
@pytest.mark.parametrize("where, steps", [("apply", 1), ("update", 2)])
def test_in_fit_it_is_let_through_before_the_update_and_held_after(to_press: PressesAtPass, where: str, steps: int) -> None:
    expected = trained(None, where)
    for _ in range(steps - 1):
        expected.train_on_batch(X, Y)
    model = trained(new_kernels(), where)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, epochs=1, shuffle=False, verbose=0) if where == "apply" else model.train_on_batch(X, Y)
    assert (to_press.left < -1) is (where == "update")  # the compilation went on to its end
    assert model.optimizer is not None
    assert model.optimizer.iterations == steps
    for found, wanted in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_array_equal(found, wanted)
    model.train_on_batch(X, Y)
    expected.train_on_batch(X, Y)
    for found, wanted in zip(model.get_weights(), expected.get_weights()):
        np.testing.assert_array_equal(found, wanted)


def test_a_safe_point_without_an_interrupt_does_nothing() -> None:
    interrupts.safe_point()
    between_passes()
    with compiling():
        between_passes()


FIRST_FIT = """
import numpy as np, minidl
from minidl.layers import LSTM, Dense
model = minidl.models.Sequential([LSTM(8, input_shape=(5, 3)), Dense(2)])  # many seconds before the update
model.compile("adam", "mean_squared_error")
x, y = np.ones((8, 5, 3), np.float32), np.ones((8, 2), np.float32)
before = [w.copy() for w in model.get_weights()]
try:
    print("begins", flush=True)
    model.fit(x, y, verbose=0)
except KeyboardInterrupt:
    print("interrupted", all((a == b).all() for a, b in zip(before, model.get_weights())), flush=True)
print(len(model.fit(x, y, verbose=0).epoch), model.optimizer.iterations, flush=True)
"""


@pytest.mark.slow
@compiles
@pytest.mark.parametrize("announced", [False, True])  # Ctrl-C while Numba is imported, and while kernels compile
def test_control_c_in_the_first_fit(announced: bool, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", "MINIDL_HOME": str(tmp_path)}
    command = [sys.executable, "-c", FIRST_FIT]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "begins\n"
        if announced:
            assert program.stderr.readline().startswith(LINE + "once; they are kept in ")
        else:
            time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        output, errors = program.communicate(timeout=300)
    assert output.splitlines() == ["interrupted True", "1 1"], errors
