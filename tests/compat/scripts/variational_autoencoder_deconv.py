# images; a layer without weights adds the loss, reads the encoder's results, and no output has a loss
import numpy as np
from keras.layers import Input, Dense, Lambda, Flatten, Reshape, Layer
from keras.layers import Conv2D, Conv2DTranspose
from keras.models import Model
from keras import backend as K
from keras import metrics
np.random.seed(5)
img_rows, img_cols, img_chns = 8, 8, 1
filters, num_conv, batch_size, latent_dim, intermediate_dim, epsilon_std, epochs = 4, 3, 10, 2, 16, 1.0, 12
if K.image_data_format() == 'channels_first':
    original_img_size = (img_chns, img_rows, img_cols)
else:
    original_img_size = (img_rows, img_cols, img_chns)
x = Input(shape=original_img_size)
conv_1 = Conv2D(filters, kernel_size=(2, 2), padding='same', activation='relu', strides=(2, 2))(x)
conv_2 = Conv2D(filters, kernel_size=num_conv, padding='same', activation='relu', strides=1)(conv_1)
flat = Flatten()(conv_2)
hidden = Dense(intermediate_dim, activation='relu')(flat)
z_mean = Dense(latent_dim)(hidden)
z_log_var = Dense(latent_dim)(hidden)
def sampling(args):
    z_mean, z_log_var = args
    epsilon = K.random_normal(shape=(K.shape(z_mean)[0], latent_dim), mean=0., stddev=epsilon_std)
    return z_mean + K.exp(z_log_var) * epsilon
z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_var])
decoder_hid = Dense(intermediate_dim, activation='relu')
decoder_upsample = Dense(filters * 4 * 4, activation='relu')
output_shape = (batch_size, filters, 4, 4) if K.image_data_format() == 'channels_first' else (batch_size, 4, 4, filters)
decoder_reshape = Reshape(output_shape[1:])
decoder_deconv = Conv2DTranspose(filters, kernel_size=num_conv, padding='same', strides=(2, 2), activation='relu')
decoder_mean_squash = Conv2D(img_chns, kernel_size=2, padding='same', activation='sigmoid')
x_decoded_mean_squash = decoder_mean_squash(decoder_deconv(decoder_reshape(decoder_upsample(decoder_hid(z)))))
class CustomVariationalLayer(Layer):
    def __init__(self, **kwargs):
        self.is_placeholder = True
        super(CustomVariationalLayer, self).__init__(**kwargs)
    def vae_loss(self, x, x_decoded_mean_squash):
        x = K.flatten(x)
        x_decoded_mean_squash = K.flatten(x_decoded_mean_squash)
        xent_loss = img_rows * img_cols * metrics.binary_crossentropy(x, x_decoded_mean_squash)
        kl_loss = - 0.5 * K.mean(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
        return K.mean(xent_loss + kl_loss)
    def call(self, inputs):
        x = inputs[0]
        x_decoded_mean_squash = inputs[1]
        loss = self.vae_loss(x, x_decoded_mean_squash)
        self.add_loss(loss, inputs=inputs)
        return x
y = CustomVariationalLayer()([x, x_decoded_mean_squash])
vae = Model(x, y)
vae.compile(optimizer='rmsprop', loss=None)
X = np.zeros((100,) + original_img_size)
X[:50, :4] = 1
X[50:, 4:] = 1
hist = vae.fit(X, shuffle=True, epochs=epochs, batch_size=batch_size, verbose=0, validation_data=(X[:20], None))
loss = hist.history['loss']
assert loss[-1] < 0.9 * loss[0] and 'val_loss' in hist.history, loss
encoder = Model(x, z_mean)
assert encoder.predict(X, batch_size=batch_size).shape == (100, latent_dim)
decoder_input = Input(shape=(latent_dim,))
d = decoder_mean_squash(decoder_deconv(decoder_reshape(decoder_upsample(decoder_hid(decoder_input)))))
generator = Model(decoder_input, d)
assert generator.predict(np.zeros((1, latent_dim))).shape == (1,) + original_img_size
assert (vae.predict(X[:3]) == X[:3]).all()
