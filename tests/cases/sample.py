"""Tables that are too long for every run: some rows always run, the others are marked slow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def only(rows: Iterable[Any], always: Collection[Any]) -> list[Any]:
    """Rows for ``pytest.mark.parametrize``: those in ``always`` run always, the others with --all.

    >>> [row if isinstance(row, str) else row.marks[0].name for row in only("abc", always="b")]
    ['slow', 'b', 'slow']
    """
    rows = list(rows)
    missing = [row for row in always if row not in rows]
    assert not missing, f"no such rows: {missing}"
    return [row if row in always else pytest.param(row, marks=pytest.mark.slow) for row in rows]
