"""The loss of several outputs: the weighted sum of theirs, one gradient each, and errors that name the output."""

import copy
import pickle

import numpy as np
import pytest

import minidl
from minidl.data import Dataset
from minidl.errors import ArgumentError, DataError, ShapeError
from minidl.layers import Dense, Input
from minidl.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    PerOutput,
    SparseCategoricalCrossentropy,
)
from minidl.models import Model, Sequential

RNG = np.random.default_rng(5)
LOGITS, LABELS = RNG.normal(size=(4, 3)), np.array([0, 2, 1, 1])
NUMBERS, TARGETS = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 2))
PARTS = SparseCategoricalCrossentropy(from_logits=True), MeanSquaredError()
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5]), np.array([0.1, 0.2, 0.3, 0.4])


def both(**options):
    return PerOutput(PARTS, **options)


@pytest.mark.parametrize("weights", [None, (1, 1), (0.25, 3.0), (0, -2.0)])
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS, (None, WEIGHTS[1])])
def test_value_and_gradients(weights, sample_weight):
    loss = both(weights=weights)
    total, saved = loss.compute((LOGITS, NUMBERS), (LABELS, TARGETS), sample_weight)
    singles = [
        part.compute(p, t, None if sample_weight is None else sample_weight[k])
        for k, (part, p, t) in enumerate(zip(PARTS, (LOGITS, NUMBERS), (LABELS, TARGETS)))
    ]
    factors = weights or (1, 1)
    assert float(total) == pytest.approx(sum(f * float(value) for f, (value, _) in zip(factors, singles)), rel=1e-12)
    assert [float(value) for value in loss.values(saved)] == [float(value) for value, _ in singles]
    gradients = loss.gradient(saved)
    assert isinstance(gradients, tuple)
    for dy, factor, part, (_, kept) in zip(gradients, factors, PARTS, singles):
        np.testing.assert_allclose(dy, factor * part.gradient(kept), rtol=1e-12)
    again = loss.gradient(saved)  # a pure function of saved
    assert all(a.tobytes() == b.tobytes() for a, b in zip(gradients, again))


def test_the_total_has_the_predictions_dtype_and_is_a_sum_in_double_precision():
    loss = PerOutput([MeanSquaredError(), MeanSquaredError()], weights=[1e-38, 1.0])
    huge, small = np.full((2, 1), 1e19, np.float32), np.ones((2, 1), np.float32)
    total, saved = loss.compute((huge, small), (huge * 0, small * 0))
    assert total.dtype == np.float32
    assert float(total) == pytest.approx(2)
    assert [dy.dtype for dy in loss.gradient(saved)] == [np.float32] * 2


def test_masks_go_to_their_outputs():
    mask = np.array([True, False, True, True])
    total, _ = both().compute((LOGITS, NUMBERS), (LABELS, TARGETS), None, (None, mask))
    expected = PARTS[0].apply(LOGITS, LABELS)[0] + PARTS[1].apply(NUMBERS[mask], TARGETS[mask])[0]
    assert float(total) == pytest.approx(float(expected), rel=1e-12)


def test_an_output_without_a_loss():
    loss = PerOutput([None, MeanSquaredError()], names=("features", "number"))
    total, saved = loss.compute((LOGITS, NUMBERS), (None, TARGETS))
    assert float(total) == float(MeanSquaredError().apply(NUMBERS, TARGETS)[0])
    dy = loss.gradient(saved)
    assert dy[0] is None
    assert dy[1].shape == NUMBERS.shape
    assert loss.values(saved)[0] is None
    assert loss.prediction((LOGITS, NUMBERS), saved)[0] is LOGITS
    assert (loss.merges, loss.from_logits) == ((None, None), (False, False))
    assert (loss.checks_finite, loss.default_accuracy) == ((True, False), (None, None))
    loss.check_data((None, TARGETS), ((4, 3), (4, 2)), "fit: y")
    with pytest.raises(ArgumentError, match="'features', which has no loss"):
        loss.with_logits_at(0)


def test_predictions_are_probabilities_where_logits_were_given():
    loss = both()
    _, saved = loss.compute((LOGITS, NUMBERS), (LABELS, TARGETS))
    first, second = loss.prediction((LOGITS, NUMBERS), saved)
    np.testing.assert_allclose(first, np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True), rtol=1e-12)
    assert second is NUMBERS


def test_logits_at_one_output():
    loss = PerOutput([CategoricalCrossentropy(label_smoothing=0.1), BinaryCrossentropy()], [2.0, 3.0], ["a", "b"])
    assert (loss.merges, loss.from_logits) == (("softmax", "sigmoid"), (False, False))
    assert (loss.checks_finite, loss.default_accuracy) == ((True, True), ("categorical", "binary"))
    other = loss.with_logits_at(1)
    assert other.from_logits == (False, True)
    assert loss.from_logits == (False, False)
    assert (other.weights, other.names) == ((2.0, 3.0), ("a", "b"))
    assert loss.with_logits_at(0).losses[0].get_config() == {
        "from_logits": True, "label_smoothing": 0.1, "reduction": "sum_over_batch_size", "name": None
    }  # fmt: skip


def test_it_can_be_copied_pickled_and_read():
    loss = both(weights=(1.0, 0.5), names=("digit", "width"))
    expected = float(loss.compute((LOGITS, NUMBERS), (LABELS, TARGETS))[0])
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert float(other.compute((LOGITS, NUMBERS), (LABELS, TARGETS))[0]) == expected
    assert repr(loss) == (
        "PerOutput([SparseCategoricalCrossentropy(from_logits=True), MeanSquaredError()], weights=[1.0, 0.5], "
        "names=['digit', 'width'])"
    )
    assert repr(PerOutput([MeanAbsoluteError()])) == "PerOutput([MeanAbsoluteError()], weights=[1.0])"


@pytest.mark.parametrize(
    "y_true, weight, kind, words",
    [
        ((LABELS, TARGETS[:, :1]), None, ShapeError, "fit: y['width']: received targets of shape (4, 1)"),
        ((LABELS + 2, TARGETS), None, DataError, "fit: y['digit']: received label 4 at index 1"),
        ((LABELS, None), None, DataError, "fit: y['width']: received no targets"),
        ((LABELS,), None, DataError, "fit: y: received targets for 1 outputs; expected for 2, one array for each. To fix it: "
                                     "a dictionary of 'digit', 'width'"),
    ],
)  # fmt: skip
def test_errors_name_the_output(y_true, weight, kind, words):
    loss = both(names=("digit", "width"))
    loss.check_data((LABELS, TARGETS), ((4, 3), (4, 2)), "fit: y", None)
    with pytest.raises(kind) as raised:
        loss.check_data(y_true, ((4, 3), (4, 2)), "fit: y", weight)
    assert words in str(raised.value)


def test_errors_number_outputs_without_names():
    with pytest.raises(ShapeError, match=r"^fit: y\[1\]: "):
        both().check_data((LABELS, LABELS), ((4, 3), (4, 2)), "fit: y")


def test_weights_of_samples_reach_the_checks():
    rows, loss = np.array([[1.0, 0.0], [0.0, 0.0]]), PerOutput([CategoricalCrossentropy()])
    loss.check_data((rows,), ((2, 2),), "fit: y", (np.array([1.0, 0.0]),))
    with pytest.raises(DataError, match=r"y\[0\]: received a row of targets whose sum is 0.0 at index 1"):
        loss.check_data((rows,), ((2, 2),), "fit: y", (None,))


@pytest.mark.parametrize(
    "arguments, kind, words",
    [
        (([],), ValueError, "no loss for any output"),
        (([None, None],), ValueError, "no loss for any output"),
        ((["mse"],), TypeError, "'mse' as loss"),
        ((PARTS, [1.0]), ValueError, "1 loss_weights for 2 outputs"),
        ((PARTS, None, ["a"]), ValueError, "1 names for 2 outputs"),
        ((PARTS, [1.0, "2"], ["a", "b"]), TypeError, "loss_weights['b']='2'"),
        ((PARTS, [float("nan"), 1]), ValueError, "loss_weights[0]=nan"),
    ],
)
def test_what_it_is_made_of(arguments, kind, words):
    with pytest.raises(kind) as raised:
        PerOutput(*arguments)
    assert words in str(raised.value)


# -- in a model --------------------------------------------------------------------------------------------------------


def two_results(loss, metrics=None):
    minidl.set_seed(0)
    x = Input((3,))
    model = Model(x, {"a": Dense(2)(x), "b": Dense(3, activation="softmax")(x)})
    model.compile("sgd", loss, metrics)
    return model


FEATURES = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


@pytest.mark.parametrize("loss", [{"a": "mse"}, ["mse", None]])
def test_an_output_that_is_not_trained_needs_no_targets_and_has_no_loss(loss):
    y = FEATURES[:, :2]
    for targets in ({"a": y}, [y, None], {"a": y, "b": None}):
        model = two_results(loss, {"a": ["mae"]})
        history = model.fit(FEATURES, targets, verbose=0, validation_data=(FEATURES, targets)).history
        assert list(history) == ["loss", "a_loss", "a_mae", "val_loss", "val_a_loss", "val_a_mae"]
        assert history["loss"] == history["a_loss"]
        assert len(model.evaluate(FEATURES, targets, verbose=0)) == len(model.train_on_batch(FEATURES, targets)) == 3
    model.fit(Dataset.from_arrays(FEATURES, {"a": y}).batch(4), verbose=0)


def test_metrics_of_an_output_that_is_not_trained():
    labels = np.arange(6) % 3
    model = two_results({"a": "mse"}, {"b": ["sparse_categorical_accuracy"]})
    logs = model.evaluate(FEATURES, {"a": FEATURES[:, :2], "b": labels}, verbose=0, return_dict=True)
    assert logs["b_sparse_categorical_accuracy"] == np.mean(model.predict(FEATURES)["b"].argmax(axis=1) == labels)
    with pytest.raises(ArgumentError, match="no entry 'b'"):
        model.evaluate(FEATURES, {"a": FEATURES[:, :2]}, verbose=0)
    by_shape = two_results({"a": "mse"}, {"b": ["accuracy"]})  # as there is no loss to say it
    by_shape.set_weights(model.get_weights())
    found = by_shape.evaluate(FEATURES, {"a": FEATURES[:, :2], "b": labels}, verbose=0, return_dict=True)
    assert found["b_accuracy"] == logs["b_sparse_categorical_accuracy"]


def test_one_list_of_metrics_for_each_of_one_output():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", ["mse"], [["mae"]])
    assert list(model.fit(FEATURES, FEATURES[:, :2], verbose=0).history) == ["loss", "mae"]
