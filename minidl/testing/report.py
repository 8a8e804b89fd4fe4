"""What a gradient check found: a row per array, a table for people, an error for tests."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, prod

from minidl.errors import MinidlError


class GradientError(MinidlError, AssertionError):
    """A gradient is wrong, or could not be proven right."""


@dataclass(frozen=True)
class Row:
    """What was found for one array.

    Attributes:
        name: ``"x"``, or the parameter's name, such as ``"dense_1.W"``.
        shape: of the array.
        error: the largest |analytic - numeric| / (|g| |d|) over all trusted differences; infinite for NaN. Of an element that
            is right by this measure and wrong by itself, |analytic - numeric| over the larger of the two.
        index: the worst element; None where the array was checked along random directions only, and nothing was wrong.
        analytic, numeric: the derivative by ``gradient`` and by differences, at that element or along that direction.
        checked: number of elements that took part in a trusted difference.
        kinks: number of elements at which the function has a corner, so that a difference says nothing.
    """

    name: str
    shape: tuple[int, ...]
    error: float
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    checked: int
    kinks: int

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def proven(self) -> bool:
        """Whether something was checked, and every element was either checked or found to be at a corner."""
        return self.checked > 0 and self.checked + self.kinks == self.size


@dataclass(frozen=True)
class GradientReport:
    """The result of ``check_gradients``: ``print(report)`` for people, ``report.raise_if_failed()`` for tests.

    Attributes:
        subject: what was checked, such as ``"dense_1 (Dense)"``.
        rows: one for each input and for each trainable parameter.
        problems: broken promises that are no matter of tolerance, in sentences: dy was changed, a gradient does not add.
        tolerance: the largest error allowed.
    """

    subject: str
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether every gradient is proven and nothing else is wrong."""
        return bool(self.rows) and not self.problems and not self.wrong and all(row.proven for row in self.rows)

    @property
    def wrong(self) -> list[Row]:
        """The rows whose error is above the tolerance, the worst first."""
        return sorted((row for row in self.rows if row.error > self.tolerance), key=lambda row: row.error, reverse=True)

    @property
    def worst(self) -> Row | None:
        """The row with the largest error."""
        return max(self.rows, key=lambda row: row.error, default=None)

    @property
    def error(self) -> float:
        """The largest error of all."""
        return self.worst.error if self.worst is not None else 0.0

    @property
    def kinks(self) -> int:
        """Number of elements at a corner, over all arrays."""
        return sum(row.kinks for row in self.rows)

    @property
    def verdict(self) -> str:
        """One line: PROVEN, WRONG or NOT PROVEN, and why."""
        if self.wrong and not (self.problems and isnan(self.wrong[0].analytic)):  # where nothing came, a sentence says why
            return f"WRONG: {self.wrong[0].name}, error {self.wrong[0].error:.1e}, {_worst_element(self.wrong[0])}"
        if self.problems:
            return f"WRONG: {self.problems[0]}"
        if not self.rows:
            return "NOT PROVEN: there is nothing to differentiate"
        for row in self.rows:
            if not row.proven:
                left = row.size - row.checked - row.kinks
                why = f"{left} elements not reached between so many corners" if left else f"all {row.kinks} elements at corners"
                return f"NOT PROVEN: {row.name}, {why} of the function; move x away from them"
        assert self.worst is not None
        corners = f", {self.kinks} elements at corners left out" if self.kinks else ""
        return f"PROVEN: worst error {self.error:.1e} in {self.worst.name}{corners}"

    def raise_if_failed(self) -> None:
        """Raise GradientError with the whole table unless ``ok``."""
        if not self.ok:
            raise GradientError(f"{self.subject}: the gradient check failed\n{self}\n")

    def __str__(self) -> str:
        table = [("array", "shape", "error", "checked", "kinks", "worst element")]
        for row in self.rows:
            error = f"{row.error:.1e}" if row.checked else "-"
            checked = f"{row.checked} of {row.size}"
            table.append((row.name, str(row.shape), error, checked, str(row.kinks), _worst_element(row)))
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = [f"Gradients of {self.subject}, tolerance {self.tolerance:g}"]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in table]
        return "\n".join([*lines, *self.problems, self.verdict])


def _worst_element(row: Row) -> str:
    if not row.checked:
        return "-"
    place = "along a direction" if row.index is None else str(list(row.index))
    return f"{place}: analytic {row.analytic:.9g}, numeric {row.numeric:.9g}"
