from __future__ import print_function
from six.moves import range, zip
import os
import numpy as np
from keras.engine.training import slice_X
from keras.layers import Activation, TimeDistributed, Dense, RepeatVector, recurrent
from keras.models import Sequential
from keras.utils.data_utils import get_file
open('sums.txt', 'w').write('\n'.join('%d+%d=%d' % (a, b, a + b) for a in range(9) for b in range(9)))
path = get_file('sums.txt', origin='file://' + os.path.abspath('sums.txt'))
questions, answers = zip(*[line.split('=') for line in open(path).read().split('\n')])
chars = '0123456789+ '
X = np.array([[[c == d for d in chars] for c in q] for q in questions])
y = np.array([[[c == d for d in chars] for c in a.ljust(2)] for a in answers])
(X_train, X_val), (y_train, y_val) = (slice_X(X, 0, 70), slice_X(X, 70)), (slice_X(y, 0, 70), slice_X(y, 70))
RNN = recurrent.LSTM
model = Sequential()
model.add(RNN(16, input_shape=(3, len(chars))))
model.add(RepeatVector(2))
model.add(RNN(16, return_sequences=True))
model.add(TimeDistributed(Dense(len(chars))))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
h = model.fit(X_train, y_train, batch_size=10, nb_epoch=8, validation_data=(X_val, y_val), verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0]
guess = model.predict_classes(X_val[:1], verbose=0)
assert guess.shape == (1, 2)
