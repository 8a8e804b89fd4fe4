import csv, os
import numpy as np
import keras
import keras.callbacks
from keras.callbacks import *
from keras.models import Sequential
from keras.layers import Dense
X, Y = np.random.RandomState(0).rand(30, 2), np.zeros((30, 1))
model = Sequential([Dense(4, input_dim=2, activation='relu'), Dense(1)])
model.compile(keras.optimizers.SGD(lr=0.1), 'mse')
class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs={}):
        self.losses = []
    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get('loss'))
history = LossHistory()
plateau = ReduceLROnPlateau(monitor='loss', factor=0.5, patience=1, min_lr=0.02, cooldown=0, epsilon=10)
epochs = []
said = LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
h = model.fit(X, Y, batch_size=10, epochs=5, verbose=0,
              callbacks=[history, plateau, CSVLogger('log.csv'), said, EarlyStopping(monitor='loss', patience=50)])
assert len(history.losses) == 15 and epochs == [0, 1, 2, 3, 4]
assert history.model is model
rows = list(csv.DictReader(open('log.csv')))
assert len(rows) == 5 and abs(float(rows[0]['loss']) - h.history['loss'][0]) < 1e-6
from keras import backend as K
assert 0.019 < float(K.get_value(model.optimizer.lr)) < 0.1
