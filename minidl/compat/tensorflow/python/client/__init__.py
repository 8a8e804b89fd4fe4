"""``tensorflow.python.client``."""

from minidl.compat.tensorflow.python.client import device_lib as device_lib
