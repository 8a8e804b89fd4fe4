# the divergence is announced by a layer of one's own; the noise is drawn in a Lambda
import numpy as np
from keras import backend as K
from keras.layers import Input, Dense, Lambda, Layer, Add, Multiply
from keras.models import Model, Sequential
np.random.seed(0)
original_dim, latent_dim = 20, 2
def nll(y_true, y_pred):
    return K.sum(K.binary_crossentropy(y_true, y_pred), axis=-1)
class KLDivergenceLayer(Layer):
    def __init__(self, *args, **kwargs):
        self.is_placeholder = True
        super(KLDivergenceLayer, self).__init__(*args, **kwargs)
    def call(self, inputs):
        mu, log_var = inputs
        kl_batch = - .5 * K.sum(1 + log_var - K.square(mu) - K.exp(log_var), axis=-1)
        self.add_loss(K.mean(kl_batch), inputs=inputs)
        return inputs
x = Input(shape=(original_dim,))
h = Dense(16, activation='relu')(x)
mu, log_var = KLDivergenceLayer()([Dense(latent_dim)(h), Dense(latent_dim)(h)])
sigma = Lambda(lambda t: K.exp(.5 * t))(log_var)
eps = Lambda(lambda t: K.random_normal(stddev=1.0, shape=(K.shape(t)[0], latent_dim)))(mu)
z = Add()([mu, Multiply()([sigma, eps])])
decoder = Sequential([Dense(16, input_dim=latent_dim, activation='relu'), Dense(original_dim, activation='sigmoid')])
vae = Model(inputs=x, outputs=decoder(z))
vae.compile(optimizer='rmsprop', loss=nll)
X = (np.random.rand(60, 1) > .5) * np.ones((1, original_dim))
hist = vae.fit(X, X, epochs=30, batch_size=10, verbose=0)
assert hist.history['loss'][-1] < 0.92 * hist.history['loss'][0]
m, v = Model(x, [mu, log_var]).predict(X)
kl = (-.5 * (1 + v - m ** 2 - np.exp(v)).sum(1)).mean()
assert kl > 0
assert vae.evaluate(X, X, verbose=0) > kl
encoder = Model(x, mu)
assert encoder.predict(X).shape == (60, 2) and decoder.predict(np.zeros((1, 2))).shape == (1, original_dim)
