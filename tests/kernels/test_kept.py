"""What is kept of compiled kernels: only what this user or root wrote is run, and a folder that fails stops nothing."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import secrets
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed")

from minidl.errors import ArgumentError
from minidl.kernels.numba import _check_number_of_threads, _compiling, _folder, _jit, _kept, _linear_map
from minidl.kernels.numba._folder import Folder

posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
compiles = pytest.mark.skipif(_jit.DISABLED, reason="nothing is compiled")
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
STRANGER = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def nothing_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is."""
    monkeypatch.setattr(_compiling._compilations, "_said", True)


def kernel(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> Any:
    """A kernel as if it were one of ours, kept in ``folder``."""

    def tripled(x: float) -> float:
        return 3 * x

    monkeypatch.setattr(_kept, "FOLDER", folder)
    monkeypatch.setattr(tripled, "__module__", _kept.__name__)  # one that exists: its name is looked up when code is read
    return _jit.compiled(tripled)


def hits(kernel: Any) -> tuple[int, int]:
    """How many versions were kept, and how many compiled."""
    stats = kernel.dispatcher.stats
    return sum(stats.cache_hits.values()), sum(stats.cache_misses.values())


@posix
@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_round_trip(home: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = Folder(home)
        assert folder.path is not None
        folder.write("name", b"content")
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder.path / "name", folder.path, folder.path.parent, home)]
    finally:
        os.umask(before)
    assert modes == [0o600, 0o700, 0o700, 0o700]
    assert Folder(home).read("name") == b"content"
    assert Folder(home).read("other") is None
    assert [path.name for path in folder.path.iterdir()] == ["name"]
    assert folder.reason == ""


def test_a_damaged_file_is_one_that_is_not_there(home: Path) -> None:
    folder = Folder(home)
    assert folder.path is not None
    folder.write("name", b"content")
    whole = (folder.path / "name").read_bytes()
    for content in (b"", whole[:5], whole[:-1], whole[:-1] + b"?", whole + b"?"):
        (folder.path / "name").write_bytes(content)
        assert folder.read("name") is None


def writable_by_all(path: Path) -> None:
    path.chmod(0o666)


def another_users(path: Path) -> None:
    os.chown(path, STRANGER, STRANGER)


def a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@posix
@pytest.mark.parametrize("plant", [writable_by_all, pytest.param(another_users, marks=needs_root), a_link, a_pipe])
def test_a_file_that_others_can_have_written_is_not_read(
    home: Path, plant: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Folder(home)
    assert folder.path is not None
    for name in ("name", "other"):
        folder.write(name, b"content")
    plant(folder.path / "name")
    assert [folder.read("name"), folder.read("name"), folder.read("other")] == [None, None, b"content"]
    said = capsys.readouterr().err
    if plant is a_link:
        assert said == ""
    else:
        assert said.startswith("minidl: a kept kernel is not used, but compiled again, for safety: ")
        assert said.count("\n") == 1
    folder.write("name", b"ours")  # in its place
    assert folder.read("name") == b"ours"


@posix
@compiles
def test_a_folder_that_others_can_write_to_is_not_used(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Folder(home)
    assert kernel(monkeypatch, good)(1.5) == 4.5
    assert good.path is not None
    assert len(list(good.path.iterdir())) == 1
    again = kernel(monkeypatch, Folder(home))
    assert again(1.5) == 4.5
    assert hits(again) == (1, 0)
    home.chmod(0o777)
    bad = Folder(home)
    assert bad.path is None
    monkeypatch.setattr("pickle.loads", lambda *args: pytest.fail("a pickle of others was read"))
    in_memory = kernel(monkeypatch, bad)
    assert in_memory(1.5) == 4.5
    assert hits(in_memory) == (0, 1)
    said = capsys.readouterr().err
    assert said == (
        f"minidl: kernels are not kept, but compiled in every run, for safety: {home} can be written by others; if you trust "
        f"what is in it, chmod go-w {home}, else set MINIDL_HOME to another folder\n"
    )
    assert bad.what_happens() == "in every run"
    home.chmod(0o700)


@posix
@needs_root
def test_nothing_is_made_in_a_home_that_belongs_to_another_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with sudo, which may leave HOME as it was."""
    os.chown(tmp_path, STRANGER, STRANGER)
    assert Folder(tmp_path / ".cache" / "minidl").path is None
    assert list(tmp_path.iterdir()) == []
    assert "belongs to another user" in capsys.readouterr().err


def test_a_relative_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folder(Path("cache")).path is None
    assert list(tmp_path.iterdir()) == []
    assert "cache is a relative path" in capsys.readouterr().err


def test_where_no_folder_can_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    tmp_path.chmod(0o700)
    for home in (None, tmp_path / "file"):
        folder = Folder(home)
        assert (folder.path, folder.read("name")) == (None, None)
        folder.write("name", b"")
        assert folder.what_happens().startswith("in every run, as they cannot be kept: ")
    assert capsys.readouterr().err == ""


@compiles
@pytest.mark.parametrize("fails", ["open", "replace"])
def test_a_full_disk_is_one_line_and_stops_nothing(
    home: Path, fails: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    folder = Folder(home)
    assert folder.path is not None
    triple = kernel(monkeypatch, folder)
    if fails == "open":
        monkeypatch.setattr(_folder, "_open", full)
    else:
        monkeypatch.setattr(_folder.os, "replace", full)
    assert [triple(1.5), triple(2)] == [4.5, 6]  # two versions
    monkeypatch.undo()
    assert hits(triple) == (0, 2)
    reason = f"{folder.path}: {os.strerror(errno.ENOSPC)}"
    assert capsys.readouterr().err == f"minidl: kernels cannot be kept, and compile again in the next run: {reason}\n"
    assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("whole", [True, False])
def test_another_process_that_was_quicker_has_kept_it(
    home: Path, whole: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows refuses to replace a file that somebody reads; what is there will do, unless it is damaged."""
    folder = Folder(home)
    assert folder.path is not None
    folder.write("name", b"content")
    if not whole:
        (folder.path / "name").write_bytes(b"damaged")

    def in_use(*args: Any) -> None:
        raise PermissionError(errno.EACCES, "used by another process")

    monkeypatch.setattr(_folder.os, "replace", in_use)
    folder.write("name", b"content")
    monkeypatch.undo()
    assert [path.name for path in folder.path.iterdir()] == ["name"]
    assert (capsys.readouterr().err == "") is whole
    folder.write("other", b"more")
    assert (folder.read("other") == b"more") is whole


@compiles
def test_a_folder_that_is_read_only_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel(monkeypatch, Folder(home))(1.5)
    gc.collect()  # Numba knows the kernel no more: all comes from the folder
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK and access(path, how))
    folder = Folder(home)
    triple = kernel(monkeypatch, folder)
    assert triple(1.5) == 4.5
    assert hits(triple) == (1, 0)
    assert triple(2) == 6
    assert folder.path is not None
    assert len(list(folder.path.iterdir())) == 1
    assert folder.what_happens() == f"in every run, as they cannot be kept: {folder.path} is read-only"


@posix
@pytest.mark.parametrize("plant", [os.symlink, os.link])
def test_a_planted_name_is_not_written_to(home: Path, plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(home)
    assert folder.path is not None
    monkeypatch.setattr(secrets, "token_hex", lambda length: "guessed")
    victim = home / "victim"
    victim.write_text("precious")
    plant(victim, folder.path / ".guessed.part")
    folder.write("name", b"content")
    assert victim.read_text() == "precious"
    assert folder.read("name") is None


@compiles
def test_kernels_of_other_modules_are_not_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder's name stands for our sources, not for theirs."""
    folder = Folder(home)
    monkeypatch.setattr(_kept, "FOLDER", folder)

    @_jit.compiled
    def doubled(x: float) -> float:
        return 2 * x

    assert doubled(1.5) == 3
    assert folder.path is not None
    assert list(folder.path.iterdir()) == []


def test_matrices_of_the_same_hash_have_different_names(monkeypatch: pytest.MonkeyPatch) -> None:
    if _jit.DISABLED:
        pytest.skip("nothing is compiled")
    names = []
    monkeypatch.setattr(_linear_map, "machine_code", lambda name, *rest: names.append(name) or 0)
    for number in (-1.0, -2.0):
        _linear_map.linear_map.__wrapped__(((number,),), 4)
    assert hash(((-1.0,),)) == hash(((-2.0,),))
    assert names[0] != names[1]
    assert len(names[0].rpartition("_")[2]) == 64  # hexadecimal digits of SHA-256


def test_the_sources_in_a_zip_file_are_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    monkeypatch.setattr(_folder, "_SOURCES", ("zipped_kernels",))
    for index, source in enumerate(["a = 1", "a = 2", "a = 1"]):
        with zipfile.ZipFile(tmp_path / f"{index}.zip", "w") as file:
            file.writestr("zipped_kernels/__init__.py", "")
            file.writestr("zipped_kernels/a.py", source)
        with monkeypatch.context() as patched:
            patched.syspath_prepend(str(tmp_path / f"{index}.zip"))
            importlib.import_module("zipped_kernels")
            keys.append(_folder.key())
        del sys.modules["zipped_kernels"]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_without_sources_nothing_is_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_folder, "_SOURCES", ())
    folder = Folder(home)
    assert folder.path is None
    assert "sources" in folder.reason


@pytest.mark.parametrize(
    "given, refused", [("0", True), ("-2", True), (" 0 ", True), ("", False), ("3", False), ("many", False)]
)
def test_a_number_of_threads_that_no_team_can_have(given: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    if not refused:
        _check_number_of_threads()
        return
    with pytest.raises(ArgumentError, match=r"NUMBA_NUM_THREADS: received .*; expected a positive integer"):
        _check_number_of_threads()


@pytest.mark.slow
@compiles
def test_kept_kernels_run_without_the_compiler_brought_in(tmp_path: Path) -> None:
    """Numba's own cache brings in 20 MB of the compiler with the first function it loads."""
    program = """
import sys
import numpy as np
import minidl
from minidl.layers import Conv2D, Dense, Flatten, MaxPooling2D
from minidl.models import Sequential

minidl.set_seed(1)
features = [Conv2D(3, 3, activation="relu", input_shape=(9, 9, 1)), MaxPooling2D(), Flatten()]
model = Sequential([*features, Dense(30, "relu"), Dense(20, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
x, y = np.ones((64, 9, 9, 1), np.float32), np.zeros(64, int)
print(model.train_on_batch(x, y), model.predict(x, verbose=0).sum(), "numba.np.linalg" in sys.modules)
"""
    environment = {**os.environ, "MINIDL_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    first, again = (
        subprocess.run(
            [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    )
    assert first[-1] == "True"
    assert again == [*first[:-1], "False"]
