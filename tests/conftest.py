"""What holds for every test: few and patient threads, so that several test processes share a machine well.

What always runs is a sample, for whoever tries minidl. A test marked ``more`` is a further row of a long table, or long for
what it adds, one marked ``slow`` takes longer; nearly all they prove is proven on a smaller scale by a test that always runs.
``--all`` runs both, ``--part 2/12`` the former and every twelfth of the latter, as .ci/run does for each change. They run,
too, where their marker is asked for (``-m slow``), and where tests are named one by one.
"""

from __future__ import annotations

import collections
import gc
import os
import signal
import threading
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest

# Before NumPy and Numba are loaded, and inherited by the processes that pytest-xdist and the tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("MINIDL_TUNING", "fixed")  # several processes share the machine: no time would mean anything


LEFT_OUT = pytest.StashKey[int]()
ON_DEVICE = "MINIDL_TEST_DEVICE"  # for files that are skipped altogether


def pytest_configure(config: pytest.Config) -> None:
    os.environ[ON_DEVICE] = config.getoption("--device")
    hypothesis.settings.register_profile("every run", max_examples=60)
    hypothesis.settings.register_profile("each change", max_examples=200)
    asked = any("::" in argument for argument in config.args) or config.getoption("markexpr")
    sample = not (config.getoption("--all") or config.getoption("--part") or asked)
    hypothesis.settings.load_profile("every run" if sample else "each change")


def part(text: str) -> tuple[int, int]:
    """2 and 8 of "2/8"."""
    number, of = map(int, text.split("/"))
    if not 0 < number <= of:
        raise ValueError
    return number, of


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=["cpu", "gpu"], default="cpu", help="gpu: run the tests of tests/gpu/test_card.py too")
    parser.addoption("--all", action="store_true", help="run the tests marked more and slow too")
    parser.addoption("--part", type=part, help="2/8: run the tests marked more, and the second eighth of those marked slow")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No search for garbage while tests are collected, and none among them later: they are many, and all stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def in_half(place: int) -> bool:
    """Half of all places, by multiples of the golden ratio: every second one would always have the same last parameter."""
    return place * 0.618034 % 1 < 0.5


def leave_out_rows(items: list[pytest.Item]) -> None:
    """Mark as ``more`` what ``one_in(n)`` leaves out of a table."""
    tables = collections.defaultdict[object, list[pytest.Item]](list)
    for item in items:
        function = getattr(item, "function", None)
        if function is not None and not item.get_closest_marker("slow") and not item.get_closest_marker("more"):
            tables[item.path, function.__qualname__].append(item)
    for rows in tables.values():
        said = rows[0].get_closest_marker("one_in")
        for place, item in enumerate(rows):
            if said and (place % said.args[0] if said.args[0] != 2 else not in_half(place)):
                item.add_marker("more")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_rows(items)
    named = any("::" in argument for argument in config.args)
    if config.getoption("--all") or named or {"slow", "more"} & set(config.getoption("markexpr").split()):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    more = [item for item in items if item.get_closest_marker("more")]
    if config.getoption("--part"):
        number, of = config.getoption("--part")
        slow, more = [item for place, item in enumerate(slow, 1) if place % of != number % of], []
    left_out = set(slow) | set(more)
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=[*left_out])
        config.stash[LEFT_OUT] = len(left_out)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # a process of pytest-xdist: what it collected, all of them did
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out:
        terminalreporter.write_line(
            f"{left_out} tests were left out, rows of tables and slow ones; all: python -m pytest -n auto --all"
        )


@pytest.fixture(autouse=True, scope="session")
def poisoned_memory() -> Iterator[None]:
    """Whatever is lent by the memory pool and not written to is NaN, in every test."""
    from minidl.backend.dispatch import CPU

    CPU.pool.poison = True
    yield
    CPU.pool.poison = False


@pytest.fixture(autouse=True, scope="session")
def control_c_is_heard() -> None:
    """A shell starts background jobs with it switched off, and the tests of Ctrl-C would hear nothing."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
