"""Faults of the layers that draw noise."""

from tests.cases.mutant import gradient, mutant, naive

NOISE, OP, LAYER = "tests/layers/test_noise.py::", "ops/noise.py", "layers/noise.py"

mutant("normal numbers of half the variance", OP, NOISE + "test_normal_numbers", "xp.sqrt(-2 * _log(", "xp.sqrt(-_log(")
mutant(
    "a sine of the wrong sign in odd quarters",
    OP,
    NOISE + "test_the_series_are_the_functions",
    "xp.where(odd, -sine, cosine)",
    "xp.where(odd, sine, cosine)",
)
mutant(
    "a logarithm of the wrong series",
    OP,
    NOISE + "test_the_series_are_the_functions",
    "tuple(1 / (2 * k + 1)",
    "tuple(1 / (k + 1)",
)
mutant(
    "noise that does not know the step",
    OP,
    naive("noise.gaussian_noise"),
    "(int(backend.to_numpy(step)[0]), call, NOISE)",
    "(0, call, NOISE)",
)
mutant(
    "gaussian dropout with the deviation p / (1 - p)",
    OP,
    NOISE + "test_gaussian_dropout_has_the_moments_of_dropout",
    "sqrt(rate / (1 - rate)) *",
    "rate / (1 - rate) *",
)
mutant(
    "what is dropped is 0 in place of q",
    OP,
    NOISE + "test_alpha_dropout_keeps_mean_and_variance",
    "where(mask, a * x, a * Q)",
    "where(mask, a * x, 0)",
)
mutant(
    "a gradient through what was dropped",
    OP,
    gradient("dropout_alpha"),
    "where(mask, _scale(rate) * dy, 0)",
    "where(mask, _scale(rate) * dy, dy)",
)
mutant(
    "noise in inference",
    LAYER,
    NOISE + "test_inference_hands_on_what_it_is_given",
    "if not context.training or self.stddev == 0:",
    "if self.stddev == 0:",
)
mutant(
    "a seed that is not used",
    LAYER,
    NOISE + "test_addresses",
    "new_stream() if self.seed is None else Stream(self.seed, 0)",
    "new_stream()",
)
