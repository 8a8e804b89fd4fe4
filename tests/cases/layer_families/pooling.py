"""Pools over time and over volumes, and global pools in both data formats; those over images stand in ``layers.py``."""

from __future__ import annotations

from typing import Any

from minidl.layers import (
    AveragePooling1D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling3D,
    Masking,
    MaxPooling1D,
    MaxPooling3D,
)
from minidl.layers.containers import Chain
from tests.cases.case import Case

FIRST: dict[str, Any] = {"data_format": "channels_first"}
OF_TIME: tuple[tuple[str, dict[str, Any], tuple[int, ...], bool], ...] = (
    ("plain", {}, (6, 3), False),
    ("odd_length", {}, (7, 2), False),
    ("odd_length_same", {"padding": "same"}, (7, 2), False),
    ("overlapping", {"pool_size": 3, "strides": 1}, (5, 3), False),
    ("overlapping_same", {"pool_size": 4, "strides": 2, "padding": "same"}, (7, 2), True),
    ("strides_beyond_window", {"strides": 3}, (8, 2), False),
    ("whole", {"pool_size": 5}, (5, 2), False),
    ("one_step", {"padding": "same"}, (1, 2), False),
    ("first", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (3, 6), True),
)
OF_VOLUMES: tuple[tuple[str, dict[str, Any], tuple[int, ...], bool], ...] = (
    ("plain", {}, (2, 4, 5, 3), False),
    ("spectral", {"pool_size": (1, 1, 3)}, (2, 3, 7, 2), True),
    ("spectral_same", {"pool_size": (1, 1, 3), "strides": (1, 1, 2), "padding": "same"}, (2, 2, 6, 2), False),
    ("frames", {"pool_size": (1, 2, 3), "strides": (1, 2, 1)}, (2, 4, 3, 2), False),
    ("time_alone", {"pool_size": (2, 1, 1)}, (4, 2, 3, 2), False),
    ("overlapping_same", {"pool_size": 2, "strides": 1, "padding": "same"}, (3, 2, 3, 2), False),
    ("anisotropic", {"pool_size": (2, 1, 3), "strides": (1, 2, 2), "padding": "same"}, (3, 3, 4, 2), False),
    ("first", {"pool_size": (1, 2, 2), **FIRST}, (3, 2, 4, 5), True),
)

CASES: list[Case] = [
    *(
        Case(
            f"{name}_{variant}",
            lambda kind=kind, arguments=arguments: kind(**arguments),
            shape,
            always=always and ("first" in variant) == (kind in (AveragePooling1D, AveragePooling3D)),
        )
        for name, kind, rows in (
            ("max_pool1d", MaxPooling1D, OF_TIME),
            ("average_pool1d", AveragePooling1D, OF_TIME),
            ("max_pool3d", MaxPooling3D, OF_VOLUMES),
            ("average_pool3d", AveragePooling3D, OF_VOLUMES),
        )
        for variant, arguments, shape, always in rows
    ),
    *(
        Case(
            f"{kind.__name__}_first{'_keepdims' * keep}",
            lambda kind=kind, keep=keep: kind("channels_first", keep),
            shape,
            always=False,
        )
        for kind, shape in (
            (GlobalAveragePooling1D, (3, 5)),
            (GlobalMaxPooling1D, (3, 5)),
            (GlobalAveragePooling3D, (2, 3, 2, 4)),
            (GlobalMaxPooling3D, (2, 3, 2, 4)),
        )
        for keep in (False, True)
    ),
    *(
        Case(f"{kind.__name__}_masked", lambda kind=kind: Chain([Masking(), kind()]), shape, always=False)
        for kind, shape in ((GlobalAveragePooling3D, (4, 2, 3, 2)), (GlobalMaxPooling3D, (4, 2, 3, 2)))
    ),
]

_OPTIONS = {"padding": "same", **FIRST}
ARGUMENTS: list[tuple[type, dict[str, Any]]] = [
    *((kind, {"pool_size": 3, "strides": 1, **_OPTIONS}) for kind in (MaxPooling1D, AveragePooling1D)),
    *((kind, {"pool_size": (1, 1, 3), "strides": (1, 2, 1), **_OPTIONS}) for kind in (MaxPooling3D, AveragePooling3D)),
]

_POOLS = {"pool_size": 2, "strides": None, "padding": "valid", "data_format": None}
DEFAULTS = {kind.__name__: _POOLS for kind in (MaxPooling1D, MaxPooling3D, AveragePooling1D, AveragePooling3D)}
