"""``keras.layers.pooling`` of Keras 2.1."""

from __future__ import annotations

from minidl import layers as today
from minidl.compat.keras.layers.options import OldLayer, old_names

_OF_STEPS = "pool_size=2, strides=None, padding='valid'"
_OF_IMAGES = "pool_size=(2, 2), strides=None, padding='valid', data_format=None"
_OF_VOLUMES = "pool_size=(2, 2, 2), strides=None, padding='valid', data_format=None"
_STEPS_1 = {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}
_IMAGES_1 = {"border_mode": "padding", "dim_ordering": "data_format"}
_FORMAT_1 = {"dim_ordering": "data_format"}

MaxPooling1D = OldLayer("MaxPooling1D", today.MaxPooling1D, _OF_STEPS, keras_1=_STEPS_1, steps=True)
AveragePooling1D = OldLayer("AveragePooling1D", today.AveragePooling1D, _OF_STEPS, keras_1=_STEPS_1, steps=True)
MaxPooling2D = OldLayer("MaxPooling2D", today.MaxPooling2D, _OF_IMAGES, keras_1=_IMAGES_1)
AveragePooling2D = OldLayer("AveragePooling2D", today.AveragePooling2D, _OF_IMAGES, keras_1=_IMAGES_1)
MaxPooling3D = OldLayer("MaxPooling3D", today.MaxPooling3D, _OF_VOLUMES, keras_1=_IMAGES_1)
AveragePooling3D = OldLayer("AveragePooling3D", today.AveragePooling3D, _OF_VOLUMES, keras_1=_IMAGES_1)
GlobalAveragePooling1D = OldLayer("GlobalAveragePooling1D", today.GlobalAveragePooling1D, "", steps=True)
GlobalMaxPooling1D = OldLayer("GlobalMaxPooling1D", today.GlobalMaxPooling1D, "", steps=True)
GlobalAveragePooling2D = OldLayer("GlobalAveragePooling2D", today.GlobalAveragePooling2D, "data_format=None", keras_1=_FORMAT_1)
GlobalMaxPooling2D = OldLayer("GlobalMaxPooling2D", today.GlobalMaxPooling2D, "data_format=None", keras_1=_FORMAT_1)
GlobalAveragePooling3D = OldLayer("GlobalAveragePooling3D", today.GlobalAveragePooling3D, "data_format=None", keras_1=_FORMAT_1)
GlobalMaxPooling3D = OldLayer("GlobalMaxPooling3D", today.GlobalMaxPooling3D, "data_format=None", keras_1=_FORMAT_1)

AvgPool1D, MaxPool1D = AveragePooling1D.called("AvgPool1D"), MaxPooling1D.called("MaxPool1D")
AvgPool2D, MaxPool2D = AveragePooling2D.called("AvgPool2D"), MaxPooling2D.called("MaxPool2D")
AvgPool3D, MaxPool3D = AveragePooling3D.called("AvgPool3D"), MaxPooling3D.called("MaxPool3D")
GlobalMaxPool1D, GlobalAvgPool1D = (
    GlobalMaxPooling1D.called("GlobalMaxPool1D"),
    GlobalAveragePooling1D.called("GlobalAvgPool1D"),
)
GlobalMaxPool2D, GlobalAvgPool2D = (
    GlobalMaxPooling2D.called("GlobalMaxPool2D"),
    GlobalAveragePooling2D.called("GlobalAvgPool2D"),
)
GlobalMaxPool3D, GlobalAvgPool3D = (
    GlobalMaxPooling3D.called("GlobalMaxPool3D"),
    GlobalAveragePooling3D.called("GlobalAvgPool3D"),
)

__all__ = old_names(globals())
