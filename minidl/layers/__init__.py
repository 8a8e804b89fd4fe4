"""The layers: thin objects with parameters around the ops; each file names the op that holds its mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.on_demand import on_demand

_FILES = {
    "activation": "Activation",
    "activation_layers": "ELU LeakyReLU ReLU ThresholdedReLU",
    "activity": "ActivityRegularization",
    "attention": "AdditiveAttention Attention",
    "base": "Layer",
    "bidirectional": "Bidirectional",
    "concatenate": "Concatenate",
    "context": "Context",
    "conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "convolution": "Conv1D Conv2D Conv3D",
    "dense": "Dense",
    "depthwise": "DepthwiseConv1D DepthwiseConv2D",
    "dot": "Dot",
    "dropout": "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    "embedding": "Embedding",
    "feature_normalization": "Normalization",
    "global_pooling": (
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D"
    ),
    "group_normalization": "GroupNormalization",
    "gru": "GRU GRUCell",
    "identity": "Identity",
    "layer_normalization": "LayerNormalization",
    "locally_connected": "LocallyConnected1D LocallyConnected2D",
    "lstm": "LSTM LSTMCell",
    "masking": "Masking",
    "merge": "Add Average Maximum Minimum Multiply Subtract",
    "multi_head_attention": "MultiHeadAttention",
    "noise": "AlphaDropout GaussianDropout GaussianNoise",
    "normalization": "BatchNormalization",
    "padding": "Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    "permute": "Permute",
    "pooling": "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D",
    "prelu": "PReLU",
    "recompute": "Recompute",
    "repeat_vector": "RepeatVector",
    "reshape": "Flatten Rescaling Reshape",
    "rnn": "RNN",
    "separable": "SeparableConv1D SeparableConv2D",
    "simple_rnn": "SimpleRNN SimpleRNNCell",
    "softmax": "Softmax",
    "stacked_cells": "StackedRNNCells",
    "symbol": "Input",
    "time_distributed": "TimeDistributed",
    "transposed": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "unit_normalization": "UnitNormalization",
    "upsampling": "UpSampling1D UpSampling2D UpSampling3D",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.layers.activation import Activation as Activation
    from minidl.layers.activation_layers import ELU as ELU
    from minidl.layers.activation_layers import LeakyReLU as LeakyReLU
    from minidl.layers.activation_layers import ReLU as ReLU
    from minidl.layers.activation_layers import ThresholdedReLU as ThresholdedReLU
    from minidl.layers.activity import ActivityRegularization as ActivityRegularization
    from minidl.layers.attention import AdditiveAttention as AdditiveAttention
    from minidl.layers.attention import Attention as Attention
    from minidl.layers.base import Layer as Layer
    from minidl.layers.bidirectional import Bidirectional as Bidirectional
    from minidl.layers.concatenate import Concatenate as Concatenate
    from minidl.layers.context import Context as Context
    from minidl.layers.conv_lstm import ConvLSTM1D as ConvLSTM1D
    from minidl.layers.conv_lstm import ConvLSTM2D as ConvLSTM2D
    from minidl.layers.conv_lstm import ConvLSTM3D as ConvLSTM3D
    from minidl.layers.convolution import Conv1D as Conv1D
    from minidl.layers.convolution import Conv2D as Conv2D
    from minidl.layers.convolution import Conv3D as Conv3D
    from minidl.layers.dense import Dense as Dense
    from minidl.layers.depthwise import DepthwiseConv1D as DepthwiseConv1D
    from minidl.layers.depthwise import DepthwiseConv2D as DepthwiseConv2D
    from minidl.layers.dot import Dot as Dot
    from minidl.layers.dropout import Dropout as Dropout
    from minidl.layers.dropout import SpatialDropout1D as SpatialDropout1D
    from minidl.layers.dropout import SpatialDropout2D as SpatialDropout2D
    from minidl.layers.dropout import SpatialDropout3D as SpatialDropout3D
    from minidl.layers.embedding import Embedding as Embedding
    from minidl.layers.feature_normalization import Normalization as Normalization
    from minidl.layers.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
    from minidl.layers.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
    from minidl.layers.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
    from minidl.layers.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
    from minidl.layers.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
    from minidl.layers.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
    from minidl.layers.group_normalization import GroupNormalization as GroupNormalization
    from minidl.layers.gru import GRU as GRU
    from minidl.layers.gru import GRUCell as GRUCell
    from minidl.layers.identity import Identity as Identity
    from minidl.layers.layer_normalization import LayerNormalization as LayerNormalization
    from minidl.layers.locally_connected import LocallyConnected1D as LocallyConnected1D
    from minidl.layers.locally_connected import LocallyConnected2D as LocallyConnected2D
    from minidl.layers.lstm import LSTM as LSTM
    from minidl.layers.lstm import LSTMCell as LSTMCell
    from minidl.layers.masking import Masking as Masking
    from minidl.layers.merge import Add as Add
    from minidl.layers.merge import Average as Average
    from minidl.layers.merge import Maximum as Maximum
    from minidl.layers.merge import Minimum as Minimum
    from minidl.layers.merge import Multiply as Multiply
    from minidl.layers.merge import Subtract as Subtract
    from minidl.layers.multi_head_attention import MultiHeadAttention as MultiHeadAttention
    from minidl.layers.noise import AlphaDropout as AlphaDropout
    from minidl.layers.noise import GaussianDropout as GaussianDropout
    from minidl.layers.noise import GaussianNoise as GaussianNoise
    from minidl.layers.normalization import BatchNormalization as BatchNormalization
    from minidl.layers.padding import Cropping1D as Cropping1D
    from minidl.layers.padding import Cropping2D as Cropping2D
    from minidl.layers.padding import Cropping3D as Cropping3D
    from minidl.layers.padding import ZeroPadding1D as ZeroPadding1D
    from minidl.layers.padding import ZeroPadding2D as ZeroPadding2D
    from minidl.layers.padding import ZeroPadding3D as ZeroPadding3D
    from minidl.layers.permute import Permute as Permute
    from minidl.layers.pooling import AveragePooling1D as AveragePooling1D
    from minidl.layers.pooling import AveragePooling2D as AveragePooling2D
    from minidl.layers.pooling import AveragePooling3D as AveragePooling3D
    from minidl.layers.pooling import MaxPooling1D as MaxPooling1D
    from minidl.layers.pooling import MaxPooling2D as MaxPooling2D
    from minidl.layers.pooling import MaxPooling3D as MaxPooling3D
    from minidl.layers.prelu import PReLU as PReLU
    from minidl.layers.recompute import Recompute as Recompute
    from minidl.layers.repeat_vector import RepeatVector as RepeatVector
    from minidl.layers.reshape import Flatten as Flatten
    from minidl.layers.reshape import Rescaling as Rescaling
    from minidl.layers.reshape import Reshape as Reshape
    from minidl.layers.rnn import RNN as RNN
    from minidl.layers.separable import SeparableConv1D as SeparableConv1D
    from minidl.layers.separable import SeparableConv2D as SeparableConv2D
    from minidl.layers.simple_rnn import SimpleRNN as SimpleRNN
    from minidl.layers.simple_rnn import SimpleRNNCell as SimpleRNNCell
    from minidl.layers.softmax import Softmax as Softmax
    from minidl.layers.stacked_cells import StackedRNNCells as StackedRNNCells
    from minidl.layers.symbol import Input as Input
    from minidl.layers.time_distributed import TimeDistributed as TimeDistributed
    from minidl.layers.transposed import Conv1DTranspose as Conv1DTranspose
    from minidl.layers.transposed import Conv2DTranspose as Conv2DTranspose
    from minidl.layers.transposed import Conv3DTranspose as Conv3DTranspose
    from minidl.layers.unit_normalization import UnitNormalization as UnitNormalization
    from minidl.layers.upsampling import UpSampling1D as UpSampling1D
    from minidl.layers.upsampling import UpSampling2D as UpSampling2D
    from minidl.layers.upsampling import UpSampling3D as UpSampling3D
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES, "layer")
