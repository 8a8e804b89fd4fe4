import numpy as np
from keras.models import Sequential
from keras.layers import Dense
m = Sequential([Dense(3, input_dim=2, activation='softmax')])
x = np.random.RandomState(0).rand(7, 2)
p = m.predict(x, batch_size=3, verbose=0)
m.compile('sgd', 'mse')
assert np.allclose(p, m.predict_proba(x, verbose=0))
assert (m.predict_classes(x, verbose=0) == p.argmax(axis=1)).all()
assert np.allclose(m.predict_on_batch(x), p)
m.pop()
assert len(m.layers) == 0
