"""What docs/lectures.md shows of the lectures, row by row, is what the lines print today."""

import warnings

import pytest

from benchmarks.lecture_rows import PATH, ROWS, Row, kept, run
from tests.cases.sample import only

KEPT = kept(PATH)
SHORT = {row.item: row for row in ROWS if not row.code.startswith("python ")}
BAR = next(item for item in SHORT if item.startswith("the progress bar"))


def test_every_row_was_run_as_it_stands():
    assert [row.item for row in ROWS if KEPT.get(row.item, {}).get("code") != row.code] == []


@pytest.mark.parametrize("item", only(sorted(SHORT), always=[BAR]))
def test_the_lines_print_what_is_kept(item: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old spellings are told
        assert run(SHORT[item]) == KEPT[item]["printed"]


def test_a_row_that_fails_says_so() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Row("", "none", "1 / 0"))
