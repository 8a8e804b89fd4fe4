"""Faults in what our compiler leaves out: whose users are counted, what is remembered."""

from tests.cases.mutant import mutant

PRIVATE = "kernels/numba/_private.py"
# Where nobody counts, kernels that make memory do not compile; where one gives back what it was lent, the process aborts.
OWNERS = "tests/kernels/test_owners.py::test_all_that_is_made_is_freed_and_not_too_early"

for _name, *_texts in (
    (
        "all count, and what is lent is never given back",
        "_open_library(state, _Unfinished, counts)",
        "_open_library(state, _Unfinished, True)",
    ),
    ("what a call gives was lent", 'return value.op != "call" or not', "return False and not"),
    ("where arrays end is forgotten", "or (counts and _has_owner(state, s.value))", "or False"),
    (
        "where arrays end is forgotten by what Python calls",
        "_forget_ends(state, counts=True)",
        "_forget_ends(state, counts=False)",
    ),
):
    mutant(f"compiling: {_name}", PRIVATE, OWNERS, *_texts, mode="compiled")
for _name, *_texts in (
    ("an operator gives what another gave", "key = func, tuple(args)", "key = tuple(args)"),
    ("an operator gives what it gave others", "key = func, tuple(args)", "key = func"),
    ("keywords are not looked at", "if kws or type(func)", "if type(func)"),
    ("what functions give that get functions is remembered", "or any(isinstance(a, types.Dispatcher) for a in args)", ""),
):
    mutant(
        f"compiling: {_name}",
        PRIVATE,
        "tests/kernels/test_private.py::test_what_operators_give_is_remembered_but_not_where_they_get_functions",
        *_texts,
        mode="compiled",
    )
