"""Zeros around, borders cut off, and larger images and sequences."""

from __future__ import annotations

from typing import Any

from minidl.layers import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from tests.cases.case import Case

FIRST: dict[str, Any] = {"data_format": "channels_first"}
_ROWS: tuple[tuple[str, Any, dict[str, Any], tuple[int, ...], bool], ...] = (
    ("zero_padding1d", ZeroPadding1D, {}, (4, 3), False),
    ("zero_padding1d_pair", ZeroPadding1D, {"padding": (2, 0)}, (3, 2), True),
    ("zero_padding1d_nothing", ZeroPadding1D, {"padding": 0}, (3, 2), False),
    ("zero_padding1d_first", ZeroPadding1D, {"padding": (1, 2), **FIRST}, (3, 4), False),
    ("zero_padding2d", ZeroPadding2D, {}, (3, 4, 2), False),
    ("zero_padding2d_axes", ZeroPadding2D, {"padding": (2, 1)}, (3, 2, 2), False),
    ("zero_padding2d_pairs", ZeroPadding2D, {"padding": ((1, 0), (2, 3))}, (2, 3, 2), False),
    ("zero_padding2d_first", ZeroPadding2D, {"padding": ((1, 0), (2, 3)), **FIRST}, (3, 4, 2), True),
    ("zero_padding3d", ZeroPadding3D, {}, (1, 2, 3, 2), False),
    ("zero_padding3d_spectral", ZeroPadding3D, {"padding": (0, 0, 2)}, (2, 3, 4, 2), True),
    ("zero_padding3d_first", ZeroPadding3D, {"padding": ((0, 1), (2, 0), (1, 1)), **FIRST}, (2, 1, 3, 2), False),
    ("cropping1d", Cropping1D, {}, (5, 3), False),
    ("cropping1d_pair", Cropping1D, {"cropping": (2, 0)}, (3, 2), True),
    ("cropping1d_first", Cropping1D, {"cropping": (1, 2), **FIRST}, (3, 5), False),
    ("cropping2d", Cropping2D, {}, (3, 4, 2), False),
    ("cropping2d_axes", Cropping2D, {"cropping": (0, 1)}, (2, 3, 2), False),
    ("cropping2d_pairs", Cropping2D, {"cropping": ((1, 0), (2, 3))}, (4, 6, 2), False),
    ("cropping2d_first", Cropping2D, {"cropping": ((1, 0), (2, 3)), **FIRST}, (3, 4, 7), True),
    ("cropping3d", Cropping3D, {}, (3, 4, 5, 2), False),
    ("cropping3d_mixed", Cropping3D, {"cropping": (0, 1, (2, 0))}, (2, 3, 4, 2), True),
    ("cropping3d_first", Cropping3D, {"cropping": ((0, 1), (2, 0), (1, 1)), **FIRST}, (2, 2, 3, 4), False),
    ("up_sampling1d", UpSampling1D, {}, (3, 2), False),
    ("up_sampling1d_three", UpSampling1D, {"size": 3}, (2, 3), True),
    ("up_sampling1d_first", UpSampling1D, {"size": 3, **FIRST}, (2, 3), False),
    ("up_sampling2d", UpSampling2D, {}, (3, 2, 2), False),
    ("up_sampling2d_nearest", UpSampling2D, {"size": (3, 1)}, (2, 3, 2), False),
    ("up_sampling2d_first", UpSampling2D, {"size": (1, 2), **FIRST}, (2, 3, 4), False),
    ("up_sampling2d_bilinear", UpSampling2D, {"size": (2, 3), "interpolation": "bilinear"}, (3, 4, 2), True),
    ("up_sampling2d_bilinear_four", UpSampling2D, {"size": (4, 1), "interpolation": "bilinear"}, (3, 2, 2), False),
    ("up_sampling2d_bilinear_once", UpSampling2D, {"size": 1, "interpolation": "bilinear"}, (3, 2, 2), False),
    ("up_sampling2d_bilinear_first", UpSampling2D, {"interpolation": "bilinear", **FIRST}, (2, 3, 1), False),
    ("up_sampling3d", UpSampling3D, {}, (1, 2, 3, 2), False),
    ("up_sampling3d_axes", UpSampling3D, {"size": (1, 3, 2)}, (2, 2, 3, 2), True),
    ("up_sampling3d_first", UpSampling3D, {"size": (2, 1, 3), **FIRST}, (2, 3, 1, 2), False),
)

CASES: list[Case] = [
    Case(name, lambda kind=kind, arguments=arguments: kind(**arguments), shape, always=always)
    for name, kind, arguments, shape, always in _ROWS
]

ARGUMENTS: list[tuple[type, dict[str, Any]]] = [
    (ZeroPadding1D, {"padding": (2, 1), **FIRST}),
    (ZeroPadding2D, {"padding": ((1, 0), (2, 2)), **FIRST}),
    (ZeroPadding3D, {"padding": (0, (1, 0), 2), **FIRST}),
    (Cropping1D, {"cropping": 2, **FIRST}),
    (Cropping2D, {"cropping": 1, **FIRST}),
    (Cropping3D, {"cropping": ((1, 0), (0, 0), (2, 2)), **FIRST}),
    (UpSampling1D, {"size": 3, **FIRST}),
    (UpSampling2D, {"size": (3, 1), "interpolation": "bilinear", **FIRST}),
    (UpSampling3D, {"size": (2, 1, 3), **FIRST}),
]

_ONE = ((1, 1), (1, 1), (1, 1))
DEFAULTS: dict[str, dict[str, Any]] = {
    "ZeroPadding1D": {"padding": 1, "data_format": None},
    "ZeroPadding2D": {"padding": 1, "data_format": None},
    "ZeroPadding3D": {"padding": _ONE, "data_format": None},
    "Cropping1D": {"cropping": 1, "data_format": None},
    "Cropping2D": {"cropping": ((0, 0), (0, 0)), "data_format": None},
    "Cropping3D": {"cropping": _ONE, "data_format": None},
    "UpSampling1D": {"size": 2, "data_format": None},
    "UpSampling2D": {"size": 2, "data_format": None, "interpolation": "nearest"},
    "UpSampling3D": {"size": 2, "data_format": None},
}
