# pictures that excite a filter, saliency, a map of class activation, and what is in the middle of a network
from __future__ import print_function
import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout, Flatten, Conv2D, MaxPooling2D
from keras import backend as K
np.random.seed(4)
X = np.random.rand(80, 12, 12, 1)
labels = np.random.randint(0, 2, 80)
X[labels == 1, 2:6, 2:6] += 1.5
model = Sequential()
model.add(Conv2D(6, (3, 3), activation='tanh', input_shape=(12, 12, 1), name='block1_conv1'))
model.add(Conv2D(6, (3, 3), activation='relu', name='block1_conv2'))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dropout(0.2))
model.add(Dense(2, activation='softmax', name='predictions'))
model.compile(loss='sparse_categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(X, labels, epochs=20, batch_size=16, verbose=0)
assert model.evaluate(X, labels, verbose=0)[1] > 0.9
before = model.get_weights()

layer_dict = dict([(layer.name, layer) for layer in model.layers])
input_img = model.input
def normalize(x):
    return x / (K.sqrt(K.mean(K.square(x))) + 1e-5)
kept_filters = []
for filter_index in range(6):
    layer_output = layer_dict['block1_conv1'].output
    if K.image_data_format() == 'channels_first':
        loss = K.mean(layer_output[:, filter_index, :, :])
    else:
        loss = K.mean(layer_output[:, :, :, filter_index])
    grads = K.gradients(loss, input_img)[0]
    grads = normalize(grads)
    iterate = K.function([input_img], [loss, grads])
    step = 1.
    input_img_data = np.random.random((1, 12, 12, 1)) * 0.2
    first = iterate([input_img_data])[0]
    for i in range(20):
        loss_value, grads_value = iterate([input_img_data])
        input_img_data += grads_value * step
        if loss_value <= -2.:
            break
    assert loss_value > first, (filter_index, first, loss_value)
    kept_filters.append((input_img_data[0], loss_value))
kept_filters.sort(key=lambda x: x[1], reverse=True)
assert kept_filters[0][1] > 0.5

# where the picture counts: at the patch
x = X[labels == 1][:1]
class_output = model.output[:, 1]
saliency = K.function([model.layers[0].input, K.learning_phase()], [K.gradients(class_output, model.input)[0]])
found = np.abs(saliency([x, 0])[0])
assert found.shape == x.shape and found.max() > 0

last_conv_layer = model.get_layer('block1_conv2')
grads = K.gradients(class_output, last_conv_layer.output)[0]
pooled_grads = K.mean(grads, axis=(0, 1, 2))
iterate = K.function([model.input], [pooled_grads, last_conv_layer.output[0]])
pooled_grads_value, conv_layer_output_value = iterate([x])
for i in range(6):
    conv_layer_output_value[:, :, i] *= pooled_grads_value[i]
heatmap = np.mean(conv_layer_output_value, axis=-1)
assert heatmap.shape == (8, 8) and np.abs(heatmap).max() > 0

get_output = K.function([model.layers[0].input, K.learning_phase()], [model.layers[3].output])
assert get_output([x, 0])[0].shape == (1, 96)
assert all((a == b).all() for a, b in zip(before, model.get_weights())), 'nothing is trained by looking'
