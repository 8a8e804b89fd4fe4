import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, models
tf.logging.set_verbosity(tf.logging.ERROR)
tf.set_random_seed(3)
np.random.seed(0)
(x, y), (xt, yt) = tf.keras.datasets.mnist.load_data()
x, xt = x / 255.0, xt / 255.0
for opt in [tf.train.AdamOptimizer(0.01), tf.train.GradientDescentOptimizer(0.1), tf.train.MomentumOptimizer(0.05, momentum=0.9)]:
    model = models.Sequential([layers.Flatten(input_shape=(28, 28)), layers.Dense(16, activation=tf.nn.relu), layers.Dropout(0.2), layers.Dense(10, activation=tf.nn.softmax)])
    model.compile(optimizer=opt, loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    h = model.fit(x, y, epochs=5, verbose=0)
    assert h.history['loss'][-1] < h.history['loss'][0]
def huber(t, p):
    e = t - p
    return tf.reduce_mean(tf.where(tf.abs(e) < 1.0, 0.5 * tf.square(e), tf.abs(e) - 0.5), axis=-1)
def focal(t, p):
    p = tf.clip_by_value(p, 1e-7, 1 - 1e-7)
    return -tf.reduce_mean(tf.multiply(tf.pow(1. - p, 2), tf.multiply(t, tf.log(p))), axis=-1)
X = np.random.rand(30, 3)
m = models.Sequential([layers.Dense(1, input_dim=3)])
m.compile('sgd', huber)
first = m.evaluate(X, 3 * X.sum(1), verbose=0)
e = np.abs(m.predict(X)[:, 0] - 3 * X.sum(1))
assert abs(first - np.where(e < 1, e ** 2 / 2, e - .5).mean()) < 1e-5
m.fit(X, 3 * X.sum(1), epochs=200, verbose=0)
assert m.evaluate(X, 3 * X.sum(1), verbose=0) < first / 2
m = models.Sequential([layers.Dense(2, input_dim=3, activation='softmax')])
m.compile('adam', focal, metrics=[huber])
assert len(m.fit(X, np.eye(2)[(X[:, 0] > .5).astype(int)], verbose=0).history) == 2
