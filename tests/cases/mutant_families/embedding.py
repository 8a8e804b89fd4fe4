"""Faults in gradients that are kept as rows, and in the kernels of the table."""

from __future__ import annotations

from tests.cases.mutant import kernel, mutant, naive

GROUP, PARAMETER, ROWS = "parameters/group.py", "parameters/parameter.py", "tests/test_rows_of_gradients.py::"
WALKED, CLEARED = ROWS + "test_what_is_walked", ROWS + "test_rows_of_the_last_step_are_cleared_and_no_others"

mutant(
    "rows: those of the last step are not cleared",
    PARAMETER,
    CLEARED,
    "            self._clear()\n            self._rows, sums = self._aside\n",
    "            self._rows, sums = self._aside\n",
)
mutant(
    "rows: everything is cleared in every step",
    PARAMETER,
    CLEARED,
    "        if self._rows is None:\n            grad[...] = 0\n            return\n",
    "        grad[...] = 0\n        if self._rows is None:\n            return\n",
)
mutant(
    "rows: they are written to the array though nobody looks at it",
    PARAMETER,
    ROWS + "test_plain_descent_never_touches_the_gradients_array",
    "if self._grad_seen:",
    "if True:",
)
mutant(
    "rows: those of a second use are forgotten",
    PARAMETER,
    ROWS + "test_the_gradient_is_the_same_array_of_the_same_numbers",
    "embed_grad_rows(rows, sums, len(self._value))",
    "self._aside",
)
mutant(
    "rows: those beside others in the array are forgotten",
    PARAMETER,
    ROWS + "test_rows_beside_those_that_are_in_the_array",
    "backends.array_namespace(rows).union1d(self._rows, rows)",
    "self._rows",
)
mutant(
    "rows: those of the last step come back",
    PARAMETER,
    ROWS + "test_a_step_without_a_batch_changes_nothing",
    "self._aside, self._grad_written = None, True",
    "self._grad_written = True",
)
mutant(
    "rows: a gradient of the whole is taken for one of rows",
    PARAMETER,
    ROWS + "test_mixed_with_gradients_of_the_whole",
    "            self._rows = self._aside = None\n            again(write, self._grad_array(), grad)",
    "            again(write, self._grad_array(), grad)",
)
mutant(
    "rows: who holds the gradient's array is forgotten",
    PARAMETER,
    ROWS + "test_who_holds_the_gradients_array_may_write_to_it",
    "if self._grad_seen:",
    "if False:",
)
mutant(
    "rows: a penalty reaches those that were touched only",
    GROUP,
    ROWS + "test_every_model_comes_to_the_same_bits[penalty-sgd-auto]",
    "            p._whole()  # the penalty is one on every number\n",
    "            p._filled()\n",
)
mutant(
    "rows: a penalty is added to what was in the array before",
    GROUP,
    ROWS + "test_every_model_comes_to_the_same_bits[penalty-sgd-auto]",
    "            p._whole()  # the penalty is one on every number\n",
    "            p._rows = None\n",
)
mutant(
    "rows: a factor of NaN reaches those that were touched only",
    "optimizers/clipping.py",
    ROWS + "test_a_gradient_with_nan_norm_reaches_every_row",
    "            p._whole()  # a factor",
    "            p._filled()  # a factor",
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
    'if not type(self).__module__.startswith("minidl."):',
    "if False:",
)
mutant(
    "embedding: an id without a row gives 0",
    "kernels/numba/embedding.py",
    kernel("embedding.embed"),
    "y[i * units : (i + 1) * units] = np.nan",
    "y[i * units : (i + 1) * units] = 0",
)
mutant(
    "embedding: the gradient stays in memory that was lent",
    "kernels/numba/embedding.py",
    kernel("embedding.embed_grad_W"),
    "dW[row * units + begin : row * units + end] = 0",
    "pass",
)
mutant(
    "embedding: rows in the order of their numbers",
    "ops/embedding.py",
    naive("embedding.embed_grad_rows"),
    "return r[order], embed_grad_W(rank[places]",
    "return r, embed_grad_W(places",
)
mutant(
    "embedding: of rows that occur twice the last counts",
    "kernels/numba/embedding.py",
    kernel("embedding.embed_grad_rows"),
    "            if p == begun:",
    "            if p >= begin:",
)
mutant(
    "embedding: what stands in memory is believed",
    "kernels/numba/embedding.py",
    ROWS + "test_rows_are_found_whatever_stands_in_the_memory_that_is_lent",
    "if p < 0 or p >= count or r[p] != row:",
    "if p < 0 or p >= count:",
)
mutant(
    "rows: the gradient of one row steps another",
    "kernels/numba/update.py",
    ROWS + "test_every_optimizer_comes_to_the_same_bits[sgd-auto]",
    "grad[k * units : (k + 1) * units]\n        for i in range(len(row)):\n            row[i]",
    "grad[first * units : (first + 1) * units]\n        for i in range(len(row)):\n            row[i]",
)
mutant(
    "rows: a reference's step is not put back",
    "backend/table.py",
    ROWS + "test_every_optimizer_comes_to_the_same_bits[sgd-reference]",
    "            whole[self.numbers] = copy",
    "            pass",
)
