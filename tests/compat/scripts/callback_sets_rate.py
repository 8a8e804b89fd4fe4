from keras.callbacks import Callback, LearningRateScheduler, ReduceLROnPlateau, CSVLogger, TensorBoard
from keras import backend as K
from keras.models import Sequential
from keras.layers import Dense
import numpy as np
class Halve(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        lr = K.get_value(self.model.optimizer.lr)
        K.set_value(self.model.optimizer.lr, lr * 0.5)
model = Sequential()
model.add(Dense(1, input_dim=3))
model.compile(loss='mae', optimizer='sgd')
model.fit(np.ones((8, 3)), np.ones(8), epochs=2, verbose=0, callbacks=[Halve()])
assert abs(K.get_value(model.optimizer.lr) - 0.0025) < 1e-8
