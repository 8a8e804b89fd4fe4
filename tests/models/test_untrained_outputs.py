"""Outputs without a loss: no targets, no loss in the logs; metrics where they are asked for."""

import numpy as np
import pytest

from minidl.errors import ArgumentError, DataError, DataWarning, ShapeError
from minidl.layers import Dense, Input
from minidl.models import Model

RNG = np.random.default_rng(4)
X, NUMBERS, BITS = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2)), RNG.integers(0, 2, (8, 1))


def compiled(metrics=None, loss=None):
    x = Input((3,))
    model = Model(x, [Dense(2, name="number")(x), Dense(1, activation="sigmoid", name="bit")(x)])
    model.compile("sgd", loss or {"number": "mse"}, metrics)
    return model


@pytest.mark.parametrize("y", [{"number": NUMBERS}, [NUMBERS, None], {"number": NUMBERS, "bit": BITS}])
def test_an_output_without_a_loss_needs_no_targets_and_leaves_no_loss(y):
    model = compiled()
    history = model.fit(X, y, verbose=0, validation_split=0.25).history
    assert list(history) == ["loss", "number_loss", "val_loss", "val_number_loss"]  # as in Keras, but for their order
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert list(found) == ["loss", "number_loss"]
    expected = np.mean((model.predict(X)[0] - NUMBERS) ** 2)
    np.testing.assert_allclose([found["loss"], found["number_loss"]], expected, rtol=1e-6)


def test_metrics_of_an_output_without_a_loss():
    model = compiled({"number": ["mae"], "bit": ["accuracy"]})
    history = model.fit(X, {"number": NUMBERS, "bit": BITS}, verbose=0).history
    assert list(history) == ["loss", "number_loss", "number_mae", "bit_accuracy"]
    found = model.evaluate(X, [NUMBERS, BITS], verbose=0, return_dict=True)
    assert found["bit_accuracy"] == np.mean((model.predict(X)[1] > 0.5) == BITS)


def test_targets_of_an_output_that_needs_them():
    with pytest.raises(DataError, match=r"y\['bit'\].*no targets"):
        compiled({"bit": ["accuracy"]}).fit(X, [NUMBERS, None], verbose=0)
    with pytest.raises(ArgumentError, match="no entry 'bit'"):
        compiled({"bit": ["accuracy"]}).fit(X, {"number": NUMBERS}, verbose=0)
    with pytest.raises(ShapeError, match=r"metric 'accuracy'.*\(8, 3\)"):
        compiled({"bit": ["accuracy"]}).fit(X, [NUMBERS, np.ones((8, 3))], verbose=0)
    with pytest.warns(DataWarning, match=r"y\['bit'\] holds NaN"):
        compiled({"bit": ["accuracy"]}).fit(X, [NUMBERS, np.full((8, 1), np.nan)], verbose=0)
    with pytest.raises(DataError, match=r"y\['number'\].*no targets"):
        compiled().fit(X, [None, BITS], verbose=0)
