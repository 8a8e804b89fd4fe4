"""Faults in the convolution of images of one channel."""

from tests.cases.mutant import mutant

TESTS, FILE = "tests/kernels/test_one_channel.py::", "kernels/numba/_one_channel.py"

for _name, _test, _old, _new in (
    (
        "results written behind the last one",
        "test_both_directions",
        "count = None if behind >= lanes else",
        "count = None if True else",
    ),
    (
        "dy read behind its last row",
        "test_both_directions",
        "add_group(whole, builder.mul(rest, INDEX(filters)))",
        "add_group(whole, INDEX(lanes))",
    ),
    (
        "positions that are not there see the next row",
        "test_what_is_not_finite_stays_where_it_is",
        "line, height = left + w + right + side,",
        "line, height = left + w + right,",
    ),
    ("filters and positions exchanged", "test_both_directions", "lane % self.side * self.filters + lane // self.side", "lane"),
    ("results in lanes as they are", "test_both_directions", "lane % self.filters * self.side + lane // self.filters", "lane"),
    (
        "every row of the window is the first",
        "test_both_directions",
        "builder.mul(x_tap_step, INDEX(k))",
        "builder.mul(x_tap_step, INDEX(0))",
    ),
    ("sums of the last image alone", "test_both_directions", "k * kw * lanes, image - begin,", "k * kw * lanes, 0,"),
    (
        "NaN below zero",
        "test_what_is_not_finite_stays_where_it_is",
        'builder.fcmp_ordered("<", value',
        'builder.fcmp_unordered("<", value',
    ),
):
    mutant(f"one channel: {_name}", FILE, TESTS + _test, _old, _new, mode="compiled")
