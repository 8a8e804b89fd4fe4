"""What real scripts of 2015 to 2019 use of Keras 1 and 2, counted in 349 of them."""

from __future__ import annotations

NAMES = """
Dense, .compile, Sequential, .add, .fit, .evaluate, to_categorical, Activation, mnist.load_data, Dropout, .predict,
Flatten, .summary, LSTM, MaxPooling2D, Conv2D, SGD, pad_sequences, Embedding, Model, Input, Adam, KerasClassifier,
cifar10.load_data, RMSprop, @history, BatchNormalization, imdb.load_data, ImageDataGenerator, ImageDataGenerator.flow,
ImageDataGenerator.fit, .train_on_batch, Reshape, .load_weights, @trainable, Convolution2D, .save_weights,
ModelCheckpoint, @metrics_names, LeakyReLU, reuters.load_data, K.image_dim_ordering, K.set_image_dim_ordering,
TimeDistributed, TensorBoard, .predict_classes, UpSampling2D, .fit_generator, KerasClassifier.add,
KerasClassifier.compile, Tokenizer, RepeatVector, K.image_data_format, @layers, .reset_states, l2,
LearningRateScheduler, Conv1D, MaxPooling1D, .to_json, SimpleRNN, get_file, .save, KerasRegressor, maxnorm,
plot_model, .get_weights, Tokenizer.fit_on_texts, KerasClassifier.fit, KerasClassifier.predict, add, concatenate,
@model, model_to_dot, Merge, GRU, to_categorical.astype, Bidirectional, GlobalMaxPooling1D,
Tokenizer.texts_to_sequences, EarlyStopping, model_from_json, to_categorical.reshape, load_model, @losses,
Tokenizer.sequences_to_matrix, ZeroPadding2D, plot, .build, text_to_word_sequence, SpatialDropout1D, Permute, Conv3D,
GlobalAveragePooling1D, Progbar.update, Progbar, multiply, Adadelta, .get_layer, Convolution3D, @epoch, merge,
skipgrams, dot, ReduceLROnPlateau, AveragePooling2D, ConvLSTM2D, .set_weights, Convolution1D, normal, @input, @output,
Conv2DTranspose, get_word_index.items, boston_housing.load_data, model_from_yaml, .to_yaml, @output_shape,
fashion_mnist.load_data, adam, subclass Callback, AveragePooling3D, K.set_image_data_format,
top_k_categorical_accuracy, pad_sequences.reshape, text_to_word_sequence.insert, rmsprop, RandomNormal, Identity,
slice_X, identity, K.int_shape, imdb.get_word_index, reuters.get_word_index, K.clear_session,
Tokenizer.texts_to_matrix, array_to_img.save, array_to_img, CuDNNGRU, random_normal, CSVLogger, .copy, @optimizer,
Adam.get_config, K.get_value, K.set_value, @input_shape, base_filter, pad_sequences.append, l1, .predict_generator,
Add, cifar100.load_data
"""

KEYWORDS = """
.compile: loss, optimizer, metrics, loss_weights
.fit: batch_size, epochs, verbose, validation_data, validation_split, nb_epoch, callbacks, shuffle, x, y,
  show_accuracy
Dense: activation, input_dim, kernel_initializer, input_shape, units, name, kernel_constraint, output_dim,
  kernel_regularizer, W_regularizer, init, use_bias, activity_regularizer
Conv2D: input_shape, padding, kernel_size, activation, strides, kernel_initializer, filters, kernel_regularizer,
  weights, name, data_format, border_mode, kernel_constraint
ImageDataGenerator: height_shift_range, width_shift_range, horizontal_flip, rotation_range, vertical_flip,
  featurewise_center, zca_whitening, featurewise_std_normalization, samplewise_center, samplewise_std_normalization,
  fill_mode, cval
.evaluate: verbose, batch_size, show_accuracy
SGD: lr, momentum, nesterov, decay
LSTM: input_shape, return_sequences, stateful, batch_input_shape, dropout, recurrent_dropout, dropout_U, dropout_W,
  output_dim, return_state, batch_size, consume_less, units
KerasClassifier: batch_size, build_fn, epochs, verbose
Embedding: input_length, input_dim, output_dim, embeddings_initializer, dropout, init, W_regularizer
MaxPooling2D: pool_size, strides, name, padding, data_format, border_mode
Convolution2D: input_shape, border_mode, activation, padding, filters, kernel_size, init, subsample, strides,
  kernel_constraint, data_format, batch_input_shape, W_regularizer, kernel_initializer, use_bias
ModelCheckpoint: save_best_only, monitor, verbose, mode, filepath
Input: shape, dtype, name
pad_sequences: maxlen, padding, dtype
Model: inputs, outputs, input, output, name
.fit_generator: validation_data, steps_per_epoch, epochs, callbacks, verbose, workers, validation_steps,
  samples_per_epoch, nb_epoch
reuters.load_data: num_words, test_split, maxlen, nb_words
ImageDataGenerator.flow: batch_size, save_prefix, save_to_dir, save_format
KerasClassifier.compile: optimizer, loss, metrics
Adam: lr, beta_1, epsilon, beta_2
.predict: verbose, batch_size
KerasRegressor: batch_size, epochs, build_fn, verbose
imdb.load_data: num_words, nb_words, seed
TensorBoard: log_dir, histogram_freq, write_graph, write_images, embeddings_freq, embeddings_data,
  embeddings_metadata, embeddings_layer_names, batch_size
Conv1D: activation, padding, filters, kernel_size, strides, input_shape
SimpleRNN: input_shape, return_sequences, unroll, activation, output_dim, recurrent_initializer, kernel_initializer,
  init, inner_init, batch_input_shape
Convolution3D: kernel_dim2, kernel_dim1, nb_filter, border_mode, kernel_dim3, subsample, W_regularizer, init,
  activation, dim_ordering
RMSprop: lr, decay, clipvalue, epsilon, rho
to_categorical: num_classes
Conv3D: filters, padding, kernel_size, strides, kernel_initializer, kernel_regularizer, activation, data_format
BatchNormalization: momentum, axis, epsilon, gamma_initializer
EarlyStopping: patience, monitor, mode, verbose, min_delta
plot_model: show_shapes, to_file, show_layer_names
GRU: return_sequences, recurrent_dropout, dropout, output_dim, W_regularizer, U_regularizer, b_regularizer
ConvLSTM2D: input_shape, return_sequences, padding, filters, kernel_size, nb_row, nb_col, border_mode, nb_filter
LeakyReLU: alpha
Merge: mode, dot_axes, concat_axis
Convolution1D: activation, filter_length, border_mode, subsample_length, nb_filter
Dropout: rate, seed, input_shape
get_file: origin
ReduceLROnPlateau: min_lr, cooldown, patience, factor
MaxPooling1D: pool_size, pool_length, padding
Conv2DTranspose: padding, strides, activation, kernel_size, filters
UpSampling2D: size
Flatten: input_shape, name
Tokenizer: num_words, filters, nb_words
plot: to_file, show_shapes
Reshape: input_shape, target_shape
.predict_classes: verbose
ZeroPadding2D: padding
normal: name, scale
Bidirectional: input_shape, layer, merge_mode
AveragePooling3D: strides, pool_size
Progbar: target
Tokenizer.sequences_to_matrix: mode
merge: mode
model_to_dot: show_shapes
.save_weights: overwrite
dot: axes
.get_layer: name
adam: lr
.build: input_shape, classes
rmsprop: decay, lr
identity: name, scale
ImageDataGenerator.fit: seed, augment
top_k_categorical_accuracy: k
skipgrams: window_size
concatenate: axis
text_to_word_sequence: lower
AveragePooling2D: pool_size
RandomNormal: stddev
Identity: gain
Activation: name
Tokenizer.texts_to_matrix: mode
array_to_img: scale
CuDNNGRU: return_sequences
random_normal: stddev
.train_on_batch: class_weight
l2: l
.predict_generator: verbose
"""

VALUES = """
metrics=accuracy, activation=relu, activation=softmax, loss=categorical_crossentropy, optimizer=adam,
activation=sigmoid, loss=binary_crossentropy, padding=same, optimizer=rmsprop, loss=mean_squared_error,
kernel_initializer=normal, optimizer=adadelta, activation=tanh, loss=mse, padding=valid, kernel_initializer=uniform,
kernel_initializer=he_normal, border_mode=same, border_mode=valid, padding=post, optimizer=sgd, monitor=val_acc,
kernel_initializer=glorot_uniform, loss=sparse_categorical_crossentropy, metrics=acc, mode=max, activation=linear,
mode=min, monitor=loss, optimizer=SGD, embeddings_initializer=glorot_uniform, mode=dot, mode=sum, monitor=val_loss,
mode=auto, metrics=mean_squared_error, data_format=channels_last, mode=concat, mode=mul, init=glorot_normal,
metrics=mse, optimizer=Adam, activation=selu, init=he_normal, kernel_initializer=glorot_normal,
embeddings_initializer=glorot_normal, kernel_initializer=identity, dim_ordering=tf, init=identity, metrics=mae,
loss=mae, data_format=channels_first, monitor=acc, padding=pre, optimizer=RMSprop, merge_mode=sum
"""

POSITIONAL = """
Embedding/2, Conv2D/2, Convolution2D/3, Adam/2, Conv1D/2, Conv2D/3, Convolution2D/2, Conv2DTranspose/2, MaxPooling2D/3
"""

IMPORTS = """
from keras.models import Sequential
from keras.layers import Dense
from keras.layers import Activation
from keras.datasets import mnist
from keras.layers import Dropout
from keras.utils import np_utils
from keras.layers import Flatten
from keras.layers import LSTM
from keras.models import Model
from keras.optimizers import SGD
from keras.layers import Input
from keras.layers import MaxPooling2D
from keras import backend
import keras
from keras.optimizers import Adam
from keras.layers.core import Dense
from keras import optimizers
from keras.layers.core import Activation
from keras.preprocessing import sequence
from keras.wrappers.scikit_learn import KerasClassifier
from keras.datasets import cifar10
from keras.layers import Embedding
from keras.optimizers import RMSprop
from keras.layers.convolutional import Conv2D
from keras.layers import Conv2D
from keras.datasets import imdb
from keras.preprocessing.image import ImageDataGenerator
from keras.layers import BatchNormalization
from keras.utils.np_utils import to_categorical
from keras.layers.core import Dropout
from keras.layers.convolutional import MaxPooling2D
from keras.layers import Reshape
from keras.layers.embeddings import Embedding
from keras.utils import to_categorical
from keras.layers import Convolution2D
from keras.layers.convolutional import UpSampling2D
from keras.callbacks import ModelCheckpoint
from keras.preprocessing.sequence import pad_sequences
from keras.datasets import reuters
from keras.callbacks import TensorBoard
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.core import Flatten
from keras import layers
from keras.regularizers import l2
from keras.preprocessing.text import Tokenizer
from keras.layers import ZeroPadding2D
from keras.layers import concatenate
from keras.optimizers import Adadelta
from keras.layers.normalization import BatchNormalization
from keras.layers import TimeDistributed
from keras.wrappers.scikit_learn import KerasRegressor
from keras.constraints import maxnorm
from keras.layers.convolutional import Convolution2D
from keras.layers import SimpleRNN
from keras.utils.data_utils import get_file
from keras.callbacks import LearningRateScheduler
import keras.backend
from keras.utils.visualize_util import plot
import keras.callbacks
from keras.layers import *
from keras.utils.vis_utils import plot_model
from keras.optimizers import Nadam
from keras.layers import Merge
from keras.layers.recurrent import LSTM
from keras.layers import Bidirectional
from keras.layers import merge
from keras import models
from keras.layers import multiply
from keras.layers import MaxPooling3D
from keras.models import model_from_json
from keras.preprocessing.text import text_to_word_sequence
from keras.layers.wrappers import TimeDistributed
from keras.layers.core import RepeatVector
from keras.models import load_model
from keras.layers import RepeatVector
from keras import losses
from keras.utils.vis_utils import model_to_dot
from keras import regularizers
from keras.layers import Conv3D
from keras.layers import ZeroPadding3D
from keras.layers.core import Reshape
from keras.layers.core import SpatialDropout1D
from keras.layers.recurrent import GRU
from keras.layers import recurrent
from keras.layers.convolutional import Conv3D
from keras.layers import Conv1D
from keras.layers import MaxPooling1D
from keras.layers import GlobalAveragePooling1D
from keras.utils.generic_utils import Progbar
from keras.layers.convolutional import Convolution3D
from keras.datasets import boston_housing
from keras.layers.convolutional import MaxPooling1D
from keras.layers.convolutional import Conv1D
from keras.callbacks import EarlyStopping
from keras.layers import GaussianNoise
from keras.layers import GRU
from keras.utils.visualize_util import model_to_dot
from keras.utils import plot_model
from keras.preprocessing.sequence import skipgrams
from keras.layers.wrappers import Bidirectional
from keras.layers import dot
from keras.layers import add
from keras.layers import Permute
from keras.callbacks import ReduceLROnPlateau
from keras.layers.convolutional_recurrent import ConvLSTM2D
from keras.layers import GlobalMaxPooling1D
from keras import initializers
from keras.layers import Convolution1D
from keras.models import model_from_yaml
from keras.callbacks import *
from keras.datasets import fashion_mnist
from keras.models import *
from keras.preprocessing.text import base_filter
import keras.utils.np_utils
from keras.layers.core import Lambda
from keras.layers.convolutional import AveragePooling3D
from keras.layers.merge import add
from keras.layers.convolutional import MaxPooling3D
from keras.layers.recurrent import SimpleRNN
from keras.metrics import top_k_categorical_accuracy
from keras.layers.core import Permute
from keras.layers import AveragePooling2D
from keras.layers.noise import AlphaDropout
from keras.engine.training import slice_X
from keras.initializations import identity
from keras.initializations import normal
from keras.layers import Conv2DTranspose
from keras import metrics
from keras.preprocessing import image
from keras.preprocessing.text import one_hot
from keras.callbacks import CSVLogger
from keras import initializations
from keras.layers import UpSampling2D
from keras.layers.pooling import MaxPooling2D
from keras.regularizers import l1
from keras.layers import Add
from keras.layers.convolutional import AveragePooling2D
from keras.datasets import cifar100
from keras.layers import Convolution3D
"""
