from keras.callbacks import EarlyStopping
from keras.models import Sequential
from keras.layers import Dense
import numpy as np
model = Sequential()
model.add(Dense(1, input_dim=1, kernel_initializer='zeros'))
model.compile('sgd', 'mse', metrics=['mse'])
stop = EarlyStopping(monitor='loss', min_delta=0.0001, patience=1, verbose=0, mode='auto')
h = model.fit(np.zeros((4, 1)), np.zeros(4), epochs=20, verbose=0, callbacks=[stop])
assert len(h.epoch) <= 3
up = EarlyStopping('mean_squared_error', mode='max', patience=0)
assert len(model.fit(np.ones((4, 1)), np.ones(4), epochs=20, verbose=0, callbacks=[up]).epoch) < 20
