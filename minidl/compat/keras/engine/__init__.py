"""``keras.engine`` of Keras 2.1."""

from minidl.compat.keras.engine.topology import Container as Container
from minidl.compat.keras.engine.topology import Input as Input
from minidl.compat.keras.engine.topology import InputLayer as InputLayer
from minidl.compat.keras.engine.topology import InputSpec as InputSpec
from minidl.compat.keras.engine.topology import Layer as Layer
from minidl.compat.keras.engine.topology import Merge as Merge
from minidl.compat.keras.engine.topology import get_source_inputs as get_source_inputs
from minidl.compat.keras.engine.topology import merge as merge
from minidl.compat.keras.engine.training import Model as Model
