"""Faults in gradients that are kept as rows, and in the kernels of the table."""

from __future__ import annotations

from tests.cases.mutant import kernel, mutant

GROUP, PARAMETER, ROWS = "parameters/group.py", "parameters/parameter.py", "tests/test_rows_of_gradients.py::"
WALKED, CLEARED = ROWS + "test_what_is_walked", ROWS + "test_rows_of_the_last_step_are_cleared_and_no_others"

mutant("rows: those of the last step are not cleared", PARAMETER, CLEARED, "        grad[self._rows] = 0\n", "")
mutant(
    "rows: everything is cleared in every step",
    PARAMETER,
    CLEARED,
    "        if self._rows is None:\n            grad[...] = 0\n            return\n",
    "        grad[...] = 0\n        if self._rows is None:\n            return\n",
)
mutant(
    "rows: those of a second use are forgotten",
    PARAMETER,
    ROWS + "test_the_gradient_is_the_same_array_of_the_same_numbers",
    "backends.array_namespace(rows).union1d(self._rows, rows)",
    "self._rows",
)
mutant(
    "rows: a gradient of the whole is taken for one of rows",
    PARAMETER,
    ROWS + "test_mixed_with_gradients_of_the_whole",
    "        self._rows = None\n        if self._grad_written:\n            self._grad_array()[...] += grad",
    "        if self._grad_written:\n            self._grad_array()[...] += grad",
)
mutant(
    "rows: who holds the gradient's array is forgotten",
    PARAMETER,
    ROWS + "test_who_holds_the_gradients_array_may_write_to_it",
    "None if self._grad_seen else rows",
    "rows",
)
mutant(
    "rows: a penalty reaches those that were touched only",
    GROUP,
    ROWS + "test_every_model_comes_to_the_same_bits[penalty-sgd-auto]",
    "            p._rows = None  # the penalty is one on every number\n",
    "            pass\n",
)
mutant(
    "rows: a factor of NaN reaches those that were touched only",
    "optimizers/clipping.py",
    ROWS + "test_a_gradient_with_nan_norm_reaches_every_row",
    "            p._rows = None  # a factor",
    "            pass  # a factor",
)
mutant(
    "rows: momentum rests where there is no gradient",
    "optimizers/sgd.py",
    ROWS + "test_every_optimizer_comes_to_the_same_bits[momentum-reference]",
    "return not self.momentum",
    "return True",
)
mutant("rows: they are never used", "optimizers/sgd.py", WALKED, "return not self.momentum", "return False")
mutant(
    "rows: a rule of somebody's own is taken for SGD's",
    "optimizers/base.py",
    ROWS + "test_a_rule_of_ones_own_sees_everything",
    "if not is_own(type(self)):",
    "if False:",
)
mutant(
    "embedding: an id without a row gives 0",
    "kernels/numba/embedding.py",
    kernel("embedding.embed"),
    "target[:] = np.nan",
    "target[:] = 0",
)
mutant(
    "embedding: the gradient stays in memory that was lent",
    "kernels/numba/embedding.py",
    kernel("embedding.embed_grad_W"),
    "dW[row * units + begin : row * units + end] = 0",
    "pass",
)
