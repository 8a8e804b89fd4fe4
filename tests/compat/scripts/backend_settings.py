import keras.backend as K
from keras import backend
import numpy as np
assert K is backend
assert K.floatx() == 'float32' and K.epsilon() == 1e-7 or K.epsilon() == 1e-8
K.set_epsilon(1e-5)
assert K.epsilon() == 1e-5
assert K.image_dim_ordering() == 'tf' and K.image_data_format() == 'channels_last'
K.set_image_dim_ordering('th')
assert K.image_data_format() == 'channels_first'
K.set_image_data_format('channels_last')
assert K.image_dim_ordering() == 'tf'
from keras.layers import Input, Dense
a = Input(shape=(3, 4))
assert K.int_shape(a) == (None, 3, 4)
K.clear_session()
assert Dense(1).name == 'dense_1'
v = K.variable(np.ones((2, 2)))
K.set_value(v, np.zeros((2, 2)))
assert K.get_value(v).sum() == 0
