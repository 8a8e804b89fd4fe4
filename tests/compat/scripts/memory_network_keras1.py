# questions about stories: the encoder of the questions stands in two merges, and its input is asked for once
import numpy as np
from keras.models import Sequential
from keras.layers.embeddings import Embedding
from keras.layers import Activation, Dense, Merge, Permute, Dropout, LSTM
np.random.seed(1)
vocab_size, story_maxlen, query_maxlen = 12, 6, 3
stories = np.random.randint(1, vocab_size, (40, story_maxlen))
queries = np.random.randint(1, vocab_size, (40, query_maxlen))
answers = np.eye(vocab_size)[queries[:, 0]]
input_encoder_m = Sequential()
input_encoder_m.add(Embedding(input_dim=vocab_size, output_dim=8, input_length=story_maxlen))
question_encoder = Sequential()
question_encoder.add(Embedding(input_dim=vocab_size, output_dim=8, input_length=query_maxlen))
question_encoder.add(Dropout(0.1))
match = Sequential()
match.add(Merge([input_encoder_m, question_encoder], mode='dot', dot_axes=[2, 2]))
match.add(Activation('softmax'))
input_encoder_c = Sequential()
input_encoder_c.add(Embedding(input_dim=vocab_size, output_dim=query_maxlen, input_length=story_maxlen))
response = Sequential()
response.add(Merge([match, input_encoder_c], mode='sum'))
response.add(Permute((2, 1)))
answer = Sequential()
answer.add(Merge([response, question_encoder], mode='concat', concat_axis=-1))
answer.add(LSTM(16))
answer.add(Dense(vocab_size))
answer.add(Activation('softmax'))
answer.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])
assert response.output_shape == (None, query_maxlen, story_maxlen)
h = answer.fit([stories, queries, stories], answers, batch_size=8, nb_epoch=30, verbose=0, validation_data=([stories, queries, stories], answers))
assert h.history['loss'][-1] < 0.95 * h.history['loss'][0]
assert answer.predict_classes([stories, queries, stories], verbose=0).shape == (40,)
