"""Rows of the activation functions that are layers of their own names."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import Constant
from minidl.layers import ELU, Dense, Layer, LeakyReLU, PReLU, ReLU, Softmax, ThresholdedReLU
from minidl.layers.containers import Chain
from minidl.regularizers import L1L2
from tests.cases.case import Case

CASES: list[Case] = [
    Case("relu", lambda: ReLU(), (2, 5)),
    Case("relu_6", lambda: ReLU(0.6), (2, 5), always=False),
    Case("relu_slope", lambda: ReLU(negative_slope=0.3), (2, 5), always=False),
    Case("relu_threshold", lambda: ReLU(threshold=0.4), (2, 5), always=False),
    Case("relu_all", lambda: ReLU(0.7, 0.3, 0.2), (2, 5)),
    Case("relu_behind_dense", lambda: Chain([Dense(4), ReLU(), Dense(3), Softmax()]), (5,)),
    Case("leaky_relu", lambda: LeakyReLU(), (2, 5)),
    Case("leaky_relu_0", lambda: LeakyReLU(0), (2, 5), always=False),
    Case("elu", lambda: ELU(), (2, 5)),
    Case("elu_alpha", lambda: ELU(0.4), (2, 5), always=False),
    Case("thresholded_relu", lambda: ThresholdedReLU(0.5), (2, 5)),
    Case("thresholded_relu_0", lambda: ThresholdedReLU(0.0), (2, 5), always=False),
    Case("prelu", lambda: PReLU(), (2, 5)),
    Case("prelu_flat", lambda: PReLU(), (5,), always=False),
    Case("prelu_channels", lambda: PReLU(shared_axes=(1, 2)), (2, 3, 5)),
    Case("prelu_one", lambda: PReLU(shared_axes=[1, -1]), (2, 5), always=False),
    Case("softmax_layer", lambda: Softmax(), (2, 5)),
    Case("softmax_time", lambda: Softmax(1), (4, 3)),
    Case("softmax_two_axes", lambda: Softmax((1, -1)), (2, 3, 5)),
    Case("softmax_flat", lambda: Softmax(axis=1), (5,), always=False),
]
ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    (ReLU, {"max_value": 3.0, "negative_slope": 0.2, "threshold": 0.5}),
    (LeakyReLU, {"negative_slope": 0.1}),
    (ELU, {"alpha": 0.5}),
    (ThresholdedReLU, {"theta": 0.5}),
    (
        PReLU,
        {
            "alpha_initializer": Constant(0.25),
            "alpha_regularizer": L1L2(0.1, 0.2),
            "alpha_constraint": MaxNorm(1.5, axis=-1),
            "shared_axes": (1,),
        },
    ),
    (Softmax, {"axis": (1, 2)}),
]
DEFAULTS: dict[str, dict[str, Any]] = {
    "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
    "LeakyReLU": {"negative_slope": 0.3},
    "ELU": {"alpha": 1.0},
    "ThresholdedReLU": {"theta": 1.0},
    "PReLU": {"alpha_initializer": "zeros", "alpha_regularizer": None, "alpha_constraint": None, "shared_axes": None},
    "Softmax": {"axis": -1},
}
PENALIZED: dict[str, Any] = {"PReLU": (PReLU, {}, (4,), {"alpha": "alpha"})}
