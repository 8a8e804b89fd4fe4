from __future__ import print_function
from keras.preprocessing import sequence
from keras.models import Sequential
from keras.layers import Dense, Embedding
from keras.layers import LSTM
from keras.datasets import imdb

max_features = 100
maxlen = 12
(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=max_features, seed=113)
assert max(max(x) for x in x_train) < max_features
x_train = sequence.pad_sequences(x_train, maxlen=maxlen)
x_test = sequence.pad_sequences(x_test, maxlen=maxlen)
print('x_train shape:', x_train.shape)
model = Sequential()
model.add(Embedding(max_features, 8))
model.add(LSTM(6, dropout=0.2, recurrent_dropout=0.2))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(x_train, y_train, batch_size=25, epochs=1, validation_data=(x_test, y_test), verbose=2)
score, acc = model.evaluate(x_test, y_test, batch_size=30, verbose=0)
assert model.count_params() == 800 + 4 * (6 * (8 + 6) + 6) + 7
