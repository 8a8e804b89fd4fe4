"""minidl's side of ``benchmarks.gpu``, on the stand-in for CuPy."""

from __future__ import annotations

import tests.gpu.the_card  # noqa: F401  (before the side looks for a GPU)
from benchmarks.sides.minidl_gpu import *  # noqa: F403
