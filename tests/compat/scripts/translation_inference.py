# an encoder and a decoder that share layers with the model that was trained; one step at a time
import numpy as np
from keras.layers import Input, LSTM, Dense
from keras.models import Model
np.random.seed(2)
num_encoder_tokens, num_decoder_tokens, latent_dim, n = 6, 5, 12, 24
encoder_input_data = np.eye(num_encoder_tokens)[np.random.randint(0, num_encoder_tokens, (n, 4))]
target = np.random.randint(0, num_decoder_tokens, (n, 5))
decoder_input_data, decoder_target_data = np.eye(num_decoder_tokens)[target], np.eye(num_decoder_tokens)[np.roll(target, -1, 1)]
encoder_inputs = Input(shape=(None, num_encoder_tokens))
encoder_outputs, state_h, state_c = LSTM(latent_dim, return_state=True)(encoder_inputs)
encoder_states = [state_h, state_c]
decoder_inputs = Input(shape=(None, num_decoder_tokens))
decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(num_decoder_tokens, activation='softmax')
decoder_outputs = decoder_dense(decoder_outputs)
model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer='rmsprop', loss='categorical_crossentropy')
model.fit([encoder_input_data, decoder_input_data], decoder_target_data, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
encoder_model = Model(encoder_inputs, encoder_states)
state_inputs = [Input(shape=(latent_dim,)), Input(shape=(latent_dim,))]
outputs, h, c = decoder_lstm(decoder_inputs, initial_state=state_inputs)
decoder_model = Model([decoder_inputs] + state_inputs, [decoder_dense(outputs), h, c])
states = encoder_model.predict(encoder_input_data[:1])
steps = []
for t in range(5):
    tokens, h, c = decoder_model.predict([decoder_input_data[:1, t:t + 1]] + states)
    steps.append(tokens[0, 0])
    states = [h, c]
assert np.allclose(steps, model.predict([encoder_input_data[:1], decoder_input_data[:1]])[0], atol=1e-5)
