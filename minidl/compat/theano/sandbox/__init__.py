"""``theano.sandbox``."""

from minidl.compat.theano.sandbox import cuda as cuda
