from keras.models import Sequential, Model
from keras.layers import Dense, Input, Dropout
import numpy as np
inner = Sequential([Dense(3, input_dim=2, activation='relu')], name='inner')
outer = Sequential()
outer.add(inner)
outer.add(Dense(1))
assert outer.layers[0] is inner and outer.get_layer('inner').output_shape == (None, 3)
i = Input(shape=(2,))
shared = Dense(4)
twice = Model(i, [shared(i), shared(i)])
a, b = twice.predict(np.ones((1, 2)))
assert np.array_equal(a, b) and len(twice.get_weights()) == 2
flat = Sequential([Dense(3, input_dim=2, activation='relu'), Dense(1)])
features = Model(inputs=flat.input, outputs=flat.layers[0].output)
assert features.predict(np.ones((5, 2))).shape == (5, 3)
