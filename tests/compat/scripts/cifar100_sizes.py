from keras.datasets import cifar100
from keras.utils.np_utils import to_categorical
(x_train, y_train), (x_test, y_test) = cifar100.load_data()
assert x_train.shape == (12, 32, 32, 3) and y_train.shape == (12, 1)
assert to_categorical(y_train, 100).shape == (12, 100)
coarse = cifar100.load_data(label_mode='coarse')
assert coarse[0][1].max() < 20
