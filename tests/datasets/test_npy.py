"""The .npy and .npz readers: equal to numpy.load on honest files, and deaf to hostile ones."""

import io
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from minidl.datasets.npy import read_npy, read_npz
from minidl.errors import DatasetError


def npy_bytes(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_with_header(text, data=b"", version=(1, 0)):
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text.encode("latin1") + data


def header(shape, descr="'<f8'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def refused(read, path, *words):
    """The file is refused with all words in the message, and at no time is more than 4 MiB taken."""
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError) as caught:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert len(str(caught.value)) <= 500
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("dtype", ["|u1", "<i8", ">i4", ">f4", "<f8", "<f2", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_reads_what_numpy_wrote(tmp_path, dtype, order):
    array = np.asarray(np.arange(24).reshape(2, 3, 4).astype(dtype), order=order)
    path = tmp_path / "numbers.npy"
    np.save(path, array)
    read = read_npy(path)
    assert read.dtype.isnative
    assert read.flags.c_contiguous
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array.astype(array.dtype.newbyteorder("=")), strict=True)


def test_the_80_byte_header_of_older_numpy(tmp_path):
    text = header("(3,)", "'|u1'").strip()
    path = tmp_path / "old.npy"
    path.write_bytes(npy_with_header(text + " " * (80 - 10 - len(text) - 1) + "\n", bytes([7, 8, 9])))
    assert path.stat().st_size == 83
    assert read_npy(path).tolist() == [7, 8, 9]


def test_format_2_scalars_and_no_items(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(npy_with_header(header("(1,)"), struct.pack("<d", 2.5), (2, 0)))
    assert read_npy(path).tolist() == [2.5]
    for array in (np.array(3), np.zeros((0, 28, 28), np.uint8)):
        path.write_bytes(npy_bytes(array))
        np.testing.assert_array_equal(read_npy(path), array, strict=array.ndim > 0)


class Trap:
    """Unpickling this would be noticed."""

    opened = False

    def __reduce__(self):
        return setattr, (Trap, "opened", True)


HOSTILE = {
    "no bytes": (b"", "broken .npy header"),
    "not npy": (b"<html>404</html>", "broken .npy header"),
    "a pickle": (pickle.dumps([1, 2]), "broken .npy header"),
    "objects": (npy_bytes(np.array([Trap()], object), allow_pickle=True), "type object"),
    "records": (npy_bytes(np.zeros(2, [("a", "i4"), ("b", "O")])), "elements of type"),
    "text": (npy_bytes(np.array(["a", "b"])), "elements of type"),
    "10^12 floats": (npy_with_header(header("(1000000000000,)"), bytes(64)), "declares 8000000000000 bytes"),
    "2^200 floats": (npy_with_header(header(f"({2**100}, {2**100})"), bytes(64)), "declares"),
    "no items, huge axis": (npy_with_header(header(f"(0, {2**100})")), "shape (0, "),
    "a truth value for a size": (npy_with_header(header("(True,)"), bytes(8)), "shape (True,)"),
    "an axis that no array can have, none of it": (npy_with_header(header(f"(0, {2**62})")), "shape (0, "),
    "3,000 axes": (npy_with_header(header(f"({'1,' * 3000})"), bytes(8)), "a shape that NumPy can hold"),
    "a size of 4,001 digits": (npy_with_header(header(f"({10**4000},)"), bytes(64)), "more than 10**100"),
    "a size of 8,001 digits": (npy_with_header(header(f"({10**4000}, {10**4000})"), bytes(64)), "more than 10**100"),
    "500 fields": (npy_bytes(np.zeros(1, [(f"field{i}", "i4") for i in range(250)])), "elements of type"),
    "negative axes": (npy_with_header(header("(-2, -4)"), bytes(64)), "shape (-2, -4)"),
    "one byte short": (npy_bytes(np.arange(9.0))[:-1], "the 71 bytes"),
    "one byte too many": (npy_bytes(np.arange(9.0)) + b"\0", "the 73 bytes"),
    "nested header": (npy_with_header("(" * 5000 + ")" * 5000), "broken .npy header"),
    "long header": (npy_with_header(header("(1,)") + " " * 20000, bytes(8)), "broken .npy header"),
    "10,001 byte header": (npy_with_header(header("(1,)").ljust(10001), bytes(8)), "10001 bytes long"),
    "4 GB header": (b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(50), "broken .npy header"),
    "code in the header": (npy_with_header("__import__('os').abort()"), "broken .npy header"),
    "unknown type": (npy_with_header(header("(1,)", "'<q77'"), bytes(8)), "broken .npy header"),
    "format 9": (npy_with_header(header("(1,)"), bytes(8), (9, 0)), "broken .npy header"),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("content, word", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_npy_is_refused_without_memory(tmp_path, content, word):
    path = tmp_path / "hostile.npy"
    path.write_bytes(content)
    refused(read_npy, path, word, "expected", "To fix it")
    with zipfile.ZipFile(tmp_path / "hostile.npz", "w") as archive:
        archive.writestr("x.npy", content)
    refused(lambda path: read_npz(path, ["x"]), tmp_path / "hostile.npz", "x.npy", word)
    assert not Trap.opened


def test_missing_files_and_folders(tmp_path):
    for read in (read_npy, lambda path: read_npz(path, ["x"])):
        refused(read, tmp_path / "nowhere", "nothing")
        refused(read, tmp_path, "a folder")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_archives_and_leaves_other_members_alone(tmp_path, save):
    x, y = np.arange(12, dtype=np.uint8).reshape(3, 4), np.array([1, 2, 3])
    path = tmp_path / "two.npz"
    save(path, y=y, x=x, objects=np.array([Trap()], object))
    arrays = read_npz(path, ["x", "y"])
    assert list(arrays) == ["x", "y"]
    np.testing.assert_array_equal(arrays["x"], x, strict=True)
    np.testing.assert_array_equal(arrays["y"], y, strict=True)
    refused(lambda path: read_npz(path, ["x", "z"]), path, "x.npy", "z.npy")
    refused(lambda path: read_npz(path, ["objects"]), path, "type object")
    assert not Trap.opened


def archive_bytes(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return stream.getvalue()


X = npy_bytes(np.arange(3.0))
GOOD_ARCHIVE = archive_bytes([("x.npy", X)])
DIRECTORY = GOOD_ARCHIVE.index(b"PK\1\2")


def patched(offset, value):
    """The good archive with a little-endian number of its central directory changed."""
    start = DIRECTORY + offset
    return GOOD_ARCHIVE[:start] + value + GOOD_ARCHIVE[start + len(value) :]


BAD_ARCHIVES = {
    "no bytes": (b"", "broken archive"),
    "not zip": (b"<html>404</html>", "broken archive"),
    "breaks off": (GOOD_ARCHIVE[:-30], "broken archive"),
    "bit flipped": (GOOD_ARCHIVE.replace(X[-8:], bytes(8)), "CRC"),
    "absolute name": (archive_bytes([("/x.npy", X), ("x.npy", X)]), "'/x.npy'"),
    "name outside": (archive_bytes([("a/../../x.npy", X), ("x.npy", X)]), "'a/../../x.npy'"),
    "name outside in Windows": (archive_bytes([("..\\x.npy", X), ("x.npy", X)]), "x.npy"),
    "drive": (archive_bytes([("c:x.npy", X), ("x.npy", X)]), "'c:x.npy'"),
    "many long names": (archive_bytes([(f"{number}\x1b[2J{'y' * 200}.npy", X) for number in range(20)]), "x.npy in it"),
    "bzip2": (archive_bytes([("x.npy", X)], zipfile.ZIP_BZIP2), "method 12"),
    "encrypted": (patched(8, b"\1\0"), "broken archive (File"),
    "declares 4 GB": (patched(24, b"\xf0\xff\xff\xff"), "4294967280 bytes"),
    "declares 64 KB": (patched(24, b"\0\0\1\0"), "x.npy"),
    "wrong checksum": (patched(16, b"\1\2\3\4"), "CRC"),
    "member beyond the end": (patched(20, b"\xff\xff\xff\0"), "overlap"),
    "bomb": (
        archive_bytes([("x.npy", npy_with_header(header("(3,)"), bytes(64 << 20)))], zipfile.ZIP_DEFLATED),
        "declares 24 bytes",
    ),
}


@pytest.mark.parametrize("content, word", BAD_ARCHIVES.values(), ids=BAD_ARCHIVES.keys())
def test_hostile_npz_is_refused_without_memory(tmp_path, content, word):
    path = tmp_path / "hostile.npz"
    path.write_bytes(content)
    refused(lambda path: read_npz(path, ["x"]), path, word, "expected", "To fix it")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(tmp_path):
    path = tmp_path / "twins.npz"
    path.write_bytes(archive_bytes([("x.npy", X), ("x.npy", X)]))
    refused(lambda path: read_npz(path, ["x"]), path, "two members of one name")
