"""The layers: thin objects with parameters around the ops; each file names the op that holds its mathematics."""

from minidl.layers.activation import Activation as Activation
from minidl.layers.activity import ActivityRegularization as ActivityRegularization
from minidl.layers.base import Layer as Layer
from minidl.layers.context import Context as Context
from minidl.layers.convolution import Conv2D as Conv2D
from minidl.layers.dense import Dense as Dense
from minidl.layers.dropout import Dropout as Dropout
from minidl.layers.embedding import Embedding as Embedding
from minidl.layers.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from minidl.layers.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from minidl.layers.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from minidl.layers.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from minidl.layers.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from minidl.layers.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from minidl.layers.merge import Add as Add
from minidl.layers.merge import Concatenate as Concatenate
from minidl.layers.normalization import BatchNormalization as BatchNormalization
from minidl.layers.pooling import AveragePooling2D as AveragePooling2D
from minidl.layers.pooling import MaxPooling2D as MaxPooling2D
from minidl.layers.recompute import Recompute as Recompute
from minidl.layers.recurrent import LSTM as LSTM
from minidl.layers.reshape import Flatten as Flatten
from minidl.layers.reshape import Rescaling as Rescaling
from minidl.layers.reshape import Reshape as Reshape
from minidl.layers.symbol import Input as Input
