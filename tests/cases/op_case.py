"""What an entry of the table of ops is: a call of one op, and how its result is compared."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import minidl.ops

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

WIDTHS = (1, 3, 7, 13, 17, 31, 33, 50)  # around the vector lengths 4, 8, 16 and 32, and never a multiple of one


@dataclass(frozen=True)
class OpCase:
    """One call of one op.

    Args:
        op: module and name, ``"pooling.max_pool"``.
        name: what is special about the input.
        make: draws fresh arguments, ``make(rng, dtype) -> args, kwargs``.
        size: "tiny", "small" or "medium", see above.
        compare: how exact a result in floating point can be; "elementwise": to a few units in the last place of each
            element; "unit": of the element or of one, whichever is larger (losses near zero); "scaled": of the array's
            largest element (sums, differences).
        writes: positions of the arguments that the op changes in place.
    """

    op: str
    name: str
    make: Callable[[np.random.Generator, Any], Arguments]
    size: str = "small"
    compare: str = "scaled"
    writes: tuple[int, ...] = ()

    @property
    def function(self) -> Callable[..., Any]:
        """The op."""
        return op_function(self.op)

    def __str__(self) -> str:
        return f"{self.op}: {self.name}"


def op_function(op: str) -> Callable[..., Any]:
    """The op named ``"module.function"``."""
    module, _, name = op.partition(".")
    return getattr(importlib.import_module(f"minidl.ops.{module}"), name)


def all_ops() -> list[str]:
    """Every op of ``minidl.ops``, found by looking: what was made by ``@op`` carries its reference as ``reference``."""
    found = []
    for info in pkgutil.iter_modules(minidl.ops.__path__):
        module = importlib.import_module(f"minidl.ops.{info.name}")
        for name, value in inspect.getmembers(module):
            if hasattr(value, "reference") and value.__module__ == module.__name__:
                found.append(f"{info.name}.{name}")
    return found


def cases_of(op: str, *sizes: str) -> list[OpCase]:
    """The cases of one op, of the sizes given (none: of all sizes)."""
    return [case for case in CASES if case.op == op and (not sizes or case.size in sizes)]


CASES: list[OpCase] = []


def add(op: str, name: str, make: Callable[..., Arguments], size: str = "small", compare: str = "scaled", writes=()) -> None:
    """Put one case into the table."""
    CASES.append(OpCase(op, name, make, size, compare, tuple(writes)))


def normal(rng: np.random.Generator, dtype: Any, *shape: int) -> np.ndarray:
    """Standard normal numbers."""
    return rng.standard_normal(shape).astype(dtype)


def extremes(dtype: Any) -> np.ndarray:
    """Every kind of floating-point number, and the places where exponentials over- and underflow."""
    info = np.finfo(dtype)
    one_sided = [0.0, info.smallest_subnormal, info.tiny / 4, info.tiny, info.eps, 1e-3, 0.5, 1, 3, 6, 17, 20, 88, 89, 104]
    one_sided += [709, 710, 746, 1e4, 1e30, 1e38, info.max, np.inf]
    positive = np.array(one_sided, np.float64).astype(dtype)
    return np.concatenate([positive, -positive, np.array([np.nan], dtype)])
