"""Faults of the layers that join branches."""

from tests.cases.mutant import gradient, mutant, naive

MERGING = "tests/layers/test_merging.py::"

mutant(
    "the gradient of what is subtracted without its sign",
    "layers/merge.py",
    gradient("subtract"),
    "dy, again(neg, dy)",
    "dy, dy",
)
mutant(
    "a repeated branch that takes the gradient of its last step",
    "ops/merge.py",
    naive("merge.sum_to"),
    'dx.sum(axis=axes, keepdims=True, dtype="float64")',
    "dx[tuple(slice(-1, None) if axis in axes else slice(None) for axis in range(dx.ndim))]",
)
mutant(
    "a product's gradient divided by x",
    "ops/merge.py",
    MERGING + "test_a_gradient_through_zeros_has_no_division",
    "    return tuple(a if b is None else a * b for a, b in zip(before, behind))",
    "    return tuple(dy * multiply.reference(*xs) / x for x in xs)",
)
mutant(
    "all of several equal inputs take the gradient",
    "ops/merge.py",
    MERGING + "test_of_equal_inputs_the_first_takes_the_gradient[Maximum]",
    "        left = left & ~wins\n",
    "",
)
mutant(
    "an average's gradient that is a sum's",
    "layers/merge.py",
    gradient("average_two"),
    "(again(truediv, dy, number),)",
    "(dy,)",
)
mutant(
    "an unknown length taken for 1",
    "layers/merge.py",
    MERGING + "test_lengths_that_are_not_known",
    "known.pop() if known else None if longer else 1",
    "known.pop() if known else 1",
)
mutant(
    "a product's second gradient, of an input that is turned round",
    "layers/dot.py",
    gradient("dot_last"),
    "(_times(dy, b), _times(dy.transpose(0, 2, 1), a))",
    "(_times(dy, b), _times(dy.transpose(0, 2, 1), a[..., ::-1]))",
)
mutant(
    "a unit vector's gradient along itself",
    "ops/unit_normalization.py",
    gradient("dot_normalized"),
    "(dy - along * y) / r",
    "dy / r",
)
mutant(
    "a mask of one step that is not repeated",
    "layers/merge.py",
    "tests/layers/test_merging.py::test_masks_of_all_branches_are_joined",
    "both if both.shape[1] == steps else both.repeat(steps, axis=1)",
    "both",
)
