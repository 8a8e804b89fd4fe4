"""What differs between systems, as far as it can be tested on one: Windows lacks much that Linux and macOS have."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minidl

PACKAGE = Path(minidl.__file__).parent
ROOT = PACKAGE.parent


def without_encoding(source: str) -> list[int]:
    """Lines that read or write text in the encoding of whoever runs it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or any(k.arg == "encoding" for k in node.keywords):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        plain = isinstance(node.func, ast.Name)
        if called == "open" and plain:
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            if not any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes):
                found.append(node.lineno)
        elif called in ("read_text", "write_text") and not plain and not node.args:
            found.append(node.lineno)
    return found


@pytest.mark.more
def test_texts_have_the_same_encoding_everywhere() -> None:
    """Windows has others than UTF-8, which ``open`` takes where none is named."""
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 100
    assert {str(file): lines for file in files if (lines := without_encoding(file.read_text(encoding="utf-8")))} == {}
    assert without_encoding("open(a)\nopen(a, 'rb')\nopen(a, mode='w')\np.read_text()\nopen(a, encoding='utf-8')") == [1, 3, 4]


def test_names_of_files_are_names_on_windows_too() -> None:
    """No device, no two that differ in capitals alone, no letter that is not allowed; short enough below a home folder."""
    devices = {"aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
    folders = [ROOT / name for name in ("minidl", "tests", "docs", "examples", "benchmarks")]
    files = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
    names = [path.relative_to(ROOT).as_posix() for path in files]
    assert len(names) > 500
    assert not [name for name in names if {part.split(".")[0].lower() for part in name.split("/")} & devices]
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if set(name) & set('<>:"\\|?*') or name.endswith((".", " ")) or len(name) > 150]


# What Python on Windows has not, or not in all versions; and there an open file is neither replaced nor renamed.
AS_ON_WINDOWS = """
import importlib, os, pkgutil, sys, types
import csv, ctypes, gzip, hashlib, json, logging, multiprocessing, pathlib, random, shutil, signal, subprocess, tarfile
import tempfile, threading, time, zipfile, platform, asyncio, concurrent.futures, importlib.resources, importlib.metadata
import numpy, numpy.testing, safetensors.numpy, llvmlite.binding
import numba, numba.core.registry, numba.np.arrayobj, numba.np.ufunc.parallel

ABSENT = {
    "fork", "forkpty", "register_at_fork", "sched_getaffinity", "geteuid", "getuid", "getgid", "getegid", "fchown", "chown",
    "fchmod", "lchown", "mkfifo", "sysconf", "uname", "killpg", "setsid", "nice", "statvfs", "getloadavg", "wait3",
    "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "posix_fadvise", "posix_fallocate", "confstr", "getpgid",
}

class Windows(types.ModuleType):
    name = "nt"

    def __getattr__(self, attribute):
        if attribute in ABSENT:
            raise AttributeError(attribute)
        return getattr(real, attribute)

    def replace(self, source, target):
        is_open = {real.path.realpath(f"/proc/self/fd/{n}") for n in real.listdir("/proc/self/fd")}
        if {real.path.realpath(source), real.path.realpath(target)} & is_open:
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        replaced.append(target)
        return real.replace(source, target)

    def open(self, path, flags, *rest, **options):
        if real.path.isdir(path):
            raise PermissionError(13, "Permission denied")  # of a folder there is no descriptor
        return real.open(path, flags, *rest, **options)

real, replaced = os, []
sys.modules["os"] = os = Windows("os")
for module in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix"):
    sys.modules[module] = None
for ours in [name for name in sys.modules if name.partition(".")[0] == "minidl"]:
    raise SystemExit(f"{ours} was there before")

import minidl
for info in pkgutil.walk_packages(minidl.__path__, "minidl."):
    if ".cuda" not in info.name and not info.name.endswith("__main__") and "keras" not in info.name:
        try:
            importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] in ("minidl", *(m for m, v in sys.modules.items() if v is None)):
                raise

from minidl.callbacks import CSVLogger, ModelCheckpoint
from minidl.kernels.numba._folder import Folder
from minidl.layers import Dense
from minidl.models import Sequential, load_model

x, y = numpy.random.default_rng(0).random((20, 3), "float32"), numpy.arange(20) % 2
model = Sequential([Dense(4, activation="relu", input_shape=(3,)), Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
callbacks = [ModelCheckpoint("épreuve.safetensors"), CSVLogger("log.csv")]
model.fit(x, y, epochs=2, batch_size=10, verbose=2, callbacks=callbacks)
model.fit(x, y, epochs=1, batch_size=10, verbose=0, validation_split=0.5, callbacks=[CSVLogger("log.csv", append=True)])
model.save("model.minidl")
model.save("model.minidl")
numpy.testing.assert_array_equal(load_model("model.minidl").predict(x, verbose=0), model.predict(x, verbose=0))
assert [line.count(",") for line in open("log.csv")] == [4] * 4, open("log.csv").read()
folder = Folder(pathlib.Path("home").absolute())
folder.write("kept", b"content")
assert folder.read("kept") == b"content", folder.reason
from minidl.utils import doctor
assert doctor.as_text(doctor.examine())
written = ["épreuve.safetensors"] * 2 + ["log.csv"] + ["model.minidl"] * 2 + ["kept"]
names = [real.path.basename(name) for name in replaced]
assert [name for name in names if not name.endswith(".code")] == written, replaced  # kernels were imported, too
assert not [name for name in real.listdir(".") if name.endswith(".part")]
"""


@pytest.mark.more
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc for files that are open")
def test_without_what_windows_lacks(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    environment = {**os.environ, "MINIDL_HOME": str(tmp_path / "home"), "MINIDL_KERNELS": "reference", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-X", "utf8", "-c", AS_ON_WINDOWS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]
