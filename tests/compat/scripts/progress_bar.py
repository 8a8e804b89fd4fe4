import sys, io
import numpy as np
from keras.utils.generic_utils import Progbar
from keras.models import Sequential
from keras.layers import Dense
kept = sys.stdout
sys.stdout = io.StringIO()
bar = Progbar(target=4)
for i in range(5):
    bar.update(i, values=[('train loss', 0.5)])
model = Sequential([Dense(1, input_dim=2)])
model.compile('sgd', 'mse')
model.fit(np.ones((10, 2)), np.ones(10), epochs=1, batch_size=5, verbose=1)
text = sys.stdout.getvalue()
sys.stdout = kept
print(text)
assert '4/4 [==============================]' in text and 'train loss: 0.5000' in text
assert 'Epoch 1/1' in text and '10/10 [==============================]' in text and '/step - loss: ' in text
