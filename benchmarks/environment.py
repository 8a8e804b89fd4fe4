"""The variables a worker process starts with: every library as it comes, whatever is set here.

minidl, PyTorch and JAX read the same variables, and what helps one hurts another: OMP_WAIT_POLICY=passive alone doubles
the time of PyTorch's small steps. So those of this process are set aside, and named in the results.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
SET_ASIDE = (
    *("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_", "BLIS_", "VECLIB_", "NUMBA_", "XLA_", "ATEN_"),
    *("CUDA_LAUNCH_BLOCKING", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
    *("MINIDL_KERNELS", "MINIDL_BACKEND", "PYTHONWARNINGS"),
)
KEPT = ("NUMBA_CACHE_DIR",)
AVX2 = {  # how each library is told to do without the vectors of 512 bits
    "NUMBA_CPU_NAME": "x86-64-v3",
    "NUMBA_CPU_FEATURES": "+avx2,+fma",  # without which Numba adds those of this machine to the name's
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
FOR_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


_limits: dict[str, str] = {}


def only_avx2() -> None:
    """From now on workers compute as on a processor without AVX-512."""
    _limits.update(AVX2)


def limited() -> bool:
    """Whether ``only_avx2`` was asked for."""
    return bool(_limits)


def set_aside() -> list[str]:
    """The variables of this process that workers do not see, ``NAME=value``."""
    return sorted(f"{n}={v}" for n, v in os.environ.items() if n.startswith(SET_ASIDE) and n not in KEPT)


def for_workers(threads: int | None = None) -> dict[str, str]:
    """Environment variables of a worker; ``threads`` limits every library to so many."""
    hidden = {item.partition("=")[0] for item in set_aside()}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    paths = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "JAX_PLATFORMS": "cpu"}
    if threads is not None:
        environment |= dict.fromkeys(FOR_THREADS, str(threads))
    return environment | _limits
