"""The modules of Keras 2.1 under their old names and the older ones of Keras 1; ``import minidl.compat.keras as keras``."""

from minidl.compat.keras import layers as layers
from minidl.compat.keras import models as models
from minidl.compat.keras.models import Model as Model
from minidl.compat.keras.models import Sequential as Sequential

__version__ = "2.1.1"
