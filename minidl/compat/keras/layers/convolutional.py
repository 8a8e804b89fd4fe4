"""``keras.layers.convolutional`` of Keras 2.1, with the names of Keras 1; pooling layers stood here too."""

from __future__ import annotations

from typing import Any

from minidl import layers as today
from minidl.compat.keras.layers.forms import CONV_1, TERMS_1, both, one_for_both, windows, without
from minidl.compat.keras.layers.options import WEIGHTS_1, OldLayer, old_names
from minidl.compat.keras.layers.pooling import AveragePooling1D as AveragePooling1D
from minidl.compat.keras.layers.pooling import AveragePooling2D as AveragePooling2D
from minidl.compat.keras.layers.pooling import AveragePooling3D as AveragePooling3D
from minidl.compat.keras.layers.pooling import MaxPooling1D as MaxPooling1D
from minidl.compat.keras.layers.pooling import MaxPooling2D as MaxPooling2D
from minidl.compat.keras.layers.pooling import MaxPooling3D as MaxPooling3D
from minidl.compat.keras.layers.signatures import TERMS, WINDOW_1

CONV_1D_1 = {
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "subsample_length": "strides",
    "border_mode": "padding",
    **WEIGHTS_1,
}
CONV_1D_ORDER_1 = (
    f"nb_filter filter_length init activation weights border_mode subsample_length {TERMS_1} input_dim input_length"
)
_ATROUS = {"atrous_rate": "dilation_rate"}
_FORMAT_1 = {"dim_ordering": "data_format"}


def _convolutions(one: str, dilation: bool = True) -> str:
    """The signature of a convolution, where ``one`` is a number for each axis."""
    dilated = f"dilation_rate={one}, " if dilation else ""
    return f"filters, kernel_size, strides={one}, padding='valid', data_format=None, {dilated}activation=None, {TERMS}"


Conv1D = OldLayer(
    "Conv1D",
    today.Conv1D,
    f"filters, kernel_size, strides=1, padding='valid', dilation_rate=1, activation=None, {TERMS}",
    keras_1=CONV_1D_1,
    order_1=CONV_1D_ORDER_1,
    sequence=True,
    steps=True,
)
Conv2D = OldLayer(
    "Conv2D",
    today.Conv2D,
    _convolutions("(1, 1)"),
    keras_1={**WINDOW_1, **WEIGHTS_1},
    form=windows("Conv2D", "nb_row nb_col", f"init {CONV_1} {TERMS_1}"),
)
Conv3D = OldLayer(
    "Conv3D",
    today.Conv3D,
    _convolutions("(1, 1, 1)"),
    keras_1={**WINDOW_1, **WEIGHTS_1},
    form=windows("Conv3D", "kernel_dim1 kernel_dim2 kernel_dim3", f"init {CONV_1} {TERMS_1}"),
)
Conv2DTranspose = OldLayer(
    "Conv2DTranspose",
    today.Conv2DTranspose,
    _convolutions("(1, 1)", dilation=False),
    keras_1={**WINDOW_1, **WEIGHTS_1},
    form=both(windows("Conv2DTranspose", "nb_row nb_col", f"output_shape init {CONV_1} {TERMS_1}"), without("output_shape")),
)
Conv3DTranspose = OldLayer(
    "Conv3DTranspose",
    today.Conv3DTranspose,
    _convolutions("(1, 1, 1)", dilation=False),
    keras_1={**WINDOW_1, **WEIGHTS_1},
    form=windows("Conv3DTranspose", "kernel_dim1 kernel_dim2 kernel_dim3", f"init {CONV_1} {TERMS_1}"),
)
SeparableConv2D = OldLayer(
    "SeparableConv2D",
    today.SeparableConv2D,
    "filters, kernel_size, strides=(1, 1), padding='valid', data_format=None, depth_multiplier=1, activation=None, "
    "use_bias=True, depthwise_initializer='glorot_uniform', pointwise_initializer='glorot_uniform', bias_initializer='zeros', "
    "depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
    "depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None",
    keras_1={
        **WINDOW_1,
        "b_regularizer": "bias_regularizer",
        "b_constraint": "bias_constraint",
        "bias": "use_bias",
    },
    form=both(
        windows(
            "SeparableConv2D",
            "nb_row nb_col",
            "init activation weights border_mode subsample depth_multiplier dim_ordering depthwise_regularizer "
            "pointwise_regularizer b_regularizer activity_regularizer depthwise_constraint pointwise_constraint "
            "b_constraint bias",
        ),
        one_for_both("init", "depthwise_initializer", "pointwise_initializer"),
    ),
)

Convolution1D, Convolution2D = Conv1D.called("Convolution1D"), Conv2D.called("Convolution2D")
Convolution3D = Conv3D.called("Convolution3D")
SeparableConvolution2D = SeparableConv2D.called("SeparableConvolution2D")
Convolution2DTranspose = Conv2DTranspose.called("Convolution2DTranspose")
Deconvolution2D, Deconv2D = Conv2DTranspose.called("Deconvolution2D"), Conv2DTranspose.called("Deconv2D")
Deconvolution3D, Deconv3D = Conv3DTranspose.called("Deconvolution3D"), Conv3DTranspose.called("Deconv3D")
_ATROUS_1 = CONV_1.replace("dim_ordering", "atrous_rate dim_ordering")
AtrousConvolution1D = Conv1D.called(
    "AtrousConvolution1D",
    keras_1={**CONV_1D_1, **_ATROUS},
    order_1=tuple(CONV_1D_ORDER_1.replace("subsample_length", "subsample_length atrous_rate").split()),
)
AtrousConvolution2D = Conv2D.called(
    "AtrousConvolution2D",
    keras_1={**WINDOW_1, **WEIGHTS_1, **_ATROUS},
    given_form=windows("AtrousConvolution2D", "nb_row nb_col", f"init {_ATROUS_1} {TERMS_1}"),
)
AtrousConv1D, AtrousConv2D = AtrousConvolution1D.called("AtrousConv1D"), AtrousConvolution2D.called("AtrousConv2D")


# -- sizes of images ---------------------------------------------------------------------------------------------------


def _sides(*names: str) -> Any:
    """A border as Keras 1 also had it: a number for each end in one row, or a dictionary of them by these names."""

    def sides(value: Any) -> Any:
        if isinstance(value, dict) and set(value) <= set(names):
            value = tuple(value.get(name, 0) for name in names)
        elif not (isinstance(value, (tuple, list)) and len(value) == len(names)):
            return value
        ends = tuple(value)
        return ends if len(ends) == 2 else tuple(zip(ends[::2], ends[1::2]))

    return sides


UpSampling1D = OldLayer("UpSampling1D", today.UpSampling1D, "size=2", keras_1={"length": "size"}, steps=True)
UpSampling2D = OldLayer("UpSampling2D", today.UpSampling2D, "size=(2, 2), data_format=None", keras_1=_FORMAT_1)
UpSampling3D = OldLayer("UpSampling3D", today.UpSampling3D, "size=(2, 2, 2), data_format=None", keras_1=_FORMAT_1)
ZeroPadding1D = OldLayer(
    "ZeroPadding1D", today.ZeroPadding1D, "padding=1", values={"padding": _sides("left_pad", "right_pad")}, steps=True
)
ZeroPadding2D = OldLayer(
    "ZeroPadding2D",
    today.ZeroPadding2D,
    "padding=(1, 1), data_format=None",
    keras_1=_FORMAT_1,
    values={"padding": _sides("top_pad", "bottom_pad", "left_pad", "right_pad")},
)
ZeroPadding3D = OldLayer("ZeroPadding3D", today.ZeroPadding3D, "padding=(1, 1, 1), data_format=None", keras_1=_FORMAT_1)
Cropping1D = OldLayer("Cropping1D", today.Cropping1D, "cropping=(1, 1)", steps=True)
Cropping2D = OldLayer("Cropping2D", today.Cropping2D, "cropping=((0, 0), (0, 0)), data_format=None", keras_1=_FORMAT_1)
Cropping3D = OldLayer("Cropping3D", today.Cropping3D, "cropping=((1, 1), (1, 1), (1, 1)), data_format=None", keras_1=_FORMAT_1)

__all__ = old_names(globals())
