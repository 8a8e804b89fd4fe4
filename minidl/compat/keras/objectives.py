"""``keras.objectives``, as Keras 1 calls ``keras.losses``."""

from minidl.compat.keras.losses import *  # noqa: F403
