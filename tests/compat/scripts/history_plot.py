import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from keras.models import Sequential
from keras.layers import Dense
m = Sequential([Dense(1, input_dim=2, activation='sigmoid')])
m.compile(loss='mse', optimizer='sgd', metrics=['accuracy'])
x = np.random.rand(20, 2)
history = m.fit(x, x[:, 0] > .5, validation_split=0.33, epochs=2, batch_size=10, verbose=0)
print(history.history.keys())
plt.plot(history.history['acc'])
plt.plot(history.history['val_acc'])
plt.title('model accuracy')
plt.legend(['train', 'test'], loc='upper left')
plt.savefig('acc.png')
plt.close('all')
import os
assert os.path.getsize('acc.png') > 500
