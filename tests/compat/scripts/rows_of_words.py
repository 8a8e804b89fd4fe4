from keras.preprocessing.sequence import pad_sequences
from keras.models import Sequential
from keras.layers import Dense, Merge
import numpy as np

class Net:
    @staticmethod
    def build(input_shape, classes):
        model = Sequential()
        model.add(Dense(classes, input_shape=input_shape))
        return model

x = pad_sequences([[1, 2], [3]], maxlen=3).reshape(2, 3)
assert x.shape == (2, 3)
tail = pad_sequences([[1], [2, 3]], maxlen=2)[0].tolist()
tail.append(7)
assert tail == [0, 1, 7]
a = Net.build(input_shape=(3,), classes=2)
b = Net.build(input_shape=(3,), classes=2)
m, n = Sequential(), Sequential()
m.add(Merge([a, b], mode='concat'))
n.add(Merge([a, b], mode='mul'))
assert m.predict([x, x]).shape == (2, 4)
assert np.allclose(n.predict([x, x]), a.predict(x) * b.predict(x), atol=1e-5)
from keras.callbacks import TensorBoard
board = TensorBoard(log_dir='logs', histogram_freq=0, write_graph=False, embeddings_data=None)
assert board.log_dir == 'logs'
