# as it was published for Keras 1: noise for a whole batch, and a loss that reads results of the encoder
import numpy as np
np.random.seed(1337)
from keras.layers import Input, Dense, Lambda
from keras.models import Model
from keras import backend as K
from keras import objectives

batch_size = 20
original_dim = 16
latent_dim = 2
intermediate_dim = 24
nb_epoch = 60
epsilon_std = 0.1

x = Input(batch_shape=(batch_size, original_dim))
h = Dense(intermediate_dim, activation='relu')(x)
z_mean = Dense(latent_dim)(h)
z_log_var = Dense(latent_dim)(h)

def sampling(args):
    z_mean, z_log_var = args
    epsilon = K.random_normal(shape=(batch_size, latent_dim), mean=0., std=epsilon_std)
    return z_mean + K.exp(z_log_var / 2) * epsilon

z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_var])
decoder_h = Dense(intermediate_dim, activation='relu')
decoder_mean = Dense(original_dim, activation='sigmoid')
h_decoded = decoder_h(z)
x_decoded_mean = decoder_mean(h_decoded)

def vae_loss(x, x_decoded_mean):
    xent_loss = original_dim * objectives.binary_crossentropy(x, x_decoded_mean)
    kl_loss = - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
    return xent_loss + kl_loss

vae = Model(x, x_decoded_mean)
vae.compile(optimizer='rmsprop', loss=vae_loss)

kinds = np.repeat(np.array([[1, 0], [0, 1]]), 8, axis=1)
x_train = kinds[np.random.randint(0, 2, 200)] * np.random.uniform(0.8, 1, (200, original_dim))
x_test = kinds[np.random.randint(0, 2, 100)] * np.random.uniform(0.8, 1, (100, original_dim))
hist = vae.fit(x_train, x_train, shuffle=True, nb_epoch=nb_epoch, batch_size=batch_size, verbose=0,
               validation_data=(x_test, x_test))
loss, val_loss = hist.history['loss'], hist.history['val_loss']
assert sorted(hist.history) == ['loss', 'val_loss'] and len(vae.outputs) == 1
assert loss[-1] < 0.7 * loss[0] and val_loss[-1] < 0.7 * val_loss[0], (loss[0], loss[-1])

encoder = Model(x, [z_mean, z_log_var])
mean, log_var = encoder.predict(x_test, batch_size=batch_size)
found = vae.predict(x_test, batch_size=batch_size)
kl = -0.5 * (1 + log_var - mean ** 2 - np.exp(log_var)).sum(axis=1).mean()
entropy = -(x_test * np.log(found) + (1 - x_test) * np.log(1 - found)).sum(axis=1).mean()
assert abs(kl + entropy - vae.evaluate(x_test, x_test, batch_size=batch_size, verbose=0)) < 0.2
assert abs(mean[x_test[:, 0] > 0.5].mean(axis=0) - mean[x_test[:, 0] < 0.5].mean(axis=0)).max() > 0.5

decoder_input = Input(shape=(latent_dim,))
_h_decoded = decoder_h(decoder_input)
_x_decoded_mean = decoder_mean(_h_decoded)
generator = Model(decoder_input, _x_decoded_mean)
picture = generator.predict(np.array([[0.05, 0.1]]))
assert picture.shape == (1, original_dim)

try:  # Keras failed in the last batch, too
    vae.fit(x_train[:30], x_train[:30], nb_epoch=1, batch_size=batch_size, verbose=0)
except ValueError:
    pass
else:
    raise AssertionError('30 samples are no whole number of batches of 20')
