from keras.models import Model
from keras.layers import Input, LSTM, SimpleRNN, GRU
import numpy as np
inputs1 = Input(shape=(3, 1))
lstm1, state_h, state_c = LSTM(units=2, return_sequences=True, return_state=True)(inputs1)
model = Model(inputs=inputs1, outputs=[lstm1, state_h, state_c])
data = np.array([0.1, 0.2, 0.3]).reshape((1, 3, 1))
seq, h, c = model.predict(data)
assert seq.shape == (1, 3, 2) and np.allclose(seq[:, -1], h) and not np.allclose(h, c)
