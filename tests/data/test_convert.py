"""What users hold becomes arrays: pandas, DLPack, lists; and what cannot is explained. PyTorch is in tests/peers."""

import numpy as np
import pytest

from minidl.data import ArrayData
from minidl.data.convert import to_host
from minidl.errors import ArgumentTypeError, DataError, DataWarning

X = np.arange(12, dtype=np.float32).reshape(6, 2)


class Shared:
    """An array that offers DLPack and nothing else."""

    def __init__(self, array, device=1):
        self.array, self.device = array, device

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device, 0


class Arrayed:
    def __array__(self, dtype=None, copy=None):
        return X


def test_arrays_lists_and_whatever_offers_its_numbers():
    for given in (X, X.tolist(), Shared(X), Arrayed(), list(X), memoryview(X), X.astype(">f4")):
        found = to_host(given, "x")
        np.testing.assert_array_equal(found, X)
        assert found.dtype.isnative
    assert np.shares_memory(to_host(Shared(X), "x"), X)
    assert np.shares_memory(to_host(X, "x"), X)


def batches():
    yield X


def test_a_memory_map_is_not_read_whole(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = ArrayData(mapped, input_shape=(2,), dtype="float32", where="fit")
    assert np.shares_memory(found.x[0], mapped)
    np.testing.assert_array_equal(next(found.batches(4, np.array([3, 1]))).x, X[[3, 1]])


@pytest.mark.parametrize(
    "given, words",
    [
        (Shared(X, device=2), ["another device", "memory of the CPU"]),
        (Shared(X.astype(complex)), ["complex128", "real numbers"]),
        ({"a": X}, ["an object of type dict", "an array"]),
        ({1, 2}, ["an object of type set", "an array"]),
        (print, ["builtin_function_or_method", "an array"]),
        (batches, ["the generator function batches", "call it, batches()", "Dataset.from_generator(batches)"]),
        (iter(X), ["iterator", "np.stack(list(...))"]),
    ],
)
def test_what_is_no_array(given, words):
    with pytest.raises(ArgumentTypeError) as raised:
        to_host(given, "fit: x")
    assert [word for word in ["fit: x", *words] if word not in str(raised.value)] == [], str(raised.value)


def test_sparse_matrices_are_explained():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ArgumentTypeError, match=r"a sparse csr_\w+; expected an array.* To fix it: x.toarray\(\)"):
        to_host(sparse.csr_matrix(X), "fit: x")


class File:
    """An array in an HDF5 file: rows by slice or by ascending indices, and a note of what was read."""

    chunks = None

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.read = array, array.shape, array.dtype, []

    def __getitem__(self, which):
        assert isinstance(which, slice) or (isinstance(which, list) and which == sorted(set(which)))
        self.read.append(len(self.array[which]))
        return self.array[which]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("it was read whole")


@pytest.mark.parametrize("stored", ["u1", "f8", ">i2"])
def test_an_array_in_a_file_is_read_batch_by_batch(stored):
    rows = np.arange(46).reshape(23, 2).astype(stored)
    file, expected = File(rows), ArrayData(rows, input_shape=(2,), dtype="float32", where="fit")
    found = ArrayData(file, input_shape=(2,), dtype="float32", where="fit", nan="ignore")
    assert file.read == []
    for part in (slice(None), slice(3, 18), slice(8, None)):
        a, b = found.select(part), expected.select(part)
        assert len(a) == len(b)
        for order in (None, np.random.default_rng(0).permutation(len(b))):
            for one, other in zip(a.batches(4, order), b.batches(4, order), strict=True):
                np.testing.assert_array_equal(one.x, other.x, strict=True)
    assert max(file.read) == 4
    ids = ArrayData(file, input_shape=(2,), dtype="float32", input_dtypes=("int32",), where="fit")
    np.testing.assert_array_equal(next(ids.batches(23)).x, rows.astype("int32"), strict=True)


def test_a_number_in_a_file_that_is_not_finite_is_found():
    rows = np.ones((5, 2))
    rows[3, 1] = np.nan
    with pytest.warns(DataWarning, match="sample 3"):
        ArrayData(File(rows), input_shape=(2,), dtype="float32", where="fit")


# -- pandas ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pandas():
    return pytest.importorskip("pandas")


def test_tables_of_numbers(pandas):
    table = pandas.DataFrame(X, columns=["a", "b"], index=[5, 4, 3, 2, 1, 0])
    np.testing.assert_array_equal(to_host(table, "x"), X, strict=True)
    np.testing.assert_array_equal(to_host(table["b"], "x"), X[:, 1], strict=True)
    labels = pandas.Series(np.arange(6, dtype="u1"))
    np.testing.assert_array_equal(to_host(labels, "y"), np.arange(6, dtype="u1"), strict=True)
    assert to_host(pandas.DataFrame(index=range(6)), "x").shape == (6, 0)
    twice = pandas.DataFrame(X, columns=["a", "a"])
    np.testing.assert_array_equal(to_host(twice, "x"), X, strict=True)


def test_columns_of_several_types_meet_in_one_that_holds_them(pandas):
    table = pandas.DataFrame({"flag": [True, False], "count": [3, 4], "nullable": pandas.array([5, 6], dtype="Int8")})
    np.testing.assert_array_equal(to_host(table, "x"), [[1, 3, 5], [0, 4, 6]], strict=True)
    table["real"] = np.array([0.5, 1.5], "f4")
    np.testing.assert_array_equal(to_host(table, "x"), [[1, 3, 5, 0.5], [0, 4, 6, 1.5]], strict=True)
    flags = pandas.DataFrame({"a": [True, False], "b": [False, False]})
    np.testing.assert_array_equal(to_host(flags, "x"), [[True, False], [False, False]], strict=True)
    nullable = pandas.Series(pandas.array([1, 0], dtype="boolean"))
    np.testing.assert_array_equal(to_host(nullable, "y"), [True, False], strict=True)
    sparse = pandas.DataFrame({"a": pandas.arrays.SparseArray([0.0, 2.0])})
    np.testing.assert_array_equal(to_host(sparse, "x"), [[0.0], [2.0]], strict=True)


@pytest.mark.parametrize(
    "column, words",
    [
        (["Bern", "Uri"], ["'city'", "get_dummies", "cat.codes"]),
        ([{}, 1], ["'city' of dtype object", "columns of numbers"]),
        ("category", ["'city' of dtype category", "get_dummies"]),
        ("datetime", ["'city' of dtype datetime64", "the year"]),
    ],
)
def test_columns_of_anything_else_are_named_with_the_fix(pandas, column, words):
    if column == "category":
        column = pandas.Categorical(["a", "b"])
    elif column == "datetime":
        column = pandas.to_datetime(["2020-01-01", "2021-01-01"])
    table = pandas.DataFrame({"height": [1.0, 2.0], "city": column})
    with pytest.raises(ArgumentTypeError) as raised:
        to_host(table, "fit: x")
    assert [word for word in ["fit: x", *words] if word not in str(raised.value)] == [], str(raised.value)
    with pytest.raises(ArgumentTypeError, match="'city'"):
        to_host(table["city"], "fit: y")


def test_labels_written_as_text_get_the_fix_for_labels(pandas):
    with pytest.raises(ArgumentTypeError, match=r"if these are classes"):
        to_host(pandas.Series(["cat", "dog"], name="animal"), "fit: y")


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_missing_values_are_named_with_the_fix(pandas, dtype):
    values = pandas.array([1, 0, None], dtype=dtype)
    with pytest.raises(DataError, match=r"'age' of dtype .* missing values, first in row 2; .*fillna"):
        to_host(pandas.DataFrame({"age": values}), "fit: x")
    with pytest.raises(DataError, match="missing values, first in row 2"):
        to_host(pandas.Series(values), "fit: y")


def test_missing_floats_are_nan_and_said_so(pandas):
    table = pandas.DataFrame({"age": [1.0, None], "b": [1.0, 2.0]})
    with pytest.warns(DataWarning, match="NaN or infinity, first in sample 1"):
        ArrayData(table, input_shape=(2,), dtype="float32", where="fit")


def test_rows_are_paired_by_position_and_never_in_silence(pandas):
    x = pandas.DataFrame(X)
    y = pandas.Series(np.arange(6))
    options = {"input_shape": (2,), "dtype": "float32", "where": "fit"}
    ArrayData(x, y, **options)  # warnings are errors here
    ArrayData(x, y.to_numpy(), **options)
    ArrayData(x.iloc[[2, 1]], y.iloc[[2, 1]], **options)
    with pytest.warns(DataWarning, match=r"fit: x and y have different indices; rows are paired by position.*y.loc\[x.index\]"):
        found = ArrayData(x.iloc[::-1], y, **options)
    np.testing.assert_array_equal(found.x[0], X[::-1])
    np.testing.assert_array_equal(found.y, np.arange(6))
    with pytest.warns(DataWarning, match="x and sample_weight have different indices"):
        ArrayData(x, y.to_numpy(), y.iloc[::-1], **options)


def test_tables_are_not_changed(pandas):
    table = pandas.DataFrame({"a": [1, 2], "b": [True, False]})
    before = table.copy()
    to_host(table, "x")
    pandas.testing.assert_frame_equal(table, before)
