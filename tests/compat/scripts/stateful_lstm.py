import numpy as np
from keras.models import Sequential
from keras.layers import LSTM, Dense
batch_size = 2
model = Sequential()
model.add(LSTM(5, batch_input_shape=(batch_size, 3, 1), stateful=True, return_sequences=True))
model.add(LSTM(4, stateful=True))
model.add(Dense(1))
model.compile(loss='mse', optimizer='rmsprop')
x = np.ones((2, 3, 1))
first = model.predict(x, batch_size=batch_size)
second = model.predict(x, batch_size=batch_size)
assert not np.allclose(first, second)
model.reset_states()
assert np.allclose(first, model.predict(x, batch_size=batch_size))
for i in range(2):
    model.fit(x, np.zeros((2, 1)), epochs=1, batch_size=batch_size, verbose=0, shuffle=False)
    model.reset_states()
model.layers[0].reset_states()
