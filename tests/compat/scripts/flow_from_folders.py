import os
import numpy as np
from keras.preprocessing.image import ImageDataGenerator, array_to_img
from keras.models import Sequential
from keras.layers import Flatten, Dense
for label in ['cats', 'dogs']:
    os.makedirs('train/' + label)
    for i in range(3):
        array_to_img(np.full((6, 6, 3), 200. if label == 'dogs' else 20.), scale=False).save('train/%s/%d.png' % (label, i))
gen = ImageDataGenerator(rescale=1. / 255, shear_range=0., zoom_range=0.)
flow = gen.flow_from_directory('train', target_size=(5, 5), batch_size=3, class_mode='binary')
assert flow.class_indices == {'cats': 0, 'dogs': 1}
x, y = next(flow)
assert x.shape == (3, 5, 5, 3) and x.max() <= 1
m = Sequential([Flatten(input_shape=(5, 5, 3)), Dense(1, activation='sigmoid')])
m.compile('rmsprop', 'binary_crossentropy', metrics=['accuracy'])
h = m.fit_generator(flow, steps_per_epoch=2, epochs=2, verbose=0, validation_data=flow, validation_steps=1)
assert len(h.history['val_acc']) == 2
