"""The reader of .mat files: against files written byte by byte here, against scipy where it is installed, and hostile ones."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from minidl.datasets import read_mat
from minidl.errors import DatasetError

TYPES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9, "i8": 12, "u8": 13}
CLASSES = {"f8": 6, "f4": 7, "i1": 8, "u1": 9, "i2": 10, "u2": 11, "i4": 12, "u4": 13, "i8": 14, "u8": 15}


def head(order="<", version=0x0100):
    mark = b"IM" if order == "<" else b"MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", version) + mark


def element(kind, data, order="<"):
    return struct.pack(order + "II", kind, len(data)) + data + bytes(-len(data) % 8)


def short(kind, data, order="<"):
    return struct.pack(order + "I", len(data) << 16 | kind) + data.ljust(4, b"\0")


def matrix(name, array, stored=None, order="<", flags=0, kind=None, shape=None, number_class=None):
    code = array.dtype.str[1:] if number_class is None else number_class
    stored = stored or array.dtype.str[1:]
    number = CLASSES.get(code, code) if kind is None else kind
    parts = element(6, struct.pack(order + "II", number | flags, 0), order)
    parts += element(5, struct.pack(f"{order}{array.ndim if shape is None else len(shape)}i", *(shape or array.shape)), order)
    parts += short(1, name.encode(), order) if len(name) <= 4 else element(1, name.encode(), order)
    parts += element(TYPES[stored], array.astype(order + stored).tobytes(order="F"), order)
    return element(14, parts, order)


def packed(content, order="<"):
    data = zlib.compress(content)
    return struct.pack(order + "II", 15, len(data)) + data


def written(tmp_path, content):
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    return path


A = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", CLASSES)
@pytest.mark.parametrize("packing", [lambda content, order: content, packed], ids=["plain", "packed"])
def test_every_type(tmp_path, order, code, packing):
    numbers = A.astype(code)
    path = written(tmp_path, head(order) + packing(matrix("numbers", numbers, order=order), order))
    found = read_mat(path)
    assert list(found) == ["numbers"]
    np.testing.assert_array_equal(found["numbers"], numbers, strict=True)
    assert found["numbers"].flags.c_contiguous
    assert found["numbers"].flags.writeable


def test_doubles_stored_as_bytes_truth_values_and_scalars(tmp_path):
    content = matrix("x", A.astype("f8"), stored="u1") + matrix("t", np.array([[1, 0]], "u1"), flags=0x200)
    content += matrix("one", np.array([[2.5]])) + matrix("none", np.zeros((0, 3)))
    found = read_mat(written(tmp_path, head() + content))
    np.testing.assert_array_equal(found["x"], A.astype("f8"), strict=True)
    np.testing.assert_array_equal(found["t"], np.array([[True, False]]), strict=True)
    assert found["one"].tolist() == [[2.5]]
    assert found["none"].shape == (0, 3)


def test_names_choose_and_other_things_are_left_out(tmp_path):
    others = matrix("cell", A, kind=1) + matrix("word", A, kind=4) + matrix("z", A.astype("f8"), flags=0x800)
    others += element(14, b"") + element(2, b"abc")
    path = written(tmp_path, head() + others + matrix("a", A) + packed(matrix("b", 2 * A)))
    assert sorted(read_mat(path)) == ["a", "b"]
    assert list(read_mat(path, ("b", "a"))) == ["b", "a"]
    for name, word in (("cell", "a cell array"), ("word", "text"), ("z", "a complex array"), ("c", "an archive of a, b")):
        with pytest.raises(DatasetError, match=word):
            read_mat(path, [name])


def test_as_scipy_reads_and_writes(tmp_path):
    scipy_io = pytest.importorskip("scipy.io", reason="scipy is not installed")
    rng = np.random.default_rng(0)
    data = {f"array_{code}": (100 * rng.random((3, 4))).astype(code) for code in CLASSES}
    data |= {
        "flag": np.array([[True, False]]),
        "cube": rng.normal(size=(2, 3, 4)),
        "cell": np.array([[1, "a"]], object),
        "s": "text",
    }
    for compress in (False, True):
        scipy_io.savemat(tmp_path / "x.mat", data, do_compression=compress)
        found = read_mat(tmp_path / "x.mat")
        assert sorted(found) == sorted(name for name in data if name not in ("cell", "s"))
        for name, array in found.items():
            np.testing.assert_array_equal(array, data[name], strict=True)


def refused(path, *words):
    tracemalloc.start()
    try:
        with pytest.raises(DatasetError) as caught:
            read_mat(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    for word in (str(path), *words):
        assert word in str(caught.value)
    assert len(str(caught.value)) <= 500
    assert str(caught.value).isprintable()


def test_hostile_files(tmp_path):
    good, whole = head(), matrix("a", A)
    for content, word in (
        (b"", "level 5"),
        (b"\x80\x04pickle".ljust(200), "level 5"),
        (b"MATLAB 7.3 MAT-file".ljust(128), "h5py"),
        (b"\x89HDF\r\n".ljust(300), "h5py"),
        (head(version=0x0200), "level 5"),
        (good + whole[:-9], "element of"),
        (good + b"abc", "breaks off"),
        (good + struct.pack("<II", 14, 2**31), "element of 2147483648 bytes"),
        (good + struct.pack("<II", 9 << 16 | 14, 0), "short element"),
        (good + element(14, element(6, bytes(8))), "breaks off"),
        (good + element(14, element(6, bytes(4)) + element(5, bytes(8)) + element(1, b"a")), "broken head"),
        (good + matrix("a", A, shape=(2**20, 2**20)), "bytes, i8, for shape"),
        (good + matrix("a", A, shape=(-2, -12)), "NumPy can hold"),
        (good + matrix("a", np.zeros((0, 3)), shape=(0, 2**31 - 1, 2**31 - 1, 2**31 - 1)), "NumPy can hold"),
        (good + matrix("a", A, shape=(2, 3, 3)), "for shape (2, 3, 3)"),
        (good + matrix("a", A, shape=(1,) * 40), "NumPy can hold"),
        (good + packed(whole)[:-4], "element of"),
        (good + struct.pack("<II", 15, 8) + b"no zlib!", "broken compressed"),
        (good + packed(b"ab"), "breaks off"),
        (good + packed(element(9, bytes(8))), "packed element of type 9"),
        (good + packed(struct.pack("<II", 14, 2**31)), "2147483648 bytes"),
        (good + packed(struct.pack("<II", 14, 16) + bytes(10**7)), "17 bytes of a packed array"),
        (good + packed(struct.pack("<II", 14, 160) + bytes(10)), "10 bytes of a packed array"),
    ):
        refused(written(tmp_path, content), word)


def test_numbers_of_another_kind_are_refused(tmp_path):
    """The element behind the name must hold integers or floats."""
    parts = (
        element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<2i", 1, 1)) + element(1, b"a") + element(16, b"x" * 8)
    )
    refused(written(tmp_path, head() + element(14, parts)), "numbers of type 16")
    parts = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<2i", 1, 1)) + element(1, b"a")
    refused(written(tmp_path, head() + element(14, parts)), "numbers of type 0")


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.mat"):
        with pytest.raises(DatasetError, match="expected a file"):
            read_mat(path)


def test_any_damage_is_a_dataset_error(tmp_path):
    content = head() + matrix("a", A) + packed(matrix("b", A.astype("f4")))
    rng, path = np.random.default_rng(3), tmp_path / "x.mat"
    for _ in range(150):
        spoilt = bytearray(content)
        for _ in range(rng.integers(1, 4)):
            spoilt[rng.integers(0, len(spoilt))] = rng.integers(0, 256)
        path.write_bytes(spoilt[: rng.integers(0, len(spoilt) + 1)] if rng.random() < 0.3 else spoilt)
        try:
            read_mat(path)
        except DatasetError:
            continue


def test_npz_without_names_reads_all(tmp_path):
    from minidl.datasets import read_npz

    np.savez(tmp_path / "x.npz", a=A, b=2 * A)
    found = read_npz(tmp_path / "x.npz")
    assert sorted(found) == ["a", "b"]
    np.testing.assert_array_equal(found["b"], 2 * A)
    buffer = io.BytesIO()
    np.savez(buffer, a=A, o=np.array([None], object))
    (tmp_path / "y.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DatasetError, match="plain numbers"):
        read_npz(tmp_path / "y.npz")
