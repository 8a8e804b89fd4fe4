"""Folders of our own: made for this user alone, and trusted only where nobody else can have put something there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from minidl.folders import belongs_to_others, make_private, why_not_private

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such modes")
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
STRANGER = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The cache's home, with the folder of kernels in it."""
    folder = tmp_path / "above" / "home" / "kernels"
    make_private(folder)
    return folder.parent


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_new_folders_are_for_this_user_alone_whatever_the_umask(tmp_path: Path, umask: None) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/c")] == [0o700] * 3
    assert mode(tmp_path) == 0o755  # one that was there stays as it is
    make_private(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    for name in ("file", "file/a"):
        with pytest.raises(OSError):
            make_private(tmp_path / name)


def test_new_folders_are_never_open_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        monkeypatch.setattr(Path, "chmod", lambda *args: None)  # what is mended behind comes too late
        make_private(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [mode(tmp_path / path) for path in ("a", "a/b")] == [0o700] * 2


def test_what_is_ours_alone(home: Path) -> None:
    assert why_not_private(home / "kernels", home) == ""
    assert why_not_private(home / "kernels" / "not" / "yet", home) == ""
    home.parent.chmod(0o775)  # a group may write above: what it puts there belongs to another user, which is seen
    assert why_not_private(home / "kernels", home) == ""
    home.parent.chmod(0o1777)  # like /tmp
    assert why_not_private(home / "kernels", home) == ""


@pytest.mark.parametrize("where", [".", "kernels"])
@pytest.mark.parametrize("bits", [0o777, 0o770, 0o722, 0o1777])
def test_others_may_write(home: Path, where: str, bits: int) -> None:
    (home / where).chmod(bits)
    reason = why_not_private(home / "kernels", home)
    assert f"{home / where} can be written by others" in reason
    assert f"chmod go-w {home / where}" in reason


def test_others_may_put_another_one_in_its_place(home: Path) -> None:
    home.parent.chmod(0o777)
    assert f"{home.parent} can be written by others" in why_not_private(home / "kernels", home)


def test_a_relative_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    assert "home is a relative path" in why_not_private(Path("home/kernels"), Path("home"))


def test_links_are_followed_and_looked_at(home: Path, tmp_path: Path) -> None:
    """A home folder that is one, as /home -> /export/home, is common."""
    link = tmp_path / "link"
    link.symlink_to("above/../above")
    assert why_not_private(link / "home" / "kernels", link / "home") == ""
    (tmp_path / "other").symlink_to(link / "home")
    assert why_not_private(tmp_path / "other" / "kernels", tmp_path / "other") == ""
    home.chmod(0o777)
    assert "can be written by others" in why_not_private(tmp_path / "other" / "kernels", tmp_path / "other")
    home.chmod(0o700)
    home.parent.chmod(0o777)
    assert "can be written by others" in why_not_private(tmp_path / "other" / "kernels", tmp_path / "other")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert "circle" in why_not_private(tmp_path / "circle", tmp_path / "circle")


@needs_root
@pytest.mark.parametrize("where", ["..", ".", "kernels", "../../link"])
def test_what_belongs_to_another_user(home: Path, where: str) -> None:
    link = home.parent.parent / "link"
    link.symlink_to(home.parent)
    os.chown(home / where, STRANGER, STRANGER, follow_symlinks=False)
    reason = why_not_private(link / "home" / "kernels", link / "home")
    assert "belongs to another user" in reason
    assert "set MINIDL_HOME to a folder of your own" in reason


def test_root_is_trusted_and_a_stranger_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for owner, bits, expected in [
        (1000, 0o700, ""),
        (0, 0o755, ""),
        (1001, 0o700, "belongs to another user"),
        (1000, 0o720, "can be written by others"),
        (0, 0o702, "can be written by others"),
    ]:
        assert belongs_to_others(SimpleNamespace(st_uid=owner, st_mode=bits)) == expected  # type: ignore[arg-type]
    monkeypatch.delattr(os, "geteuid")  # Windows
    assert belongs_to_others(SimpleNamespace(st_uid=0, st_mode=0o777)) == ""  # type: ignore[arg-type]
