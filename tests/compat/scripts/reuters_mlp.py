'''A MLP on bags of words.'''
import numpy as np
import keras
from keras.datasets import reuters
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation
from keras.preprocessing.text import Tokenizer

max_words = 80
(x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=max_words, test_split=0.2, maxlen=30)
num_classes = np.max(y_train) + 1
tokenizer = Tokenizer(num_words=max_words)
x_train = tokenizer.sequences_to_matrix(x_train, mode='binary')
x_test = tokenizer.sequences_to_matrix(x_test, mode='binary')
assert set(np.unique(x_train)) == {0., 1.} and x_train.shape[1] == max_words
y_train = keras.utils.to_categorical(y_train, num_classes)
model = Sequential()
model.add(Dense(16, input_shape=(max_words,)))
model.add(Activation('relu'))
model.add(Dropout(0.5))
model.add(Dense(num_classes))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
history = model.fit(x_train, y_train, batch_size=32, epochs=2, verbose=1, validation_split=0.1)
assert model.predict(x_test).shape == (len(x_test), num_classes)
index = reuters.get_word_index(path='reuters_word_index.json')
assert 'word3' in index
old = reuters.load_data(nb_words=20)
assert max(max(x) for x in old[0][0]) < 20
