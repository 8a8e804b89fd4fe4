"""Faults in what only convolutions of one and three axes, transposed, depthwise and local ones compute."""

from tests.cases.mutant import gradient, mutant, naive

FAMILY = "tests/layers/test_convolution_family.py::"
GEOMETRY = "tests/test_geometry.py::"

mutant(
    "causal zeros behind",
    "geometry.py",
    FAMILY + "test_a_causal_result_depends_on_nothing_that_follows",
    "pairs = [(e - 1, 0) for e in self.spans]",
    "pairs = [(0, e - 1) for e in self.spans]",
)
mutant(
    "causal zeros without dilation",
    "geometry.py",
    FAMILY + "test_a_causal_result_depends_on_nothing_that_follows",
    "pairs = [(e - 1, 0) for e in self.spans]",
    "pairs = [(k - 1, 0) for k in self.size]",
)
mutant(
    "zeros in numbers exchanged",
    "geometry.py",
    naive("convolution.convolve"),
    "pairs = list(self.padding)",
    "pairs = [(behind, before) for before, behind in self.padding]",
)
