'''Adds numbers by characters: RepeatVector and TimeDistributed.'''
from keras.models import Sequential
from keras.engine.training import slice_X
from keras.layers import Activation, TimeDistributed, Dense, RepeatVector, recurrent
import numpy as np
np.random.seed(0)
chars = '0123456789+ '
RNN = recurrent.LSTM
def encode(text, n):
    text = text.ljust(n)
    return np.array([[c == k for k in chars] for c in text])
X, y = [], []
for i in range(40):
    a, b = np.random.randint(0, 9, 2)
    X.append(encode('%d+%d' % (a, b), 3))
    y.append(encode(str(a + b), 2))
X, y = np.array(X, 'bool'), np.array(y, 'bool')
split_at = len(X) - len(X) // 10
(X_train, X_val) = (slice_X(X, 0, split_at), slice_X(X, split_at))
assert len(X_train) == 36 and len(X_val) == 4
model = Sequential()
model.add(RNN(10, input_shape=(3, len(chars))))
model.add(RepeatVector(2))
for _ in range(1):
    model.add(RNN(10, return_sequences=True))
model.add(TimeDistributed(Dense(len(chars))))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
assert model.output_shape == (None, 2, 12)
h = model.fit(X_train, y[:36], batch_size=12, nb_epoch=2, validation_data=(X_val, y[36:]), verbose=0)
assert h.history['loss'][1] < h.history['loss'][0]
preds = model.predict_classes(X_val, verbose=0)
assert preds.shape == (4, 2)
