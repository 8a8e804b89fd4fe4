# transfer learning in two steps, and the layers of a known network by number and name
import numpy as np
from keras.applications.vgg16 import VGG16, preprocess_input
from keras.layers import Dense, Dropout, Flatten, GlobalAveragePooling2D
from keras.models import Model, Sequential
from keras.optimizers import SGD
np.random.seed(0)
base_model = VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
assert [layer.name for layer in base_model.layers[:3]] == ['input_1', 'block1_conv1', 'block1_conv2']
X, Y = preprocess_input(np.random.rand(4, 32, 32, 3) * 255), np.array([0, 0, 1, 1])
np.save(open('bottleneck.npy', 'wb'), base_model.predict(X))
features = np.load(open('bottleneck.npy', 'rb'))
top_model = Sequential()
top_model.add(Flatten(input_shape=features.shape[1:]))
top_model.add(Dense(8, activation='relu'))
top_model.add(Dropout(0.5))
top_model.add(Dense(1, activation='sigmoid'))
top_model.compile(optimizer='rmsprop', loss='binary_crossentropy', metrics=['accuracy'])
top_model.fit(features, Y, epochs=1, verbose=0)
top_model.save_weights('fc.h5')
top_model.load_weights('fc.h5')
model = Model(inputs=base_model.input, outputs=top_model(base_model.output))
for layer in model.layers[:15]:
    layer.trainable = False
model.compile(loss='binary_crossentropy', optimizer=SGD(lr=1e-2, momentum=0.9), metrics=['accuracy'])
frozen, free = base_model.get_layer('block1_conv1').get_weights()[0], top_model.layers[-1].get_weights()[1]
model.fit(X, Y, epochs=1, verbose=0)
assert np.array_equal(base_model.get_layer('block1_conv1').get_weights()[0], frozen)
assert (top_model.layers[-1].get_weights()[1] != free).any()
assert np.allclose(model.predict(X), top_model.predict(base_model.predict(X)), atol=1e-5)
