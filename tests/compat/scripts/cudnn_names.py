from keras.layers import CuDNNGRU, CuDNNLSTM, GRU, Dense
from keras.models import Sequential
import numpy as np
m = Sequential()
m.add(CuDNNGRU(3, return_sequences=True, input_shape=(4, 2)))
m.add(GRU(2, return_sequences=False, dropout=0.1, recurrent_dropout=0.1))
m.add(Dense(1))
assert m.layers[0].output_shape == (None, 4, 3) and m.predict(np.ones((2, 4, 2))).shape == (2, 1)
