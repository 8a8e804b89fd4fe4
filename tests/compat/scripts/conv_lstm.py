from keras.models import Sequential
from keras.layers.convolutional import Conv3D
from keras.layers.convolutional_recurrent import ConvLSTM2D
from keras.layers.normalization import BatchNormalization
import numpy as np
seq = Sequential()
seq.add(ConvLSTM2D(filters=3, kernel_size=(3, 3), input_shape=(None, 6, 6, 1), padding='same', return_sequences=True))
seq.add(BatchNormalization())
seq.add(ConvLSTM2D(nb_filter=2, nb_row=3, nb_col=3, border_mode='same', return_sequences=True))
seq.add(Conv3D(filters=1, kernel_size=(3, 3, 3), activation='sigmoid', padding='same', data_format='channels_last'))
seq.compile(loss='binary_crossentropy', optimizer='adadelta')
x = (np.random.RandomState(0).rand(2, 3, 6, 6, 1) > .5).astype('float')
a = seq.train_on_batch(x, x)
for _ in range(3):
    b = seq.train_on_batch(x, x)
assert b < a
assert seq.predict(x[:, :2]).shape == (2, 2, 6, 6, 1)
