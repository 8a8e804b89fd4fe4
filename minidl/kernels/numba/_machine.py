"""What machine code is made for: the vectors of this processor, and what it does quickly with them.

    MACHINE            this processor, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES name

A ``Machine`` is five figures, so that a kernel asks for what it needs to know and not for a name. Right results need none
of them: LLVM makes code for every processor from any vectors, but what an instruction is missing for it takes apart.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import llvmlite.binding as llvm
import numba

from minidl.kernels.numba._private import DISABLED


class Machine(NamedTuple):
    """A kind of processor."""

    vector_bytes: int  # of the vectors it computes with in one piece
    registers: int  # that hold such a vector
    fused: bool  # a b + c is one instruction
    loads_parts: bool  # of a vector, with an instruction for it
    stores_parts: bool  # the same, and as quickly as a whole one


AVX_512 = Machine(vector_bytes=64, registers=32, fused=True, loads_parts=True, stores_parts=True)
ZEN_4 = AVX_512._replace(vector_bytes=32)  # computes 512 bits in two halves: vectors of 256 waste less at the ends
AVX_2 = Machine(vector_bytes=32, registers=16, fused=True, loads_parts=True, stores_parts=False)
AVX = AVX_2._replace(fused=False)
SSE_2 = Machine(vector_bytes=16, registers=16, fused=False, loads_parts=False, stores_parts=False)  # every x86 of 64 bits
NEON = Machine(vector_bytes=16, registers=32, fused=True, loads_parts=False, stores_parts=False)  # every ARM of 64 bits


def machine_of(architecture: str, name: str, features: Collection[str]) -> Machine:
    """The machine of LLVM's names: ``"x86_64"``, ``"znver4"``, ``{"avx2", "fma", ...}``."""
    if architecture in ("aarch64", "arm64", "arm64e"):
        return NEON
    if "avx512f" in features:
        return ZEN_4 if name == "znver4" else AVX_512
    if "avx" in features or "avx2" in features:
        return AVX_2 if "fma" in features or "fma4" in features else AVX
    return SSE_2  # and what nobody has looked at: all that compute on 64 bits have such vectors


def _features() -> set[str]:
    """What Numba tells LLVM of the processor: its features are those of this one unless they are named."""
    named = numba.config.CPU_FEATURES
    if named is not None:
        return {feature[1:] for feature in named.split(",") if feature.startswith("+")}
    try:
        found = llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know
        return set()
    return {feature for feature, there in found.items() if there and (numba.config.ENABLE_AVX or not feature.startswith("avx"))}


def processor() -> str:
    """LLVM's name of this processor, or the one that NUMBA_CPU_NAME gives."""
    return str(numba.config.CPU_NAME or llvm.get_host_cpu_name())


def _this() -> Machine:
    architecture = llvm.get_process_triple().partition("-")[0]
    return machine_of(architecture, processor(), _features())


MACHINE = AVX_512 if DISABLED else _this()  # without the compiler the same on every machine
