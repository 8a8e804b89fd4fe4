# classes with build, call and compute_output_shape; attention over the steps that are not masked
import numpy as np
from keras import backend as K
from keras import initializers, regularizers, constraints
from keras.engine.topology import Layer, InputSpec
from keras.layers import Dense, Embedding, GRU, Input
from keras.models import Model, Sequential, load_model
np.random.seed(0)
class MyLayer(Layer):
    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(MyLayer, self).__init__(**kwargs)
    def build(self, input_shape):
        self.input_spec = InputSpec(min_ndim=2)
        self.kernel = self.add_weight(name='kernel', shape=(input_shape[1], self.output_dim), initializer='uniform', trainable=True)
        super(MyLayer, self).build(input_shape)
    def call(self, x):
        return K.dot(x, self.kernel)
    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)
class Attention(Layer):
    def __init__(self, W_regularizer=None, b_constraint=None, **kwargs):
        self.supports_masking = True
        self.init = initializers.get('glorot_uniform')
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_constraint = constraints.get(b_constraint)
        super(Attention, self).__init__(**kwargs)
    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight((input_shape[-1],), initializer=self.init, name='{}_W'.format(self.name), regularizer=self.W_regularizer)
        self.b = self.add_weight((input_shape[1],), initializer='zero', name='{}_b'.format(self.name), constraint=self.b_constraint)
        self.built = True
    def compute_mask(self, input, input_mask=None):
        return None
    def call(self, x, mask=None):
        e = K.tanh(K.sum(x * self.W, axis=-1) + self.b)
        a = K.exp(e)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.sum(a, axis=1, keepdims=True) + K.epsilon()
        return K.sum(x * K.expand_dims(a), axis=1)
    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])
X = np.random.rand(40, 5)
model = Sequential([MyLayer(8, input_shape=(5,)), Dense(1)])
model.compile('sgd', 'mse')
h = model.fit(X, X.sum(1), epochs=20, verbose=0)
assert h.history['loss'][-1] < h.history['loss'][0] / 3
assert model.count_params() == 49 and model.layers[0].output_shape == (None, 8)
model.save('own.h5')
assert np.array_equal(load_model('own.h5', custom_objects={'MyLayer': MyLayer}).predict(X), model.predict(X))
words = np.random.randint(1, 9, (30, 6)); words[:, 4:] = 0
inp = Input(shape=(6,), dtype='int32')
encoded = GRU(4, return_sequences=True)(Embedding(9, 4, mask_zero=True)(inp))
attended = Attention(W_regularizer='l2', b_constraint='nonneg')(encoded)
model = Model(inp, Dense(1, activation='sigmoid')(attended))
model.compile('adam', 'binary_crossentropy')
before = model.layers[-2].get_weights()[0]
model.fit(words, words[:, 0] > 4, epochs=5, verbose=0)
assert K.int_shape(attended) == (None, 4)
assert (model.layers[-2].get_weights()[0] != before).any() and (model.layers[-2].get_weights()[1] >= 0).all()
