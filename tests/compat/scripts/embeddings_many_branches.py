# entity embeddings: lists of arrays, an input each
from keras.models import Sequential, Model
from keras.layers import Embedding, Dense, Reshape, Input, concatenate, Flatten
import numpy as np
inputs, parts = [], []
for size in [4, 6, 3]:
    i = Input(shape=(1,))
    inputs.append(i)
    parts.append(Reshape(target_shape=(2,))(Embedding(size, 2, input_length=1)(i)))
x = concatenate(parts)
x = Dense(5, activation='relu')(x)
model = Model(inputs, Dense(1)(x))
model.compile(loss='mean_absolute_error', optimizer='adam')
r = np.random.RandomState(0)
X = [r.randint(0, n, 12) for n in [4, 6, 3]]
h = model.fit(X, r.rand(12), epochs=1, batch_size=4, verbose=0)
assert model.predict(X).shape == (12, 1) and model.count_params() == 8 + 12 + 6 + 35 + 6
