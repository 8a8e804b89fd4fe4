from keras.datasets import imdb
from keras.models import Sequential
from keras.layers.core import Dense, Dropout, Activation
from keras.layers.embeddings import Embedding
from keras.layers.recurrent import LSTM, GRU, SimpleRNN
from keras.preprocessing import sequence

(X_train, y_train), (X_test, y_test) = imdb.load_data(nb_words=50)
X_train = sequence.pad_sequences(X_train, maxlen=10)
assert X_train.shape == (50, 10) and X_train.max() < 50
model = Sequential()
model.add(Embedding(input_dim=50, output_dim=6, input_length=10, dropout=0.2, init='uniform', W_regularizer='l2'))
model.add(LSTM(output_dim=5, dropout_W=0.2, dropout_U=0.2, return_sequences=True, consume_less='gpu'))
model.add(GRU(output_dim=4, W_regularizer='l2', U_regularizer='l2', b_regularizer='l2', return_sequences=True))
model.add(SimpleRNN(output_dim=3, init='normal', inner_init='identity', activation='relu'))
model.add(Dense(1))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam')
assert [l.output_shape for l in model.layers[:4]] == [(None, 10, 6), (None, 10, 5), (None, 10, 4), (None, 3)]
import numpy as np
assert np.array_equal(model.layers[3].get_weights()[1], np.eye(3))
h = model.fit(X_train, y_train, batch_size=25, nb_epoch=1, verbose=0)
assert np.isfinite(h.history['loss'][0])
words = imdb.get_word_index()
assert words['word7'] == 7 and len(words.items()) == 199
