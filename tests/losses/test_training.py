"""Every loss in a model: training lowers it, and with the last activation merged into it the numbers are the same."""

import warnings

import numpy as np
import pytest

from minidl import config, declared
from minidl.layers import Dense
from minidl.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
)
from minidl.models import Sequential
from tests.cases.sample import by_references_first

X = np.random.default_rng(0).normal(size=(64, 4))
LABELS = (X[:, 0] > 0) + (X[:, 1] > 0).astype(int)
ONE_HOT = np.eye(3)[LABELS]
ENDS_IN = {"KLDivergence": "softmax", "Poisson": "softplus"}


@pytest.fixture(autouse=True, params=by_references_first)
def _kernels(request):
    with config.use_kernels(request.param):
        yield


def trained(loss, activation, y, epochs=4, **options):
    with config.use_dtype("float64"), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Sequential([Dense(6, activation="tanh", input_shape=(4,)), Dense(3, activation=activation)])
        model.compile("sgd", loss, **options)
        generator = np.random.default_rng(1)
        model.set_weights([generator.normal(size=w.shape) / 2 for w in model.get_weights()])
        return model, model.fit(X, y, epochs=epochs, batch_size=16, verbose=0, shuffle=False).history["loss"]


@pytest.mark.parametrize("name", declared.classes("loss"))
def test_training_lowers_it(name):
    kind = declared.classes("loss")[name]
    y = LABELS if name.startswith("Sparse") else ONE_HOT + (name == "MeanAbsolutePercentageError")
    _, losses = trained(name, ENDS_IN.get(name, kind.merges or "linear"), y)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "loss, y",
    [
        (CategoricalCrossentropy(label_smoothing=0.2), ONE_HOT),
        (SparseCategoricalCrossentropy(ignore_class=1, reduction="mean_with_sample_weight"), LABELS),
        (BinaryCrossentropy(label_smoothing=0.1, reduction="sum"), ONE_HOT),
        (BinaryFocalCrossentropy(True, alpha=0.7, gamma=1.5, label_smoothing=0.1), ONE_HOT),
        (CategoricalFocalCrossentropy([1.0, 2.0, 3.0], 0.5, label_smoothing=0.1), ONE_HOT),
    ],
)
def test_merged_with_the_last_activation_the_options_stay(loss, y):
    (fused, of_fused), (plain, of_plain) = (trained(loss, loss.merges, y, 2, fuse=fuse) for fuse in (True, False))
    assert fused._step.loss.get_config() == {**loss.get_config(), "from_logits": True}
    assert not loss.from_logits
    np.testing.assert_allclose(of_fused, of_plain, rtol=1e-6)
    for a, b in zip(fused.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fused.evaluate(X, y, verbose=0), plain.evaluate(X, y, verbose=0), rtol=1e-6)
