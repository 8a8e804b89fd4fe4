import keras
from keras.utils import np_utils
import keras.utils.np_utils as ku
import keras.backend
import keras.callbacks as kc
from keras.models import Sequential
from keras.layers.core import Dense
assert ku.to_categorical([0, 2]).shape == (2, 3) and np_utils is ku
assert keras.backend.backend() and kc.History
h = Sequential([Dense(1, input_shape=(1,))])
h.build(input_shape=(None, 1))
assert h.built
