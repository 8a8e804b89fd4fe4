"""Names that load their files: the same for people, type checkers and editors; nothing is loaded that nobody asked for."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl import declared

PACKAGE = Path(minidl.__file__).parent
ROOMS = ("layers", "losses", "metrics", "optimizers", "callbacks", "data", "models")


def names_for_checkers(room: str) -> dict[str, str]:
    """Name -> file, as the part of ``__init__`` says that only type checkers read."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    return {
        alias.name: str(line.module).rpartition(".")[2]
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
        if alias.asname == alias.name
    }


@pytest.mark.parametrize("room", ROOMS)
def test_the_names_are_those_that_type_checkers_see(room: str) -> None:
    package = importlib.import_module(f"minidl.{room}")
    homes = {name: file for file, names in package._FILES.items() for name in names.split()}
    assert homes == names_for_checkers(room)
    assert set(homes) <= set(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert not name.startswith("_")
        assert getattr(package, name) is not None
    for name, file in homes.items():
        assert vars(package)[name] is getattr(importlib.import_module(f"minidl.{room}.{file}"), name)


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_class_of_a_room_has_its_name_there(room: str) -> None:
    package = importlib.import_module(f"minidl.{room}")
    for kind in ("layer", "loss", "metric", "optimizer", "callback", "model"):
        for name, cls in declared.classes(kind).items():
            at_home = getattr(sys.modules.get(cls.__module__), name, None) is cls  # and was not written in a doctest
            if at_home and cls.__module__.startswith(f"minidl.{room}."):
                assert getattr(package, name) is cls


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_program_loads_the_layers_that_it_has() -> None:
    code = """
import sys
from minidl.models import Sequential
from minidl.layers import Dense
Sequential([Dense(2, input_shape=(3,))])
loaded = {name for name in sys.modules if name.startswith("minidl.")}
print(*sorted(loaded & {"minidl.layers.conv_lstm", "minidl.layers.attention", "minidl.metrics.auc", "minidl.models.weights"}))
print("minidl.layers.dense" in loaded, len(loaded) < 135, {"numba", "numpy.ma", "difflib", "html", "json"} & set(sys.modules))
"""
    assert in_a_new_process(code) == "True True set()"  # and none of those before


def test_names_from_texts_and_files_are_found_without_an_import() -> None:
    code = """
import json
from minidl import declared
from minidl.models import Sequential, model_from_json
from minidl.layers import Dense
model = Sequential([Dense(2, input_shape=(3,))])
model.compile("adadelta", "log_cosh", ["auc"])
print(type(model.optimizer).__name__, type(model.loss).__name__)
text = json.dumps(declared.Declared._plain(model)).replace('"Dense"', '"PReLU"').replace('"units": 2, ', "")
try:
    model_from_json(text)
except Exception as error:
    print(type(error).__name__, "PReLU" in str(error))
print(declared.find_class("layer", "zero_padding2d").__name__)
"""
    assert in_a_new_process(code).split("\n") == ["Adadelta LogCosh", "ArgumentTypeError True", "ZeroPadding2D"]


def test_two_threads_look_for_a_name_at_once() -> None:
    code = """
import threading
from minidl import declared
import minidl.layers, minidl.losses, minidl.metrics
found = []
def look(kind, name):
    found.append(declared.find_class(kind, name))
wanted = [("layer", "conv_lstm2d"), ("loss", "focal"), ("metric", "auc")] * 6
threads = [threading.Thread(target=look, args=each) for each in wanted]
for t in threads: t.start()
for t in threads: t.join()
print(sorted({getattr(f, "__name__", str(f)) for f in found}))
"""
    assert in_a_new_process(code) == "['AUC', 'ConvLSTM2D', 'None']"


def test_a_misspelt_name_is_explained() -> None:
    with pytest.raises(AttributeError, match=r"'minidl\.layers' has no attribute 'Densee'\. Did you mean 'Dense'\?"):
        _ = minidl.layers.Densee
    with pytest.raises(ImportError, match="Densee"):
        exec("from minidl.layers import Densee")
    assert not hasattr(minidl.layers, "__wrapped__")


def test_all_names_by_a_star() -> None:
    space: dict[str, Any] = {}
    exec("from minidl.layers import *\nfrom minidl.losses import *", space)
    assert {"Dense", "ConvLSTM2D", "Layer", "Input", "Huber", "Loss"} <= set(space)


def test_a_file_that_cannot_be_loaded_is_no_reason_to_say_that_names_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def broken() -> None:
        calls.append(1)
        raise OSError("a disk that went away")

    monkeypatch.setitem(declared._COMPLETE_BY, "loss", broken)
    for _ in range(2):  # and it is tried again
        with pytest.raises(OSError, match="went away"):
            declared.find_class("loss", "no_such_loss")
    assert declared.find_class("loss", "mse") is not None
    assert len(calls) == 2
