"""Faults in calls of compiled functions that are made as one."""

from tests.cases.mutant import mutant

TESTS, REPLAY, MOVES = "tests/kernels/test_replay.py::", "kernels/numba/_replay.py", "kernels/numba/_moves.py"

mutant(
    "replay: an input is looked at where it stood first",
    REPLAY,
    TESTS + "test_inputs_may_stand_elsewhere",
    "self._slots[slot] = address + offset",
    "pass",
    mode="compiled",
)
mutant(
    "replay: a view of an input begins at its start",
    REPLAY,
    TESTS + "test_inputs_may_stand_elsewhere",
    "= address + offset",
    "= address",
    mode="compiled",
)
mutant(
    "replay: every input where the first one stands",
    REPLAY,
    TESTS + "test_each_input_may_stand_elsewhere",
    "        for slot, offset in self._moving.get(place, ()):",
    "        for slot, offset in self._moving.get(0, ()):",
    mode="compiled",
)
mutant(
    "replay: strides in place of shapes",
    REPLAY,
    TESTS + "test_every_kind_of_argument_arrives",
    "*value.shape, *value.strides]",
    "*value.strides, *value.shape]",
    mode="compiled",
)
mutant(
    "replay: float32 taken for float64",
    REPLAY,
    TESTS + "test_every_kind_of_argument_arrives",
    '{32: "<f4x", 64: "<d"}',
    '{32: "<d", 64: "<d"}',
    mode="compiled",
)
mutant(
    "replay: the call after one that failed is made",
    REPLAY,
    TESTS + "test_a_failure_ends_it",
    "INDEX(0)), after, wrong)",
    "INDEX(0)), after, after)",
    mode="compiled",
)
mutant(
    "replay: a failure is kept for the next time",
    REPLAY,
    TESTS + "test_a_failure_ends_it",
    "            self._failed[0] = 0\n",
    "",
    mode="compiled",
)
mutant(
    "replay: a number that Python looks at is lost",
    "kernels/numba/_private.py",
    TESTS + "test_what_gives_a_result_is_called_from_python",
    "if version.signature.return_type != types.none:",
    "if False:",
    mode="compiled",
)
mutant(
    "moves: numbers in another order are moved as they stand",
    MOVES,
    TESTS + "test_moves",
    "return _turn.dispatcher, (place, value.T)",
    "return _write.dispatcher, (place.reshape(-1), value.T.reshape(-1))",
    mode="compiled",
)
mutant(
    "moves: added where it should be written",
    MOVES,
    TESTS + "test_moves",
    "_write if function is tape.write else _add",
    "_add",
    mode="compiled",
)
mutant(
    "moves: types that differ are taken for alike",
    MOVES,
    TESTS + "test_what_is_not_only_moved",
    "(place.shape, place.dtype) != (value.shape, value.dtype)",
    "place.shape != value.shape",
    mode="compiled",
)
mutant(
    "targets that NumPy prepares for the first batch alone",
    "backend/tape.py",
    "tests/training/test_recorded_on_the_cpu.py::test_targets_that_numpy_prepares",
    'if getattr(function, "noted", False) else',
    "if True else",
    mode="compiled",
)
