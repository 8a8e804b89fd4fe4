from keras import initializations
from keras.initializations import normal, identity
from keras.models import Sequential
from keras.layers.core import Dense
from keras.layers import SimpleRNN
import numpy as np
def my_init(shape, name=None):
    return initializations.normal(shape, scale=0.001, name=name)
m = Sequential()
m.add(SimpleRNN(output_dim=20, init=lambda shape, name=None: normal(shape, scale=0.001, name=name),
                inner_init=lambda shape, name=None: identity(shape, scale=1.0, name=name), activation='relu', input_shape=(3, 2)))
m.add(Dense(5, init=my_init))
k, r, b = m.layers[0].get_weights()
assert k.std() < 0.01 and np.array_equal(r, np.eye(20))
assert m.layers[1].get_weights()[0].std() < 0.01
