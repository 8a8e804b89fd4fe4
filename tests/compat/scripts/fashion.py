from keras.datasets import fashion_mnist
from keras.models import Sequential
from keras.layers import Dense, Flatten, Activation
from keras.layers import BatchNormalization
from keras.layers.advanced_activations import LeakyReLU
from keras.utils import to_categorical
(train_X, train_Y), (test_X, test_Y) = fashion_mnist.load_data()
one_hot = to_categorical(train_Y, num_classes=10)
assert one_hot.shape == (60, 10)
assert to_categorical(train_Y, 10).reshape(-1).shape == (600,)
model = Sequential()
model.add(Flatten(input_shape=(28, 28)))
model.add(Dense(12, activation='linear'))
model.add(LeakyReLU(alpha=0.1))
model.add(BatchNormalization(momentum=0.8, axis=-1, epsilon=0.001, gamma_initializer='ones'))
model.add(Dense(10, activation='softmax'))
model.compile('adam', 'categorical_crossentropy', metrics=['accuracy'])
m = model.layers[3].get_weights()
h = model.fit(train_X / 255., one_hot, epochs=2, batch_size=20, verbose=0)
assert len(m) == 4 and (m[0] == 1).all() and (m[2] != model.layers[3].get_weights()[2]).any()
assert h.history['acc'][1] >= h.history['acc'][0]
