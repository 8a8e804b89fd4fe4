"""Every op's reference against the same mathematics in plain Python loops, on the op's whole case table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from minidl import config
from tests.cases.ops import CASES, OpCase, all_ops, cases_of
from tests.cases.sample import only
from tests.ops.naive import NAIVE, assert_close


def results_of(case: OpCase, args: tuple, kwargs: dict) -> tuple:
    """What the op gives back, or, for one that works in place, what it changed."""
    result = case.function(*args, **kwargs)
    if case.writes:
        assert result is None
        return tuple(args[k] for k in case.writes)
    return result if isinstance(result, tuple) else (result,)


def test_every_op_has_cases_and_a_naive_definition() -> None:
    assert set(all_ops()) == {case.op for case in CASES} == set(NAIVE)
    names = [str(case) for case in CASES]
    assert len(set(names)) == len(names)
    assert not [op for op in all_ops() if not cases_of(op, "tiny") or not cases_of(op, "medium")]


DTYPES = only([np.float64, np.float32], always=[np.float64])  # the loops take long


LONG = ("tiles cut off", "of 4100 x 2")  # names of cases that take the loops seconds and are made for kernels


def is_long(case: OpCase) -> bool:
    return any(words in case.name for words in LONG)


def check_against_loops(op: str, dtype: type, long: bool) -> None:
    for number, case in enumerate(cases_of(op, "tiny", "small")):
        if is_long(case) != long:
            continue
        args, kwargs = case.make(np.random.default_rng(number), dtype)
        named = {name: value for name, value in kwargs.items() if name != "out"}
        expected = NAIVE[op](*(a.copy() if isinstance(a, np.ndarray) else a for a in args), **named)
        with config.use_kernels("reference"):
            found = results_of(case, args, kwargs)
        assert len(found) == len(expected)
        for a, e in zip(found, expected):
            assert_close(a, e, case.compare, f"{case.op}, {case.name}")
        if "out" in kwargs:
            assert found[0] is kwargs["out"]
        for a in found:
            # An op on rows changes what it was given: sums over all parameters are float64.
            given = {x.dtype for x in args if isinstance(x, np.ndarray)} if op.startswith(("gradients.", "penalty.")) else set()
            assert a.dtype in {np.dtype(dtype), *given} or a.dtype.kind != "f", f"{case}: {a.dtype} from {np.dtype(dtype)}"


@pytest.mark.parametrize("dtype", DTYPES, ids=["float64", "float32"])
@pytest.mark.parametrize("op", all_ops())
def test_reference_equals_naive(op: str, dtype: type) -> None:
    check_against_loops(op, dtype, long=False)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("op", sorted({case.op for case in CASES if is_long(case)}))
def test_reference_equals_naive_where_the_loops_take_long(op: str, dtype: type) -> None:
    check_against_loops(op, dtype, long=True)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("op", all_ops())
def test_reference_leaves_its_inputs_alone(op: str) -> None:
    for number, case in enumerate(cases_of(op, "tiny")):
        args, kwargs = case.make(np.random.default_rng(number), np.float32)
        before = [a.tobytes() if isinstance(a, np.ndarray) else a for a in args]
        with config.use_kernels("reference"):
            case.function(*args, **kwargs)
        for k, (a, b) in enumerate(zip(args, before)):
            if isinstance(a, np.ndarray) and k not in case.writes:
                assert a.tobytes() == b, f"{case}: argument {k} was changed"


def every_other(a: np.ndarray) -> np.ndarray:
    wide = np.zeros([2 * n for n in a.shape], a.dtype)
    part = wide[tuple(slice(None, None, 2) for _ in a.shape)]
    part[...] = a
    return part


def reversed_twice(a: np.ndarray) -> np.ndarray:
    flip = (slice(None, None, -1),) * a.ndim
    return a[flip].copy()[flip]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("op", all_ops())
def test_reference_gives_the_same_bits_in_every_memory_layout(op: str) -> None:
    """NumPy has a loop for each layout, and each rounds differently: sums always, products of matrices before 2.3."""
    for number, case in enumerate(cases_of(op, "tiny", "small")):

        def bits(layout: Callable[[np.ndarray], np.ndarray], case: OpCase = case, number: int = number) -> list[bytes]:
            args, kwargs = case.make(np.random.default_rng(number), np.float32)
            with config.use_kernels("reference"):
                found = results_of(case, tuple(layout(a) if isinstance(a, np.ndarray) else a for a in args), kwargs)
            return [a.tobytes() for a in found]

        expected = bits(np.ascontiguousarray)
        for layout in (np.asfortranarray, every_other, reversed_twice):
            assert bits(layout) == expected, f"{case}, {layout.__name__}"
