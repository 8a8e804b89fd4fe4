import os
from keras.utils.data_utils import get_file
os.makedirs('cache/datasets')
with open('cache/datasets/mine.txt', 'w') as f:
    f.write('abc abd')
origin = 'https://example.org/mine.txt'  # it is there already
path = get_file('mine.txt', origin=origin, cache_dir=os.path.abspath('cache'))
text = open(path).read().lower()
assert text == 'abc abd' and os.path.basename(path) == 'mine.txt'
