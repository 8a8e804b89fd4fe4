"""``keras.wrappers`` of Keras 2.1."""

from minidl.compat.keras.wrappers import scikit_learn as scikit_learn
