"""Old scripts, each of which asserts what it should have done: all of them with ``--all``, else a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.old_scripts import SCRIPTS, run_script
from tests.cases.tiny_data import write_tiny_data

ALL = sorted(SCRIPTS.glob("*.py"))


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_data(tmp_path_factory.mktemp("data"))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_the_script_does_what_it_says(
    path: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIDL_DATA", str(tiny_data))
    run_script(path)
    said = capsys.readouterr().err.splitlines()
    assert "Using minidl backend." in said
