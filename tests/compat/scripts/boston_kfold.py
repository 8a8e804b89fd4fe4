from keras.datasets import boston_housing
from keras import models
from keras import layers
import numpy as np

(train_data, train_targets), (test_data, test_targets) = boston_housing.load_data()
mean = train_data.mean(axis=0)
std = train_data.std(axis=0)
train_data = (train_data - mean) / std

def build_model():
    model = models.Sequential()
    model.add(layers.Dense(8, activation='relu', input_shape=(train_data.shape[1],)))
    model.add(layers.Dense(8, activation='relu'))
    model.add(layers.Dense(1))
    model.compile(optimizer='rmsprop', loss='mse', metrics=['mae'])
    return model

k = 2
num_val_samples = len(train_data) // k
all_maes = []
for i in range(k):
    val = train_data[i * num_val_samples: (i + 1) * num_val_samples]
    val_t = train_targets[i * num_val_samples: (i + 1) * num_val_samples]
    part = np.concatenate([train_data[:i * num_val_samples], train_data[(i + 1) * num_val_samples:]], axis=0)
    part_t = np.concatenate([train_targets[:i * num_val_samples], train_targets[(i + 1) * num_val_samples:]], axis=0)
    model = build_model()
    history = model.fit(part, part_t, validation_data=(val, val_t), epochs=2, batch_size=5, verbose=0)
    all_maes.append(history.history['val_mean_absolute_error'])
assert np.array(all_maes).shape == (2, 2)
