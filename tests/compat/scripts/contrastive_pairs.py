# two inputs through one network, their distance in a Lambda, a loss of one's own
from __future__ import print_function
import numpy as np
from keras import backend as K
from keras.layers import Dense, Dropout, Input, Lambda
from keras.models import Model, Sequential
from keras.optimizers import RMSprop
np.random.seed(1337)
def euclidean_distance(vects):
    x, y = vects
    return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))
def eucl_dist_output_shape(shapes):
    shape1, shape2 = shapes
    return (shape1[0], 1)
def contrastive_loss(y_true, y_pred):
    margin = 1
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(margin - y_pred, 0)))
def accuracy(y_true, y_pred):
    return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))
centres = np.random.normal(size=(4, 10))
kinds = np.random.randint(0, 4, (120, 2))
pairs = centres[kinds] + 0.1 * np.random.normal(size=(120, 2, 10))
y = (kinds[:, 0] == kinds[:, 1]).astype('float32')
base = Sequential()
base.add(Dense(16, input_shape=(10,), activation='relu'))
base.add(Dropout(0.1))
base.add(Dense(8, activation='relu'))
input_a, input_b = Input(shape=(10,)), Input(shape=(10,))
distance = Lambda(euclidean_distance, output_shape=eucl_dist_output_shape)([base(input_a), base(input_b)])
model = Model(input=[input_a, input_b], output=distance)
model.compile(loss=contrastive_loss, optimizer=RMSprop(), metrics=[accuracy])
h = model.fit([pairs[:, 0], pairs[:, 1]], y, validation_data=([pairs[:, 0], pairs[:, 1]], y), batch_size=16, nb_epoch=12, verbose=0)
pred = model.predict([pairs[:, 0], pairs[:, 1]])
assert ((pred.ravel() < 0.5) == y).mean() > 0.9
assert abs(h.history['val_accuracy'][-1] - ((pred.ravel() < 0.5) == y).mean()) < 1e-6
