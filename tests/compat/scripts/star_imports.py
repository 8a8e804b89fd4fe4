from keras.models import *
from keras.layers import *
from keras.callbacks import *
from keras.optimizers import *
import numpy as np
inputs = Input((8, 8, 1))
conv1 = Conv2D(2, 3, activation='relu', padding='same', kernel_initializer='he_normal')(inputs)
pool1 = MaxPooling2D(pool_size=(2, 2))(conv1)
up = UpSampling2D(size=(2, 2))(pool1)
merged = concatenate([conv1, up], axis=3)
out = Conv2D(1, 1, activation='sigmoid')(merged)
model = Model(input=inputs, output=out)
model.compile(optimizer=Adam(lr=1e-3), loss='binary_crossentropy', metrics=['accuracy'])
x = np.random.RandomState(0).rand(3, 8, 8, 1)
y = (x > .5).astype(float)
h = model.fit(x, y, batch_size=1, nb_epoch=1, verbose=0, callbacks=[ModelCheckpoint('unet.hdf5', monitor='loss', verbose=0, save_best_only=True)])
import os
assert os.path.exists('unet.hdf5') and 0 <= h.history['acc'][0] <= 1
