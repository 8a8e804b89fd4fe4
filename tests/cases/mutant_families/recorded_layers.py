"""Faults in what layers of sequences, ids and branches say of themselves to recorded steps."""

from tests.cases.mutant import mutant

TESTS = "tests/training/test_recorded_on_the_cpu.py::"

for _name, _file, _test, _old, _new in (
    ("a last output of the first batch", "layers/recurrent.py", "lstm", "again(write, last,", "write(last,"),
    ("a last gradient of the first batch", "layers/recurrent.py", "lstm", "again(write, dy[:, -1],", "write(dy[:, -1],"),
    ("a first batch turned round", "layers/recurrent.py", "lstm_backwards", "again(_turned_round, a)", "_turned_round(a)"),
    (
        "steps one by one of the first batch",
        "layers/all_times.py",
        "lstm_gelu",
        'refuse(f"{self.label} goes',
        'str(f"{self.label} goes',
    ),
    (
        "a part dropped once for all",
        "layers/all_times.py",
        "gru_dropout",
        'refuse(f"{self.label} drops',
        'str(f"{self.label} drops',
    ),
    ("a mask of the first batch", "layers/embedding.py", "embedding_masked", "refuse(", "str("),
    ("rows of the first batch", "parameters/parameter.py", "embedding_few_of_many", "        refuse(", "        str("),
    ("a first batch turned", "layers/layer_normalization.py", "layer_norm_axis_1", "            refuse(", "            str("),
    ("a first difference", "layers/merge.py", "subtract", "again(sub, first, second)", "sub(first, second)"),
    ("a first gradient of another sign", "layers/merge.py", "subtract", "again(neg, dy)", "neg(dy)"),
    ("a first part of a mean", "layers/merge.py", "average_two", "again(truediv, dy, number)", "truediv(dy, number)"),
    ("a first batch side by side", "layers/concatenate.py", "concatenate", "again(_joined, x, axis)", "_joined(x, axis)"),
    ("a first batch with other axes", "layers/permute.py", "permute", "again(_turned, x,", "_turned(x,"),
    ("a first vector", "layers/repeat_vector.py", "repeat_vector", "again(_repeated, x,", "_repeated(x,"),
    ("a first sum over time", "layers/repeat_vector.py", "repeat_vector", "again(_sum_over_time, dy)", "_sum_over_time(dy)"),
    ("a first pool", "layers/global_pooling.py", "global_average_channels_first", "again(self._pooled, x,", "self._pooled(x,"),
    (
        "a first share",
        "layers/global_pooling.py",
        "global_average_channels_first",
        "again(self._spread, dy,",
        "self._spread(dy,",
    ),
):
    mutant(f"a recorded step with {_name}", _file, f"{TESTS}test_layer[{_test}]", _old, _new)
mutant(
    "a move of rows that takes each row's first number",
    "kernels/numba/_moves.py",
    TESTS + "test_layer[lstm]",
    "place[i, j] = value[i, j]",
    "place[i, j] = value[i, 0]",
    mode="compiled",
)
mutant(
    "a recorded step of references that brings Numba along",
    "backend/dispatch.py",
    "tests/training/test_no_numba.py::test_everything_works_without_numba[not wanted]",
    '    if config.kernels() != "auto":\n        return True\n',
    "",
)
mutant(
    "an LSTM's gradient that forgets that of the last cell",
    "kernels/numba/recurrent.py",
    "tests/layers/test_gradients.py::test_gradient[lstm_states]",
    "if len(dc_last) else 0",
    "* 0 if len(dc_last) else 0",
)
OPTIONS, FIT = "tests/test_optimizer_options.py::", "tests/training/test_recorded_on_the_cpu.py::test_penalties_and_constraints"
for _name, _file, _test, _old, _new, _mode in (
    ("added to that of the step before", "parameters/group.py", FIT, "again(write, total,", "write(total,", "reference"),
    ("of the first weights", "ops/penalty.py", OPTIONS + "test_penalties_by_formula", "value.astype", "(0 * value).astype", ""),
    (
        "L1 for L2",
        "kernels/numba/penalty.py",
        OPTIONS + "test_penalties_by_formula",
        "scalars[0], scalars[1]",
        "scalars[1], scalars[0]",
        "",
    ),
    (
        "that the loss does not have",
        "kernels/numba/penalty.py",
        "tests/ops/test_kernels.py::test_kernel_equals_reference[penalty.with_penalty-float32]",
        " + total[0]",
        "",
        "",
    ),
):
    mutant(f"a penalty {_name}", _file, _test, _old, _new, mode=_mode)
mutant(
    "a norm added to that of the step before",
    "optimizers/clipping.py",
    "tests/training/test_recorded_on_the_cpu.py::test_optimizer",
    "again(write, total,",
    "write(total,",
)
mutant(
    "an infinite norm that a kernel makes a factor of",
    "kernels/numba/gradients.py",
    "tests/ops/test_kernels.py",
    "if norm < np.inf else np.nan",
    "",
)
for _part in ("l1 * magnitudes if l1", "l2 * squares if l2"):
    mutant(
        f"a penalty of what is infinite without a factor: {_part}",
        "kernels/numba/penalty.py",
        OPTIONS + "test_penalties_of_weights_that_are_not_finite",
        _part + " else 0.0",
        _part.partition(" if ")[0],
    )
