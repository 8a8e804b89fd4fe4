from keras.models import Sequential
from keras.layers import Dense
model = Sequential()
model.add(Dense(4, input_dim=2, activation='tanh'))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='sgd', metrics=['accuracy'])
h = model.fit(x=[[0, 0], [0, 1], [1, 0], [1, 1]], y=[[0], [1], [1], [1]], epochs=2, batch_size=2, verbose=0)
assert len(h.history['loss']) == 2
