"""Slow tests and further rows of tables are left out by default, and the run says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.sample import mostly
from tests.conftest import in_half

ROOT = Path(__file__).parents[1]
TWO_TESTS = """
import pytest

def test_quick():
    pass

@pytest.mark.slow
@pytest.mark.parametrize("n", range(5))
def test_slow(n):
    pass

@pytest.mark.one_in(3)
@pytest.mark.parametrize("n", range(7))
def test_table(n):
    pass

@pytest.mark.one_in(2)
@pytest.mark.parametrize("n", range(13))
def test_half_a_table(n):
    pass

@pytest.mark.parametrize("n", range(13))
def test_every_row(n):
    pass

@pytest.mark.parametrize("n", [*range(11), pytest.param(11, marks=pytest.mark.slow), pytest.param(12, marks=pytest.mark.more)])
def test_table_that_chose_its_rows(n):
    pass
"""


ROWS = {  # arguments, tests that pass and that are left out
    "": (35, 17),  # 1, 3 of 7, 7 of 13, 13, 11
    "-n 2": (35, 17),  # the processes that collect are not the one that writes the summary
    "--all": (52, 0),
    "--part 2/3": (48, 4),
    "--part 3/3": (48, 4),
    "-n 2 --part 1/5": (48, 4),
    "-m slow": (6, 0),
    "-m more": (11, 0),
    "test_two.py::test_slow": (5, 0),
    "test_two.py::test_half_a_table": (13, 0),
    "-k quick": (1, 17),
}


@pytest.mark.parametrize("arguments", mostly(ROWS, always=["--part 2/3"]))
def test_slow_tests_are_left_out_and_the_run_says_so(tmp_path: Path, arguments: str) -> None:
    passed, left_out = ROWS[arguments]
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_two.py").write_text(TWO_TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n more\n one_in\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments.split()]
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" {passed} passed" in done.stdout
    line = f"{left_out} tests were left out, rows of tables and slow ones; all: python -m pytest -n auto --all"
    assert (line in done.stdout) == bool(left_out), done.stdout


@pytest.mark.parametrize("values, rows", [(2, 12), (3, 12), (4, 12), (5, 40), (8, 64)])
def test_half_of_a_table_has_every_value_of_its_last_parameter(values: int, rows: int) -> None:
    half = [place for place in range(rows) if in_half(place)]
    assert {place % values for place in half} == set(range(values))
    assert abs(len(half) - rows / 2) <= 1
