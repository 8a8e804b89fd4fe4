# the oldest way to ask for an accuracy
from __future__ import print_function
import numpy
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation
from keras.utils import np_utils

numpy.random.seed(7)
X = numpy.random.rand(40, 5)
labels = (X[:, 0] > .5).astype(int)
Y = np_utils.to_categorical(labels, 2)
model = Sequential()
model.add(Dense(6, init='he_normal', W_regularizer='l2', input_shape=(5,)))
model.add(Activation('relu'))
model.add(Dropout(0.1))
model.add(Dense(2, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy')
hist = model.fit(X, Y, nb_epoch=3, batch_size=8, show_accuracy=True, verbose=0)
score, accuracy = model.evaluate(X, Y, show_accuracy=True, verbose=0)
print('score', score, 'accuracy', accuracy)
assert sorted(hist.history) == ['acc', 'loss']
assert 0 <= accuracy <= 1
p = model.predict_classes(X, verbose=0)
assert abs((p == labels).mean() - accuracy) < 1e-6
