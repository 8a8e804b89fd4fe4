from keras.layers import Input, Embedding, LSTM, Dense
from keras.layers import concatenate
from keras.models import Model
import numpy as np
main_input = Input(shape=(6,), dtype='int32', name='main_input')
x = Embedding(output_dim=5, input_dim=20, input_length=6)(main_input)
lstm_out = LSTM(4)(x)
auxiliary_output = Dense(1, activation='sigmoid', name='aux_output')(lstm_out)
auxiliary_input = Input(shape=(2,), name='aux_input')
x = concatenate([lstm_out, auxiliary_input])
main_output = Dense(1, activation='sigmoid', name='main_output')(x)
model = Model(inputs=[main_input, auxiliary_input], outputs=[main_output, auxiliary_output])
model.compile(optimizer='rmsprop', loss={'main_output': 'binary_crossentropy', 'aux_output': 'binary_crossentropy'},
              loss_weights={'main_output': 1., 'aux_output': 0.2})
ids = np.random.RandomState(0).randint(0, 20, (10, 6))
more = np.ones((10, 2))
labels = np.arange(10) % 2
h = model.fit({'main_input': ids, 'aux_input': more}, {'main_output': labels, 'aux_output': labels}, epochs=1, batch_size=5, verbose=0)
assert set(h.history) == {'loss', 'main_output_loss', 'aux_output_loss'}
total = h.history['main_output_loss'][0] + 0.2 * h.history['aux_output_loss'][0]
assert abs(h.history['loss'][0] - total) < 1e-5
assert model.metrics_names == ['loss', 'main_output_loss', 'aux_output_loss']
