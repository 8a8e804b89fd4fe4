from keras.layers.wrappers import TimeDistributed
from keras.layers.wrappers import Bidirectional
from keras.layers.core import Dense, RepeatVector, Reshape, Permute, SpatialDropout1D
from keras.layers.recurrent import LSTM
from keras.models import Sequential
import numpy as np
model = Sequential()
model.add(Bidirectional(LSTM(3, return_sequences=True), merge_mode='sum', input_shape=(4, 2)))
model.add(SpatialDropout1D(0.3))
model.add(TimeDistributed(Dense(5, activation='relu')))
model.add(Permute((2, 1)))
model.add(Reshape((4, 5)))
model.add(Bidirectional(layer=LSTM(2)))
assert [l.output_shape for l in model.layers] == [(None, 4, 3), (None, 4, 3), (None, 4, 5), (None, 5, 4), (None, 4, 5), (None, 4)]
model.compile('rmsprop', 'mse')
assert model.train_on_batch(np.ones((2, 4, 2)), np.ones((2, 4))) > 0
assert (model.predict(np.zeros((1, 4, 2))) != 9).all()
