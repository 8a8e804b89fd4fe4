"""Targets of samples and time steps that weigh 0 may be anything, NaN included; all others are looked at."""

import numpy as np
import pytest

from minidl import losses
from minidl.declared import classes
from minidl.errors import DataError, DataWarning, NumericWarning
from minidl.layers import Dense, Embedding
from minidl.models import Sequential

RNG = np.random.default_rng(1)
Y_PRED, TARGETS = RNG.uniform(0.1, 1, (3, 4, 2)), RNG.uniform(0.1, 1, (3, 4, 2))
COUNTS = np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 1, 1]])
OF_NUMBERS = sorted(name for name, loss in classes("loss").items() if loss.checks_finite is False)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("given_as", ["sample_weight", "mask"])
@pytest.mark.parametrize("name", OF_NUMBERS)
def test_what_weighs_nothing_changes_neither_loss_nor_gradient(name, given_as, missing):
    loss = losses.get(name)
    weights = {given_as: COUNTS.astype(bool) if given_as == "mask" else COUNTS}
    value, saved = loss.compute(Y_PRED, TARGETS, **weights)
    with np.errstate(all="ignore"):
        found, found_saved = loss.compute(Y_PRED, np.where(COUNTS[..., None], TARGETS, missing), **weights)
        gradient = loss.gradient(found_saved)
    assert found == value > -10
    np.testing.assert_array_equal(gradient, loss.gradient(saved))
    assert not gradient[COUNTS == 0].any()
    assert gradient[COUNTS == 1].any()


def tagger(mask_zero):
    model = Sequential([Embedding(5, 3, mask_zero=mask_zero, input_shape=(4,)), Dense(2)])
    model.compile("sgd", "mse", ["mae"])
    return model


IDS = COUNTS * 3
HOLES = np.where(COUNTS[..., None], TARGETS, np.nan)


@pytest.mark.parametrize("mask_zero, options", [(True, {}), (False, {"sample_weight": COUNTS})])
@pytest.mark.parametrize("nan", ["warn", "raise"])
def test_training_with_holes_in_the_targets(mask_zero, options, nan):
    """No warning either: they are errors here."""
    model = tagger(mask_zero)
    expected = ((model.predict(IDS) - TARGETS) ** 2).mean(axis=-1)[COUNTS == 1].sum() / (COUNTS.sum() if mask_zero else 12)
    history = model.fit(IDS, HOLES, verbose=0, nan=nan, **options).history
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-6)
    assert all(np.isfinite(w).all() for w in [*model.get_weights(), np.array(history["mae"])])


def test_holes_that_count_are_reported():
    with pytest.warns(DataWarning, match=r"y holds NaN.*\(0, 2, 0\)"), pytest.warns(NumericWarning, match="batch 1"):
        tagger(False).fit(IDS, HOLES, verbose=0)
    one_counts = np.where(np.arange(12).reshape(3, 4) == 3, 1, COUNTS)
    with pytest.raises(DataError, match=r"NaN.*\(0, 3, 0\)"):
        tagger(False).fit(IDS, HOLES, sample_weight=one_counts, verbose=0, nan="raise")
    with pytest.raises(DataError, match="loss became nan"):
        tagger(True).fit(np.maximum(IDS, one_counts), HOLES, verbose=0, nan="raise")


@pytest.mark.parametrize("axis", [1, -1])
def test_vectors_along_another_axis(axis):
    loss, weights = losses.CosineSimilarity(axis=axis), np.array([[0, 1], [1, 1], [1, 0]])
    targets = TARGETS[:, :2]
    holes = np.where(np.expand_dims(weights, axis) == 1, targets, np.nan)
    assert loss(holes, Y_PRED[:, :2], weights) == loss(targets, Y_PRED[:, :2], weights)
