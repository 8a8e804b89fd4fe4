import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.optimizers import SGD
m = Sequential([Dense(1, input_dim=1, use_bias=False, kernel_initializer='ones')])
m.compile(loss='mean_squared_error', optimizer=SGD(lr=0.1, decay=0.5))
x, y = np.ones((1, 1)), np.zeros((1, 1))
w = 1.0
for t in range(4):
    m.train_on_batch(x, y)
    w -= 0.1 / (1 + 0.5 * t) * 2 * w
    assert abs(m.get_weights()[0][0, 0] - w) < 1e-6
assert abs(m.optimizer.get_config()['decay'] - 0.5) < 1e-6
