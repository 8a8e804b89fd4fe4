import numpy as np
from keras.models import Sequential
from keras.layers import Convolution1D, MaxPooling1D, GlobalAveragePooling1D, Dense
from keras.layers import Flatten
model = Sequential()
model.add(Convolution1D(nb_filter=5, filter_length=3, border_mode='valid', activation='relu', subsample_length=1,
                        input_shape=(10, 2)))
model.add(MaxPooling1D(pool_length=2))
model.add(Convolution1D(4, 2, activation='tanh'))
model.add(GlobalAveragePooling1D())
model.add(Dense(1))
model.compile('sgd', 'mse')
assert model.layers[0].output_shape == (None, 8, 5)
assert model.layers[1].output_shape == (None, 4, 5)
assert model.layers[2].output_shape == (None, 3, 4)
out = model.predict(np.ones((2, 10, 2)), batch_size=2, verbose=0)
assert out.shape == (2, 1) and out[0, 0] == out[1, 0]
from keras.layers import Conv1D
w = Conv1D(5, 3, strides=2, input_shape=(9, 2))
m2 = Sequential([w])
assert m2.output_shape == (None, 4, 5) and w.get_weights()[0].shape == (3, 2, 5)
