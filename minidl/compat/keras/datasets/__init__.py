"""``keras.datasets`` of Keras 2.1, and of Keras 1."""

from minidl.compat.keras.datasets import boston_housing as boston_housing
from minidl.compat.keras.datasets import cifar as cifar
from minidl.compat.keras.datasets import cifar10 as cifar10
from minidl.compat.keras.datasets import cifar100 as cifar100
from minidl.compat.keras.datasets import fashion_mnist as fashion_mnist
from minidl.compat.keras.datasets import imdb as imdb
from minidl.compat.keras.datasets import mnist as mnist
from minidl.compat.keras.datasets import reuters as reuters
