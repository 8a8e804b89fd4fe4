from keras.preprocessing import image
from keras.preprocessing.image import array_to_img, img_to_array, load_img
import numpy as np
a = np.arange(48.).reshape(4, 4, 3)
img = array_to_img(a, scale=False)
img.save('small.png')
back = img_to_array(load_img('small.png'))
assert np.array_equal(a, back)
loaded = image.load_img('small.png', target_size=(2, 2))
assert image.img_to_array(loaded).shape == (2, 2, 3)
