import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout
def run(seed):
    np.random.seed(seed)
    m = Sequential([Dense(4, input_dim=3, activation='relu'), Dropout(0.5), Dense(1)])
    m.compile('sgd', 'mse')
    x = np.random.rand(16, 3)
    return m.fit(x, x[:, 0], epochs=2, batch_size=4, verbose=0).history['loss']
assert run(1671) == run(1671)
assert run(1671) != run(1672)
