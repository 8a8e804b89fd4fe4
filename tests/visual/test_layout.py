"""Rows, order and places of boxes, on graphs small enough to know the best answer."""

import random
from itertools import pairwise

import numpy as np
import pytest

from minidl.visual.layout import _GAP, crossings, layered, nearest_places


def test_rows_are_longest_paths_and_sources_stand_above_their_first_user():
    layout = layered([(50, 20)] * 5, [(), (0,), (1,), (), (2, 3)])
    tops = [box.y for box in layout.boxes]
    assert tops[0] < tops[1] < tops[2] < tops[4]
    assert tops[3] == tops[2]


def test_nearest_places_are_the_best_there_are():
    """Against a search over all ways to let neighbours touch: the optimum is one of them."""
    chance = random.Random(0)
    for _ in range(20):
        count = chance.randrange(2, 5)
        wishes = [chance.uniform(-100, 100) for _ in range(count)]
        widths = [chance.uniform(10, 50) for _ in range(count)]
        weights = [chance.choice([1.0, 8.0]) for _ in range(count)]
        gaps = [(a + b) / 2 + _GAP for a, b in pairwise(widths)]
        found = nearest_places(wishes, widths, weights)
        assert all(b - a >= gap - 1e-9 for (a, b), gap in zip(pairwise(found), gaps))
        best = np.inf
        for touching in range(2 ** (count - 1)):
            places, start = [0.0] * count, 0
            for end in range(1, count + 1):
                if end == count or not touching >> (end - 1) & 1:
                    offsets = np.concatenate([[0.0], np.cumsum(gaps[start : end - 1])])
                    middle = np.average(np.array(wishes[start:end]) - offsets, weights=weights[start:end])
                    places[start:end] = list(middle + offsets)
                    start = end
            if all(b - a >= gap - 1e-9 for (a, b), gap in zip(pairwise(places), gaps)):
                best = min(best, np.dot(weights, (np.array(places) - wishes) ** 2))
        assert np.dot(weights, (np.array(found) - wishes) ** 2) == pytest.approx(best)


class Item:
    def __init__(self, below):
        self.below = below


def test_crossings_are_counted():
    items = [Item([2, 3]), Item([2, 3]), Item([]), Item([])]
    assert crossings(items, [[0, 1], [2, 3]]) == 1
    assert crossings([Item([3]), Item([2]), Item([]), Item([])], [[0, 1], [2, 3]]) == 1
    assert crossings([Item([2]), Item([3]), Item([]), Item([])], [[0, 1], [2, 3]]) == 0


def test_rows_are_sorted_so_that_lines_do_not_cross():
    layout = layered([(40, 20)] * 7, [(), (0,), (0,), (0,), (3,), (1,), (2,)])
    across = [box.middle for box in layout.boxes]
    by_place = sorted((1, 2, 3), key=across.__getitem__)
    child = {1: 5, 2: 6, 3: 4}
    assert sorted((4, 5, 6), key=across.__getitem__) == [child[parent] for parent in by_place]
    assert all(across[child[parent]] == pytest.approx(across[parent]) for parent in child), "straight down"


def test_long_lines_pass_beside_boxes():
    sizes = [(60, 30), (200, 60), (40, 20), (120, 30), (60, 30)]
    parents = [(), (0,), (1,), (2, 0), (3, 0, 1)]
    layout = layered(sizes, parents)
    for line in layout.lines:
        for x, top, bottom in line.points[1:-1]:
            for box in layout.boxes:
                across = box.x < x < box.x + box.width
                down = box.y < bottom and top < box.y + box.height
                assert not (across and down), "a line through a box"
    assert sorted((line.source, line.target) for line in layout.lines) == sorted(
        (parent, child) for child, of_box in enumerate(parents) for parent in of_box
    )
    assert layout.width >= 200
    assert layout.height == max(box.y + box.height for box in layout.boxes)


def test_a_box_that_is_taken_twice_has_two_arrows():
    layout = layered([(60, 30), (60, 30)], [(), (0, 0)])
    tips = [line.points[-1][0] for line in layout.lines]
    assert len(set(tips)) == 2


def test_nothing_to_place():
    layout = layered([], [])
    assert (layout.boxes, layout.width, layout.height) == ([], 0, 0)
