"""The cells hold the counts of the confusion matrix, or the parts that were asked for."""

import numpy as np
import pytest

from minidl import visual
from minidl.errors import ArgumentError, ArgumentTypeError, DataError, ShapeError
from minidl.visual.classes import _text

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')

TRUE = [0, 0, 0, 1, 1, 2, 2, 2, 2, 2]
PREDICTED = [0, 0, 1, 1, 1, 0, 2, 2, 2, 1]
COUNTS = np.array([[2, 1, 0], [0, 2, 0], [1, 1, 3]])


def cells(figure):
    """(row, column) -> text."""
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in figure.axes[0].texts}


def shown(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def test_counts():
    figure = visual.confusion(TRUE, PREDICTED)
    axes, bar = figure.axes
    assert np.array_equal(shown(figure), COUNTS)
    assert cells(figure) == {(i, j): str(COUNTS[i, j]) for i in range(3) for j in range(3)}
    assert (axes.get_ylabel(), axes.get_xlabel(), bar.get_ylabel()) == ("true class", "predicted class", "samples")
    assert axes.get_title() == "7 of 10 right (70.0 %)"
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "normalize, whole", [(True, [[3], [2], [5]]), ("true", [[3], [2], [5]]), ("pred", [[3, 4, 3]]), ("all", [[10]])]
)
def test_parts(normalize, whole):
    figure = visual.confusion(TRUE, PREDICTED, normalize=normalize)
    expected = COUNTS / np.array(whole)
    np.testing.assert_allclose(shown(figure), expected)
    texts = {0: "0", 1: "1"}
    assert cells(figure) == {(i, j): texts.get(expected[i, j], f"{expected[i, j]:.2f}") for i in range(3) for j in range(3)}
    assert figure.axes[0].get_title() == "7 of 10 right (70.0 %)"
    names = {"pred": "part of predicted class", "all": "part of all samples"}
    assert figure.axes[1].get_ylabel() == names.get(normalize, "part of true class")
    assert figure.axes[0].images[0].get_clim() == (0, 1)


def test_a_class_without_samples_stays_empty_when_normalized():
    figure = visual.confusion([0, 0], [0, 2], normalize=True)
    assert np.isnan(shown(figure)[1:]).all()
    assert set(cells(figure)) == {(0, 0), (0, 1), (0, 2)}


def test_rows_of_probabilities_and_one_hot_targets():
    probabilities = np.eye(3)[PREDICTED] * 0.9 + 0.01
    assert np.array_equal(shown(visual.confusion(np.eye(3)[TRUE], probabilities)), COUNTS)


def test_names_of_classes_and_labels_that_are_names():
    names = ["cat", "dog", "$bird$"]
    figure = visual.confusion(TRUE, PREDICTED, classes=names)
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["cat", "dog", "\\$bird\\$"]
    figure.draw_without_rendering()
    true, predicted = ([names[label] for label in labels] for labels in (TRUE, PREDICTED))
    assert np.array_equal(shown(visual.confusion(true, np.array(predicted), classes=names)), COUNTS)
    figure = visual.confusion(true, predicted)
    order = [2, 0, 1]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["\\$bird\\$", "cat", "dog"]
    assert np.array_equal(shown(figure), COUNTS[np.ix_(order, order)])
    assert shown(visual.confusion([0, 1], [0, 1], classes=["a", "b", "c"])).shape == (3, 3), "one that does not occur"


def test_numbers_are_dark_on_light_cells_and_light_on_dark_ones():
    colours = {t.get_text(): t.get_color() for t in visual.confusion([0, 0, 1], [0, 0, 0]).axes[0].texts}
    assert colours == {"2": "white", "0": "black", "1": "black"}


def test_many_classes_stay_readable():
    labels = np.arange(60)
    figure = visual.confusion(labels, np.roll(labels, 1), classes=[f"species {i}" for i in range(60)])
    found = cells(figure)
    assert len(found) == 60, "zeros are left out where there are many"
    assert set(found.values()) == {"1"}
    assert max(t.get_fontsize() for t in figure.axes[0].texts) <= 10
    assert min(t.get_fontsize() for t in figure.axes[0].texts) >= 4
    assert all(tick.get_rotation() == 90 for tick in figure.axes[0].get_xticklabels())
    assert max(figure.get_size_inches()) < 20
    assert _text(0.004, "true", True) == ".00"


def test_very_many_classes_have_colours_and_few_labels():
    figure = visual.confusion(np.arange(300), np.arange(300))
    assert not figure.axes[0].texts
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == [str(i) for i in range(0, 300, 5)]
    assert np.array_equal(shown(figure), np.eye(300))


@pytest.mark.parametrize(
    "y_true, y_pred, options, error, words",
    [
        ([0, 1], [0], {}, ShapeError, "2 true and 1 predicted"),
        ([], [], {}, DataError, "no samples"),
        ([0, 2], [0, 1], {"classes": ["a", "b"]}, DataError, "0 to 1"),
        ([0], [0.5], {}, DataError, "whole numbers"),
        (["cat"], ["cta"], {"classes": ["cat"]}, DataError, "the label 'cta'.*Did you mean 'cat'"),
        (["cat"], [0], {}, ArgumentTypeError, "names as y_true and numbers as y_pred"),
        ([0, 1], [0, 1], {"classes": "ab"}, ArgumentTypeError, "classes='ab'"),
        ([0, 1], [0, 1], {"classes": ["a", "a"]}, ArgumentError, "a different name"),
        ([0, 1], [0, 1], {"normalize": "rows"}, ArgumentError, "normalize='rows'"),
        ([0, 1], [0, 1], {"normalize": 1}, ArgumentError, "normalize=1"),
        ([b"a"], [b"a"], {}, ArgumentTypeError, "whole numbers or texts"),
    ],
)
def test_what_cannot_be_counted_is_refused(y_true, y_pred, options, error, words):
    with pytest.raises(error, match=words):
        visual.confusion(y_true, y_pred, **options)
