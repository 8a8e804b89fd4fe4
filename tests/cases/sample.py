"""Tables that are too long for every run: some rows always run, the others are marked slow, or more where each is quick."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def only(rows: Iterable[Any], always: Collection[Any]) -> list[Any]:
    """Rows for ``pytest.mark.parametrize``: those in ``always`` run always, the others with --all.

    >>> [row if isinstance(row, str) else row.marks[0].name for row in only("abc", always="b")]
    ['slow', 'b', 'slow']
    """
    return _but(always, rows, pytest.mark.slow)


def mostly(rows: Iterable[Any], always: Collection[Any]) -> list[Any]:
    """As ``only``, but the others run for each change, too: they are quick.

    >>> [row if isinstance(row, str) else row.marks[0].name for row in mostly("abc", always="b")]
    ['more', 'b', 'more']
    """
    return _but(always, rows, pytest.mark.more)


def _but(always: Collection[Any], rows: Iterable[Any], mark: pytest.MarkDecorator) -> list[Any]:
    rows = list(rows)
    missing = [row for row in always if row not in rows]
    assert not missing, f"no such rows: {missing}"
    return [row if row in always else pytest.param(row, marks=mark) for row in rows]


# For tests that compute in double precision: compiling the kernels for it once more is a tenth of the sample's time.
by_references_first = mostly(["reference", "auto"], always=["reference"])

# For tests that hand over arrays which must stay as they are. For read-only ones each kernel is compiled once more, a second
# for some; that kernels take them is always seen in tests/ops/test_kernels.py.
HANDED = ["writable to kernels", "read-only to references", "read-only to kernels"]
each_handed = pytest.mark.parametrize("handed", only(HANDED, always=HANDED[:2]))
