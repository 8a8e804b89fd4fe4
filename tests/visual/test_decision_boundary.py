"""The plane has the colour of the prediction at each of its points, and every point is drawn where it is."""

import numpy as np
import pytest

from minidl import visual
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from minidl.layers import Activation, Dense
from minidl.models import Sequential
from minidl.visual.figures import COLOURS
from minidl.visual.plane import _rgb

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')

X = np.array([[0.0, 0.0], [2.0, 1.0], [4.0, 3.0], [1.0, 2.0]])
Y = np.array([0, 1, 1, 0])


def model(weights, bias, activation=None):
    made = Sequential([Dense(len(bias), input_shape=(2,)), *([Activation(activation)] if activation else [])])
    made.set_weights([np.array(weights, np.float64), np.array(bias, np.float64)])
    return made


ONE = ([[1.0], [0.0]], [-2.0])  # the line x[0] = 2
THREE = ([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [0.0, 0.0, 1.0])


def grid(axes, resolution):
    """The points at which the model was asked, from the picture's place."""
    left, right, low, high = axes.images[0].get_extent()
    half_x, half_y = (right - left) / resolution / 2, (high - low) / resolution / 2
    xs, ys = np.linspace(left + half_x, right - half_x, resolution), np.linspace(low + half_y, high - half_y, resolution)
    return np.stack(np.meshgrid(xs, ys), axis=-1)


def test_one_output_is_a_colour_and_its_threshold_a_line():
    made = model(*ONE, "sigmoid")
    figure = visual.decision_boundary(made, X, Y, resolution=11)
    axes, bar = figure.axes
    shown = np.asarray(axes.images[0].get_array())
    points = grid(axes, 11)
    np.testing.assert_allclose(points[0, 0], [-0.32, -0.24], rtol=1e-6)  # 8 % beyond the outermost
    np.testing.assert_allclose(points[-1, -1], [4.32, 3.24], rtol=1e-6)
    np.testing.assert_allclose(shown, 1 / (1 + np.exp(2 - points[..., 0])), rtol=1e-5)
    assert axes.images[0].origin == "lower", "the first row of the grid is the lowest"
    assert axes.images[0].get_clim() == (0, 1)
    (contour,) = [collection for collection in axes.collections if collection not in clouds(axes)]
    (path,) = contour.get_paths()
    np.testing.assert_allclose(path.vertices[:, 0], 2, atol=0.01)
    assert bar.get_ylabel() == "output (line: 0.5)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x[0]", "x[1]")


def clouds(axes):
    """The points of each class."""
    return [collection for collection in axes.collections if hasattr(collection, "get_sizes")]


def test_points_have_the_colour_of_their_class():
    for made in (model(*ONE, "sigmoid"), model(*THREE, "softmax")):
        axes = visual.decision_boundary(made, X, Y.reshape(-1, 1), resolution=5).axes[0]
        first, second = clouds(axes)
        assert np.array_equal(np.asarray(first.get_offsets()), X[[0, 3]])
        assert np.array_equal(np.asarray(second.get_offsets()), X[[1, 2]])
        assert tuple(first.get_facecolor()[0][:3]) == pytest.approx(_rgb(COLOURS[0]))
        assert tuple(second.get_facecolor()[0][:3]) == pytest.approx(_rgb(COLOURS[1]))
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["class 0", "class 1"]


def test_regions_are_the_classes_with_the_largest_output():
    made = model(*THREE, "softmax")
    figure = visual.decision_boundary(made, X, np.eye(3)[Y], classes=["a", "b", "c"], resolution=9)
    (axes,) = figure.axes
    winners = made.predict(grid(axes, 9).reshape(-1, 2)).argmax(axis=1).reshape(9, 9)
    assert len(np.unique(winners)) == 3
    shown = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shown[..., :3], np.array([_rgb(colour) for colour in COLOURS[:3]])[winners])
    assert (shown[..., 3] == 0.3).all()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"], "only classes that have points"


def test_a_threshold_for_outputs_that_are_no_probabilities():
    figure = visual.decision_boundary(model(*ONE), X, np.where(Y, 1, -1), threshold=0, classes=["left", "right"], resolution=5)
    axes, bar = figure.axes
    low, high = axes.images[0].get_clim()
    assert low == -high == pytest.approx(-np.abs(np.asarray(axes.images[0].get_array())).max())
    assert bar.get_ylabel() == "output (line: 0)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]


def test_one_class_alone_keeps_its_colour():
    axes = visual.decision_boundary(model(*ONE, "sigmoid"), X[:1], [1], resolution=3).axes[0]
    (points,) = clouds(axes)
    assert tuple(points.get_facecolor()[0][:3]) == pytest.approx(_rgb(COLOURS[1]))


@pytest.mark.parametrize(
    "make, x, y, options, error, words",
    [
        (lambda: Sequential([Dense(1, input_shape=(3,))]), X, Y, {}, ShapeError, r"samples \(2,\)"),
        (lambda: 3, X, Y, {}, ArgumentTypeError, "a Model or Sequential"),
        (lambda: model(*ONE), X[:, :1], Y, {}, ShapeError, r"points \(n, 2\)"),
        (lambda: model(*ONE), X, Y[:2], {}, ShapeError, "4 points and 2 labels"),
        (lambda: model(*ONE), X[:0], Y[:0], {}, DataError, "no points"),
        (lambda: model(*ONE), X * np.nan, Y, {}, DataError, "NaN or infinite"),
        (lambda: model(*ONE), X, [0, 1, 2, 0], {}, DataError, "3 classes"),
        (lambda: model(*THREE), X, [0, 1, 3, 0], {}, DataError, "labels from 0 to 3"),
        (lambda: model(np.full((2, 1), np.nan), [0.0]), X, Y, {}, DataError, "a model that gives NaN"),
        (lambda: model(*THREE), X, Y, {"classes": ["a", "b"]}, ArgumentError, "a list of 3 names"),
        (lambda: model(*ONE), X, Y, {"resolution": 1}, ArgumentError, "resolution=1"),
        (lambda: model(*ONE), X, Y, {"threshold": "0"}, ArgumentTypeError, "threshold='0'"),
        (lambda: Sequential([Dense(21, input_shape=(2,))]), X, Y, {}, ArgumentError, "at most 20"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, x, y, options, error, words):
    with pytest.raises(error, match=words):
        visual.decision_boundary(make(), x, y, **options)
