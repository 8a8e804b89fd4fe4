"""to_categorical against Keras's rules."""

import numpy as np
import pytest

from minidl.errors import ArgumentError, ArgumentTypeError
from minidl.utils import to_categorical


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64", "float32", "float64", "bool"])
def test_rows_of_the_identity(dtype):
    labels = np.array([1, 0, 1, 1]).astype(dtype)
    np.testing.assert_array_equal(to_categorical(labels, 3), np.eye(3, dtype="float32")[[1, 0, 1, 1]], strict=True)


@pytest.mark.parametrize(
    "shape, expected",
    [((), (7,)), ((4,), (4, 7)), ((4, 1), (4, 7)), ((1,), (1, 7)), ((2, 3), (2, 3, 7)), ((2, 3, 1), (2, 3, 7))],
)
def test_shapes(shape, expected):
    labels = np.random.default_rng(0).integers(0, 7, shape)
    one_hot = to_categorical(labels, 7)
    assert one_hot.shape == expected
    np.testing.assert_array_equal(one_hot.argmax(axis=-1), labels.reshape(expected[:-1]))
    np.testing.assert_array_equal(one_hot.sum(axis=-1), np.ones(expected[:-1]))


def test_classes_are_counted_when_not_given():
    assert to_categorical([0, 4, 2]).shape == (3, 5)


@pytest.mark.parametrize("dtype", ["float64", "uint8", "bool", np.int32])
def test_dtype(dtype):
    assert to_categorical([1], 2, dtype).dtype == np.dtype(dtype)


def test_no_labels():
    assert to_categorical([], 3).shape == (0, 3)
    assert to_categorical(np.zeros((0, 1), int), 3).shape == (0, 3)
    with pytest.raises(ArgumentError, match="no labels"):
        to_categorical([])


def test_the_callers_array_is_not_changed():
    labels = np.array([[2], [0]])
    before = labels.copy()
    to_categorical(labels)[:] = 9
    np.testing.assert_array_equal(labels, before, strict=True)
    labels.flags.writeable = False
    to_categorical(labels)


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0, 3], "label 3 at index 1; expected a label below num_classes=3"),
        ([[0, 1], [7, 0]], r"label 7 at index \(1, 0\)"),
        ([0, -1], "label -1 at index 1; expected a whole number"),
        ([0.0, 1.5], "label 1.5 at index 1"),
        ([np.nan], "label nan at index 0"),
        ([np.inf], "label inf at index 0"),
        ([1e30], "label 1e[+]30 at index 0"),
        (np.array([2**63], np.uint64), "label 9223372036854775808 at index 0"),
        (5, "label 5; expected"),
    ],
)
def test_wrong_labels_are_named(labels, message):
    with pytest.raises(ArgumentError, match=message):
        to_categorical(labels, 3)


@pytest.mark.parametrize("labels", [["a"], [None], [1j]])
def test_labels_that_are_not_numbers(labels):
    with pytest.raises(ArgumentTypeError, match="elements of type"):
        to_categorical(labels, 3)


def test_wrong_num_classes():
    for labels in ([0], []):
        with pytest.raises(ArgumentError, match=r"\(num_classes\): received 0"):
            to_categorical(labels, 0)
    with pytest.raises(ArgumentTypeError, match="num_classes"):
        to_categorical([0], 2.0)
