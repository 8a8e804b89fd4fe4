"""Convolution along sequences and over volumes, transposed, channel by channel, and without shared weights."""

from __future__ import annotations

from typing import Any

from minidl.constraints import MaxNorm
from minidl.initializers import RandomNormal
from minidl.layers import (
    Activation,
    Conv1D,
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Layer,
    LocallyConnected1D,
    LocallyConnected2D,
    SeparableConv1D,
    SeparableConv2D,
)
from minidl.regularizers import L1L2
from tests.cases.case import Case, frozen

SEQUENCE = (7, 3)  # steps, channels
SEQUENCE_FIRST = (3, 7)
VOLUME = (3, 4, 5, 2)  # height, width, depth, channels
VOLUME_FIRST = (2, 3, 4, 5)
IMAGE = (3, 4, 2)
IMAGE_FIRST = (2, 3, 4)

CASES: list[Case] = [
    Case("conv1d", lambda: Conv1D(2, 3), SEQUENCE),
    Case("conv1d_same_strides", lambda: Conv1D(2, 4, strides=2, padding="same"), SEQUENCE),
    Case("conv1d_causal", lambda: Conv1D(2, 3, padding="causal", activation="tanh"), SEQUENCE),
    Case("conv1d_causal_strides", lambda: Conv1D(2, 3, 2, "causal", use_bias=False), SEQUENCE, always=False),
    Case("conv1d_causal_dilation", lambda: Conv1D(2, 3, padding="causal", dilation_rate=2), SEQUENCE, always=False),
    Case("conv1d_causal_one_step", lambda: Conv1D(2, 3, padding="causal"), (1, 2), always=False),
    Case("conv1d_causal_first", lambda: Conv1D(4, 2, 1, "causal", "channels_first", groups=2), (4, 5)),
    Case("conv1d_window_of_one", lambda: Conv1D(2, 1, activation="relu"), SEQUENCE, always=False),
    Case("conv1d_whole_sequence", lambda: Conv1D(2, 7, activation="softmax"), SEQUENCE, always=False),
    Case("conv1d_penalised", lambda: Conv1D(2, 2, activity_regularizer=L1L2(0.1, 0.2)), SEQUENCE, always=False),
    Case("conv3d", lambda: Conv3D(2, 2), VOLUME),
    Case("conv3d_same_strides", lambda: Conv3D(2, (2, 3, 2), (2, 1, 2), "same", activation="tanh"), VOLUME, always=False),
    Case("conv3d_dilation_groups", lambda: Conv3D(4, 2, dilation_rate=(1, 2, 3), groups=2), VOLUME, always=False),
    Case("conv3d_first_relu", lambda: Conv3D(2, 2, 1, "same", "channels_first", activation="relu"), VOLUME_FIRST),
    # transposed
    Case("conv1d_transpose", lambda: Conv1DTranspose(2, 3, 2), (4, 3)),
    Case("conv1d_transpose_same", lambda: Conv1DTranspose(2, 4, 3, "same", activation="tanh"), (4, 3), always=False),
    Case("gaps_in_conv1d_transpose_padded", lambda: Conv1DTranspose(2, 4, 3, output_padding=2), (3, 2), always=False),
    Case("gaps_in_conv1d_transpose", lambda: Conv1DTranspose(2, 1, 3), (1, 2), always=False),
    Case("conv2d_transpose", lambda: Conv2DTranspose(3, (2, 3), (1, 2)), IMAGE),
    Case("conv2d_transpose_same", lambda: Conv2DTranspose(3, 3, 2, "same", activation="relu"), IMAGE),
    Case("conv2d_transpose_same_padded", lambda: Conv2DTranspose(3, (3, 4), 3, "same", (2, 0)), IMAGE),
    Case("conv2d_transpose_dilation", lambda: Conv2DTranspose(3, 2, dilation_rate=(2, 3), use_bias=False), IMAGE, always=False),
    Case(
        "gaps_in_conv2d_transpose_first",
        lambda: Conv2DTranspose(3, 2, 3, data_format="channels_first", activation="softmax"),
        IMAGE_FIRST,
    ),
    Case("conv2d_transpose_penalised", lambda: Conv2DTranspose(3, 2, activity_regularizer=L1L2(0.1, 0.2)), IMAGE, always=False),
    Case("conv3d_transpose", lambda: Conv3DTranspose(2, 2, (1, 2, 1)), (2, 1, 3, 2)),
    Case("conv3d_transpose_first", lambda: Conv3DTranspose(2, 2, 2, "same", "channels_first", 0), (2, 2, 3, 2), always=False),
    # channel by channel
    Case("depthwise1d", lambda: DepthwiseConv1D(3, depth_multiplier=2), (5, 3)),
    Case("depthwise1d_first", lambda: DepthwiseConv1D(2, 2, "same", 1, "channels_first"), (3, 5), always=False),
    Case("depthwise2d", lambda: DepthwiseConv2D((2, 3)), (4, 5, 3)),
    Case("depthwise2d_same", lambda: DepthwiseConv2D(3, (2, 1), "same", 2, activation="relu"), (4, 5, 3)),
    Case("depthwise2d_dilation", lambda: DepthwiseConv2D(2, dilation_rate=(1, 3), use_bias=False), (4, 5, 3), always=False),
    Case("depthwise2d_first", lambda: DepthwiseConv2D(2, 1, "valid", 3, "channels_first", activation="softmax"), IMAGE_FIRST),
    Case("depthwise2d_one_channel", lambda: DepthwiseConv2D(2, depth_multiplier=3), (3, 4, 1), always=False),
    Case("depthwise2d_penalised", lambda: DepthwiseConv2D(2, activity_regularizer=L1L2(0.1, 0.2)), IMAGE, always=False),
    Case("depthwise2d_frozen", lambda: frozen(DepthwiseConv2D(2)), IMAGE, always=False),
    Case("separable1d", lambda: SeparableConv1D(2, 3, depth_multiplier=2), (5, 3)),
    Case("separable1d_first", lambda: SeparableConv1D(2, 2, 2, "same", "channels_first"), (3, 5), always=False),
    Case("separable2d", lambda: SeparableConv2D(4, (2, 3), activation="relu"), (4, 5, 3)),
    Case("separable2d_square", lambda: SeparableConv2D(3, 2), (3, 4, 3), always=False),
    Case("separable2d_same", lambda: SeparableConv2D(2, 3, (2, 1), "same", depth_multiplier=2), (4, 5, 3), always=False),
    Case("separable2d_dilation", lambda: SeparableConv2D(2, 2, dilation_rate=(1, 3), use_bias=False), (4, 5, 3), always=False),
    Case("separable2d_first", lambda: SeparableConv2D(3, 2, data_format="channels_first", activation="softmax"), IMAGE_FIRST),
    Case("separable2d_penalised", lambda: SeparableConv2D(3, 2, activity_regularizer=L1L2(0.1, 0.2)), IMAGE, always=False),
    Case("separable2d_frozen", lambda: frozen(SeparableConv2D(3, 2)), IMAGE, always=False),
    # without shared weights
    Case("local1d", lambda: LocallyConnected1D(2, 3), (5, 3)),
    Case("local1d_strides", lambda: LocallyConnected1D(2, 2, 3, activation="tanh", use_bias=False), (6, 3), always=False),
    Case("local1d_first", lambda: LocallyConnected1D(2, 2, 1, "same", "channels_first"), (3, 4)),
    Case("local2d", lambda: LocallyConnected2D(3, (2, 3), activation="relu"), (4, 4, 2)),
    Case("local2d_strides", lambda: LocallyConnected2D(2, 2, (1, 2)), (3, 5, 2), always=False),
    Case("local2d_same", lambda: LocallyConnected2D(2, (2, 3), (1, 2), "same"), (3, 4, 2), always=False),
    Case("local2d_first", lambda: LocallyConnected2D(3, 2, 1, "valid", "channels_first", activation="softmax"), IMAGE_FIRST),
    Case("local2d_whole_image", lambda: LocallyConnected2D(2, (3, 4)), IMAGE, always=False),
    Case("local2d_penalised", lambda: LocallyConnected2D(2, 2, activity_regularizer=L1L2(0.1, 0.2)), IMAGE, always=False),
    Case("local2d_frozen", lambda: frozen(LocallyConnected2D(2, 2)), IMAGE, always=False),
]

_TERMS = {"regularizer": L1L2(0.1, 0.2), "constraint": MaxNorm(1.5, axis=-1)}
_ACTIVATED = {
    "activation": Activation("leaky_relu", negative_slope=0.4),
    "use_bias": False,
    "bias_initializer": "ones",
    "activity_regularizer": L1L2(0.2, 0.3),
    **{f"bias_{name}": value for name, value in _TERMS.items()},
}


def _terms(*kernels: str) -> dict[str, Any]:
    """Every argument behind the geometry, for layers with these kernels."""
    found = dict(_ACTIVATED)
    for kernel in kernels:
        found |= {f"{kernel}_initializer": RandomNormal(0.5, 0.2, seed=3)}
        found |= {f"{kernel}_{name}": value for name, value in _TERMS.items()}
    return found


ARGUMENTS: list[tuple[type[Layer], dict[str, Any]]] = [
    *(
        (
            kind,
            {
                "filters": 4,
                "kernel_size": (3, 2, 1)[-kind.rank :],
                "strides": (1, 3, 2)[-kind.rank :],
                "padding": "same",
                "data_format": "channels_first",
                "dilation_rate": (2, 1, 3)[-kind.rank :],
                "groups": 2,
                **_terms("kernel"),
            },
        )
        for kind in (Conv1D, Conv3D)
    ),
    *(
        (
            kind,
            {
                "filters": 4,
                "kernel_size": (3, 2, 1)[-kind.rank :],
                "strides": (3, 2, 2)[-kind.rank :],
                "padding": "same",
                "output_padding": (2, 0, 1)[-kind.rank :],
                "data_format": "channels_first",
                "dilation_rate": (2, 1, 3)[-kind.rank :],
                **_terms("kernel"),
            },
        )
        for kind in (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
    ),
    *(
        (
            kind,
            {
                **filters,
                "kernel_size": (3, 2)[-kind.rank :],
                "strides": (3, 2)[-kind.rank :],
                "padding": "same",
                "depth_multiplier": 3,
                "data_format": "channels_first",
                "dilation_rate": (2, 3)[-kind.rank :],
                **_terms(*kernels),
            },
        )
        for kind, filters, kernels in (
            (DepthwiseConv1D, {}, ("depthwise",)),
            (DepthwiseConv2D, {}, ("depthwise",)),
            (SeparableConv1D, {"filters": 4}, ("depthwise", "pointwise")),
            (SeparableConv2D, {"filters": 4}, ("depthwise", "pointwise")),
        )
    ),
    *(
        (
            kind,
            {
                "filters": 4,
                "kernel_size": (3, 2)[-kind.rank :],
                "strides": (3, 2)[-kind.rank :],
                "padding": "same",
                "data_format": "channels_first",
                **_terms("kernel"),
            },
        )
        for kind in (LocallyConnected1D, LocallyConnected2D)
    ),
]

_ONE_KERNEL = {"kernel": "W", "bias": "b"}
_FEW = {"filters": 2, "kernel_size": 2, "activation": "tanh"}
_TWO_TAPS = {"kernel_size": 2, "activation": "tanh"}
PENALIZED: dict[str, Any] = {
    "Conv1D": (Conv1D, _FEW, (4, 2), _ONE_KERNEL),
    "Conv3D": (Conv3D, _FEW, (3, 2, 3, 2), _ONE_KERNEL),
    "Conv1DTranspose": (Conv1DTranspose, _FEW, (3, 2), _ONE_KERNEL),
    "Conv2DTranspose": (Conv2DTranspose, _FEW, (3, 2, 2), _ONE_KERNEL),
    "Conv3DTranspose": (Conv3DTranspose, _FEW, (2, 2, 3, 2), _ONE_KERNEL),
    "LocallyConnected1D": (LocallyConnected1D, _FEW, (4, 2), _ONE_KERNEL),
    "LocallyConnected2D": (LocallyConnected2D, _FEW, (3, 4, 2), _ONE_KERNEL),
    "DepthwiseConv1D": (DepthwiseConv1D, _TWO_TAPS, (4, 2), {"depthwise": "W", "bias": "b"}),
    "DepthwiseConv2D": (DepthwiseConv2D, _TWO_TAPS, (3, 4, 2), {"depthwise": "W", "bias": "b"}),
    "SeparableConv1D": (SeparableConv1D, _FEW, (4, 2), {"depthwise": "D", "pointwise": "P", "bias": "b"}),
    "SeparableConv2D": (SeparableConv2D, _FEW, (3, 4, 2), {"depthwise": "D", "pointwise": "P", "bias": "b"}),
}
