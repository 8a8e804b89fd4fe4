# every optimizer by name and by class lowers the loss
import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.optimizers import SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam
from keras.optimizers import adam, rmsprop

np.random.seed(3)
X = np.random.normal(size=(32, 4))
Y = X.dot(np.array([1., -2., 0.5, 3.]))[:, None]

def build(optimizer):
    model = Sequential()
    model.add(Dense(8, input_dim=4, activation='tanh'))
    model.add(Dense(1))
    model.compile(loss='mean_squared_error', optimizer=optimizer, metrics=['mse', 'mae'])
    return model

for name in ['SGD', 'sgd', 'rmsprop', 'RMSprop', 'adagrad', 'adadelta', 'Adam', 'adam', 'adamax', 'nadam']:
    h = build(name).fit(X, Y, epochs=2, batch_size=8, verbose=0)
    assert h.history['loss'][1] < h.history['loss'][0], name
for opt in [SGD(lr=0.01, decay=1e-4, momentum=0.5, nesterov=False), RMSprop(lr=0.01, rho=0.8, epsilon=1e-6, decay=1e-3),
            RMSprop(lr=0.01, clipvalue=0.5), Adagrad(lr=0.05), Adadelta(), Adam(0.01, 0.5), Adamax(lr=0.01), Nadam(),
            adam(lr=0.01), rmsprop(lr=0.001, decay=1e-6), SGD(lr=.01, clipnorm=1.)]:
    h = build(opt).fit(X, Y, epochs=2, batch_size=8, verbose=0)
    assert h.history['loss'][1] < h.history['loss'][0], opt
    assert set(h.history) == {'loss', 'mean_squared_error', 'mean_absolute_error'}
config = Adam(lr=0.002).get_config()
assert abs(config['lr'] - 0.002) < 1e-9 and config['beta_1'] == 0.9 or abs(config['beta_1'] - 0.9) < 1e-6
