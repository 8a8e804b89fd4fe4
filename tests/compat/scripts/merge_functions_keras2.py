from keras.layers import Input, Dense, add, concatenate, multiply, dot, Add, maximum, average
from keras.layers.merge import add as add2
from keras.models import Model
import numpy as np
a, b = Input(shape=(3,)), Input(shape=(3,))
outs = [add([a, b]), concatenate([a, b], axis=-1), multiply([a, b]), dot([a, b], axes=1), Add()([a, b]), add2([a, b]),
        maximum([a, b]), average([a, b])]
model = Model(inputs=[a, b], outputs=outs)
x, y = np.array([[1., 2, 3]]), np.array([[4., 5, 6]])
r = model.predict([x, y])
assert np.allclose(r[0], x + y) and np.allclose(r[1], [[1, 2, 3, 4, 5, 6]]) and np.allclose(r[2], x * y)
assert np.allclose(r[3], 32) and np.allclose(r[4], r[0]) and np.allclose(r[5], r[0])
assert np.allclose(r[6], y) and np.allclose(r[7], (x + y) / 2)
