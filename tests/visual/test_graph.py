"""The graph of a model: every use of a layer, every connection, boxes that do not touch, and well-formed XML from any name."""

import random
import xml.etree.ElementTree as ET

import pytest

from minidl import visual
from minidl.errors import ArgumentError, ArgumentTypeError, NotBuiltError
from minidl.layers import Activation, Add, BatchNormalization, Conv2D, Dense, Flatten, Input
from minidl.models import Model, Sequential

SVG = "{http://www.w3.org/2000/svg}"


class Drawn:
    """The rectangles (x, y, width, height) with their texts, and the arrows' first and last points, in pixels of the page."""

    def __init__(self, picture):
        self.root = ET.fromstring(picture.svg)
        self.width, self.height = (float(self.root.get(name)) for name in ("width", "height"))
        self.boxes, self.starts, self.tips = [], [], []
        self._walk(self.root, 0.0, 0.0)

    def _walk(self, element, x, y):
        if element.tag == f"{SVG}g":
            dx, dy = map(float, element.get("transform")[len("translate(") : -1].split())
            x, y = x + dx, y + dy
            rectangles = element.findall(f"{SVG}rect")
            if rectangles:
                place = [float(rectangles[0].get(name)) for name in ("x", "y", "width", "height")]
                texts = [text.text for text in element.findall(f"{SVG}text")]
                self.boxes.append((x + place[0], y + place[1], *place[2:], texts))
        for path in element.findall(f"{SVG}path"):
            numbers = path.get("d").replace("M", "").split()
            self.starts.append((x + float(numbers[0]), y + float(numbers[1].rstrip("V"))))
        for polygon in element.findall(f"{SVG}polygon"):
            tip = polygon.get("points").split()[0].split(",")
            self.tips.append((x + float(tip[0]), y + float(tip[1])))
        for child in element:
            self._walk(child, x, y)

    def texts(self):
        return [box[4] for box in self.boxes]


def overlap(a, b):
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def contains(a, b):
    return a[0] <= b[0] and a[1] <= b[1] and b[0] + b[2] <= a[0] + a[2] and b[1] + b[3] <= a[1] + a[3]


def check(picture):
    """Boxes lie on the page and apart (or one within the other), and every arrow ends on a box's upper edge."""
    drawn = Drawn(picture)
    for index, box in enumerate(drawn.boxes):
        assert contains((0, 0, drawn.width, drawn.height), box)
        for other in drawn.boxes[:index]:
            assert not overlap(box, other) or contains(box, other) or contains(other, box)
    for x, y in drawn.tips:
        assert any(abs(box[1] - y) < 0.2 and box[0] <= x <= box[0] + box[2] for box in drawn.boxes)
    for x, y in drawn.starts:
        assert any(abs(box[1] + box[3] - y) < 0.2 and abs(box[0] + box[2] / 2 - x) < 0.2 for box in drawn.boxes)
    return drawn


def branches():
    """Two branches, a skip over both, and a model used twice."""
    x = Input((8,), name="start")
    body = Sequential([Input((8,)), Dense(8, activation="relu"), BatchNormalization()], name="body")
    h = Add()([Dense(8, name="left")(x), body(x)])
    return Model(x, Dense(2, name="end")(Add()([body(h), x])), name="branches")


def test_structure_of_a_chain():
    model = Sequential([Input((6, 6, 1)), Conv2D(2, 3), Flatten(), Dense(3, name="last")])
    nodes = visual.structure(model)
    assert [(n.name, n.kind, n.shape, n.parameters, n.inputs, n.output) for n in nodes] == [
        ("input", "Input", (6, 6, 1), 0, (), False),
        ("conv2d_1", "Conv2D", (4, 4, 2), 20, (0,), False),
        ("flatten_1", "Flatten", (32,), 0, (1,), False),
        ("last", "Dense", (3,), 99, (2,), True),
    ]


def test_structure_of_a_graph_with_a_model_used_twice():
    nodes = visual.structure(branches())
    found = {(n.name, n.use): (n.kind, n.shape, n.parameters, [nodes[i].name for i in n.inputs], n.uses) for n in nodes}
    assert found == {
        ("start", 1): ("Input", (8,), 0, [], 1),
        ("left", 1): ("Dense", (8,), 72, ["start"], 1),
        ("body", 1): ("Sequential", (8,), 104, ["start"], 2),
        ("add_1", 1): ("Add", (8,), 0, ["left", "body"], 1),
        ("body", 2): ("Sequential", (8,), 104, ["add_1"], 2),
        ("add_2", 1): ("Add", (8,), 0, ["body", "start"], 1),
        ("end", 1): ("Dense", (2,), 18, ["add_2"], 1),
    }
    assert all(i < place for place, n in enumerate(nodes) for i in n.inputs)
    assert [n.name for n in nodes if n.output] == ["end"]
    (first, *_) = [n.inside for n in nodes if n.name == "body"]
    assert [(n.name, n.shape, n.inputs) for n in first] == [
        ("input", (8,), ()),
        ("dense_1", (8,), (0,)),
        ("batch_normalization_1", (8,), (1,)),
    ]


def test_a_layer_on_other_shapes_and_several_inputs():
    relu, a, b = Activation("relu", name="shared"), Input((4,)), Input((3,), name="b")
    nodes = visual.structure(Model([a, b], Add()([Dense(2)(relu(a)), Dense(2)(relu(b))])))
    assert [(n.name, n.shape) for n in nodes if n.kind == "Input"] == [("input_1", (4,)), ("b", (3,))]
    assert [(n.shape, n.use, n.uses) for n in nodes if n.name == "shared"] == [((4,), 1, 2), ((3,), 2, 2)]


def test_boxes_say_what_the_layers_are():
    model = Sequential([Input((6, 6, 1)), Conv2D(200, 3), Flatten(), Dense(3, name="last")])
    drawn = check(visual.graph(model))
    assert drawn.texts() == [
        ["input", "Input (6, 6, 1)"],
        ["conv2d_1", "Conv2D, 2,000 parameters", "output (4, 4, 200)"],
        ["flatten_1", "Flatten", "output (3200,)"],
        ["last", "Dense, 9,603 parameters", "output (3,)"],
    ]
    assert len(drawn.tips) == 3
    tops = [box[1] for box in drawn.boxes]
    assert tops == sorted(tops)
    widths = [rect.get("stroke-width") for rect in drawn.root.iter(f"{SVG}rect")]
    assert widths == ["1.2", "1.2", "1.2", "2.5"], "the output has the thick border"


def test_branches_and_models_as_boxes():
    drawn = check(visual.graph(branches()))
    assert len(drawn.tips) == 8, "an arrow for each input of each use"
    assert ["body", "Sequential, 2 layers, 104 parameters", "output (8,)", "use 2 of 2, one set of parameters"] in drawn.texts()
    assert len(drawn.boxes) == 7


def test_models_expanded():
    drawn = check(visual.graph(branches(), expand=True))
    frames = [box for box in drawn.boxes if box[4][0] == "body"]
    assert len(frames) == 2
    assert len(drawn.boxes) == 7 + 2 * 3
    for frame in frames:
        inner = [box[4][0] for box in drawn.boxes if box is not frame and contains(frame, box)]
        assert inner == ["input", "dense_1", "batch_normalization_1"]
    assert len(drawn.tips) == 8 + 2 * 2
    deep = Sequential([Input((2,)), Sequential([Sequential([Dense(2)], name="inner")], name="middle")])
    assert [texts[0] for texts in check(visual.graph(deep, expand=True)).texts()] == [
        "input",
        "middle",
        "input",
        "inner",
        "input",
        "dense_1",
    ]


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_have_apart_boxes(seed):
    chance = random.Random(seed)
    pool = [Input((2,)), Input((2,), name="second input with a longer name")]
    for index in range(24):
        taken = chance.choices(pool[-8:], k=chance.choice([1, 2, 2, 5]))
        pool.append(
            Add(name=f"{'n' * chance.randrange(1, 30)}{index}")(taken) if len(taken) > 1 else Activation("relu")(*taken)
        )
    model = Model(pool[:2], Add()(pool))
    drawn = check(visual.graph(model))
    assert len(drawn.boxes) == len(pool) + 1
    assert len(drawn.tips) == sum(len(node.inputs) for node in visual.structure(model))


def test_no_needless_crossings_of_parallel_branches():
    x = Input((2,))
    ends = [Dense(2, name=f"b{i}")(Dense(2, name=f"a{i}")(x)) for i in range(6)]
    drawn = check(visual.graph(Model(x, Add()(ends[::-1]))))
    across = {box[4][0]: box[0] + box[2] / 2 for box in drawn.boxes}
    uppers, lowers = ([across[f"{letter}{i}"] for i in range(6)] for letter in "ab")
    order = sorted(range(6), key=uppers.__getitem__)
    assert sorted(range(6), key=lowers.__getitem__) == order
    assert all(abs(u - v) < 1 for u, v in zip(uppers, lowers)), "straight down"


HOSTILE = [
    "<script>alert(1)</script>",
    "\"' onload='x",
    "a & b &amp; c",
    "]]>",
    "\x00\x1b[2J\n\ud800\ufffe",
    "損失" * 40,
    "<!--",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(name):
    x = Input((2,), name=name)
    model = Model(x, Dense(2, name=name * 2)(Sequential([Dense(2, name=name)], name=f"model {name}")(x)), name=name)
    for expand in (False, True):
        picture = visual.graph(model, expand=expand)
        drawn = check(picture)
        assert {element.tag.removeprefix(SVG) for element in drawn.root.iter()} <= {
            "svg",
            "title",
            "g",
            "rect",
            "text",
            "path",
            "polygon",
        }
        allowed = {
            "viewBox",
            "width",
            "height",
            "font-family",
            "font-size",
            "font-weight",
            "role",
            "transform",
            "x",
            "y",
            "rx",
            "d",
        }
        allowed |= {"fill", "stroke", "stroke-width", "text-anchor", "points"}
        assert {key for element in drawn.root.iter() for key in element.keys()} <= allowed  # noqa: SIM118
        picture.svg.encode("utf-8")
    plain = "".join(c if c.isprintable() else "?" for c in name)
    assert drawn.root.find(f"{SVG}title").text == plain
    assert plain in {title.text for title in drawn.root.iter(f"{SVG}title")}, "the whole name as a tooltip"
    assert all(len(text) <= 44 for box in drawn.boxes for text in box[4][:1])


def test_boxes_are_wide_enough_for_their_texts():
    """Judged with DejaVu Sans, one of the widest fonts."""
    textpath = pytest.importorskip("matplotlib.textpath", reason='matplotlib is not installed: pip install "minidl[plot]"')
    font = pytest.importorskip("matplotlib.font_manager")
    names = ["WWWWMMMMWWWWMMMM", "m" * 44, "block_3_expand_depthwise_convolution", "損" * 12]
    x = h = Input((2,))
    for name in names:
        h = Dense(2, name=name)(h)
    for x0, _, width, _, texts in Drawn(visual.graph(Model(x, h))).boxes:
        for index, text in enumerate(texts):
            if text.isascii():
                style = font.FontProperties(family="DejaVu Sans", size=12, weight="bold" if index == 0 else "normal")
                extent = textpath.TextPath((0, 0), text, prop=style).get_extents().width
                assert extent <= width - 4, (text, x0)


def test_saving(tmp_path):
    picture = visual.graph(branches())
    path = tmp_path / "graph.svg"
    path.write_text("old")
    picture.save(path)
    assert path.read_text(encoding="utf-8") == picture.svg == picture._repr_svg_()
    assert [file.name for file in tmp_path.iterdir()] == ["graph.svg"], "nothing temporary stays"
    assert repr(picture).startswith("<Drawing of branches: ")
    with pytest.raises(ArgumentError, match=r"a name that ends in \.svg.*save\('graph\.svg'\)"):
        picture.save("graph.png")
    with pytest.raises(OSError, match="nowhere"):
        picture.save(tmp_path / "nowhere" / "graph.svg")


@pytest.mark.more
def test_thousand_layers_need_no_recursion():
    model = Sequential([Input((2,)), *[Activation("relu") for _ in range(1000)]])
    assert len(Drawn(visual.graph(model)).boxes) == 1001


@pytest.mark.parametrize(
    "make, options, error, words",
    [
        (lambda: Sequential([Dense(2)]), {}, NotBuiltError, "a built model"),
        (lambda: "model", {}, ArgumentTypeError, "received 'model'"),
        (lambda: Sequential([Dense(2, input_shape=(2,))]), {"expand": 1}, ArgumentTypeError, "expand=1"),
    ],
)
def test_what_is_no_built_model_is_refused(make, options, error, words):
    with pytest.raises(error, match=words):
        visual.graph(make(), **options)
