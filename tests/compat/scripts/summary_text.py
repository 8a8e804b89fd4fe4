from __future__ import print_function
import sys
from keras.models import Sequential
from keras.layers import Dense, Activation, Conv2D, MaxPooling2D, Flatten
lines = []
model = Sequential()
model.add(Conv2D(20, kernel_size=5, padding='same', input_shape=(28, 28, 1)))
model.add(Activation('relu', name='ramp'))
model.add(MaxPooling2D(pool_size=(2, 2), strides=(2, 2), name='pool'))
model.add(Flatten())
model.add(Dense(10, name='out'))
model.summary(print_fn=lines.append)
text = '\n'.join(lines)
print(text)
assert 'conv2d_1 (Conv2D)            (None, 28, 28, 20)        520       ' in lines
assert 'Total params: 39,730' in text and all(len(l) <= 65 for l in lines)
assert 'flatten_1 (Flatten)' in text and 'ramp (Activation)' in text
