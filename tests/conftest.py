"""What holds for every test: few and patient threads, so that several test processes share a machine well."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# Before NumPy and Numba are loaded, and inherited by the processes that pytest-xdist and the tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", choices=["cpu", "gpu"], default="cpu", help="gpu: run the tests of tests/gpu/test_card.py too")


@pytest.fixture(autouse=True, scope="session")
def poisoned_memory() -> Iterator[None]:
    """Whatever is lent by the memory pool and not written to is NaN, in every test."""
    from minidl.backend.dispatch import CPU

    CPU.pool.poison = True
    yield
    CPU.pool.poison = False
