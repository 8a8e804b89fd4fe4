"""Without AVX-512 a part of a vector is stored in halves, quarters and so on, and nothing behind it is touched."""

import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip("numba")
PROGRAM = """
import numpy as np
from minidl.kernels.numba._jit import compiled
from minidl.kernels.numba._machine import REGISTERS
from minidl.kernels.numba._vector import LANES, load_all, store

assert REGISTERS == 16, REGISTERS

@compiled
def put(x, y, at, count):
    store(y, at, count, load_all(x, 0))

for dtype in ("float32", "float64"):
    x = np.arange(1, LANES + 1, dtype=dtype)
    for count in range(-2, LANES + 3):
        y = np.zeros(LANES + 2, dtype)
        put(x, y, 1, count)
        stored = max(0, min(count, LANES))
        expected = [0, *x[:stored], *[0] * (LANES + 1 - stored)]
        assert y.tolist() == expected, (dtype, count, y)
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="vectors of AVX2")
def test_so_many_numbers_are_stored_and_no_more():
    environment = {**os.environ, "NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
