# two models that train against each other; the second is frozen within the first
import numpy as np
from keras.layers import Input, Dense, Reshape, Flatten, Dropout, BatchNormalization, Activation, ZeroPadding2D
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.convolutional import UpSampling2D, Conv2D
from keras.models import Sequential, Model
from keras.optimizers import Adam
np.random.seed(0)
class GAN():
    def __init__(self):
        optimizer = Adam(0.0002, 0.5)
        self.discriminator = self.build_discriminator()
        self.discriminator.compile(loss='binary_crossentropy', optimizer=optimizer, metrics=['accuracy'])
        self.generator = self.build_generator()
        z = Input(shape=(10,))
        img = self.generator(z)
        self.discriminator.trainable = False
        valid = self.discriminator(img)
        self.combined = Model(z, valid)
        self.combined.compile(loss='binary_crossentropy', optimizer=optimizer)
    def build_generator(self):
        model = Sequential()
        model.add(Dense(2 * 2 * 4, activation='relu', input_dim=10))
        model.add(Reshape((2, 2, 4)))
        model.add(UpSampling2D())
        model.add(Conv2D(4, kernel_size=3, padding='same'))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Activation('relu'))
        model.add(Conv2D(1, kernel_size=3, padding='same'))
        model.add(Activation('tanh'))
        noise = Input(shape=(10,))
        return Model(noise, model(noise))
    def build_discriminator(self):
        model = Sequential()
        model.add(Conv2D(4, kernel_size=3, strides=2, input_shape=(4, 4, 1), padding='same'))
        model.add(ZeroPadding2D(padding=((0, 1), (0, 1))))
        model.add(LeakyReLU(alpha=0.2))
        model.add(Dropout(0.25))
        model.add(Flatten())
        model.add(Dense(1, activation='sigmoid'))
        img = Input(shape=(4, 4, 1))
        return Model(img, model(img))
gan = GAN()
for epoch in range(2):
    real = np.random.rand(6, 4, 4, 1) * 2 - 1
    fake = gan.generator.predict(np.random.normal(0, 1, (6, 10)))
    assert fake.shape == (6, 4, 4, 1)
    d_before = [w.copy() for w in gan.discriminator.get_weights()]
    d_loss = 0.5 * np.add(gan.discriminator.train_on_batch(real, np.ones((6, 1))), gan.discriminator.train_on_batch(fake, np.zeros((6, 1))))
    d_after = [w.copy() for w in gan.discriminator.get_weights()]
    assert any((a != b).any() for a, b in zip(d_before, d_after))
    g_loss = gan.combined.train_on_batch(np.random.normal(0, 1, (6, 10)), np.ones((6, 1)))
    assert all(np.array_equal(a, b) for a, b in zip(d_after, gan.discriminator.get_weights()))
    print("%d [D loss: %f, acc.: %.2f%%] [G loss: %f]" % (epoch, d_loss[0], 100 * d_loss[1], g_loss))
