from keras.preprocessing.image import ImageDataGenerator
from keras.models import Sequential
from keras.layers import Dense, Flatten
import numpy as np, os
np.random.seed(0)
X = np.random.rand(12, 6, 6, 1) + 5
y = np.arange(12) % 2
gen = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
gen.fit(X, augment=False, seed=3)
xb, yb = next(gen.flow(X, y, batch_size=12, shuffle=False))
assert abs(xb.mean()) < 1e-5 and abs(xb.std() - 1) < 1e-3
assert (yb == y).all()
flipped = next(ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True).flow(X, batch_size=12, shuffle=False))
assert abs(flipped[0].mean()) < 1e-5
os.mkdir('pictures')
saver = ImageDataGenerator(vertical_flip=True)
next(saver.flow(X, y, batch_size=3, save_to_dir='pictures', save_prefix='aug', save_format='png'))
assert len([n for n in os.listdir('pictures') if n.startswith('aug') and n.endswith('.png')]) == 3
white = ImageDataGenerator(zca_whitening=True)
white.fit(X)
wb = next(white.flow(X, y, batch_size=12, shuffle=False))[0]
assert wb.shape == X.shape and not np.allclose(wb, X)
model = Sequential()
model.add(Flatten(input_shape=(6, 6, 1)))
model.add(Dense(1, activation='sigmoid'))
model.compile('sgd', 'binary_crossentropy')
h = model.fit_generator(gen.flow(X, y, batch_size=4), samples_per_epoch=12, nb_epoch=2, verbose=0)
assert h.epoch == [0, 1]
p = model.predict_generator(gen.flow(X, batch_size=4, shuffle=False), 3, verbose=0)
assert p.shape == (12, 1)
