import os
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np
import tensorflow as tf
import random as rn
np.random.seed(42)
rn.seed(12345)
session_conf = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
from keras import backend as K
tf.set_random_seed(1234)
sess = tf.Session(graph=tf.get_default_graph(), config=session_conf)
K.set_session(sess)
from keras.models import Sequential
from keras.layers import Dense
m = Sequential([Dense(3, input_dim=2)])
first = m.get_weights()[0]
np.random.seed(42)
m = Sequential([Dense(3, input_dim=2)])
assert np.array_equal(first, m.get_weights()[0])
