"""Pictures of models: every layer is a record, every result that is taken an arrow, in every format and direction."""

import xml.etree.ElementTree as ElementTree

import pytest

from minidl.compat.keras.layers import Dense, Input, TimeDistributed, add
from minidl.compat.keras.models import Model, Sequential
from minidl.compat.keras.names import forget
from minidl.compat.keras.utils import plot_model
from minidl.compat.keras.utils.vis_utils import model_to_dot
from minidl.compat.keras.utils.visualize_util import plot
from minidl.compat.spelling import OldSpellingWarning
from minidl.errors import ArgumentError, ArgumentTypeError, MissingPackageError, NotBuiltError

pytestmark = pytest.mark.filterwarnings("ignore::minidl.compat.spelling.OldSpellingWarning")


def in_a_row():
    forget()
    return Sequential([Dense(4, input_dim=3), Dense(2, name="last|one")])


def graph():
    forget()
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = Dense(5, name="shared")
    first, second = shared(a), shared(b)
    return Model([a, b], Dense(1, name="end")(add([first, second])))


def test_the_language_of_graphviz():
    assert model_to_dot(in_a_row(), show_shapes=True).to_string().splitlines() == [
        "digraph G {",
        "rankdir=TB;",
        "concentrate=true;",
        "node [shape=record];",
        r'layer_0 [label="dense_1_input: InputLayer\n|{input:|output:}|{{(None, 3)}|{(None, 3)}}"];',
        r'layer_1 [label="dense_1: Dense\n|{input:|output:}|{{(None, 3)}|{(None, 4)}}"];',
        r'layer_2 [label="last\|one: Dense\n|{input:|output:}|{{(None, 4)}|{(None, 2)}}"];',
        "layer_0 -> layer_1;",
        "layer_1 -> layer_2;",
        "}",
    ]
    bare = model_to_dot(in_a_row(), show_layer_names=False, rankdir="LR").to_string()
    assert 'layer_1 [label="Dense"];' in bare
    assert "rankdir=LR;" in bare


def test_graphs_with_shared_layers():
    lines = model_to_dot(graph(), show_shapes=True).to_string().splitlines()
    labels = [line.partition('"')[2].partition(r"\n")[0] for line in lines if "label" in line]
    assert sorted(labels) == ["a: InputLayer", "add_1: Add", "b: InputLayer", "end: Dense", "shared: Dense"]
    key = {label.partition(":")[0]: line.split()[0] for line, label in zip([line for line in lines if "label" in line], labels)}
    arrows = {tuple(line.rstrip(";").split(" -> ")) for line in lines if "->" in line}
    named = [("a", "shared"), ("b", "shared"), ("shared", "add_1"), ("add_1", "end")]
    assert arrows == {(key[one], key[other]) for one, other in named}
    (of_sum,) = [line for line in lines if "Add" in line]
    assert "{{[(None, 5), (None, 5)]}|{(None, 5)}}" in of_sum


def test_a_layer_within_another():
    forget()
    model = Sequential([TimeDistributed(Dense(2, name="inner"), input_shape=(3, 4), name="outer")])
    assert "outer(inner): TimeDistributed(Dense)" in model_to_dot(model).to_string()


def texts_of(svg):
    root = ElementTree.fromstring(svg)
    name = "{http://www.w3.org/2000/svg}"
    boxes = [[tuple(map(float, p.split(","))) for p in e.get("points").split()] for e in root.iter(f"{name}polyline")]
    found = {e.text: (float(e.get("x")), float(e.get("y"))) for e in root.iter(f"{name}text")}
    return found, boxes, (float(root.get("width")), float(root.get("height")))


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
@pytest.mark.parametrize("make", [in_a_row, graph])
def test_the_drawing(make, rankdir):
    svg = model_to_dot(make(), show_shapes=True, rankdir=rankdir).create(prog="dot", format="svg")
    assert isinstance(svg, bytes)
    texts, lines, (width, height) = texts_of(svg)
    names = (
        ["dense_1_input: InputLayer", "dense_1: Dense", "last|one: Dense"]
        if make is in_a_row
        else ["a: InputLayer", "shared: Dense"]
    )
    along = [texts[name]["LR".find(rankdir[0]) < 0] for name in names]
    assert along == sorted(along, reverse=rankdir in ("BT", "RL"))
    assert all(0 <= x <= width and 0 <= y <= height for line in lines for x, y in line)
    boxes = [line for line in lines if len(line) == 5 and line[0] == line[-1]]
    corners = [(min(x for x, _ in b), min(y for _, y in b), max(x for x, _ in b), max(y for _, y in b)) for b in boxes]
    for index, (x1, y1, x2, y2) in enumerate(corners):
        assert all(x2 <= x3 or x4 <= x1 or y2 <= y3 or y4 <= y1 for x3, y3, x4, y4 in corners[:index]), "no two overlap"
    for x, y in texts.values():
        assert any(x1 < x < x2 and y1 < y < y2 for x1, y1, x2, y2 in corners)
    ends = [line[-1] for line in lines if line not in boxes and "arrow" and len(line) >= 2]
    assert any(
        abs(x - x1) < 1 or abs(x - x2) < 1 or abs(y - y1) < 1 or abs(y - y2) < 1 for x, y in ends for x1, y1, x2, y2 in corners
    )


def test_files(tmp_path):
    pytest.importorskip("matplotlib")
    for name, start in (
        ("m.svg", b"<svg"),
        ("m.dot", b"digraph"),
        ("m.png", b"\x89PNG"),
        ("m.pdf", b"%PDF"),
        ("m", b"\x89PNG"),
    ):
        plot_model(in_a_row(), to_file=str(tmp_path / name), show_shapes=True, rankdir="LR")
        assert (tmp_path / name).read_bytes().startswith(start)
    plot(in_a_row(), to_file=str(tmp_path / "k1.svg"), show_shapes=True)
    texts, _, _ = texts_of((tmp_path / "k1.svg").read_bytes())
    assert "(None, 4)" in texts
    plot_model(in_a_row(), str(tmp_path / "n.svg"), False, False)
    assert list(texts_of((tmp_path / "n.svg").read_bytes())[0]) == ["InputLayer", "Dense"]


def test_what_pydot_gave(tmp_path):
    dot = model_to_dot(in_a_row())
    assert dot.create_svg() == dot.create(format="svg") == dot._repr_svg_().encode()
    assert dot.create_dot() == dot.to_string().encode() == dot.create(format="raw")
    assert dot.write(str(tmp_path / "g")) is True
    assert (tmp_path / "g").read_bytes() == dot.create_dot()
    dot.write_svg(str(tmp_path / "g.svg"))
    assert (tmp_path / "g.svg").read_bytes() == dot.create_svg()
    with pytest.raises(AttributeError, match="get_nodes"):
        dot.get_nodes()
    with pytest.raises(ArgumentError, match="prog='neato'"):
        dot.create("neato")
    with pytest.raises(ArgumentError, match=r"format='pgn'.*Did you mean 'png'"):
        dot.write(str(tmp_path / "m"), format="pgn")
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_drawn(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match="rankdir='UD'"):
        model_to_dot(in_a_row(), rankdir="UD")
    with pytest.raises(NotBuiltError, match="without an input shape"):
        model_to_dot(Sequential([Dense(1)]))
    with pytest.raises(ArgumentTypeError, match=r"the keyword 'show_shape'.*Did you mean 'show_shapes'"):
        plot_model(in_a_row(), show_shape=True)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingPackageError, match="matplotlib"):
        plot_model(in_a_row(), str(tmp_path / "m.png"))
    plot_model(in_a_row(), str(tmp_path / "m.svg"))


@pytest.mark.filterwarnings("default::minidl.compat.spelling.OldSpellingWarning")
def test_the_call_of_today_is_told(tmp_path):
    model = in_a_row()
    with pytest.warns(OldSpellingWarning, match=r"visual\.graph\(model\)"):
        plot_model(model, str(tmp_path / "m.svg"))
