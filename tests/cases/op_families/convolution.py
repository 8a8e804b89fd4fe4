"""Convolutions beside those of ``tests/cases/ops.py``: causal windows, zeros given in numbers, sequences, volumes, channels."""

from minidl.geometry import Window
from tests.cases.ops import _convolution_cases as convolution_cases

# name, size, batch, spatial, window, channels, filters, groups
for _row in (
    ("1d causal", "tiny", 2, (5,), Window((3,), padding="causal"), 2, 3, 1),
    ("1d causal, one step", "tiny", 2, (1,), Window((4,), padding="causal"), 1, 2, 1),
    ("1d causal, stride 2, groups", "small", 2, (7,), Window((3,), (2,), "causal"), 4, 6, 2),
    ("1d causal, dilation 2", "small", 3, (9,), Window((3,), (1,), "causal", (2,)), 3, 5, 1),
    ("1d zeros in front", "tiny", 2, (5,), Window((3,), padding=((2, 1),)), 2, 3, 1),
    ("2d zeros behind", "small", 2, (4, 5), Window((3, 2), (1, 2), ((0, 2), (1, 0))), 3, 2, 1),
    (
        "3d zeros, dilation",
        "small",
        1,
        (3, 2, 4),
        Window((2, 1, 2), (2, 1, 1), ((1, 0), (0, 0), (1, 2)), (1, 1, 2)),
        2,
        3,
        1,
    ),
    ("1d causal 17 to 19", "medium", 3, (131,), Window((3,), padding="causal"), 17, 19, 1),
    ("1d valid 33 to 31", "medium", 3, (67,), Window((5,)), 33, 31, 1),
    ("1d same, stride 2", "medium", 5, (101,), Window((4,), (2,), "same"), 13, 21, 1),
    ("1d same, dilation 4", "medium", 3, (90,), Window((3,), (1,), "same", (4,)), 16, 18, 1),
    ("1d window of one", "medium", 3, (53,), Window((1,)), 33, 17, 1),
    ("1d batch 0", "tiny", 0, (6,), Window((3,)), 2, 3, 1),
    ("2d zeros in front, 3x3", "medium", 2, (13, 11), Window((3, 3), padding=((2, 0), (1, 2))), 32, 33, 1),
    ("2d zeros in front, 5x5", "medium", 2, (9, 11), Window((5, 5), padding=((4, 0), (1, 4))), 32, 33, 1),
):
    convolution_cases(*_row)
