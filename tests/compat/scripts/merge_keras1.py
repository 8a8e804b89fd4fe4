from keras.models import Sequential
from keras.layers import Dense, Merge, merge, Input, Embedding, Reshape
from keras.models import Model
import numpy as np
left = Sequential([Dense(3, input_dim=2)])
right = Sequential([Dense(3, input_dim=4)])
results = {}
for mode in ['sum', 'mul', 'concat', 'ave']:
    final = Sequential()
    final.add(Merge([left, right], mode=mode, concat_axis=1))
    final.compile('sgd', 'mse')
    results[mode] = final.predict([np.ones((2, 2)), np.ones((2, 4))])
p, q = left.predict(np.ones((2, 2))), right.predict(np.ones((2, 4)))
assert np.allclose(results['sum'], p + q, atol=1e-6) and np.allclose(results['mul'], p * q, atol=1e-6)
assert np.allclose(results['concat'], np.concatenate([p, q], 1), atol=1e-6)
dotted = Sequential()
dotted.add(Merge([left, right], mode='dot', dot_axes=1))
assert np.allclose(dotted.predict([np.ones((2, 2)), np.ones((2, 4))]), (p * q).sum(1, keepdims=True), atol=1e-5)
i, j = Input((3,)), Input((3,))
m = Model([i, j], merge([i, j], mode='sum'))
assert np.allclose(m.predict([np.ones((1, 3)), np.ones((1, 3))]), 2)
