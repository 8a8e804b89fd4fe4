"""How kernels are read, compiled and given their arguments: with a recording stub in place of CuPy's compiler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import backend
from minidl.kernels.cuda import _module
from minidl.kernels.cuda._module import OPTIONS, Argument, Module, only, packed
from tests.gpu.strict_cupy import cupy, stand_in


class Recorder:
    """As ``cupy.RawModule``; keeps what it is given."""

    made: list[Any] = []
    launched: list[Any] = []

    def __init__(self, *, code: str, options: tuple[str, ...]) -> None:
        self.code, self.options = code, options
        self.made.append(self)

    def get_function(self, name: str) -> Any:
        return lambda grid, block, args: self.launched.append((name, self.options, grid, block, args))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    monkeypatch.setattr(Recorder, "made", [])
    monkeypatch.setattr(Recorder, "launched", [])
    monkeypatch.setattr(type(cupy), "RawModule", Recorder)
    with stand_in(), backend.use_backend("cupy"):
        yield Recorder


def array(dtype: str, size: int = 3) -> Any:
    return cupy.zeros(size, dtype)


def test_a_declaration_is_read_from_the_source() -> None:
    kernel = Module("update.cu").kernels["momentum"]
    assert (kernel.name, kernel.threads) == ("momentum", 256)
    assert kernel.arguments == (
        Argument("long long", "pieces", True),
        Argument("long long", "starts", True),
        Argument("real", "scalars", True),
        Argument("real", "momentum", False),
        Argument("bool", "nesterov", False),
    )
    axes = Module("pooling.cu").kernels["max_pool"].arguments  # a macro that stands for several parameters
    assert [a.name for a in axes[3:9]] == ["groups", "wide", "size_0", "out_0", "window_0", "stride_0"]
    assert len(axes) == 5 + 18


def test_arguments_take_the_declared_types(recorder: type[Recorder]) -> None:
    pieces, starts, scalars = array("int64"), array("int64"), array("float32")
    Module("update.cu")("momentum", scalars, 7, pieces, starts, scalars, 0.9, True)
    ((name, options, grid, block, args),) = recorder.launched
    assert (name, grid, block) == ("momentum", (7,), (256,))
    assert options == (*OPTIONS, "-Dreal=float")
    assert all(a is b for a, b in zip(args[:3], (pieces, starts, scalars)))
    assert [type(a) for a in args[3:]] == [np.float32, np.bool_]
    assert args[3:] == (np.float32(0.9), True)
    Module("linear.cu")("finish", scalars, 1, scalars, scalars, False, 3, 4)
    assert [type(a) for a in recorder.launched[1][-1][2:]] == [np.bool_, np.int64, np.int32]


def test_null_is_an_address() -> None:
    convolve = Module("convolution.cu").kernels["convolve"]
    x = array("float64")
    given = packed(convolve, (x, x, None, x, True, *range(23)), {"real": np.float64}, cupy.ndarray)
    assert type(given[2]) is np.uintp
    assert given[2] == 0


@pytest.mark.parametrize(
    "position, value, error",
    [
        (0, np.zeros(3, np.float32), TypeError),  # of the host
        (0, array("float64"), TypeError),
        (0, 3.0, TypeError),
        (2, array("float32"), TypeError),
        (3, None, TypeError),
        (3, 3.5, TypeError),
        (3, 2**63, OverflowError),
        (4, 2**31, OverflowError),
    ],
)
def test_what_does_not_fit_is_refused(position: int, value: Any, error: type[Exception]) -> None:
    kernel = Module("linear.cu").kernels["finish"]  # two arrays, a flag, 8 and 4 bytes of integer
    args = [array("float32"), array("float32"), True, 3, 3]
    packed(kernel, tuple(args), {"real": np.float32}, cupy.ndarray)
    args[position] = value
    with pytest.raises(error):
        packed(kernel, tuple(args), {"real": np.float32}, cupy.ndarray)
    with pytest.raises(TypeError, match="5 arguments"):
        packed(kernel, tuple(args[:-1]), {"real": np.float32}, cupy.ndarray)


def test_a_file_is_compiled_once_for_each_set_of_types(recorder: type[Recorder]) -> None:
    module = Module("activation.cu")
    for dtype in ("float32", "float64", "float32"):
        x = array(dtype)
        for kernel in ("relu", "tanh_", "relu"):
            module(kernel, x, 1, x, x, 3)
    assert [made.options[-1] for made in recorder.made] == ["-Dreal=float", "-Dreal=double"]
    assert len(recorder.launched) == 9
    gather, y = Module("gather.cu"), array("float32")
    for stored in ("uint8", "int16", "uint8"):
        gather("gather", y, 1, array(stored), array("int64"), y, 1, 1, stored=stored)
    assert [made.options[-1] for made in recorder.made[2:]] == ["-Dstored=unsigned char", "-Dstored=short"]


def test_no_blocks_launch_nothing(recorder: type[Recorder]) -> None:
    """CuPy would make one block of none."""
    x = array("float32", 0)
    Module("activation.cu")("relu", x, 0, x, x, 0)
    Module("activation.cu")("relu", x, (3, 0), x, x, 0)
    assert not recorder.launched


def test_headers_are_part_of_the_source() -> None:
    """CuPy's cache on disk goes by the source it is given: a header it has to look for could change unseen."""
    for path in sorted(_module.resources.files(_module.__package__).iterdir(), key=str):
        if path.name.endswith(".cu"):
            source = Module(path.name).source
            assert "#include" not in source
            assert source.count('#line 1 "common.cuh"') == 1


HEADERS = sorted(path.name for path in Path(_module.__file__).parent.glob("*.cuh"))


@pytest.mark.parametrize("file", HEADERS)
def test_a_header_may_be_included_twice(file: str) -> None:
    """Through others, as nvcc does it, which keeps no list: a learner who compiles a file by hand should succeed."""
    source = (Path(_module.__file__).parent / file).read_text()
    guard = f"MINIDL_{file.removesuffix('.cuh').upper()}_CUH"
    code = [line for line in source.splitlines() if line and not line.startswith("//")]
    assert code[:2] == [f"#ifndef {guard}", f"#define {guard}"]
    assert code[-1] == "#endif"


@pytest.mark.parametrize("file", sorted(path.name for path in Path(_module.__file__).parent.glob("*.cu")))
def test_each_kernel_stands_alone(file: str) -> None:
    module = Module(file)
    for kernel in module.kernels:
        source = only(module.source, kernel)
        assert list(_module._declarations(source)) == [kernel]
        assert source.count("\n") == module.source.count("\n")
        (begin,) = [line for line in source.splitlines() if line.startswith("KERNEL")]
        assert source.splitlines().index(begin) == module.source.splitlines().index(begin)


def test_kernels_that_are_compiled_one_by_one_know_nothing_of_each_other(recorder: type[Recorder]) -> None:
    x = array("float32")
    together, apart = Module("activation.cu"), Module("activation.cu", one_by_one=True)
    assert together._compiled(backend.current().xp, "relu", {"real": x.dtype}).code == together.source
    code = apart._compiled(backend.current().xp, "relu", {"real": x.dtype}).code
    assert "KERNEL(256) relu(" in code
    assert "KERNEL(256) relu_grad(" not in code
