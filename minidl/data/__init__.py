"""Data for training: arrays and streams of batches, validated before they are used."""

from minidl.data.arrays import ArrayData as ArrayData
from minidl.data.arrays import Batch as Batch
from minidl.data.augmentation import ImageAugmentation as ImageAugmentation
from minidl.data.dataset import Dataset as Dataset
from minidl.data.split import class_weights as class_weights
from minidl.data.split import split_last as split_last
from minidl.data.stream import StreamData as StreamData
from minidl.data.stream import is_stream as is_stream
from minidl.data.stream import refuse_beside_stream as refuse_beside_stream
from minidl.data.windows import PixelWindows as PixelWindows
