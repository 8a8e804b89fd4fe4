"""Faults of the layers of old scripts, and of the hard sigmoid that they have at their gates."""

from tests.cases.mutant import gradient, mutant

OWN, OLD = "compat/keras/layers/own.py", "tests/compat/test_layers_numbers.py::"
KEYWORDS = "tests/compat/test_layers_keywords.py::"

mutant("a highway that carries where it transforms", OWN, gradient("highway"), "dx = dy * (1 - t)", "dx = dy * t")
mutant("a gate that begins closed", OWN, OLD + "test_highway", '(features,), "ones")', '(features,), "zeros")')
mutant("the least of all functions", OWN, OLD + "test_maxout", "z.argmax(axis=0)", "z.argmin(axis=0)")
mutant(
    "words that are dropped and learn",
    OWN,
    OLD + "test_an_embedding_drops_whole_words",
    "dy if factors is None else dy * factors",
    "dy",
)
mutant(
    "the reset gate behind the product",
    "compat/keras/layers/recurrent.py",
    "tests/compat/test_layers_signatures.py::test_gates_have_the_slope_of_then",
    'fixed={"reset_after": False},\n    sequence=True',
    "sequence=True",
)
mutant(
    "rows and columns of a window exchanged",
    "compat/keras/layers/forms.py",
    KEYWORDS + "test_forms_of_calls",
    "size = (*first, *(given.pop(name) for name in later))",
    "size = (*(given.pop(name) for name in later), *first)",
)
mutant(
    "gates of Keras 2 with the slope of today",
    "ops/recurrent.py",
    "tests/ops/test_references.py::test_reference_equals_naive[recurrent.lstm-float64]",
    '{"slope": 1 / int(divisor)}',
    "{}",
)
mutant(
    "gates of Keras 2 with the slope of today, in the kernel",
    "kernels/numba/recurrent.py",
    "tests/ops/test_kernels.py::test_any_memory_layout_gives_the_same[recurrent.lstm-fortran]",
    "y = v / 5 + 0.5",
    "y = v / 6 + 0.5",
)
