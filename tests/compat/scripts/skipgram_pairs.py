from keras.preprocessing.sequence import skipgrams, make_sampling_table, pad_sequences
import numpy as np, random
random.seed(1)
couples, labels = skipgrams([1, 2, 3, 4], 5, window_size=1, negative_samples=0.)
assert sorted(map(tuple, couples)) == [(1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3)] and set(labels) == {1}
couples, labels = skipgrams([1, 2, 3, 4], 5, window_size=2)
assert len(couples) == len(labels) == 20 and sum(labels) == 10
table = make_sampling_table(10)
assert table.shape == (10,)
rows = pad_sequences([[1], [2, 3]], maxlen=3).tolist()
rows.append([9])
assert rows[1] == [0, 2, 3]
