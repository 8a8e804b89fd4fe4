"""Memory that kernels make for themselves is freed after its last use and not before; what they are lent they leave alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba is not installed")

from numba.core.runtime import _nrt_python as memory
from numba.core.runtime import rtsys

from minidl.kernels.numba import _jit
from minidl.kernels.numba._jit import compiled, inner
from minidl.kernels.numba._parallel import in_parallel
from minidl.kernels.numba._runs import new_run

pytestmark = pytest.mark.skipif(_jit.DISABLED, reason="nothing is compiled")
LENGTH = 50


@pytest.fixture
def counted() -> Iterator[None]:
    memory.memsys_enable_stats()
    yield
    memory.memsys_disable_stats()


class Pair(NamedTuple):
    first: Any
    second: Any


@inner
def _filled(x: Any, number: Any) -> Any:
    """A run of so many times ``number``."""
    run = new_run(LENGTH, x.dtype)
    for i in range(LENGTH):
        run[i] = number
    return run


@inner
def _same(run: Any) -> Any:
    """What it was lent."""
    return run


@inner
def _as_pair(first: Any, second: Any) -> Any:
    return Pair(first, second)


@inner
def _sum(pair: Any) -> Any:
    """Of both runs of a pair: it makes nothing, and gives back a number."""
    a, b = pair.first, pair.second
    both = Pair(b, a)
    total = 0.0
    for i in range(LENGTH):
        total += both.first[i] + both.second[i]
    return total


@inner
def _tasks(first: int, last: int, x: Any, sums: Any) -> None:
    for task in range(first, last):
        run = _filled(x, x[task])
        for _ in range(3):
            other = _same(run)  # the last use of what the loop before has made
            run = _filled(x, x[task])
        sums[task] = _sum(_as_pair(_same(other), run)) + _sum(Pair(_filled(x, 1.0), _same(x)))


@compiled
def _on_threads(x: Any, sums: Any) -> None:
    in_parallel(_tasks, len(sums), (x, sums))


@compiled
def _on_one_thread(x: Any, sums: Any) -> None:
    kept = _same(x)
    _tasks(0, len(sums), kept, sums)


@pytest.mark.parametrize("kernel", [_on_threads, _on_one_thread])
@pytest.mark.usefixtures("counted")
def test_all_that_is_made_is_freed_and_not_too_early(kernel: Any) -> None:
    x = np.arange(LENGTH, dtype=np.float32)
    sums = np.zeros(8, np.float32)
    kernel(x, sums)  # compiles
    before = rtsys.get_allocation_stats()
    for _ in range(20):
        kernel(x, sums)
        np.testing.assert_array_equal(sums, 2 * LENGTH * x[:8] + LENGTH + x.sum())
    after = rtsys.get_allocation_stats()
    made = after.mi_alloc - before.mi_alloc
    assert made >= 20 * 8 * 5
    assert after.mi_free - before.mi_free == made


@pytest.mark.parametrize("kernel", [_on_threads, _on_one_thread])
def test_what_is_lent_is_neither_kept_nor_freed(kernel: Any) -> None:
    x = np.arange(LENGTH, dtype=np.float32)
    sums = np.zeros(8, np.float32)
    for _ in range(5):
        kernel(x, sums)
    np.testing.assert_array_equal(x, np.arange(LENGTH))
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None
