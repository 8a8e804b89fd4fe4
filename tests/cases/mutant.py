"""What a row of the table of planted faults is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        name: what is wrong, in words.
        file: under ``minidl``.
        changes: pairs of the source as it is, found exactly once, and what stands there instead.
        tests: the tests of which at least one must fail.
        mode: how the kernels run: "reference" (not at all), "plain" (as Python) or "compiled".
    """

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]
    mode: str


MUTANTS: list[Mutant] = []


def mutant(name: str, file: str, tests: str | tuple[str, ...], *texts: str, mode: str = "") -> None:
    """Put a fault into the table; ``texts`` are source and replacement in turn."""
    mode = mode or ("plain" if file.startswith("kernels/") else "reference")
    changes = tuple(zip(texts[::2], texts[1::2], strict=True))
    MUTANTS.append(Mutant(name, file, changes, (tests,) if isinstance(tests, str) else tests, mode))


def naive(op: str) -> str:
    """The reference of an op against plain loops."""
    return f"tests/ops/test_references.py::test_reference_equals_naive[{op}-float64]"


def gradient(case: str) -> str:
    """The gradient of a layer of the table by central differences."""
    return f"tests/layers/test_gradients.py::test_gradient[{case}]"


def loss_gradient(case: str) -> str:
    """The gradient of a loss of the table by central differences."""
    return f"tests/layers/test_gradients.py::test_gradient_of_loss[{case}]"


def kernel(op: str) -> str:
    """A kernel against the reference, on the tiny and small cases."""
    return f"tests/ops/test_kernels.py::test_read_only_arrays_give_the_same[{op}]"


def many(op: str) -> str:
    """A kernel on more elements than one task takes."""
    return f"tests/ops/test_kernels.py::test_many_chunks_on_threads[{op}-float32]"
