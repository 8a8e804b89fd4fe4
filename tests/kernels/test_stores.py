"""Without AVX-512 a part of a vector is read and written in halves, quarters and so on, and nothing behind it is touched."""

import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip("numba")
PROGRAM = """
import sys
import numpy as np
from minidl.kernels.numba import _machine
from minidl.kernels.numba._finish import finish, finisher
from minidl.kernels.numba._jit import compiled
from minidl.kernels.numba._vector import LANES, load, load_all, store, store_all

if len(sys.argv) > 1:
    assert _machine.MACHINE == getattr(_machine, sys.argv[1]), _machine.MACHINE

@compiled
def put(x, y, at, count):
    store(y, at, count, load_all(x, 0))

@compiled
def take(x, y, at, count):
    store_all(y, 0, load(x, at, count, 7))

@compiled
def bias_added(code, x, y, columns, bias):
    finish(
        code, sums=x, s_start=1, s_row_step=20, y=y, y_start=1, y_row_step=20,
        rows=2, columns=columns, bias=bias, b_start=0,
    )

for dtype in ("float32", "float64"):
    x = np.arange(1, LANES + 1, dtype=dtype)
    for count in range(-2, LANES + 3):
        y = np.zeros(LANES + 2, dtype)
        put(x, y, 1, count)
        stored = max(0, min(count, LANES))
        expected = [0, *x[:stored], *[0] * (LANES + 1 - stored)]
        assert y.tolist() == expected, (dtype, count, y)
        y, there = np.zeros(LANES, dtype), np.concatenate([np.full(1, np.nan, dtype), x[:stored]])
        take(there, y, 1, count)
        assert y.tolist() == [*x[:stored], *[7] * (LANES - stored)], (dtype, count, y)
    sums, bias = np.arange(40, dtype=dtype) - 15, np.arange(19, dtype=dtype)
    for columns in range(20):
        y, expected = np.zeros((2, 40), dtype)
        rows, there = expected.reshape(2, 20)[:, 1 : columns + 1], sums.reshape(2, 20)[:, 1 : columns + 1]
        rows[:] = np.maximum(there + bias[:columns], 0)
        bias_added(finisher(True, True, y.itemsize), sums, y, columns, bias)
        assert y.tolist() == expected.tolist(), (dtype, columns, y)
"""
X86 = {"AVX_2": ("x86-64-v3", "+avx2,+fma"), "SSE_2": ("x86-64", "+sse2")}
MACHINES = list(X86) if platform.machine() in ("x86_64", "AMD64") else [""]


@pytest.mark.more
@pytest.mark.one_in(2)
@pytest.mark.parametrize("machine", MACHINES)
def test_so_many_numbers_are_stored_and_no_more(machine):
    chosen = dict(zip(("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"), X86.get(machine, ())))
    command = [sys.executable, "-c", PROGRAM, *([machine] if machine else [])]
    done = subprocess.run(command, env={**os.environ, **chosen}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
