"""Data for training: arrays and streams of batches, validated before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.on_demand import on_demand

_FILES = {
    "arrays": "ArrayData Batch",
    "augmentation": "ImageAugmentation",
    "dataset": "Dataset",
    "sequences": "pad_sequences sampling_table sequence_windows skip_grams",
    "split": "class_weights split_last",
    "stream": "StreamData is_stream refuse_beside_stream",
    "text": "Characters Tokenizer hash_words text_to_words",
    "windows": "PixelWindows",
}

if TYPE_CHECKING:  # what the names are: type checkers and editors cannot follow a lookup by name
    from minidl.data.arrays import ArrayData as ArrayData
    from minidl.data.arrays import Batch as Batch
    from minidl.data.augmentation import ImageAugmentation as ImageAugmentation
    from minidl.data.dataset import Dataset as Dataset
    from minidl.data.sequences import pad_sequences as pad_sequences
    from minidl.data.sequences import sampling_table as sampling_table
    from minidl.data.sequences import sequence_windows as sequence_windows
    from minidl.data.sequences import skip_grams as skip_grams
    from minidl.data.split import class_weights as class_weights
    from minidl.data.split import split_last as split_last
    from minidl.data.stream import StreamData as StreamData
    from minidl.data.stream import is_stream as is_stream
    from minidl.data.stream import refuse_beside_stream as refuse_beside_stream
    from minidl.data.text import Characters as Characters
    from minidl.data.text import Tokenizer as Tokenizer
    from minidl.data.text import hash_words as hash_words
    from minidl.data.text import text_to_words as text_to_words
    from minidl.data.windows import PixelWindows as PixelWindows
else:  # hidden from them, so that they notice a misspelt name
    __getattr__, __dir__, __all__ = on_demand(__name__, _FILES)
