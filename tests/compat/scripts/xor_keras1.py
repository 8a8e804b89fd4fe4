# XOR with the spelling of Keras 0.3 / 1
import numpy as np
np.random.seed(0)
from keras.models import Sequential
from keras.layers.core import Dense, Activation
from keras.optimizers import SGD

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
y = np.array([[0], [1], [1], [0]], "float32")

model = Sequential()
model.add(Dense(output_dim=8, input_dim=2, init='glorot_normal'))
model.add(Activation('tanh'))
model.add(Dense(1))
model.add(Activation('sigmoid'))
sgd = SGD(lr=0.5, momentum=0.9, decay=1e-6, nesterov=True)
model.compile(loss='binary_crossentropy', optimizer=sgd, metrics=['accuracy'])
h = model.fit(X, y, nb_epoch=150, batch_size=4, verbose=0)
loss, acc = model.evaluate(X, y, batch_size=4, verbose=0)
print('loss %.3f acc %.2f' % (loss, acc))
assert h.history['loss'][-1] < h.history['loss'][0] / 2
assert acc == 1.0
assert len(h.history['acc']) == 150
