"""Faults of layer, group and unit normalisation, and of the kernel."""

from tests.cases.mutant import gradient, kernel, mutant, naive

LAYERS, PEERS = "tests/layers/test_row_normalization.py::", "tests/peers/test_row_normalization.py::"
KERNEL, OP = "kernels/numba/layer_normalization.py", "ops/layer_normalization.py"

mutant("a row whose gradient keeps its mean", OP, gradient("layer_norm"), "r * (dh - _mean(dh) - h", "r * (dh - h")
mutant("a row whose gradient keeps its part along h", OP, gradient("layer_norm_steps"), " - h * _mean(dh * h)", "")
mutant("a gradient that forgets gamma", OP, gradient("layer_norm"), "g = dy if gamma is None else dy * gamma", "g = dy")
mutant(
    "epsilon added to the deviation",
    OP,
    naive("layer_normalization.standardize"),
    "1 / array_namespace(x).sqrt(_mean(centred * centred) + epsilon)",
    "1 / (array_namespace(x).sqrt(_mean(centred * centred)) + epsilon)",
)
mutant(
    "channels dealt out to the groups in turn",
    "ops/group_normalization.py",
    LAYERS + "test_groups_hold_neighbouring_channels",
    "x.reshape(n, positions, groups, width).transpose(0, 2, 1, 3)",
    "x.reshape(n, positions, width, groups).transpose(0, 3, 1, 2)",
)
mutant(
    "a group's gradient without gamma",
    "ops/group_normalization.py",
    gradient("group_norm"),
    "dy if gamma is None else dy * gamma",
    "dy",
)
mutant(
    "gamma in the order of the arguments' axes",
    "layers/_axes.py",
    LAYERS + "test_gamma_and_beta_of_several_axes",
    "return tuple(sorted(a - 1 for a in found))",
    "return tuple(sorted((a - 1 for a in found), reverse=True))",
)
mutant(
    "padded steps in the statistics",
    "layers/_axes.py",
    LAYERS + "test_statistics_over_padded_steps_are_refused",
    "if mask is not None and 0 in axes",
    "if mask is None and 0 in axes",
)
mutant(
    "one group for each channel forgotten",
    "layers/group_normalization.py",
    PEERS + "test_group_normalization",
    "return channels if self.groups == -1 else self.groups",
    "return abs(self.groups)",
)
mutant(
    "a vector's squares that overflow",
    "ops/unit_normalization.py",
    LAYERS + "test_vectors_of_any_length_are_brought_to_one",
    "m, scaled = scaled_norm(x, -1)",
    "m, scaled = 1.0, xp.sqrt((x * x).sum(axis=-1, keepdims=True))",
)
mutant(
    "a kernel's variance of idle lanes",
    KERNEL,
    kernel("layer_normalization.layer_normalize"),
    "v = load(x, k, at + width - k, middle) - middle",
    "v = load(x, k, at + width - k, 0) - middle",
)
mutant(
    "a kernel's slope without r",
    KERNEL,
    kernel("layer_normalization.layer_normalize_grad"),
    "slope[i] = along * r[row]",
    "slope[i] = along",
)
mutant(
    "a kernel that loses the first part of the sums over rows",
    KERNEL,
    LAYERS + "test_the_bits_do_not_depend_on_the_threads",
    "for part in range(1, parts):",
    "for part in range(2, parts):",
)
mutant(
    "a kernel's mean of every other vector",
    KERNEL,
    kernel("layer_normalization.layer_normalize"),
    "part = part + widened(a + b)",
    "part = part + widened(a + a)",
)
mutant(
    "a kernel's last of four squares left out",
    KERNEL,
    kernel("layer_normalization.layer_normalize"),
    "(a * a + b * b) + (c * c + d * d)",
    "(a * a + b * b) + c * c",
)
mutant(
    "a kernel's means of a gradient without its fourth vector",
    KERNEL,
    kernel("layer_normalization.layer_normalize_grad"),
    "some = (g0 + g1) + (g2 + g3)",
    "some = (g0 + g1) + g2",
)
mutant(
    "a kernel's dgamma of the last few rows alone",
    KERNEL,
    kernel("layer_normalization.layer_normalize_grad"),
    "load(dgammas, to + c, count, 0) + widened(dgamma)",
    "widened(dgamma)",
)
mutant(
    "a kernel that normalizes whole vectors alone",
    KERNEL,
    kernel("layer_normalization.layer_normalize"),
    "            if whole < width:\n                _normalized(",
    "            if whole > width:\n                _normalized(",
)
