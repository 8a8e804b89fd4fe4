from keras.layers import Layer
from keras.engine.topology import Layer as Again
from keras import backend as K
from keras.models import Sequential
from keras.layers import Dense
import numpy as np
assert Layer is Again
m = Sequential([Dense(3, input_dim=2), Dense(1)])
assert all(isinstance(l, Layer) for l in m.layers)
assert [l.__class__.__name__ for l in m.layers] == ['Dense', 'Dense']
c = m.layers[0].get_config()
assert c['units'] == 3 and c['activation'] in ('linear', None)
