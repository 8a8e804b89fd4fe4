import numpy
from keras.models import Sequential
from keras.layers import Dense, Dropout, LSTM
from keras.callbacks import ModelCheckpoint
from keras.utils import np_utils
raw_text = 'alice was beginning to get very tired ' * 2
chars = sorted(list(set(raw_text)))
char_to_int = dict((c, i) for i, c in enumerate(chars))
dataX, dataY = [], []
for i in range(0, len(raw_text) - 5, 1):
    dataX.append([char_to_int[char] for char in raw_text[i:i + 5]])
    dataY.append(char_to_int[raw_text[i + 5]])
X = numpy.reshape(dataX, (len(dataX), 5, 1)) / float(len(chars))
y = np_utils.to_categorical(dataY)
model = Sequential()
model.add(LSTM(6, input_shape=(X.shape[1], X.shape[2])))
model.add(Dropout(0.2))
model.add(Dense(y.shape[1], activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam')
checkpoint = ModelCheckpoint("weights-{epoch:02d}-{loss:.4f}.hdf5", monitor='loss', verbose=1, save_best_only=True, mode='min')
model.fit(X, y, epochs=1, batch_size=32, callbacks=[checkpoint], verbose=0)
import glob
(filename,) = glob.glob('weights-01-*.hdf5')
expected = model.predict(X[:1], verbose=0)
model.load_weights(filename)
assert numpy.array_equal(model.predict(X[:1], verbose=0), expected)
