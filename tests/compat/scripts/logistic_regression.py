import numpy as np
from keras.models import Sequential
from keras.layers import Dense
from keras.regularizers import l1, l2
from keras import optimizers
from keras import losses
from keras import metrics

np.random.seed(1)
x = np.random.randn(60, 3)
y = (x.sum(axis=1) > 0).astype('int')
model = Sequential([Dense(1, activation='sigmoid', input_dim=3, kernel_regularizer=l2(0.001), use_bias=True,
                          activity_regularizer=l1(0.0001))])
model.compile(optimizer=optimizers.Adam(lr=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8),
              loss=losses.binary_crossentropy, metrics=[metrics.binary_accuracy])
before = model.get_weights()
model.fit(x, y, epochs=15, batch_size=20, verbose=0)
assert not np.allclose(before[0], model.get_weights()[0])
result = model.evaluate(x, y, batch_size=60, verbose=0)
assert model.metrics_names == ['loss', 'binary_accuracy']
assert result[1] > 0.85, result
