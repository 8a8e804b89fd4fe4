# dropout with a limit on the weights, as a book shows it
import numpy
from keras.models import Sequential
from keras.layers import Dense, Dropout
from keras.constraints import maxnorm
from keras.optimizers import SGD
numpy.random.seed(7)
X = numpy.random.rand(30, 10)
Y = (X.mean(axis=1) > 0.5).astype(int)
model = Sequential()
model.add(Dropout(0.2, input_shape=(10,)))
model.add(Dense(12, kernel_initializer='normal', activation='relu', kernel_constraint=maxnorm(0.1)))
model.add(Dense(1, kernel_initializer='normal', activation='sigmoid'))
sgd = SGD(lr=0.1, momentum=0.9, decay=0.0, nesterov=False)
model.compile(loss='binary_crossentropy', optimizer=sgd, metrics=['accuracy'])
model.fit(X, Y, epochs=3, batch_size=10, verbose=0)
W = model.layers[1].get_weights()[0]
assert (numpy.sqrt((W ** 2).sum(axis=0)) < 0.1001).all()
