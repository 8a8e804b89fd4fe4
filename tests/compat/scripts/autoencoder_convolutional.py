from keras.layers import Input, Conv2D, MaxPooling2D, UpSampling2D
from keras.layers.convolutional import Conv2DTranspose
from keras.models import Model
import numpy as np
input_img = Input(shape=(8, 8, 1), name='image', dtype='float32')
x = Conv2D(4, (3, 3), activation='relu', padding='same')(input_img)
encoded = MaxPooling2D((2, 2), padding='same', name='code')(x)
x = Conv2D(4, (3, 3), (1, 1), padding='same')(encoded)
x = UpSampling2D(size=(2, 2))(x)
decoded = Conv2D(1, (3, 3), activation='sigmoid', padding='same', name='picture')(x)
m = Model(input_img, decoded, name='auto')
m.compile('adam', 'mse')
assert m.name == 'auto' and m.output_shape == (None, 8, 8, 1)
up = Model(input_img, Conv2DTranspose(filters=2, kernel_size=3, strides=(2, 2), padding='same', activation='relu')(input_img))
assert up.output_shape == (None, 16, 16, 2)
p = Conv2DTranspose(3, (2, 2), strides=2)(input_img)
assert Model(input_img, p).output_shape == (None, 16, 16, 3)
data = np.random.RandomState(0).rand(4, 8, 8, 1)
first = m.evaluate(data, data, verbose=0)
m.fit(data, data, epochs=5, verbose=0)
assert m.evaluate(data, data, verbose=0) < first
