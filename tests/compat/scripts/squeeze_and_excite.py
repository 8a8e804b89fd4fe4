# shapes of results are read while the model is built
import numpy as np
from keras import backend as K
from keras.layers import *
from keras.layers.merge import add
from keras.models import Model
from keras.regularizers import l2
def squeeze_excite_block(init, ratio=4):
    channel_axis = 1 if K.image_data_format() == "channels_first" else -1
    filters = init._keras_shape[channel_axis]
    se = GlobalAveragePooling2D()(init)
    se = Reshape((1, 1, filters))(se)
    se = Dense(filters // ratio, activation='relu', kernel_initializer='he_normal', use_bias=False)(se)
    se = Dense(filters, activation='sigmoid', kernel_initializer='he_normal', use_bias=False)(se)
    return multiply([init, se])
def bottleneck(x, f, stride):
    shortcut = x
    y = Conv2D(f, (1, 1), strides=stride, padding='same', kernel_regularizer=l2(1e-4))(x)
    y = Conv2D(f * 2, 3, padding='same')(LeakyReLU(.1)(BatchNormalization(axis=-1)(y)))
    if K.int_shape(shortcut)[-1] != f * 2 or stride != 1:
        shortcut = Conv2D(f * 2, 1, strides=stride)(shortcut)
    return PReLU(shared_axes=[1, 2])(add([y, shortcut]))
inp = Input((8, 8, 3))
x = bottleneck(squeeze_excite_block(bottleneck(inp, 4, 1)), 4, 2)
assert x.get_shape().as_list() == [None, 4, 4, 8]
assert int(x.shape[3]) == 8 and x.get_shape()[1].value == 4 and tuple(x.shape) == K.int_shape(x)
x = Flatten()(Reshape((int(x.shape[1]) * int(x.shape[2]), int(x.shape[3])))(x))
m = Model(inp, Dense(1, name='out')(x))
m.compile('adam', 'mse')
h = m.fit(np.random.rand(8, 8, 8, 3), np.random.rand(8), epochs=3, batch_size=4, verbose=0)
assert len(h.history['loss']) == 3 and m.output_shape == (None, 1)
