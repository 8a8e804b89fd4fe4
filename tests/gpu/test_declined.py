"""Arguments that do not fit together: a kernel declines them, or gives what the reference gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minidl import backend, config
from tests.cases.ops import OpCase, cases_of
from tests.gpu import on_cpu
from tests.gpu.strict_cupy import stand_in
from tests.gpu.test_kernels import OPS, run, to_device, to_host
from tests.ops.naive import assert_close

pytestmark = pytest.mark.skipif(on_cpu.COMPILER is None, reason="g++ is not installed")
OF_SEQUENCES = [op for op in OPS if op.startswith(("attention", "layer_normalization", "recurrent"))]


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    with stand_in(), backend.use_backend("cupy"), config.use_kernels("auto"), np.errstate(all="ignore"):
        yield


def changed(args: tuple, position: int, by: Any) -> tuple:
    return (*args[:position], by(args[position]), *args[position + 1 :])


def arrays_of(case: OpCase) -> tuple[tuple, list[int]]:
    args, kwargs = case.make(np.random.default_rng(0), np.float32)
    assert not kwargs
    return args, [place for place, a in enumerate(args) if isinstance(a, np.ndarray)]


def some_cases(op: str) -> list[OpCase]:
    """Small ones, with something left on each axis without an element."""
    return [case for case in cases_of(op, "tiny", "small") if min(arrays_of(case)[0][0].shape) > 1]


@pytest.mark.parametrize("op", OF_SEQUENCES)
def test_types_that_are_mixed_or_others(op: str) -> None:
    for case in some_cases(op):
        args, places = arrays_of(case)
        several = sum(args[place].dtype == np.float32 for place in places) > 1  # else it is a case in double precision
        for place in places:
            for dtype in ("float16", "int64", *["float64"] * several):
                other = changed(args, place, lambda a, dtype=dtype: a.astype(dtype))
                assert run(case, to_device(other), {}) is None, f"{case}: argument {place} of {dtype}"


@pytest.mark.one_in(5)
@pytest.mark.parametrize("op", OF_SEQUENCES)
def test_arrays_that_are_shorter(op: str) -> None:
    """Of each array, along each axis, by one."""
    for case in some_cases(op):
        args, places = arrays_of(case)
        for place in places:
            for axis in range(args[place].ndim):
                shorter = changed(args, place, lambda a, axis=axis: np.delete(a, 0, axis))
                found = run(case, to_device(shorter), {})
                if found is None:
                    continue
                where = f"{case}: argument {place} without an element of axis {axis}"
                try:
                    expected = case.function.reference(*shorter)
                except ValueError as error:
                    raise AssertionError(f"{where}: the reference refuses it") from error
                for a, e in zip(to_host(found), expected if isinstance(expected, tuple) else (expected,), strict=True):
                    assert_close(a, e, case.compare, where)


@pytest.mark.parametrize("op", [op for op in OF_SEQUENCES if op.startswith("recurrent")])
def test_activations_that_the_kernels_do_not_know(op: str) -> None:
    case = some_cases(op)[0]
    args, _ = arrays_of(case)
    for place, name in enumerate(args):
        if isinstance(name, str):
            assert run(case, to_device(changed(args, place, lambda _: "softsign")), {}) is None
