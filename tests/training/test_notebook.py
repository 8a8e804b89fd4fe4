"""What a notebook shows: a bar that updates in place, and histories and summaries as tables. IPython is a stand-in."""

import io
import sys
import types
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from minidl.callbacks import History, LambdaCallback, ProgressBar, notebook, progress
from minidl.layers import Dense
from minidl.models import Sequential

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)
NAN = float("nan")


class Stream:
    """Standard output of a kernel: neither a terminal nor a file."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass


class Handle:
    def __init__(self, page, content):
        self.page, self.place = page, len(page)
        page.append([content])

    def update(self, content, **options):
        assert options == {"raw": True}
        self.page[self.place].append(content)


@pytest.fixture
def open_page(monkeypatch):
    """Makes a notebook: each display is a list of what was shown at its place, one after another."""

    def make():  # called by the test itself: pytest has its own standard output until then
        page, ipython, display = [], types.ModuleType("IPython"), types.ModuleType("IPython.display")
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())

        def show(content, **options):
            assert options == {"raw": True, "display_id": True}
            return Handle(page, content)

        display.display = show
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)
        monkeypatch.setattr(sys, "stdout", Stream())
        monkeypatch.setattr(progress, "_SECONDS_BETWEEN_UPDATES", 0)
        monkeypatch.setattr(progress, "clock", lambda seconds: "7s")
        return page

    return make


def model():
    made = Sequential([Dense(1, input_shape=(3,))])
    made.compile("sgd", "mse")
    return made


def test_fit_has_one_bar_that_is_replaced_and_a_line_for_each_epoch(open_page):
    page = open_page()
    each_step = LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    model().fit(X, Y, 4, epochs=2, validation_split=0.2, callbacks=[each_step])
    (shown,) = page
    texts = [content["text/plain"] for content in shown]
    assert len(texts) == 2 * (4 + 1)
    assert [text.partition(" - loss")[0] for text in texts[:5]] == [
        *[f"Epoch 1/2 - {done}/4 - ETA: 7s" for done in range(1, 5)],
        "Epoch 1/2 - 4/4 - 7s",
    ]
    assert texts[5].startswith("Epoch 2/2 - 1/4 - ETA: 7s - loss: ")
    lines = sys.stdout.text.splitlines()
    assert lines[0].startswith("Training on 16 samples, validating on 4")
    assert [line.partition(" - ")[0] for line in lines[1:]] == ["Epoch 1/2", "Epoch 2/2"]
    assert "val_loss" in lines[1]
    assert "\r" not in sys.stdout.text


def test_the_bar_is_html_and_names_are_text(open_page):
    page = open_page()
    bar = ProgressBar()
    bar.params = {"epochs": 1, "steps": 8, "samples": 8, "batch_size": 1, "device": "CPU"}
    bar.on_train_begin({})
    bar.on_epoch_begin(0, {})
    bar.on_train_batch_end(2, {"<b>&": 0.5})
    ((content,),) = page
    root = ET.fromstring(content["text/html"])
    assert root.find("progress").attrib["value"] == "3"
    assert root.find("progress").attrib["max"] == "8"
    assert root.find("span").text == content["text/plain"] == "Epoch 1/1 - 3/8 - ETA: 7s - <b>&: 0.5000"


def test_evaluate_and_predict_have_a_bar_too(open_page):
    page = open_page()
    made = model()
    made.evaluate(X, Y, 4)
    made.predict(X, 4, verbose=1)
    assert [shown[-1]["text/plain"] for shown in page] == ["evaluate - 5/5 - 7s", "predict - 5/5 - 7s"]
    assert len(sys.stdout.text.splitlines()) == 2


@pytest.mark.parametrize("verbose", [0, 2])
def test_other_verbosities_have_no_bar(open_page, verbose):
    page = open_page()
    model().fit(X, Y, 4, verbose=verbose)
    assert page == []
    assert bool(sys.stdout.text) is (verbose == 2)


def test_output_that_goes_elsewhere_stays_there(open_page, monkeypatch, tmp_path):
    page = open_page()
    made = model()
    monkeypatch.setattr(sys, "stdout", captured := io.StringIO())
    made.fit(X, Y, 4)
    assert "Epoch 1/1 - " in captured.getvalue()
    with open(tmp_path / "log", "w") as log:
        monkeypatch.setattr(sys, "stdout", log)
        made.fit(X, Y, 4)
    bar = ProgressBar(1, stream=io.StringIO())
    monkeypatch.setattr(sys, "stdout", Stream())
    made.fit(X, Y, 4, verbose=0, callbacks=[bar])
    assert page == []


def test_where_no_kernel_runs_there_is_no_bar(open_page, monkeypatch):
    page = open_page()
    assert notebook.board() is not None
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: types.SimpleNamespace())  # IPython in a terminal
    assert notebook.board() is None
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None)  # IPython is installed and imported, no more
    assert notebook.board() is None
    monkeypatch.delitem(sys.modules, "IPython.display")
    assert notebook.board() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook.board() is None
    model().fit(X, Y, 4)
    assert page == []
    assert "Epoch 1/1 - " in sys.stdout.text


def test_training_goes_on_where_the_notebook_will_not_show(open_page, monkeypatch):
    page = open_page()

    def fail(*arguments, **options):
        raise RuntimeError("the front end is gone")

    monkeypatch.setattr(sys.modules["IPython.display"], "display", fail)
    history = model().fit(X, Y, 4, epochs=2)
    monkeypatch.setattr(sys.modules["IPython.display"], "display", lambda *arguments, **options: None)
    model().fit(X, Y, 4)
    monkeypatch.setattr(sys.modules["IPython.display"], "display", lambda content, **options: Handle(page, content))
    monkeypatch.setattr(Handle, "update", fail)
    model().fit(X, Y, 4, epochs=2)
    assert len(history.epoch) == 2
    assert len(page[0]) == 1
    assert sys.stdout.text.count("Epoch 2/2 - ") == 2


def test_after_an_exception_the_next_fit_has_its_own_bar(open_page):
    page = open_page()
    made = model()

    def fail(batch, logs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, 4, callbacks=[LambdaCallback(on_train_batch_end=fail)])
    made.fit(X, Y, 4)
    assert len(page) == 2


# -- the history as a table --------------------------------------------------------------------------------------------


def table(history):
    """Rows of (text, whether it is bold), the row of curves left out; and that row."""
    root = ET.fromstring(history._repr_html_().replace("&#8943;", "..."))
    rows = []
    for row in root.iter("tr"):
        cells = [cell.find("b") if cell.find("b") is not None else cell for cell in row]
        rows.append([(cell.text or "", cell.tag == "b") for cell in cells])
    return [rows[0], *rows[2:]], list(root.iter("tr"))[1]


def history_of(**columns):
    history = History()
    for epoch, row in enumerate(zip(*columns.values())):
        history.on_epoch_end(epoch, dict(zip(columns, row)))
    return history


def test_a_history_is_a_table_with_the_best_in_bold():
    rows, curves = table(history_of(loss=[0.5, 0.25, 0.125], accuracy=[0.5, 0.75, 0.75], learning_rate=[0.1, 0.1, 0.01]))
    assert rows == [
        [("epoch", False), ("loss", False), ("accuracy", False), ("learning_rate", False)],
        [("1", False), ("0.5000", False), ("0.5000", False), ("0.1000", False)],
        [("2", False), ("0.2500", False), ("0.7500", True), ("0.1000", False)],
        [("3", False), ("0.1250", True), ("0.7500", False), ("0.0100", False)],
    ]
    assert len(list(curves.iter("polyline"))) == 3


def test_long_histories_keep_the_first_the_best_and_the_last():
    loss = [1.0] * 100
    loss[50] = 0.5
    rows, _ = table(history_of(loss=loss))
    shown = [row[0][0] for row in rows[1:]]
    assert shown == [*"12345", "...", "51", "...", "96", "97", "98", "99", "100"]
    assert rows[7] == [("51", False), ("0.5000", True)]
    assert len(table(history_of(loss=[1.0] * 20))[0]) == 21


def test_validation_now_and_then_stands_in_its_rows():
    history = History()
    for epoch in range(3, 6):
        history.on_epoch_end(epoch, {"loss": 0.5} | ({"val_loss": 0.25} if epoch == 4 else {}))
    assert history.epochs == {"loss": [3, 4, 5], "val_loss": [4]}
    rows, _ = table(history)
    assert [[text for text, _ in row] for row in rows[1:]] == [
        ["4", "0.5000", ""],
        ["5", "0.5000", "0.2500"],
        ["6", "0.5000", ""],
    ]


def test_strange_numbers_and_names():
    rows, curves = table(
        history_of(**{"<script>&": [NAN, 1e308, -1e308, float("inf")], "flat": [2.0] * 4, "nothing": [NAN] * 4})
    )
    assert rows[0][1][0] == "<script>&"
    assert [row[1] for row in rows[1:]] == [
        ("nan", False),
        ("1.0000e+308", False),
        ("-1.0000e+308", False),  # nobody knows which direction is better
        ("inf", False),
    ]
    points = [line.get("points") for line in curves.iter("polyline")]
    assert points == ["30.3,1.0 59.7,21.0", "1.0,21.0 30.3,21.0 59.7,21.0 89.0,21.0"]
    assert History()._repr_html_() == "<p>&lt;History of 0 epochs&gt;</p>"


def test_a_curve_of_very_many_epochs_stays_small():
    _, curves = table(history_of(loss=list(np.linspace(1, 0, 10000))))
    (line,) = curves.iter("polyline")
    points = line.get("points").split()
    assert len(points) == 181
    assert (points[0], points[-1]) == ("1.0,1.0", "89.0,21.0")
