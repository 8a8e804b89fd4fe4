"""``keras.preprocessing`` of Keras 2.1."""

from minidl.compat.keras.preprocessing import image as image
from minidl.compat.keras.preprocessing import sequence as sequence
from minidl.compat.keras.preprocessing import text as text
