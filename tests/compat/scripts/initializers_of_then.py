from keras import initializers
from keras.initializers import RandomNormal, Identity, random_normal
from keras.models import Sequential
from keras.layers import Dense, SimpleRNN
import numpy as np
np.random.seed(1)
m = Sequential()
m.add(SimpleRNN(100, kernel_initializer=initializers.RandomNormal(stddev=0.001),
                recurrent_initializer=initializers.Identity(gain=1.0), activation='relu', input_shape=(5, 1), unroll=True))
m.add(Dense(units=30, kernel_initializer=random_normal(stddev=0.2)))
m.add(Dense(30, kernel_initializer='identity'))
m.add(Dense(4, kernel_initializer='glorot_normal'))
k, r, b = m.layers[0].get_weights()
assert k.std() < 0.002 and np.array_equal(r, np.eye(100)) and not b.any()
assert 0.15 < m.layers[1].get_weights()[0].std() < 0.25
assert np.array_equal(m.layers[2].get_weights()[0], np.eye(30))
