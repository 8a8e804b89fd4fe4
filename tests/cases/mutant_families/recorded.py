"""Faults in recorded steps on the CPU."""

from tests.cases.mutant import mutant

TESTS, TAPE, STEPS = "tests/training/test_recorded_on_the_cpu.py::", "backend/tape.py", "training/recorded.py"

mutant(
    "a recorded step that is not compared with a computed one",
    TAPE,
    TESTS + "test_a_kernel_that_does_more_than_it_says_is_found_out",
    "not all(map(_same_bits, computed, replayed))",
    "not replayed",
    mode="plain",
)
mutant(
    "a recorded step tried without putting back what it changed",
    TAPE,
    TESTS + "test_a_fit_gives_the_same_numbers",
    "        _put_back(state, before)\n    try:",
    "        pass\n    try:",
)
mutant(
    "a recorded step that looks at the first batch for ever",
    TAPE,
    TESTS + "test_a_fit_gives_the_same_numbers",
    "            given[place][...] = arrays[place]",
    "            pass",
)
mutant(
    "a recorded step for layers that may compute in their own way",
    STEPS,
    TESTS + "test_not_recorded",
    "if not replays(layer):",
    "if False:",
)
mutant(
    "a rule of one's own in a recorded step",
    STEPS,
    TESTS + "test_not_recorded",
    "for part in (*self._terms(), self.optimizer):\n            if not type",
    "for part in self._terms():\n            if not type",
)
mutant(
    "a constant of the rule that recorded steps do not see change",
    STEPS,
    TESTS + "test_what_changes_between_steps_reaches_recorded_ones",
    "any(map(is_not, map(options.get, rule), rule.values()))",
    "False",
)
SEEN = TESTS + "test_what_a_step_that_is_not_recorded_has_seen_reaches_recorded_ones"
for _name, _file, _old, _new in (
    ("an arrangement that others made", STEPS, "and self.group.arrangement == self._arranged", "and True"),
    ("a parameter's settings", STEPS, "and self.group.is_untouched()", "and True"),
    ("a layer's settings", STEPS, "            self._settings.are_untouched()\n", "            True\n"),
    ("the rule", STEPS, "            and self._has_same_rule()\n", ""),
    ("the rate", "optimizers/base.py", "self._steady and self.scalars() == self._scalars", "self._steady"),
):
    mutant(f"a recorded step that does not look at {_name}", _file, SEEN, _old, _new)
mutant(
    "a recorded step that does not look at settings of the process",
    STEPS,
    TESTS + "test_the_threads_and_kernels_in_force_are_those_of_the_next_step",
    "and config.state() == self._state",
    "and True",
)
mutant(
    "kernels chosen anew that recorded steps do not see",
    STEPS,
    TESTS + "test_the_threads_and_kernels_in_force_are_those_of_the_next_step",
    "config.kernels(), config.precision(), config.epsilon(), config.threads()",
    "config.precision(), config.epsilon()",
)
mutant(
    "a kernel's sums that begin where the last step left them",
    "kernels/numba/linear.py",
    TESTS + "test_layer",
    "        sums[s * units : (s + 1) * units] = 0\n",
    "",
)
mutant(
    "labels made integers once and for all",
    "kernels/numba/cross_entropy.py",
    TESTS + "test_labels_that_become_integers_on_the_way",
    "flat if flat.dtype == np.int64 else again(flat.astype, np.int64)",
    "flat.astype(np.int64, copy=False)",
)
mutant(
    "a result turned over once and for all",
    "kernels/numba/_product.py",
    TESTS + "test_products_that_numpy_finishes",
    "        again(write, turned.reshape(n, m), c.reshape(m, n).T)",
    "        write(turned.reshape(n, m), c.reshape(m, n).T)",
)
mutant(
    "a method of an array noted with that array for ever",
    TAPE,
    TESTS + "test_labels_that_become_integers_on_the_way",
    "if isinstance(owner, np.ndarray):",
    "if False:",
    mode="plain",
)
mutant(
    "a recorded step trusted for inputs that were never another",
    TAPE,
    TESTS + "test_an_input_that_was_always_the_same_has_proven_nothing",
    "known.trusted and (not known.unproven or known.proven_for(arrays))",
    "known.trusted",
)
mutant(
    "a recorded step that writes to what it is given",
    TAPE,
    TESTS + "test_what_is_given_is_never_written_to",
    "np.may_share_memory(result, given)",
    "False",
)
mutant(
    "a recorded step that looks for ever at where the first large batch stood",
    TAPE,
    TESTS + "test_large_inputs_are_looked_at_where_they_stand",
    "                self._look_at(arrays)",
    "                pass",
)
mutant(
    "Python's part of a recorded step that looks for ever at the first large batch",
    TAPE,
    TESTS + "test_large_inputs_are_looked_at_where_they_stand",
    "            self._calls[position] = self._calls[position][0], template.of(given)",
    "            pass",
)
mutant(
    "what was recorded of a small input forgotten before it was another",
    TAPE,
    TESTS + "test_each_input_is_proven_once",
    "a.copy() if place in self._small else a for place",
    "a for place",
)
mutant(
    "the state of a step whose batch was made up stays",
    TAPE,
    TESTS + "test_batches_that_never_change_are_proven_by_one_that_is_made_up",
    "        if made_up:\n            _put_back(state, before)",
    "        pass",
)
mutant(
    "a step whose batch was made up is counted",
    STEPS,
    TESTS + "test_batches_that_never_change_are_proven_by_one_that_is_made_up",
    "            self.optimizer.iterations = iterations",
    "            pass",
)
mutant(
    "what a batch that was made up shows is not looked at",
    TAPE,
    TESTS + "test_an_input_that_was_always_the_same_has_proven_nothing",
    "if reason or of_others:",
    "if reason:",
)
mutant(
    "a recorded step in which NumPy warns",
    TAPE,
    TESTS + "test_numbers_beyond_range_are_left_to_training_to_report",
    "self._quiet = quiet and",
    "self._quiet = False and",
    mode="compiled",
)
for _name, _file, _test, _old, _new in (
    (
        "never",
        "noticed.py",
        "assignments_to_minidl_s_own_objects_are_noticed_without_comparing",
        "        super().__setattr__(name, value)\n        _last = object()",
        "        super().__setattr__(name, value)",
    ),
    (
        "not where an attribute is deleted",
        "noticed.py",
        "assignments_to_minidl_s_own_objects_are_noticed_without_comparing",
        "        super().__delattr__(name)\n        _last = object()",
        "        super().__delattr__(name)",
    ),
    (
        "nor compared for others",
        "training/settings.py",
        "what_is_not_minidl_s_own_is_compared",
        "return own and (issubclass(cls, Noticed) or frozen)",
        "return True",
    ),
    (
        "nor compared for compat",
        "training/settings.py",
        "what_is_not_minidl_s_own_is_compared",
        ' and not name.startswith("minidl.compat.")',
        "",
    ),
    (
        "not meanwhile",
        "training/settings.py",
        "an_assignment_while_all_is_compared_is_noticed_later",
        "self._looked_after = last\n",
        "self._looked_after = last_assignment()\n",
    ),
    (
        "never without comparing",
        "training/settings.py",
        "assignments_to_minidl_s_own_objects_are_noticed_without_comparing",
        "if last is self._looked_after:",
        "if False:",
    ),
):
    _path = f"tests/training/test_settings.py::test_{_test}"
    mutant(f"an assignment is noticed {_name}", _file, _path, _old, _new)
AGAIN = "what_changes_again_and_again_reaches_recorded_ones"
for _name, _file, _test, _old, _new in (
    (
        "an optimizer's numbers looked at once, those of NumPy",
        STEPS,
        AGAIN + "[momentum of NumPy's]",
        "if _holds(name, value)}",
        "if _holds(name, value) and isinstance(value, (int, float))}",
    ),
    (
        "an optimizer's numbers looked at once, its rule",
        STEPS,
        AGAIN + "[rule]",
        "in options.items() if _holds",
        "in () if _holds",
    ),
    (
        "a way to convolve that was another",
        STEPS,
        "the_threads_and_kernels_in_force_are_those_of_the_next_step",
        ", config.convolution()",
        "",
    ),
    (
        "a number written to in its array",
        "training/settings.py",
        AGAIN + "[rate in an array]",
        "array.ndim == 0]",
        "array.ndim < 0]",
    ),
    (
        "a method of one layer alone",
        STEPS,
        AGAIN + "[a layer's method]",
        "bool(says_so) and vars(layer).keys().isdisjoint(_METHODS)",
        "bool(says_so)",
    ),
    (
        "penalties of one's own called by trials",
        STEPS,
        "not_recorded",
        "(*self._terms(), self.optimizer):\n            if not type",
        "(self.optimizer,):\n            if not type",
    ),
    (
        "losses of one's own called by trials",
        STEPS,
        "losses_of_ones_own_are_called_once_a_step",
        " or calls_ops_alone(loss))",
        " or True)",
    ),
):
    mutant(f"recorded: {_name}", _file, TESTS + "test_" + _test, _old, _new, mode="compiled")
mutant(
    "recorded: a prediction that a metric keeps is written to",
    "training/running.py",
    "tests/training/test_running.py::test_a_metric_may_keep_the_predictions_of_recorded_steps",
    "self.copies = not all(",
    "self.copies = False and not all(",
)
mutant(
    "recorded: a function that keeps a prediction taken for minidl's own",
    "training/running.py",
    "tests/training/test_running.py::test_a_function_may_keep_the_predictions_of_recorded_steps",
    ' and not hasattr(metric, "function")',
    "",
)
mutant(
    "a step whose constraint fails is counted",
    "optimizers/base.py",
    TESTS + "test_a_step_whose_constraint_fails_does_not_count",
    "        if group.constrained:\n            again(group.apply_constraints)\n        self.count()\n",
    "        self.count()\n        if group.constrained:\n            again(group.apply_constraints)\n",
)
