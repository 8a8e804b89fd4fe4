"""The layers: thin objects with parameters around the ops; each file names the op that holds its mathematics."""

from minidl.layers.activation import Activation as Activation
from minidl.layers.base import Layer as Layer
from minidl.layers.convolution import Conv2D as Conv2D
from minidl.layers.dense import Dense as Dense
from minidl.layers.dropout import Dropout as Dropout
from minidl.layers.merge import Add as Add
from minidl.layers.normalization import BatchNormalization as BatchNormalization
from minidl.layers.pooling import AveragePooling2D as AveragePooling2D
from minidl.layers.pooling import MaxPooling2D as MaxPooling2D
from minidl.layers.recurrent import LSTM as LSTM
from minidl.layers.reshape import Flatten as Flatten
from minidl.layers.reshape import Rescaling as Rescaling
from minidl.layers.reshape import Reshape as Reshape
from minidl.layers.symbol import Input as Input
