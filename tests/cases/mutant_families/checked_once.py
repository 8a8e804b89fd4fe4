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
LARGE = "tests/data/test_large_arrays.py::"
for _name, _file, _test, _old, _new in (
    (
        "never",
        "data/batches.py",
        "test_the_warning_of_a_large_x_comes_before_the_batch_with_it",
        "if not all(finite for",
        "if all(finite for",
    ),
    (
        "looked at again",
        "data/arrays.py",
        "test_the_warning_of_a_large_x_comes_before_the_batch_with_it",
        "unseen, self._unseen = self._unseen, []",
        "unseen = self._unseen",
    ),
    (
        "cut before",
        "data/arrays.py",
        "test_what_is_left_of_a_large_x_is_looked_at_where_it_is_cut_or_taken_whole",
        "        self.look_at_rest()  # which",
        "        pass  # which",
    ),
    (
        "the first input",
        "data/arrays.py",
        "test_of_several_inputs_the_one_that_is_not_finite_is_named",
        "self._unseen.append((index, name))",
        "self._unseen.append((0, name))",
    ),
):
    mutant(f"a large x: {_name}", _file, LARGE + _test, _old, _new)
mutant(
    "a large x: the last row alone is looked at",
    "kernels/numba/_rows.py",
    "tests/ops/test_kernels.py::test_kernel_equals_reference[gather.gather_and_look-float32]",
    "wrong[task] += not_finite",
    "wrong[task] = not_finite",
    mode="compiled",
)
