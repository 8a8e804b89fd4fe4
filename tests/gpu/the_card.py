"""The card in the processes that ``benchmarks.gpu`` starts in tests: importing this puts the stand-in for CuPy in its place."""

from __future__ import annotations

import atexit

from minidl.kernels.cuda import _cublas
from tests.gpu.strict_cupy import stand_in
from tests.gpu.test_cublas import RecordableCublas

_cublas.load = lambda name="cublas": RecordableCublas() if name == "cublas" else None
_open = stand_in()
_open.__enter__()
atexit.register(_open.__exit__, None, None, None)
