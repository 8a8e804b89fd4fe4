from keras.layers import Input, Dense, Embedding, Flatten, multiply, GaussianNoise, Reshape
from keras.models import Sequential, Model
from keras.layers import *
import numpy as np
noise = Input(shape=(4,))
label = Input(shape=(1,), dtype='int32')
label_embedding = Flatten()(Embedding(3, 4)(label))
joined = multiply([noise, label_embedding])
out = Dense(2, activation='softmax')(GaussianNoise(0.1)(joined))
model = Model([noise, label], out)
model.compile('adam', 'sparse_categorical_crossentropy')
x, l, y = np.ones((6, 4)), np.arange(6) % 3, np.arange(6) % 2
a = model.train_on_batch([x, l], y, class_weight={0: 1., 1: 0.})
b = model.evaluate([x, l], y, verbose=0)
assert a != b
assert np.allclose(model.predict([x, l]).sum(1), 1, atol=1e-5)
