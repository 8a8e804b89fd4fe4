"""Files that are replaced whole: what dead processes leave is removed, what living ones write is not, the mode stays."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from minidl.models import replace
from minidl.models.replace import remove_leftovers, write_atomically

fcntl = pytest.importorskip("fcntl", reason="no locks and no modes on Windows")

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def dead():
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        pass
    return process.pid


def part(folder, pid, name="w", random="0123abcd", hours=0.0):
    path = folder / f".{name}.{pid}.{random}.part"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - hours * 3600,) * 2)
    return path


def left(folder):
    remove_leftovers(folder)
    return sorted(os.listdir(folder))


# -- leftovers ---------------------------------------------------------------------------------------------------------


def test_the_next_save_removes_what_dead_processes_left(tmp_path, dead):
    part(tmp_path, dead)
    part(tmp_path, dead, name="other.safetensors", random="76543210")
    part(tmp_path, 4_000_000_000)
    part(tmp_path, os.getpid())  # this process holds no lock on it, so it does not write it
    part(tmp_path, os.getppid(), hours=2)  # an old number, given again
    write_atomically(tmp_path / "w", b"whole")
    assert os.listdir(tmp_path) == ["w"]


def test_what_a_living_process_may_write_stays(tmp_path, dead):
    unlocked = part(tmp_path, os.getppid())
    locked = part(tmp_path, dead, hours=2)
    with open(locked, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert left(tmp_path) == sorted([unlocked.name, locked.name])
    assert left(tmp_path) == [unlocked.name]


def test_what_is_written_at_the_moment_is_locked(tmp_path, monkeypatch):
    seen, fsync = [], os.fsync

    def look(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.utime(descriptor, (0, 0))
            seen.extend(left(tmp_path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(tmp_path / "w", b"whole")
    assert len(seen) == 1
    assert (tmp_path / "w").read_bytes() == b"whole"


def test_links_folders_and_pipes_stay(tmp_path, dead):
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (tmp_path / f".link.{dead}.0123abcd.part").symlink_to(outside)
    (tmp_path / f".broken.{dead}.0123abcd.part").symlink_to(tmp_path / "nowhere")
    os.link(outside, tmp_path / f".second-name.{dead}.0123abcd.part")
    (tmp_path / f".folder.{dead}.0123abcd.part").mkdir()
    os.mkfifo(tmp_path / f".pipe.{dead}.0123abcd.part")
    before = sorted(os.listdir(tmp_path))
    assert left(tmp_path) == before
    assert outside.read_bytes() == b"precious"


def test_other_names_stay(tmp_path, dead):
    names = [
        f"w.{dead}.0123abcd.part",
        ".w.part",
        f".w.{dead}.0123.part",
        f".w.{dead}.0123abcd.part.txt",
        f".w.{dead}.0123ABCD.part",
    ]
    for name in [*names, f".{dead}.0123abcd.part", ".w.x1.0123abcd.part"]:
        (tmp_path / name).write_bytes(b"")
    assert len(left(tmp_path)) == 7


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_other_users_files_stay(tmp_path, dead):
    os.chown(part(tmp_path, dead), 12345, 12345)
    assert len(left(tmp_path)) == 1


def test_where_locks_do_not_work_nothing_is_removed(tmp_path, dead, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    before = part(tmp_path, dead)
    write_atomically(tmp_path / "w", b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([before.name, "w"])
    monkeypatch.setattr(replace, "fcntl", None)
    write_atomically(tmp_path / "w", b"again")
    assert sorted(os.listdir(tmp_path)) == sorted([before.name, "w"])
    assert (tmp_path / "w").read_bytes() == b"again"


@pytest.mark.parametrize("moment", ["flock", "replace"])
def test_a_temporary_file_that_somebody_removes_is_written_again(tmp_path, monkeypatch, moment):
    module = fcntl if moment == "flock" else os
    original, times = getattr(module, moment), []

    def removed_first(*arguments):
        times.append(1)
        if len(times) <= limit:
            for name in os.listdir(tmp_path):
                if name.endswith(".part"):
                    os.unlink(tmp_path / name)
        return original(*arguments)

    monkeypatch.setattr(module, moment, removed_first)
    limit = 2
    write_atomically(tmp_path / "w", b"whole")
    assert (tmp_path / "w").read_bytes() == b"whole"
    limit = 100
    with pytest.raises(FileNotFoundError, match="removed while it was written") as caught:
        write_atomically(tmp_path / "w", b"other")
    assert caught.value.filename == str(tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == b"whole"


def test_names_as_long_as_the_disk_allows(tmp_path):
    path = tmp_path / ("w" * 255)
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"


# -- mode and owner ----------------------------------------------------------------------------------------------------


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "w", b"whole")
        (tmp_path / "plain").write_bytes(b"")
    finally:
        os.umask(before)
    assert mode(tmp_path / "w") == mode(tmp_path / "plain") == 0o666 & ~umask


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o664, 0o666, 0o444, 0o2640])
def test_the_mode_survives(tmp_path, bits):
    path = tmp_path / "w"
    path.write_bytes(b"old")
    os.chmod(path, bits)
    if mode(path) != bits:
        pytest.skip("this disk keeps no such mode")
    for content in (b"first", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert mode(path) == bits


def test_a_private_file_is_private_while_it_is_written(tmp_path, monkeypatch):
    path, seen, lock = tmp_path / "w", [], replace._lock
    path.write_bytes(b"old")
    path.chmod(0o600)
    monkeypatch.setattr(replace, "_lock", lambda stream: (seen.append(os.fstat(stream.fileno()).st_mode & 0o777), lock(stream)))
    write_atomically(path, b"whole")
    assert seen == [0o600]


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_owner_and_group_survive(tmp_path):
    path = tmp_path / "w"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    os.chmod(path, 0o640)
    write_atomically(path, b"whole")
    assert (os.stat(path).st_uid, os.stat(path).st_gid, mode(path)) == (12345, 23456, 0o640)


def test_an_owner_that_cannot_be_kept_is_no_reason_to_fail(tmp_path, monkeypatch):
    def refused(*arguments):
        raise PermissionError(1, "Operation not permitted")

    path = tmp_path / "w"
    path.write_bytes(b"old")
    path.chmod(0o4750)
    another = os.stat(path)
    monkeypatch.setattr(os, "fchown", refused)
    monkeypatch.setattr(replace, "_existing", lambda target: os.stat_result([*another[:4], another.st_uid + 1, *another[5:10]]))
    write_atomically(path, b"whole")
    assert mode(path) == 0o750  # a program that runs in its owner's name would now run in another's


@pytest.mark.parametrize("system, refusals, arrives", [("nt", 3, True), ("nt", 100, False), ("posix", 1, False)])
def test_windows_is_given_a_moment_to_let_go_of_a_new_file(tmp_path, monkeypatch, system, refusals, arrives):
    """A virus scanner or an indexer looks into each; elsewhere a refusal is one."""
    left_to_refuse, pauses = [1] * refusals, []

    def refused_at_first(source, target):
        if left_to_refuse:
            left_to_refuse.pop()
            raise PermissionError(13, "used by another process", str(source))
        Path(source).rename(target)

    monkeypatch.setattr(replace, "os", SimpleNamespace(**{**vars(os), "name": system, "replace": refused_at_first}))
    monkeypatch.setattr(replace, "time", SimpleNamespace(sleep=pauses.append, time=lambda: 0.0))
    (tmp_path / "w").write_bytes(b"before")
    if arrives:
        write_atomically(tmp_path / "w", b"after")
        assert pauses == list(replace._PAUSES[:refusals])
    else:
        with pytest.raises(PermissionError):
            write_atomically(tmp_path / "w", b"after")
        assert pauses == list(replace._PAUSES if system == "nt" else ())
    assert (tmp_path / "w").read_bytes() == (b"after" if arrives else b"before")
    assert os.listdir(tmp_path) == ["w"]
