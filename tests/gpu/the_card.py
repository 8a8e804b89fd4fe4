"""What the processes of ``benchmarks.gpu`` import in tests: the stand-in for CuPy, with a cuBLAS that can be recorded, as card."""

from __future__ import annotations

import atexit
from typing import Any

from minidl.kernels.cuda import _cublas
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import stand_in
from tests.gpu.test_cublas import FakeCublas


class RecordableCublas(FakeCublas):
    """While a stream is recorded nothing is computed."""

    def cublasGemmEx(self, *arguments: Any) -> int:
        if on_cpu.recording is None:
            return super().cublasGemmEx(*arguments)
        compute = super().cublasGemmEx
        on_cpu.recording.append(lambda: compute(*arguments))
        return self.status


_cublas.load = RecordableCublas
_open = stand_in()
_open.__enter__()
atexit.register(_open.__exit__, None, None, None)
