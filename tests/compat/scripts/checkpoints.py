import os
import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.callbacks import ModelCheckpoint
seed = 7
np.random.seed(seed)
X = np.random.rand(40, 3)
Y = (X[:, 0] > 0.5).astype(int)
model = Sequential()
model.add(Dense(8, input_dim=3, kernel_initializer='uniform', activation='relu'))
model.add(Dense(1, kernel_initializer='uniform', activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
filepath = "weights-improvement-{epoch:02d}-{val_acc:.2f}.hdf5"
checkpoint = ModelCheckpoint(filepath, monitor='val_acc', verbose=1, save_best_only=True, mode='max')
last = ModelCheckpoint(filepath='weights.best.hdf5', monitor='val_loss', save_best_only=True, mode='min')
auto = ModelCheckpoint('auto.h5', monitor='acc', mode='auto', save_weights_only=True)
model.fit(X, Y, validation_split=0.33, epochs=3, batch_size=10, callbacks=[checkpoint, last, auto], verbose=0)
names = os.listdir('.')
assert any(n.startswith('weights-improvement-01-0.') for n in names), names
assert 'auto.h5' in names
before = model.predict(X)
copy = Sequential()
copy.add(Dense(8, input_dim=3, activation='relu'))
copy.add(Dense(1, activation='sigmoid'))
copy.load_weights('auto.h5')
assert np.allclose(copy.predict(X), before)
