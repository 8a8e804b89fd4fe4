"""Data of a form that was checked before: shapes and types are not looked at again, numbers are, in every batch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import DataError, DataWarning, ShapeError
from minidl.layers import Dense, Input
from minidl.losses.targets import check_labels
from minidl.models import Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = np.arange(12) % 3


def trained(loss: str = "sparse_categorical_crossentropy", metrics: Any = ("accuracy",), y: Any = Y) -> Sequential:
    """After some batches, so that the form of X and Y is known."""
    minidl.set_seed(1)
    model = Sequential([Input((4,)), Dense(3, activation="softmax")])
    model.compile("sgd", loss, list(metrics))
    for _ in range(4):
        model.train_on_batch(X, y)
    assert model._compiled_step().form is not None
    return model


@pytest.mark.parametrize("how", ["train_on_batch", "test_on_batch"])
@pytest.mark.parametrize(
    "x, y, error",
    [
        (X, np.where(Y == 2, 3, Y), DataError),
        (X, Y - 1, DataError),
        (X, Y[:11], ValueError),
        (X[:11], Y, ValueError),
        (X[:0], Y[:0], DataError),
        (X[:, :3], Y, ShapeError),
        (X, np.eye(3, dtype=int)[Y], ShapeError),
        (X, Y + 0.5, DataError),
        (X[None], Y, ShapeError),
    ],
    ids=["too large", "negative", "few labels", "few samples", "none", "features", "one-hot", "fractions", "an axis more"],
)
def test_what_is_wrong_is_refused_as_before(how: str, x: Any, y: Any, error: Any) -> None:
    texts = []
    for model in (trained(), Sequential([Input((4,)), Dense(3, activation="softmax")])):
        model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"]) if model.optimizer is None else None
        weights = model.get_weights()
        with pytest.raises(error) as raised:
            getattr(model, how)(x, y)
        texts.append(str(raised.value).replace("dense_2", "dense_1"))
        for mine, before in zip(model.get_weights(), weights):
            np.testing.assert_array_equal(mine, before)
    assert texts[0] == texts[1]


def test_numbers_that_are_not_finite_are_warned_of_in_a_later_batch(recwarn: pytest.WarningsRecorder) -> None:
    model, x = trained(), X.copy()
    x[3, 1] = np.nan
    warnings.simplefilter("always")
    model.test_on_batch(x, Y)
    assert [warning.category for warning in recwarn.list] == [DataWarning]
    assert "nan at index (3, 1)" in str(recwarn.list[0].message)


def test_targets_that_are_no_distributions_are_refused_in_a_later_batch() -> None:
    one_hot = np.eye(3, dtype="float32")[Y]
    model = trained("categorical_crossentropy", y=one_hot)
    with pytest.raises(DataError, match="row"):
        model.train_on_batch(X, 2 * one_hot)
    targets = one_hot.copy()
    targets[2, 1] = np.nan
    with pytest.raises(DataError, match="nan"):
        model.train_on_batch(X, targets)


def test_weights_and_other_forms_take_the_whole_way() -> None:
    model, other = trained(), trained()
    given = [(X, Y, np.ones(12)), (X.astype("float64"), Y, None), (X.tolist(), Y.tolist(), None), (X, Y[:, None], None)]
    for x, y, weight in given:
        expected = other.train_on_batch(X, Y)
        assert model.train_on_batch(x, y, weight) == pytest.approx(expected, rel=1e-5)


def test_the_same_numbers_as_by_the_whole_way() -> None:
    model, other = trained(), trained()
    for _ in range(5):
        other._compiled_step().form = None
        assert model.train_on_batch(X, Y) == other.train_on_batch(X, Y)
    for mine, theirs in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(mine, theirs)


def test_compiled_anew_with_another_loss() -> None:
    model = trained()
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(ShapeError, match="one-hot"):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", ">i4", "int64", "uint64", "float32", ">f8"])
def test_labels_of_every_type_are_in_range(dtype: str) -> None:
    model = trained()
    for wrong, word in ((3, "label 3"), (-1, "label -1")):
        if wrong < 0 and "u" in dtype:
            continue
        labels = Y.astype(dtype)
        labels[5] = wrong
        for given in (labels, labels[:, None], np.repeat(labels, 2)[::2]):
            with pytest.raises(DataError, match=f"{word}(.0)? at index"):
                model.train_on_batch(X, given)
    model.train_on_batch(X, Y.astype(dtype))


def test_labels_in_another_order_of_bytes() -> None:
    check_labels(np.array([0, 2], ">i4"), 3, "y")
    with pytest.raises(DataError, match="label -2 at index 1"):
        check_labels(np.array([0, -2], ">i4"), 3, "y")
