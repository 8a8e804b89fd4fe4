"""``keras.layers`` of Keras 2.1."""

from minidl.compat.keras.layers.core import Activation as Activation
from minidl.compat.keras.layers.core import Dense as Dense
from minidl.compat.keras.layers.core import Dropout as Dropout
from minidl.compat.keras.layers.core import Flatten as Flatten
