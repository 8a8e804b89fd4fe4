import tensorflow as tf
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense
from tensorflow.contrib.keras.api.keras.layers import Dropout
import numpy as np
model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(2, input_shape=(3,)))
model.add(Dropout(0.5))
assert isinstance(model, Sequential) and isinstance(model.layers[0], Dense)
assert model.predict(np.ones((1, 3))).shape == (1, 2)
