"""Old scripts, each of which asserts what it should have done: two of them always, all of them for each change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.old_scripts import SCRIPTS, or_skipped, run_script
from tests.cases.sample import mostly
from tests.cases.tiny_data import write_tiny_data

ALL = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_data(tmp_path_factory.mktemp("data"))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # files left open
@pytest.mark.parametrize("name", mostly(ALL, always=["mnist_mlp_1", "checkpoints"]))
def test_the_script_does_what_it_says(
    name: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINIDL_DATA", str(tiny_data))
    with or_skipped():
        run_script(SCRIPTS / f"{name}.py")
    assert "Using minidl backend." in capsys.readouterr().err.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist_mlp_1", "checkpoints", "gan_alternates", "tensorflow_seed_session"])
def test_a_script_in_a_process_of_its_own(name: str, tiny_data: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SCRIPTS.parents[2]), "MINIDL_DATA": str(tiny_data)}
    command = [sys.executable, "-m", "minidl", "run", str(SCRIPTS / f"{name}.py")]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "Using minidl backend."
