import numpy as np
from keras.layers import LSTM, SimpleRNN, Bidirectional, Dense
from keras.models import Sequential
from keras.optimizers import Adam, RMSprop

batch_size = 4
m = Sequential()
m.add(SimpleRNN(3, return_sequences=True, batch_input_shape=(4, 5, 2), stateful=True, unroll=True))
m.add(SimpleRNN(3, init='identity', recurrent_initializer='orthogonal'))
assert m.layers[0].output_shape == (4, 5, 3)
assert np.array_equal(m.layers[1].get_weights()[0], np.eye(3))
r = m.layers[1].get_weights()[1]
assert np.allclose(r.dot(r.T), np.eye(3), atol=1e-5)
l = Sequential([LSTM(2, batch_size=4, input_shape=(3, 1), stateful=True), Dense(1)])
l.compile(loss='mean_squared_error', optimizer='Adam', metrics=['mean_squared_error'])
assert l.train_on_batch(np.ones((4, 3, 1)), np.zeros((4, 1)))[0] > 0
for name in ['a', 'b']:
    b = Sequential([Bidirectional(LSTM(2), input_shape=(3, 1))])
    b.compile(loss='mse', optimizer='RMSprop')
    b.compile(loss='mse', optimizer='SGD')
    assert b.output_shape == (None, 4)
