"""The IDX reader: what it reads exactly, and what it refuses before taking memory for it."""

import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest

from minidl.datasets.idx import read_idx
from minidl.errors import DatasetError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx_bytes(array, code=None, shape=None):
    shape = array.shape if shape is None else shape
    code = CODES[array.dtype.str[1:]] if code is None else code
    head = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def refused(path, *words):
    """The file is refused with all words in the message, and at no time is more than 4 MiB taken."""
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError) as caught:
            read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert len(str(caught.value)) <= 500


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", CODES)
def test_reads_every_type_in_native_order(tmp_path, dtype, pack):
    array = np.arange(-6, 18).reshape(2, 3, 4).astype(dtype)
    path = tmp_path / "numbers"
    path.write_bytes(pack(idx_bytes(array)))
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.flags.writeable
    assert read.flags.c_contiguous
    np.testing.assert_array_equal(read, array, strict=True)


def test_the_bytes_of_the_format_itself(tmp_path):
    path = tmp_path / "two-by-two"  # written down by hand, so that reader and writer cannot be wrong together
    path.write_bytes(bytes.fromhex("0000 0b 02 00000002 00000002 0001 0100 ffff 7fff"))
    np.testing.assert_array_equal(read_idx(path), np.array([[1, 256], [-1, 32767]], np.int16), strict=True)


def test_a_gz_file_that_is_not_compressed_is_read(tmp_path):
    path = tmp_path / "unpacked-by-the-browser.gz"
    path.write_bytes(idx_bytes(np.array([1, 2, 3], np.uint8)))
    assert read_idx(path).tolist() == [1, 2, 3]


def test_no_items_at_all(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(idx_bytes(np.zeros((0, 28, 28), np.uint8)))
    assert read_idx(path).shape == (0, 28, 28)


def test_data_of_many_chunks(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (3000, 28, 28), np.uint8)
    path = tmp_path / "large.gz"
    path.write_bytes(gzip.compress(idx_bytes(array), 1))
    np.testing.assert_array_equal(read_idx(path), array)


GOOD = idx_bytes(np.arange(20, dtype=np.uint8))
NOISE = np.random.default_rng(0).integers(0, 256, 50_000, np.uint8)  # could unpack to 50 MB, had it been zeros
HOSTILE = {
    "no bytes": (b"", "missing"),
    "text": (b"<html>404</html>", "3c 68 74 6d"),
    "first byte not 0": (b"\1" + GOOD[1:], "01 00 08 01"),
    "second byte not 0": (b"\0\1" + GOOD[2:], "00 01 08 01"),
    "unknown type": (idx_bytes(np.zeros(3, np.uint8), code=10), "00 00 0a 01"),
    "no axes": (b"\0\0\x08\0" + bytes(20), "0 axes"),
    "255 axes": (b"\0\0\x08\xff" + bytes(2000), "255 axes"),
    "header breaks off": (b"\0\0\x08\x03\0\0", "breaks off"),
    "one byte short": (GOOD[:-1], "declares 20 bytes"),
    "one byte too many": (GOOD + b"\0", "more than 20"),
    "2^31 items in 20 bytes": (idx_bytes(np.zeros(12, np.uint8), shape=(2**31,)), "declares 2147483648 bytes"),
    "2^127 items": (b"\0\0\x08\x04" + b"\x7f\xff\xff\xff" * 4 + bytes(99), "declares"),
    "no items, axes of 2^32 - 1": (b"\0\0\x08\x03\0\0\0\0" + b"\xff\xff\xff\xff" * 2, "a shape that NumPy can hold"),
    "gz, no items, axes of 2^32 - 1": (
        gzip.compress(b"\0\0\x08\x03\0\0\0\0" + b"\xff\xff\xff\xff" * 2),
        "a shape that NumPy can hold",
    ),
    "8 axes of 2^32 - 1": (b"\0\0\x08\x08" + b"\xff\xff\xff\xff" * 8, "declares"),
    "gz, 2^31 items": (gzip.compress(idx_bytes(np.zeros(12, np.uint8), shape=(2**31,))), "declares 2147483648 bytes"),
    "gz, one byte short": (gzip.compress(GOOD[:-1]), "19 bytes of data"),
    "gz, one byte too many": (gzip.compress(GOOD + b"\0"), "more than 20"),
    "gz, breaks off": (gzip.compress(GOOD)[:-9], "broken gzip"),
    "gz, without checksum": (gzip.compress(GOOD)[:-8], "broken gzip"),
    "gz, wrong checksum": (gzip.compress(GOOD)[:-8] + b"\1\2\3\4" + gzip.compress(GOOD)[-4:], "broken gzip"),
    "gz, bytes behind": (gzip.compress(GOOD) + b"behind", "broken gzip"),
    "gz bomb": (gzip.compress(GOOD + bytes(64 << 20)), "more than 20"),
    "gz, possible but absent": (gzip.compress(idx_bytes(NOISE, shape=(40_000_000,))), "50000 bytes of data"),
}


@pytest.mark.parametrize("content, word", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_without_memory(tmp_path, content, word):
    path = tmp_path / "hostile"
    path.write_bytes(content)
    refused(path, word, "expected", "To fix it")


def test_a_missing_file_a_folder_and_a_pipe(tmp_path):
    refused(tmp_path / "nowhere", "nothing")
    refused(tmp_path, "a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "not a file")
