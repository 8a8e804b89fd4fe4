"""What minidl uses of Numba's insides is there; where a part is missing, the plain way gives the same numbers."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed")

import numba

import minidl
from minidl.kernels.numba import _jit, _kept, _private
from minidl.kernels.numba._folder import Folder
from minidl.utils import doctor
from tests.cases.sample import only

ROOT = Path(minidl.__file__).parents[1]
compiles = pytest.mark.skipif(_jit.DISABLED, reason="nothing is compiled")
NEEDS = [(part, name) for part, (_, needs) in _private.PARTS.items() for name in needs]


@compiles
def test_this_numba_has_everything() -> None:
    assert _private.MISSING == {}


@compiles
def test_what_operators_give_is_remembered_but_not_where_they_get_functions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from numba import types

    asked: list[Any] = []

    class Context:
        def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
            asked.append((func, args, kws))
            return len(asked)

    monkeypatch.setattr(_private._Remembering, "_known", {})
    context = _private._Remembering(Context())
    plus, minus = (types.Function(type("Template", (), {"key": key})) for key in "+-")
    whole, real, run = types.int64, types.float64, types.Array(types.float32, 1, "C")
    calls = [(plus, (whole, whole), {}), (plus, (run, real), {}), (minus, (whole, whole), {}), (plus, (), {})]
    dispatcher = numba.njit(lambda a: a)
    kernel = types.Dispatcher(dispatcher)
    others = [(plus, (kernel, whole), {}), (plus, (whole,), {"b": whole}), (kernel, (whole,), {})]
    for _ in range(3):
        found = [context.resolve_function_type(*call) for call in calls]
        assert found == [1, 2, 3, 4]
    assert asked == calls
    for call in 2 * others:
        context.resolve_function_type(*call)
    assert asked == [*calls, *others, *others]


@pytest.mark.one_in(5)
@compiles
@pytest.mark.parametrize("part, name", NEEDS)
@pytest.mark.parametrize("how", ["away", "other parameters"])
def test_each_thing_that_goes_or_changes_is_noticed(part: str, name: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without, needs = _private.PARTS[part]
    changed = dict(needs)
    if how == "away":
        changed = {f"{key}_gone" if key == name else key: value for key, value in changed.items()}
    else:
        changed[name] = "another " + (changed[name] or "")
    monkeypatch.setattr(_private, "PARTS", {**_private.PARTS, part: _private.Part(without, changed)})
    found = _private._missing()
    assert list(found) == [part]
    assert found[part].startswith(name.replace(":", "."))


class Thing:
    def method(self, a: Any, b: Any = 1) -> None:
        pass

    number = 1


@pytest.mark.parametrize(
    "path, parameters, expected",
    [
        ("Thing.method", "self a", ""),
        ("Thing.method", "self a b", ""),
        ("Thing.method", "self", "takes (self, a"),  # more than minidl gives
        ("Thing.method", "self b", "takes (self, a"),
        ("Thing.method", "self a b c", "takes (self, a"),
        ("Thing.number", None, ""),
        ("Thing.number", "", "cannot be called"),
        ("Thing.other", None, "is not there"),
        ("Other.method", "self a", "is not there"),
    ],
)
def test_what_is_objected_to(path: str, parameters: str | None, expected: str) -> None:
    sys.modules["a_library"] = sys.modules[__name__]
    try:
        objection = _private._objection(f"a_library:{path}", parameters)
    finally:
        del sys.modules["a_library"]
    if expected:
        assert objection.startswith(f"a_library.{path} {expected}")
    else:
        assert objection == ""


def test_a_module_that_went_or_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "minidl_broken_library.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("minidl_no_such_library", "minidl_broken_library"):
        assert _private._objection(f"{module}:name", None) == f"{module}.name is not there"


@pytest.mark.parametrize(
    "version, untried",
    [("0.61.0", False), ("0.68.9", False), ("0.69.0", True), ("0.69.0rc1", True), ("0.100.1", True), ("1.0", True)],
)
def test_which_versions_nobody_has_tried(version: str, untried: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _private._is_untried(version) is untried
    monkeypatch.setattr(numba, "__version__", version)
    found = _private._missing()
    assert list(found) == (list(_private._UNSEEN) if untried else [])
    assert all(reason == f"Numba {version} has not been tried" for reason in found.values())


def test_the_bounds_are_those_that_pip_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (bounds,) = (line.removeprefix("numba") for line in project["dependencies"] if line.startswith("numba"))
    assert bounds.endswith(f",<{_private.BELOW}")
    assert doctor.REQUIRED["numba"] == doctor.REQUIRED["llvmlite"] == f'pip install "numba{bounds}"'


@compiles
def test_the_entry_point_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    importlib.import_module("minidl.kernels.numba._team")  # starts them
    monkeypatch.setattr(_private, "MISSING", {})
    _private.look_for_team()
    assert _private.MISSING == {}
    monkeypatch.setattr(_private, "TEAM_ENTRY", "no_such_entry")
    _private.look_for_team()
    assert _private.MISSING == {"team": "no_such_entry is not there"}


@compiles
@pytest.mark.parametrize("part", ["compiler", "keeping", "hook"])
def test_a_kernel_is_compiled_without(part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = Folder(tmp_path / "home")
    monkeypatch.setattr(_kept, "FOLDER", folder)
    monkeypatch.setattr(_private, "MISSING", {part: "gone"})

    def half(x: float) -> float:
        return x / 2

    inner = _jit.inner(half)

    def halved_and_one(x: float) -> float:
        return inner(x) + 1

    monkeypatch.setattr(halved_and_one, "__module__", "minidl.kernels.numba.test", raising=False)
    kernel = _jit.compiled(halved_and_one)
    assert kernel(3.0) == 2.5
    assert folder.path is not None
    assert bool(list(folder.path.iterdir())) is (part != "keeping")
    assert ("no_cfunc_wrapper" in kernel.targetoptions) is (part != "compiler")


def test_a_kernel_that_has_no_place_for_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    if not _private.has("keeping"):
        pytest.skip("nothing is kept")
    monkeypatch.setattr(_private, "MISSING", {})
    _private.keep_versions(object(), _private.Store())
    assert list(_private.MISSING) == ["keeping"]


TRAIN = """
import inspect, sys
import numba, numba.core.caching, numba.core.callconv, numba.core.codegen, numba.core.dispatcher, numba.core.serialize
import numba.np.arrayobj

def other(function):
    '''Numba calls it as ever; minidl sees other parameters.'''
    function.__signature__ = inspect.Signature([inspect.Parameter("another", inspect.Parameter.POSITIONAL_ONLY)])

spoil = {
    "compiler": lambda: other(numba.core.codegen.CPUCodeLibrary._optimize_functions),
    "keeping": lambda: other(numba.core.serialize.dumps),
    "hook": lambda: other(numba.core.dispatcher.Dispatcher.compile),
    "events": lambda: other(numba.core.event.register),
    "team": lambda: other(numba.core.cgutils.unpack_tuple),
    "arrays": lambda: other(numba.np.arrayobj.populate_array),
    "entries": lambda: other(numba.core.callconv.CPUCallConv.get_function_type),
    "instructions": lambda: other(numba.core.cgutils.for_range),
    "version": lambda: setattr(numba, "__version__", "0.99.0"),
}
for part in sys.argv[1:]:
    spoil[part]()

import numpy as np, minidl
from minidl.layers import Dense
from minidl.models import Sequential

rng = np.random.default_rng(0)
x, y = rng.normal(size=(64, 16)).astype("float32"), rng.normal(size=(64, 3)).astype("float32")
found = {}
for kernels in ("auto", "reference"):
    minidl.set_seed(1)
    with minidl.config.use_kernels(kernels):
        model = Sequential([Dense(8, activation="tanh", input_shape=(16,)), Dense(3)])
        model.compile("adam", "mean_squared_error")
        for _ in range(6):  # the last ones are replayed
            model.train_on_batch(x, y)
        found[kernels] = model.get_weights()
for a, b in zip(found["auto"], found["reference"]):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
print(*sys.modules["minidl.kernels.numba._private"].MISSING)
from minidl.__main__ import main
main(["doctor"])
"""
ROWS = {  # what is spoiled, and what is then missing
    "compiler": "compiler",
    "keeping": "keeping",
    "hook": "hook",
    "events": "events",
    "team": "team",
    "arrays": "arrays",
    "entries": "entries",
    "instructions": "instructions",
    "version": "compiler keeping team entries",
    "compiler keeping hook events team arrays entries": "compiler keeping hook events team arrays entries",
}


@pytest.mark.more
@compiles
@pytest.mark.parametrize("spoiled", only(ROWS, always=["instructions"]))
def test_a_model_trains_without(spoiled: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "auto", "MINIDL_HOME": str(tmp_path)}
    for _ in range(2):  # the second time with what the first one kept
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, *spoiled.split()],
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        missing, *report = done.stdout.splitlines()
        assert sorted(missing.split()) == sorted(ROWS[spoiled].split())
        worst = ["instructions"] if "instructions" in missing else missing.split()
        said = [line for line in done.stderr.splitlines() if line.startswith("minidl: Numba is not as expected: ")]
        assert len(said) == 1
        assert said[0].endswith(". What to do: python -m minidl doctor")
        for part in worst:
            assert _private.PARTS[part].without in said[0]
        for part in missing.split():
            assert any(_private.PARTS[part].without in line and doctor.REQUIRED["numba"] in line for line in report)
        if spoiled == "instructions":  # nothing is compiled or kept
            break
    assert any(tmp_path.rglob("*.code")) is ("keeping" not in missing and "instructions" not in missing)
