"""Where the boxes of a graph go: in rows, every box below those it takes, and lines that go around boxes.

The steps are those of Sugiyama, Tagawa and Toda 1981:

1. Rows. A box is one row below the lowest of those it takes (longest path); one that takes nothing stands above its first
   user. Where a line passes a row, a bend takes a place in that row. All lines from one box share their bends.
2. Order. Each row is sorted by the mean place of its neighbours in the row above, then below, and so on; the order with
   the fewest crossings stays.
3. Places. Each box wants to be at the mean of its neighbours, each bend at the mean of its line. In a row, the places that
   are nearest to all wishes, in that order and without overlap, are an isotonic regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_GAP = 28.0  # between neighbours of a row
_BEND = 10.0  # width of a bend
_ROW_GAP = (34.0, 90.0)  # between rows; the farther lines go sideways there, the larger
_SWEEPS = 8  # over the order
_SHIFTS = 24  # over the places
_SHARE = 0.7  # the part of a box's upper edge over which its arrows arrive


@dataclass
class Box:
    """A rectangle; (x, y) is its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """x of the vertical through the middle."""
        return self.x + self.width / 2


@dataclass
class Line:
    """A connection: down from (x, y) of each point to ``bottom``, then on to the next; the last point is the arrow's tip."""

    source: int
    target: int
    points: list[tuple[float, float, float]]  # x, top, bottom


@dataclass
class Layout:
    """The boxes in the order of the sizes given, the lines, and the size of everything."""

    boxes: list[Box]
    lines: list[Line]
    width: float
    height: float


@dataclass
class _Item:
    """A box, or a bend (``box`` is None) of the lines from ``source``."""

    width: float
    row: int
    box: int | None
    source: int
    above: list[int] = field(default_factory=list)
    below: list[int] = field(default_factory=list)
    x: float = 0.0  # of the middle


def layered(sizes: Sequence[tuple[float, float]], parents: Sequence[Sequence[int]]) -> Layout:
    """Place boxes of these (width, height); ``parents[i]`` are the boxes that box i takes, all with smaller indices.

    >>> layout = layered([(100, 40), (100, 40), (60, 40)], [(), (0,), (0, 1)])
    >>> [box.y < below.y for box, below in zip(layout.boxes, layout.boxes[1:])]
    [True, True]
    """
    rows_of = _rows(parents)
    items = [_Item(width, row, index, index) for index, ((width, _), row) in enumerate(zip(sizes, rows_of))]
    through = _bends(items, parents)
    rows: list[list[int]] = [[] for _ in range(max(rows_of, default=-1) + 1)]
    for index, item in enumerate(items):
        rows[item.row].append(index)
    _order(items, rows)
    _place(items, rows)
    boxes, bands = _vertical(items, rows, sizes)
    lines = _lines(items, boxes, bands, parents, through)
    left = min((item.x - item.width / 2 for item in items), default=0.0)
    right = max((item.x + item.width / 2 for item in items), default=0.0)
    for box in boxes:
        box.x -= left
    for line in lines:
        line.points = [(x - left, top, bottom) for x, top, bottom in line.points]
    return Layout(boxes, lines, right - left, bands[-1][1] if bands else 0.0)


def _rows(parents: Sequence[Sequence[int]]) -> list[int]:
    rows: list[int] = []
    for of_box in parents:
        rows.append(1 + max((rows[p] for p in of_box), default=-1))
    children: list[list[int]] = [[] for _ in parents]
    for child, of_box in enumerate(parents):
        for parent in of_box:
            children[parent].append(child)
    for box, of_box in enumerate(parents):
        if not of_box and children[box]:
            rows[box] = min(rows[child] for child in children[box]) - 1
    return rows


def _bends(items: list[_Item], parents: Sequence[Sequence[int]]) -> dict[tuple[int, int], int]:
    """Add the bends to ``items`` and connect everything; (source, row) -> the item of that source in that row."""
    through = {(index, item.row): index for index, item in enumerate(items)}
    for child, of_box in enumerate(parents):
        for parent in dict.fromkeys(of_box):
            last = parent
            for row in range(items[parent].row + 1, items[child].row):
                if (parent, row) not in through:
                    through[parent, row] = len(items)
                    items.append(_Item(_BEND, row, None, parent))
                    items[last].below.append(through[parent, row])
                    items[-1].above.append(last)
                last = through[parent, row]
            items[last].below.append(child)
            items[child].above.append(last)
    return through


def _order(items: list[_Item], rows: list[list[int]]) -> None:
    """Sort each row so that few lines cross."""
    best, fewest = [list(row) for row in rows], crossings(items, rows)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        for row in rows if downwards else rows[::-1]:
            place = {index: position for other in rows for position, index in enumerate(other)}
            wish = {}
            for index in row:
                neighbours = items[index].above if downwards else items[index].below
                wish[index] = sum(place[n] for n in neighbours) / len(neighbours) if neighbours else place[index]
            row.sort(key=lambda index: wish[index])
        count = crossings(items, rows)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    for row, order in zip(rows, best):
        row[:] = order


def crossings(items: Sequence[_Item], rows: Sequence[Sequence[int]]) -> int:
    """Pairs of lines that cross between two rows."""
    count = 0
    for upper, lower in pairwise(rows):
        place = {index: position for position, index in enumerate(lower)}
        ends = [sorted(place[n] for n in items[index].below) for index in upper]
        passed: list[int] = []  # ends of the lines further left
        for of_item in ends:
            count += sum(other > end for end in of_item for other in passed)
            passed += of_item
    return count


def _place(items: list[_Item], rows: list[list[int]]) -> None:
    """x of every item: near the mean of its neighbours, in the order of the row."""
    for row in rows:
        total = sum(items[index].width for index in row) + _GAP * (len(row) - 1)
        x = -total / 2
        for index in row:
            items[index].x = x + items[index].width / 2
            x += items[index].width + _GAP
    lanes: dict[int, list[_Item]] = {}
    for item in items:
        if item.box is None:
            lanes.setdefault(item.source, []).append(item)
    for sweep in range(_SHIFTS):
        downwards = sweep % 2 == 0
        for row in rows if downwards else rows[::-1]:
            wishes, weights = [], []
            for index in row:
                item = items[index]
                neighbours = item.above + item.below if sweep >= 4 else (item.above if downwards else item.below)
                wish = sum(items[n].x for n in neighbours) / len(neighbours) if neighbours else item.x
                if item.box is None and sweep >= 4:  # all bends of a line at one place make it straight
                    lane = lanes[item.source]
                    wish = sum(bend.x for bend in lane) / len(lane)
                wishes.append(wish)
                weights.append(1.0 if item.box is not None else 8.0)
            widths = [items[index].width for index in row]
            for index, x in zip(row, nearest_places(wishes, widths, weights)):
                items[index].x = x


def nearest_places(wishes: Sequence[float], widths: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Middles in this order, with a gap between neighbours, with the smallest sum of weight * (middle - wish)^2.

    >>> nearest_places([0, 0], [10, 10], [1, 1])
    [-19.0, 19.0]
    """
    offsets = [0.0]
    for left, right in pairwise(widths):
        offsets.append(offsets[-1] + (left + right) / 2 + _GAP)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, members: neighbours that would overlap move together
    for wish, offset, weight in zip(wishes, offsets, weights):
        mean, total, members = wish - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, other_total, others = blocks.pop()
            mean = (mean * total + other * other_total) / (total + other_total)
            total, members = total + other_total, members + others
        blocks.append((mean, total, members))
    means = [mean for mean, _, members in blocks for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets)]


def _vertical(
    items: list[_Item], rows: list[list[int]], sizes: Sequence[tuple[float, float]]
) -> tuple[list[Box], list[tuple[float, float]]]:
    """The boxes, and (top, bottom) of each row; boxes hang from the top of their row."""
    bands: list[tuple[float, float]] = []
    for number, row in enumerate(rows):
        top = 0.0
        if bands:
            farthest = max((abs(items[i].x - items[n].x) for i in rows[number - 1] for n in items[i].below), default=0.0)
            top = bands[-1][1] + min(max(0.3 * farthest, _ROW_GAP[0]), _ROW_GAP[1])
        height = max(sizes[box][1] for box in (items[index].box for index in row) if box is not None)
        bands.append((top, top + height))
    boxes = []
    for (width, height), item in zip(sizes, items):
        boxes.append(Box(item.x - width / 2, bands[item.row][0], width, height))
    return boxes, bands


def _lines(
    items: list[_Item],
    boxes: list[Box],
    bands: list[tuple[float, float]],
    parents: Sequence[Sequence[int]],
    through: dict[tuple[int, int], int],
) -> list[Line]:
    """Every connection; arrows into one box arrive side by side, in the order in which they come."""
    lines = []
    for child, of_box in enumerate(parents):
        row, target = items[child].row, boxes[child]
        last = [items[through[parent, row - 1]] for parent in of_box]
        order = sorted(range(len(of_box)), key=lambda i: last[i].x)
        for position, i in enumerate(order):
            parent = of_box[i]
            points = [(boxes[parent].middle, boxes[parent].y + boxes[parent].height, bands[items[parent].row][1])]
            points += [(items[through[parent, r]].x, *bands[r]) for r in range(items[parent].row + 1, row)]
            x = target.middle + target.width * _SHARE * ((position + 0.5) / len(of_box) - 0.5)
            lines.append(Line(parent, child, [*points, (x, target.y, target.y)]))
    return lines
