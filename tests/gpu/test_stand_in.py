"""The stand-in for CuPy is strict where it says so, and has no name that CuPy lacks."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from tests.gpu import on_cpu
from tests.gpu.strict_cupy import NAMES, OutOfMemoryError, array, cuda, cupy, device, stand_in

PACKAGE = Path(__file__).parents[2] / "minidl"


def test_the_lists_are_those_of_cupy() -> None:
    real = pytest.importorskip("cupy", reason="CuPy is not installed: pip install -e .[gpu-test]")
    if real.__version__.split(".")[:2] != cupy.__version__.split(".")[:2]:
        pytest.skip(f"the list is of CuPy {cupy.__version__}, installed is {real.__version__}")
    assert {name for name in dir(real) if not name.startswith("_")} == NAMES
    assert {name for name in dir(real.ndarray) if not name.startswith("_")} == array.NAMES


def test_every_name_the_package_takes_from_the_array_library_exists_in_cupy() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if path.parent.name == "numba" or not ("xp." in text or "array_namespace" in text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute):
                library = node.value.func if isinstance(node.value, ast.Call) else node.value
                names = (getattr(library, "id", ""), getattr(library, "attr", ""))
                if {"xp", "array_namespace"} & set(names):
                    found.add(node.attr)
    assert {"exp", "zeros", "RawModule", "cuda"} <= found  # the search does find them
    assert not {name for name in found if name not in NAMES and not name.startswith("__")}


def test_names_that_cupy_lacks_are_missing() -> None:
    assert np.errstate
    assert np.insert
    for name in ("errstate", "insert", "vecdot", "spacing", "no_such_name"):
        with pytest.raises(AttributeError, match=name):
            getattr(cupy, name)
    with pytest.raises(AttributeError):
        cupy.asarray([1, 2]).newbyteorder()


def test_host_arrays_and_lists_are_refused() -> None:
    x = cupy.asarray(np.ones((2, 3)))
    host = np.ones((2, 3))
    refused = [
        lambda: x + host,
        lambda: host + x,
        lambda: cupy.exp(host),
        lambda: np.add(x, host),
        lambda: cupy.add(x, x, out=host),
        lambda: np.add(host, host, out=x),
        lambda: cupy.concatenate([x, host]),
        lambda: x[np.array([0, 1])],
        lambda: x.__setitem__(0, host[0]),
        lambda: x.__iadd__(host),
        lambda: host.__iadd__(x),
    ]
    for operation in refused:
        with pytest.raises(TypeError):
            operation()


def test_what_cupy_allows_is_allowed() -> None:
    x = cupy.asarray(np.arange(6.0).reshape(2, 3))
    assert type(x.sum()) is array.ndarray  # a reduction gives an array of no axes, which has to be waited for
    assert np.exp(x).get().shape == (2, 3)
    assert (np.float32(2) * x + 1).get()[1, 2] == 11
    view = x[:, 1]
    view += 100
    assert x.get()[0, 1] == 101
    assert view.base is x
    assert x[cupy.asarray([2, 3, -1])].get().tolist() == x.get()[[0, 1, 1]].tolist()  # out of range wraps in silence


def _in_place(x: object, i: object) -> object:
    y = cupy.zeros((4, 3))
    y[i] = x[i]
    y[x > 2] = -1
    y[:, 1] += 10
    return y


REPLAYED = {  # on x (4, 3), integers i (4,)
    "elementwise": lambda x, i: x * 2 + cupy.exp(-x),
    "a reduction": lambda x, i: x.sum(axis=0),
    "a view": lambda x, i: x.T[1:] + 1,
    "a copy of a view": lambda x, i: x.T.reshape(-1),
    "several results": lambda x, i: cupy.concatenate(cupy.split(x, [1], axis=1)[::-1], axis=1),
    "several results of their own": lambda x, i: cupy.frexp(x)[0] * 2,
    "rows by index": lambda x, i: x[i] + x[:, i[:2]].sum(),
    "an index that is computed": lambda x, i: x[(i + 1) % 4],
    "written in place": _in_place,
    "added at places": lambda x, i: _added(x, i),
    "filled": lambda x, i: _filled(x),
    "one number": lambda x, i: x[0, 0] + x.max(),
}


def _added(x: object, i: object) -> object:
    y = cupy.zeros((4, 3))
    cupy.add.at(y, i, x)
    return y


def _filled(x: object) -> object:
    y = cupy.empty((4, 3))
    y.fill(2.0)
    y += x
    return y


@pytest.mark.parametrize("name", REPLAYED)
def test_array_operations_are_replayed_with_other_numbers(name: str) -> None:
    """While a graph is recorded nothing is computed; each replay computes with what then stands in memory."""
    rng = np.random.default_rng(0)
    batches = [(rng.normal(2, 1, (4, 3)), rng.integers(0, 4, 4)) for _ in range(3)]
    expected = [REPLAYED[name](*map(cupy.asarray, batch)).get() for batch in batches]
    x, i = cupy.empty((4, 3)), cupy.empty(4, "int64")
    stream = cuda.Stream()
    with stream, cuda.using_allocator(cuda.MemoryPool().malloc):
        stream.begin_capture()
        result = REPLAYED[name](x, i)
        graph = stream.end_capture()
    for (a, b), e in zip(batches, expected):
        x[...], i[...] = cupy.asarray(a), cupy.asarray(b)
        graph.launch(stream)
        np.testing.assert_array_equal(result.get(), e)


@pytest.mark.parametrize(
    "refused",
    [
        lambda x: cupy.asarray(np.ones(3)),
        lambda x: x.get(),
        lambda x: x @ x.T,
        lambda x: x.dot(x.T),
        lambda x: cupy.argsort(x),
        lambda x: cupy.concatenate([x] * 9),
    ],
)
def test_what_cupy_does_not_record_is_refused(refused: object) -> None:
    x, stream = cupy.ones((3, 3)), cuda.Stream()
    refused(x)
    with stream, cuda.using_allocator(cuda.MemoryPool().malloc):
        stream.begin_capture()
        try:
            with pytest.raises(RuntimeError, match="not permitted"):
                refused(x)
        finally:
            stream.end_capture()


def test_memory_is_poisoned_and_fenced() -> None:
    x = cupy.empty((3,), "float32")
    assert np.isnan(x.get()).all()
    x.check_guards("nobody")
    owner = x._host
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    owner[-1] = 0
    with pytest.raises(AssertionError, match="kernel wrote behind"):
        x[:1].check_guards("kernel")


def test_the_nth_allocation_can_fail() -> None:
    with stand_in(), device.out_of_memory_at(3):
        cupy.empty(2)
        x = cupy.asarray([1.0])
        with pytest.raises(OutOfMemoryError):
            x + 1
        x + 1


BARRIERS = """
#define KERNEL(threads) extern "C" __global__ __launch_bounds__(threads) void
KERNEL(64) missed(float *x) { if (threadIdx.x < 32) __syncthreads(); x[threadIdx.x] = 1; }
KERNEL(64) different(float *x) {
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
    x[threadIdx.x] = 1;
}
KERNEL(64) lonely(float *x) { if (threadIdx.x % 32 < 5) x[0] = __shfl_xor_sync(31u, x[0], 1); else __syncthreads(); }
KERNEL(64) beyond(float *x) { x[threadIdx.x + 1] = 1; }
"""


@pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
@pytest.mark.parametrize(
    "kernel, words",
    [
        ("missed", "without reaching a barrier"),
        ("different", "at different barriers"),
        ("lonely", "for ever"),
        ("beyond", "wrote behind"),
    ],
)
def test_what_would_hang_or_corrupt_a_gpu_is_an_error(kernel: str, words: str) -> None:
    function = on_cpu.RawModule(code=BARRIERS).get_function(kernel)
    with pytest.raises((on_cpu.LaunchError, AssertionError), match=words):
        function((1,), (64,), (cupy.empty(64, "float32"),))


@pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
@pytest.mark.parametrize(
    "grid, block, arguments",
    [
        ((0,), (64,), 1),
        ((1,), (2048,), 1),
        ((1, 70000), (64,), 1),
        ((1,), (64,), 0),
        ((1,), (64,), "float64"),
        ((1,), (64,), 7),
        ((1,), (64,), None),
    ],
)
def test_launches_that_cuda_or_cupy_would_get_wrong_are_refused(grid: tuple, block: tuple, arguments: object) -> None:
    function = on_cpu.RawModule(code=BARRIERS).get_function("beyond")
    args = {0: (), 1: (cupy.empty(65, "float32"),), "float64": (cupy.empty(65, "float64"),)}.get(arguments, (arguments,))
    with pytest.raises(on_cpu.LaunchError):
        function(grid, block, args)
