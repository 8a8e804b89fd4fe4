"""What holds for every test: few and patient threads, so that several test processes share a machine well."""

from __future__ import annotations

import os

# Before NumPy and Numba are loaded, and inherited by the processes that pytest-xdist and the tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
