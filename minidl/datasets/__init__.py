"""Data sets, each a module with ``load_data()``, and readers of their file formats.

``digits`` are drawn on the spot. ``mnist``, ``fashion_mnist``, ``kmnist``, ``emnist``, ``cifar10`` and ``cifar100`` are read
from files or the net; ``iris``, ``tiny_shakespeare``, ``samson`` and ``indian_pines`` from files alone.

>>> from minidl.datasets import digits
>>> (x_train, y_train), (x_test, y_test) = digits.load_data(100, 20)
"""

from minidl.datasets import (
    cifar10,
    cifar100,
    digits,
    emnist,
    fashion_mnist,
    indian_pines,
    iris,
    kmnist,
    mnist,
    samson,
    tiny_shakespeare,
)
from minidl.datasets.idx import read_idx
from minidl.datasets.mat import read_mat
from minidl.datasets.npy import read_npy, read_npz

__all__ = [
    "cifar10",
    "cifar100",
    "digits",
    "emnist",
    "fashion_mnist",
    "indian_pines",
    "iris",
    "kmnist",
    "mnist",
    "read_idx",
    "read_mat",
    "read_npy",
    "read_npz",
    "samson",
    "tiny_shakespeare",
]
