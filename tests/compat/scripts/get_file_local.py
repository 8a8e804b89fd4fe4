import os
from keras.utils.data_utils import get_file
with open('corpus.txt', 'w') as f:
    f.write('abc abd')
origin = 'file://' + os.path.abspath('corpus.txt')
path = get_file('mine.txt', origin=origin, cache_dir=os.path.abspath('cache'))
text = open(path).read().lower()
assert text == 'abc abd' and os.path.basename(path) == 'mine.txt'
