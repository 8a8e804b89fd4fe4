# a generator of one's own, with validation and callbacks
import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.callbacks import EarlyStopping, LearningRateScheduler

def batches(seed):
    r = np.random.RandomState(seed)
    while True:
        x = r.rand(8, 4)
        yield x, x.sum(axis=1)

model = Sequential()
model.add(Dense(4, kernel_initializer='uniform', activation='relu', input_dim=4))
model.add(Dense(1, kernel_initializer='normal'))
model.compile(loss='mse', optimizer='rmsprop')
seen = []
def rate(epoch):
    seen.append(epoch)
    return 0.01 / (epoch + 1)
h = model.fit_generator(batches(0), steps_per_epoch=5, epochs=3, verbose=0, validation_data=batches(1), validation_steps=2,
                        callbacks=[LearningRateScheduler(rate), EarlyStopping(monitor='val_loss', patience=2, min_delta=0, mode='min', verbose=1)])
assert seen == [0, 1, 2][:len(seen)] and len(seen) == len(h.epoch)
assert len(h.history['val_loss']) == len(h.epoch)
assert model.predict_generator(batches(2), steps=3).shape == (24, 1)
print(model.evaluate_generator(batches(2), steps=3))
