"""The way from an op to its fast kernel: found once, may decline, must not be missed in silence; devices do not mix."""

from __future__ import annotations

import importlib.util
import signal
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.backend import dispatch, use_backend
from minidl.backend.dispatch import CPU, array_namespace, backend_of, find_kernel, op, op_of_ops, register
from minidl.backend.tape import Tape
from minidl.errors import ArgumentError, BackendError

PACKAGE = "planted_kernels"


class Planted:
    """A package of kernels that exists only in this test, and a count of how often kernels were looked for."""

    def __init__(self, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / PACKAGE
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()
        self.searches: list[str] = []
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(CPU, "kernels", PACKAGE, raising=False)
        monkeypatch.setitem(dispatch._ACCELERATOR, PACKAGE, "numpy")  # an accelerator that is installed
        original = find_kernel

        def counted(package: str, module: str, name: str) -> Any:
            self.searches.append(f"{package}.{module}.{name}")
            return original(package, module, name)

        monkeypatch.setattr(dispatch, "find_kernel", counted)

    def write(self, module: str, text: str) -> None:
        (self.folder / f"{module}.py").write_text(text)
        importlib.invalidate_caches()


@pytest.fixture
def planted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    with config.use_kernels("auto"):
        yield Planted(tmp_path, monkeypatch)
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def make_op(function: Callable[..., Any], module: str) -> Callable[..., Any]:
    function.__module__ = f"minidl.ops.{module}"
    return op(function)


def double(x: Any, times: int = 1) -> Any:
    """The reference under test."""
    return ("reference", 2 * x * times)


def test_a_twin_is_found_by_module_and_name_and_looked_for_once(planted: Planted) -> None:
    planted.write("toys", "def double(x, times=1): return ('kernel', 2 * x * times)")
    call = make_op(double, "toys")
    assert planted.searches == []  # nothing is imported before the first call
    for _ in range(3):
        assert call(np.ones(2), times=2)[0] == "kernel"
    assert planted.searches == [f"{PACKAGE}.toys.double"]
    assert call.__name__ == "double"
    assert call.__doc__ == "The reference under test."
    assert call.reference is double


def test_without_a_twin_the_definition_runs_and_the_search_is_not_repeated(planted: Planted) -> None:
    planted.write("toys", "def treble(x): ...")
    call = make_op(double, "toys")
    for _ in range(3):
        assert call(np.ones(2))[0] == "reference"
    assert len(planted.searches) == 1
    assert make_op(double, "no_such_module")(np.ones(2))[0] == "reference"


def test_a_twin_may_decline(planted: Planted) -> None:
    planted.write("toys", "def double(x, times=1): return NotImplemented if x.dtype == 'f8' else 'kernel'")
    call = make_op(double, "toys")
    assert call(np.ones(2, np.float32)) == "kernel"
    assert call(np.ones(2, np.float64))[0] == "reference"


def test_ops_that_are_one_kernel_on_a_device(planted: Planted) -> None:
    """Its own where there is one that does not decline; not while a step is recorded, which notes the ops themselves."""
    planted.write("toys", "def double(x, times=1): return NotImplemented if x.dtype == 'f8' else ('kernel', x)")
    double.__module__ = "minidl.ops.toys"
    call, x = op_of_ops(double), np.ones(2, np.float32)
    assert [call(x)[0] for _ in range(2)] == ["kernel", "kernel"]
    assert len(planted.searches) == 1
    assert call(np.ones(2))[0] == "reference"
    with config.use_kernels("reference"):
        assert call(x)[0] == "reference"
    with Tape():
        assert call(x)[0] == "reference"
    assert call(x)[0] == "kernel"


def test_kernels_can_be_switched_off(planted: Planted) -> None:
    planted.write("toys", "def double(x, times=1): return 'kernel'")
    call = make_op(double, "toys")
    with config.use_kernels("reference"):
        assert call(np.ones(2))[0] == "reference"
    assert call(np.ones(2)) == "kernel"


@pytest.mark.parametrize(
    "text, error",
    [("import no_such_library_anywhere", ModuleNotFoundError), ("1 / 0", ZeroDivisionError), ("def double(:", SyntaxError)],
)
def test_a_twin_that_fails_to_import_raises(planted: Planted, text: str, error: type[Exception]) -> None:
    planted.write("toys", text)
    call = make_op(double, "toys")
    for _ in range(2):  # the second time too: a failure is not remembered as "no kernel"
        with pytest.raises(error):
            call(np.ones(2))


def test_an_error_in_a_twin_is_not_swallowed(planted: Planted) -> None:
    planted.write("toys", "def double(x, times=1): raise ValueError('from the kernel')")
    with pytest.raises(ValueError, match="from the kernel"):
        make_op(double, "toys")(np.ones(2))


def test_only_the_absence_of_the_accelerator_means_no_twins(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.write("toys", "1 / 0")
    monkeypatch.setitem(dispatch._ACCELERATOR, PACKAGE, "an_accelerator_nobody_has")
    assert not dispatch.has_accelerator(PACKAGE)
    assert make_op(double, "toys")(np.ones(2))[0] == "reference"


def test_without_numba_no_twin_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "numba" else original(name, *rest))
    assert not dispatch.has_accelerator("minidl.kernels.numba")
    assert find_kernel("minidl.kernels.numba", "convolution", "convolve") is None


def test_control_c_waits_for_the_end_of_an_import(planted: Planted) -> None:
    """Numba, half imported, fails at the second attempt."""
    planted.write(
        "toys",
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhole = True\ndef double(x, times=1): return 'a kernel'",
    )
    call, handler = make_op(double, "toys"), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        call(np.ones(2))
    assert sys.modules[f"{PACKAGE}.toys"].whole
    assert signal.getsignal(signal.SIGINT) is handler
    assert call(np.ones(2)) == "a kernel"


def test_kernels_get_arrays_in_c_order_and_everything_else_as_it_is(planted: Planted) -> None:
    planted.write("toys", "def double(x, times=1): return x, times")
    call = make_op(double, "toys")
    base = np.arange(24.0).reshape(4, 6)
    for x in (base.T, base[::2, ::-1], np.asfortranarray(base), np.broadcast_to(base[0], (3, 6))):
        received, times = call(x, (1, 2))
        assert received.flags.c_contiguous
        np.testing.assert_array_equal(received, x)
        assert times == (1, 2)
    assert call(base)[0] is base  # no copy where none is needed


@pytest.mark.parametrize("found_before", [False, True])
def test_so_they_get_arrays_that_are_named_but_for_out(planted: Planted, found_before: bool) -> None:
    planted.write("toys", "def double(x, times=1, out=None): return times, out")
    call = make_op(double, "toys")
    if found_before:
        call(np.ones(2))
    turned = np.arange(24.0).reshape(4, 6).T
    times, out = call(np.ones(2), times=turned, out=turned)
    assert times.flags.c_contiguous
    np.testing.assert_array_equal(times, turned)
    assert out is turned


def test_definitions_do_not_warn_and_leave_the_error_state_alone() -> None:
    before = np.geterr()
    call = make_op(lambda x: x / 0 + np.exp(1e4 * x), "toys")
    assert np.isinf(call(np.ones(3))).all()
    assert np.geterr() == before


class FakeArray:
    """An array of another device."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __rmul__(self, other: float) -> FakeArray:
        return FakeArray(other * self.values)

    __mul__ = __rmul__


class FakeBackend:
    """As much of a device as the dispatcher asks about."""

    name, array_type, kernels = "fake", FakeArray, "fake_kernels"
    xp = types.ModuleType("fake_numpy")

    def contiguous(self, x: FakeArray) -> FakeArray:
        return x


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    monkeypatch.setattr(dispatch, "_backend_of_type", dict(dispatch._backend_of_type))
    backend = FakeBackend()
    register(backend)  # type: ignore[arg-type]
    return backend


def test_a_registered_backend_is_known_by_its_arrays(fake: FakeBackend) -> None:
    assert backend_of(FakeArray([1])) is fake
    assert array_namespace(FakeArray([1])) is fake.xp
    assert backend_of(np.ones(1)) is CPU
    with config.use_kernels("auto"):
        kind, result = make_op(double, "toys")(FakeArray([1, 2]))
    assert kind == "reference"
    assert result.values.tolist() == [2, 4]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("kernels", ["auto", "reference"])
def test_arrays_of_two_devices_do_not_meet(fake: FakeBackend, order: int, kernels: str) -> None:
    call = make_op(lambda x, y, z: (x, y, z), "toys")
    with config.use_kernels(kernels), pytest.raises(BackendError, match=r"numpy|fake") as caught:
        call(*[np.ones(2), None, FakeArray([1])][::order])
    assert "asarray" in str(caught.value)


def test_what_is_no_array_is_refused() -> None:
    for thing in ("text", [1, 2], 3, None):
        with pytest.raises(BackendError, match="ndarray"):
            backend_of(thing)
    with pytest.raises(BackendError):
        make_op(double, "toys")([1, 2])


def test_subclasses_and_scalars_of_numpy_live_on_the_cpu() -> None:
    assert backend_of(np.ones(2).view(np.recarray)) is CPU
    assert backend_of(np.float32(1)) is CPU
    assert array_namespace(np.float64(1)) is np


def test_use_backend_takes_only_names_it_knows() -> None:
    with use_backend("numpy"):
        assert config.backend() == "numpy"
    with pytest.raises(ArgumentError, match="auto"), use_backend("torch"):
        pass


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_cupy_the_gpu_is_refused_with_advice_and_auto_says_what_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackendError, match="pip install"), use_backend("cupy"):
        pass
    with use_backend("auto"):
        assert config.backend() == "numpy"
    assert "CPU (CuPy is not installed)" in capsys.readouterr().out
