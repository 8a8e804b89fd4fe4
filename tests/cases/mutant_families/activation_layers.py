"""Faults of the activation functions that are layers."""

from tests.cases.mutant import gradient, mutant, naive

LAYERS = "tests/layers/test_activation_layers.py::"

mutant("a rectifier that jumps below", "ops/rectifier.py", naive("rectifier.rectify"), "slope * (x - threshold)", "slope * x")
mutant(
    "a threshold that passes itself",
    "ops/rectifier.py",
    naive("rectifier.rectify"),
    "where(x > threshold, above, below)",
    "where(x >= threshold, above, below)",
)
mutant("a gradient above the highest value", "ops/rectifier.py", gradient("relu_all"), "where(x <= highest, dy, 0)", "dy")
mutant(
    "minus infinity times a slope of 0",
    "ops/rectifier.py",
    LAYERS + "test_at_the_corners",
    "if slope else xp.where(x == x, 0, x)",
    "+ 0",
)
mutant(
    "a slope's gradient of the positive side",
    "ops/prelu.py",
    gradient("prelu"),
    "where(x > 0, 0, dy * x)",
    "where(x > 0, dy * x, 0)",
)
mutant(
    "slopes shared along the wrong axes",
    "layers/prelu.py",
    LAYERS + "test_shared_slopes",
    "1 if axis in shared else input_shape[axis]",
    "input_shape[axis] if axis in shared else 1",
)
mutant(
    "a masked step in the softmax",
    "layers/softmax.py",
    LAYERS + "test_softmax_over_time_leaves_masked_steps_out",
    '-float("inf")',
    "0",
)
mutant(
    "a softmax where nothing counts",
    "layers/softmax.py",
    LAYERS + "test_softmax_over_time_leaves_masked_steps_out",
    '-float("inf"))), 0)',
    "-1e30)), 1)",
)
mutant(
    "axes not put back",
    "layers/_axes.py",
    gradient("softmax_time"),
    "self.order.index(axis) for axis in range(len(self.order))",
    "axis for axis in range(len(self.order))",
)
mutant(
    "a relu layer that no sum absorbs",
    "training/plan.py",
    LAYERS + "test_a_relu_layer_is_absorbed_and_moved_like_an_activation",
    ".absorb(use.layer.plain)",
    ".absorb(use.layer)",
)
mutant(
    "a softmax over time taken for one over classes",
    "layers/softmax.py",
    LAYERS + "test_a_softmax_over_another_axis_does_not",
    "self.axis in (-1, (-1,)) or",
    "True or",
)
