from keras import backend as K
K.set_image_dim_ordering('th')
import numpy as np
from keras.models import Sequential
from keras.layers import Convolution2D, MaxPooling2D, ZeroPadding2D, Flatten, Dense, Activation
from keras.constraints import maxnorm

np.random.seed(2)
assert K.image_dim_ordering() == 'th'
model = Sequential()
model.add(ZeroPadding2D(padding=(1, 1), input_shape=(3, 8, 8)))
model.add(Convolution2D(4, 3, 3, activation='relu', border_mode='valid', init='he_normal', W_constraint=maxnorm(3)))
model.add(Convolution2D(5, 3, 3, border_mode='same', subsample=(2, 2), W_regularizer='l2'))
model.add(MaxPooling2D(pool_size=(2, 2), strides=(1, 1), border_mode='valid'))
model.add(Flatten())
model.add(Dense(2))
model.add(Activation('softmax'))
shapes = [layer.output_shape for layer in model.layers]
print(shapes)
assert shapes[0] == (None, 3, 10, 10)
assert shapes[1] == (None, 4, 8, 8)
assert shapes[2] == (None, 5, 4, 4)
assert shapes[3] == (None, 5, 3, 3)
assert shapes[4] == (None, 45)
model.compile('adam', 'categorical_crossentropy')
x = np.random.rand(6, 3, 8, 8)
y = np.eye(2)[[0, 1, 0, 1, 0, 1]]
first = model.train_on_batch(x, y)
for _ in range(10):
    last = model.train_on_batch(x, y)
assert last < first
w = model.layers[1].get_weights()[0]
assert np.sqrt((w ** 2).sum(axis=0)).max() <= 3.0001
