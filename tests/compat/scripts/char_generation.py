'''Text by characters, with a sample drawn after each epoch.'''
from __future__ import print_function
from keras.callbacks import LambdaCallback
from keras.models import Sequential
from keras.layers import Dense, Activation
from keras.layers import LSTM
from keras.optimizers import RMSprop
import numpy as np
import sys
np.random.seed(0)
text = 'the sea and the sky and the sand ' * 4
chars = sorted(list(set(text)))
char_indices = dict((c, i) for i, c in enumerate(chars))
maxlen, step = 8, 3
sentences = [text[i: i + maxlen] for i in range(0, len(text) - maxlen, step)]
next_chars = [text[i + maxlen] for i in range(0, len(text) - maxlen, step)]
x = np.zeros((len(sentences), maxlen, len(chars)), dtype=bool)
y = np.zeros((len(sentences), len(chars)), dtype=bool)
for i, sentence in enumerate(sentences):
    for t, char in enumerate(sentence):
        x[i, t, char_indices[char]] = 1
    y[i, char_indices[next_chars[i]]] = 1
model = Sequential()
model.add(LSTM(8, input_shape=(maxlen, len(chars))))
model.add(Dense(len(chars)))
model.add(Activation('softmax'))
optimizer = RMSprop(lr=0.01)
model.compile(loss='categorical_crossentropy', optimizer=optimizer)
def sample(preds, temperature=1.0):
    preds = np.log(np.asarray(preds).astype('float64')) / temperature
    preds = np.exp(preds) / np.sum(np.exp(preds))
    return np.argmax(np.random.multinomial(1, preds, 1))
drawn = []
def on_epoch_end(epoch, logs):
    p = model.predict(x[:1], verbose=0)[0]
    drawn.append(chars[sample(p, 0.5)])
h = model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[LambdaCallback(on_epoch_end=on_epoch_end)])
assert len(drawn) == 2 and all(c in chars for c in drawn)
assert h.history['loss'][1] < h.history['loss'][0]
