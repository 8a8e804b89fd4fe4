"""The curves are the numbers of the history, at their epochs, and the best epoch is the best."""

import numpy as np
import pytest

from minidl import visual
from minidl.callbacks import History
from minidl.errors import ArgumentError, ArgumentTypeError, DataError
from minidl.layers import Dense
from minidl.models import Sequential
from minidl.visual.figures import COLOURS

pytest.importorskip("matplotlib", reason='matplotlib is not installed: pip install "minidl[plot]"')

NAN, INF = float("nan"), float("inf")
ONE = {
    "loss": [0.9, 0.5, 0.25],
    "accuracy": [0.5, 0.75, 0.625],
    "val_loss": [1.0, 0.75, 0.875],
    "val_accuracy": [0.25, 0.5, 0.75],
}


def lines(axes, marker=None):
    """(x, y) of the drawn lines, without the entries of the legend that have no points."""
    found = [line for line in axes.lines if len(line.get_xdata())]
    chosen = [
        line for line in found if (line.get_marker() in ("*", "x")) is bool(marker) and marker in (None, line.get_marker())
    ]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in chosen]


def texts(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_training_and_validation_of_a_metric_share_its_axes():
    loss, accuracy = visual.curves(ONE).axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert (loss.get_xlabel(), accuracy.get_xlabel()) == ("epoch", "epoch")
    assert lines(loss) == [([1, 2, 3], ONE["loss"]), ([1, 2, 3], ONE["val_loss"])]
    assert lines(accuracy) == [([1, 2, 3], ONE["accuracy"]), ([1, 2, 3], ONE["val_accuracy"])]
    assert lines(loss, "*") == [([2], [0.75])]
    assert lines(accuracy, "*") == [([3], [0.75])]
    assert texts(loss) == ["training", "validation", "best: 0.75 in epoch 2"]
    assert texts(accuracy) == ["training", "validation", "best: 0.75 in epoch 3"]


def test_without_validation_the_best_is_of_training():
    (axes,) = visual.curves({"loss": [0.5, 0.25, 0.25, 0.3]}).axes
    assert lines(axes, "*") == [([2], [0.25])], "the first of equal ones"
    assert texts(axes) == ["training", "best: 0.25 in epoch 2"]
    (axes,) = visual.curves({"val_loss": [0.5, 0.25]}).axes
    assert texts(axes) == ["validation", "best: 0.25 in epoch 2"]


def test_a_history_of_fit_counts_from_its_first_epoch():
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=5, initial_epoch=3, verbose=0, validation_split=0.5)
    (axes,) = visual.curves(history).axes
    assert lines(axes) == [([4, 5], history.history["loss"]), ([4, 5], history.history["val_loss"])]


def test_validation_now_and_then_stands_at_its_epochs():
    history = History()
    for epoch in range(4):
        history.on_epoch_end(epoch, {"loss": 4.0 - epoch} | ({"val_loss": 9.0 - epoch} if epoch % 2 else {}))
    (axes,) = visual.curves(history).axes
    assert lines(axes) == [([1, 2, 3, 4], [4.0, 3.0, 2.0, 1.0]), ([2, 4], [8.0, 6.0])]
    assert lines(axes, "*") == [([4], [6.0])]
    with pytest.raises(DataError, match=r"4 values of loss, 2 values of val_loss.*what fit returned"):
        visual.curves(history.history)


def test_several_histories_have_colours_and_training_is_dashed():
    other = {"loss": [0.8, 0.6], "val_loss": [0.7, 0.9]}
    loss, accuracy = visual.curves({"first": ONE, "second": other}).axes
    assert lines(loss) == [([1, 2, 3], ONE["loss"]), ([1, 2, 3], ONE["val_loss"]), ([1, 2], [0.8, 0.6]), ([1, 2], [0.7, 0.9])]
    drawn = [line for line in loss.lines if len(line.get_xdata()) and line.get_marker() != "*"]
    assert [line.get_color() for line in drawn] == [COLOURS[0], COLOURS[0], COLOURS[1], COLOURS[1]]
    assert [line.get_linestyle() for line in drawn] == ["--", "-", "--", "-"]
    assert texts(loss) == ["first: best 0.75 in epoch 2", "second: best 0.7 in epoch 1", "training", "validation"]
    assert texts(accuracy) == ["first: best 0.75 in epoch 3", "training", "validation"]
    (axes,) = visual.curves({"a": {"loss": [2.0, 1.0]}, "b": {"loss": [1.0, 2.0]}}).axes
    assert {line.get_linestyle() for line in axes.lines if line.get_marker() != "*"} == {"-"}
    assert texts(axes) == ["a: best 1 in epoch 2", "b: best 1 in epoch 1"]


def test_what_is_not_finite_is_marked_and_never_the_best():
    (axes,) = visual.curves({"loss": [0.5, NAN, -INF, 0.25, 0.75], "val_loss": [NAN] * 5}).axes
    assert lines(axes, "x") == [([2, 3], [0, 0]), ([1, 2, 3, 4, 5], [0] * 5)]
    assert texts(axes) == ["training", "validation", "NaN or infinite"], "validation has no best epoch"
    np.testing.assert_equal(axes.lines[0].get_ydata(), [0.5, NAN, NAN, 0.25, 0.75])
    (axes,) = visual.curves({"loss": [0.5, NAN, -INF, 0.25, 0.75]}).axes
    assert lines(axes, "*") == [([4], [0.25])]


def test_one_epoch_has_one_tick_and_long_histories_no_markers():
    (axes,) = visual.curves({"loss": [0.5]}).axes
    assert list(axes.get_xticks()) == [1]
    assert axes.lines[0].get_marker() == "o"
    assert visual.curves({"loss": [0.5] * 30}).axes[0].lines[0].get_marker() == "o"
    (axes,) = visual.curves({"loss": [0.5] * 31}).axes
    assert axes.lines[0].get_marker() == ""
    assert all(tick == round(tick) for tick in visual.curves({"loss": [0.5, 0.4, 0.3]}).axes[0].get_xticks())


def test_what_is_best_goes_by_the_name_or_by_mode():
    values = [0.5, 0.75, 0.25]
    names = {"auc": 2, "f1_score": 2, "val_recall": 2, "top_3_accuracy": 2, "mae": 3, "digit_loss": 3, "my_score": 3}
    for name, epoch in names.items():
        (axes,) = visual.curves({name: values}).axes
        assert texts(axes)[-1].endswith(f"in epoch {epoch}"), name
    (axes,) = visual.curves({"my_score": values}, mode="max").axes
    assert texts(axes)[-1] == "best: 0.75 in epoch 2"
    first, second = visual.curves({"my_score": values, "loss": values}, mode={"my_score": "max"}).axes
    assert (texts(first)[-1], texts(second)[-1]) == ("best: 0.75 in epoch 2", "best: 0.25 in epoch 3")
    (axes,) = visual.curves({"learning_rate": values}).axes
    assert texts(axes) == ["training"], "a learning rate is neither good nor bad"


def test_metrics_are_chosen_by_name_and_others_stay_out():
    assert [axes.get_ylabel() for axes in visual.curves(ONE, "accuracy").axes] == ["accuracy"]
    assert [axes.get_ylabel() for axes in visual.curves(ONE, ["accuracy", "val_loss"]).axes] == ["accuracy", "loss"]
    many = visual.curves({name: [1.0, 2.0] for name in "abcd"}).axes
    assert [axes.axison for axes in many] == [True, True, True, True, False, False]


def test_names_are_drawn_as_they_are():
    figure = visual.curves({"_hidden $x": {"$\\frac$_{": [1.0]}, "b\n\x1b[2J": {"$\\frac$_{": [2.0]}})
    figure.draw_without_rendering()  # a formula would raise here
    assert texts(figure.axes[0]) == [" _hidden \\$x: best 1 in epoch 1", "b??[2J: best 2 in epoch 1"]


@pytest.mark.parametrize(
    "history, options, error, words",
    [
        (None, {}, ArgumentTypeError, "received None; expected what fit returned"),
        ([0.5, 0.4], {}, ArgumentTypeError, "an object of type list"),
        ({}, {}, DataError, "without an epoch"),
        ({"loss": []}, {}, DataError, "without an epoch"),
        (History(), {}, DataError, "without an epoch"),
        ({"loss": [0.5], "run": {"loss": [1.0]}}, {}, ArgumentTypeError, "histories and lists in one dictionary"),
        ({"loss": "0.5"}, {}, ArgumentTypeError, "expected a list of numbers"),
        ({"loss": [[0.5]]}, {}, ArgumentTypeError, "expected a list of numbers"),
        ({"loss": 0.5}, {}, ArgumentTypeError, "expected a list of numbers"),
        ({"a": {"loss": [1.0]}, "b": {"loss": ["x"]}}, {}, ArgumentTypeError, "history 'b': loss"),
        (ONE, {"metrics": ["acuracy"]}, ArgumentError, "Did you mean 'accuracy'"),
        (ONE, {"metrics": 3}, ArgumentTypeError, "metrics=3"),
        (ONE, {"metrics": []}, ArgumentTypeError, r"metrics=\[\]"),
        (ONE, {"mode": "best"}, ArgumentError, "mode='best'"),
        (ONE, {"mode": {"loss": "low"}}, ArgumentError, "mode='low'"),
        (ONE, {"mode": {"lose": "min"}}, ArgumentError, "Did you mean 'loss'"),
    ],
)
def test_what_is_no_history_is_refused(history, options, error, words):
    with pytest.raises(error, match=words):
        visual.curves(history, **options)
