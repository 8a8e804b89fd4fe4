"""Every ``.cu`` file compiled by NVRTC for real GPUs, which needs none: no spills, registers and shared memory in limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from minidl.kernels.cuda import _module
from minidl.kernels.cuda._module import Module, only, options
from tests.cases import sample

KERNELS = Path(_module.__file__).parent
FILES = sorted(path.name for path in KERNELS.glob("*.cu"))
ARCHITECTURES = (75, 80, 90)  # Turing, Ampere, Hopper
REGISTERS = 128  # of a thread: two blocks of 256 threads find room on a multiprocessor
SHARED = 48 * 1024  # bytes of a block that every GPU grants without being asked
FURTHER_TYPES = {"gather.cu": {"stored": np.dtype("uint8")}}
CHOSEN = {  # file -> other macros that launchers choose
    "convolution.cu": (
        {"ROWS": 256, "COLUMNS": 64, "WIDTH": 4, "RIGHT": 4, "RESULT": 4},
        {"ROWS": 256, "COLUMNS": 20, "WIDTH": 2, "RIGHT": 2, "RESULT": 4},
        {"ROWS": 128, "COLUMNS": 128, "WIDTH": 4, "RIGHT": 4, "RESULT": 4},
        {"ROWS": 32, "COLUMNS": 20, "RIGHT": 4, "RESULT": 4, "BLOCKS": 4},
        {"ROWS": 32, "COLUMNS": 64, "WORDS": 8},
        {"ROWS": 256, "COLUMNS": 32, "WORDS": 2},
        {"ROWS": 128, "COLUMNS": 64, "WORDS": 8},
        {"ROWS": 64, "COLUMNS": 128, "WORDS": 8},
        {"ROWS": 128, "COLUMNS": 128, "FACTORS": 11, "WORDS": 2},
        {"ROWS": 128, "COLUMNS": 64, "FACTORS": 11, "WORDS": 8},
        {"ROWS": 128, "COLUMNS": 64, "WIDTH": 4, "RIGHT": 2, "FACTORS": 11},
        {"ROWS": 128, "COLUMNS": 128, "WIDTH": 4, "RIGHT": 4, "FACTORS": 8},
    ),
    "cross_entropy.cu": ({"LANES": 4, "WIDTH": 4},),
    "softmax.cu": ({"LANES": 4},),
    **dict.fromkeys(("activation.cu", "dropout.cu", "normalization.cu", "pooling.cu"), ({"WIDTH": 4},)),
}
SPILLED = 256  # bytes that tiles may keep outside of registers, once for a whole sum


class Used(NamedTuple):
    """What a compiled kernel takes."""

    stack: int
    spilled: int
    registers: int
    shared: int


def compiled(source: str, flags: tuple[str, ...], architecture: int) -> dict[str, Used]:
    """Kernel -> what it takes, as the assembler reports it. Skips where NVRTC is not installed."""
    nvrtc = pytest.importorskip("cupy", reason="CuPy is not installed: pip install -e .[gpu-test]").cuda.nvrtc
    try:
        program = nvrtc.createProgram(source, "kernels.cu", (), ())
    except Exception as error:
        if "DynamicLibNotFound" in type(error).__name__:
            pytest.skip("NVRTC is not installed: pip install -e .[gpu-test]")
        raise
    try:
        nvrtc.compileProgram(program, (*flags, f"-arch=sm_{architecture}", "--ptxas-options=-v"))
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program))
    log = nvrtc.getProgramLog(program)
    assert ": warning" not in log, log
    return read_log(log)


def read_log(log: str) -> dict[str, Used]:
    found = {}
    for part in log.split("Compiling entry function '")[1:]:
        stack, stores, loads = map(int, re.findall(r"(\d+) bytes (?:stack frame|spill)", part)[:3])
        registers = int(re.findall(r"Used (\d+) registers", part)[0])
        shared = re.findall(r"(\d+) bytes smem", part)
        found[part.partition("'")[0]] = Used(stack, stores + loads, registers, int(shared[0]) if shared else 0)
    return found


@pytest.mark.one_in(2)
@pytest.mark.parametrize("architecture", sample.only(ARCHITECTURES, always=ARCHITECTURES[:1]))
@pytest.mark.parametrize("file", FILES)
def test_compiles_within_limits(file: str, architecture: int) -> None:
    module = Module(file)
    for real in ("float32", "float64"):
        used = compiled(module.source, options({"real": np.dtype(real), **FURTHER_TYPES.get(file, {})}), architecture)
        assert set(used) == set(module.kernels)
        for kernel, what in used.items():
            assert not what.spilled, f"{kernel}: {what}"
            assert not what.stack, f"{kernel}: {what}"
            assert what.registers <= REGISTERS, f"{kernel}: {what}"
            assert what.shared <= SHARED, f"{kernel}: {what}"


@pytest.mark.slow
@pytest.mark.parametrize("file, macros", [(file, macros) for file, several in CHOSEN.items() for macros in several])
def test_other_choices_compile_within_limits(file: str, macros: dict[str, int]) -> None:
    module = Module(file)
    for architecture in (80, 90):
        used = compiled(module.source, options({"real": np.dtype("float32"), **macros}), architecture)
        for kernel, what in used.items():
            assert what.spilled <= (SPILLED if "COLUMNS" in macros else 0), f"{kernel}: {what}"
            assert what.registers <= REGISTERS, f"{kernel}: {what}"
            assert what.shared <= SHARED, f"{kernel}: {what}"


@pytest.mark.parametrize("kernel", Module("convolution.cu").kernels)
def test_kernels_compile_one_by_one(kernel: str) -> None:
    source = only(Module("convolution.cu").source, kernel)
    assert set(compiled(source, options({"real": np.dtype("float32")}), 90)) == {kernel}


SPILLING = """
extern "C" __global__ __launch_bounds__(1024) void spill(double *x) {
    double a[96];
    #pragma unroll
    for (int i = 0; i < 96; i++) a[i] = x[i * 32 + threadIdx.x];
    #pragma unroll
    for (int round = 0; round < 3; round++)
        #pragma unroll
        for (int i = 0; i < 96; i++) a[i] = a[i] * a[(i * 7 + 5) % 96] + x[i];
    #pragma unroll
    for (int i = 0; i < 96; i++) x[i * 32 + threadIdx.x] = a[i];
}
"""


def test_a_spill_would_be_seen() -> None:
    assert compiled(SPILLING, (), 80)["spill"].spilled


def test_an_error_names_the_file_and_the_line() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"activation\.cu\(\d+\).*undefined"):
        compiled(Module("activation.cu").source.replace("rectified(x)", "rectified(z)"), options({"real": np.float32}), 80)
