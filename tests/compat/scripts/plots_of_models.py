import os
from keras.models import Sequential, Model
from keras.layers import Dense, Input
from keras.utils import plot_model
from keras.utils.vis_utils import plot_model as again, model_to_dot
from keras.utils.visualize_util import plot
from keras.utils.visualize_util import model_to_dot as old_dot
model = Sequential()
model.add(Dense(2, input_dim=1, name='hidden'))
model.add(Dense(1, name='last'))
plot_model(model, to_file='model_plot.png', show_shapes=True, show_layer_names=True)
plot(model, to_file='old.png', show_shapes=True)
again(model, to_file='plain.png')
for name in ['model_plot.png', 'old.png', 'plain.png']:
    assert open(name, 'rb').read(4) == b'\x89PNG'
dot = model_to_dot(model, show_shapes=True)
text = dot.to_string()
assert 'hidden' in text and '(None, 2)' in text
assert 'hidden' in old_dot(model).to_string()
assert b'<svg' in dot.create(prog='dot', format='svg')
