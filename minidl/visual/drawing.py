"""The model as a graph, drawn as SVG: boxes for inputs and layers, arrows for what goes from one to the next.

An SVG is text that every browser draws. Boxes bring their own background, and lines are of a grey that is seen on white and
on black, so the picture fits a light and a dark page. It holds no scripts, no styles from elsewhere and no identifiers.
"""

from __future__ import annotations

import html
import os
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from minidl.checks import check_flag
from minidl.errors import ArgumentError, printable
from minidl.models.replace import write_atomically
from minidl.visual.layout import Box, Line, layered
from minidl.visual.structure import Node, structure

_MARGIN = 10.0  # around everything, and within the frame of a model that is expanded
_SIZE = 12  # pixels of the type
_REGULAR = 0.93  # width of regular letters, where bold ones are 1
_WIDE, _NARROW = frozenset("MWm@%"), frozenset("fijltIJr.,:;'|!()[]{}/\\ ")
_LINE = 16.0  # from one line of text to the next
_LONGEST = 44  # letters of a name
_ARROW = 7.0
_STYLES = {  # fill, border
    "input": ("#E5F5EF", "#009E73"),
    "weights": ("#DCEBF7", "#0072B2"),
    "plain": ("#F4F4F4", "#808080"),
    "model": ("#F8EAF2", "#B0578D"),
}
_LINE_COLOUR = "#808080"
_FONT = 'font-family="\'DejaVu Sans\', Verdana, Helvetica, Arial, sans-serif" font-size="12"'


class Drawing:
    """A picture as SVG: shown by notebooks, written by ``save``.

    Attributes:
        svg: the text of the picture.
        width, height: its size in pixels.
    """

    def __init__(self, svg: str, width: float, height: float, title: str = "") -> None:
        self.svg, self.width, self.height, self.title = svg, width, height, title

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing of {self.title}: {self.width:.0f} x {self.height:.0f} pixels; save('graph.svg') writes it>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the SVG to ``path``, which is replaced whole or not at all.

        Raises ArgumentError for another ending than .svg, OSError naming ``path`` where nothing can be written.
        """
        name = os.fsdecode(path)
        if not name.lower().endswith(".svg"):
            fix = f"save({os.path.splitext(name)[0] + '.svg'!r}); browsers and Inkscape turn SVG into other formats"
            raise ArgumentError("Drawing.save", repr(name), "a name that ends in .svg", fix)
        write_atomically(path, self.svg.encode())


class _Part(NamedTuple):
    """SVG elements around the origin, and the size they take."""

    elements: list[str]
    width: float
    height: float


def graph(model: Any, *, expand: bool = False) -> Drawing:
    """The model as a picture: a box with name, class, parameters and output shape for each use of a layer.

    Args:
        model: a built Model or Sequential.
        expand: True draws what is inside of models that are used as layers; False draws each as one box.

    Returns a Drawing: a notebook shows it, ``save("graph.svg")`` writes it. Needs no other library. Raises
    ArgumentTypeError for anything but a model, NotBuiltError where shapes are not known.

    >>> from minidl.layers import Dense, Input
    >>> from minidl.models import Sequential
    >>> picture = graph(Sequential([Input((784,)), Dense(10)], name="digits"))
    >>> picture.svg[:4], picture.title
    ('<svg', 'digits')
    """
    expand = check_flag("visual.graph", "expand", expand)
    part = _draw(structure(model), expand)
    title = printable(str(model.name))
    width, height = part.width + 2 * _MARGIN, part.height + 2 * _MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
    head += f'width="{width:.0f}" height="{height:.0f}" {_FONT} role="img">'
    lines = [head, f"<title>{_escaped(title)}</title>", _group(_MARGIN, _MARGIN, part.elements), "</svg>"]
    return Drawing("\n".join(lines) + "\n", round(width), round(height), title)


def _draw(nodes: Sequence[Node], expand: bool) -> _Part:
    """Boxes and arrows of the nodes of one model."""
    parts = [_expanded(node) if expand and node.inside else _box(node) for node in nodes]
    layout = layered([(part.width, part.height) for part in parts], [node.inputs for node in nodes])
    elements = [_arrow(line) for line in layout.lines]
    elements += [_group(box.x, box.y, part.elements) for box, part in zip(layout.boxes, parts)]
    return _Part(elements, layout.width, layout.height)


def _box(node: Node) -> _Part:
    """A rectangle with the node's texts."""
    lines = _texts(node)
    width, height = float(round(max(_room(lines), 96))), len(lines) * _LINE + 16
    style = "input" if node.kind == "Input" else "model" if node.inside else "weights" if node.parameters else "plain"
    elements = [f"<title>{_escaped(node.name)}</title>", _rectangle(Box(0, 0, width, height), style, thick=node.output)]
    if node.inside:  # a second border: there is more behind it
        elements.append(_rectangle(Box(4, 4, width - 8, height - 8), style, thick=False))
    elements += [_text(width / 2, 21 + index * _LINE, text, bold=index == 0) for index, text in enumerate(lines)]
    return _Part(elements, width, height)


def _expanded(node: Node) -> _Part:
    """A frame with the name of a model, and the model within."""
    part = _draw(node.inside, True)
    name, *rest = _texts(node)
    texts = [name, ", ".join(rest[:2]), *rest[2:]]
    head = len(texts) * _LINE + 8
    width = max(part.width + 2 * _MARGIN, _room(texts))
    height = part.height + 2 * _MARGIN + head
    elements = [f"<title>{_escaped(node.name)}</title>", _rectangle(Box(0, 0, width, height), "model", thick=node.output)]
    elements += [_text(width / 2, 19 + index * _LINE, text, bold=index == 0) for index, text in enumerate(texts)]
    elements.append(_group((width - part.width) / 2, head + _MARGIN, part.elements))
    return _Part(elements, width, height)


def _room(texts: Sequence[str]) -> float:
    """Pixels for these lines, the first of them bold, in one of the widest fonts that browsers take (DejaVu Sans)."""
    return 24 + max(_SIZE * sum(map(_letter, text)) * (1 if index == 0 else _REGULAR) for index, text in enumerate(texts))


def _letter(letter: str) -> float:
    """Width of a bold letter, in parts of the size of the type, rather too wide."""
    if letter > "~":
        return 1.1 if unicodedata.east_asian_width(letter) in "WF" else 0.9
    if letter in _WIDE:
        return 1.1
    return 0.5 if letter in _NARROW else 0.86 if letter.isupper() or letter in "w#&+<=>~" else 0.72


def _texts(node: Node) -> list[str]:
    """Name; class and parameters; shape of the output."""
    kind = node.kind
    if kind == "Input":
        return [_cut(node.name), f"Input {_shape(node.shape)}"]
    if node.inside:
        layers = sum(inner.kind != "Input" for inner in node.inside)
        kind += f", {layers} layer{'s' * (layers != 1)}"
    if node.parameters:
        kind += f", {node.parameters:,} parameter{'s' * (node.parameters != 1)}"
    lines = [_cut(node.name), kind, f"output {_shape(node.shape)}"]
    if node.uses > 1:
        lines.append(f"use {node.use} of {node.uses}{', one set of parameters' * bool(node.parameters)}")
    return lines


def _shape(shape: Any) -> str:
    return str(tuple(shape)) if not shape or not isinstance(shape[0], tuple) else ", ".join(map(str, shape))


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2 - 1]}…{text[-_LONGEST // 2 :]}"


# -- elements ----------------------------------------------------------------------------------------------------------


def _escaped(text: str) -> str:
    """Text that no browser takes for markup, without characters that XML forbids."""
    return html.escape(printable(text))


def _group(x: float, y: float, elements: Sequence[str]) -> str:
    return "\n".join([f'<g transform="translate({_number(x)} {_number(y)})">', *elements, "</g>"])


def _rectangle(box: Box, style: str, thick: bool) -> str:
    fill, border = _STYLES[style]
    place = f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'
    return f'<rect {place} rx="6" fill="{fill}" stroke="{border}" stroke-width="{2.5 if thick else 1.2}"/>'


def _text(x: float, y: float, text: str, bold: bool) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="middle" fill="#1A1A1A"{weight}>{_escaped(text)}</text>'


def _arrow(line: Line) -> str:
    """Straight down through the rows, in curves between them, and a head at the end."""
    (x, y, bottom), *rest = line.points
    path = [f"M{_number(x)} {_number(y)}"]
    for index, (next_x, top, next_bottom) in enumerate(rest):
        if bottom > y:
            path.append(f"V{_number(bottom)}")
        end = top - _ARROW if index == len(rest) - 1 else top
        if abs(next_x - x) < 0.5:
            path.append(f"L{_number(next_x)} {_number(end)}")
        else:
            half = (bottom + end) / 2
            path.append(f"C{_number(x)} {_number(half)} {_number(next_x)} {_number(half)} {_number(next_x)} {_number(end)}")
        x, y, bottom = next_x, top, next_bottom
    tip = f"{_number(x)},{_number(y)} {_number(x - 4)},{_number(y - _ARROW - 1)} {_number(x + 4)},{_number(y - _ARROW - 1)}"
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="{_LINE_COLOUR}" stroke-width="1.4"/>'
        f'<polygon points="{tip}" fill="{_LINE_COLOUR}"/>'
    )


def _number(value: float) -> str:
    """A coordinate with one decimal, without needless zeros."""
    return f"{value:.1f}".removesuffix(".0")
