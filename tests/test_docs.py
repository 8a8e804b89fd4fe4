"""The text tells the truth: code blocks run and print what stands below them, quoted code is the code, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minidl
from tests.cases import layer_page
from tests.cases.page import Block, blocks_of, name_of, run
from tests.cases.sample import mostly

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MAY_STAND_STILL = 3  # blocks marked no-run
TO_COME = {"compat", "distributed"}  # named by the text as things that do not exist yet
NO_MODULES = ("minidl.__main__",)
FIRST_IN_A_PATH = ("minidl", "tests", "docs", "examples", "benchmarks", ".ci", *(p.name for p in (ROOT / "minidl").iterdir()))


def strangers(block: Block) -> list[str]:
    """The parts of a quotation that do not stand in the file it names."""
    source = (ROOT / block.info.partition("file=")[2]).read_text()
    return [part for part in re.split(r"(?m)^\s*# \.\.\.\n", block.text) if part.strip("\n") not in source]


def unmarked(text: str) -> str:
    """The page without its fenced blocks and comments."""
    return re.sub(r"(?ms)^```.*?^```|<!--.*?-->", "", text)


def missing_paths(text: str) -> list[str]:
    """What stands in single backticks, looks like a path of the repository and does not exist."""
    missing = []
    for path in re.findall(r"`([\w./-]+)`", unmarked(text)):
        first = path.partition("/")[0]
        looks_like_one = ("/" in path and first in FIRST_IN_A_PATH) or path.endswith((".py", ".md", ".toml"))
        if looks_like_one and path.rstrip("/") not in TO_COME:
            somewhere = "/" not in path and any(True for folder in ("minidl", "tests") for _ in (ROOT / folder).rglob(path))
            if not somewhere and not any((folder / path).exists() for folder in (ROOT, ROOT / "minidl", ROOT / "docs")):
                missing.append(path)
    return missing


def anchors(text: str) -> set[str]:
    """The names GitHub gives to headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(text: str, page: Path) -> list[str]:
    """Links and pictures within the repository that lead nowhere."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", unmarked(text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target.read_text())):
            broken.append(link)
    return broken


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


WITH_CODE = [page for page in PAGES if any(block.info == "python" for block in blocks_of(page.read_text()))]
FIRST_READ = [ROOT / "README.md", ROOT / "docs" / "quickstart.md", ROOT / "docs" / "custom_layer.md"]


@pytest.mark.parametrize("page", mostly(WITH_CODE, FIRST_READ), ids=name_of)
def test_code_runs_and_prints_what_is_said(page: Path, tmp_path: Path) -> None:
    """In a process of its own, on one thread, which small products like best, and without waiting for kernels to compile."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "MKL", "OMP", "NUMBA")}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT), "MINIDL_KERNELS": "reference"}
    for name in ("MINIDL_DATA", "MINIDL_BACKEND"):
        environment.pop(name, None)
    command = [sys.executable, "-W", "error", "-m", "tests.cases.page", str(page)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@each_page
def test_quoted_code_is_the_code(page: Path) -> None:
    quotations = [block for block in blocks_of(page.read_text()) if "file=" in block.info]
    wrong = {f"{name_of(page)}:{block.line}": strangers(block) for block in quotations if strangers(block)}
    assert not wrong, "quote the file as it is now"


@each_page
def test_paths_exist_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    assert not missing_paths(text)
    assert not broken_links(text, page)


def test_few_blocks_stand_still() -> None:
    infos = [block.info for page in PAGES for block in blocks_of(page.read_text())]
    known = {"python", "output", "text", "bash", "python no-run"}
    assert {info for info in infos if "file=" not in info and "if=" not in info} <= known
    assert infos.count("python no-run") <= MAY_STAND_STILL
    assert infos.count("python") > 20


def test_the_tests_of_this_file_notice() -> None:
    with pytest.raises(AssertionError):
        run(blocks_of("```python\nprint(1)\n```\n```output\n2\n```\n"), "page")
    with pytest.raises(ZeroDivisionError):
        run(blocks_of("```python\nx = 0\n```\ntext\n```python\n1 / x\n```\n"), "page")
    with pytest.raises(ZeroDivisionError):
        run(blocks_of("```python if=pytest\n1 / 0\n```\n"), "page")
    run(blocks_of("```python if=pytest,no_such_package\n1 / 0\n```\n"), "page")
    run(blocks_of("```python no-run\n1 / 0\n```\n```text\n1 / 0\n```\n"), "page")
    quotation = "@op\n# ...\n    return call\n"
    assert strangers(Block(1, "python file=minidl/ops/linear.py", quotation)) == ["    return call\n"]
    assert missing_paths("`minidl/nothing.py` `layers/dense.py` `tests/` `softmax`") == ["minidl/nothing.py"]
    assert broken_links("[a](nowhere.md) [b](README.md#not-there) [c](https://example.org)", ROOT / "x.md") == [
        "nowhere.md",
        "README.md#not-there",
    ]


def modules() -> list[str]:
    """Every module of minidl that can be imported here."""
    found = ["minidl"]
    for info in pkgutil.walk_packages(minidl.__path__, "minidl.", onerror=lambda name: None):
        kernels = info.name.startswith("minidl.kernels.") and importlib.util.find_spec("numba") is None
        of_then = info.name.startswith("minidl.compat.sklearn.") and importlib.util.find_spec("sklearn") is None
        if not info.name.startswith(NO_MODULES) and not kernels and not of_then:
            found.append(info.name)
    return found


@pytest.mark.one_in(2)
@pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")  # examples of old names are old
@pytest.mark.parametrize("name", modules())
def test_doctests(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module)
    assert not failed


def test_there_are_doctests() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [test for name in modules() for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(examples) > 40


def test_the_page_of_layers_is_made_of_their_own_words() -> None:
    assert layer_page.PAGE.read_text(encoding="utf-8") == layer_page.page(), "python -m tests.cases.layer_page"
