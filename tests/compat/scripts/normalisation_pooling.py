from keras.layers.pooling import MaxPooling2D
from keras.layers.convolutional import AveragePooling2D, MaxPooling3D
from keras.layers import AveragePooling2D as A
from keras.layers.noise import AlphaDropout
from keras.layers import Dropout, Activation, Dense
from keras.models import Sequential
import numpy as np
m = Sequential()
m.add(MaxPooling2D(pool_size=(2, 2), strides=2, input_shape=(4, 4, 1), data_format='channels_last'))
x = np.arange(16.).reshape(1, 4, 4, 1)
assert m.predict(x).ravel().tolist() == [5, 7, 13, 15]
a = Sequential([AveragePooling2D(pool_size=(2, 2), input_shape=(4, 4, 1))])
assert a.predict(x).ravel().tolist() == [2.5, 4.5, 10.5, 12.5]
s = Sequential()
s.add(Dense(4, input_dim=3, kernel_initializer='lecun_normal', activation='selu'))
s.add(AlphaDropout(0.1))
s.add(Dropout(rate=0.5, seed=3))
s.add(Activation('relu'))
assert (s.predict(np.ones((2, 3))) == s.predict(np.ones((2, 3)))).all()
d = Sequential([Dropout(0.2, input_shape=(60,))])
assert (d.predict(np.ones((1, 60))) == 1).all()
b = Sequential([MaxPooling3D((2, 2, 2), input_shape=(4, 4, 4, 1))])
assert b.output_shape == (None, 2, 2, 2, 1)
