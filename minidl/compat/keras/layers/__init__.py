"""``keras.layers`` of Keras 2.1, with everything that Keras 1 had there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.compat.keras import activations as activations
from minidl.compat.keras import backend as K
from minidl.compat.keras import constraints as constraints
from minidl.compat.keras import initializers as initializers
from minidl.compat.keras import regularizers as regularizers
from minidl.compat.keras.layers.advanced_activations import ELU as ELU
from minidl.compat.keras.layers.advanced_activations import LeakyReLU as LeakyReLU
from minidl.compat.keras.layers.advanced_activations import ParametricSoftplus as ParametricSoftplus
from minidl.compat.keras.layers.advanced_activations import PReLU as PReLU
from minidl.compat.keras.layers.advanced_activations import SReLU as SReLU
from minidl.compat.keras.layers.advanced_activations import ThresholdedReLU as ThresholdedReLU
from minidl.compat.keras.layers.convolutional import AtrousConv1D as AtrousConv1D
from minidl.compat.keras.layers.convolutional import AtrousConv2D as AtrousConv2D
from minidl.compat.keras.layers.convolutional import AtrousConvolution1D as AtrousConvolution1D
from minidl.compat.keras.layers.convolutional import AtrousConvolution2D as AtrousConvolution2D
from minidl.compat.keras.layers.convolutional import Conv1D as Conv1D
from minidl.compat.keras.layers.convolutional import Conv2D as Conv2D
from minidl.compat.keras.layers.convolutional import Conv2DTranspose as Conv2DTranspose
from minidl.compat.keras.layers.convolutional import Conv3D as Conv3D
from minidl.compat.keras.layers.convolutional import Conv3DTranspose as Conv3DTranspose
from minidl.compat.keras.layers.convolutional import Convolution1D as Convolution1D
from minidl.compat.keras.layers.convolutional import Convolution2D as Convolution2D
from minidl.compat.keras.layers.convolutional import Convolution2DTranspose as Convolution2DTranspose
from minidl.compat.keras.layers.convolutional import Convolution3D as Convolution3D
from minidl.compat.keras.layers.convolutional import Cropping1D as Cropping1D
from minidl.compat.keras.layers.convolutional import Cropping2D as Cropping2D
from minidl.compat.keras.layers.convolutional import Cropping3D as Cropping3D
from minidl.compat.keras.layers.convolutional import Deconv2D as Deconv2D
from minidl.compat.keras.layers.convolutional import Deconv3D as Deconv3D
from minidl.compat.keras.layers.convolutional import Deconvolution2D as Deconvolution2D
from minidl.compat.keras.layers.convolutional import Deconvolution3D as Deconvolution3D
from minidl.compat.keras.layers.convolutional import SeparableConv2D as SeparableConv2D
from minidl.compat.keras.layers.convolutional import SeparableConvolution2D as SeparableConvolution2D
from minidl.compat.keras.layers.convolutional import UpSampling1D as UpSampling1D
from minidl.compat.keras.layers.convolutional import UpSampling2D as UpSampling2D
from minidl.compat.keras.layers.convolutional import UpSampling3D as UpSampling3D
from minidl.compat.keras.layers.convolutional import ZeroPadding1D as ZeroPadding1D
from minidl.compat.keras.layers.convolutional import ZeroPadding2D as ZeroPadding2D
from minidl.compat.keras.layers.convolutional import ZeroPadding3D as ZeroPadding3D
from minidl.compat.keras.layers.convolutional_recurrent import ConvLSTM2D as ConvLSTM2D
from minidl.compat.keras.layers.convolutional_recurrent import ConvRecurrent2D as ConvRecurrent2D
from minidl.compat.keras.layers.core import Activation as Activation
from minidl.compat.keras.layers.core import ActivityRegularization as ActivityRegularization
from minidl.compat.keras.layers.core import Dense as Dense
from minidl.compat.keras.layers.core import Dropout as Dropout
from minidl.compat.keras.layers.core import Flatten as Flatten
from minidl.compat.keras.layers.core import Highway as Highway
from minidl.compat.keras.layers.core import Lambda as Lambda
from minidl.compat.keras.layers.core import Masking as Masking
from minidl.compat.keras.layers.core import MaxoutDense as MaxoutDense
from minidl.compat.keras.layers.core import Permute as Permute
from minidl.compat.keras.layers.core import RepeatVector as RepeatVector
from minidl.compat.keras.layers.core import Reshape as Reshape
from minidl.compat.keras.layers.core import SpatialDropout1D as SpatialDropout1D
from minidl.compat.keras.layers.core import SpatialDropout2D as SpatialDropout2D
from minidl.compat.keras.layers.core import SpatialDropout3D as SpatialDropout3D
from minidl.compat.keras.layers.core import TimeDistributedDense as TimeDistributedDense
from minidl.compat.keras.layers.cudnn_recurrent import CuDNNGRU as CuDNNGRU
from minidl.compat.keras.layers.cudnn_recurrent import CuDNNLSTM as CuDNNLSTM
from minidl.compat.keras.layers.embeddings import Embedding as Embedding
from minidl.compat.keras.layers.faces import faced
from minidl.compat.keras.layers.local import LocallyConnected1D as LocallyConnected1D
from minidl.compat.keras.layers.local import LocallyConnected2D as LocallyConnected2D
from minidl.compat.keras.layers.merge import Add as Add
from minidl.compat.keras.layers.merge import Average as Average
from minidl.compat.keras.layers.merge import Concatenate as Concatenate
from minidl.compat.keras.layers.merge import Dot as Dot
from minidl.compat.keras.layers.merge import Maximum as Maximum
from minidl.compat.keras.layers.merge import Merge as Merge
from minidl.compat.keras.layers.merge import Minimum as Minimum
from minidl.compat.keras.layers.merge import Multiply as Multiply
from minidl.compat.keras.layers.merge import Subtract as Subtract
from minidl.compat.keras.layers.merge import add as add
from minidl.compat.keras.layers.merge import average as average
from minidl.compat.keras.layers.merge import concatenate as concatenate
from minidl.compat.keras.layers.merge import dot as dot
from minidl.compat.keras.layers.merge import maximum as maximum
from minidl.compat.keras.layers.merge import merge as merge
from minidl.compat.keras.layers.merge import minimum as minimum
from minidl.compat.keras.layers.merge import multiply as multiply
from minidl.compat.keras.layers.merge import subtract as subtract
from minidl.compat.keras.layers.noise import AlphaDropout as AlphaDropout
from minidl.compat.keras.layers.noise import GaussianDropout as GaussianDropout
from minidl.compat.keras.layers.noise import GaussianNoise as GaussianNoise
from minidl.compat.keras.layers.normalization import BatchNormalization as BatchNormalization
from minidl.compat.keras.layers.own import OWN
from minidl.compat.keras.layers.pooling import AveragePooling1D as AveragePooling1D
from minidl.compat.keras.layers.pooling import AveragePooling2D as AveragePooling2D
from minidl.compat.keras.layers.pooling import AveragePooling3D as AveragePooling3D
from minidl.compat.keras.layers.pooling import AvgPool1D as AvgPool1D
from minidl.compat.keras.layers.pooling import AvgPool2D as AvgPool2D
from minidl.compat.keras.layers.pooling import AvgPool3D as AvgPool3D
from minidl.compat.keras.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from minidl.compat.keras.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from minidl.compat.keras.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from minidl.compat.keras.layers.pooling import GlobalAvgPool1D as GlobalAvgPool1D
from minidl.compat.keras.layers.pooling import GlobalAvgPool2D as GlobalAvgPool2D
from minidl.compat.keras.layers.pooling import GlobalAvgPool3D as GlobalAvgPool3D
from minidl.compat.keras.layers.pooling import GlobalMaxPool1D as GlobalMaxPool1D
from minidl.compat.keras.layers.pooling import GlobalMaxPool2D as GlobalMaxPool2D
from minidl.compat.keras.layers.pooling import GlobalMaxPool3D as GlobalMaxPool3D
from minidl.compat.keras.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from minidl.compat.keras.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from minidl.compat.keras.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from minidl.compat.keras.layers.pooling import MaxPool1D as MaxPool1D
from minidl.compat.keras.layers.pooling import MaxPool2D as MaxPool2D
from minidl.compat.keras.layers.pooling import MaxPool3D as MaxPool3D
from minidl.compat.keras.layers.pooling import MaxPooling1D as MaxPooling1D
from minidl.compat.keras.layers.pooling import MaxPooling2D as MaxPooling2D
from minidl.compat.keras.layers.pooling import MaxPooling3D as MaxPooling3D
from minidl.compat.keras.layers.recurrent import GRU as GRU
from minidl.compat.keras.layers.recurrent import LSTM as LSTM
from minidl.compat.keras.layers.recurrent import RNN as RNN
from minidl.compat.keras.layers.recurrent import GRUCell as GRUCell
from minidl.compat.keras.layers.recurrent import LSTMCell as LSTMCell
from minidl.compat.keras.layers.recurrent import Recurrent as Recurrent
from minidl.compat.keras.layers.recurrent import SimpleRNN as SimpleRNN
from minidl.compat.keras.layers.recurrent import SimpleRNNCell as SimpleRNNCell
from minidl.compat.keras.layers.recurrent import StackedRNNCells as StackedRNNCells
from minidl.compat.keras.layers.topology import Input as Input
from minidl.compat.keras.layers.topology import InputLayer as InputLayer
from minidl.compat.keras.layers.topology import InputSpec as InputSpec
from minidl.compat.keras.layers.topology import Layer as Layer
from minidl.compat.keras.layers.wrappers import Bidirectional as Bidirectional
from minidl.compat.keras.layers.wrappers import TimeDistributed as TimeDistributed
from minidl.compat.keras.layers.wrappers import Wrapper as Wrapper
from minidl.config import use_profile
from minidl.declared import from_plain
from minidl.profile import KERAS_3

_OURS = (
    "Any",
    "KERAS_3",
    "Mapping",
    "OWN",
    "annotations",
    "config",
    "faced",
    "faces",
    "forms",
    "from_plain",
    "lambda_",
    "options",
    "own",
    "signatures",
    "topology",
)


def serialize(layer: Any) -> dict[str, Any]:
    """The layer as ``{"class_name": ..., "config": ...}``, for ``deserialize``.

    >>> serialize(Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    return {"class_name": (layer.written_as or type(layer)).__name__, "config": layer.get_config()}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer that ``serialize`` wrote. ``custom_objects`` are classes of a script by name.

    >>> deserialize(serialize(Dense(3, name="last")))
    Dense(3, name='last')
    """
    with use_profile(KERAS_3):  # what is left out means what it meant when it was written
        return faced(from_plain({"kind": "layer", **config}, {**OWN, **(custom_objects or {})}))


# What ``from keras.layers import *`` gave: modules that the files of Keras had imported, too.
__all__ = ["K", "np", *(name for name in dir() if not name.startswith("_") and name not in (*_OURS, "K", "np", "use_profile"))]
