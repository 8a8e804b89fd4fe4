"""Data at the door: checked once, then cut into batches."""

from minidl.data.arrays import ArrayData as ArrayData
from minidl.data.arrays import Batch as Batch
from minidl.data.split import class_weights as class_weights
from minidl.data.split import split_last as split_last
