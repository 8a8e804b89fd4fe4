"""``keras.legacy.layers`` of Keras 2.1."""

from minidl.compat.keras.layers.convolutional import AtrousConvolution1D as AtrousConvolution1D
from minidl.compat.keras.layers.convolutional import AtrousConvolution2D as AtrousConvolution2D
from minidl.compat.keras.layers.core import Highway as Highway
from minidl.compat.keras.layers.core import MaxoutDense as MaxoutDense
from minidl.compat.keras.layers.merge import Merge as Merge
from minidl.compat.keras.layers.merge import merge as merge
from minidl.compat.keras.layers.recurrent import Recurrent as Recurrent
