"""Data sets: ``mnist`` from files or the net, ``digits`` drawn on the spot. Both have ``load_data()``.

>>> from minidl.datasets import digits
>>> (x_train, y_train), (x_test, y_test) = digits.load_data(100, 20)
"""

from minidl.datasets import digits, mnist

__all__ = ["digits", "mnist"]
