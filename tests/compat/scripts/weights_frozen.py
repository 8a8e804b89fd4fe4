import numpy as np
from keras.models import Sequential
from keras.layers import Dense
m = Sequential()
m.add(Dense(3, input_dim=2, name='kept'))
m.add(Dense(1, name='trained'))
m.get_layer(name='kept').trainable = False
m.compile('sgd', 'mse')
before = [w.copy() for w in m.get_weights()]
m.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0)
after = m.get_weights()
assert np.array_equal(before[0], after[0]) and not np.array_equal(before[2], after[2])
m.get_layer('kept').trainable = True
m.compile('sgd', 'mse')
m.fit(np.ones((4, 2)), np.ones(4), epochs=1, verbose=0)
assert not np.array_equal(before[0], m.get_weights()[0])
