import numpy as np
from keras.models import Sequential
from keras.layers import Conv3D, MaxPooling3D, ZeroPadding3D, Flatten, Dense
from keras.layers.convolutional import Convolution3D, AveragePooling3D
from keras.layers import Convolution3D as C3
assert C3 == Convolution3D
new = Sequential()
new.add(ZeroPadding3D(padding=(0, 0, 1), input_shape=(5, 5, 6, 1)))
new.add(Conv3D(2, (3, 3, 3), strides=(1, 1, 2), kernel_initializer='he_normal', kernel_regularizer='l2', activation='relu'))
new.add(AveragePooling3D(pool_size=(1, 1, 2), strides=(1, 1, 1)))
new.add(MaxPooling3D((1, 1, 2)))
assert [l.output_shape for l in new.layers] == [(None, 5, 5, 8, 1), (None, 3, 3, 3, 2), (None, 3, 3, 2, 2), (None, 3, 3, 1, 2)]
old = Sequential()
old.add(Convolution3D(nb_filter=3, kernel_dim1=2, kernel_dim2=2, kernel_dim3=3, border_mode='valid', subsample=(1, 1, 1),
                      init='he_normal', W_regularizer='l2', activation='relu', dim_ordering='tf', input_shape=(4, 4, 5, 1)))
assert old.output_shape == (None, 3, 3, 3, 3)
old.add(Flatten())
old.add(Dense(2, activation='softmax'))
old.compile(loss='mse', optimizer='sgd', metrics=['accuracy'])
x = np.random.RandomState(1).rand(4, 4, 4, 5, 1)
assert len(old.evaluate(x, np.eye(2)[[0, 1, 0, 1]], verbose=0)) == 2
