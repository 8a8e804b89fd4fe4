"""Faults of the kernels of batch normalisation: few rows added in their own precision, blocks, and vectors of channels."""

from tests.cases.mutant import kernel, mutant

FILE, EXTREME = "kernels/numba/normalization.py", "tests/ops/test_batch_normalization.py::"
mutant(
    "a kernel's channel sums of the last few rows alone",
    FILE,
    kernel("normalization.moments"),
    "total, square = total + widened(some), square + widened(more)",
    "total, square = widened(some), square + widened(more)",
)
mutant(
    "a kernel's dgamma of the last few rows alone, of channels",
    FILE,
    kernel("normalization.normalize_grad"),
    "total, product = total + widened(some), product + widened(more)",
    "total, product = total + widened(some), widened(more)",
)
mutant(
    "a kernel that has moments of whole vectors of channels alone",
    FILE,
    kernel("normalization.moments"),
    "        if whole < channels:\n            _moments_of_channels(",
    "        if whole > channels:\n            _moments_of_channels(",
)
mutant(
    "a kernel's moments that overflow where single precision is too narrow",
    FILE,
    EXTREME + "test_moments_of_numbers_near_the_largest",
    "if not isfinite(sum_of_lanes(square)):",
    "if False:",
)
mutant(
    "a kernel's sums of a gradient that overflow where single precision is too narrow",
    FILE,
    EXTREME + "test_sums_of_gradients_near_the_largest",
    "if not isfinite(sum_of_lanes(total) + sum_of_lanes(product)):",
    "if False:",
)
mutant(
    "a kernel's variance from zero, which loses its digits far from there",
    FILE,
    EXTREME + "test_a_variance_far_from_zero_keeps_its_digits",
    "v = load(x, k * channels + c, count, 0) - first",
    "v = load(x, k * channels + c, count, 0)",
)
