import numpy as np
from keras import regularizers
from keras.constraints import maxnorm
from keras.models import Sequential
from keras.layers import Conv2D, Conv2DTranspose, Permute, Convolution2D, Reshape
from keras.layers.convolutional import Conv1D

kernel, bias = np.zeros((3, 3, 1, 2)), np.array([1., -1.])
m = Sequential()
m.add(Reshape((4, 4, 1), input_shape=(16,)))
m.add(Conv2D(filters=2, kernel_size=(3, 3), weights=[kernel, bias], border_mode='same', kernel_constraint=maxnorm(2),
             kernel_regularizer=regularizers.l2(l=0.01)))
m.add(Permute((3, 1, 2)))
m.add(Conv2DTranspose(1, 2, data_format='channels_first'))
assert m.layers[1].input_shape == (None, 4, 4, 1)
assert m.output_shape == (None, 1, 5, 5)
features = Sequential(m.layers[:2])
assert np.allclose(features.predict(np.ones((1, 16)))[0, :, :, 0], 1)
old = Sequential([Convolution2D(3, 2, 2, input_shape=(4, 4, 1))])
assert old.output_shape == (None, 3, 3, 3)
line = Sequential([Conv1D(2, 3, padding='causal', input_shape=(5, 1))])
assert line.output_shape == (None, 5, 2)
