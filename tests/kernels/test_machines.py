"""Each kind of processor gets tiles made for it: its own vectors, all sums in registers, and no call of the C library."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed")

import llvmlite.binding as llvm
from llvmlite import ir

from minidl.kernels.numba import _along_depth, _blocking, _gather_tile, _instructions, _jit, _machine, _tile, _transpose
from minidl.kernels.numba._machine import AVX, AVX_2, AVX_512, NEON, SSE_2, ZEN_4, Machine, machine_of

pytestmark = pytest.mark.skipif(_jit.DISABLED, reason="nothing is compiled")

OF_AVX_512 = {"sse2", "avx", "avx2", "fma", "avx512f", "avx512vl"}


@pytest.mark.parametrize(
    "architecture, name, features, expected",
    [
        ("x86_64", "skylake-avx512", OF_AVX_512, AVX_512),
        ("x86_64", "znver5", OF_AVX_512, AVX_512),
        ("x86_64", "znver4", OF_AVX_512, ZEN_4),
        ("x86_64", "haswell", {"sse2", "avx", "avx2", "fma"}, AVX_2),
        ("x86_64", "x86-64-v3", {"avx2", "fma"}, AVX_2),
        ("x86_64", "bdver1", {"avx", "fma4"}, AVX_2),
        ("x86_64", "sandybridge", {"sse2", "avx"}, AVX),
        ("x86_64", "nehalem", {"sse2", "sse4.2"}, SSE_2),
        ("x86_64", "x86-64", set(), SSE_2),
        ("arm64", "apple-m1", {"neon", "fullfp16"}, NEON),
        ("aarch64", "generic", set(), NEON),
        ("aarch64", "neoverse-v1", {"sve"}, NEON),
        ("powerpc64le", "pwr9", {"vsx"}, SSE_2),
    ],
)
def test_machines_are_told_apart(architecture: str, name: str, features: set[str], expected: Machine) -> None:
    assert machine_of(architecture, name, features) == expected


def test_what_numba_was_told_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The features that are named are all there are; those that are found are LLVM's, without AVX where it is switched off."""
    config = _machine.numba.config
    monkeypatch.setattr(config, "CPU_FEATURES", "+avx2,-avx512f,+fma")
    assert _machine._features() == {"avx2", "fma"}
    monkeypatch.setattr(config, "CPU_FEATURES", "")
    assert _machine._features() == set()
    monkeypatch.setattr(config, "CPU_FEATURES", None)
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"sse2": True, "avx": True, "avx512f": False})
    assert _machine._features() == {"sse2", "avx"}
    monkeypatch.setattr(config, "ENABLE_AVX", 0)
    assert _machine._features() == {"sse2"}

    def unknown() -> Any:
        raise RuntimeError

    monkeypatch.setattr(llvm, "get_host_cpu_features", unknown)
    assert _machine._features() == set()


TARGETS = {  # LLVM's triple, processor and features; a multiply-add; a vector of 16 bytes that goes to the stack or comes back
    NEON: ("aarch64-unknown-linux-gnu", "apple-m1", "", r"\tfmla\t", r"(ld|st)[rp]\tq.*\[sp"),
    SSE_2: ("x86_64-unknown-linux-gnu", "x86-64", "+sse2", r"\tmulp[sd]\t", r"\tmov[au]p[sd]\t.*\(%rsp\)"),
}


def assembly(make: Callable[[], Any], machine: Machine, monkeypatch: pytest.MonkeyPatch) -> str:
    """What LLVM makes of the function that ``make`` would have compiled."""
    triple, name, features, *_ = TARGETS[machine]
    modules = []

    def written(_name: str, arguments: list[Any], emit: Callable[[ir.IRBuilder, Any], None]) -> int:
        modules.append(ir.Module())
        modules[0].triple = triple
        function = ir.Function(modules[0], ir.FunctionType(ir.VoidType(), arguments), "made")
        builder = ir.IRBuilder(function.append_basic_block())
        emit(builder, function.args)
        builder.ret_void()
        return 0

    for user in (_tile, _along_depth, _gather_tile, _transpose):
        monkeypatch.setattr(user, "machine_code", written)
    for user in (_instructions, _tile, _along_depth, _gather_tile, _blocking):
        monkeypatch.setattr(user, "MACHINE", machine)
    monkeypatch.setattr(_transpose, "EDGE", machine.vector_bytes)
    monkeypatch.setattr(_blocking, "tile_of", _tile.tile_of.__wrapped__)  # what this machine's kernels use is not forgotten
    make()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip("this llvmlite knows its own machine alone")
    target_machine = target.create_target_machine(cpu=name, features=features, opt=3)
    module = llvm.parse_assembly(str(modules[0]))
    module.data_layout = str(target_machine.target_data)
    passes = llvm.create_pass_builder(target_machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(module, passes)
    return str(target_machine.emit_assembly(module))


@pytest.mark.parametrize(
    "rows, columns, expected", [(128, 500, (4, 3)), (28, 20, (4, 3)), (14, 50, (5, 2)), (64, 64, (6, 2)), (80, 50, (6, 2))]
)
def test_with_16_registers_all_instructions_of_a_step_count(
    rows: int, columns: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By multiply-adds alone 80 x 50 would take 12 x 1, whose step has 29 instructions for 12 of them."""
    monkeypatch.setattr(_blocking, "MACHINE", AVX_2)
    menu = _blocking._MENU[AVX_2.registers, AVX_2.vector_bytes]
    assert min(menu, key=lambda size: _blocking._cost(*size, rows, columns, 8)) == expected


KINDS = pytest.mark.parametrize("machine", TARGETS, ids=["NEON", "SSE2"])
SIZES = [
    pytest.param(machine, rows, vectors, id=f"{'NEON' if machine is NEON else 'SSE2'}-{rows}-{vectors}")
    for machine in TARGETS
    for rows, vectors in _blocking._MENU[machine.registers, machine.vector_bytes]
]
BOTH = pytest.mark.parametrize("itemsize", [4, 8])


def check_loop(make: Callable[[], Any], count: int, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost loop has so many multiply-adds and moves no vector to the stack and back; nothing is called."""
    *_, multiply_add, on_the_stack = TARGETS[machine]
    code = assembly(make, machine, monkeypatch)
    assert not re.search(r"\t(bl|blr|callq?)\t", code), code
    innermost = max(re.split(r"\n(?=\.LBB)", code), key=lambda block: len(re.findall(multiply_add, block)))
    assert len(re.findall(multiply_add, innermost)) == count, code
    assert not re.search(on_the_stack, innermost), innermost


@pytest.mark.one_in(4)
@BOTH
@pytest.mark.parametrize("machine, rows, vectors", SIZES)
def test_the_sums_of_a_tile_stay_in_registers(
    machine: Machine, rows: int, vectors: int, itemsize: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = machine.vector_bytes // itemsize
    check_loop(lambda: _tile.tile_of.__wrapped__(rows, vectors, lanes, itemsize), rows * vectors, machine, monkeypatch)


@BOTH
@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@KINDS
def test_those_of_few_rows(machine: Machine, rows: int, itemsize: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = {NEON: {1: 8, 2: 8, 3: 7, 8: 3}, SSE_2: {1: 8, 2: 4, 3: 3, 8: 1}}[machine][rows]
    check_loop(lambda: _blocking.few_rows_shape.__wrapped__(rows, 1000, itemsize), rows * vectors, machine, monkeypatch)


@pytest.mark.parametrize("columns", [1, 4, 10])
@KINDS
def test_sums_along_the_depth_stay_in_registers(machine: Machine, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_along_depth, "MACHINE", machine)
    rows, columns = _along_depth.shape_along_depth(columns)
    check_loop(lambda: _along_depth.along_depth.__wrapped__(rows, columns, 4), rows * columns, machine, monkeypatch)


@BOTH
@KINDS
def test_those_of_a_list(machine: Machine, itemsize: int, monkeypatch: pytest.MonkeyPatch) -> None:
    most, lanes = machine.registers - 3, machine.vector_bytes // itemsize
    make = _gather_tile.gather_tile_of.__wrapped__
    check_loop(lambda: make(most, lanes, itemsize), most, machine, monkeypatch)


@BOTH
@KINDS
def test_a_block_is_turned_in_registers(machine: Machine, itemsize: int, monkeypatch: pytest.MonkeyPatch) -> None:
    code = assembly(lambda: _transpose.transposer.__wrapped__(itemsize), machine, monkeypatch)
    assert "sp" not in re.sub(r"\.cfi.*", "", code).split("made:")[1].split(".Lfunc_end")[0]


def test_the_check_notices_sums_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a multiply-add that the processor does not have."""
    for machine, vectors in ((NEON, 4), (SSE_2, 2)):
        with pytest.raises(AssertionError):
            check_loop(lambda v=vectors: _tile.tile_of.__wrapped__(8, v, 4, 4), 8 * vectors, machine, monkeypatch)
    fused = SSE_2._replace(fused=True)
    monkeypatch.setitem(TARGETS, fused, TARGETS[SSE_2])
    with pytest.raises(AssertionError, match="fmaf"):
        check_loop(lambda: _tile.tile_of.__wrapped__(4, 2, 4, 4), 8, fused, monkeypatch)
