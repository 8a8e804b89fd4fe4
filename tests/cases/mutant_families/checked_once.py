"""Faults in the short way of data whose form was checked before."""

from tests.cases.mutant import mutant

TESTS, GIVEN = "tests/models/test_checked_once.py::", "models/given.py"

mutant(
    "a known form with any number of labels",
    GIVEN,
    TESTS + "test_what_is_wrong_is_refused_as_before",
    "0 < len(x) == len(y)",
    "0 < len(x)",
)
mutant(
    "a known form without a look at its targets",
    GIVEN,
    TESTS + "test_targets_that_are_no_distributions_are_refused_in_a_later_batch",
    '        judged.loss.check_data(y, shape, f"{where}: y")\n',
    "",
)
mutant(
    "a known form without a look at its samples",
    GIVEN,
    TESTS + "test_numbers_that_are_not_finite_are_warned_of_in_a_later_batch",
    "        data = ArrayData.of_valid(x, y, where, nan)\n        (judged,)",
    '        data = ArrayData.of_valid(x, y, where, "ignore")\n        (judged,)',
)
mutant(
    "a form that knows nothing of the targets' shape",
    GIVEN,
    TESTS + "test_what_is_wrong_is_refused_as_before",
    "return x.shape[1:], x.dtype, y.shape[1:], y.dtype",
    "return x.shape[1:], x.dtype, y.dtype",
)
