"""``keras.utils.vis_utils`` of Keras 2.1: the model as a graph of records, drawn by minidl itself.

    model_to_dot(model).to_string()            the graph in the language of Graphviz
    model_to_dot(model).create(format="svg")   the picture, as bytes
    plot_model(model, "model.png")             a file: .svg or .dot needs nothing, .png, .pdf, .jpg and others need matplotlib

Neither pydot nor Graphviz is used: the layout is that of minidl/visual/layout.py.
"""

from __future__ import annotations

import functools
import html
import io
import os
from typing import Any, NamedTuple

from minidl.compat.keras.engine.places import Place, rows_of
from minidl.compat.keywords import keywords_of_keras_1
from minidl.compat.spelling import told
from minidl.errors import ArgumentError, NotBuiltError, closest, printable
from minidl.geometry import is_several
from minidl.models.replace import write_atomically
from minidl.visual.figures import new_figure, plain
from minidl.visual.layout import layered

_DIRECTIONS = ("TB", "LR", "BT", "RL")
_TEXTS = ("dot", "gv", "raw", "canon")
_BY_MATPLOTLIB = ("png", "pdf", "jpg", "jpeg", "eps", "ps", "tif", "tiff", "webp", "pgf")
_SIZE, _WIDE, _LINE, _MARGIN, _ARROW = 13, 7.9, 22.0, 10.0, 7.0  # pixels: type, a letter, a line, around all, an arrow's head


class Box(NamedTuple):
    """A layer.

    Attributes:
        key: what Graphviz calls it.
        label: what it shows.
        shapes: of its inputs and outputs, as texts; None shows none.
        inputs: the places of the boxes that it takes, in the list of boxes.
    """

    key: str
    label: str
    shapes: tuple[str, str] | None
    inputs: tuple[int, ...]


class Dot:
    """A graph of records, as ``model_to_dot`` of Keras 2.1 gave one of pydot.

    ``create_svg()``, ``write_png("model.png")`` and the like are ``create(format="svg")`` and so on.
    """

    def __init__(self, boxes: list[Box], rankdir: str, title: str) -> None:
        self.boxes, self.rankdir, self.title = boxes, rankdir, title

    def to_string(self) -> str:
        """The graph in the language of Graphviz."""
        lines = ["digraph G {", f"rankdir={self.rankdir};", "concentrate=true;", "node [shape=record];"]
        for box in self.boxes:
            label = _quoted(box.label)
            if box.shapes is not None:
                label += f"\\n|{{input:|output:}}|{{{{{_quoted(box.shapes[0])}}}|{{{_quoted(box.shapes[1])}}}}}"
            lines.append(f'{box.key} [label="{label}"];')
        lines += [f"{self.boxes[source].key} -> {box.key};" for box in self.boxes for source in box.inputs]
        return "\n".join([*lines, "}", ""])

    def create(self, prog: Any = None, format: str = "svg") -> bytes:  # noqa: A002  (pydot's name)
        """The picture in a format: "svg", "dot", or one of matplotlib's such as "png". ``prog`` may only be "dot"."""
        if prog not in (None, "dot", ["dot"]):
            raise ArgumentError("create", f"prog={prog!r}", "'dot': layers in rows")
        kind = str(format).lower()
        if kind in _TEXTS:
            return self.to_string().encode()
        if kind == "svg":
            return _svg(*_drawn(self.boxes, self.rankdir), self.title).encode()
        if kind in _BY_MATPLOTLIB:
            return _by_matplotlib(*_drawn(self.boxes, self.rankdir), kind)
        known = ["svg", "dot", *_BY_MATPLOTLIB]
        raise ArgumentError("create", f"format={format!r}", ", ".join(map(repr, known)), meant=closest(kind, known))

    def write(self, path: str, prog: Any = None, format: str = "raw") -> bool:  # noqa: A002
        """Write the picture into a file, which is replaced whole or not at all."""
        write_atomically(path, self.create(prog, format))
        return True

    def __getattr__(self, name: str) -> Any:
        verb, _, format_name = name.partition("_")
        if verb in ("create", "write") and format_name in ("svg", *_TEXTS, *_BY_MATPLOTLIB):
            return functools.partial(getattr(self, verb), format=format_name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def _repr_svg_(self) -> str:
        return self.create().decode()


@keywords_of_keras_1()
def model_to_dot(model: Any, show_shapes: bool = False, show_layer_names: bool = True, rankdir: str = "TB") -> Dot:
    """The graph of a model: a record for each layer, an arrow for each result that it takes.

    Args:
        model: a built model.
        show_shapes: whether records have the shapes of inputs and outputs.
        show_layer_names: whether records have the names of layers beside their classes.
        rankdir: "TB" from top to bottom, "LR" from left to right, "BT" and "RL" against these.

    Raises ArgumentError, and NotBuiltError where shapes are not known.
    """
    told("model_to_dot(model)", "visual.graph(model)")
    return _graph(model, show_shapes, show_layer_names, rankdir)


def _graph(model: Any, show_shapes: bool, show_layer_names: bool, rankdir: str) -> Dot:
    if rankdir not in _DIRECTIONS:
        raise ArgumentError("model_to_dot", f"rankdir={rankdir!r}", ", ".join(map(repr, _DIRECTIONS)))
    network = getattr(model, "network", model)
    if network.input_shape is None:
        fix = "input_shape in the first layer, or fit first"
        raise NotBuiltError("model_to_dot", "a model without an input shape", "a built model", fix)
    return Dot(_boxes(model, show_shapes, show_layer_names), rankdir, printable(str(model.name)))


@keywords_of_keras_1()
def plot_model(
    model: Any, to_file: str = "model.png", show_shapes: bool = False, show_layer_names: bool = True, rankdir: str = "TB"
) -> None:
    """Draw a model into a file; see ``model_to_dot``.

    ``to_file`` says the format by its ending; without one it is PNG. Raises MissingPackageError where that needs matplotlib.
    """
    told("plot_model(model)", "visual.graph(model).save('model.svg')")
    ending = os.path.splitext(os.fsdecode(to_file))[1][1:] or "png"
    _graph(model, show_shapes, show_layer_names, rankdir).write(to_file, format=ending)


# -- what is drawn ------------------------------------------------------------------------------------------------------


def _boxes(model: Any, show_shapes: bool, show_layer_names: bool) -> list[Box]:
    """A box for each row of the summary; in front of layers in a row the input, which was a layer too."""
    rows, _ = rows_of(model)
    things = [(row.thing, row.shape, [text.partition("[")[0] for text in row.connections]) for row in rows]
    if not any(isinstance(thing, Place) for thing, _, _ in things):
        shape = _batched(model, rows)
        names = [thing.name for thing, _, _ in things]
        things = [(thing, size, [name]) for (thing, size, _), name in zip(things, ["", *names])]
        first = f"{names[0]}_input" if names else "input"
        things = [(thing, size, [first] if not place else taken) for place, (thing, size, taken) in enumerate(things)]
        things.insert(0, (_Input(first), shape, []))
    places = {thing.name: place for place, (thing, _, _) in enumerate(things)}
    boxes = []
    for place, (thing, shape, taken) in enumerate(things):
        inputs = tuple(dict.fromkeys(places[name] for name in taken))  # parallel arrows are one
        shapes = [_text(things[place_of][1]) for place_of in (places[name] for name in taken)]
        given = _text(shape) if not taken else shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"
        given = "multiple" if shape == "multiple" else given
        name, kind = _names(thing)
        label = f"{name}: {kind}" if show_layer_names else kind
        boxes.append(Box(f"layer_{place}", printable(label), (given, _text(shape)) if show_shapes else None, inputs))
    return boxes


class _Input:
    """The input of layers in a row."""

    def __init__(self, name: str) -> None:
        self.name = name


def _batched(model: Any, rows: Any) -> Any:
    """The shape of what enters layers in a row, with the batch axis of the others."""
    shape = model.network.input_shape
    size = rows[0].shape[0] if rows and isinstance(rows[0].shape, tuple) else None
    return [(size, *part) for part in shape] if is_several(shape) else (size, *shape)


def _names(thing: Any) -> tuple[str, str]:
    """Name and class of a layer, with those of the layer that it wraps in brackets."""
    if isinstance(thing, (Place, _Input)):
        return thing.name, "InputLayer"
    kind = type(thing).__name__ if hasattr(thing, "network") else getattr(thing, "_class_name", type(thing).__name__)
    inner = vars(thing).get("layer")
    if inner is None:
        return thing.name, kind
    return f"{thing.name}({inner.name})", f"{kind}({getattr(inner, '_class_name', type(inner).__name__)})"


def _text(shape: Any) -> str:
    return shape if isinstance(shape, str) else str(shape)


def _quoted(text: str) -> str:
    """Text in a record of Graphviz."""
    for letter in '\\{}|<>"':
        text = text.replace(letter, f"\\{letter}")
    return text


# -- how it is drawn ----------------------------------------------------------------------------------------------------


class Picture(NamedTuple):
    """Lines [(x, y), ...] with an arrow's head or without, and texts (x, y of the middle, text); all in pixels."""

    lines: list[tuple[list[tuple[float, float]], bool]]
    texts: list[tuple[float, float, str]]


def _drawn(boxes: list[Box], rankdir: str) -> tuple[Picture, float, float]:
    """The picture, its width and its height."""
    across = rankdir in ("LR", "RL")
    sizes = [_size(box) for box in boxes]
    layout = layered([size[::-1] if across else size for size in sizes], [box.inputs for box in boxes])
    wide, high = (layout.height, layout.width) if across else (layout.width, layout.height)

    def at(x: float, y: float) -> tuple[float, float]:
        """A point of the layout, which runs downwards, in the picture."""
        x, y = (y, x) if across else (x, y)
        x, y = (wide - x if rankdir == "RL" else x), (high - y if rankdir == "BT" else y)
        return x + _MARGIN, y + _MARGIN

    picture = Picture([], [])
    for line in layout.lines:
        points = [point for x, top, bottom in line.points for point in dict.fromkeys([at(x, top), at(x, bottom)])]
        picture.lines.append((points, True))
    for place, (box, (width, height)) in enumerate(zip(boxes, sizes)):
        (x1, y1), (x2, y2) = (at(*corner) for corner in _corners(layout.boxes[place]))
        _record(picture, box, min(x1, x2), min(y1, y2), width, height)
    return picture, wide + 2 * _MARGIN, high + 2 * _MARGIN


def _corners(box: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    return (box.x, box.y), (box.x + box.width, box.y + box.height)


def _size(box: Box) -> tuple[float, float]:
    """Width and height of a record."""
    columns = _columns(box)
    return sum(columns), _LINE * (1.5 if box.shapes is None else 2)


def _columns(box: Box) -> list[float]:
    """The widths of label, headings and shapes."""
    first = max(_WIDE * len(box.label) + 16, 80)
    return [first] if box.shapes is None else [first, _WIDE * 7 + 16, _WIDE * max(map(len, box.shapes)) + 16]


def _record(picture: Picture, box: Box, x: float, y: float, width: float, height: float) -> None:
    """A frame with its cells."""
    picture.lines.append(([(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)], False))
    columns = _columns(box)
    picture.texts.append((x + columns[0] / 2, y + height / 2, box.label))
    if box.shapes is None:
        return
    second, third = x + columns[0], x + columns[0] + columns[1]
    picture.lines.extend([([(edge, y), (edge, y + height)], False) for edge in (second, third)])
    picture.lines.append(([(second, y + height / 2), (x + width, y + height / 2)], False))
    for row, (heading, shape) in enumerate(zip(("input:", "output:"), box.shapes)):
        middle = y + height * (0.25 + row / 2)
        picture.texts.extend([((second + third) / 2, middle, heading), ((third + x + width) / 2, middle, shape)])


def _svg(picture: Picture, width: float, height: float, title: str) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" {size}'
    parts = [
        f'{head} font-family="Verdana, Helvetica, Arial, sans-serif" font-size="{_SIZE}">',
        f"<title>{html.escape(title)}</title>",
    ]
    parts.append(f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>')
    for points, arrow in picture.lines:
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="black"/>')
        if arrow:
            parts.append(f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in _head(points))}" fill="black"/>')
    for x, y, text in picture.texts:
        parts.append(f'<text x="{x:.1f}" y="{y + _SIZE * 0.35:.1f}" text-anchor="middle">{html.escape(text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _head(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The three corners of an arrow's head at the end of a line."""
    (x, y), (from_x, from_y) = (
        points[-1],
        next((p for p in reversed(points[:-1]) if p != points[-1]), (points[-1][0], points[-1][1] - 1)),
    )
    length = ((x - from_x) ** 2 + (y - from_y) ** 2) ** 0.5
    u, v = (x - from_x) / length, (y - from_y) / length
    back = x - _ARROW * u, y - _ARROW * v
    return [(x, y), (back[0] - 4 * v, back[1] + 4 * u), (back[0] + 4 * v, back[1] - 4 * u)]


def _by_matplotlib(picture: Picture, width: float, height: float, kind: str) -> bytes:
    figure = new_figure(width / 100, height / 100)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    for points, arrow in picture.lines:
        axes.plot([x for x, _ in points], [y for _, y in points], color="black", linewidth=1)
        if arrow:
            axes.fill([x for x, _ in _head(points)], [y for _, y in _head(points)], color="black")
    for x, y, text in picture.texts:
        axes.text(x, y, plain(text, 200), ha="center", va="center", fontsize=_SIZE * 0.72, color="black")
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=100, facecolor="white")
    return stream.getvalue()
