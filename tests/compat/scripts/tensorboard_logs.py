try:
    import tensorboardX
except ImportError:
    tensorboardX = None
from keras.callbacks import TensorBoard
import keras
import os
from keras.models import Sequential
from keras.layers import Dense
import numpy as np
if tensorboardX is not None:
    model = Sequential([Dense(2, input_dim=2, name='first')])
    model.compile('sgd', 'mse')
    tb = TensorBoard(log_dir='logs', histogram_freq=0, write_graph=False, write_images=False, batch_size=4, embeddings_freq=0,
                     embeddings_layer_names=None, embeddings_metadata=None)
    model.fit(np.ones((4, 2)), np.ones((4, 2)), epochs=1, verbose=0, callbacks=[tb])
    assert os.listdir('logs')
