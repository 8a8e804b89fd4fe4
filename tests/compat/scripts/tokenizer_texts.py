from keras.preprocessing.text import Tokenizer
from keras.preprocessing.text import text_to_word_sequence, one_hot
from keras.preprocessing.text import base_filter
from keras.preprocessing.sequence import pad_sequences
docs = ['Well done!', 'Good work', 'Great effort', 'nice work', 'Excellent!', 'Weak', 'Poor effort!', 'not good', 'poor work']
t = Tokenizer(num_words=6)
t.fit_on_texts(docs)
assert t.word_counts['work'] == 3 and t.word_index['work'] == 1 and t.document_count == 9
seqs = t.texts_to_sequences(docs)
assert all(w < 6 for s in seqs for w in s)
for mode in ['binary', 'count', 'tfidf', 'freq']:
    m = t.texts_to_matrix(docs, mode=mode)
    assert m.shape == (9, 6)
assert t.texts_to_matrix(['work work'], mode='count')[0, 1] == 2
assert t.sequences_to_matrix([[1, 1]], mode='count')[0, 1] == 2
padded = pad_sequences(seqs, maxlen=4, padding='post')
assert padded.shape == (9, 4) and padded[0, -1] == 0
assert pad_sequences([[1, 2, 3]], maxlen=2, padding='pre').tolist() == [[2, 3]]
words = text_to_word_sequence('The quick, brown Fox', lower=False)
words.insert(0, 'x')
assert words == ['x', 'The', 'quick', 'brown', 'Fox']
assert all(0 < i < 50 for i in one_hot('a b c', 50))
old = Tokenizer(nb_words=3, filters=base_filter())
old.fit_on_texts(['a b, c!'])
assert set(old.word_index) == {'a', 'b', 'c'} and '!' in base_filter()
kept = Tokenizer(filters='')
kept.fit_on_texts(['a! a!'])
assert kept.word_index == {'a!': 1}
