# the loss is written with symbols; encoder and decoder are models of the same layers; fit has no targets
from __future__ import absolute_import, division, print_function
from keras.layers import Lambda, Input, Dense
from keras.models import Model
from keras.losses import mse, binary_crossentropy
from keras import backend as K
import numpy as np

np.random.seed(2)

def sampling(args):
    z_mean, z_log_var = args
    batch = K.shape(z_mean)[0]
    dim = K.int_shape(z_mean)[1]
    epsilon = K.random_normal(shape=(batch, dim))
    return z_mean + K.exp(0.5 * z_log_var) * epsilon

original_dim, intermediate_dim, latent_dim = 16, 24, 2
kinds = np.repeat(np.array([[1, 0], [0, 1]]), 8, axis=1)
x_train = kinds[np.random.randint(0, 2, 200)].astype('float32')

inputs = Input(shape=(original_dim,), name='encoder_input')
x = Dense(intermediate_dim, activation='relu')(inputs)
z_mean = Dense(latent_dim, name='z_mean')(x)
z_log_var = Dense(latent_dim, name='z_log_var')(x)
z = Lambda(sampling, output_shape=(latent_dim,), name='z')([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name='encoder')
latent_inputs = Input(shape=(latent_dim,), name='z_sampling')
x = Dense(intermediate_dim, activation='relu')(latent_inputs)
outputs = Dense(original_dim, activation='sigmoid')(x)
decoder = Model(latent_inputs, outputs, name='decoder')
outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name='vae_mlp')

for use_mse in (False, True):
    models = (encoder, decoder)
    reconstruction_loss = mse(inputs, outputs) if use_mse else binary_crossentropy(inputs, outputs)
    reconstruction_loss *= original_dim
    kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
    kl_loss = K.sum(kl_loss, axis=-1)
    kl_loss *= -0.5
    vae_loss = K.mean(reconstruction_loss + kl_loss)
    if not use_mse:
        vae.add_loss(vae_loss)
        vae.compile(optimizer='adam', loss=None)
        hist = vae.fit(x_train, epochs=60, batch_size=20, verbose=0, validation_data=(x_train, None))
        loss = hist.history['loss']
        assert sorted(hist.history) == ['loss', 'val_loss'] and loss[-1] < 0.8 * loss[0], (loss[0], loss[-1])
    value = K.function([inputs], [vae_loss, kl_loss])([x_train])
    mean, log_var, _ = encoder.predict(x_train)
    kl = -0.5 * (1 + log_var - mean ** 2 - np.exp(log_var)).sum(axis=1)
    assert np.allclose(value[1], kl, atol=1e-3) and value[0] > kl.mean()
assert abs(vae.evaluate(x_train, None, verbose=0) - hist.history['val_loss'][-1]) < 2
assert decoder.predict(np.zeros((3, 2))).shape == (3, original_dim)
assert vae.count_params() == encoder.count_params() + decoder.count_params()
