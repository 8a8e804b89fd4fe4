"""y = 3x + 2, and back again."""
import numpy as np
from keras.models import Sequential
from keras.layers.core import Dense, Activation

x = np.linspace(-1, 1, 101)
y = 3 * x + 2
m = Sequential()
m.add(Dense(1, input_dim=1, init='uniform', activation='linear'))
w0, b0 = m.layers[0].get_weights()
assert w0.shape == (1, 1) and b0[0] == 0 and abs(w0[0, 0]) <= 0.05
m.compile(optimizer='sgd', loss='mse')
m.fit(x, y, nb_epoch=60, batch_size=10, verbose=0)
w, b = m.layers[0].get_weights()
print('w: %.2f, b: %.2f' % (w[0][0], b[0]))
assert abs(w[0, 0] - 3) < 0.2 and abs(b[0] - 2) < 0.1
