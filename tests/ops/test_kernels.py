"""Kernels against the references they stand for: found by the dispatcher's own rule, held to the op's whole case table.

A kernel that is added later is tested without a word here; an op without a kernel has no test here.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import config
from minidl.backend import RowTable, use_threads
from minidl.backend.dispatch import CPU, find_kernel, has_accelerator
from minidl.geometry import Window
from minidl.ops import (
    activation,
    convolution,
    cross_entropy,
    dropout,
    embedding,
    linear,
    normalization,
    pooling,
    recurrent,
    update,
)
from tests.cases.ops import OpCase, all_ops, cases_of, op_function
from tests.cases.sample import mostly, only
from tests.ops.naive import assert_close

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "minidl" / "kernels"
IDENTITIES = ("activation.linear", "activation.linear_grad")  # they hand on what they are given


def ops_with_kernels() -> list[str]:
    """Ops whose kernel the dispatcher would find for NumPy arrays."""
    return [op for op in all_ops() if find_kernel(CPU.kernels, *op.split("."))]


def needs_kernels(ops: list[str]) -> list[Any]:
    """Parameters for pytest: the ops, or one skipped test that says why there are none."""
    if ops:
        return list(ops)
    reason = "numba is not installed" if not has_accelerator(CPU.kernels) else "no op has a kernel yet"
    return [pytest.param("", marks=pytest.mark.skip(reason=reason))]


OPS_WITH_KERNELS = needs_kernels(ops_with_kernels())
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
DTYPES = only([np.float32, np.float64], always=[np.float32])
float64_for_each_change = pytest.mark.parametrize(
    "dtype", mostly([np.float32, np.float64], always=[np.float32]), ids=["float32", "float64"]
)
float64_with_all = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


@pytest.fixture(autouse=True)
def poisoned_pool() -> Iterator[None]:
    """Whatever a kernel forgets to write is NaN."""
    before, CPU.pool.poison = CPU.pool.poison, True
    yield
    CPU.pool.poison = before


LIMITS = ("SMALL", "FEW_ROWS", "FEWEST", "POSITIONS")  # below these a kernel leaves the work to the reference or another kernel


@functools.cache
def limits() -> list[tuple[Any, str]]:
    """Every limit of every kernel module."""
    stems = [path.stem for path in sorted((KERNELS / "numba").glob("*.py")) if path.stem != "__init__"]
    modules = [importlib.import_module(f"minidl.kernels.numba.{stem}") for stem in stems if has_accelerator(CPU.kernels)]
    return [(module, name) for module in modules for name in LIMITS if hasattr(module, name)]


def set_limits(value: int | None, before: dict[tuple[str, str], int]) -> None:
    """Give every limit of every kernel module this value, or (None) the one it had."""
    for module, name in limits():
        before.setdefault((module.__name__, name), getattr(module, name))
        setattr(module, name, before[module.__name__, name] if value is None else value)


@pytest.fixture(autouse=True)
def nothing_is_too_small() -> Iterator[None]:
    """Kernels take the small cases of the table too."""
    before: dict[tuple[str, str], int] = {}
    set_limits(0, before)
    yield
    set_limits(None, before)


def copies(args: tuple) -> tuple:
    """The same arguments in arrays of their own."""
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args)


def run(case: OpCase, args: tuple, kwargs: dict, kernels: str) -> tuple:
    """Results of the op (what it changed, where it works in place), by its kernel ("auto") or by its reference."""
    with config.use_kernels(kernels):
        result = case.function(*args, **kwargs)
    if case.writes:
        assert result is None, f"{case}: works in place and returns nothing"
        return tuple(args[k] for k in case.writes)
    return result if isinstance(result, tuple) else (result,)


def fresh(case: OpCase, seed: int, dtype: Any) -> tuple[tuple, dict]:
    return case.make(np.random.default_rng(seed), dtype)


def check_case(case: OpCase, seed: int, dtype: Any) -> None:
    """Agrees with the reference, changes no input, returns memory of its own, the same bits twice."""
    args, kwargs = fresh(case, seed, dtype)
    expected = [np.array(e) for e in run(case, copies(args), fresh(case, seed, dtype)[1], "reference")]
    before = copies(args)
    found = run(case, args, kwargs, "auto")
    assert len(found) == len(expected), f"{case}: {len(found)} results"
    for a, e in zip(found, expected):
        assert a.dtype == e.dtype, f"{case}: {a.dtype}, reference {e.dtype}"
        assert_close(a, e, case.compare, f"{case} ({np.dtype(dtype)})")
    inputs = [a for k, a in enumerate(args) if isinstance(a, np.ndarray) and k not in case.writes]
    for now, then in zip(inputs, [b for k, b in enumerate(before) if isinstance(b, np.ndarray) and k not in case.writes]):
        assert now.tobytes() == then.tobytes(), f"{case}: an input was changed"
    if "out" in kwargs:
        assert found[0] is kwargs["out"], f"{case}: not written where it was asked to"
    elif not case.writes and case.op not in IDENTITIES:
        assert not any(np.may_share_memory(a, b) for a in found for b in inputs), f"{case}: result shares an input's memory"
        assert all(a.flags.writeable for a in found), f"{case}: read-only result"
    again = run(case, before, fresh(case, seed, dtype)[1], "auto")
    assert [a.tobytes() for a in again] == [a.tobytes() for a in found], f"{case}: other bits the second time"


# Cases with kernels of their own: volumes, depthwise sums, and products of very many rows. Compiling those takes long.
OF_THEIR_OWN = re.compile(r"\b3d\b|depthwise|groups|\((1543|2100),\)")
WITH_FURTHER_CASES = [op for op in ops_with_kernels() if any(OF_THEIR_OWN.search(str(case)) for case in cases_of(op))]


@float64_with_all
@pytest.mark.parametrize("op", OPS_WITH_KERNELS)
def test_kernel_equals_reference(op: str, dtype: type) -> None:
    for seed, case in enumerate(cases_of(op)):
        if not OF_THEIR_OWN.search(str(case)):
            check_case(case, seed, dtype)


@pytest.mark.more
@float64_with_all
@pytest.mark.parametrize("op", needs_kernels(WITH_FURTHER_CASES))
def test_kernel_equals_reference_in_further_cases(op: str, dtype: type) -> None:
    for seed, case in enumerate(cases_of(op)):
        if OF_THEIR_OWN.search(str(case)):
            check_case(case, seed, dtype)


@float64_for_each_change
@pytest.mark.parametrize(
    "op", [op for op in OPS_WITH_KERNELS if isinstance(op, str) and op.split(".")[0] in ("activation", "update", "gradients")]
)
def test_many_chunks_on_threads(op: str, dtype: type) -> None:
    """More elements than one task takes, and not a multiple of it."""
    rng, seen = np.random.default_rng(5), set[str]()
    for case in cases_of(op):
        args, kwargs = fresh(case, 0, dtype)
        rest = repr([[a for a in args if not (isinstance(a, np.ndarray) and a.size > 1)], kwargs])
        if rest in seen:  # cases that differ in their shapes are one
            continue
        seen.add(rest)
        long = [rng.standard_normal(100_003).astype(dtype) if isinstance(a, np.ndarray) and a.size > 1 else a for a in args]
        if op.startswith("update."):
            long = [abs(a) if isinstance(a, np.ndarray) and a.size > 1 else a for a in long]  # running squares
        if "centered" in op:
            long[2] = long[2] + long[3] * long[3]  # mean squares, no smaller than the mean's square
        if not any(isinstance(a, np.ndarray) and a.size == 100_003 for a in long):
            continue
        found = run(case, copies(tuple(long)), kwargs, "auto")
        expected = run(case, copies(tuple(long)), kwargs, "reference")
        for a, e in zip(found, expected):
            assert_close(a, e, case.compare, f"{case} of 100003 elements")


class PlantedCase(OpCase):
    """A case whose kernel is ``planted`` and whose reference doubles."""

    planted: Callable[[np.ndarray], Any]

    @property
    def function(self) -> Callable[..., Any]:
        return lambda x: self.planted(x) if config.kernels() == "auto" else 2 * x


def doubled_in_place(x: np.ndarray) -> np.ndarray:
    x *= 2
    return x.copy()


def half_written(x: np.ndarray) -> np.ndarray:
    y = CPU.empty(x.shape, x.dtype)
    y[:-1] = 2 * x[:-1]
    return y


FAULTY: dict[str, Callable[[np.ndarray], Any]] = {
    "a little off": lambda x: 2.0001 * x,
    "input changed": doubled_in_place,
    "one element forgotten": half_written,
    "other dtype": lambda x: (2 * x).astype(np.float64),
    "other shape": lambda x: 2 * x[:, None],
    "memory of the input": lambda x: x if not x.any() else 2 * x,
    "too many results": lambda x: (2 * x, x.copy()),
    "read-only": lambda x: read_only(2 * x),
    "other bits every time": lambda x: 2 * x + np.float32(1e-7) * np.float32(np.random.default_rng().random()),
    "infinite": lambda x: np.where(x == x.max(), np.float32(np.inf), 2 * x),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_the_check_notices(fault: str) -> None:
    zeros = fault == "memory of the input"
    make = lambda rng, dtype: (((np.zeros(50, dtype) if zeros else rng.random(50).astype(dtype)),), {})  # noqa: E731
    case = PlantedCase("activation.relu", fault, make)
    object.__setattr__(case, "planted", lambda x: 2 * x)
    check_case(case, 0, np.float32)
    object.__setattr__(case, "planted", FAULTY[fault])
    with pytest.raises(AssertionError):
        check_case(case, 0, np.float32)


def fortran(a: np.ndarray) -> np.ndarray:
    return np.asfortranarray(a)


def strided(a: np.ndarray) -> np.ndarray:
    wide = np.full([2 * n for n in a.shape], 77, a.dtype)
    every_other = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    every_other[...] = a
    return every_other


def backwards(a: np.ndarray) -> np.ndarray:
    flip = (slice(None, None, -1),) * a.ndim
    return a[flip].copy()[flip]


def read_only(a: np.ndarray) -> np.ndarray:
    a = a.copy()
    a.flags.writeable = False
    return a


def off_the_line(a: np.ndarray) -> np.ndarray:
    """One element behind the start of a block: never aligned to a vector."""
    return np.concatenate([np.zeros(1, a.dtype), a.reshape(-1)])[1:].reshape(a.shape)


LAYOUTS = [fortran, strided, backwards, off_the_line]


SLOW_READ_ONLY = [op for op in ops_with_kernels() if op != "activation.relu"]


@pytest.mark.parametrize(
    "op", [pytest.param(op, marks=pytest.mark.slow) if op in SLOW_READ_ONLY else op for op in OPS_WITH_KERNELS]
)
def test_read_only_arrays_give_the_same(op: str) -> None:
    """For these each kernel is compiled once more, a second for some."""
    check_layout(op, read_only)


@pytest.mark.one_in(7)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("op", mostly(OPS_WITH_KERNELS, [op for op in OPS_WITH_KERNELS if "convolution" not in str(op)]))
def test_any_memory_layout_gives_the_same(op: str, layout: Callable[[np.ndarray], np.ndarray]) -> None:
    check_layout(op, layout)


def check_layout(op: str, layout: Callable[[np.ndarray], np.ndarray]) -> None:
    for seed, case in enumerate(cases_of(op, "tiny", "small")):
        args, kwargs = fresh(case, seed, np.float32)
        expected = [np.array(e) for e in run(case, copies(args), fresh(case, seed, np.float32)[1], "reference")]
        turned = tuple(layout(a) if isinstance(a, np.ndarray) and k not in case.writes else a for k, a in enumerate(args))
        for a, e in zip(run(case, turned, kwargs, "auto"), expected):
            assert_close(a, e, case.compare, f"{case}, {layout.__name__}")


def public_functions(folder: Path) -> list[tuple[str, str, ast.FunctionDef]]:
    """(module, name, reference) of every public function in the public modules of one kernel package."""
    return [
        (path.stem, node.name, node)
        for path in sorted(folder.glob("*.py"))
        if not path.stem.startswith("_")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def signature_faults(module: str, name: str, kernel: ast.FunctionDef) -> str:
    """What is wrong with a kernel's name or parameters; empty where it matches its op."""
    if f"{module}.{name}" not in all_ops():
        return f"kernels/{module}.{name}: there is no op minidl.ops.{module}.{name}; a helper's name starts with _"
    parameters = inspect.signature(op_function(f"{module}.{name}").reference).parameters.values()
    of_op = [(p.name, p.kind is p.VAR_POSITIONAL, p.default is not p.empty) for p in parameters]
    columns = getattr(op_function(f"{module}.{name}"), "columns", 0)  # of an op on rows, whose kernel takes a table of them
    of_op[:columns] = [("table", False, False)] * bool(columns)
    optional = [False] * (len(kernel.args.args) - len(kernel.args.defaults)) + [True] * len(kernel.args.defaults)
    of_kernel = [(a.arg, False, has_default) for a, has_default in zip(kernel.args.args, optional)]
    if kernel.args.vararg:
        of_kernel.append((kernel.args.vararg.arg, True, False))
    if of_op != of_kernel or kernel.args.kwonlyargs or kernel.args.kwarg:
        return f"kernels/{module}.{name}: parameters {of_kernel}, the op has {of_op}"
    return ""


@pytest.mark.parametrize("package", ["numba", "cuda"])
def test_every_public_kernel_has_an_op_of_its_name_and_signature(package: str) -> None:
    functions = public_functions(KERNELS / package)
    if not functions:
        pytest.skip(f"minidl/kernels/{package} has no kernels yet")
    assert not [fault for fault in (signature_faults(*row) for row in functions) if fault]


def test_a_misspelt_kernel_is_noticed() -> None:
    wrong = "def relou(x): ...\ndef relu(y): ...\ndef relu(x, fast=True): ...\ndef relu(x): ..."
    faults = [signature_faults("activation", node.name, node) for node in ast.parse(wrong).body]
    assert [bool(fault) for fault in faults] == [True, True, True, False]


def run_tiny_cases() -> int:
    """Every kernel on its tiny cases; run with the compiler off, an index out of range raises instead of reading on."""
    CPU.pool.poison = True
    set_limits(0, {})
    ops = ops_with_kernels()
    with np.errstate(all="ignore"):
        for op in ops:
            for seed, case in enumerate(cases_of(op, "tiny")):
                for dtype in (np.float32, np.float64):
                    check_case(case, seed, dtype)
    return len(ops)


@pytest.mark.more
@pytest.mark.parametrize("_op", OPS_WITH_KERNELS[:1])
def test_kernels_as_plain_python(_op: str) -> None:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "MINIDL_KERNELS": "auto", "PYTHONPATH": str(ROOT)}
    command = "from tests.ops.test_kernels import run_tiny_cases; print(run_tiny_cases())"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) == len(ops_with_kernels())


WINDOW, WIDE_WINDOW = Window((3, 3), padding="same"), Window((5, 5), padding="same")


@pytest.mark.more
@pytest.mark.parametrize("op", [op for op in OPS_WITH_KERNELS if isinstance(op, str) and "convolve" in op])
def test_direct_summation_where_winograd_would_be_taken(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.kernels.numba._winograd.FEWEST", 10**9)
    for seed, case in enumerate(cases_of(op)):
        check_case(case, seed, np.float32)


def test_tanh_is_right_to_the_last_digits() -> None:
    """Within two and a half units in the last place, from the polynomials' side of 0.625 to the exponential's."""
    x = np.concatenate([np.linspace(-12, 12, 40_001), np.geomspace(1e-38, 1, 2_000), np.linspace(0.6, 0.65, 5_001)])
    x = x.astype("float32")
    exact = np.tanh(x.astype("float64"))
    for sign in (1, -1):
        error = np.abs(activation.tanh(sign * x) - sign * exact)
        assert (error / np.spacing(np.abs(exact).astype("float32"))).max() < 2.5
    special = np.array([np.nan, np.inf, -np.inf, 0, 100, -100], "float32")
    np.testing.assert_array_equal(activation.tanh(special), [np.nan, 1, -1, 0, 1, -1])


@pytest.mark.more
@pytest.mark.one_in(6)
@both_dtypes
@pytest.mark.parametrize(
    "size, spatial, padding, dilation, filters, images",
    [
        ((2, 3, 5), (4, 5, 40), "valid", (1, 1, 1), 48, 2),
        ((3, 2, 4), (5, 4, 17), "same", (1, 1, 1), 7, 1),
        ((2, 3, 1), (5, 6, 9), "valid", (2, 1, 1), 5, 3),
        ((3, 3, 3), (6, 6, 5), "same", (1, 2, 1), 17, 2),
    ],
)
def test_gradients_of_volumes_of_one_channel(
    size: Any,
    spatial: Any,
    padding: str,
    dilation: Any,
    filters: int,
    images: int,
    dtype: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """dx is summed by taps; an infinity reaches the positions that it reaches in the reference, and no other."""
    if "convolution.convolve_grad_x" not in OPS_WITH_KERNELS:
        pytest.skip("this op has no kernel here")
    monkeypatch.setattr("minidl.kernels.numba.convolution.SMALL", 0)
    window, rng = Window(size, (1, 1, 1), padding, dilation), np.random.default_rng(4)
    dy = rng.standard_normal((images, *window.output_shape(spatial), filters)).astype(dtype)
    W = rng.standard_normal((*size, 1, filters)).astype(dtype)
    for number in (dy.flat[-1], np.inf):
        dy.flat[-1] = number
        found = convolution.convolve_grad_x(dy, W, spatial, window)
        expected = convolution.convolve_grad_x.reference(dy, W, spatial, window)
        assert_close(found, expected, "scaled", "dx")
        with use_threads(1):
            np.testing.assert_array_equal(convolution.convolve_grad_x(dy, W, spatial, window), found)


@pytest.fixture
def zeros_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gradient of a convolution takes the way for a dy that is mostly zero."""
    if "convolution.convolve_grad_x" in OPS_WITH_KERNELS:
        module = importlib.import_module("minidl.kernels.numba.convolution")
        for limit, value in (("DENSE", 2), ("DENSE_5", 2), ("DENSE_3", 2), ("LONG", 0)):
            monkeypatch.setattr(module, limit, value)


@pytest.mark.more
@pytest.mark.one_in(2)
@float64_with_all
@pytest.mark.usefixtures("zeros_are_left_out")
@pytest.mark.parametrize("op", [op for op in OPS_WITH_KERNELS if isinstance(op, str) and "convolve_grad" in op])
def test_leaving_zeros_out(op: str, dtype: type) -> None:
    """Whatever the density; and with the zeros that a ReLU and a max pool leave."""
    for seed, case in enumerate(cases_of(op)):
        check_case(case, seed, dtype)
        dy = 0 if op.endswith("x") else 1

        def with_zeros(rng: np.random.Generator, dtype: Any, case: OpCase = case, dy: int = dy) -> tuple[tuple, dict]:
            args, kwargs = case.make(rng, dtype)
            args[dy][rng.random(args[dy].shape) < 0.8] = 0
            return args, kwargs

        check_case(OpCase(case.op, f"{case.name}, mostly zero", with_zeros, case.size, case.compare, case.writes), seed, dtype)


def fitting_lstm_grad(z: Callable) -> tuple:
    """Arguments that fit, but for what is put behind them."""
    return z(9, 5, 8), z(8, 32), z(9, 8), z(9, 5, 8), z(9, 5, 32), "tanh", "sigmoid"


WRONG_SHAPES = [  # what a reference refuses or broadcasts, a kernel must not read past the end of
    ("linear.dense", lambda z: (z(32, 100), z(200, 64))),
    ("linear.dense", lambda z: (z(32, 200), z(200, 64), z(63))),
    ("linear.dense_grad_x", lambda z: (z(32, 60), z(200, 64))),
    ("linear.dense_grad_W", lambda z: (z(32, 200), z(31, 64))),
    ("convolution.convolve", lambda z: (z(9, 16, 16, 4), z(3, 3, 8, 16), None, WINDOW)),
    ("convolution.convolve_grad_x", lambda z: (z(9, 15, 16, 16), z(3, 3, 8, 16), (16, 16), WINDOW)),
    ("convolution.convolve_grad_W", lambda z: (z(9, 16, 16, 8), z(9, 15, 16, 16), WINDOW)),
    ("activation.relu_grad", lambda z: (z(3, 64), z(4, 64))),
    ("dropout.dropout_grad", lambda z: (z(3, 64), np.ones((3, 1), bool), 0.5)),
    ("softmax.softmax_grad", lambda z: (z(3, 64), z(1, 64))),
    ("cross_entropy.softmax_cross_entropy", lambda z: (z(3, 64), z(1, 64))),
    ("cross_entropy.softmax_cross_entropy_grad", lambda z: (z(3, 64), z(3, 64), z(3, 64))),
    ("cross_entropy.sparse_softmax_cross_entropy", lambda z: (z(3, 64), np.zeros((3, 1), int))),
    ("cross_entropy.sparse_softmax_cross_entropy_grad", lambda z: (z(3, 64), np.zeros(3, int), z(2, 1))),
    ("recurrent.lstm", lambda z: (z(9, 5, 4), z(4, 32), z(8, 31), z(32), z(9, 8), z(9, 8), "tanh", "sigmoid")),
    ("recurrent.lstm", lambda z: (z(9, 5, 4), z(4, 36), z(8, 32), z(36), z(9, 8), z(9, 8), "tanh", "sigmoid")),
    ("recurrent.lstm", lambda z: (z(9, 5, 4), z(4, 32), z(8, 32), z(32), z(1, 8), z(9, 8), "tanh", "sigmoid")),
    ("recurrent.lstm_grad", lambda z: (z(9, 5, 8), z(8, 32), z(1, 8), z(9, 5, 8), z(9, 5, 32), "tanh", "sigmoid")),
    ("recurrent.lstm_grad", lambda z: (z(9, 5, 8), z(8, 32), z(9, 8), z(9, 4, 8), z(9, 5, 32), "tanh", "sigmoid")),
    ("recurrent.lstm_grad", lambda z: (z(9, 5, 8), z(8, 32), z(9, 8), z(9, 5, 8), z(9, 5, 31), "tanh", "sigmoid")),
    ("recurrent.lstm_grad", lambda z: (*fitting_lstm_grad(z), z(9, 7))),
    ("recurrent.lstm_grad", lambda z: (*fitting_lstm_grad(z), None, np.ones((9, 4), bool))),
    ("recurrent.lstm_grad", lambda z: (*fitting_lstm_grad(z), None, z(9, 5))),
    ("recurrent.states_before", lambda z: (z(1, 8), z(9, 5, 8))),
    ("recurrent.states_before", lambda z: (z(9, 7), z(9, 5, 8))),
    ("recurrent.simple_rnn", lambda z: (z(9, 5, 4), z(4, 8), z(8, 7), z(8), z(9, 8), "tanh")),
    ("recurrent.simple_rnn", lambda z: (z(9, 5, 4), z(4, 8), z(8, 8), z(8), z(8, 8), "tanh")),
    ("recurrent.simple_rnn", lambda z: (z(9, 5, 4), z(4, 8), z(8, 8), z(8), z(9, 8), "tanh", np.ones((9, 4), bool))),
    ("recurrent.simple_rnn_grad", lambda z: (z(9, 5, 8), z(8, 9), z(9, 5, 8), "tanh")),
    ("recurrent.simple_rnn_grad", lambda z: (z(9, 5, 8), z(8, 8), z(9, 4, 8), "tanh")),
    ("recurrent.gru", lambda z: (z(9, 5, 4), z(4, 24), z(8, 23), z(2, 24), z(9, 8), "tanh", "sigmoid")),
    ("recurrent.gru", lambda z: (z(9, 5, 4), z(4, 24), z(8, 24), z(1, 24), z(9, 8), "tanh", "sigmoid")),
    ("recurrent.gru", lambda z: (z(9, 5, 4), z(4, 24), z(8, 24), z(2, 24), z(9, 7), "tanh", "sigmoid")),
    ("recurrent.gru_grad", lambda z: (z(9, 5, 8), z(8, 24), z(8, 8), z(9, 5, 8), z(9, 5, 24), z(9, 5, 8), "tanh", "sigmoid")),
    ("recurrent.gru_grad", lambda z: (z(9, 5, 8), z(8, 24), z(9, 8), z(9, 5, 8), z(9, 5, 23), z(9, 5, 8), "tanh", "sigmoid")),
    ("recurrent.gru_grad", lambda z: (z(9, 5, 8), z(8, 24), z(9, 8), z(9, 5, 8), z(9, 5, 24), z(9, 4, 8), "tanh", "sigmoid")),
    ("pooling.average_pool_grad", lambda z: (z(2, 3, 3, 4), (8, 8), Window((2, 2), (2, 2)))),
    ("pooling.max_pool_grad", lambda z: (z(2, 3, 3, 4), np.zeros((2, 4, 4, 4), np.uint8), (8, 8), Window((2, 2), (2, 2)))),
]


@pytest.mark.parametrize("op, make", WRONG_SHAPES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_kernel_leaves_shapes_that_do_not_fit_to_the_definition(op: str, make: Callable) -> None:
    if op not in OPS_WITH_KERNELS:
        pytest.skip("this op has no kernel here")
    module, _, name = op.partition(".")
    kernel = find_kernel(CPU.kernels, module, name)
    assert kernel is not None
    args = make(lambda *shape: np.ones(shape, np.float32))
    if op.startswith("activation"):
        function = getattr(importlib.import_module(f"minidl.ops.{module}"), name)
        with pytest.raises(ValueError, match="broadcast"):
            function(*args)
    else:
        assert kernel(*args) is NotImplemented


NOT_FINITE = {"infinity": np.inf, "NaN": np.nan, "nearly the largest number": 3e38}


@pytest.mark.parametrize("number", NOT_FINITE.values(), ids=NOT_FINITE)
@pytest.mark.parametrize("way", ["winograd", "direct", "sparse"])
def test_infinities_stay_where_the_definition_has_them(
    way: str, number: float, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What idle lanes multiply by zero must not reach other pixels, nor what a transform adds up and takes away again."""
    if "convolution.convolve_grad_x" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    if way == "direct":
        monkeypatch.setattr("minidl.kernels.numba._winograd.FEWEST", 10**9)
    if way == "sparse":
        request.getfixturevalue("zeros_are_left_out")
    rng = np.random.default_rng(1)
    W = rng.standard_normal((3, 3, 8, 16)).astype(np.float32) / 16
    x = rng.standard_normal((3, 13, 11, 8)).astype(np.float32)
    dy = rng.standard_normal((3, 13, 11, 16)).astype(np.float32)
    x[2, 12, 10, 7] = dy[1, 4, 5, 3] = number
    for op, args in (
        (convolution.convolve, (x, W, None, WINDOW)),
        (convolution.convolve_grad_x, (dy, W, (13, 11), WINDOW)),
        (convolution.convolve_grad_W, (x, dy, WINDOW)),
    ):
        found = op(*args)
        with np.errstate(all="ignore"):
            expected = op.reference(*args)
        assert (np.isfinite(found) == np.isfinite(expected)).all(), op.__name__
        assert (np.isnan(found) == np.isnan(expected)).all(), op.__name__


BIASES = {
    "of another dtype": lambda b: b.astype(np.float64),
    "of integers": lambda b: b.astype(np.int64),
    "in another order of bytes": lambda b: b.astype(">f4"),
    "with steps": lambda b: np.repeat(b, 2)[::2],
}


@pytest.mark.parametrize("bias", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("named", [False, True])
def test_any_bias_is_added_as_it_is(bias: Any, named: bool) -> None:
    """A kernel that read another array's bytes would find other numbers, or none."""
    x, W, b = np.ones((40, 50), np.float32), np.ones((50, 60), np.float32), np.arange(60, dtype=np.float32)
    y = linear.dense(x, W, b=bias(b)) if named else linear.dense(x, W, bias(b))
    np.testing.assert_array_equal(y, np.broadcast_to(50 + b, (40, 60)))


@pytest.mark.parametrize("sizes", [(64, 40, 50), (64, 3, 50), (300, 40, 10), (4096, 20, 20)])
def test_nothing_is_written_to_what_is_read_only(sizes: tuple[int, int, int]) -> None:
    rows, depth, units = sizes
    x, dy = np.ones((rows, depth), np.float32), np.ones((rows, units), np.float32)
    dW, db = np.zeros((depth, units), np.float32), np.zeros(units, np.float32)
    dW.flags.writeable = db.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        linear.dense_grad_W(x, dy, out=dW)
    with pytest.raises(ValueError, match="read-only"):
        linear.bias_grad(dy, out=db)
    ids, of_rows = np.arange(rows) % 7, np.zeros((7, units), np.float32)
    of_rows.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        embedding.embed_grad_W(ids, dy, 7, out=of_rows)
    for changed in (dW, db, of_rows):
        assert not changed.any()


@pytest.mark.more
@pytest.mark.parametrize("threads", only([1, 2], always=[2]))
def test_products_of_every_tile_and_of_more_rows_than_a_block(threads: int) -> None:
    """Rows, columns and depth on both sides of every border at which the kernel cuts, with few and many threads."""
    if "linear.dense" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    rng = np.random.default_rng(6)
    with use_threads(min(threads, config.team())):
        for rows in (7, 385, 500, 1543):
            for columns in (5, 10, 16, 17, 33, 40, 50, 70, 100):
                for depth in (100, 300, 784):
                    x = rng.standard_normal((rows, depth)).astype(np.float32)
                    W = rng.standard_normal((depth, columns)).astype(np.float32)
                    dy = rng.standard_normal((rows, columns)).astype(np.float32)
                    turned = rng.standard_normal((depth, rows)).astype(np.float32)  # its columns are the rows of dW
                    for op, args in (
                        (linear.dense, (x, W)),
                        (linear.dense_grad_x, (dy, W)),
                        (linear.dense_grad_W, (turned, W)),
                    ):
                        case = f"{op.__name__} {rows} x {depth} x {columns}"
                        assert_close(op(*args), op.reference(*args), "scaled", case)


@pytest.mark.one_in(4)
@both_dtypes
@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_few_rows(dtype: type, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For which b is read once and not packed: one panel or more, whole ones and the last, one block of the depth or more."""
    if "linear.dense" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    product = importlib.import_module("minidl.kernels.numba._product")
    monkeypatch.setattr(product, "FEW_ROWS", 3)
    rng = np.random.default_rng(7)
    with use_threads(min(threads, config.team())):
        for rows, columns, depth in itertools.product((1, 2, 3), (16, 33, 150, 500), (5, 300, 784)):
            x, W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((rows, depth), (depth, columns), (columns,)))
            expected = linear.dense.reference(x, W, b, "relu")
            assert_close(linear.dense(x, W, b, "relu"), expected, "scaled", f"{rows} x {depth} x {columns}")


@pytest.mark.more
def test_depthwise_sums_read_nothing_behind_the_images() -> None:
    """Vectors reach over the last channels of a pixel into the next, and have nowhere to reach at the very last."""
    for c in (2, 15, 17):
        x, W = np.ones((3, 12, 11, c), np.float32), np.ones((3, 3, 1, c), np.float32)
        for padding in ("same", "valid"):
            window = Window((3, 3), padding=padding)
            y = convolution.convolve(x, W, None, window, c)
            np.testing.assert_allclose(y, convolution.convolve.reference(x, W, None, window, c), 1e-5)


@pytest.mark.parametrize("filters", [50, 70, 130, 200])
def test_each_panel_of_filters_gets_its_biases(filters: int) -> None:
    rng = np.random.default_rng(8)
    x, W = rng.standard_normal((2, 9, 7, 3)).astype(np.float32), rng.standard_normal((3, 3, 3, filters)).astype(np.float32)
    b = np.arange(filters, dtype=np.float32) - 60
    for fused in ("linear", "relu"):
        args = x, W, b, WINDOW, 1, fused
        np.testing.assert_allclose(convolution.convolve(*args), convolution.convolve.reference(*args), rtol=1e-4, atol=1e-4)


def test_a_fused_relu_lets_nan_through() -> None:
    x, W = np.full((5, 7), np.nan, np.float32), np.ones((7, 9), np.float32)
    assert np.isnan(linear.dense(x, W, None, "relu")).all()
    image = np.full((2, 5, 5, 3), np.nan, np.float32)
    assert np.isnan(convolution.convolve(image, np.ones((3, 3, 3, 4), np.float32), None, WINDOW, 1, "relu")).all()


@pytest.mark.parametrize("taps, channels, filters", [(3, 64, 64), (5, 20, 50), (3, 12, 130)])
def test_winograd_is_nearly_as_exact_as_summation(taps: int, channels: int, filters: int) -> None:
    """Rounding as theory has it: of sums of so many products, enlarged by what the interpolation subtracts.

    A sum of n fused multiply-adds of random numbers is wrong by sqrt(n / 6) half units in the last place of itself, and the
    transforms add three more such errors at the most. The usual points 0, +-1, +-2 enlarge them 10.8 times (3 x 3).
    """
    if "convolution.convolve" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    _winograd = importlib.import_module("minidl.kernels.numba._winograd")
    A, G, B = _winograd._matrices(taps)
    products = (B**2).sum(axis=1) * (G**2).sum(axis=1)  # variance of each in one dimension, of x and W with variance 1
    enlarged = float((A**2 * products[:, None]).sum(axis=0).mean()) / taps
    assert enlarged < {3: 5.2, 5: 10.4}[taps]
    rng = np.random.default_rng(3)
    x = rng.standard_normal((8, 16, 16, channels)).astype(np.float32)
    dy = rng.standard_normal((8, 16, 16, filters)).astype(np.float32)
    W = rng.standard_normal((taps, taps, channels, filters)).astype(np.float32)
    window = Window((taps, taps), padding="same")
    for op, args, terms in (
        (convolution.convolve, (x, W, None, window), channels),
        (convolution.convolve_grad_x, (dy, W, (16, 16), window), filters),
        (convolution.convolve_grad_W, (x, dy, window), _winograd.TILES),
    ):
        exact = op.reference(*(a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in args))
        error = np.sqrt(np.square(op(*args) - exact).mean()) / exact.std()
        expected = enlarged * np.finfo(np.float32).eps / 2 * np.sqrt(terms / 6 + 3)
        assert 1e-9 < error < expected, f"{op.__name__}: {error}, expected {expected}"


SPARE = [(1, 36, 20, 50), (9, 14, 50, 18), (2, 30, 33, 65)]


@pytest.mark.parametrize("sizes", mostly(SPARE, always=SPARE[:1]))
def test_winograd_sums_filters_that_do_not_fill_a_vector(
    sizes: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bands of many tiles and of few, behind whole panels and behind one that is not full."""
    n, side, channels, filters = sizes
    if "convolution.convolve" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    _winograd = importlib.import_module("minidl.kernels.numba._winograd")
    monkeypatch.setattr(_winograd, "spare_columns", lambda m, n, depth, itemsize: n % 16)  # whatever the processor prefers
    monkeypatch.setattr(_winograd, "_spare_filters", lambda c, f, itemsize: f % 16)
    rng = np.random.default_rng(4)
    x, dy = (rng.standard_normal((n, side, side, depth)).astype(np.float32) for depth in (channels, filters))
    W, b = rng.standard_normal((3, 3, channels, filters)).astype(np.float32), np.arange(filters, dtype=np.float32)
    for op, args in (
        (convolution.convolve, (x, W, b, WINDOW)),
        (convolution.convolve_grad_x, (dy, W, (side, side), WINDOW)),
        (convolution.convolve_grad_W, (x, dy, WINDOW)),
    ):
        exact = op.reference(*(a.astype(np.float64) if isinstance(a, np.ndarray) else a for a in args))
        assert np.abs(op(*args) - exact).max() < 1e-5 * np.abs(exact).max(), op.__name__
    dW = np.empty_like(W)
    with use_threads(1):  # which sums all shares, one after the other
        trusted = _winograd.grad_W(x, dy, ((1, 1), (1, 1)), dW, min(n, 3))
    assert trusted
    assert np.abs(dW - exact).max() < 1e-5 * np.abs(exact).max()


@float64_for_each_change
def test_the_gates_are_exact_near_zero(dtype: type) -> None:
    """And far from it: tanh and sigmoid of an LSTM to a few units in the last place."""
    if "recurrent.lstm" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    size = np.logspace(-9, 1.9, 1501)  # to where exp(-x) is still a normal number
    x = np.concatenate([-size, [0], size]).astype(dtype).reshape(-1, 1, 1)
    nothing, W, U = np.zeros((len(x), 2), dtype), np.ones((1, 8), dtype), np.zeros((2, 8), dtype)
    exact, last_place = x.astype(np.float64)[:, :, 0], np.finfo(dtype).eps
    for op_of_gates, of in (("sigmoid", slice(0, 4)), ("tanh", slice(4, 6))):
        gates = recurrent.lstm(x, W, U, None, nothing, nothing, "tanh", "sigmoid")[2][:, 0, of]
        expected = getattr(activation, op_of_gates).reference(exact)
        error = np.abs(gates - expected) / np.maximum(np.abs(expected), np.finfo(dtype).tiny)
        assert error.max() < 4 * last_place, f"{op_of_gates}: {error.max() / last_place} at {x[error.max(axis=1).argmax()]}"


SELDOM = ("depthwise", "zeros", "simple", "gru")  # what is left out first: kernels that few networks need


@pytest.mark.parametrize("left_out", mostly([SELDOM, ()], always=[SELDOM]), ids=["some", "all"])
@pytest.mark.parametrize("_op", OPS_WITH_KERNELS[:1])
def test_the_bits_do_not_depend_on_the_number_of_threads(_op: str, left_out: tuple[str, ...]) -> None:
    rng = np.random.default_rng(2)

    def z(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    x, dy, W = z(37, 12, 12, 6), z(37, 12, 12, 20), z(3, 3, 6, 20)  # direct convolution
    deep_x, deep_dy, deep_W = z(9, 14, 14, 20), z(9, 14, 14, 30), z(5, 5, 20, 30)  # Winograd's
    with_outlier = np.where(np.arange(deep_x.size).reshape(deep_x.shape) == deep_x.size // 2, np.float32(1e6), deep_x)
    sparse_dy, labels = np.where(rng.random(dy.shape) < 0.05, dy, 0), rng.integers(0, 20, dy.shape[:-1])
    number = 100_003
    state, rate = [z(number), z(number), z(number), abs(z(number))], np.array([0.1], np.float32)
    make = {
        "convolve": lambda: convolution.convolve(x, W, None, WINDOW),
        "convolve, few images": lambda: convolution.convolve(x[:3], W, None, WINDOW),
        "convolve_grad_x": lambda: convolution.convolve_grad_x(dy, W, (12, 12), WINDOW),
        "convolve_grad_W": lambda: convolution.convolve_grad_W(x, dy, WINDOW),
        "deep convolve": lambda: convolution.convolve(deep_x, deep_W, None, WIDE_WINDOW),
        "deep convolve_grad_x": lambda: convolution.convolve_grad_x(deep_dy, deep_W, (14, 14), WIDE_WINDOW),
        "deep convolve_grad_W": lambda: convolution.convolve_grad_W(deep_x, deep_dy, WIDE_WINDOW),
        "deep convolve, one image directly": lambda: convolution.convolve(with_outlier, deep_W, None, WIDE_WINDOW),
        "depthwise": lambda: convolution.convolve(dy, W_each, None, WINDOW, 20),
        "depthwise_grad_x": lambda: convolution.convolve_grad_x(dy, W_each, (12, 12), WINDOW, 20),
        "depthwise_grad_W": lambda: convolution.convolve_grad_W(dy, dy, WINDOW, 20),
        "wide depthwise": lambda: convolution.convolve(deep_dy[:1], W_wide, None, WIDE_WINDOW, 30),
        "wide depthwise_grad_W": lambda: convolution.convolve_grad_W(deep_dy, deep_dy, WIDE_WINDOW, 30),
        "dense": lambda: linear.dense(x, W[0, 0]),
        "dense, one row": lambda: linear.dense(z_row, z_square),
        "dense_grad_x": lambda: linear.dense_grad_x(dy, W[0, 0]),
        "dense_grad_W": lambda: linear.dense_grad_W(x, dy),
        "dense_grad_W, few rows": lambda: linear.dense_grad_W(x[:1], dy[:1]),
        "bias_grad": lambda: linear.bias_grad(dy),
        "convolve_grad_x of zeros": lambda: convolution.convolve_grad_x(sparse_dy, W, (12, 12), WINDOW),
        "convolve_grad_W of zeros": lambda: convolution.convolve_grad_W(x, sparse_dy, WINDOW),
        "max_pool": lambda: pooling.max_pool(dy, WINDOW),
        "cross_entropy": lambda: cross_entropy.sparse_softmax_cross_entropy(dy, labels),
        "dropout": lambda: dropout.dropout(dy, 0.5, (1, 2), np.array([3]), 0, dy.shape),
        "moments": lambda: normalization.moments(dy),
        "relu": lambda: activation.relu(dy),
        "adam": lambda: adam_of(*copies(tuple(state)), rate),
        "embed": lambda: embedding.embed(ids, z_square),
        "embed_grad_W": lambda: embedding.embed_grad_W(ids, of_ids, 5000),
        "embed_grad_rows": lambda: embedding.embed_grad_rows(ids, of_ids, 5000),
        "sgd of rows": lambda: sgd_of(z_square.copy()),
        "lstm": lambda: recurrent.lstm(sequences, *matrices, z_units, begin, begin, "tanh", "sigmoid"),
        "lstm_grad": lambda: recurrent.lstm_grad(z_cells, matrices[1], begin, z_cells, z_gates, "tanh", "sigmoid"),
        "simple_rnn": lambda: recurrent.simple_rnn(sequences, W_simple, U_simple, None, begin, "tanh", counts),
        "simple_rnn_grad": lambda: recurrent.simple_rnn_grad(z_cells, U_simple, z_cells, "tanh", counts),
        "gru": lambda: recurrent.gru(sequences, W_gru, U_gru, None, begin, "tanh", "sigmoid", True, counts),
        "gru_grad": lambda: recurrent.gru_grad(z_cells, U_gru, begin, z_cells, z_of_gru, z_cells, "tanh", "sigmoid"),
    }
    sequences, matrices, z_units, begin = z(37, 9, 20), (z(20, 200), z(50, 200) / np.float32(7)), z(200), z(37, 50)
    z_cells, z_gates = z(37, 9, 50), z(37, 9, 200)
    W_simple, U_simple, W_gru, U_gru, z_of_gru = z(20, 50), z(50, 50), z(20, 150), z(50, 150), z(37, 9, 150)
    counts = rng.random((37, 9)) < 0.7
    z_row, z_square = z(1, 700), z(700, 700)
    W_each, W_wide = z(3, 3, 1, 20), z(5, 5, 1, 30)
    ids, of_ids, some = rng.integers(-1, 900, 2000), z(2000, 100), np.arange(3, 700, 5)

    def sgd_of(value: np.ndarray) -> np.ndarray:
        update.sgd(RowTable(value, some, z_square[: len(some)], []), rate)
        return value

    def adam_of(value: Any, grad: Any, mean: Any, square: Any, scalars: Any) -> np.ndarray:
        update.adam(value, grad, mean, square, scalars, 0.9, 0.999, 1e-7)
        return np.concatenate([value, mean, square])

    def bits(result: Any) -> list[bytes]:
        return [a.tobytes() for a in (result if isinstance(result, tuple) else (result,))]

    make = {name: function for name, function in make.items() if not any(word in name for word in left_out)}
    found = {}
    for threads in (1, config.team()):
        with use_threads(threads):
            found[threads] = {name: bits(function()) for name, function in make.items()}
    different = [name for name in make if found[1][name] != found[config.team()][name]]
    assert not different


def test_a_kernel_that_calls_a_kernel_is_refused() -> None:
    """Of a kernel only machine code is kept, so another one would take in nothing, and go on with whatever is there."""
    if "update.sgd" not in OPS_WITH_KERNELS:
        pytest.skip("no kernel here")
    jit = importlib.import_module("minidl.kernels.numba._jit")
    if jit.DISABLED:
        pytest.skip("nothing is compiled")

    @jit.compiled
    def twice(x: float) -> float:
        return 2 * x

    @jit.compiled
    def four_times(x: float) -> float:
        return 2 * twice(x)

    assert twice(1.5) == 3
    with pytest.raises(Exception, match="twice is @compiled, for Python to call; what kernels call is @inner"):
        four_times(1.5)
