from keras.preprocessing import sequence
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation
from keras.layers import Embedding
from keras.layers import Conv1D, GlobalMaxPooling1D
from keras.layers.convolutional import MaxPooling1D
from keras.datasets import imdb
import numpy as np

(x_train, y_train), _ = imdb.load_data(num_words=60)
x_train = sequence.pad_sequences(x_train, maxlen=16, padding='post', dtype='int32')
assert (x_train[:, 0] > 0).all()
model = Sequential()
model.add(Embedding(60, 8, input_length=16))
model.add(Dropout(0.2))
model.add(Conv1D(6, 3, padding='valid', activation='relu', strides=1))
model.add(MaxPooling1D(pool_size=2, padding='same'))
model.add(Conv1D(filters=4, kernel_size=2, padding='same', activation='relu'))
model.add(GlobalMaxPooling1D())
model.add(Dense(1))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
assert model.layers[2].output_shape == (None, 14, 6) and model.layers[3].output_shape == (None, 7, 6)
h = model.fit(x_train, y_train, batch_size=10, epochs=2, verbose=0)
assert h.history['loss'][1] < h.history['loss'][0]
