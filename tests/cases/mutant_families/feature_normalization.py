"""Faults of Normalization."""

from tests.cases.mutant import gradient, mutant

TESTS, FILE = "tests/layers/test_feature_normalization.py::", "layers/feature_normalization.py"

mutant(
    "batches that weigh the same whatever their size",
    FILE,
    TESTS + "test_the_whole_data_in_any_form",
    "away * (count / total)\n",
    "away / 2\n",
)
mutant(
    "the distance between batches forgotten",
    FILE,
    TESTS + "test_the_whole_data_in_any_form",
    " + np.square(away) * (self.count * (count / total))",
    "",
)
mutant(
    "the variance of a sample",
    FILE,
    TESTS + "test_the_whole_data_in_any_form",
    "sums.squares / sums.count",
    "sums.squares / (sums.count - 1)",
)
mutant(
    "sums in single precision", FILE, TESTS + "test_far_from_zero_no_digits_are_lost", 'rows], "float64")', 'rows], "float32")'
)
mutant("constant features divided by 1", FILE, TESTS + "test_constant_features_are_zero", "_LEAST = 1e-7", "_LEAST = 1.0")
mutant(
    "an inverse whose gradient is not one",
    FILE,
    gradient("normalization_inverse"),
    "dy * saved if self.invert else dy / saved",
    "dy / saved",
)
mutant(
    "NaN in the statistics",
    FILE,
    TESTS + "test_what_is_refused_half_way_changes_nothing",
    "if not np.isfinite(part).all():",
    "if False:",
)
mutant(
    "given statistics that are not used",
    FILE,
    TESTS + "test_given_statistics",
    "if self.mean is not None:\n            for state",
    "if self.mean is None:\n            for state",
)
