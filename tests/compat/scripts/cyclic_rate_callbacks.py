import numpy as np
from keras import backend as K
from keras.callbacks import Callback, CSVLogger
from keras.layers import Dense
from keras.models import Sequential
np.random.seed(3)
class CyclicLR(Callback):
    def __init__(self, base_lr=0.001, max_lr=0.006, step_size=4.):
        super(CyclicLR, self).__init__()
        self.base_lr, self.max_lr, self.step_size, self.iterations, self.history = base_lr, max_lr, step_size, 0., {}
    def clr(self):
        cycle = np.floor(1 + self.iterations / (2 * self.step_size))
        x = np.abs(self.iterations / self.step_size - 2 * cycle + 1)
        return self.base_lr + (self.max_lr - self.base_lr) * np.maximum(0, (1 - x))
    def on_train_begin(self, logs={}):
        K.set_value(self.model.optimizer.lr, self.base_lr)
    def on_batch_end(self, batch, logs=None):
        self.iterations += 1
        self.history.setdefault('lr', []).append(K.get_value(self.model.optimizer.lr))
        for k, v in (logs or {}).items():
            self.history.setdefault(k, []).append(v)
        K.set_value(self.model.optimizer.lr, self.clr())
class F1(Callback):
    def on_train_begin(self, logs={}):
        self.val_f1s = []
    def on_epoch_end(self, epoch, logs={}):
        predicted, targets = self.model.predict(self.validation_data[0]).round(), self.validation_data[1]
        self.val_f1s.append(2 * (predicted * targets).sum() / (predicted.sum() + targets.sum() + 1e-7))
        if epoch == 3:
            self.model.stop_training = True
X = np.random.rand(64, 5)
Y = (X.sum(1) > 2.5).astype(int).reshape(-1, 1)
model = Sequential()
model.add(Dense(8, input_dim=5, activation='relu'))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='sgd', metrics=['accuracy'])
clr, f1 = CyclicLR(0.1, 0.5), F1()
h = model.fit(X, Y, batch_size=8, epochs=10, validation_data=(X, Y), callbacks=[clr, f1, CSVLogger('log.csv', separator=';')], verbose=0)
assert len(h.history['loss']) == len(f1.val_f1s) == 4
assert np.allclose(clr.history['lr'][:9], [.1, .2, .3, .4, .5, .4, .3, .2, .1]) and len(clr.history['acc']) == 32
assert open('log.csv').readline().strip() == 'epoch;acc;loss;val_acc;val_loss'
