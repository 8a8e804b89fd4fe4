# Keras-1 names with the keywords of Keras 2, as in a half converted course
import numpy as np
from keras.models import Sequential
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.core import Flatten, Dense, Dropout
import keras.backend as K

K.set_image_data_format('channels_first')
model = Sequential()
model.add(Convolution2D(filters=3, kernel_size=(5, 5), strides=(2, 2), padding='same', activation='relu',
                        kernel_initializer='he_normal', use_bias=False, data_format='channels_first',
                        kernel_constraint=None, batch_input_shape=(None, 1, 12, 12)))
model.add(MaxPooling2D((2, 2), (2, 2), 'same'))
model.add(Convolution2D(2, (2, 2)))
model.add(Flatten(name='flat'))
model.add(Dense(3, activation='softmax'))
assert model.layers[0].output_shape == (None, 3, 6, 6)
assert len(model.layers[0].get_weights()) == 1
assert model.layers[1].output_shape == (None, 3, 3, 3)
assert model.get_layer(name='flat').output_shape == (None, 8)
model.compile(loss='sparse_categorical_crossentropy', optimizer='sgd', metrics=['acc'])
x = np.random.RandomState(0).rand(9, 1, 12, 12)
y = np.arange(9) % 3
h = model.fit(x, y, epochs=1, batch_size=3, verbose=0, shuffle=False)
assert list(h.history) == ['loss', 'acc'] or sorted(h.history) == ['acc', 'loss']
