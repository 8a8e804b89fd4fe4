"""The saliency is the gradient of one output, as finite differences have it, and looking changes nothing."""

import numpy as np
import pytest

import minidl
from minidl import config, visual
from minidl.errors import ArgumentError, ArgumentTypeError, ShapeError
from minidl.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input
from minidl.models import Sequential

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')

RNG = np.random.default_rng(0)


def network(channels=1):
    minidl.set_seed(1)
    with config.use_dtype("float64"):
        layers = [
            Conv2D(3, 2, activation="tanh"),
            BatchNormalization(),
            Dropout(0.5),
            Flatten(),
            Dense(4),
            Activation("softmax"),
        ]
        return Sequential([Input((4, 5, channels)), *layers])


def differences(model, x, target, step=1e-5):
    """d output[target] / dx by central differences."""
    slope = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            ends.append(model.predict(moved[None])[0][target])
        slope[index] = (ends[0] - ends[1]) / (2 * step)
    return slope


@pytest.mark.parametrize("target", [None, 0, 3])
def test_it_is_the_gradient_of_that_output(target):
    model, x = network(), RNG.normal(size=(4, 5, 1))
    y = model.predict(x[None])[0]
    chosen = int(y.argmax()) if target is None else target
    figure = visual.saliency(model, x, target)
    left, right, bar = figure.axes
    expected = np.abs(differences(model, x, chosen)[..., 0])
    np.testing.assert_allclose(np.asarray(right.images[0].get_array()), expected, atol=1e-9)
    assert np.array_equal(np.asarray(left.images[0].get_array()), x[..., 0])
    assert right.get_title() == f"output {chosen} = {y[chosen]:.4g}"
    assert bar.get_ylabel() == f"|d output {chosen} / d pixel|"
    assert right.images[0].get_clim() == pytest.approx((0, expected.max()))


def test_of_three_channels_the_largest_is_shown():
    model, x = network(3), RNG.normal(size=(4, 5, 3))
    left, right, _ = visual.saliency(model, x, 1).axes
    expected = np.abs(differences(model, x, 1)).max(axis=-1)
    np.testing.assert_allclose(np.asarray(right.images[0].get_array()), expected, atol=1e-9)
    np.testing.assert_allclose(np.asarray(left.images[0].get_array()), (x - x.min()) / np.ptp(x))


def test_vectors_are_bars():
    minidl.set_seed(1)
    model = Sequential([Dense(1, input_shape=(3,))])
    above, below = visual.saliency(model, [1.0, 2.0, 3.0]).axes
    assert [bar.get_height() for bar in above.patches] == [1, 2, 3]
    np.testing.assert_allclose([bar.get_height() for bar in below.patches], np.abs(model.get_weights()[0][:, 0]))
    assert below.get_ylabel() == "|d output / d input|"


def test_looking_changes_nothing():
    model = network()
    model.compile("adam", "mse")
    x = RNG.normal(size=(4, 5, 1))
    model.train_on_batch(x[None], np.eye(4)[:1])
    given = x.copy()
    weights, grads = model.get_weights(), [p.grad.copy() for p in model.parameters]
    visual.saliency(model, x)
    assert np.array_equal(x, given)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights()))
    assert all(np.array_equal(a, p.grad) for a, p in zip(grads, model.parameters))


@pytest.mark.parametrize(
    "target, error, words",
    [
        (4, ArgumentError, r"target=4; expected an index of the outputs 0\.\.3"),
        (-1, ArgumentError, "target=-1"),
        ((0, 1), ArgumentError, r"target=\(0, 1\)"),
        ("cat", ArgumentTypeError, "target='cat'"),
        (True, ArgumentTypeError, "target=True"),
        (1.0, ArgumentTypeError, "target=1.0"),
    ],
)
def test_targets_that_are_not_there(target, error, words):
    with pytest.raises(error, match=words):
        visual.saliency(network(), np.zeros((4, 5, 1)), target)


def test_samples_that_are_no_pictures():
    with pytest.raises(ShapeError, match="pictures with 1 or 3 channels, or vectors"):
        visual.saliency(network(2), np.zeros((4, 5, 2)))
