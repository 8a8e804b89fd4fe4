# word2vec by hand: an embedding, a mean, a softmax
import numpy as np
from keras.models import Sequential
from keras.layers.core import Dense, Lambda
from keras.layers.embeddings import Embedding
import keras.backend as K
np.random.seed(0)
model = Sequential()
model.add(Embedding(20, 6, embeddings_initializer='glorot_uniform', input_length=4))
model.add(Lambda(lambda x: K.mean(x, axis=1), output_shape=(6,)))
model.add(Dense(20, kernel_initializer='glorot_uniform', activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
x = np.random.randint(0, 20, (30, 4))
y = np.eye(20)[x[:, 0]]
h = model.fit(x, y, epochs=5, batch_size=6, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]
weights = model.layers[0].get_weights()[0]
assert weights.shape == (20, 6) and abs(weights).max() < 1
other = Sequential([Embedding(20, 6, embeddings_initializer='glorot_normal', weights=[weights], input_length=4)])
assert np.allclose(other.predict(x[:1])[0, 0], weights[x[0, 0]])
