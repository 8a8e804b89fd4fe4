"""Every CUDA kernel with its launcher, on its whole case table: run on the CPU in three orders, equal to the reference."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from minidl.backend import ArrayTable
from minidl.backend.dispatch import find_kernel
from minidl.kernels.cuda import _product
from minidl.ops import activation
from tests.cases.ops import OpCase, all_ops, cases_of
from tests.cases.sample import only
from tests.gpu import on_cpu
from tests.gpu.on_cpu import ORDERS, lanes_in_order
from tests.gpu.strict_cupy import stand_in
from tests.ops.naive import assert_close

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "minidl" / "kernels" / "cuda"


def has_kernel(op: str) -> bool:
    """Whether ``kernels/cuda`` has a function of the op's module and name."""
    module, _, name = op.partition(".")
    path = KERNELS / f"{module}.py"
    return path.exists() and f"\ndef {name}(" in path.read_text()


OPS = [op for op in all_ops() if has_kernel(op)]
DECLINED = {  # and left to the reference, for a reason that stands in the launcher's docstring
    "pooling.max_pool: 1d 300 taps",
    "pooling.max_pool_grad: 1d 300 taps",
    "normalization.normalize: batch 0",
    "linear.dense_grads",  # without cuBLASLt, see test_cublas_lt.py
}
ON_ROWS = ("update", "gradients")  # modules whose ops take a table of many arrays
pytestmark = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
each_op = pytest.mark.parametrize("op", OPS)


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"):
        yield


def to_device(args: Any) -> Any:
    take = backend.current().asarray
    if isinstance(args, dict):
        return {name: take(a) if isinstance(a, np.ndarray) else a for name, a in args.items()}
    return tuple(take(a) if isinstance(a, np.ndarray) else a for a in args)


def to_host(arrays: Any) -> tuple:
    return tuple(a.get() for a in arrays)


def run(case: OpCase, args: tuple, kwargs: dict) -> tuple | None:
    """What the kernel gives (what it changed, where it works in place); None where it declines."""
    module, _, name = case.op.partition(".")
    kernel = find_kernel("minidl.kernels.cuda", module, name)
    assert kernel is not None, f"{case.op}: its kernel is not found"
    ready = tuple(a.reshape(-1) if module == "activation" and hasattr(a, "reshape") else a for a in args)
    if module in ON_ROWS:
        row, rest = args[: case.function.columns], args[case.function.columns :]
        ready = (ArrayTable([row], backend.current()), *rest)
    result = kernel(*ready, **kwargs)
    if module in ON_ROWS:  # the launch sees addresses, so nobody looked beside the arrays yet
        for array in row:
            if hasattr(array, "check_guards"):  # those of the stand-in
                array.check_guards(case.op)
    if result is NotImplemented:
        return None
    if case.writes:
        assert result is None
        return tuple(args[k] for k in case.writes)
    return tuple(result) if isinstance(result, tuple) else (result,)


def without_subnormals(x: Any) -> Any:
    """As CuPy has CUDA compiled: float32's numbers below 1.2e-38 are zeros."""
    if not (isinstance(x, np.ndarray) and x.dtype == np.float32):
        return x
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x)


def check_case(case: OpCase, seed: int, dtype: Any, again: tuple[str, ...] = ORDERS[:1], card: bool = False) -> bool:
    """Agrees with the reference on the CPU, changes no input, the same bits ``again``, with threads in these orders.

    False where the kernel declined. On a ``card`` results may lack what x sigmoid(x) does where the sigmoid is subnormal.
    """
    host_args, host_kwargs = case.make(np.random.default_rng(seed), dtype)
    copies = [np.copy(a) if isinstance(a, np.ndarray) else a for a in host_args]
    copies = [without_subnormals(a) for a in copies] if card else copies
    result = case.function.reference(*copies, **case.make(np.random.default_rng(seed), dtype)[1])
    expected = tuple(copies[k] for k in case.writes) if case.writes else result if isinstance(result, tuple) else (result,)
    args, kwargs = to_device(host_args), to_device(host_kwargs)
    found = run(case, args, kwargs)
    if found is None:
        return False
    for a, e in zip(to_host(found), expected, strict=True):
        assert a.dtype == e.dtype, f"{case}: {a.dtype}, reference {e.dtype}"
        e = e.reshape(-1) if case.op.startswith("activation") else e
        assert_close(a, e, case.compare, f"{case} ({np.dtype(dtype)})", lost=128 if card else 4)
    for k, (now, then) in enumerate(zip(args, host_args)):
        if isinstance(then, np.ndarray) and k not in case.writes:
            assert now.get().tobytes() == then.tobytes(), f"{case}: an input was changed"
    if "out" in kwargs:
        assert found[0] is kwargs["out"], f"{case}: not written where it was asked to"
    for order in again:
        with lanes_in_order(order):
            repeated = run(case, to_device(host_args), to_device(host_kwargs))
        assert [a.tobytes() for a in to_host(repeated or ())] == [a.tobytes() for a in to_host(found)], f"{case}: other bits"
    return True


def check_table(op: str, dtype: Any, *sizes: str) -> None:
    """Threads in ascending order on everything, in the other orders too on what is small."""
    with np.errstate(all="ignore"):
        for seed, case in enumerate(cases_of(op, *sizes)):
            took = check_case(case, seed, dtype, ORDERS[1:] if case.size in ("tiny", "small") else ORDERS[:1])
            assert took or declines_on_purpose(case), f"{case}: declined"


def declines_on_purpose(case: OpCase) -> bool:
    options_by_position = ("slope", "alpha", "approximate")
    return str(case).startswith(tuple(DECLINED)) or case.name.startswith(options_by_position)


DTYPES = only([np.float32, np.float64], always=[np.float32])


# Most of the time g++ compiles what launchers choose for a size: for a sample of them only.
SIZES = [("tiny",), pytest.param(("small",), marks=pytest.mark.more), pytest.param(("medium",), marks=pytest.mark.slow)]


@pytest.mark.parametrize("sizes", SIZES, ids=["tiny", "small", "medium"])
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@each_op
def test_kernel_equals_reference(op: str, dtype: type, sizes: tuple[str, ...]) -> None:
    check_table(op, dtype, *sizes)


@pytest.mark.slow
def test_every_kernel_ran() -> None:
    """A kernel that nothing launches would be dead, one that no case reaches untested."""
    on_cpu.launches.clear()
    for op in OPS:
        check_table(op, np.float32, "tiny", "medium")
    declared = set(re.findall(r"(?m)^KERNEL\(\d+\)\s+(\w+)\(", "".join(path.read_text() for path in KERNELS.glob("*.cu*"))))
    assert set(on_cpu.launches) == declared - {"finish"}  # which stands behind cuBLAS, see test_cublas.py


@pytest.mark.parametrize(
    "view",
    [lambda a: a[:, 1:2], lambda a: a[:, 0], lambda a: a[::2, ::2], lambda a: a.T],
    ids=["column", "flat", "both", "turned"],
)
def test_views_with_steps_between_their_numbers(view: Callable[[Any], Any]) -> None:
    """Kernels of elementwise ops take flat arrays without steps; the dispatcher makes copies of others."""
    a, dy = (np.random.default_rng(seed).normal(size=(6, 4)).astype("float32") for seed in (0, 1))
    on_device, dy_on_device = (view(backend.current().asarray(each)) for each in (a, dy))
    y = activation.tanh(on_device)
    np.testing.assert_allclose(y.get(), np.tanh(view(a)), rtol=1e-6)
    dx = activation.tanh_grad(dy_on_device, y)
    np.testing.assert_allclose(dx.get(), view(dy) * (1 - np.tanh(view(a)) ** 2), rtol=1e-4, atol=1e-6)


def test_options_reach_the_kernel() -> None:
    x = backend.current().asarray(np.array([-2, -1, 0, 1], np.float32))
    assert activation.leaky_relu(x, negative_slope=0.25).get().tolist() == [-0.5, -0.25, 0, 1]
    assert activation.leaky_relu_grad(x, x, negative_slope=0.25).get().tolist() == [-0.5, -0.25, 0, 1]
    np.testing.assert_allclose(activation.elu(x, alpha=2.0).get()[:2], 2 * np.expm1([-2, -1]), rtol=1e-6)
    np.testing.assert_allclose(activation.elu_grad(x, x, alpha=2.0).get()[:2], [-2 * 0, -1 * 1], rtol=1e-6)
    for approximate in (False, True):
        for op, arrays in ((activation.gelu, (x,)), (activation.gelu_grad, (x, x))):
            expected = op.reference(*(a.get() for a in arrays), approximate=approximate)
            np.testing.assert_allclose(op(*arrays, approximate=approximate).get(), expected, rtol=1e-6)


# -- faults that must be noticed ---------------------------------------------------------------------------------------


@contextmanager
def planted(op: str, old: str, new: str, count: int = 1) -> Iterator[None]:
    """The ``.cu`` text with ``new`` for ``old``, which stands there ``count`` times."""
    module = importlib.import_module(f"minidl.kernels.cuda.{op.split('.')[0]}")._module
    module = module if old in module.source else _product._module  # where the attention's products stand
    assert module.source.count(old) == count, f"{old!r} stands there {module.source.count(old)} times"
    before = module.source, module._functions
    module.source, module._functions = module.source.replace(old, new), {}
    try:
        yield
    finally:
        module.source, module._functions = before


FAULTS = {  # op, what stands there, what is planted
    "no barrier before the first tile is read": ("linear.dense", "__syncthreads(); // the first tiles are there", ""),
    "no barrier between two tiles": (
        "convolution.convolve",
        "__syncthreads(); // the next tiles are there, and nobody needs these any more",
        "",
    ),
    "no barrier before rows and columns are asked for": (
        "convolution.convolve",
        "__syncthreads(); // rows and columns are known",
        "",
    ),
    "no barrier in a sum over rows": (
        "linear.bias_grad",
        "lines.sum[line][lane] = sum;\n    __syncthreads();",
        "lines.sum[line][lane] = sum;",
    ),
    "one sum twice": (
        "normalization.normalize_grad",
        "second += other.second",
        "second += other.first",
    ),
    "two indices swapped in a tile": (
        "linear.dense",
        "a[index(k, row(i), ROWS, a_along)]",
        "a[index(k, column(0), ROWS, a_along)]",
    ),
    "one column for all": ("convolution.convolve", "sum[i][j] += left[i] * right[j]", "sum[i][j] += left[i] * right[0]"),
    "neighbours put down as if they were no neighbours": ("convolution.convolve", "depth + (down ? i : 0)", "depth"),
    "won where nobody could": ("pooling.max_pool_grad", "place.d < D.out && place.h < H.out", "place.d < D.out"),
    "two axes swapped": (
        "pooling.max_pool",
        "(place.n * D.size + d) * H.size + h) * W.size + w);",
        "(place.n * D.size + d) * H.size + w) * W.size + h);",
    ),
    "channel and filter swapped": ("convolution.convolve_grad_x", "column.weights + n * F", "column.weights * F + n"),
    "a tap of another axis": ("convolution.convolve", "taps.insert(D.window + u,", "taps.insert(D.window + H.window + u,"),
    "strides left in a tap": ("convolution.convolve_grad_x", "tap.u * H.dilation / H.stride", "tap.u * H.dilation"),
    "what other groups of threads added up": ("convolution.convolve", "other = 1; other < DEEP", "other = 1; other < DEEP - 1"),
    "no barrier between two groups' sums": ("convolution.convolve", "__syncthreads(); // the next may write", ""),
    "no barrier before a group's sums are read": ("convolution.convolve", "__syncthreads(); // they are there", ""),
    "the last columns one thread too far": ("convolution.convolve", "EACH_COLUMN - BY_FOUR) + j % 4", "4) + j % 4"),
    "one element too many is written": ("activation.relu", "i < (n); i +=", "i <= (n); i +="),
    "one element too few": ("activation.relu", "i < (n); i +=", "i < (n) - 1; i +="),
    "a barrier some threads miss": (
        "linear.bias_grad",
        "    __syncthreads();\n    if (line == 0",
        "    if (lane < 7) __syncthreads();\n    if (line == 0",
    ),
    "the wrong half of a random word": ("dropout.dropout", "(32 * ((first + k) % 2))", "(32 * ((first + k + 1) % 2))"),
    "one round too few": ("dropout.dropout", "round < 10", "round < 9"),
    "a sum that is not written back": (
        "embedding.embed_grad_W",
        "dW[row * units + unit] = sum;\n                sum =",
        "sum =",
    ),
    "rows of another warp": ("embedding.embed_grad_W", "id >= first && id < behind", "id >= first && id <= behind"),
    "a row that does not exist": ("embedding.embed", "id >= 0 && id < rows", "id >= 0"),
    "no barrier in a sum of squares": ("gradients.add_squares", "__syncthreads(); // the sums are there", ""),
    "infinity is clipped": ("gradients.clip", "size > limit && size <= largest()", "size > limit"),
    "the step's number not read": ("dropout.dropout", "now = *step", "now = 0"),
    "no barrier in the mean of a wide row": (
        "layer_normalization.layer_normalize",
        "__syncthreads(); // the sums of the warps are there",
        "",
    ),
    "the mean of a wide row by its first warps": (
        "layer_normalization.layer_normalize",
        "warp < WARPS; warp++) sum",
        "warp < WARPS - 1; warp++) sum",
    ),
    "squares around zero": ("layer_normalization.standardize", "(x[j] - middle) * (x[j] - middle)", "x[j] * x[j]"),
    "no row but the first": ("layer_normalization.layer_normalize_grad", "dx += team.row * columns;", "dx += 0 * columns;"),
    "a row's gradient along h": ("layer_normalization.standardize_grad", " - h(j) * along_h", ""),
    "h of another row": ("layer_normalization.layer_normalize_grad", "r[row] : x;", "r[0] : x;"),
    "the sums over rows exchanged": (
        "layer_normalization.layer_normalize_grad",
        "lines, rows, columns, dbeta, dgamma",
        "lines, rows, columns, dgamma, dbeta",
    ),
    "a masked step of a simple network": (
        "recurrent.simple_rnn",
        "at.counts ? activate(activation, h[at.here])",
        "true ? activate(activation, h[at.here])",
    ),
    "a gradient that a masked step keeps": (
        "recurrent.simple_rnn_grad",
        "dh_later[k] = at.counts ? (real)0 : dh_t;\n    }\n}\n\n// -- LSTM",
        "dh_later[k] = 0;\n    }\n}\n\n// -- LSTM",
    ),
    "a cell that a masked step changes": ("recurrent.lstm", "c[at.here] = at.counts ? c_t : c_before;", "c[at.here] = c_t;"),
    "a cell's gradient that a masked step loses": ("recurrent.lstm_grad", "at.counts ? dc * f : dc_t", "dc * f"),
    "the mask of another sample": ("recurrent.gru", "!mask || mask[time]", "!mask || mask[t]"),
    "the step before of another sample": ("recurrent.gru", "k / units * steps + t", "k % units * steps + t"),
    "a candidate without its bias": ("recurrent.gru", "p[at.here] = part(2);", "p[at.here] = of_h[2 * units];"),
    "a state that is not handed on": ("recurrent.gru_grad", "at.counts ? dh_t * z : dh_t;", "at.counts ? (real)0 : dh_t;"),
    "what is not there yet is read": ("recurrent.gru_grad", "(last ? (real)0 : dh_later[k]), before", "dh_later[k], before"),
    "a gradient of what was not read": ("recurrent.gru_grad", "at.counts ? dg * r : (real)0;", "dg * r;"),
    "a reset gate without a gradient": ("recurrent.gru_grad", "dh_later[k] += r * dq[k];", ""),
    "a reset gate of the new state": (
        "recurrent.gru",
        "gate[units] * (t ? h[at.here - units]",
        "gate[units] * (t ? h[at.here]",
    ),
    "a key that nobody may see": ("attention.masked_softmax", "mask[j * by_key] ? exp(s[j] - top)", "true ? exp(s[j] - top)"),
    "a query without keys": ("attention.masked_softmax", "some ? e(j) / total", "true ? e(j) / total"),
    "the largest of all scores, hidden ones too": ("attention.masked_softmax", "if (mask[j * by_key]) top", "top"),
    "the mask of another query": ("attention.masked_softmax", "row % queries * by_query", "row / queries * by_query"),
    "the mask of another head": ("attention.masked_softmax", "row / queries % heads * by_head", "row % heads * by_head"),
    "keys of another sample": ("attention.additive_scores", "(pair / keys / queries * keys + pair % keys)", "(pair % keys)"),
    "a key's gradient from other queries": (
        "attention.additive_scores_grad",
        "key / keys * queries * keys + key % keys",
        "key / keys * keys + key % keys",
    ),
    "the first matrix for all": ("attention.weighted_mean", "B + blockIdx.z * B_next", "B"),
    "the next matrix too near": ("attention.dot_scores", "(long long)M * N;", "(long long)M;"),
}


SOME_FAULTS = (  # one of each kind: a race, an index, an access beside the array, a barrier that hangs
    "no barrier in a sum over rows",
    "two axes swapped",
    "one element too many is written",
    "a barrier some threads miss",
    "one round too few",
    "no barrier in the mean of a wide row",
    "a gradient that a masked step keeps",
    "the mask of another head",
)


@pytest.mark.parametrize("fault", only(FAULTS, always=SOME_FAULTS))
def test_a_fault_is_noticed(fault: str) -> None:
    """Before the fault the table passes, with it at least one order of threads shows it."""
    op, old, new = FAULTS[fault]
    check_table(op, np.float32, "tiny")
    with planted(op, old, new), pytest.raises((AssertionError, on_cpu.LaunchError)):
        check_table(op, np.float32, "tiny", "small")


# -- under the address sanitizer ---------------------------------------------------------------------------------------


def sanitized(*arguments: str) -> subprocess.CompletedProcess:
    """This file as a program, every access to memory watched."""
    found = subprocess.run([str(on_cpu.COMPILER), "-print-file-name=libasan.so"], capture_output=True, text=True)
    library = found.stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("g++ has no address sanitizer here")
    settings = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "MINIDL_TEST_SANITIZER": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.gpu.test_kernels", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)


@pytest.mark.parametrize(
    "ops",
    [pytest.param("pooling.max_pool", marks=pytest.mark.more), pytest.param("", marks=pytest.mark.slow)],
    ids=["one", "all"],
)
def test_no_kernel_reads_or_writes_beside_its_arrays(ops: str) -> None:
    done = sanitized(*ops.split())
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == str(len(ops.split() or OPS))


BESIDE = {  # reads and writes that change no result, so that only the sanitizer can see them
    "a read one past the end": (
        "activation.relu",
        "return rectified(x); });",
        "return rectified(x); });\n    if (x[groups * WIDTH] == 12345) y[0] = 0;",
    ),
    "a read behind shared memory": (
        "linear.bias_grad",
        "sum += lines.sum[other][lane];",
        "sum += lines.sum[other][lane] + 0 * (&lines.sum[0][0])[other + 264];",
    ),
}


@pytest.mark.more
@pytest.mark.parametrize("fault", only(BESIDE, always=["a read one past the end"]))
def test_the_sanitizer_notices(fault: str) -> None:
    done = sanitized(*BESIDE[fault])
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr
    assert BESIDE[fault][0].split(".")[1] in done.stderr  # the kernel is named


if __name__ == "__main__":
    checked = sys.argv[1:2] or OPS
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"), ExitStack() as stack:
        if len(sys.argv) > 2:
            stack.enter_context(planted(*sys.argv[1:]))
        for each in checked:
            check_table(each, np.float32, "tiny", "small")
    print(len(checked))
