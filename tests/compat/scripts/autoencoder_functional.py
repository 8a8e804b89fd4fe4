from keras.layers import Input, Dense
from keras.models import Model
from keras.datasets import mnist
import numpy as np
encoding_dim = 16
input_img = Input(shape=(784,))
encoded = Dense(encoding_dim, activation='relu')(input_img)
decoded = Dense(784, activation='sigmoid')(encoded)
autoencoder = Model(input=input_img, output=decoded)
encoder = Model(input_img, encoded)
encoded_input = Input(shape=(encoding_dim,))
decoder_layer = autoencoder.layers[-1]
decoder = Model(encoded_input, decoder_layer(encoded_input))
autoencoder.compile(optimizer='adadelta', loss='binary_crossentropy')
(x_train, _), (x_test, _) = mnist.load_data()
x_train = x_train.astype('float32').reshape((len(x_train), np.prod(x_train.shape[1:]))) / 255.
h = autoencoder.fit(x_train, x_train, epochs=2, batch_size=20, shuffle=True, validation_data=(x_train, x_train), verbose=0)
assert h.history['val_loss'][1] < h.history['val_loss'][0]
codes = encoder.predict(x_train)
assert codes.shape == (60, 16)
assert np.allclose(decoder.predict(codes), autoencoder.predict(x_train), atol=1e-5)
