"""Pickles of plain values are read as ``pickle`` reads them; hostile ones import nothing, call nothing and take no memory."""

import contextlib
import copy
import pickle
import struct
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.datasets.plain_pickle import read_plain_pickle
from minidl.errors import DatasetError

NUMBERS = st.integers(-(2**100), 2**100) | st.floats(allow_nan=False) | st.booleans() | st.none()
KEYS = st.text(max_size=4) | st.binary(max_size=4) | st.integers(-(2**40), 2**40)
VALUES = st.recursive(
    NUMBERS | st.text(max_size=300) | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=20,
)


def objects(*items):
    array = np.empty(len(items), object)
    for index, item in enumerate(items):
        array[index] = item
    return array


def same(a, b):
    if isinstance(a, np.ndarray):
        equal = a.shape == b.shape and a.dtype.newbyteorder("=") == b.dtype
        return equal and all(same(x, y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@settings(max_examples=60, deadline=None)
@given(value=VALUES, protocol=st.integers(2, 5))
def test_plain_values_are_read_as_pickle_reads_them(value, protocol):
    assert same(value, read_plain_pickle(pickle.dumps(value, protocol), "f"))


ARRAYS = [
    *(np.arange(6).reshape(2, 3).astype(kind) for kind in ("u1", "i2", "<i4", ">i4", "u8", "f2", ">f4", "f8", "?")),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.zeros((0, 3)),
    np.array(2.5),
    objects([1, 2, 70000], [], [300]),
    objects("ab", None, np.arange(3)),
]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_are_read_as_pickle_reads_them(protocol):
    for array in ARRAYS:
        found = read_plain_pickle(pickle.dumps({"a": array, b"b": [copy.deepcopy(array)]}, protocol), "f")
        assert same(array, found["a"]), array
        assert same(array, found[b"b"][0]), array
        assert found["a"].flags.writeable
    scalar = read_plain_pickle(pickle.dumps([np.int64(-3), np.float32(0.5)], protocol), "f")
    assert scalar == [-3, 0.5]
    assert type(scalar[0]) is int


def python_2(array):
    """An array as NumPy wrote it under Python 2, protocol 2: all texts are bytes."""
    content = array.tobytes()
    parts = [
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02U\x01bq\x03\x87q\x04Rq\x05(K\x01"
    ]
    parts += [b"K" + bytes([size]) for size in array.shape]
    parts += [
        b"\x86q\x06cnumpy\ndtype\nq\x07U\x02u1q\x08K\x00K\x01\x87q\x09Rq\x0a(K\x03U\x01|q\x0bNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
    ]
    parts += [b"K\x00tq\x0cb\x89T", struct.pack("<I", len(content)), content, b"q\x0dtq\x0eb."]
    return b"".join(parts)


def test_pickles_of_python_2_are_read():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert same(array, pickle.loads(python_2(array), encoding="latin1"))  # the example is a right one
    assert same(array, read_plain_pickle(python_2(array), "f"))
    assert read_plain_pickle(b"\x80\x02}q\x00(U\x06labelsq\x01]q\x02(K\x03M\x01\x02eu.", "f") == {b"labels": [3, 513]}


class Reduced:
    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


def laughs():
    """Ten lists of ten times the list before."""
    rows = b"]q\x00"
    for level in range(1, 11):
        rows += b"](" + b"h" + bytes([level - 1]) * 1 + (b"h" + bytes([level - 1])) * 9 + b"eq" + bytes([level])
    return b"\x80\x02" + rows + b"."


def array_of(shape, kind, content):
    state = (1, shape, np.dtype(kind), False, content)
    return pickle.dumps(Reduced(np._core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state), 4)


HOSTILE = {
    "a call of a name": pickle.dumps(Reduced(print, ("no",)), 2),
    "a call of a name of protocol 4": pickle.dumps(Reduced(eval, ("1 + 1",)), 4),
    "a function that imports": b"\x80\x02c__builtin__\n__import__\nU\x02os\x85R.",
    "a name of NumPy that is none of arrays": b"\x80\x02cnumpy\nload\nU\x01a\x85R.",
    "an attribute of a module": b"\x80\x04\x8c\x05numpy\x8c\x0dndarray.tofile\x93.",
    "a word where a text is expected": b"\x80\x04K\x01K\x02\x93.",
    "an object of protocol 2": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "an object of protocol 0": b"\x80\x02(ios\nsystem\n.",
    "an object of protocol 1": b"\x80\x02(cnumpy\nndarray\no.",
    "a persistent name": b"\x80\x02Pname\n.",
    "a persistent name from the stack": b"\x80\x02U\x01aQ.",
    "a registered extension": b"\x80\x02\x82\x01.",
    "a buffer from elsewhere": b"\x80\x05\x97.",
    "the top of the stack twice": b"\x80\x02]2\x86.",
    "protocol 0": pickle.dumps([1, 2], 0),
    "a protocol of the future": b"\x80\x06K\x01.",
    "a list in two places": b"\x80\x02]q\x00](h\x00h\x00e.",
    "a list in a tuple in two places": b"\x80\x02]\x85q\x00](h\x00h\x00e.",
    "lists of lists of one list": laughs(),
    "a list that holds itself": b"\x80\x02]q\x00h\x00a.",
    "a dictionary in two places": b"\x80\x02}q\x00h\x00\x86.",
    "a text of more bytes than there are": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"abc.",
    "a text of nearly as many": b"\x80\x02U\x05abc.",
    "an integer of a gigabyte": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"\x01.",
    "an integer of 17 bytes": b"\x80\x02\x8a\x11" + bytes(17) + b".",
    "bad Unicode": b"\x80\x04\x8c\x02\xff\xff.",
    "nothing": b"",
    "only a protocol": b"\x80\x02",
    "a stop without a value": b"\x80\x02.",
    "two values": b"\x80\x02K\x01K\x02.",
    "a mark that is left": b"\x80\x02(K\x01.",
    "a word as the value": b"\x80\x02cnumpy\nndarray\n.",
    "an array without its state": pickle.dumps(np.zeros(3), 4).rpartition(b"b.")[0] + b"0.",
    "items for a number": b"\x80\x02K\x01(K\x02e.",
    "items without a mark": b"\x80\x02]K\x01e.",
    "a key that is a list": b"\x80\x02}(]K\x01u.",
    "a key without a value": b"\x80\x02}(K\x01u.",
    "a value that was never kept": b"\x80\x02h\x05.",
    "an array of too few bytes": array_of((3,), "u1", b"ab"),
    "an array of too many bytes": array_of((3,), "u1", b"abcd"),
    "an array of a list of numbers": array_of((3,), "u1", [1, 2, 3]),
    "an array of a negative size": array_of((-1, -3), "u1", b"abc"),
    "an array of a size that is no number": array_of((True,), "u1", b"a"),
    "an array without elements of a size beyond all": array_of((0, 1 << 70), "u1", b""),
    "an array of more axes than there can be": array_of((1,) * 70, "u1", b"a"),
    "an array of objects without all": array_of((3,), "O", [1, 2]),
    "an array of texts": pickle.dumps(np.array(["ab"]), 4),
    "an array of records": pickle.dumps(np.zeros(2, [("a", "i4")]), 4),
    "an array of dates": pickle.dumps(np.array(["2020-01-01"], "M8[D]"), 4),
    "bytes of another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_pickles_are_refused(what, capsys):
    modules = set(sys.modules)
    with pytest.raises(DatasetError, match=r"^a file: received .*; expected a (pickle of lists|shape)"):
        read_plain_pickle(HOSTILE[what], "a file")
    assert set(sys.modules) == modules
    assert capsys.readouterr().out == ""


def test_no_memory_is_taken_for_what_is_only_declared():
    for content in (HOSTILE["a text of more bytes than there are"], array_of((1 << 40,), "f8", b""), laughs()):
        tracemalloc.start()
        with pytest.raises(DatasetError):
            read_plain_pickle(content, "f")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20


def test_errors_say_what_to_do():
    with pytest.raises(DatasetError, match=r"the name '__builtin__ print', which could run programs.*do not trust this file"):
        read_plain_pickle(HOSTILE["a call of a name"], "f")
    with pytest.raises(DatasetError, match=r"one list in two places.*numpy\.savez"):
        read_plain_pickle(HOSTILE["a list in two places"], "f")
    with pytest.raises(DatasetError, match=r"text of 5 bytes, of which 4 follow"):
        read_plain_pickle(HOSTILE["a text of nearly as many"], "f")
    with pytest.raises(DatasetError, match=r"2 bytes for an array of uint8 and shape \(3,\)"):
        read_plain_pickle(HOSTILE["an array of too few bytes"], "f")
    with pytest.raises(DatasetError, match=r"a pickle that breaks off.*get it again"):
        read_plain_pickle(pickle.dumps([1, 2], 2)[:-1], "f")


def test_damaged_pickles_are_values_or_errors():
    generator = np.random.default_rng(0)
    whole = pickle.dumps(
        {"labels": [1, 300, 70000], "data": np.arange(6, dtype="u1").reshape(2, 3), "o": objects([1], [2, 3])}, 2
    )
    for end in range(len(whole)):
        with pytest.raises(DatasetError):
            read_plain_pickle(whole[:end], "f")
    for _ in range(1500):
        content = bytearray(whole)
        for place in generator.integers(0, len(whole), generator.integers(1, 5)).tolist():
            content[place] = int(generator.integers(0, 256))
        with contextlib.suppress(DatasetError):
            read_plain_pickle(content, "f")
