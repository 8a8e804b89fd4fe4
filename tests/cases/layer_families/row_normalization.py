"""Rows of layer, group and unit normalisation."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.layers import GroupNormalization, Layer, LayerNormalization, UnitNormalization
from minidl.regularizers import L1L2
from tests.cases.case import Case

_TERMS = {
    f"{of}_{name}": value
    for of in ("beta", "gamma")
    for name, value in {"regularizer": L1L2(0.1, 0.2), "constraint": MaxNorm(1.5, axis=-1)}.items()
}
_SCALED = {"epsilon": 0.25, "center": False, "scale": False, "beta_initializer": "ones", "gamma_initializer": "zeros", **_TERMS}
_DEFAULTS: dict[str, Any] = {
    "axis": -1,
    "epsilon": 1e-3,
    "center": True,
    "scale": True,
    "beta_initializer": "zeros",
    "gamma_initializer": "ones",
    **dict.fromkeys(_TERMS),
}

CASES: list[Case] = [
    Case("layer_norm", lambda: LayerNormalization(), (5,)),
    Case("layer_norm_steps", lambda: LayerNormalization(epsilon=0.1), (3, 5)),
    Case("layer_norm_axis_1", lambda: LayerNormalization(axis=1), (3, 5), always=False),
    Case("layer_norm_two_axes", lambda: LayerNormalization(axis=(1, -1)), (2, 3, 4)),
    Case("layer_norm_no_scale", lambda: LayerNormalization(scale=False), (3, 5), always=False),
    Case("layer_norm_no_center", lambda: LayerNormalization(center=False), (3, 5), always=False),
    Case("layer_norm_bare", lambda: LayerNormalization(center=False, scale=False), (3, 5), always=False),
    Case("group_norm", lambda: GroupNormalization(2), (2, 3, 4)),
    Case("group_norm_flat", lambda: GroupNormalization(2), (6,), always=False),
    Case("group_norm_first", lambda: GroupNormalization(3, axis=1), (6, 2, 3)),
    Case("group_norm_instance", lambda: GroupNormalization(-1, epsilon=0.1), (3, 2, 3), always=False),
    Case("group_norm_one", lambda: GroupNormalization(1, scale=False), (3, 2), always=False),
    Case("group_norm_bare", lambda: GroupNormalization(2, center=False, scale=False), (3, 4), always=False),
    Case("unit_norm", lambda: UnitNormalization(), (5,)),
    Case("unit_norm_two_axes", lambda: UnitNormalization(axis=(1, 3)), (2, 3, 4), always=False),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (LayerNormalization, {"axis": (1, 2), **_SCALED}),
    (GroupNormalization, {"groups": 2, "axis": 1, **_SCALED}),
    (UnitNormalization, {"axis": 1}),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    "LayerNormalization": _DEFAULTS,
    "GroupNormalization": {"groups": 32, **_DEFAULTS},
    "UnitNormalization": {"axis": -1},
}
PENALIZED: dict[str, Any] = {
    "LayerNormalization": (LayerNormalization, {}, (3,), {"gamma": "gamma", "beta": "beta"}),
    "GroupNormalization": (GroupNormalization, {"groups": 2}, (2, 4), {"gamma": "gamma", "beta": "beta"}),
}
