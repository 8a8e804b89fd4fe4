"""The probes of ``benchmarks.gpu``, on the stand-in for CuPy."""

from __future__ import annotations

import sys

import tests.gpu.the_card  # noqa: F401  (before a probe looks for a GPU)
from benchmarks.gpu_probes import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
