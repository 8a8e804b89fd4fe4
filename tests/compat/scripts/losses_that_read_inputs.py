# weights of pixels as a second input that the loss alone reads; a Lambda and a layer that read other results
import numpy as np
from keras import backend as K
from keras.engine.topology import Layer
from keras.layers import Input, Dense, Lambda, LSTM, Conv2D
from keras.models import Model, Sequential
from keras.optimizers import RMSprop
np.random.seed(6)
image, weight_map = Input((6, 6, 1)), Input((6, 6, 1))
hidden = Conv2D(4, 3, padding='same', activation='relu')(image)
mask = Conv2D(1, 1, activation='sigmoid')(hidden)
def weighted_crossentropy(weights):
    def loss(y_true, y_pred):
        return K.mean(weights * K.binary_crossentropy(y_true, y_pred), axis=-1)
    return loss
model = Model(inputs=[image, weight_map], outputs=mask)
model.compile(optimizer='adam', loss=weighted_crossentropy(weight_map), metrics=['accuracy'])
X = np.random.rand(40, 6, 6, 1)
Y = (X > 0.5).astype('float32')
W = np.zeros_like(X)
W[:, :, :3] = 4
wrong = np.where(W > 0, Y, 1 - Y)  # right where it counts, wrong where it does not
hist = model.fit([X, W], wrong, epochs=100, batch_size=10, verbose=0)
assert hist.history['loss'][-1] < 0.8 * hist.history['loss'][0]
p = model.predict([X, W])
assert np.mean((p > 0.5)[:, :, :3] == (Y > 0.5)[:, :, :3]) > 0.8
assert np.mean((p > 0.5)[:, :, 3:] == (wrong > 0.5)[:, :, 3:]) < 0.4
loss, acc = model.evaluate([X, W], wrong, verbose=0)
q = np.clip(p, 1e-7, 1 - 1e-7)
assert abs(loss - np.mean(W * -(wrong * np.log(q) + (1 - wrong) * np.log(1 - q)))) < 1e-3

a, b = Input((3,)), Input((3,))
gate = Dense(3, activation='sigmoid')(b)
class Shift(Layer):
    def build(self, input_shape):
        self.s = self.add_weight(name='s', shape=(input_shape[-1],), initializer='zeros')
        super(Shift, self).build(input_shape)
    def call(self, x):
        return x + self.s * b
y = Shift()(Lambda(lambda x: x * gate)(a))
model = Model([a, b], y)
model.compile(RMSprop(lr=0.01), 'mse')
A, B = np.random.rand(64, 3), np.random.randn(64, 3)
hist = model.fit([A, B], A / (1 + np.exp(-B)) + 0.5 * B, epochs=150, verbose=0)
assert hist.history['loss'][-1] < 0.5 * hist.history['loss'][0]

rnn = Sequential([LSTM(4, stateful=True, batch_input_shape=(8, 5, 1)), Dense(1)])
rnn.compile('sgd', 'mse')
try:
    rnn.fit(np.zeros((20, 5, 1)), np.zeros((20, 1)), batch_size=8, verbose=0)
except ValueError as error:
    assert '20' in str(error)
else:
    raise AssertionError('20 samples are no whole number of batches of 8')
