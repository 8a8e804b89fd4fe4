import numpy as np
from keras.metrics import top_k_categorical_accuracy
from keras.models import Sequential
from keras.layers import Dense, Activation
def top_2(y_true, y_pred):
    return top_k_categorical_accuracy(y_true, y_pred, k=2)
m = Sequential([Activation('linear', input_shape=(3,))])
m.compile('sgd', 'mse', metrics=['accuracy', top_2])
x = np.array([[.5, .3, .2], [.1, .2, .7], [.4, .5, .1], [.2, .3, .5]])
y = np.eye(3)[[1, 2, 2, 0]]
loss, acc, top = m.evaluate(x, y, verbose=0)
assert acc == 0.25 and top == 0.5
assert m.metrics_names == ['loss', 'acc', 'top_2']
