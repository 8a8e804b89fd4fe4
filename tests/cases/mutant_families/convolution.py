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

# -- transposed ----------------------------------------------------------------------------------------------------------

PEERS = "tests/peers/test_convolution_family.py::"

mutant(
    "a transposed result too short where strides pass the window",
    "geometry.py",
    PEERS + "test_conv1d_transpose_of_every_size",
    "[max(e, s) if padding",
    "[e if padding",
)
mutant(
    "the odd place cut off in front",
    "geometry.py",
    PEERS + "test_conv1d_transpose_of_every_size",
    "tuple((p // 2, p - p // 2) for p in beyond)",
    "tuple((p - p // 2, p // 2) for p in beyond)",
)
mutant(
    "output padding of an even window as of an odd one",
    "geometry.py",
    PEERS + "test_conv1d_transpose_of_every_size",
    "else e % 2) + o",
    "else 1) + o",
)
mutant(
    "a transposed convolution without its bias",
    "ops/transposed_convolution.py",
    naive("transposed_convolution.convolve_transposed"),
    "        y += b",
    "        y += 0 * b",
)
mutant(
    "the transposed kernel's gradient with x forwards",
    "layers/transposed.py",
    gradient("conv2d_transpose"),
    "self.W.accumulate(convolve_grad_W, dz, x, self.window)",
    "self.W.accumulate(convolve_grad_W, dz, abs(x), self.window)",
)
mutant(
    "dx of a transposed convolution from dy in place of dz",
    "layers/transposed.py",
    gradient("conv2d_transpose_same"),
    "convolve(dz, self.W.value",
    "convolve(dy, self.W.value",
)
